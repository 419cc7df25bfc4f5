/* Goal: messages share a connection, each recipient gets the server's own verdict before the message
 * is there, and whatever becomes of the connection meanwhile, who was promised the message gets it
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "smtp/submission.h"
#include "tests/support/peer.h"

enum { SCRIPTS_MAX = 4, STATES_SIZE = 128 };

#define HELLO "220 mx\n250-mx/250-8BITMIME/250 SIZE\n"
#define PIPE  "220 mx\n250-mx/250-8BITMIME/250 PIPELINING\n"
#define BOTH  "220 mx\n250-mx/250-8BITMIME/250-PIPELINING/250 CHUNKING\n"
#define ONE   "250 ok\n250 ok\n354 go\n250 ok\n"

/* `steps`, a letter each:
 *   m  another message, with an envelope of its own     +  one recipient more in it
 *   o  offer    d  deliver    l  deliver the last one    O D  the same, and it fails
 *   r  reset    z  rest       .  wait until the server has ended a connection (more)
 * After each of o d l O D the states of the recipients (P A D R, O) stand in `states`. */
struct row {
    const char *name;
    const char *scripts[SCRIPTS_MAX];
    const char *steps, *states, *heard;
    int exit_code;     /* of the last failure */
    int reply_code;    /* likewise */
    int connections;   /* made for the last message; 0: not looked at */
    const char *words; /* in the last failure, or in the last notes */
    bool doubtful;     /* the last report */
};

static const struct row rows[] = {
    /* Whole messages. */
    {"two messages in plain steps", {HELLO ONE ONE}, "m+d m++D m+d", "A PP A",
     "EHLO MAIL RCPT DATA . MAIL RCPT RCPT DATA QUIT", 0, 0, 0, NULL, false},
};

static const struct trace no_trace;

static void make_message(struct message *message)
{
    static const char bytes[] = "Subject: x\r\nhello\r\n";
    const size_t header = strlen("Subject: x\r\n");
    struct error error;
    message_init(message, NULL);
    assert_true(store_append(&message->store, slice_of(bytes), &error));
    message->header = (struct extent){0, header};
    message->body = (struct extent){header, strlen(bytes) - header};
}
