/* Goal: the report of --check --json is one valid object whatever came in, and says what the text
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/check_json.h"

/* --- a checker of RFC 8259, strict --------------------------------------------------------------
 */

static const char *value(const char *at);

static const char *blanks(const char *at)
{
    return at == NULL ? NULL : at + strspn(at, " \t\r\n");
}

static const char *word(const char *at, const char *expected)
{
    return at != NULL && strncmp(at, expected, strlen(expected)) == 0 ? at + strlen(expected)
                                                                      : NULL;
}

static const char *string(const char *at)
{
    for (at = word(at, "\""); at != NULL && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && at[1] == 'u' && strspn(at + 2, "0123456789abcdefABCDEF") >= 4)
            at += 5;
        else if (*at == '\\' && (at[1] == '\0' || strchr("\"\\/bfnrt", *++at) == NULL))
            return NULL;
    }
    return word(at, "\"");
}

static const char *number(const char *at)
{
    at += *at == '-';
    size_t digits = strspn(at, "0123456789");
    return digits == 0 || (digits > 1 && *at == '0') ? NULL : at + digits;
}

static const char *members(const char *at, bool named, char end)
{
    at = blanks(at + 1);
    if (*at == end)
        return at + 1;
    for (;;) {
        if (named)
            at = blanks(word(blanks(string(at)), ":"));
        at = at == NULL ? NULL : blanks(value(at));
        if (at == NULL || *at == end)
            return at == NULL ? NULL : at + 1;
        at = blanks(word(at, ","));
        if (at == NULL)
            return NULL;
    }
}

static const char *value(const char *at)
{
    switch (*at) {
    case '{':
        return members(at, true, '}');
    case '[':
        return members(at, false, ']');
    case '"':
        return string(at);
    case 't':
        return word(at, "true");
    case 'f':
        return word(at, "false");
    case 'n':
        return word(at, "null");
    default:
        return number(at);
    }
}

static bool is_json(const char *text)
{
    const char *end = text[0] == '{' ? value(text) : NULL;
    return end != NULL && strcmp(end, "\n") == 0 && !slice_has_8bit(slice_of(text));
}

static void the_checker_checks(void **state)
{
    (void)state;
    assert_true(is_json("{}\n"));
    assert_true(is_json("{\"a\": [1, -20, true, null, \"\\u00e9\\n\"], \"b\": {}}\n"));
    assert_false(is_json("{}"));
    assert_false(is_json("{\"a\": 1,}\n"));
    assert_false(is_json("{\"a\" 1}\n"));
    assert_false(is_json("{\"a\": 01}\n"));
    assert_false(is_json("{\"a\": \"\t\"}\n"));
    assert_false(is_json("{\"a\": \"\\x41\"}\n"));
    assert_false(is_json("{\"a\": \"\xe9\"}\n"));
    assert_false(is_json("{\"a\": [1 2]}\n"));
}

/* --- reports ------------------------------------------------------------------------------------
 */

static const struct check_report nothing_yet;

/* To be freed by the caller; valid. */
static char *write_report(const struct check_report *report)
{
    struct buffer out = {0};
    check_json_write(report, &out);
    buffer_add_byte(&out, '\0');
    assert_false(out.failed);
    if (!is_json(out.bytes))
        fail_msg("%s", out.bytes);
    return out.bytes;
}

static void without_a_configuration(void **state)
{
    struct probe *probe = calloc(1, sizeof *probe);
    struct envelope envelope = {0};
    struct error error;
    struct check_report report = nothing_yet;
    (void)state;
    error_set(&error, EX_CONFIG, "no configuration");
    probe_init(probe);
    probe_end(probe, probe_begin(probe, PROBE_CONFIGURATION), &error);
    probe->steps[0].started_ms = probe->steps[0].elapsed_ms = probe->total_ms = 0;
    report.probe = probe;
    report.file = "";
    report.envelope = &envelope;
    report.error = &error;
    char *written = write_report(&report);
    assert_string_equal(
        written, "{\"ok\": false, \"exit_code\": 78, \"error\": \"no configuration\", "
                 "\"failed_step\": \"config\", \"hint\": null, \"configuration\": null, "
                 "\"account\": null, \"total_ms\": 0, \"steps\": [{\"name\": \"config\", "
                 "\"status\": \"failed\", \"started_ms\": 0, \"elapsed_ms\": 0, \"details\": "
                 "\"no configuration\"}], \"server\": null, \"offered\": null, "
                 "\"certificates\": []}\n");
    free(written);
    free(probe);
}

static void escapes(void **state)
{
    static const struct {
        const char *name, *written;
    } rows[] = {
        {"plain", "\"plain\""},
        {"\"\\/\x01\x7f\t\n", "\"\\\"\\\\/\\u0001\\u007f\\u0009\\u000a\""},
        {"M\xc3\xbcller", "\"M\\u00fcller\""},
        {"\xc2\x9b", "\"\\u009b\""},
        {"\xe2\x80\xae\xf0\x9f\x93\xac", "\"\\u202e\\ud83d\\udcec\""},
        {"M\xfcller\xc3", "\"M\\u00fcller\\u00c3\""},
        {"\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""},
    };
    struct probe *probe = calloc(1, sizeof *probe);
    struct envelope envelope = {.sender = "a@x"};
    struct error error = {.exit_code = EX_OK};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct account account = {.name = rows[i].name};
        struct check_report report = {.probe = probe,
                                      .file = "/c",
                                      .account = &account,
                                      .envelope = &envelope,
                                      .error = &error};
        char *written = write_report(&report);
        const char *name = strstr(written, "\"account\": {\"name\": ");
        assert_non_null(name);
        name += strlen("\"account\": {\"name\": ");
        if (strncmp(name, rows[i].written, strlen(rows[i].written)) != 0)
            fail_msg("%s", written);
        free(written);
    }
    free(probe);
}

static void everything(void **state)
{
    struct probe *probe = calloc(1, sizeof *probe);
    struct account account = {.name = "",
                              .smarthost = {.dial = {.hosts = {"a", "b"}, .ports = {587, 2525}},
                                            .tls_mode = SMARTHOST_IMPLICIT,
                                            .sasl.user = "me"}};
    struct envelope envelope = {.sender = "a@x"};
    struct error error = {.exit_code = EX_OK};
    struct check_report report = {
        .probe = probe, .file = "/c", .account = &account, .envelope = &envelope, .error = &error};
    (void)state;
    probe->hello = true;
    probe->offered = (struct capability){
        .size = true, .size_limit = UINT64_MAX, .auth = true, .mechanisms = "PLAIN LOGIN"};
    text_copy(probe->report.address, sizeof probe->report.address, "192.0.2.1:587");
    probe->chain_length = 2;
    probe->chain[1].days_left = -7;
    char *written = write_report(&report);
    static const char *const parts[] = {
        "{\"ok\": true, \"exit_code\": 0, \"error\": null, \"failed_step\": null, \"hint\": null, ",
        ("\"hosts\": [\"a\", \"b\"], \"ports\": [587, 2525], \"tls\": \"implicit\", \"user\": "
         "\"me\", \"sender\": \"a@x\"}"),
        "\"address\": \"192.0.2.1:587\", \"port\": 0, \"tls_protocol\": null",
        "{\"SIZE\": true, \"8BITMIME\": false, ",
        "\"AUTH\": [\"PLAIN\", \"LOGIN\"]}",
        "\"days_left\": -7, ",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(written, parts[i]) == NULL)
            fail_msg("%s\nis not in\n%s", parts[i], written);
    free(written);
    free(probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_checks),
        cmocka_unit_test(without_a_configuration),
        cmocka_unit_test(escapes),
        cmocka_unit_test(everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
