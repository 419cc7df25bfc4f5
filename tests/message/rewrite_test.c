/* Goal: addresses are completed and made ASCII, names kept, and what is no list left in peace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/rewrite.h"

enum call { LIST, FIRST, MAILBOX, TOKENS, PARAMETERS };

static const struct row {
    enum call call;
    const char *before, *after;
    bool result, completed, encoded;
} rows[] = {
    {LIST, " root", " root@example.com", true, true, false},
    {LIST, " root (x), <joe>, a.b@c.example",
     " root@example.com (x), <joe@example.com>, a.b@c.example", true, true, false},
    {LIST, " \"a b\"", " \"a b\"@example.com", true, true, false},
    {LIST, " a: b, c;, d", " a: b@example.com, c@example.com;, d@example.com", true, true, false},
    {LIST, ",, ,", ",, ,", true, false, false},
    {LIST, " x@[192.0.2.1]", " x@[192.0.2.1]", true, false, false},
    {LIST, " x@B\xc3\xbc.example (\xc3\xbc x)", " x@xn--b-eha.example (=?utf-8?Q?=C3=BC_x?=)", true,
     true, true},
    {LIST, " J\xc3\xbc X <root>", " =?utf-8?Q?J=C3=BC_X?= <root@example.com>", true, true, true},
    {LIST, " a b, c\xc3\xbc", " a b, =?utf-8?B?Y8O8?=", false, false, true},
    {LIST, " a <b", " a <b", false, false, false},
    {LIST, " (a\xc3\xbc", " (=?utf-8?B?YcO8?=", false, false, true},
    {LIST, " \"a\xc3\xbc", " =?utf-8?B?YcO8?=", false, false, true},
    {FIRST, " root (Cron Daemon)", " me@x.example (Cron Daemon)", true, false, false},
    {FIRST, " \"A, B\" <a@b.example>, c", " \"A, B\" <me@x.example>", true, false, false},
    {FIRST, " a@b.example", " Nobody <me@x.example>", true, false, false},
    {FIRST, " a b", "", false, false, false},
    {FIRST, " ", "", false, false, false},
    {MAILBOX, "A B", " A B <me@x.example>", true, false, false},
    {MAILBOX, "\x01\x7f", " me@x.example", true, false, false},
    {MAILBOX, "B:\r\n c", " \"B:   c\" <me@x.example>", true, false, false},
    {LIST, " =?utf-8?Q?J?= M\xc3\xbcller <a@b.c>",
     " =?utf-8?Q?J?= =?utf-8?Q?_M=C3=BCller?= <a@b.c>", true, false, true},
    {LIST, " J\xc3\xb6rg =?utf-8?Q?M?= \"X.\"  =?utf-8?Q?N?= \xc3\xbc<a@b.c>",
     " =?utf-8?Q?J=C3=B6rg_?= =?utf-8?Q?M?= \"X.\"  =?utf-8?Q?N?=\r\n =?utf-8?B?IMO8?= <a@b.c>",
     true, false, true},
    {LIST, " =?utf-8?Q?J?=\"\xc3\xbc\"=?utf-8?Q?M?= <a@b.c>",
     " =?utf-8?Q?J?= =?utf-8?B?w7w=?= =?utf-8?Q?M?= <a@b.c>", true, false, true},
    {LIST, " a@b.c (=?utf-8?Q?x?= \xc3\xbc =?utf-8?Q?y?= z)",
     " a@b.c (=?utf-8?Q?x?= =?utf-8?Q?_=C3=BC_?= =?utf-8?Q?y?= z)", true, false, true},
    {TOKENS, " <a\xc3\xbc@b> \"\xff\" (d\xc3\xbc)", " <a??@b> \"?\" (=?utf-8?B?ZMO8?=)", true,
     false, true},
    {PARAMETERS, " a/b; c=\"d \xc3\xbc\\\"\" (d\xc3\xbc); e=f",
     " a/b; c*=utf-8''d%20%C3%BC%22 (=?utf-8?B?ZMO8?=); e=f", true, false, true},
    {PARAMETERS, " a; name = n\xff.txt ; \xc3\xbc=1", " a; name*=unknown-8bit''n%FF.txt ; \?\?=1",
     true, false, true},
    {PARAMETERS, " a; b*=utf-8''%20\xc3\xbc; c*0=\"\xc3\xbc\"; d=e",
     " a; b*=utf-8''%20%C3%BC; c*0=\"??\"; d=e", true, false, true},
    {TOKENS, " a/b; c=\"d\" (e", " a/b; c=\"d\" (e", true, false, false},
};

static bool call(struct rewrite *rewrite, const struct row *row)
{
    struct slice value = slice_of(row->before);
    if (row->call == LIST)
        return rewrite_addresses(rewrite, value);
    if (row->call == FIRST)
        return rewrite_first(rewrite, value, "me@x.example", "Nobody");
    if (row->call == MAILBOX)
        rewrite_mailbox(rewrite, row->before, "me@x.example");
    else if (row->call == PARAMETERS)
        rewrite_parameters(rewrite, value);
    else
        rewrite_tokens(rewrite, value);
    return true;
}

static void values_by_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char written[512], expected[512] = "X:";
        struct store store;
        struct fold fold;
        struct error error = {0};
        store_init(&store, NULL);
        fold_open(&fold, &store, false, &error);
        fold_begin(&fold, slice_of("X"), FIELD_ADDRESSES);
        struct rewrite rewrite = {.fold = &fold, .domain = "example.com"};
        assert_int_equal(call(&rewrite, &rows[i]), rows[i].result);
        assert_int_equal(rewrite.completed, rows[i].completed);
        assert_int_equal(rewrite.encoded, rows[i].encoded);
        rewrite_free(&rewrite);
        fold_end(&fold);
        assert_true(fold_close(&fold));
        size_t size = (size_t)store_size(&store);
        assert_true(store_read(&store, 0, written, size, &error));
        written[size] = '\0';
        memcpy(expected + 2, rows[i].after, strlen(rows[i].after) + 1);
        memcpy(expected + strlen(expected), "\r\n", 3);
        assert_string_equal(written, expected);
        store_free(&store);
    }
}

static void without_domain_nothing_is_completed(void **state)
{
    struct store store;
    struct fold fold;
    struct error error = {0};
    (void)state;
    store_init(&store, NULL);
    fold_open(&fold, &store, false, &error);
    fold_begin(&fold, slice_of("X"), FIELD_ADDRESSES);
    struct rewrite rewrite = {.fold = &fold};
    assert_true(rewrite_addresses(&rewrite, slice_of(" root")));
    assert_false(rewrite.completed);
    rewrite_free(&rewrite);
    fold_end(&fold);
    assert_true(fold_close(&fold));
    assert_int_equal(store_size(&store), strlen("X: root\r\n"));
    store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_by_example),
        cmocka_unit_test(without_domain_nothing_is_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
