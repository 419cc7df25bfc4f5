/* Goal: no row of the table can be a slip of the pen: each leads to one place, by a name or to this
 * machine, in a way that --configure can use. */
#include "config/providers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "config/value.h"

/* As the loader would take it, and in lower case already. */
static void check_name(const char *name)
{
    struct arena arena = {0};
    struct error error;
    const char *ascii;
    if (!value_domain(slice_of(name), &ascii, &arena, &error) || strcmp(ascii, name) != 0)
        fail_msg("%s is no name", name);
    assert_non_null(strchr(name, '.'));
    arena_free(&arena);
}

static void test_rows(void **state)
{
    size_t count;
    const struct providers_row *table = providers_table(&count);
    (void)state;
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++) {
        const struct providers_row *row = &table[i];
        struct slice rest = slice_of(row->domains), word;
        assert_true(row->name[0] != '\0');
        if (row->host == NULL) {
            assert_non_null(row->note);
            continue;
        }
        assert_int_equal(row->implicit, row->port == 465);
        if (strcmp(row->host, "127.0.0.1") != 0) {
            check_name(row->host);
            assert_true(row->port == 465 || row->port == 587);
        }
        assert_true(slice_cut_word(&rest, &word));
    }
}

/* Each domain leads to the row that it stands in, so that none stands in two. */
static void test_domains(void **state)
{
    size_t count;
    const struct providers_row *table = providers_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct slice rest = slice_of(table[i].domains), word;
        while (slice_cut_word(&rest, &word)) {
            struct arena arena = {0};
            const char *domain = arena_copy(&arena, word);
            check_name(domain);
            if (providers_find(domain) != &table[i])
                fail_msg("%s is there twice", domain);
            arena_free(&arena);
        }
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_string_equal(providers_find("GoogleMail.com")->host, "smtp.gmail.com");
    assert_string_equal(providers_find("me.com")->host, "smtp.mail.me.com");
    assert_null(providers_find("tuta.com")->host);
    assert_null(providers_find("example.com"));
    assert_null(providers_find("gmail.com.example"));
    assert_null(providers_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
