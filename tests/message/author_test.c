/* Goal: the one whose account a message goes through is found in its header, whatever the header
 * looks like, and nobody where it does not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/address.h"
#include "message/author.h"

static char found[ADDRESS_SIZE];

static void find(struct slice header)
{
    struct message message;
    struct text address;
    struct error error;
    message_init(&message, NULL);
    assert_true(store_append(&message.store, header, &error));
    message.header = (struct extent){.offset = 0, .length = header.length};
    text_init(&address, found, sizeof found);
    assert_true(author_find(&message, "d.example", &address, &error));
    message_free(&message);
}

static void test_author(void **state)
{
    static const struct {
        const char *header, *author;
    } rows[] = {
        {"From: a@b.example\r\n", "a@b.example"},
        {"Subject: x\r\nfrom : \"A, B\" (c) <a@B.Example>\r\n", "a@b.example"},
        {"From:\r\n root (Cron Daemon)\r\n", "root@d.example"},
        {"From: a@b.example, c@d.example\r\nSender: c@d.example\r\n", "a@b.example"},
        {"From: team: a@b.example, c@d.example;\r\n", "a@b.example"},
        {"From: <@route.example:a@b.example>\r\n", "a@b.example"},
        {"From: x@m\xc3\xbcnchen.example\r\n", "x@xn--mnchen-3ya.example"},
        {"From: \xc3\xbc@b.example\r\n", "\xc3\xbc@b.example"},
        /* the first that says something */
        {"From:\r\nFrom: a@b.example\r\nFrom: c@d.example\r\n", "a@b.example"},
        {"From: a@@b\r\nFrom: c@d.example\r\n", ""},
        /* who resends it */
        {"Resent-From: r@s.example\r\nFrom: a@b.example\r\n", "r@s.example"},
        {"From: a@b.example\r\nResent-From: new@s.example\r\nResent-From: old@s.example\r\n",
         "new@s.example"},
        {"From: a@b.example\r\nResent-To: r@s.example\r\n", ""},
        {"From: a@b.example\r\nResent-To:\r\n", "a@b.example"},
        /* nobody */
        {"", ""},
        {"Sender: a@b.example\r\nReply-To: a@b.example\r\n", ""},
        {"From: <>\r\n", ""},
        {"From: undisclosed:;\r\n", ""},
        {"From: a b\r\n", ""},
        {"From: a@b_\x01.example\r\n", ""},
        {"From: |sh\r\n", ""},
        {"no header field\r\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        find(slice_of(rows[i].header));
        if (strcmp(found, rows[i].author) != 0)
            fail_msg("%s: %s, not %s", rows[i].header, found, rows[i].author);
    }
}

/* What cannot be an address is not cut to one. */
static void test_hostile(void **state)
{
    static const char with_nul[] = "From: a\0b@c.example\r\n";
    struct buffer header = {0};
    (void)state;
    find(slice_make(with_nul, sizeof with_nul - 1));
    assert_string_equal(found, "");
    buffer_add_string(&header, "From: ");
    for (size_t i = 0; i < 300000; i++)
        buffer_add_byte(&header, 'x');
    assert_true(buffer_add_string(&header, "@b.example\r\n"));
    find(buffer_slice(&header));
    assert_string_equal(found, "");
    buffer_free(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_author),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
