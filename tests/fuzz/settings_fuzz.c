/* Property: a configuration is refused with a sentence fit to be shown that
 * never repeats a value, or what came of it is as the table of keys promises. The first octet
 * chooses: a whole file, or the value of one key, which the second names.
 *
 * A value that has the word below in it stands for all that may be secret. */
#include "tests/fuzz/fuzz.h"

#include "config/member.h"
#include "config/settings.h"
#include "message/address.h"

static const char secret[] = "hunter2-hunter2";

/* --- one value -------------------------------------------------------------------------------- */

static void check_number(const struct keys_row *row, const char *base)
{
    int64_t value;
    if (row->type != KEYS_DURATION && row->type != KEYS_SIZE && row->type != KEYS_NUMBER)
        return;
    memcpy(&value, base + row->offset, sizeof value);
    demand(value >= row->range.minimum && value <= row->range.maximum);
}

static void check_string(const struct keys_row *row, const char *base)
{
    const char *value;
    struct error error;
    memcpy(&value, base + row->offset, sizeof value);
    if (value == NULL)
        return;
    if (row->type == KEYS_PATH || row->type == KEYS_ALIASES)
        demand(value[0] == '/');
    if (row->type == KEYS_SECRET_FILE)
        demand(value[0] == '/' || strncmp(value, "$CREDENTIALS_DIRECTORY/", 23) == 0);
    if (row->type == KEYS_HELO || row->type == KEYS_DOMAIN)
        for (const char *c = value; *c != '\0'; c++)
            demand(*c > ' ' && *c < 0x7f);
    if (row->type == KEYS_RECIPIENT) {
        char bytes[ADDRESS_SIZE];
        struct text text;
        bool utf8;
        text_init(&text, bytes, sizeof bytes);
        demand(address_parse_one(slice_of(value), NULL, &text, &utf8, &error));
        demand(strcmp(bytes, value) == 0 && strchr(value, '@') != NULL);
    }
}

static void check_member(const struct keys_row *row, const char *base)
{
    check_number(row, base);
    switch (row->type) {
    case KEYS_PATH:
    case KEYS_ALIASES:
    case KEYS_SECRET_FILE:
    case KEYS_HELO:
    case KEYS_DOMAIN:
    case KEYS_RECIPIENT:
        check_string(row, base);
        break;
    default:
        break;
    }
}

static void try_value(unsigned char number, struct slice bytes)
{
    static union {
        struct account account;
        struct settings settings;
        char bytes[1];
    } base;
    size_t count;
    const struct keys_row *row = &keys_table(&count)[number % count];
    struct arena arena = {0};
    struct error error = {.exit_code = EX_OK};
    char *value = malloc(bytes.length + 1);
    demand(value != NULL);
    memcpy(value, bytes.bytes, bytes.length);
    value[bytes.length] = '\0';
    memset(&base, 0, sizeof base);
    const struct member_place place = {.base = base.bytes, .home = "/home/user", .arena = &arena};
    if (member_store(row, value, &place, &error)) {
        check_member(row, base.bytes);
    } else {
        demand(error.exit_code == EX_CONFIG && error.sentence[0] != '\0');
        fuzz_check_printable(error.sentence);
        demand(strstr(error.sentence, secret) == NULL);
    }
    arena_free(&arena);
    free(value);
}

/* --- a file ----------------------------------------------------------------------------------- */

/* Names of sections and keys are shown. */
static bool is_value_alone(struct slice file)
{
    struct slice line;
    while (slice_cut(&file, '\n', &line)) {
        struct slice name = slice_to(line, slice_find(line, '='));
        struct slice start = slice_trim(line);
        if (memmem(name.bytes, name.length, secret, sizeof secret - 1) != NULL ||
            (start.length > 0 && start.bytes[0] == '['))
            return false;
    }
    return true;
}

static void check_account(const struct account *account)
{
    const struct smarthost *smarthost = &account->smarthost;
    demand(account->name != NULL && account->allow_from_override != NULL);
    demand(smarthost->dial.hosts[0] != NULL && smarthost->dial.ports[0] != 0);
    demand((account->password != NULL) + (account->password_file != NULL) +
               (account->password_command != NULL) <=
           1);
    demand((smarthost->tls.cert == NULL) == (smarthost->tls.key == NULL));
    demand(account->password == NULL || account->password[0] != '\0');
}

static void try_file(struct slice bytes)
{
    /* What the host is called is not looked up. */
    static const char front[] = "[local]\ndomain = example.com\n";
    static struct settings settings;
    struct error error = {.exit_code = EX_OK};
    struct buffer content = {0};
    char path[64];
    buffer_add_string(&content, front);
    buffer_add(&content, bytes);
    int fd = fuzz_file(buffer_slice(&content));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    demand(fchmod(fd, 0600) == 0);
    const struct paths_choice choice = {
        .file = path, .origin = PATHS_USER, .spool = "/home/user/queue", .home = "/home/user"};
    if (settings_load(&settings, &choice, &error)) {
        demand(settings.account_count >= 1 && settings.account_count <= SETTINGS_ACCOUNTS_MAX);
        for (size_t i = 0; i < settings.account_count; i++)
            check_account(&settings.accounts[i]);
        demand(strcmp(settings.local_domain, "example.com") == 0 && !settings.queue.shared);
    } else {
        demand(error.exit_code == EX_CONFIG && error.sentence[0] != '\0');
        fuzz_check_printable(error.sentence);
        demand(!is_value_alone(bytes) || strstr(error.sentence, secret) == NULL);
    }
    settings_free(&settings);
    buffer_free(&content);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    struct slice rest = slice_make((const char *)bytes + 2, size - 2);
    if (bytes[0] % 2 == 0)
        try_file(rest);
    else
        try_value(bytes[1], rest);
    return 0;
}
