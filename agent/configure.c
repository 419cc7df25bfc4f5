/* The story of one configuration: whose it is, where it goes, which server, which login, the test,
 * the file (RFC 6186, RFC 8314). Invariants: a secret goes only where the certificate was verified
 * for a name that belongs to the address's domain, is known, or was agreed to by a person; a file
 * that is there stays unless a person agreed. */
#include "agent/configure.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/dialogue.h"
#include "agent/discover.h"
#include "agent/mail.h"
#include "agent/trial.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/install.h"
#include "base/interrupt.h"
#include "base/vault.h"
#include "config/draft.h"
#include "config/secret.h"
#include "config/value.h"
#include "message/address.h"
#include "net/places.h"

enum {
    DNS_TIMEOUT = 5000,
    CONNECT_TIMEOUT = 8000,
    REPLY_TIMEOUT = 30000,
    PASSWORD_SIZE = 1024,
    USER_SIZE = 512,
    DRAFT_SIZE = 16 * 1024,
    ATTEMPTS = 3
};

struct configure {
    struct call *call;
    bool asks; /* there is somebody to ask */
    char address[ADDRESS_SIZE];
    const char *domain; /* of the address, in ASCII */
    struct paths_choice target;
    bool replace; /* what is there: agreed to */
    char password_file[PATH_MAX];
    struct discover discover;
    const struct discover_offer *offer; /* the one to use */
    struct error reason;                /* of the first offer that exists and is no good */
    bool strangers;                     /* some were left out since nobody could be asked */
    char user[USER_SIZE];
    char *password; /* as typed, PASSWORD_SIZE bytes in a vault */
};

/* --- whose, and where it goes ---------------------------------------------------------------- */

static bool take_address(struct configure *configure, struct error *error)
{
    const char *given = configure->call->options.configured_address;
    struct text address;
    bool needs_utf8 = false;
    text_init(&address, configure->address, sizeof configure->address);
    if (!address_parse_one(slice_of(given), NULL, &address, &needs_utf8, error))
        return error_add_context(error, "usage: --configure");
    const char *at = strrchr(configure->address, '@');
    if (at == NULL || at[1] == '[')
        return error_set(error, EX_USAGE,
                         "usage: --configure takes your address, as in you@example.com");
    if (value_domain(slice_of(at + 1), &configure->domain, &configure->call->arena, error))
        return true;
    error->exit_code = EX_USAGE;
    return error_add_context(error, "usage: --configure: the domain of the address");
}

static bool choose_target(struct configure *configure, struct error *error)
{
    struct call *call = configure->call;
    struct paths paths;
    if (!paths_find(&paths, &call->arena, error))
        return false;
    if (call->options.config_file != NULL)
        configure->target =
            (struct paths_choice){.file = call->options.config_file, .origin = PATHS_GIVEN};
    else if (geteuid() == 0)
        configure->target =
            (struct paths_choice){.file = paths.system_file, .origin = PATHS_SYSTEM};
    else
        configure->target = (struct paths_choice){
            .file = paths.user_file, .origin = PATHS_USER, .home = paths.home};
    return configure->target.file != NULL ||
           error_set(error, EX_CANTCREAT,
                     "configure: you have no home for a configuration; name a file with --config");
}

/* What a link leads to is what would be replaced. */
static void print_existing(const char *file)
{
    char real[PATH_MAX];
    struct text_shown shown;
    printf("%s", text_show(&shown, slice_of(file)));
    if (realpath(file, real) != NULL && strcmp(real, file) != 0)
        printf(", which is %s,", text_show(&shown, slice_of(real)));
    puts(" is there already.");
}

/* Nobody is asked anything for a file that cannot be written in the end. */
static bool check_target(struct configure *configure, struct error *error)
{
    struct text_shown shown;
    struct stat status;
    const char *file = text_show(&shown, slice_of(configure->target.file));
    bool parents = configure->target.origin != PATHS_GIVEN;
    if (lstat(configure->target.file, &status) != 0)
        return install_is_possible(configure->target.file, parents, error) ||
               error_add_context(error, "configure");
    if (configure->asks) {
        print_existing(configure->target.file);
        if (!dialogue_confirm("Replace it, once the login has succeeded?", &configure->replace,
                              error))
            return error_add_context(error, "configure");
    }
    return configure->replace ||
           error_set(error, EX_CANTCREAT, "configure: %s is there already, and was not touched",
                     file);
}

/* --password-file by its whole name; whether it can be read is known before anybody is asked. */
static bool take_password_file(struct configure *configure, struct error *error)
{
    const char *given = configure->call->options.password_file;
    struct sasl_secret secret;
    struct text_shown shown;
    if (given == NULL)
        return true;
    if (configure->target.origin == PATHS_GIVEN && geteuid() != 0)
        return error_set(error, EX_USAGE,
                         "usage: --password-file goes with your own configuration, not with "
                         "--config");
    if (realpath(given, configure->password_file) == NULL)
        return error_set_errno(error, EX_CONFIG, "--password-file: %s",
                               text_show(&shown, slice_of(given)));
    struct account account = {.password_file = configure->password_file};
    bool done = secret_load(&account, &secret, error);
    sasl_wipe(&secret);
    return done;
}

/* --- which server ---------------------------------------------------------------------------- */

static void print_offer(const struct configure *configure, const struct discover_offer *offer)
{
    char origin_bytes[512];
    struct text origin;
    struct text_shown host;
    text_init(&origin, origin_bytes, sizeof origin_bytes);
    discover_describe(offer, configure->domain, &origin);
    printf("%s, port %u, %s (%s):", text_show(&host, slice_of(offer->host)), (unsigned)offer->port,
           offer->implicit ? "TLS" : "STARTTLS", origin_bytes);
    fflush(stdout);
}

/* A failure of one offer, in the list that is shown; the first one that is about a server which
 * exists is what the user hears at the end. */
static bool note_failure(struct configure *configure, const struct error *reason)
{
    printf(" no\n    %s\n", reason->sentence);
    bool nobody = reason->exit_code == EX_NOHOST;
    if (configure->reason.exit_code == EX_OK ||
        (!nobody && configure->reason.exit_code == EX_NOHOST))
        configure->reason = *reason;
    return false;
}

/* Whether the server is there, proves its name and offers a login. */
static bool try_offer(struct configure *configure, const struct discover_offer *offer)
{
    struct smarthost smarthost = {
        .dial = {.hosts = {offer->host},
                 .ports = {offer->port},
                 .connect_timeout = CONNECT_TIMEOUT,
                 .fallback_delay = CONNECT_TIMEOUT},
        .tls_mode = offer->implicit ? SMARTHOST_IMPLICIT : SMARTHOST_STARTTLS,
        .sasl = {.mechanism = "off"},
        .timeout = REPLY_TIMEOUT,
    };
    struct trace trace = mail_trace(configure->call);
    struct submit_report report;
    struct error reason;
    print_offer(configure, offer);
    if (!trial_run(&smarthost, &trace, &report, &reason))
        return note_failure(configure, &reason);
    printf(" yes, %s\n", report.tls_protocol);
    return true;
}

/* A name out of the domain, for which the DNS alone vouches: somebody must know it. */
static bool agree_to_stranger(const struct configure *configure, const struct discover_offer *offer,
                              bool *agreed, struct error *error)
{
    struct text_shown host;
    *agreed = false;
    printf("The DNS names %s for %s, but nothing proves that answer.\n",
           text_show(&host, slice_of(offer->host)), configure->domain);
    return dialogue_confirm("Is that your provider's server? Your password would go there.", agreed,
                            error);
}

/* Tries the offers from `first` on; true also when none is good, with no offer chosen. */
static bool try_offers(struct configure *configure, size_t first, struct error *error)
{
    const struct discover *discover = &configure->discover;
    for (size_t i = first; i < discover->count && configure->offer == NULL; i++) {
        const struct discover_offer *offer = &discover->offers[i];
        bool agreed = true;
        if (offer->origin == DISCOVER_STRANGER && !configure->asks) {
            print_offer(configure, offer);
            puts(" not tried, since nothing proves that answer");
            configure->strangers = true;
            continue;
        }
        bool good = try_offer(configure, offer);
        if (interrupt_came(error))
            return false;
        if (good && offer->origin == DISCOVER_STRANGER &&
            !agree_to_stranger(configure, offer, &agreed, error))
            return false;
        if (good && agreed)
            configure->offer = offer;
    }
    return true;
}

/* Somebody said that there is a server, and no name that we made up. */
static bool is_known(const struct discover *discover)
{
    enum discover_origin first = discover->count > 0 ? discover->offers[0].origin : DISCOVER_GUESS;
    return first == DISCOVER_RECORD || first == DISCOVER_PROVIDER;
}

static bool fail_without_server(const struct configure *configure, struct error *error)
{
    const struct discover *discover = &configure->discover;
    const char *domain = configure->domain;
    if (discover->closed != NULL)
        return error_set(error, EX_UNAVAILABLE, "configure: %s: %s", discover->closed->name,
                         discover->closed->note);
    if (configure->strangers)
        return error_set(error, EX_NOPERM,
                         "configure: only the DNS vouches for the server of %s; run --configure on "
                         "a terminal to agree to it",
                         domain);
    if (discover->dns.exit_code != EX_OK &&
        (configure->reason.exit_code == EX_OK || configure->reason.exit_code == EX_NOHOST))
        *error = discover->dns;
    else if (configure->reason.exit_code == EX_NOHOST && !is_known(discover))
        error_set(error, EX_NOHOST,
                  "nothing is known of %s; ask your provider for the name of "
                  "its server",
                  domain);
    else
        *error = configure->reason;
    return error_add_context(error, "configure: no server was found");
}

/* The answer as a host in a configuration would be; NULL where it is none, which is told. */
static const char *read_server(const struct configure *configure, struct slice answer)
{
    const char *hosts[2] = {NULL};
    struct error reason;
    bool read = value_hosts(answer, 1, hosts, &configure->call->arena, &reason);
    if (read && hosts[0] != NULL && places_domain(hosts[0]) == NULL)
        return hosts[0];
    printf("    %s\n", read ? "must be the name of a server itself" : reason.sentence);
    return NULL;
}

static bool ask_for_server(struct configure *configure, struct error *error)
{
    char bytes[DNS_NAME_SIZE];
    struct text answer;
    text_init(&answer, bytes, sizeof bytes);
    while (configure->offer == NULL) {
        size_t before = configure->discover.count;
        if (!dialogue_ask("Server, or provider, such as smtp.example.com or ionos.de (Enter to "
                          "give up)",
                          NULL, &answer, error))
            return error_add_context(error, "configure");
        if (answer.length == 0)
            return fail_without_server(configure, error);
        const char *server = read_server(configure, text_slice(&answer));
        if (server == NULL)
            continue;
        discover_add_answer(server, &configure->discover);
        if (!try_offers(configure, before, error))
            return error_add_context(error, "configure");
        if (before == configure->discover.count)
            return fail_without_server(configure, error);
    }
    return true;
}

static bool find_server(struct configure *configure, struct error *error)
{
    struct discover_question question = {.domain = configure->domain, .timeout = DNS_TIMEOUT};
    struct discover *discover = &configure->discover;
    discover_find(&question, discover);
    if (discover->dns.exit_code != EX_OK)
        printf("%s\n", discover->dns.sentence);
    if (!try_offers(configure, 0, error))
        return error_add_context(error, "configure");
    if (configure->offer != NULL)
        return true;
    if (!configure->asks || discover->closed != NULL)
        return fail_without_server(configure, error);
    return ask_for_server(configure, error);
}

/* --- which login, and its test --------------------------------------------------------------- */

static bool write_draft(const struct configure *configure, struct buffer *out, struct error *error)
{
    const struct discover_offer *offer = configure->offer;
    char origin_bytes[512];
    struct text origin;
    bool file = configure->password_file[0] != '\0';
    text_init(&origin, origin_bytes, sizeof origin_bytes);
    text_add(&origin, "The server: ");
    discover_describe(offer, configure->domain, &origin);
    text_add_byte(&origin, '.');
    struct draft draft = {
        .host = offer->host,
        .port = offer->port,
        .implicit = offer->implicit,
        .origin = origin_bytes,
        .note = offer->provider == NULL ? NULL : offer->provider->note,
        .user = configure->user,
        .password = file ? NULL : configure->password,
        .password_file = file ? configure->password_file : NULL,
        .from = configure->address,
    };
    return draft_write(&draft, out, error);
}

/* Logs in with what the loader makes of the text, as every mail will. */
static bool log_in(struct configure *configure, const char *path, struct error *error)
{
    struct paths_choice choice = configure->target;
    struct settings settings;
    struct sasl_secret secret;
    struct submit_report report;
    struct trace trace = mail_trace(configure->call);
    choice.file = path;
    bool done = settings_load(&settings, &choice, error) &&
                secret_load(&settings.accounts[0], &secret, error);
    if (done) {
        struct smarthost *smarthost = &settings.accounts[0].smarthost;
        smarthost->sasl.secret = &secret;
        done = trial_run(smarthost, &trace, &report, error);
    }
    sasl_wipe(&secret);
    settings_free(&settings);
    return done;
}

/* The text as a file that only this process can reach. */
static bool test_draft(struct configure *configure, struct slice text, struct error *error)
{
    char path[64];
    int fd = memfd_create("configuration", MFD_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, EX_OSERR, "configure: memory file");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool done = fchmod(fd, 0600) == 0 || error_set_errno(error, EX_OSERR, "configure: memory file");
    done = done && file_write_all(fd, text, error) && log_in(configure, path, error);
    close(fd);
    return done;
}

static bool ask_for_user(struct configure *configure, struct error *error)
{
    struct text user;
    text_init(&user, configure->user, sizeof configure->user);
    if (configure->asks)
        return dialogue_ask("User name", configure->address, &user, error) ||
               error_add_context(error, "configure");
    text_add(&user, configure->address);
    return true;
}

static bool ask_for_password(struct configure *configure, struct error *error)
{
    struct text password;
    if (configure->password_file[0] != '\0')
        return true;
    text_init(&password, configure->password, PASSWORD_SIZE);
    do {
        if (!dialogue_ask_secret("Password (not shown)", &password, error))
            return error_add_context(error, "configure");
    } while (password.length == 0);
    return true;
}

/* A user and a password that the server takes, and the text with them. */
static bool find_login(struct configure *configure, struct buffer *text, struct error *error)
{
    const struct providers_row *provider = configure->offer->provider;
    struct text_shown user;
    if (provider != NULL && provider->note != NULL)
        printf("%s: %s.\n", provider->name, provider->note);
    for (int attempt = 1;; attempt++) {
        explicit_bzero(text->bytes, text->length);
        buffer_clear(text);
        if (!ask_for_user(configure, error) || !ask_for_password(configure, error) ||
            !write_draft(configure, text, error))
            return false;
        printf("Logging in as %s:", text_show(&user, slice_of(configure->user)));
        fflush(stdout);
        struct error reason;
        bool done = test_draft(configure, buffer_slice(text), &reason);
        puts(done ? " yes" : " no");
        if (done)
            return true;
        if (!configure->asks || reason.exit_code != EX_NOPERM || attempt == ATTEMPTS) {
            *error = reason;
            return error_add_context(error, "configure");
        }
        printf("    %s\n", reason.sentence);
    }
}

/* --- the file -------------------------------------------------------------------------------- */

static bool write_file(const struct configure *configure, struct slice text, struct error *error)
{
    const char *file = configure->target.file;
    struct text_shown shown;
    bool given = configure->target.origin == PATHS_GIVEN;
    mode_t mode = configure->target.origin == PATHS_SYSTEM ? 0755 : 0700;
    if (!(given || install_parents(file, mode, error)) ||
        !install_file(file, text, configure->replace, error))
        return error_add_context(error, "configure");
    printf("Wrote %s.\n", text_show(&shown, slice_of(file)));
    if (configure->target.origin == PATHS_SYSTEM)
        puts("Only root can read it; every other user needs one of his own.");
    printf("Try it: echo Hello | sendmail %s%s%s\n", given ? "-C " : "", given ? shown.bytes : "",
           given ? " ADDRESS" : configure->address);
    return true;
}

static bool run(struct configure *configure, struct buffer *text, struct error *error)
{
    return interrupt_hold(error) && take_address(configure, error) &&
           choose_target(configure, error) && take_password_file(configure, error) &&
           check_target(configure, error) && find_server(configure, error) &&
           find_login(configure, text, error) && write_file(configure, buffer_slice(text), error);
}

bool configure_run(struct call *call, struct error *error)
{
    struct configure configure = {.call = call, .asks = !call->options.yes};
    struct buffer text;
    if (configure.asks && !dialogue_is_possible())
        return error_set(error, EX_USAGE,
                         "usage: --configure asks on a terminal; without one it needs --yes and "
                         "--password-file");
    configure.password = vault_allocate(PASSWORD_SIZE);
    bool done = vault_open_buffer(&text, DRAFT_SIZE) && configure.password != NULL
                    ? run(&configure, &text, error)
                    : error_set_memory(error);
    vault_free(text.bytes);
    vault_free(configure.password);
    return done;
}
