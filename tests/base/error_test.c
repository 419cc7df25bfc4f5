/* Goal: every sentence is printable, bounded, and says what the last caller added. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void set_fills_everything(void **state)
{
    (void)state;
    struct error error;
    memset(&error, 'x', sizeof error);
    assert_false(error_set(&error, EX_NOHOST, "resolve: %s has no address", "mail.example"));
    assert_int_equal(error.exit_code, EX_NOHOST);
    assert_false(error.permanent);
    assert_int_equal(error.reply_code, 0);
    assert_string_equal(error.enhanced, "");
    assert_string_equal(error.sentence, "resolve: mail.example has no address");

    assert_false(error_set_permanent(&error, EX_DATAERR, "header: bad"));
    assert_true(error.permanent);
    assert_false(error_set_memory(&error));
    assert_int_equal(error.exit_code, EX_OSERR);
    assert_false(error.permanent);
    assert_true(strlen(error.sentence) > 0);
}

static void errno_is_told_as_on_entry(void **state)
{
    (void)state;
    struct error error;
    errno = ENOSPC;
    assert_false(error_set_errno(&error, EX_IOERR, "write: %d bytes", 3));
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_string_equal(error.sentence, "write: 3 bytes: No space left on device");
}

static void control_characters_never_survive(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, EX_TEMPFAIL, "a\r\nb\tc\033[0m\177%c", 0xe4);
    assert_string_equal(error.sentence, "a  b c [0m ?");
    error_add_context(&error, "x\ny");
    error_add_advice(&error, "z\n");
    assert_string_equal(error.sentence, "x y: a  b c [0m ?; z ");
}

static void context_and_advice(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, EX_TEMPFAIL, "refused");
    error.reply_code = 421;
    assert_false(error_add_context(&error, "port %d", 587));
    assert_false(error_add_context(&error, "connect"));
    assert_false(error_add_advice(&error, "see %s", "sendmail.ini(5)"));
    assert_string_equal(error.sentence, "connect: port 587: refused; see sendmail.ini(5)");
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_int_equal(error.reply_code, 421);
}

static void the_sentence_may_be_its_own_argument(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, EX_TEMPFAIL, "inner");
    error_set(&error, EX_CONFIG, "outer (%s)", error.sentence);
    assert_string_equal(error.sentence, "outer (inner)");
    error_add_context(&error, "[%s]", error.sentence);
    assert_string_equal(error.sentence, "[outer (inner)]: outer (inner)");
}

static void too_long_is_cut(void **state)
{
    (void)state;
    struct error error;
    char filler[ERROR_SENTENCE_SIZE * 2];
    memset(filler, 'a', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';

    error_set(&error, EX_TEMPFAIL, "%s", filler);
    assert_int_equal(strlen(error.sentence), ERROR_SENTENCE_SIZE - 1);
    error_add_advice(&error, "%s", filler);
    assert_int_equal(strlen(error.sentence), ERROR_SENTENCE_SIZE - 1);
    error_add_context(&error, "front");
    assert_int_equal(strlen(error.sentence), ERROR_SENTENCE_SIZE - 1);
    assert_memory_equal(error.sentence, "front: aaa", 10);
    errno = EIO;
    error_set_errno(&error, EX_IOERR, "%s", filler);
    assert_int_equal(strlen(error.sentence), ERROR_SENTENCE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_everything),
        cmocka_unit_test(errno_is_told_as_on_entry),
        cmocka_unit_test(control_characters_never_survive),
        cmocka_unit_test(context_and_advice),
        cmocka_unit_test(the_sentence_may_be_its_own_argument),
        cmocka_unit_test(too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
