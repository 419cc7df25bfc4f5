/* In the system's spool an entry's file is written by its owner, and every word in it is only his:
 * so all that was judged when it was queued is judged again. Invariant: mail.envelope borrows what
 * entry.envelope owns. */
#include "agent/load.h"

#include <stdlib.h>
#include <string.h>

#include "message/address.h"

enum spool_opened load_open(struct load **load, struct call *call, const char *id,
                            struct error *error)
{
    struct load *made = calloc(1, sizeof *made);
    *load = NULL;
    if (made == NULL) {
        error_set_memory(error);
        return SPOOL_FAILURE;
    }
    enum spool_opened opened = entry_open(&call->spool, SPOOL_QUEUE, id, true, &made->entry, error);
    if (opened != SPOOL_OPENED) {
        free(made);
        return opened;
    }
    mail_init(&made->mail, call);
    made->mail.person = &made->owner;
    made->item = (struct convoy_item){.message = &made->mail.message,
                                      .envelope = &made->entry.envelope,
                                      .report = &made->mail.report};
    made->refused = envelope_count(&made->entry.envelope, RECIPIENT_REFUSED);
    made->final = load_count_final(made);
    *load = made;
    return SPOOL_OPENED;
}

/* As if it had been given with -f: no account lets its users do more by way of the queue. */
static bool judge_sender(struct load *load, const struct account_request *request,
                         struct error *error)
{
    char buffer[ADDRESS_SIZE];
    struct text sender;
    struct envelope *envelope = &load->entry.envelope;
    text_init(&sender, buffer, sizeof buffer);
    return account_sender(load->account, &load->mail.call->settings, request, &sender, error) &&
           (strcmp(buffer, envelope->sender) == 0 || envelope_set_sender(envelope, buffer, error));
}

bool load_choose_account(struct load *load, struct error *error)
{
    const struct settings *settings = &load->mail.call->settings;
    if (!account_find_owner(&load->owner, load->entry.owner, &load->arena, error))
        return false;
    struct account_request request = {.login = load->owner.login,
                                      .name = load->entry.about.account,
                                      .sender = load->entry.envelope.sender};
    if (!account_choose(settings, &request, &load->account, error))
        return false;
    load->mail.account = *load->account;
    load->mail.account.smarthost.sasl.secret = NULL; /* the connection has it */
    submit_begin_report(&load->mail.report, &load->account->smarthost);
    load->judged = judge_sender(load, &request, error);
    return load->judged;
}

bool load_find_sender(struct load *load, struct error *error)
{
    const struct settings *settings = &load->mail.call->settings;
    char buffer[ADDRESS_SIZE];
    struct text sender;
    struct error ignored;
    if (load->judged || load_choose_account(load, &ignored))
        return true;
    if (load->owner.login == NULL)
        return error_set(error, EX_OSERR, "queue: %s: its owner is not known", load->entry.id);
    text_init(&sender, buffer, sizeof buffer);
    load->judged = account_default_sender(&settings->accounts[0], settings, load->owner.login,
                                          &sender, error) &&
                   envelope_set_sender(&load->entry.envelope, buffer, error);
    return load->judged;
}

size_t load_count_final(const struct load *load)
{
    const struct envelope *envelope = &load->entry.envelope;
    return envelope_count(envelope, RECIPIENT_ACCEPTED) +
           envelope_count(envelope, RECIPIENT_REFUSED);
}

const struct mail *load_mail(struct load *load)
{
    load->mail.envelope = load->entry.envelope;
    return &load->mail;
}

bool load_read(struct load *load, bool *damaged, struct error *error)
{
    bool read = entry_read_message(&load->entry, &load->mail.message, error);
    *damaged = !read && error->exit_code == EX_DATAERR;
    for (size_t i = 0; i < load->entry.envelope.count; i++)
        if (load->entry.envelope.recipients[i].state == RECIPIENT_DEFERRED)
            load->entry.envelope.recipients[i].state = RECIPIENT_PENDING;
    load_mail(load);
    return read && mail_mend_header(&load->mail, error);
}

void load_free(struct load *load)
{
    if (load == NULL)
        return;
    load->mail.envelope = (struct envelope){0};
    mail_free(&load->mail);
    entry_close(&load->entry);
    arena_free(&load->arena);
    free(load);
}
