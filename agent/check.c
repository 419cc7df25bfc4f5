/* The story of one --check. Invariants: nothing is read from standard input, nothing is sent that a
 * probe does not send, and no secret reaches the report. */
#include "agent/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/check_json.h"
#include "agent/check_text.h"
#include "base/interrupt.h"
#include "config/secret.h"
#include "smtp/probe.h"

enum { WIDTH_FALLBACK = 80 };

struct check {
    struct mail *mail;
    struct probe probe;
    bool chosen; /* an account */
};

/* --- how it is shown ------------------------------------------------------------------------- */

/* What the locale says of characters, by the rules of setlocale(3). */
static bool speaks_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] == '\0')
            continue;
        return strcasestr(value, "UTF-8") != NULL || strcasestr(value, "UTF8") != NULL;
    }
    return false;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static struct check_style find_style(void)
{
    struct check_style style = {0};
    const char *terminal = getenv("TERM");
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return style;
    bool has_size = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    style.width = has_size ? size.ws_col : WIDTH_FALLBACK;
    style.utf8 = speaks_utf8();
    style.color = !is_set("NO_COLOR") && terminal != NULL && strcmp(terminal, "dumb") != 0;
    return style;
}

/* What is waited for just now: overwritten by the next, and wiped by show_nothing. */
static void show_step(void *context, enum probe_kind kind)
{
    (void)context;
    printf("\r\033[K%s ...", probe_name(kind));
    fflush(stdout);
}

static void show_nothing(const struct check *check)
{
    if (check->probe.tell != NULL)
        fputs("\r\033[K", stdout);
}

static bool show(const struct check *check, const struct error *error)
{
    const struct call *call = check->mail->call;
    struct hint hint;
    struct buffer out = {0};
    struct check_style style = find_style();
    const struct account *account = check->chosen ? &check->mail->account : NULL;
    const char *file = call->settings.ini.path;
    bool hinted =
        error->exit_code != EX_OK && hint_find(check->probe.failed, error, account, &hint);
    struct check_report report = {
        .probe = &check->probe,
        .file = file != NULL ? file : "",
        .account = account,
        .envelope = &check->mail->envelope,
        .error = error,
        .hint = hinted ? &hint : NULL,
    };
    if (call->options.json)
        check_json_write(&report, &out);
    else
        check_text_write(&report, &style, &out);
    show_nothing(check);
    bool whole = !out.failed && fwrite(out.bytes, 1, out.length, stdout) == out.length;
    buffer_free(&out);
    return whole && fflush(stdout) == 0;
}

/* --- what is done ---------------------------------------------------------------------------- */

/* The recipients are optional here. */
static bool prepare(struct check *check, struct error *error)
{
    struct mail *mail = check->mail;
    struct call *call = mail->call;
    if (!call_load(call, error) || !mail_choose_account(mail, call->options.sender, error))
        return false;
    check->chosen = true;
    return (call->options.recipient_count == 0 || mail_add_recipients(mail, error)) &&
           call_leave_directory(error);
}

static bool configure(struct check *check, struct error *error)
{
    struct probe_step *step = probe_begin(&check->probe, PROBE_CONFIGURATION);
    bool good = prepare(check, error);
    const struct call *call = check->mail->call;
    struct text words;
    struct text_shown file, name;
    text_init(&words, step->words, sizeof step->words);
    if (good)
        text_add_format(&words, "%s, account %s",
                        text_show(&file, slice_of(call->settings.ini.path)),
                        text_show(&name, slice_of(account_shown_name(&check->mail->account))));
    probe_end(&check->probe, step, good ? NULL : error);
    return good;
}

/* Where the secret comes from; NULL where there is none to be fetched. */
static const char *secret_source(const struct account *account)
{
    if (account->password_command != NULL)
        return "password_command";
    if (account->password_file != NULL)
        return "password_file";
    return account->password != NULL ? "password in the configuration" : NULL;
}

static bool fetch_secret(struct check *check, struct error *error)
{
    struct mail *mail = check->mail;
    const char *source = secret_source(&mail->account);
    if (!interrupt_hold(error))
        return false;
    if (source == NULL)
        return secret_load(&mail->account, &mail->secret, error);
    struct probe_step *step = probe_begin(&check->probe, PROBE_PASSWORD);
    bool good = secret_load(&mail->account, &mail->secret, error);
    text_copy(step->words, sizeof step->words, source);
    probe_end(&check->probe, step, good ? NULL : error);
    return good;
}

static bool probe_account(struct check *check, struct error *error)
{
    struct mail *mail = check->mail;
    struct trace trace = mail_trace(mail->call);
    struct probe_request request = {
        .smarthost = &mail->account.smarthost, .envelope = &mail->envelope, .trace = &trace};
    if (mail->call->options.json)
        trace.line = NULL;
    bool good = probe_run(&check->probe, &request, error);
    sasl_wipe(&mail->secret);
    return good;
}

bool check_run(struct mail *mail, struct error *error)
{
    struct options *options = &mail->call->options;
    struct check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return error_set_memory(error);
    check->mail = mail;
    probe_init(&check->probe);
    if (find_style().color && !options->json && !options->verbose)
        check->probe.tell = show_step;
    bool good =
        configure(check, error) && fetch_secret(check, error) && probe_account(check, error);
    /* Where it could not be shown, standard error is what is left. */
    if (show(check, error))
        options->quiet = options->quiet || !good;
    free(check);
    return good;
}
