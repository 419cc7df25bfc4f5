/* A spool of a test's own, and entries in it. */
#ifndef TESTS_AGENT_QUEUED_H
#define TESTS_AGENT_QUEUED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mailq.h"
#include "message/input.h"
#include "tests/support/folder.h"

#include <cmocka.h>

enum { QUEUED_NOW = 1700000000 };

static char queued_home[64], queued_directory[80];
static struct settings_queue queued_settings;
static struct spool queued_spool;

/* Fixtures of each test. */
static int queued_set_up(void **state)
{
    struct error error;
    (void)state;
    snprintf(queued_home, sizeof queued_home, "/tmp/queued_test-XXXXXX");
    if (mkdtemp(queued_home) == NULL)
        return -1;
    snprintf(queued_directory, sizeof queued_directory, "%s/queue", queued_home);
    queued_settings = (struct settings_queue){
        .spool = {.directory = queued_directory, .max_size = 1 << 30, .keep_failed = 1000},
        .backoff = {.first = 300000, .cap = 14400000, .lifetime = 432000000}};
    return spool_open(&queued_spool, &queued_settings.spool, false, NULL, &error) ? 0 : -1;
}

static int queued_tear_down(void **state)
{
    (void)state;
    spool_close(&queued_spool);
    return folder_remove(queued_home);
}

static void queued_add(const char *content, char id[SPOOL_ID_SIZE])
{
    struct message message;
    struct envelope envelope = {0};
    struct input_options how = {0};
    struct error error;
    struct record_envelope about = {
        .created = QUEUED_NOW - 60, .next = QUEUED_NOW + 240, .reason = "no connection"};
    message_init(&message, NULL);
    struct input *input = input_open(&message, &how, &error);
    assert_true(input_add(input, slice_of(content), &error));
    assert_true(input_end(input, &error));
    assert_true(envelope_set_sender(&envelope, "alice@example.com", &error));
    assert_true(envelope_add(&envelope, "bob@example.net", &error));
    if (!entry_add(&queued_spool, &message, &envelope, &about, id, &error))
        fail_msg("%s", error.sentence);
    envelope_free(&envelope);
    message_free(&message);
}

/* Claimed. */
static void queued_open(const char *id, struct entry *entry)
{
    struct error error;
    if (entry_open(&queued_spool, SPOOL_QUEUE, id, true, entry, &error) != SPOOL_OPENED)
        fail_msg("%s", error.sentence);
}

static void queued_fail(const char *id)
{
    struct entry entry;
    struct error error;
    queued_open(id, &entry);
    assert_true(spool_move(&queued_spool, id, SPOOL_FAILED, &error));
    entry_close(&entry);
}

#endif
