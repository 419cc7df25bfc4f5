/* Goal: address lists as people write them give the right mailboxes, and nothing that could harm an
 * SMTP command line gets out. */
#include "message/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"

#define ZUERICH "z\xc3\xbcrich"

enum { MEGABYTE = 1024 * 1024, QUICK = 5000 };

/* All mailboxes of a list in canonical form, joined by blanks. */
static bool read_list(struct slice list, struct text *out, bool *needs_utf8, struct error *error)
{
    for (;;) {
        struct address_mailbox mailbox;
        char bytes[ADDRESS_SIZE];
        struct text address;
        bool found;
        text_init(&address, bytes, sizeof bytes);
        if (!address_next(&list, &mailbox, &found, error))
            return false;
        if (!found)
            return true;
        if (!address_canonical(&mailbox, "local.example", &address, needs_utf8, error))
            return false;
        if (out->length > 0)
            text_add_byte(out, ' ');
        text_add(out, bytes);
    }
}

static const struct {
    const char *list, *addresses;
} lists[] = {
    {"", ""},
    {" \t\r\n ", ""},
    {"a@b", "a@b"},
    {"root", "root@local.example"},
    {"root (Cron Daemon)", "root@local.example"},
    {"(Cron) root", "root@local.example"},
    {"<root>", "root@local.example"},
    {"a@b (Name)", "a@b"},
    {"Name <a@b>", "a@b"},
    {"Name<a@b>", "a@b"},
    {"\"Quoted, \\\"N\" <a@b>", "a@b"},
    {"\"a@b\" <c@d>", "c@d"},
    {"a@b <c@d>", "c@d"},
    {"John Q. Public <a@b>", "a@b"},
    {"John O'Hara <a@b>", "a@b"},
    {"[List] Name <a@b>", "a@b"},
    {"[List Name <a@b>", "a@b"},
    {"Name :-) <a@b>", "a@b"},
    {"Name) \\ <a@b>", "a@b"},
    {"J\xc3\xbcrgen <a@b>", "a@b"},
    {"J\xfcrgen <a@b>", "a@b"},
    {"=?utf-8?Q?J=C3=BCrgen_X?= <a@b>", "a@b"},
    {"a@b, c@d", "a@b c@d"},
    {"a@b; c@d;", "a@b c@d"},
    {"a,,b,", "a@local.example b@local.example"},
    {",,,", ""},
    {"a@b,\r\n\tName\r\n <c@d>,\r\n e@f", "a@b c@d e@f"},
    {"team: a@b, c@d;", "a@b c@d"},
    {"team: a@b, c@d", "a@b c@d"},
    {"My \"own\" team: a@b, N <c@d>;, e@f", "a@b c@d e@f"},
    {"undisclosed-recipients:;", ""},
    {"undisclosed recipients: ;, a@b", "a@b"},
    {"a (x (y) \\) z) . (b) c @ d . (e) f", "a.c@d.f"},
    {"a . b@c", "a.b@c"},
    {"a.\r\n b@c", "a.b@c"},
    {"<@a,@b:c@d>", "c@d"},
    {"Name <@a.example , , @[192.0.2.1] : c@d> (x)", "c@d"},
    {"< a @ b >", "a@b"},
    {"<(x)a@b(y)>", "a@b"},
    {"\"john doe\"@x", "\"john doe\"@x"},
    {"\"john\"@x", "john@x"},
    {"\"j\\ohn\"@x", "john@x"},
    {"\"a\\\"b\\\\c\"@x", "\"a\\\"b\\\\c\"@x"},
    {"\"a@b\"@c", "\"a@b\"@c"},
    {"\"a,b\"@c, d@e", "\"a,b\"@c d@e"},
    {"\"a>b\"@c", "\"a>b\"@c"},
    {"\"a b\".c@d", "\"a b.c\"@d"},
    {"\"a\".\"b\"@c", "a.b@c"},
    {"a..b@c", "\"a..b\"@c"},
    {"a.@c", "\"a.\"@c"},
    {"a!b%c+d=e@f", "a!b%c+d=e@f"},
    {"CaSe@ExAmPle.COM.", "CaSe@example.com"},
    {"-x@b", "-x@b"},
    {"/x|y@b", "/x|y@b"},
    {"x/y", "x/y@local.example"},
    {"a@[192.0.2.1]", "a@[192.0.2.1]"},
    {"a@[ 192.0.2.1 ]", "a@[192.0.2.1]"},
    {"a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"},
    {"a@[ipv6:::1]", "a@[IPv6:::1]"},
    {"info@b\xc3\xbc"
     "cher.example",
     "info@xn--bcher-kva.example"},
    {ZUERICH "@x", ZUERICH "@x"},
    {"a:b:c@d", "c@d"},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char bytes[2048];
        struct text out;
        struct error error;
        bool needs_utf8 = false;
        text_init(&out, bytes, sizeof bytes);
        if (!read_list(slice_of(lists[i].list), &out, &needs_utf8, &error))
            fail_msg("\"%s\": %s", lists[i].list, error.sentence);
        assert_string_equal(bytes, lists[i].addresses);
        assert_int_equal(needs_utf8, strstr(bytes, ZUERICH) != NULL);
    }
}

#define TEXT(string) string, sizeof(string) - 1

static const struct {
    const char *list;
    size_t length;
    const char *words;
} wrong[] = {
    {TEXT("a@@b"), "\"a@@b\" is no address: a second \"@\" at position 3"},
    {TEXT("a@b@c"), "a second \"@\" at position 4"},
    {TEXT("ok@x, a@@b ,c"), "\"a@@b\" is no address: a second \"@\" at position 3"},
    {TEXT("bad address@b"), "a second word at position 5"},
    {TEXT("a@b c"), "a second word at position 5"},
    {TEXT("a\"b\"@c"), "a second word at position 2"},
    {TEXT("a@\"b\""), "unexpected \"\"\" at position 3"},
    {TEXT("@b"), "nothing before the \"@\" at position 1"},
    {TEXT("a@"), "nothing behind the \"@\" at position 2"},
    {TEXT("a@(x)"), "nothing behind the \"@\" at position 2"},
    {TEXT("@"), "nothing before"},
    {TEXT("<>"), "nothing between \"<\" and \">\" at position 2"},
    {TEXT("Name <(x) >"), "nothing between"},
    {TEXT("a@b, <>"), "nothing between"},
    {TEXT("<a@b"), "a missing \">\" at position 5"},
    {TEXT("<a@b, c@d>"), "a missing \">\""},
    {TEXT("<@a,@b"), "a missing \">\""},
    {TEXT("<@b>"), "unexpected \">\" at position 4"},
    {TEXT("a@b>"), "unexpected \">\" at position 4"},
    {TEXT("<<a@b>>"), "unexpected \"<\" at position 2"},
    {TEXT("<a@b> <c@d>"), "unexpected \"<\" at position 7"},
    {TEXT("<a@b> x"), "text behind the \">\" at position 7"},
    {TEXT("<a@b>@c"), "text behind the \">\" at position 6"},
    {TEXT("<a b@c>"), "a second word at position 4"},
    {TEXT("<a:b@c>"), "unexpected \":\" at position 3"},
    {TEXT("a@2001:db8::1"), "unexpected \":\" at position 7"},
    {TEXT(":include:/etc/passwd"), "unexpected \":\" at position 1"},
    {TEXT(":include:a@b"), "unexpected \":\" at position 1"},
    {TEXT("x:/etc/passwd"), "starts with \"/\""},
    {TEXT("a@b)"), "unexpected \")\" at position 4"},
    {TEXT("a\\b@c"), "unexpected \"\\\\\" at position 2"},
    {TEXT("a@[192.0.2.1]x"), "a second word at position 14"},
    {TEXT("[192.0.2.1]"), "unexpected \"[\" at position 1"},
    {TEXT("a@[192.0.2.1"), "unexpected \"[\" at position 3"},
    {TEXT("a@[192.0.2.256]"), "no IP address"},
    {TEXT("a@[2001:db8::1]"), "no IP address"},
    {TEXT("a@[IPv6:1.2.3.4]"), "no IP address"},
    {TEXT("a@[]"), "no IP address"},
    {TEXT("a@[x:y]"), "no IP address"},
    {TEXT("a@b.[192.0.2.1]"), "\"[\" in the domain"},
    {TEXT("a@[192.0.2.1].b"), "no IP address"},
    {TEXT("a (x <a@b>"), "a comment without its end at position 3"},
    {TEXT("\"John <a@b>"), "a quoted string without its end at position 1"},
    {TEXT("a\"@b"), "a quoted string without its end at position 2"},
    {TEXT("\"x\\\""), "a quoted string without its end"},
    {TEXT("a\001b@c"), "\"a\\x01b@c\" is no address: control character \"\\x01\" at position 2"},
    {TEXT("a@b\0c"), "control character \"\\x00\" at position 4"},
    {TEXT("<a@b\0>"), "control character \"\\x00\" at position 5"},
    {TEXT("\"a\0b\"@c"), "control character \"\\x00\" at position 3"},
    {TEXT("\"a\r\n b\"@c"), "control character \"\\r\" at position 3"},
    {TEXT("\"a\\\x7f\"@c"), "control character \"\\x7f\" at position 4"},
    {TEXT("-oQ/tmp"), "starts with \"-\" and has no domain"},
    {TEXT("(x)-oQ"), "starts with \"-\" and has no domain"},
    {TEXT("\"-oQ\""), "starts with \"-\" and has no domain"},
    {TEXT("\"|sh -c x\""), "starts with \"|\" and has no domain"},
    {TEXT("|sh"), "starts with \"|\" and has no domain"},
    {TEXT("</etc/x>"), "starts with \"/\" and has no domain"},
    {TEXT("\"\"@x"), "nothing before"},
    {TEXT("a@b..c"), "empty label"},
    {TEXT("a@.b"), "empty label"},
    {TEXT("a@-b"), "starts with \"-\" in the domain"},
    {TEXT("a@b!c"), "\"!\" in the domain"},
    {TEXT("\xfc@x"), "not UTF-8"},
    {TEXT("a@\xfc"), "not UTF-8"},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char bytes[2048];
        struct text out;
        struct error error;
        bool needs_utf8 = false;
        text_init(&out, bytes, sizeof bytes);
        if (read_list(slice_make(wrong[i].list, wrong[i].length), &out, &needs_utf8, &error))
            fail_msg("\"%s\" was taken", wrong[i].list);
        assert_int_equal(error.exit_code, EX_USAGE);
        assert_true(error.permanent);
        if (strstr(error.sentence, wrong[i].words) == NULL)
            fail_msg("\"%s\": %s", wrong[i].list, error.sentence);
    }
}

/* A wrong element does not hide those behind it. */
static void test_goes_on_behind_error(void **state)
{
    (void)state;
    struct slice rest = slice_of("a b , c@d");
    struct address_mailbox mailbox;
    struct error error;
    bool found;
    assert_false(address_next(&rest, &mailbox, &found, &error));
    assert_true(slice_equals(mailbox.whole, slice_of("a b")));
    assert_true(address_next(&rest, &mailbox, &found, &error));
    assert_true(found);
    assert_true(slice_equals(mailbox.local, slice_of("c")));
    assert_true(slice_equals(mailbox.domain, slice_of("d")));
}

static void test_spans(void **state)
{
    (void)state;
    struct slice rest = slice_of("team : (x) John <@r:a . b @ c> (y) , d");
    struct address_mailbox mailbox;
    struct error error;
    bool found;
    assert_true(address_next(&rest, &mailbox, &found, &error) && found);
    assert_true(slice_equals(mailbox.whole, slice_of("(x) John <@r:a . b @ c> (y)")));
    assert_true(slice_equals(mailbox.local, slice_of("a . b")));
    assert_true(slice_equals(mailbox.domain, slice_of("c")));
    assert_true(address_next(&rest, &mailbox, &found, &error) && found);
    assert_true(slice_equals(mailbox.whole, slice_of("d")));
    assert_int_equal(mailbox.domain.length, 0);
    assert_true(address_next(&rest, &mailbox, &found, &error));
    assert_false(found);
}

static void test_tokens(void **state)
{
    (void)state;
    struct slice rest = slice_of("a.b (c(d)) \"e\\\"\"@[1::2]<[\xff\x01\r\n\"x");
    const struct {
        enum address_token_kind kind;
        const char *span;
    } expected[] = {
        {ADDRESS_ATOM, "a.b"},         {ADDRESS_BLANK, " "},
        {ADDRESS_COMMENT, "(c(d))"},   {ADDRESS_BLANK, " "},
        {ADDRESS_QUOTED, "\"e\\\"\""}, {ADDRESS_SPECIAL, "@"},
        {ADDRESS_LITERAL, "[1::2]"},   {ADDRESS_SPECIAL, "<"},
        {ADDRESS_SPECIAL, "["},        {ADDRESS_ATOM, "\xff"},
        {ADDRESS_SPECIAL, "\x01"},     {ADDRESS_BLANK, "\r\n"},
        {ADDRESS_QUOTED, "\"x"},       {ADDRESS_END, ""},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct address_token token = address_next_token(&rest);
        assert_int_equal(token.kind, expected[i].kind);
        assert_true(slice_equals(token.span, slice_of(expected[i].span)));
        assert_int_equal(token.unterminated, i == 12);
    }
}

static const struct {
    const char *string, *address, *words; /* address NULL: refused with these words */
} ones[] = {
    {"", "", NULL},
    {" ", "", NULL},
    {"<>", "", NULL},
    {" <> ", "", NULL},
    {"a@b", "a@b", NULL},
    {"Name <a@b>", "a@b", NULL},
    {"a", "a@local.example", NULL},
    {"a@b,", "a@b", NULL},
    {"a@b, c@d", NULL, "more than one"},
    {"a b", NULL, "a second word"},
    {"a@b, c d", NULL, "a second word"},
    {",", NULL, "there is none in it"},
    {"x:;", NULL, "there is none in it"},
    {"<>, <>", NULL, "nothing between"},
    {"a@b\nBcc: c@d", NULL, "control character \"\\n\" at position 4"},
    {"a@b\r\n", NULL, "control character \"\\r\" at position 4"},
    {"\x1b <a@b>", NULL, "control character \"\\x1b\" at position 1"},
};

static void test_parse_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
        char bytes[ADDRESS_SIZE];
        struct text out;
        struct error error;
        bool needs_utf8 = false;
        text_init(&out, bytes, sizeof bytes);
        bool ok =
            address_parse_one(slice_of(ones[i].string), "local.example", &out, &needs_utf8, &error);
        assert_int_equal(ok, ones[i].address != NULL);
        if (ok)
            assert_string_equal(bytes, ones[i].address);
        else if (strstr(error.sentence, ones[i].words) == NULL)
            fail_msg("\"%s\": %s", ones[i].string, error.sentence);
    }
}

static bool canonical(const char *string, const char *default_domain, char *bytes,
                      struct error *error)
{
    struct text out;
    bool needs_utf8 = false;
    text_init(&out, bytes, ADDRESS_SIZE);
    return address_parse_one(slice_of(string), default_domain, &out, &needs_utf8, error);
}

static void test_default_domain(void **state)
{
    (void)state;
    char bytes[ADDRESS_SIZE];
    struct error error;
    assert_true(canonical("root", NULL, bytes, &error));
    assert_string_equal(bytes, "root");
    assert_true(canonical("root", "Z\xc3\xbcrich.Example", bytes, &error));
    assert_string_equal(bytes, "root@xn--zrich-kva.example");
    assert_true(canonical("a@b", "x..y", bytes, &error));
    assert_false(canonical("a", "x..y", bytes, &error));
}

static void test_length(void **state)
{
    (void)state;
    char string[ADDRESS_SIZE + 8], bytes[ADDRESS_SIZE];
    struct error error;
    memset(string, 'a', sizeof string);
    memcpy(string + ADDRESS_SIZE - 3, "@b", 3);
    assert_int_equal(strlen(string), ADDRESS_SIZE - 1);
    assert_true(canonical(string, NULL, bytes, &error));
    assert_string_equal(bytes, string);
    memcpy(string + ADDRESS_SIZE - 3, "a@b", 4);
    assert_false(canonical(string, NULL, bytes, &error));
    assert_non_null(strstr(error.sentence, "longer than 511 octets"));
    memset(string, 'a', sizeof string);
    string[sizeof string - 1] = '\0';
    assert_false(canonical(string, NULL, bytes, &error));
}

static const struct {
    const char *address, *patterns;
    bool matches;
} patterns[] = {
    {"a@example.com", "*@example.com", true},
    {"a@EXAMPLE.com", "*@example.COM", true},
    {"a@example.com", "a@example.com", true},
    {"A@example.com", "a@example.com", false},
    {"a@example.org", "*@example.com", false},
    {"a@example.org", "*@example.com  *@example.org", true},
    {"a@example.org", "", false},
    {"a@x.example.org", "*@*.example.org", true},
    {"a@example.com.evil", "*@example.com", false},
    {"\"a@example.com\"@evil", "*@example.com", false},
    {"\"a@EXAMPLE.com\"@evil", "*@example.com*", false},
    {"a+b@x", "a+*@x", true},
    {"ab@x", "*a*b*@x", true},
    {"", "*", true},
    {"", "**", true},
    {"", "a", false},
    {"root", "*", true},
    {"root", "ROOT", false},
    {"a@b", "a@b*", true},
    {"a@b", "a@bc", false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (address_matches(slice_of(patterns[i].address), patterns[i].patterns) !=
            patterns[i].matches)
            fail_msg("\"%s\" and \"%s\"", patterns[i].address, patterns[i].patterns);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Whatever comes in: tokens cover it, nothing harmful comes out, and what does is a fixed point. */
static void check_anything(struct slice soup)
{
    struct slice rest = soup;
    const char *expected = soup.bytes;
    struct address_token token;
    while ((token = address_next_token(&rest)).kind != ADDRESS_END) {
        assert_ptr_equal(token.span.bytes, expected);
        assert_true(token.span.length > 0);
        expected += token.span.length;
    }
    assert_ptr_equal(expected, soup.bytes + soup.length);

    for (rest = soup; rest.length > 0;) {
        struct address_mailbox mailbox;
        char bytes[ADDRESS_SIZE], again[ADDRESS_SIZE];
        struct text out;
        struct error error;
        bool found, needs_utf8;
        text_init(&out, bytes, sizeof bytes);
        if (!address_next(&rest, &mailbox, &found, &error) || !found ||
            !address_canonical(&mailbox, "d", &out, &needs_utf8, &error))
            continue;
        for (size_t i = 0; i < out.length; i++)
            assert_true((unsigned char)bytes[i] >= ' ' && bytes[i] != 0x7f);
        assert_true(canonical(bytes, NULL, again, &error));
        assert_string_equal(again, bytes);
    }
}

static void test_soup(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a",    "b.c",   ".",         "@",        "@",     "<",     ">",       ",",
        ";",    ":",     "(",         ")",        "\"",    "\\",    "[",       "]",
        " ",    "\r\n ", "\t",        "x@y",      "\"q\"", "(c)",   "-",       "|",
        "\x01", "[::1]", "[1.2.3.4]", "\xc3\xbc", "\xff",  "<a@b>", "\"p q\"", "G:",
    };
    uint32_t seed = 1;
    for (size_t i = 0; i < 50000; i++) {
        char bytes[256];
        struct text soup;
        text_init(&soup, bytes, sizeof bytes);
        for (uint32_t left = next_random(&seed) % 14; left > 0; left--)
            text_add(&soup, pieces[next_random(&seed) % (sizeof pieces / sizeof pieces[0])]);
        check_anything(text_slice(&soup));
    }
}

static void test_random_bytes(void **state)
{
    (void)state;
    uint32_t seed = 2;
    for (size_t i = 0; i < 20000; i++) {
        char bytes[24];
        size_t length = next_random(&seed) % sizeof bytes;
        for (size_t j = 0; j < length; j++)
            bytes[j] = (char)next_random(&seed);
        check_anything(slice_make(bytes, length));
    }
}

/* `front`, `middle` over and over to a megabyte, `back`. */
static const struct {
    const char *front, *middle, *back;
    bool ok;
} large[] = {
    {"", ",", "", true},     {"", "(", "", false},        {"", "(", ")", false},
    {"", "()", "a@b", true}, {"", "[", "", false},        {"", "[a", "", false},
    {"\"", "x", "", false},  {"\"", "\\", "", false},     {"", "\"", "", false},
    {"", "a@", "", false},   {"", "a ", "<a@b>", true},   {"", "<", "", false},
    {"", "a:", "a@b", true}, {"<", "@a,", ":a@b>", true}, {"", "a.", "@b", false},
    {"", ". ", "@b", false}, {"a@", "b.", "", false},     {"", "a@b,", "", true},
    {"", " ", "", true},
};

static void test_large(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        struct buffer list = {0};
        struct error error;
        struct text out;
        char bytes[64];
        bool needs_utf8 = false;
        buffer_add_string(&list, large[i].front);
        while (list.length < MEGABYTE)
            buffer_add_string(&list, large[i].middle);
        assert_true(buffer_add_string(&list, large[i].back));
        text_init(&out, bytes, sizeof bytes);
        int64_t start = clock_now();
        bool ok = read_list(buffer_slice(&list), &out, &needs_utf8, &error);
        assert_true(clock_now() - start < QUICK);
        if (ok != large[i].ok)
            fail_msg("\"%s\": %s", large[i].middle, ok ? "taken" : error.sentence);
        buffer_free(&list);
    }
}

static void test_nested_comments(void **state)
{
    (void)state;
    struct buffer list = {0};
    struct text out;
    struct error error;
    char bytes[64];
    bool needs_utf8 = false;
    for (int i = 0; i < 10000; i++)
        buffer_add_byte(&list, '(');
    for (int i = 0; i < 10000; i++)
        buffer_add_byte(&list, ')');
    assert_true(buffer_add_string(&list, "a@b"));
    text_init(&out, bytes, sizeof bytes);
    assert_true(read_list(buffer_slice(&list), &out, &needs_utf8, &error));
    assert_string_equal(bytes, "a@b");
    buffer_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_goes_on_behind_error),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_parse_one),
        cmocka_unit_test(test_default_domain),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_soup),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_nested_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
