/* A smarthost that breaks the rules in one way, at one step, in every conversation. */
#ifndef TESTS_SMARTHOST_FAULT_H
#define TESTS_SMARTHOST_FAULT_H

#include "tests/smarthost/channel.h"

/* What is answered. The names in files are those of fault_step_name. */
enum fault_step {
    FAULT_NOWHERE,
    FAULT_GREETING,
    FAULT_HELLO,
    FAULT_START_TLS,
    FAULT_HANDSHAKE,
    FAULT_HELLO_TLS, /* EHLO again */
    FAULT_CHALLENGE, /* AUTH's first 334 */
    FAULT_SECOND_CHALLENGE,
    FAULT_LOGIN, /* 235 */
    FAULT_MAIL,
    FAULT_FIRST_RCPT,
    FAULT_MIDDLE_RCPT,
    FAULT_LAST_RCPT,
    FAULT_DATA, /* 354 */
    FAULT_BODY, /* in the middle of it */
    FAULT_END,
    FAULT_QUIT,
    FAULT_STEPS
};

const char *fault_step_name(enum fault_step step);

struct fault_kind {
    const char *name;
    bool (*strike)(struct channel *channel, struct slice line);
    bool waits;      /* the client must run into a timeout */
    bool says_reply; /* the right reply is said as well, whole */
    bool is_late;    /* what is wrong shows at a later step */
};

/* NULL: no such name. */
const struct fault_kind *fault_find(const char *name);

struct fault {
    enum fault_step step;
    const struct fault_kind *kind;
    const char *secret; /* what a server that repeats one has heard */
};

/* Does what is wrong where `line` (without CRLF) is due. False: the conversation is over. */
bool fault_strike(const struct fault *fault, struct channel *channel, const char *line);

#endif
