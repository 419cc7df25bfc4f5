/* One cell of the fault matrix: a server with one fault, and the command run against it as a user
 * would run it. */
#ifndef TESTS_SMARTHOST_CELL_H
#define TESTS_SMARTHOST_CELL_H

#include "tests/smarthost/authority.h"
#include "tests/smarthost/fault.h"

struct cell {
    const char *program; /* its absolute path */
    const struct authority *authority;
    const char *profile; /* "plain": no extensions, AUTH LOGIN; "flight": PIPELINING, AUTH PLAIN;
                            "chunk": CHUNKING as well, AUTH SCRAM */
    struct fault fault;
    bool queueing;  /* mode = on-failure, and -v; else nothing is queued */
    int exit_code;  /* where nothing is queued */
    bool permanent; /* what failed is not queued */
    bool taken;     /* the server took the message, for some at least */
    bool apart;     /* permanent for some, queued for the others */
};

/* Runs it, in a directory of its own, and says on standard output what is wrong, a sentence a line.
 * For a process of its own, which then ends. */
bool cell_run(const struct cell *cell);

#endif
