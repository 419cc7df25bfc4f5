/* Goal: whoever comes from another program of this kind is told what his settings are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/keys.h"

static void test_foreign_names(void **state)
{
    static const struct {
        const char *name, *section, *key;
    } rows[] = {
        {"passwordeval", "smarthost", "password_command"},
        {"username", "smarthost", "user"},
        {"AuthUser", "smarthost", "user"},
        {"AuthPass", "smarthost", "password"},
        {"AuthMethod", "smarthost", "auth"},
        {"mailhub", "smarthost", "host"},
        {"hostname", "smarthost", "helo"},
        {"tls_starttls", "smarthost", "tls"},
        {"UseSTARTTLS", "smarthost", "tls"},
        {"tls_trust_file", "smarthost", "tls_ca_file"},
        {"tls_host_override", "smarthost", "tls_name"},
        {"tls_cert_file", "smarthost", "tls_cert"},
        {"tls_key_file", "smarthost", "tls_key"},
        {"FromLineOverride", "smarthost", "allow_from_override"},
        {"auto_from", "local", "domain"},
        {"maildomain", "local", "domain"},
        {"rewriteDomain", "local", "domain"},
        {"set_from_header", "message", "from_header"},
        {"set_date_header", "message", "add_date"},
        {"set_msgid_header", "message", "add_message_id"},
        {"remove_bcc_headers", "message", "remove_bcc"},
        {"alias_maps", "local", "aliases"},
        {"logfile", "log", "file"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct keys_row *row = keys_find_foreign(rows[i].name);
        assert_non_null(row);
        assert_string_equal(row->section, rows[i].section);
        assert_string_equal(row->key, rows[i].key);
    }
    assert_null(keys_find_foreign("nonsense"));
    assert_null(keys_find_foreign("host"));
}

static void test_find(void **state)
{
    (void)state;
    assert_string_equal(keys_find("log", "file")->key, "file");
    assert_null(keys_find("smarthost", "file"));
    assert_null(keys_find("smarthost:work", "host"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_names),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
