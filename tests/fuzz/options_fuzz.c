/* Property: whatever words a command line has, it is refused as such with a sentence fit to be
 * shown, or what was understood keeps its promises; what touches more than one message is never
 * taken together with what callers pass on with strangers' text; and nothing is read beyond a word.
 * The first octet says under which name it is called, whole words are divided by NUL. */
#include "tests/fuzz/fuzz.h"

#include "config/letters.h"
#include "queue/spool.h"

enum { WORDS_MOST = 64 };

/* Each in memory of its own. */
static int make_words(const uint8_t *bytes, size_t size, char *words[WORDS_MOST])
{
    static const char *const names[] = {"sendmail", "mailq", "newaliases", "/usr/sbin/sendmail",
                                        ""};
    struct slice rest = slice_make((const char *)bytes + 1, size - 1), word;
    int count = 0;
    words[count++] = strdup(names[bytes[0] % (sizeof names / sizeof names[0])]);
    while (count < WORDS_MOST - 1 && slice_cut(&rest, '\0', &word))
        words[count++] = strndup(word.length > 0 ? word.bytes : "", word.length);
    words[count] = NULL;
    return count;
}

static bool is_ours(const struct options *options)
{
    switch (options->mode) {
    case OPTIONS_SHOW:
    case OPTIONS_HOLD:
    case OPTIONS_RELEASE:
    case OPTIONS_REMOVE:
    case OPTIONS_CHECK:
    case OPTIONS_CONFIGURE:
        return true;
    default:
        return options->input_file != NULL;
    }
}

static bool is_word_of(const char *place, char *words[], int count)
{
    for (int i = 0; i < count; i++)
        if (place >= words[i] && place <= words[i] + strlen(words[i]))
            return true;
    return false;
}

static void check_run(const struct options_run *run)
{
    demand(run->interval >= 0 && run->interval <= 366LL * 24 * 3600 * 1000);
    demand((run->match == OPTIONS_MATCH_ALL) == (run->text == NULL));
    demand(run->text == NULL || run->text[0] != '\0');
    demand(run->match != OPTIONS_MATCH_ID || spool_is_id(slice_of(run->text)));
}

static void check(const struct options *options, char *words[], int count)
{
    struct error error;
    demand(!is_ours(options) || (!options->ignore_dots && options->mode != OPTIONS_SESSION));
    demand(options->mode != OPTIONS_CONFIGURE ||
           (!options->from_header && options->sender == NULL && options->recipient_count == 0));
    demand(options->tag == NULL || letters_check_tag(options->tag, &error));
    demand(options->envelope_id == NULL || dsn_check_id(slice_of(options->envelope_id), &error));
    demand((options->notify & DSN_NEVER) == 0 || options->notify == DSN_NEVER);
    demand(options->entry_id == NULL || spool_is_id(slice_of(options->entry_id)));
    demand((options->entry_id != NULL) ==
           (options->mode == OPTIONS_SHOW || options->mode == OPTIONS_HOLD ||
            options->mode == OPTIONS_RELEASE || options->mode == OPTIONS_REMOVE));
    demand(options->mode != OPTIONS_VERIFY || options->recipient_count > 0);
    demand((options->mode == OPTIONS_CONFIGURE) == (options->configured_address != NULL));
    demand(!options->yes || options->password_file != NULL);
    check_run(&options->run);
    for (size_t i = 0; i < options->recipient_count; i++)
        demand(is_word_of(options->recipients[i], words, count));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct options options;
    struct arena arena = {0};
    struct error error = {.exit_code = EX_OK};
    char *words[WORDS_MOST];
    if (size == 0)
        return 0;
    int count = make_words(bytes, size, words);
    if (options_parse(&options, count, words, &arena, &error)) {
        check(&options, words, count);
    } else {
        demand(error.exit_code == EX_USAGE && error.sentence[0] != '\0');
        fuzz_check_printable(error.sentence);
    }
    arena_free(&arena);
    for (int i = 0; i < count; i++)
        free(words[i]);
    return 0;
}
