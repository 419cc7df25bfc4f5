/* sendmail: hands messages to the configured smarthost, or keeps them until it takes them. This
 * file tells the story of one call from its first line to its exit code, and is the only one that
 * prints failures and exits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/check.h"
#include "agent/configure.h"
#include "agent/mailq.h"
#include "agent/manage.h"
#include "agent/names.h"
#include "agent/rehearsal.h"
#include "agent/report.h"
#include "agent/runner.h"
#include "agent/session.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"
#include "config/keys.h"

#define VERSION "0.1"

static void print_line(const char *line)
{
    puts(line);
}

static void print_failure(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "sendmail: %s\n", sentence);
}

/* Whether what the caller pipes in is still to be read, lest he die of SIGPIPE. */
static bool input_is_waiting(const struct options *options, bool input_taken)
{
    return options->reads_input && options->input_file == NULL && !input_taken;
}

static bool open_input(const char *path, int *input, struct error *error)
{
    struct text_shown shown;
    *input = STDIN_FILENO;
    if (path == NULL)
        return true;
    *input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return *input >= 0 ||
           error_set_errno(error, EX_NOINPUT, "--file: %s", text_show(&shown, slice_of(path)));
}

/* From standard input to the smarthost or into the queue. `input_taken` becomes true when reading
 * began, which then drains what it leaves. */
static bool send_mail(struct mail *mail, bool *input_taken, struct error *error)
{
    struct call *call = mail->call;
    bool dry = call->options.mode == OPTIONS_DRY_RUN;
    int input;
    if (!call_load(call, error) || !open_input(call->options.input_file, &input, error) ||
        !call_leave_directory(error))
        return false;
    *input_taken = true;
    mail->note = dry ? rehearsal_note : NULL;
    if (!dry)
        mail_prepare(mail);
    if (!mail_read(mail, input, error) || !mail_choose_account(mail, call->options.sender, error) ||
        !mail_add_recipients(mail, error) || !mail_mend_header(mail, error))
        return false;
    if (dry)
        return rehearsal_show(mail, error);
    return interrupt_hold(error) && mail_submit(mail, error);
}

/* Whether all that was asked for could be shown. What was sent is sent, whoever hears of it. */
static bool finish_output(const struct options *options, struct error *error)
{
    errno = EIO;
    return options->mode == OPTIONS_SEND || (fflush(stdout) == 0 && !ferror(stdout)) ||
           error_set_errno(error, EX_IOERR, "standard output");
}

/* Does what the arguments ask for. */
static bool run(struct mail *mail, bool *input_taken, struct error *error)
{
    switch (mail->call->options.mode) {
    case OPTIONS_LIST:
    case OPTIONS_COUNT:
        return mailq_run(mail->call, error);
    case OPTIONS_SHOW:
    case OPTIONS_HOLD:
    case OPTIONS_RELEASE:
    case OPTIONS_REMOVE:
        return manage_run(mail->call, error);
    case OPTIONS_RUN:
        return runner_run(mail->call, error);
    case OPTIONS_CONFIGURE:
        return configure_run(mail->call, error);
    case OPTIONS_SESSION:
        return session_run(mail->call, VERSION, error);
    case OPTIONS_VERIFY:
        return names_verify(mail, error);
    case OPTIONS_ALIASES:
        return names_check(mail->call, print_failure, error);
    case OPTIONS_CHECK:
        return check_run(mail, error);
    case OPTIONS_HELP:
        options_write_help(print_line);
        return true;
    case OPTIONS_HELP_CONFIG:
        keys_write_help(print_line);
        return true;
    case OPTIONS_VERSION:
        print_line("sendmail " VERSION);
        return true;
    default:
        return send_mail(mail, input_taken, error);
    }
}

/* The first lines of every call. */
static bool start(struct options *options, int argc, char **argv, struct arena *arena,
                  struct error *error)
{
    if (!process_start(error))
        return false;
    bool understood = options_parse(options, argc, argv, arena, error);
    log_set_tag(options->tag);
    return understood;
}

/* A session logs each of its mails itself, and here only why it came to no good end. */
static bool is_for_the_log(const struct options *options, const struct error *error)
{
    bool failed_session = options->mode == OPTIONS_SESSION && error->exit_code != EX_OK;
    return options->mode == OPTIONS_SEND || failed_session;
}

int main(int argc, char **argv)
{
    struct call call = {.options.mode = OPTIONS_SEND};
    struct error error = {.exit_code = EX_OK};
    struct mail mail;
    bool input_taken = false;
    static const struct log_options until_configured = {.facility = LOG_MAIL};
    /* As long as the spool's group is ours, nothing of the caller's is looked at. */
    bool alone = helper_start(&call.helper, settings_load_queue, &error);
    log_open(&until_configured);
    mail_init(&mail, &call);
    if (!alone || !start(&call.options, argc, argv, &call.arena, &error) ||
        !run(&mail, &input_taken, &error) || !finish_output(&call.options, &error)) {
        if (input_is_waiting(&call.options, input_taken))
            process_drain(STDIN_FILENO);
        if (!call.options.quiet)
            print_failure(NULL, error.sentence);
    }
    if (is_for_the_log(&call.options, &error))
        report_mail(&mail, &error);
    runner_go_on(&mail);
    mail_free(&mail);
    call_free(&call);
    return error.exit_code;
}
