/* Playing the smarthost's part of a session, event by event, and holding the client to its own. */
#ifndef TESTS_SMARTHOST_CONVERSATION_H
#define TESTS_SMARTHOST_CONVERSATION_H

#include "tests/smarthost/authority.h"
#include "tests/smarthost/channel.h"
#include "tests/smarthost/client.h"
#include "tests/smarthost/script.h"

struct conversation {
    const struct script *script;
    const struct authority *authority;
    struct client *client;
    int listeners[SCRIPT_PORTS];
    int64_t deadline;

    struct channel channel;
    const struct event *event; /* being played */
    struct buffer received;    /* the first `used` bytes are behind us */
    size_t used;
    struct buffer unsaid;   /* the smarthost's words not yet sent */
    bool over;              /* one side of this connection has closed it */
    bool quit;              /* the client said QUIT: it may be gone without reading more */
    bool flight;            /* what is to come must already be there, or come at once */
    uint64_t announced;     /* by the last BDAT */
    bool chunk;             /* lines are octets of that */
    uint64_t octets;        /* of them so far */
    struct buffer protocol; /* what happened so far, for people */
};

/* Plays every event. False: the last lines of `protocol` say what went wrong. */
bool conversation_play(struct conversation *conversation);

/* Fails when the client has connected more often than the script says. */
bool conversation_check_listeners(struct conversation *conversation);

void conversation_free(struct conversation *conversation);

#endif
