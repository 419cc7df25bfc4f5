/* Goal: every legal reply is understood, however it is cut into pieces, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "smtp/reply.h"

static const struct mask no_mask;

static void parses(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum reply_status status;
        int code;
        const char *enhanced, *words;
        size_t left; /* octets not taken */
    } rows[] = {
        {"250 ok\r\n", REPLY_COMPLETE, 250, "", "250 ok", 0},
        {"250\r\n", REPLY_COMPLETE, 250, "", "250", 0},
        {"250 \r\n", REPLY_COMPLETE, 250, "", "250", 0},
        {"250 ok\n", REPLY_COMPLETE, 250, "", "250 ok", 0},
        {"250-a\r\n250 b\r\n", REPLY_COMPLETE, 250, "", "250 a b", 0},
        {"250-a\r\n250\r\n", REPLY_COMPLETE, 250, "", "250 a", 0},
        {"250-\r\n250-\r\n250 b\r\n", REPLY_COMPLETE, 250, "", "250 b", 0},
        {"250 a\r\n250 b\r\n", REPLY_COMPLETE, 250, "", "250 a", 7},
        {"550 5.1.1 no such user\r\n", REPLY_COMPLETE, 550, "5.1.1", "550 5.1.1 no such user", 0},
        {"535-5.7.8 Bad\r\n535 5.7.8 https://x\r\n", REPLY_COMPLETE, 535, "5.7.8",
         "535 5.7.8 Bad https://x", 0},
        {"250 2.0.0\r\n", REPLY_COMPLETE, 250, "2.0.0", "250 2.0.0", 0},
        {"452 4.999.999 x\r\n", REPLY_COMPLETE, 452, "4.999.999", "452 4.999.999 x", 0},
        {"550 4.1.1 class differs\r\n", REPLY_COMPLETE, 550, "", "550 4.1.1 class differs", 0},
        {"550 5.1. x\r\n", REPLY_COMPLETE, 550, "", "550 5.1. x", 0},
        {"550 5.1.1.1 x\r\n", REPLY_COMPLETE, 550, "", "550 5.1.1.1 x", 0},
        {"550 5.1000.1 x\r\n", REPLY_COMPLETE, 550, "", "550 5.1000.1 x", 0},
        {"599 x\r\n", REPLY_COMPLETE, 599, "", "599 x", 0},
        {"", REPLY_MORE, 0, "", "000", 0},
        {"250", REPLY_MORE, 0, "", "000", 3},
        {"250-a\r\n", REPLY_MORE, 250, "", "250 a", 0},
        {"250-a\r\n25", REPLY_MORE, 250, "", "250 a", 2},
        {"250-a\r\n251 b\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"199 x\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"600 x\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"2500 x\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"25 x\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"HTTP/1.1 400 Bad Request\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {" 250 ok\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
        {"250_ok\r\n", REPLY_BROKEN, 0, NULL, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply reply;
        struct error error = {0};
        size_t used, total = strlen(rows[i].in);
        reply_start(&reply);
        assert_int_equal(reply_take(&reply, slice_of(rows[i].in), &no_mask, &used, &error),
                         rows[i].status);
        if (rows[i].status == REPLY_BROKEN) {
            assert_int_equal(error.exit_code, EX_PROTOCOL);
            assert_non_null(strstr(error.sentence, "the server breaks the protocol: "));
            continue;
        }
        char words_bytes[256];
        struct text words;
        text_init(&words, words_bytes, sizeof words_bytes);
        reply_words(&reply, &words);
        assert_int_equal(reply.code, rows[i].code);
        assert_string_equal(reply.enhanced, rows[i].enhanced);
        assert_string_equal(words_bytes, rows[i].words);
        assert_int_equal(total - used, rows[i].left);
    }
}

static void takes_it_octet_by_octet(void **state)
{
    (void)state;
    static const char input[] = "250-2.1.0 first\r\n250-\r\n250 2.1.0 last\r\n";
    struct reply reply;
    struct error error;
    size_t start = 0, used;
    enum reply_status status = REPLY_MORE;
    reply_start(&reply);
    for (size_t end = 1; end < sizeof input; end++) {
        assert_int_equal(status, REPLY_MORE);
        status =
            reply_take(&reply, slice_make(input + start, end - start), &no_mask, &used, &error);
        start += used;
    }
    assert_int_equal(status, REPLY_COMPLETE);
    assert_string_equal(reply.text, "2.1.0 first\n\n2.1.0 last\n");
    assert_true(reply_has_detail(&reply, ".1.0"));
    assert_false(reply_has_detail(&reply, ".1.1"));
    assert_int_equal(reply_class(&reply), 2);
}

/* `count` times `line`, then `last`, as one reply. */
static enum reply_status take_many(const char *line, size_t count, const char *last,
                                   struct reply *reply, struct error *error)
{
    struct buffer input = {0};
    size_t used;
    for (size_t i = 0; i < count; i++)
        assert_true(buffer_add_string(&input, line));
    assert_true(buffer_add_string(&input, last));
    reply_start(reply);
    enum reply_status status = reply_take(reply, buffer_slice(&input), &no_mask, &used, error);
    buffer_free(&input);
    return status;
}

static void has_caps(void **state)
{
    (void)state;
    struct reply reply;
    struct error error;
    char line[REPLY_LINE_LIMIT + 1];
    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);

    assert_int_equal(take_many("250-x\r\n", 999, "250 x\r\n", &reply, &error), REPLY_COMPLETE);
    assert_int_equal(take_many("250-x\r\n", 1000, "250 x\r\n", &reply, &error), REPLY_BROKEN);
    assert_non_null(strstr(error.sentence, "1000 lines"));

    memcpy(line + REPLY_LINE_LIMIT - 2, "\r\n", 3);
    assert_int_equal(take_many(line, 31, "250 x\r\n", &reply, &error), REPLY_COMPLETE);
    assert_true(reply.length < REPLY_TEXT_SIZE);
    assert_int_equal(take_many(line, 32, "250 x\r\n", &reply, &error), REPLY_BROKEN);
    assert_non_null(strstr(error.sentence, "128 KiB"));

    memcpy(line + REPLY_LINE_LIMIT - 2, "xx", 3);
    assert_int_equal(take_many(line, 1, "", &reply, &error), REPLY_BROKEN);
    assert_non_null(strstr(error.sentence, "4096 octets"));
}

static void refuses_nul(void **state)
{
    (void)state;
    struct reply reply;
    struct error error;
    size_t used;
    reply_start(&reply);
    assert_int_equal(reply_take(&reply, slice_make("250 a\0b\r\n", 9), &no_mask, &used, &error),
                     REPLY_BROKEN);
    assert_non_null(strstr(error.sentence, "\\x00"));
}

static void masks_and_escapes(void **state)
{
    (void)state;
    struct reply reply;
    struct error error;
    struct text_shown shown;
    struct mask mask = {0};
    size_t used;
    assert_true(mask_add(&mask, slice_of("hunter2")));

    reply_start(&reply);
    reply_take(&reply, slice_of("535 no \x1b[31mhunter2\r\n"), &mask, &used, &error);
    assert_string_equal(reply_show(&reply, &shown), "535 no \\x1b[31m***");

    reply_start(&reply);
    reply_take(&reply, slice_of("what is hunter2?\r\n"), &mask, &used, &error);
    assert_null(strstr(error.sentence, "hunter2"));
    assert_non_null(strstr(error.sentence, "what is ***?"));
    mask_wipe(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(takes_it_octet_by_octet),
        cmocka_unit_test(has_caps),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(masks_and_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
