/* Addresses are judged by the same functions that judge a mail's recipients. */
#include "agent/names.h"

#include <stdio.h>

#include "config/keys.h"

/* "root... deliverable: mailer relay, host smtp.example.com, user ops@example.com" */
static void print_targets(const struct mail *mail, struct slice written,
                          const struct local_targets *targets)
{
    const char *host = mail->account.smarthost.dial.hosts[0];
    for (size_t i = 0; i < targets->count; i++) {
        const struct local_target *target = &targets->targets[i];
        struct text_shown name, user, via;
        printf("%s... deliverable: mailer relay, host %s, user %s", text_show(&name, written),
               host != NULL ? host : "", text_show(&user, slice_of(target->address)));
        if (target->via != NULL)
            printf(" (%s)", text_show(&via, slice_of(target->via)));
        putchar('\n');
    }
}

static void print_failure(struct slice written, const struct error *error)
{
    struct text_shown name;
    printf("%s... undeliverable: %s\n", text_show(&name, written), error->sentence);
}

/* Nothing at all in an argument is an error, behind its last mailbox an end. */
static bool next_mailbox(struct slice *rest, struct address_mailbox *mailbox, bool first,
                         bool *found, struct error *error)
{
    struct slice argument = *rest;
    struct text_shown shown;
    if (!address_check_controls(*rest, error) || !address_next(rest, mailbox, found, error))
        return false;
    return *found || !first ||
           error_set(error, EX_USAGE, "there is no address in \"%s\"", text_show(&shown, argument));
}

/* The mailboxes of one argument; `first` keeps the first failure. */
static void verify(struct mail *mail, const char *argument, struct error *first)
{
    struct slice rest = slice_of(argument);
    struct address_mailbox mailbox;
    struct local_targets targets = {0};
    struct error error;
    bool found = true, good = true;
    for (bool begins = true; good && found; begins = false) {
        struct slice written = slice_trim(rest);
        good = next_mailbox(&rest, &mailbox, begins, &found, &error);
        if (good && !found)
            break;
        written = good ? mailbox.whole : written;
        if (good && local_resolve(&mail->call->settings.local, &mailbox, &targets, &error)) {
            print_targets(mail, written, &targets);
            continue;
        }
        print_failure(written, &error);
        if (first->exit_code == EX_OK)
            *first = error;
    }
    local_targets_free(&targets);
}

bool names_verify(struct mail *mail, struct error *error)
{
    const struct options *options = &mail->call->options;
    if (!call_load(mail->call, error) || !mail_choose_account(mail, options->sender, error))
        return false;
    *error = (struct error){.exit_code = EX_OK};
    for (size_t i = 0; i < options->recipient_count; i++)
        verify(mail, options->recipients[i], error);
    return error->exit_code == EX_OK;
}

bool names_check(struct call *call, void (*complain)(void *context, const char *sentence),
                 struct error *error)
{
    struct aliases_check result = {0};
    const char *file;
    bool loaded = call_load(call, error);
    /* Packages run newaliases when they are installed, before anybody has configured anything. */
    if (call->unconfigured) {
        call->settings.local.aliases_file = keys_find("local", "aliases")->fallback;
        *error = (struct error){.exit_code = EX_OK};
    }
    if ((!loaded && !call->unconfigured) ||
        !local_check(&call->settings.local, complain, NULL, &result, error))
        return false;
    file = call->settings.local.aliases_file;
    if (call->options.verbose)
        printf("%s: %zu aliases\n", file != NULL ? file : "no alias file", result.names);
    return true;
}
