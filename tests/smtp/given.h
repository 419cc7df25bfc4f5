/* What the tests of whole messages begin with. */
#ifndef TESTS_SMTP_GIVEN_H
#define TESTS_SMTP_GIVEN_H

#include <string.h>

#include "message/message.h"
#include "smtp/smarthost.h"

#include <cmocka.h>

/* A smarthost at that port of this machine, in clear, with all that saves round trips. */
static inline struct smarthost given_smarthost(uint16_t port)
{
    return (struct smarthost){
        .dial = {.hosts = {"127.0.0.1"},
                 .ports = {port},
                 .connect_timeout = 20000,
                 .fallback_delay = 20000},
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "auto"},
        .helo = "client.example",
        .timeout = 20000,
        .pipelining = true,
        .chunking = true,
    };
}

/* A message with a Subject and `body`, as often as that takes to have `octets` of it. */
static inline void given_message(struct message *message, const char *body, size_t octets)
{
    static const char header[] = "Subject: x\r\n";
    struct error error;
    message_init(message, NULL);
    assert_true(store_append(&message->store, slice_of(header), &error));
    message->header = (struct extent){0, strlen(header)};
    message->body = (struct extent){strlen(header), 0};
    message->body_8bit = slice_has_8bit(slice_of(body));
    do {
        assert_true(store_append(&message->store, slice_of(body), &error));
        message->body.length += strlen(body);
    } while (message->body.length < octets);
}

#endif
