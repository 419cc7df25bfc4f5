/* Property: what a reply to EHLO is understood to say is what a plain reading of it finds; and
 * whatever mechanisms it names, the one that is chosen is among them word for word, and none lets
 * whoever listens log in, but on this machine, to a port that only root can listen on, by name. The
 * first octet says what the channel is like, the second which mechanism is asked for. */
#include "tests/fuzz/fuzz.h"

#include "smtp/capability.h"
#include "smtp/sasl/sasl.h"

/* No TLS session to bind to is needed to choose. */
#include "tests/smtp/sasl/binding.h"

static const char *const wanted[] = {
    "auto",          "plain",         "login",
    "cram-md5",      "scram-sha-1",   "scram-sha-1-plus",
    "scram-sha-256", "scram-sha-512", "scram-sha-256-plus",
    "external",      "xoauth2",       "oauthbearer",
    "off",           "nonsense",
};

enum { WANTED = sizeof wanted / sizeof wanted[0] };

static bool is_space(char octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

/* The word at `at`, which moves behind it; empty at the end. */
static struct slice read_word(struct slice line, size_t *at)
{
    while (*at < line.length && is_space(line.bytes[*at]))
        ++*at;
    size_t start = *at;
    while (*at < line.length && !is_space(line.bytes[*at]))
        ++*at;
    return slice_make(line.bytes + start, *at - start);
}

static bool has_word(struct slice line, size_t at, struct slice wanted_word)
{
    struct slice word;
    while ((word = read_word(line, &at)).length > 0)
        if (slice_equals(word, wanted_word))
            return true;
    return false;
}

/* Whether a line behind the first begins with this word. */
static bool says(struct slice text, const char *keyword)
{
    bool first = true, found = false;
    for (size_t start = 0; start < text.length; first = false) {
        struct slice line = slice_from(text, start);
        line = slice_to(line, slice_find(line, '\n'));
        size_t at = 0;
        struct slice word = read_word(line, &at);
        found = found || (!first && slice_equals_nocase(word, slice_of(keyword)));
        start += line.length + 1;
    }
    return found;
}

/* Behind "AUTH" or "AUTH=" of some line. */
static bool is_offered(struct slice text, struct slice mechanism)
{
    bool first = true, found = false;
    for (size_t start = 0; start < text.length; first = false) {
        struct slice line = slice_from(text, start);
        line = slice_to(line, slice_find(line, '\n'));
        size_t at = 0;
        struct slice word = read_word(line, &at);
        if (!first && slice_starts_nocase(word, "AUTH="))
            at -= word.length - 5;
        if (!first &&
            (slice_starts_nocase(word, "AUTH=") || slice_equals_nocase(word, slice_of("AUTH"))))
            found = found || has_word(line, at, mechanism);
        start += line.length + 1;
    }
    return found;
}

static void check_mechanisms(const struct capability *capability, struct slice text)
{
    size_t length = strnlen(capability->mechanisms, sizeof capability->mechanisms);
    struct slice line = slice_make(capability->mechanisms, length), word;
    size_t at = 0;
    demand(length < sizeof capability->mechanisms);
    while ((word = read_word(line, &at)).length > 0)
        demand(is_offered(text, word));
}

static void check_choice(const struct capability *capability, unsigned facts, const char *name)
{
    static struct sasl_secret secret = {.bytes = "password", .length = 8};
    const struct sasl_options options = {.mechanism = name, .user = "user", .secret = &secret};
    const struct sasl_channel channel = {.encrypted = facts & 1,
                                         .loopback = facts & 2,
                                         .privileged_port = facts & 4,
                                         .client_certificate = facts & 8,
                                         .host = "mail.example",
                                         .port = 587,
                                         .offered = slice_of(capability->mechanisms)};
    struct error error = {.exit_code = EX_OK};
    bindings_available = channel.encrypted ? facts >> 4 & 3 : 0;
    const struct sasl_mechanism *chosen = sasl_choose(&options, &channel, &error);
    if (chosen == NULL) {
        demand(error.exit_code == EX_NOPERM || error.exit_code == EX_CONFIG);
        fuzz_check_printable(error.sentence);
        return;
    }
    bool automatic = strcmp(name, "auto") == 0, among = false;
    size_t at = 0;
    struct slice word;
    while ((word = read_word(channel.offered, &at)).length > 0)
        among = among || slice_equals_nocase(word, slice_of(chosen->name));
    demand(among);
    demand(automatic || slice_equals_nocase(slice_of(name), slice_of(chosen->name)));
    demand(!automatic || !chosen->token);
    demand(!chosen->reusable_secret || channel.encrypted ||
           (channel.loopback && channel.privileged_port && !automatic && !chosen->token));
    demand(!chosen->binds || bindings_available != 0);
    demand(!chosen->certificate || channel.client_certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct capability capability;
    if (size < 2)
        return 0;
    struct slice text = slice_make((const char *)bytes + 2, size - 2);
    char *own = fuzz_copy(text);
    text.bytes = own;
    /* A reply with a NUL is none (smtp/reply.c). */
    for (size_t i = 0; i < text.length; i++)
        own[i] = own[i] == '\0' ? '?' : own[i];
    capability_parse(&capability, text);
    demand(capability.pipelining == says(text, "PIPELINING"));
    demand(capability.eight_bit == says(text, "8BITMIME"));
    demand(capability.smtputf8 == says(text, "SMTPUTF8"));
    demand(capability.chunking == says(text, "CHUNKING"));
    demand(capability.starttls == says(text, "STARTTLS"));
    demand(capability.dsn == says(text, "DSN"));
    demand(capability.size == says(text, "SIZE"));
    demand(capability.rcpt_limit <= 999999 && capability.mail_limit <= 999999);
    check_mechanisms(&capability, text);
    check_choice(&capability, bytes[0], wanted[bytes[1] % WANTED]);
    free(own);
    return 0;
}
