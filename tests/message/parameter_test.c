/* Goal: parameters are found as readers find them, however they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "message/parameter.h"

/* Each parameter as name=[meaning], blank-separated, behind the token. */
static void describe(struct slice value, struct text *out)
{
    struct parameter parameter;
    parameter_token(value, out);
    while (parameter_next(&value, &parameter)) {
        text_add(out, " ");
        text_add_slice(out, parameter.name);
        text_add(out, "=[");
        parameter_meaning(parameter.value, out);
        text_add(out, "]");
    }
}

static void parameters_by_example(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {" text/plain", "text/plain"},
        {" (a) text / (b) plain (c); x=y", "text/plain x=[y]"},
        {" a/b; boundary=\"a b\\\"c\\\\\"; X=1", "a/b boundary=[a b\"c\\] X=[1]"},
        {" a/b; boundary = (c) \"x\r\n y\" (d)", "a/b boundary=[x y]"},
        {" a/b;boundary=----=_Part_1:2@3/4;x=", "a/b boundary=[----=_Part_1:2@3/4] x=[]"},
        {" a/b; boundary=x y; c=d", "a/b boundary=[x] c=[d]"},
        {" a/b; ; =x; y; z =w; \"q\"=r", "a/b z=[w]"},
        {" a/b; c=\"d;e=f\"; g=\"h", "a/b c=[d;e=f] g=[h]"},
        {" a/b; (c=d;) e=f(;g=h)", "a/b e=[f]"},
        {" a/b; c=[d]; e=f\"g\"h", "a/b c=[[d]] e=[fgh]"},
        {" a/b; c=(d", "a/b c=[]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char storage[200];
        struct text out;
        text_init(&out, storage, sizeof storage);
        describe(slice_of(rows[i][0]), &out);
        assert_string_equal(storage, rows[i][1]);
    }
}

static void the_token_ends_where_it_ends(void **state)
{
    char storage[50];
    struct text out;
    (void)state;
    text_init(&out, storage, sizeof storage);
    assert_int_equal(parameter_token(slice_of(" text/plain (x) ; a=b"), &out), 11);
}

static void endless_values_take_linear_time(void **state)
{
    static const char *const pieces[] = {";a=(", ";a=\"", ";a=", ";", ";a (x)", "=", "[", "a "};
    enum { SIZE = 400000 };
    char *bytes = malloc(SIZE);
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct parameter parameter;
        size_t length = strlen(pieces[i]), count = 0;
        for (size_t j = 0; j < SIZE; j++)
            bytes[j] = pieces[i][j % length];
        struct slice rest = slice_make(bytes, SIZE);
        while (parameter_next(&rest, &parameter))
            count++;
        assert_true(count <= SIZE / 3);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_by_example),
        cmocka_unit_test(the_token_ends_where_it_ends),
        cmocka_unit_test(endless_values_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
