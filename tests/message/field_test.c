/* Goal: every field of the table is found by any spelling of its name and has the right kind, and
 * what starts a field is told from what does not. */
#include "message/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_slice(struct slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.bytes, expected, slice.length);
}

static void test_find(void **state)
{
    static const struct {
        const char *name;
        enum field_id id;
        enum field_kind kind;
        bool resent;
    } cases[] = {
        {"From", FIELD_FROM, FIELD_ADDRESSES, false},
        {"sender", FIELD_SENDER, FIELD_ADDRESSES, false},
        {"REPLY-TO", FIELD_REPLY_TO, FIELD_ADDRESSES, false},
        {"tO", FIELD_TO, FIELD_ADDRESSES, false},
        {"CC", FIELD_CC, FIELD_ADDRESSES, false},
        {"bCC", FIELD_BCC, FIELD_ADDRESSES, false},
        {"date", FIELD_DATE, FIELD_STRUCTURED, false},
        {"Message-Id", FIELD_MESSAGE_ID, FIELD_STRUCTURED, false},
        {"Subject", FIELD_SUBJECT, FIELD_UNSTRUCTURED, false},
        {"Resent-From", FIELD_RESENT_FROM, FIELD_ADDRESSES, true},
        {"Resent-Sender", FIELD_RESENT_SENDER, FIELD_ADDRESSES, true},
        {"Resent-To", FIELD_RESENT_TO, FIELD_ADDRESSES, true},
        {"Resent-Cc", FIELD_RESENT_CC, FIELD_ADDRESSES, true},
        {"Resent-Bcc", FIELD_RESENT_BCC, FIELD_ADDRESSES, true},
        {"Resent-Date", FIELD_RESENT_DATE, FIELD_STRUCTURED, true},
        {"Resent-Message-ID", FIELD_RESENT_MESSAGE_ID, FIELD_STRUCTURED, true},
        {"Return-Path", FIELD_RETURN_PATH, FIELD_STRUCTURED, false},
        {"MIME-Version", FIELD_MIME_VERSION, FIELD_STRUCTURED, false},
        {"content-type", FIELD_CONTENT_TYPE, FIELD_STRUCTURED, false},
        {"Content-transfer-encoding", FIELD_CONTENT_TRANSFER_ENCODING, FIELD_STRUCTURED, false},
        {"DKIM-Signature", FIELD_DKIM_SIGNATURE, FIELD_STRUCTURED, false},
        {"X-From", FIELD_OTHER, FIELD_UNSTRUCTURED, false},
        {"Fro", FIELD_OTHER, FIELD_UNSTRUCTURED, false},
        {"From ", FIELD_OTHER, FIELD_UNSTRUCTURED, false},
        {"", FIELD_OTHER, FIELD_UNSTRUCTURED, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum field_id id = field_find(slice_of(cases[i].name));

        assert_int_equal(id, cases[i].id);
        assert_int_equal(field_kind(id), cases[i].kind);
        assert_int_equal(field_is_resent(id), cases[i].resent);
    }
}

static void test_every_row_is_found_by_its_own_name(void **state)
{
    (void)state;
    assert_string_equal(field_name(FIELD_OTHER), "");
    assert_string_equal(field_name(FIELD_GARBAGE), "");
    assert_string_equal(field_name(FIELD_MESSAGE_ID), "Message-ID");
    for (enum field_id id = FIELD_GARBAGE + 1; id < FIELD_COUNT; id++) {
        assert_non_null(field_name(id));
        assert_int_equal(field_find(slice_of(field_name(id))), id);
        assert_int_equal(field_is_resent(id), strncmp(field_name(id), "Resent-", 7) == 0);
    }
}

static void test_split(void **state)
{
    static const struct {
        const char *field, *name, *value; /* a NULL name: no field */
    } cases[] = {
        {"Subject: x", "Subject", " x"},
        {"Subject:", "Subject", ""},
        {"Subject : x", "Subject", " x"},
        {"Subject \t: x", "Subject", " x"},
        {"Subject \r: x", "Subject", " x"},
        {"a::b", "a", ":b"},
        {"!~: x\r\n y\r\n", "!~", " x\r\n y\r\n"},
        {"", NULL, NULL},
        {":", NULL, NULL},
        {": x", NULL, NULL},
        {" Subject: x", NULL, NULL},
        {"Subject", NULL, NULL},
        {"Subject ", NULL, NULL},
        {"Two words: x", NULL, NULL},
        {"S\xc3\xa9: x", NULL, NULL},
        {"S\x7f: x", NULL, NULL},
        {"S\x01: x", NULL, NULL},
        {"Subject\n: x", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice name, value;
        bool found = field_split(slice_of(cases[i].field), &name, &value);

        assert_int_equal(found, cases[i].name != NULL);
        if (found) {
            assert_slice(name, cases[i].name);
            assert_slice(value, cases[i].value);
        }
    }
}

static void test_split_bounds_the_name(void **state)
{
    char field[FIELD_NAME_LIMIT + 2];
    struct slice name, value;

    (void)state;
    memset(field, 'n', sizeof field);
    field[FIELD_NAME_LIMIT] = ':';
    assert_true(field_split(slice_make(field, sizeof field), &name, &value));
    assert_int_equal(name.length, FIELD_NAME_LIMIT);
    assert_int_equal(value.length, 1);
    field[FIELD_NAME_LIMIT] = 'n';
    field[FIELD_NAME_LIMIT + 1] = ':';
    assert_false(field_split(slice_make(field, sizeof field), &name, &value));
    assert_false(field_split(slice_make("S\0: x", 5), &name, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_every_row_is_found_by_its_own_name),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_bounds_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
