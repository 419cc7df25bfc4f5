/* --dry-run: all that can be told without a connection, and the message in the form in which it
 * would go out. */
#include "agent/rehearsal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/secret.h"
#include "message/address.h"
#include "message/mime.h"
#include "message/wire.h"

void rehearsal_note(void *context, const char *sentence)
{
    (void)context;
    printf("changed: %s\n", sentence);
}

static void print_words(const char *label, const char *const *words)
{
    fputs(label, stdout);
    for (; *words != NULL; words++)
        printf(" %s", *words);
    putchar('\n');
}

static void print_account(const struct mail *mail)
{
    const struct account *account = &mail->account;
    const struct smarthost *smarthost = &account->smarthost;
    static const char *const modes[] = {[SMARTHOST_STARTTLS] = "STARTTLS",
                                        [SMARTHOST_IMPLICIT] = "implicit TLS",
                                        [SMARTHOST_CLEAR] = "no TLS"};
    printf("configuration: %s\naccount: %s\n", mail->call->settings.ini.path,
           account_shown_name(account));
    print_words("smarthost:", smarthost->dial.hosts);
    fputs("ports:", stdout);
    for (const uint16_t *port = smarthost->dial.ports; *port != 0; port++)
        printf(" %u", (unsigned)*port);
    printf(", %s\nlogin: %s\n", modes[smarthost->tls_mode],
           smarthost->sasl.user ? smarthost->sasl.user : "none");
}

/* Files without which the mail would fail. A command is not run for a rehearsal. */
static void note_files(struct mail *mail)
{
    const struct account *account = &mail->account;
    const char *ca_file = account->smarthost.tls.ca_file;
    struct text_shown shown;
    struct error error;
    if (ca_file != NULL && access(ca_file, R_OK) != 0) {
        error_set_errno(&error, EX_CONFIG, "tls_ca_file: %s", text_show(&shown, slice_of(ca_file)));
        printf("note: %s\n", error.sentence);
    }
    if (account->password_file != NULL && !secret_load(account, &mail->secret, &error))
        printf("note: %s\n", error.sentence);
    sasl_wipe(&mail->secret);
}

/* Where the sender is another one than was asked for, or one that servers hardly take. */
static void note_sender(const struct mail *mail)
{
    const char *sender = mail->envelope.sender, *at = strrchr(sender, '@');
    char buffer[ADDRESS_SIZE];
    const char *written = mail->call->options.sender;
    struct text requested;
    struct error ignored;
    text_init(&requested, buffer, sizeof buffer);
    if (written != NULL && mail_parse_sender(mail, written, &requested, &ignored) &&
        strcmp(buffer, sender) != 0)
        printf("sender: %s instead of %s (allow_from_override)\n", sender, buffer);
    if (at != NULL && at[1] != '[' && strchr(at, '.') == NULL)
        printf("note: sender %s has no real domain; set from, or [local] domain\n", sender);
}

/* The parameters are those that a server with DSN gets. */
static void print_recipient(const struct recipient *recipient)
{
    char notify_bytes[64];
    struct text notify;
    const char *written = recipient->original;
    text_init(&notify, notify_bytes, sizeof notify_bytes);
    dsn_add_notify(&notify, recipient->notify);
    printf("RCPT TO:<%s>", recipient->address);
    if (notify.length > 0)
        printf(" NOTIFY=%s", notify_bytes);
    if (written != NULL)
        printf(" (for %s)", strchr(written, ';') + 1);
    putchar('\n');
}

static void print_envelope(const struct mail *mail)
{
    static const char *const returned[] = {[DSN_RETURN_UNSET] = "",
                                           [DSN_RETURN_FULL] = " RET=FULL",
                                           [DSN_RETURN_HEADERS] = " RET=HDRS"};
    const struct message *message = &mail->message;
    const struct envelope *envelope = &mail->envelope;
    bool eight_bit = message->body_8bit || message->header_8bit;
    printf("MAIL FROM:<%s> SIZE=%llu%s%s%s%s%s\n", envelope->sender,
           (unsigned long long)message_size(message), eight_bit ? " BODY=8BITMIME" : "",
           envelope->needs_utf8 ? " SMTPUTF8" : "", returned[envelope->returned],
           envelope->id != NULL ? " ENVID=" : "", envelope->id != NULL ? envelope->id : "");
    for (size_t i = 0; i < envelope->count; i++)
        print_recipient(&envelope->recipients[i]);
}

/* --dry-run: the octets that a server with 8BITMIME would get, with the line ends of this system.
 */
static bool show_message(struct mail *mail, struct error *error)
{
    struct wire wire;
    struct slice octets = {0};
    bool good;
    puts("message, as a server that offers 8BITMIME gets it:\n");
    wire_open(&wire, &mail->message, false);
    while ((good = wire_next(&wire, &octets, error)) && octets.length > 0)
        for (size_t i = 0; i < octets.length; i++)
            if (octets.bytes[i] != '\r')
                putchar(octets.bytes[i]);
    wire_close(&wire);
    return good;
}

/* What is left to the conversation, done as for a server that offers 8BITMIME. */
static bool encode_body(struct mail *mail, struct error *error)
{
    struct mime_facts facts;
    char added_bytes[MIME_NOTE_SIZE], encoded_bytes[MIME_NOTE_SIZE];
    struct text added, encoded;
    text_init(&added, added_bytes, sizeof added_bytes);
    text_init(&encoded, encoded_bytes, sizeof encoded_bytes);
    if (!mime_label(&mail->message, &facts, &added, error) ||
        !mime_fit(&mail->message, &facts, true, &encoded, error))
        return false;
    if (added.length > 0)
        rehearsal_note(NULL, added.bytes);
    if (encoded.length > 0)
        puts(encoded.bytes);
    return true;
}

bool rehearsal_show(struct mail *mail, struct error *error)
{
    if (!encode_body(mail, error))
        return false;
    print_account(mail);
    note_files(mail);
    note_sender(mail);
    print_envelope(mail);
    return show_message(mail, error);
}
