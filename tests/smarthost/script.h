/* A session file, parsed: what is run, what is said on the wire, and what must come of it. The
 * language is described in tests/sessions/README. */
#ifndef TESTS_SMARTHOST_SCRIPT_H
#define TESTS_SMARTHOST_SCRIPT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

enum { SCRIPT_EVENTS_MAX = 1024, SCRIPT_LIST_MAX = 64, SCRIPT_FILES_MAX = 8, SCRIPT_PORTS = 2 };

enum event_kind {
    EVENT_CONNECTION,  /* the client connects to port `number` */
    EVENT_SERVER,      /* the smarthost says `text`; `number` 1: without having heard */
    EVENT_CLIENT,      /* the client must say a line like `text`, `repeat` times */
    EVENT_SKIP,        /* any number of lines until one is like the next event's */
    EVENT_FLIGHT,      /* its lines up to our next word must come in one write */
    EVENT_CHUNK_BEGIN, /* its lines up to EVENT_CHUNK_END are what the last BDAT announced */
    EVENT_CHUNK_END,
    EVENT_TLS,          /* the handshake, with the certificate that `text` names */
    EVENT_TLS_REFUSED,  /* the same, and the client must break it off */
    EVENT_DELAY,        /* `number` milliseconds */
    EVENT_SILENT,       /* nothing is said or heard until the client closes */
    EVENT_CLOSE,        /* the smarthost closes in the proper way */
    EVENT_CUT,          /* it closes without TLS's goodbye */
    EVENT_RESET,        /* it resets the connection */
    EVENT_SIGNAL,       /* the client gets signal `number` */
    EVENT_CLIENT_CLOSE, /* the client must close, having said nothing more */
};

struct event {
    enum event_kind kind;
    int line; /* of the session file */
    struct slice text;
    uint64_t number;
    uint64_t repeat;
};

enum port_manner {
    PORT_SCRIPT,  /* what comes there is played */
    PORT_SILENT,  /* connects, and nobody is at home */
    PORT_REFUSED, /* nobody listens */
};

struct script_list {
    struct slice items[SCRIPT_LIST_MAX];
    size_t count;
};

struct script_setting {
    struct slice section, key, value;
};

struct script_file {
    const char *name;
    unsigned mode;
    struct buffer content;
};

struct script {
    struct arena arena; /* owns every string */
    struct script_list command;
    struct script_list environment;
    struct script_setting settings[SCRIPT_LIST_MAX];
    size_t setting_count;
    struct script_file files[SCRIPT_FILES_MAX];
    size_t file_count;
    bool has_config; /* one of the files is the configuration, settings do not count */
    struct buffer input;
    enum port_manner ports[SCRIPT_PORTS];
    bool second_port; /* spoken of */
    bool behind;      /* who connects is not whom we started */
    struct event events[SCRIPT_EVENTS_MAX];
    size_t event_count;
    int exit_code;
    uint64_t queued;                        /* entries in the queue in the end */
    struct script_list output, errors, log; /* patterns, a line each */
    struct script_list secrets;
    int64_t limit; /* milliseconds the whole session may take */
};

/* Parses `text`, which must outlive the script. The error names the line. The script must be freed
 * in every case. */
bool script_parse(struct script *script, struct slice text, struct error *error);

void script_free(struct script *script);

#endif
