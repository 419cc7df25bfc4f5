/* Goal: the envelope has the right sender and recipients, each once, wherever they come from, and
 * every recipient keeps its own outcome. */
#include "message/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "message/address.h"
#include "tests/message/list_file.h"

enum { MANY = 100000, QUICK = 5000 };

/* Nobody is an alias, and what has no domain gets "x". */
static struct local plain = {.domain = "x"};

static void join(const struct envelope *envelope, struct text *out)
{
    for (size_t i = 0; i < envelope->count; i++) {
        text_add(out, i > 0 ? " " : "");
        text_add(out, envelope->recipients[i].address);
    }
}

static const struct {
    const char *arguments[6], *recipients;
} arguments[] = {
    {{"a@b"}, "a@b"},
    {{"a@b,c@d", "e"}, "a@b c@d e@x"},
    {{"a@b", "a@B", "A@b", "(x) a @ b", "team: a@b;"}, "a@b A@b"},
    {{"Name <a@b>", "root", "root@x"}, "a@b root@x"},
    {{"a@b\xc3\xbc"
      "cher.example",
      "a@XN--bcher-KVA.example"},
     "a@xn--bcher-kva.example"},
};

static void test_arguments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        struct envelope envelope = {0};
        struct error error;
        char bytes[256];
        struct text out;
        for (size_t j = 0; arguments[i].arguments[j] != NULL; j++)
            assert_true(envelope_add_argument(&envelope, slice_of(arguments[i].arguments[j]),
                                              &plain, &error));
        text_init(&out, bytes, sizeof bytes);
        join(&envelope, &out);
        assert_string_equal(bytes, arguments[i].recipients);
        assert_false(envelope.needs_utf8);
        envelope_free(&envelope);
    }
}

static const struct {
    const char *argument, *sentence;
} refused[] = {
    {"", "recipient: there is no address in \"\""},
    {" , ", "recipient: there is no address in \" , \""},
    {"list:;", "recipient: there is no address in \"list:;\""},
    {"<>", "recipient: \"<>\" is no address: nothing between \"<\" and \">\" at position 2"},
    {"a@@b", "recipient: \"a@@b\" is no address: a second \"@\" at position 3"},
    {"a@b\n.", "recipient: \"a@b\\n.\" is no address: control character \"\\n\" at position 4"},
    {"|sh", "recipient: \"|sh\" is no address: it starts with \"|\" and has no domain"},
};

static void test_refused_arguments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct envelope envelope = {0};
        struct error error;
        assert_false(
            envelope_add_argument(&envelope, slice_of(refused[i].argument), &plain, &error));
        assert_int_equal(error.exit_code, EX_USAGE);
        assert_true(error.permanent);
        assert_string_equal(error.sentence, refused[i].sentence);
        envelope_free(&envelope);
    }
}

static void test_sender(void **state)
{
    (void)state;
    struct envelope envelope = {0};
    struct error error;
    assert_true(envelope_set_sender(&envelope, "", &error));
    assert_string_equal(envelope.sender, "");
    assert_true(envelope_set_sender(&envelope, "me@b", &error));
    assert_string_equal(envelope.sender, "me@b");
    assert_false(envelope.needs_utf8);
    assert_true(envelope_set_sender(&envelope, "m\xc3\xa9@b", &error));
    assert_string_equal(envelope.sender, "m\xc3\xa9@b");
    assert_true(envelope.needs_utf8);
    envelope_free(&envelope);
}

static bool add_header(struct envelope *envelope, struct slice header, struct error *error)
{
    struct message message;
    message_init(&message, NULL);
    assert_true(store_append(&message.store, header, error));
    message.header.length = header.length;
    bool ok = envelope_add_header(envelope, &message, &plain, error);
    message_free(&message);
    return ok;
}

static const struct {
    const char *header, *recipients;
} headers[] = {
    {"", ""},
    {"Subject: a@b\r\n", ""},
    {"To: a@b\r\nCC: c@d\r\nbcc : e@f\r\n", "a@b c@d e@f"},
    {"To:\r\n a@b,\r\n\tName <c@d>\r\nSubject: x\r\n", "a@b c@d"},
    {"To: a@b\r\nTo: c@d, a@b\r\n", "a@b c@d"},
    {"To: undisclosed-recipients:;\r\nBcc: a\r\n", "a@x"},
    {"To:\r\nBcc: a@b\r\n", "a@b"},
    {"To: =?utf-8?q?J=C3=BCrgen?= <a@b>, J\xc3\xbcrgen <c@d>\r\n", "a@b c@d"},
    {"To: a@b\r\nResent-To: c@d\r\nResent-Bcc: e@f\r\nCc: g@h\r\nResent-To: i@j\r\n",
     "c@d e@f i@j"},
    {"To: a@b\r\nResent-From: c@d\r\nResent-Date: x\r\n", "a@b"},
    {"To: a@b\r\nResent-To:\r\nResent-Cc: ,\r\n ,\r\n", "a@b"},
    {"To: a@b\r\nResent-To:\r\nResent-Bcc: c@d\r\n", "c@d"},
    {"From: a@@b\r\nTo: c@d\r\n", "c@d"},
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct envelope envelope = {0};
        struct error error;
        char bytes[256];
        struct text out;
        if (!add_header(&envelope, slice_of(headers[i].header), &error))
            fail_msg("%s", error.sentence);
        text_init(&out, bytes, sizeof bytes);
        join(&envelope, &out);
        assert_string_equal(bytes, headers[i].recipients);
        envelope_free(&envelope);
    }
}

static void test_refused_header(void **state)
{
    (void)state;
    struct envelope envelope = {0};
    struct error error;
    assert_false(add_header(&envelope, slice_of("To: ok@x\r\nCC: fine@x,\r\n a@@b\r\n"), &error));
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_string_equal(error.sentence,
                        "recipient in Cc: \"a@@b\" is no address: a second \"@\" at position 3");
    envelope_free(&envelope);
}

/* A hundred thousand recipients, each twice, in one field: linear, and modest in memory. */
static void test_many(void **state)
{
    (void)state;
    struct buffer header = {0};
    struct envelope envelope = {0};
    struct error error;
    buffer_add_string(&header, "To: ");
    for (int i = 0; i < 2 * MANY; i++) {
        char line[64];
        snprintf(line, sizeof line, "user%d@example.com,\r\n ", i % MANY);
        buffer_add_string(&header, line);
    }
    assert_true(buffer_add_string(&header, "\r\n"));
    int64_t start = clock_now();
    assert_true(add_header(&envelope, buffer_slice(&header), &error));
    assert_true(clock_now() - start < QUICK);
    assert_int_equal(envelope.count, MANY);
    assert_string_equal(envelope.recipients[0].address, "user0@example.com");
    assert_string_equal(envelope.recipients[MANY - 1].address, "user99999@example.com");
    size_t tables = envelope.capacity * sizeof envelope.recipients[0] +
                    envelope.table.size * sizeof envelope.table.slots[0];
    assert_true(tables < 100 * (size_t)MANY);
    envelope_free(&envelope);
    buffer_free(&header);
}

/* An alias leads to two, one of whom is there already. */
static void test_aliases(void **state)
{
    (void)state;
    char path[LIST_FILE_PATH];
    struct local local = {.domain = "x",
                          .aliases_file = list_file_make(path, "", "root: me@b, c@d\n")};
    struct envelope envelope = {0};
    struct error error;
    char bytes[256];
    struct text out;
    assert_true(envelope_add_argument(&envelope, slice_of("c@d, root, bob, bob@localhost, a@b"),
                                      &local, &error));
    text_init(&out, bytes, sizeof bytes);
    join(&envelope, &out);
    assert_string_equal(bytes, "c@d me@b bob@x a@b");
    assert_null(envelope.recipients[0].original);
    assert_string_equal(envelope.recipients[1].original, "rfc822;root@x");
    assert_null(envelope.recipients[2].original);
    assert_null(envelope.recipients[3].original);
    envelope_free(&envelope);
    local_free(&local);
    unlink(path);
}

static bool resolve(struct local *local, const char *written, struct local_targets *targets)
{
    struct address_mailbox mailbox;
    struct error error;
    struct slice rest = slice_of(written);
    bool found;
    return address_next(&rest, &mailbox, &found, &error) &&
           local_resolve(local, &mailbox, targets, &error);
}

static void test_reports(void **state)
{
    (void)state;
    char path[LIST_FILE_PATH], local_part[300];
    struct local local = {.domain = "x",
                          .aliases_file = list_file_make(path, "", "r=t: a@b, c@d\n")};
    struct envelope envelope = {0};
    struct local_targets targets = {0};
    struct error error;
    assert_true(resolve(&local, "R=t@localhost", &targets));
    assert_true(envelope_add_targets(&envelope, &targets, NULL, DSN_NEVER, &error));
    assert_int_equal(envelope.count, 2);
    assert_int_equal(envelope.recipients[1].notify, DSN_NEVER);
    assert_string_equal(envelope.recipients[1].original, "rfc822;R+3Dt@localhost");
    assert_ptr_equal(envelope.recipients[0].original, envelope.recipients[1].original);

    /* What the caller says is not replaced. */
    assert_true(resolve(&local, "e@f", &targets));
    assert_true(envelope_add_targets(&envelope, &targets, "rfc822;g@h", 0, &error));
    assert_string_equal(envelope.recipients[2].original, "rfc822;g@h");

    /* One too long for an ORCPT. */
    local.default_to = "i@j";
    memset(local_part, '=', sizeof local_part - 1);
    local_part[sizeof local_part - 1] = '\0';
    assert_true(resolve(&local, local_part, &targets));
    assert_true(envelope_add_targets(&envelope, &targets, NULL, 0, &error));
    assert_string_equal(envelope.recipients[3].address, "i@j");
    assert_null(envelope.recipients[3].original);
    local_targets_free(&targets);
    envelope_free(&envelope);
    local_free(&local);
    unlink(path);
}

static void test_utf8(void **state)
{
    (void)state;
    char path[LIST_FILE_PATH];
    struct local local = {
        .domain = "x", .aliases_file = list_file_make(path, "", "j\xc3\xbc: a@b\nk: \xc3\xbc@b\n")};
    struct envelope envelope = {0};
    struct error error;
    assert_true(envelope_add_argument(&envelope, slice_of("j\xc3\xbc"), &local, &error));
    assert_false(envelope.needs_utf8);
    assert_string_equal(envelope.recipients[0].original, "rfc822;j+C3+BC@x");
    assert_true(envelope_add_argument(&envelope, slice_of("k"), &local, &error));
    assert_true(envelope.needs_utf8);
    envelope_free(&envelope);
    local_free(&local);
    unlink(path);
}

static void test_outcomes(void **state)
{
    (void)state;
    struct envelope envelope = {0};
    struct error error;
    assert_true(envelope_add_argument(&envelope, slice_of("a@b, c@d, e@f, g@h"), &plain, &error));
    assert_int_equal(envelope_count(&envelope, RECIPIENT_PENDING), 4);
    for (size_t i = 0; i < 2; i++)
        assert_true(envelope_set_outcome(&envelope, i, RECIPIENT_REFUSED, 550,
                                         slice_of("no\r\n\x1b[31m"), &error));
    assert_true(
        envelope_set_outcome(&envelope, 2, RECIPIENT_DEFERRED, 451, slice_of("later"), &error));
    assert_true(envelope_set_outcome(&envelope, 3, RECIPIENT_ACCEPTED, 0, slice_of(NULL), &error));
    assert_string_equal(envelope.recipients[0].reply, "no\\r\\n\\x1b[31m");
    assert_ptr_equal(envelope.recipients[0].reply, envelope.recipients[1].reply);
    assert_int_equal(envelope.recipients[1].reply_code, 550);
    assert_string_equal(envelope.recipients[2].reply, "later");
    assert_int_equal(envelope.recipients[2].state, RECIPIENT_DEFERRED);
    assert_null(envelope.recipients[3].reply);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_REFUSED), 2);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_DEFERRED), 1);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_ACCEPTED), 1);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_PENDING), 0);
    envelope_free(&envelope);
    assert_int_equal(envelope.count, 0);
    envelope_free(&envelope);
}

static void test_forget(void **state)
{
    struct envelope envelope = {0};
    struct error error;
    (void)state;
    assert_true(envelope_add(&envelope, "a@x", &error) && envelope_add(&envelope, "b@x", &error) &&
                envelope_add(&envelope, "c@x", &error));
    envelope_forget(&envelope, 1);
    assert_int_equal(envelope.count, 1);
    assert_true(envelope_add(&envelope, "c@x", &error) && envelope_add(&envelope, "a@x", &error));
    assert_int_equal(envelope.count, 2);
    assert_string_equal(envelope.recipients[1].address, "c@x");
    envelope_free(&envelope);
}

static void test_id(void **state)
{
    struct envelope envelope = {0};
    struct error error;
    char id[] = "QQ314159";
    (void)state;
    assert_true(envelope_set_id(&envelope, id, &error));
    id[0] = 'X';
    assert_string_equal(envelope.id, "QQ314159");
    assert_true(envelope_set_id(&envelope, NULL, &error));
    assert_null(envelope.id);
    envelope_free(&envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),      cmocka_unit_test(test_refused_arguments),
        cmocka_unit_test(test_sender),         cmocka_unit_test(test_headers),
        cmocka_unit_test(test_refused_header), cmocka_unit_test(test_many),
        cmocka_unit_test(test_aliases),        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_utf8),           cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_forget),         cmocka_unit_test(test_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
