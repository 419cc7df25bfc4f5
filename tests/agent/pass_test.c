/* Goal: what a pass makes of an entry, by what the smarthost does and by how old the entry is: what
 * is recorded, what is counted, what is given up and who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/load.h"
#include "agent/pass.h"
#include "base/clock.h"
#include "message/input.h"
#include "queue/outage.h"
#include "tests/support/folder.h"
#include "tests/support/peer.h"

#define GREETING "220 hello\n250-smarthost/250 ENHANCEDSTATUSCODES\n"

enum { DAY = 24 * 3600 };

struct scene {
    char folder[64];
    struct call call;
    struct peer peer;
    bool listens;
};

static void write_config(struct scene *scene, const char *lines)
{
    char path[128];
    snprintf(path, sizeof path, "%s/config.ini", scene->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "[smarthost]\nhost = 127.0.0.1\nport = %d\ntls = none\nauth = off\n"
            "from = alice@example.com\nhelo = client.example\n%s\n"
            "[local]\ndomain = example.com\naliases = none\n"
            "[queue]\ndirectory = %s/queue\n[log]\nsyslog = off\nfile = %s/log\n",
            scene->listens ? scene->peer.port : 1, lines, scene->folder, scene->folder);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(access(path, R_OK), 0);
}

/* A spool, and a smarthost that says `scripts`; NULL: nobody is there. */
static void open_scene(struct scene *scene, const char *const *scripts, const char *lines)
{
    struct error error;
    *scene = (struct scene){.listens = scripts != NULL, .folder = "/tmp/pass-XXXXXX"};
    assert_non_null(mkdtemp(scene->folder));
    if (scripts != NULL)
        peer_listen(&scene->peer, scripts);
    write_config(scene, lines);
    struct call *call = &scene->call;
    call->helper.socket = -1;
    call->options.config_file = arena_format(&call->arena, "%s/config.ini", scene->folder);
    call->options.run.all = true;
    if (!call_load(call, &error) || !call_open_spool(call, &error))
        fail_msg("%s", error.sentence);
}

static void close_scene(struct scene *scene)
{
    call_free(&scene->call);
    if (scene->listens) {
        peer_join(&scene->peer);
        peer_free(&scene->peer);
    }
    folder_remove(scene->folder);
}

struct wanted {
    const char *sender, *recipients, *message;
    int64_t age;
    int tries; /* that failed so far */
};

static void read_message(struct message *message, const char *text)
{
    static const struct input_options options;
    struct error error;
    message_init(message, NULL);
    struct input *input = input_open(message, &options, &error);
    assert_non_null(input);
    assert_true(input_add(input, slice_of(text), &error) && input_end(input, &error));
}

static void fail_once(struct scene *scene, const char *id)
{
    struct entry entry;
    struct error error;
    struct record_try what = {.when = clock_wall(), .counted = true, .reason = "450 not now"};
    assert_int_equal(entry_open(&scene->call.spool, SPOOL_QUEUE, id, true, &entry, &error),
                     SPOOL_OPENED);
    assert_true(entry_record_try(&entry, &what, &error));
    entry_close(&entry);
}

static void add(struct scene *scene, const struct wanted *wanted, char id[SPOOL_ID_SIZE])
{
    struct error error;
    struct message message;
    struct envelope envelope = {0};
    struct slice rest = slice_of(wanted->recipients != NULL ? wanted->recipients : "bob@b.example");
    struct slice recipient;
    struct record_envelope about = {.created = clock_wall() - wanted->age};
    const char *sender = wanted->sender != NULL ? wanted->sender : "alice@example.com";
    read_message(&message, wanted->message != NULL
                               ? wanted->message
                               : "From: <alice@example.com>\nSubject: hello\n\nHello.\n");
    assert_true(envelope_set_sender(&envelope, sender, &error));
    while (slice_cut_word(&rest, &recipient)) {
        char address[128];
        snprintf(address, sizeof address, "%.*s", (int)recipient.length, recipient.bytes);
        assert_true(envelope_add(&envelope, address, &error));
    }
    if (!entry_add(&scene->call.spool, &message, &envelope, &about, id, &error))
        fail_msg("%s", error.sentence);
    for (int i = 0; i < wanted->tries; i++)
        fail_once(scene, id);
    message_free(&message);
    envelope_free(&envelope);
}

static void run(struct scene *scene)
{
    struct error error;
    struct pass_options options = {
        .run = &scene->call.options.run, .keeps_house = true, .hands = 1};
    if (!pass_run(&scene->call, &options, &error))
        fail_msg("%s", error.sentence);
}

static size_t count(struct scene *scene, enum spool_folder folder)
{
    struct error error;
    struct spool_name name;
    size_t number = 0;
    struct spool_walk *walk = spool_walk_open(&scene->call.spool, folder, &error);
    assert_non_null(walk);
    while (spool_walk_next(walk, &name, &error))
        number++;
    spool_walk_close(walk);
    return number;
}

static void assert_holds(struct scene *scene, size_t waiting, size_t failed)
{
    assert_int_equal(count(scene, SPOOL_QUEUE), waiting);
    assert_int_equal(count(scene, SPOOL_FAILED), failed);
}

/* The entry as it is now. */
static void look(struct scene *scene, enum spool_folder folder, const char *id, struct entry *entry)
{
    struct error error;
    if (entry_open(&scene->call.spool, folder, id, false, entry, &error) != SPOOL_OPENED)
        fail_msg("%s", error.sentence);
}

static unsigned outage_failures(struct scene *scene)
{
    struct outages outages;
    outages_read(&outages, &scene->call.spool);
    unsigned failures = outages.count > 0 ? outages.list[0].failures : 0;
    outages_free(&outages);
    return failures;
}

/* --- what the smarthost does ----------------------------------------------------------------- */

/* One entry, and what is known after a pass. */
struct attempt {
    const char *script;
    size_t waiting, failed;
    unsigned tries;
    unsigned failures; /* of the smarthost */
    const char *reason;
    bool reported; /* one of the waiting is a report */
};

static void test_attempts(void **state)
{
    static const struct attempt cases[] = {
        {GREETING "250 ok\n250 ok\n354 go\n250 taken\n221 bye", 0, 0, 0, 0, NULL, false},
        {GREETING "450 later\n250 reset\n221 bye", 1, 0, 1, 0, "450 later", false},
        {GREETING "250 ok\n450 later\n503 no\n250 reset\n221 bye", 1, 0, 1, 0, "450 later", false},
        {GREETING "250 ok\n250 ok\n451 later\n250 reset\n221 bye", 1, 0, 1, 0, "451 later", false},
        {GREETING "250 ok\n250 ok\n354 go\n452 full\n250 reset\n221 bye", 1, 0, 1, 0, "452 full",
         false},
        /* refused for good: a report waits */
        {GREETING "250 ok\n250 ok\n354 go\n554 no\n250 reset\n221 bye", 1, 1, 0, 0, NULL, true},
        {GREETING "550 no\n250 reset\n221 bye", 1, 1, 0, 0, NULL, true},
        /* the smarthost's own troubles are not the entry's */
        {"421 away", 1, 0, 0, 1, NULL, false},
        {"close", 1, 0, 0, 1, NULL, false},
        {"220 hello\n421 away", 1, 0, 0, 1, NULL, false},
        /* nobody knows whether it was taken */
        {GREETING "250 ok\n250 ok\n354 go\nclose", 1, 0, 1, 1, "possible duplicate", false},
        /* it may be why the server broke off */
        {GREETING "250 ok\n250 ok\nclose", 1, 0, 1, 1, "closed", false},
        {GREETING "421 away", 1, 0, 1, 1, "421 away", false},
        {GREETING "250 ok\n421 away", 1, 0, 1, 1, "421 away", false},
        {GREETING "250 ok\n250 ok\n354 go\n421 away", 1, 0, 1, 1, "421 away", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct attempt *attempt = &cases[i];
        const char *scripts[] = {attempt->script, NULL};
        struct scene scene;
        struct entry entry;
        char id[SPOOL_ID_SIZE];
        print_message("%s\n", attempt->script);
        open_scene(&scene, scripts, "");
        add(&scene, &(struct wanted){0}, id);
        run(&scene);
        assert_holds(&scene, attempt->waiting, attempt->failed);
        assert_int_equal(outage_failures(&scene), attempt->failures);
        if (attempt->waiting > 0 && !attempt->reported) {
            look(&scene, SPOOL_QUEUE, id, &entry);
            assert_int_equal(entry.tries, attempt->tries);
            if (attempt->reason != NULL)
                assert_non_null(strstr(entry.reason, attempt->reason));
            assert_true(attempt->tries == 0 || entry.next_try > clock_wall());
            entry_close(&entry);
        }
        close_scene(&scene);
    }
}

/* Who has it is not offered it again. */
static void test_the_rest_alone(void **state)
{
    static const char *const scripts[] = {
        GREETING "250 ok\n250 ok\n450 later\n354 go\n250 taken\n221 bye",
        GREETING "250 ok\n250 ok\n354 go\n250 taken\n221 bye", NULL};
    struct scene scene;
    char id[SPOOL_ID_SIZE];
    (void)state;
    open_scene(&scene, scripts, "");
    add(&scene, &(struct wanted){.recipients = "bob@b.example carol@c.example"}, id);
    run(&scene);
    assert_holds(&scene, 1, 0);
    run(&scene);
    assert_holds(&scene, 0, 0);
    peer_join(&scene.peer);
    char lines[4096];
    snprintf(lines, sizeof lines, "%.*s", (int)scene.peer.lines.length, scene.peer.lines.bytes);
    char *second = strstr(strstr(lines, "EHLO") + 1, "EHLO");
    assert_non_null(second);
    assert_null(strstr(second, "bob@"));
    assert_non_null(strstr(second, "RCPT TO:<carol@c.example>"));
    peer_free(&scene.peer);
    scene.listens = false;
    close_scene(&scene);
}

static void test_in_hand_elsewhere(void **state)
{
    struct scene scene;
    struct entry entry;
    struct error error;
    char id[SPOOL_ID_SIZE];
    (void)state;
    open_scene(&scene, NULL, "");
    add(&scene, &(struct wanted){0}, id);
    assert_int_equal(entry_open(&scene.call.spool, SPOOL_QUEUE, id, true, &entry, &error),
                     SPOOL_OPENED);
    run(&scene);
    assert_int_equal(outage_failures(&scene), 0);
    entry_close(&entry);
    run(&scene);
    assert_int_equal(outage_failures(&scene), 1);
    close_scene(&scene);
}

/* --- its age --------------------------------------------------------------------------------- */

static void test_age(void **state)
{
    static const struct {
        int64_t age;
        int tries;
        bool given_up;
    } cases[] = {
        {0, 4, false},        {4 * DAY, 40, false},  {6 * DAY, 3, false},    {6 * DAY, 4, true},
        {600 * DAY, 4, true}, {600 * DAY, 0, false}, {-600 * DAY, 9, false},
    };
    static const char *const scripts[] = {GREETING "450 later\n250 reset\n221 bye", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        struct entry entry;
        char id[SPOOL_ID_SIZE];
        open_scene(&scene, scripts, "");
        add(&scene, &(struct wanted){.age = cases[i].age, .tries = cases[i].tries}, id);
        run(&scene);
        assert_holds(&scene, 1, cases[i].given_up);
        look(&scene, cases[i].given_up ? SPOOL_FAILED : SPOOL_QUEUE, id, &entry);
        assert_int_equal(entry.envelope.recipients[0].state,
                         cases[i].given_up ? RECIPIENT_REFUSED : RECIPIENT_DEFERRED);
        if (cases[i].given_up) {
            assert_non_null(strstr(entry.envelope.recipients[0].reply, "given up after "));
            assert_non_null(strstr(entry.envelope.recipients[0].reply, "450 later"));
            assert_false(entry_owes_report(&entry));
        }
        entry_close(&entry);
        close_scene(&scene);
    }
}

/* The smarthost's failures are attempts for all that waited for it, and end what is too old, while
 * what is young stays. */
static void test_age_in_an_outage(void **state)
{
    struct scene scene;
    struct outages outages;
    struct error error;
    char old[SPOOL_ID_SIZE], young[SPOOL_ID_SIZE];
    (void)state;
    open_scene(&scene, NULL, "");
    add(&scene, &(struct wanted){.age = 6 * DAY}, old);
    add(&scene, &(struct wanted){.age = 2 * DAY}, young);
    run(&scene);
    assert_holds(&scene, 2, 0);
    outages_read(&outages, &scene.call.spool);
    const char *smarthost = outages.list[0].smarthost;
    for (int i = 4; i > 0; i--)
        outages_failed(&outages, smarthost, &scene.call.settings.queue.backoff,
                       clock_wall() - i * 1000, 0, "away");
    assert_true(outages_write(&outages, &scene.call.spool, &error));
    outages_free(&outages);
    run(&scene);
    assert_holds(&scene, 2, 1); /* with the report */
    close_scene(&scene);
}

/* Before its time the smarthost is not asked, and nothing is given up. */
static void test_an_outage_is_respected(void **state)
{
    struct scene scene;
    char id[SPOOL_ID_SIZE];
    (void)state;
    open_scene(&scene, NULL, "");
    add(&scene, &(struct wanted){.age = 6 * DAY, .tries = 9}, id);
    scene.call.options.run.all = false;
    run(&scene);
    assert_holds(&scene, 1, 1);
    add(&scene, &(struct wanted){.age = 6 * DAY, .tries = 9}, id);
    run(&scene);
    assert_holds(&scene, 2, 1);
    assert_int_equal(outage_failures(&scene), 1);
    close_scene(&scene);
}

/* --- whose it is ----------------------------------------------------------------------------- */

static void test_the_sender_is_judged_again(void **state)
{
    static const struct {
        const char *lines, *sender, *judged;
    } cases[] = {
        {"", "eve@elsewhere.example", "eve@elsewhere.example"},
        {"allow_from_override = no", "eve@elsewhere.example", "alice@example.com"},
        {"allow_from_override = *@example.com", "eve@elsewhere.example", "alice@example.com"},
        {"allow_from_override = *@example.com", "eve@example.com", "eve@example.com"},
        {"allow_from_override = no", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        struct error error;
        struct load *load;
        char id[SPOOL_ID_SIZE];
        open_scene(&scene, NULL, cases[i].lines);
        add(&scene, &(struct wanted){.sender = cases[i].sender}, id);
        assert_int_equal(load_open(&load, &scene.call, id, &error), SPOOL_OPENED);
        assert_true(load_choose_account(load, &error));
        assert_string_equal(load->entry.envelope.sender, cases[i].judged);
        load_free(load);
        close_scene(&scene);
    }
}

/* An entry that is too large by now, without a connection. */
static void test_the_size_is_judged_again(void **state)
{
    struct scene scene;
    char id[SPOOL_ID_SIZE];
    (void)state;
    open_scene(&scene, NULL, "[message]\nmax_size = 20");
    add(&scene, &(struct wanted){0}, id);
    run(&scene);
    assert_holds(&scene, 1, 1);
    assert_int_equal(outage_failures(&scene), 0);
    close_scene(&scene);
}

static void header_of(struct message *message, char *bytes, size_t size)
{
    struct error error;
    assert_true(message->header.length < size);
    assert_true(
        store_read(&message->store, message->header.offset, bytes, message->header.length, &error));
    bytes[message->header.length] = '\0';
}

/* The header was mended when the message was queued: a second time changes nothing. */
static void test_mending_twice(void **state)
{
    static const char *const messages[] = {
        "Subject: hello\n\nHello.\n",
        "no header at all\n",
        "From: bob\nTo: carol, <dave>\nBcc: eve@example.com\nSubject: h\xc3\xa9llo\n\nx\n",
        "To:\nCc: \nTo: a@a.example\nTo: b@b.example\nBroken line\n: nothing\n\nx\n",
        "From: \xff\xfe <x@y.example>\nResent-From: eve\nResent-To: bob\nReturn-Path: <x>\n\nx\n",
        "Subject: a\n b\n\tc\nMessage-ID: <1@2>\nDate: Mon, 23 Nov 2026 18:00:00 +0000\n\nx\n",
        "From: Some Body <someone@else.example>\nReply-To: x@y.example\n\nx\n",
    };
    static const char *const lines[] = {"", "[message]\nfrom_header = replace",
                                        "[message]\nfrom_header = keep\nadd_date = no"};
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0] * 3; i++) {
        struct scene scene;
        struct mail mail;
        struct load *load;
        struct error error;
        struct record_envelope about = {.created = clock_wall()};
        char id[SPOOL_ID_SIZE], once[8192], twice[8192];
        bool damaged;
        open_scene(&scene, NULL, lines[i % 3]);
        mail_init(&mail, &scene.call);
        message_free(&mail.message);
        read_message(&mail.message, messages[i / 3]);
        assert_true(mail_choose_account(&mail, NULL, &error));
        assert_true(envelope_add(&mail.envelope, "bob@b.example", &error));
        assert_true(mail_mend_header(&mail, &error));
        header_of(&mail.message, once, sizeof once);
        assert_true(
            entry_add(&scene.call.spool, &mail.message, &mail.envelope, &about, id, &error));
        mail_free(&mail);
        assert_int_equal(load_open(&load, &scene.call, id, &error), SPOOL_OPENED);
        assert_true(load_choose_account(load, &error) && load_read(load, &damaged, &error));
        header_of(&load->mail.message, twice, sizeof twice);
        assert_string_equal(once, twice);
        load_free(load);
        close_scene(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_the_rest_alone),
        cmocka_unit_test(test_in_hand_elsewhere),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_age_in_an_outage),
        cmocka_unit_test(test_an_outage_is_respected),
        cmocka_unit_test(test_the_sender_is_judged_again),
        cmocka_unit_test(test_the_size_is_judged_again),
        cmocka_unit_test(test_mending_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
