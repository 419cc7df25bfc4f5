/* A getaddrinfo(3) that needs no DNS: a test program that links this one looks names up in its own
 * table. Literals work as ever. */
#ifndef TESTS_SUPPORT_NAMES_H
#define TESTS_SUPPORT_NAMES_H

struct name {
    const char *name;      /* NULL: the end of the table */
    const char *addresses; /* literals divided by blanks, in the order of getaddrinfo */
    int status;            /* EAI_*, instead of addresses */
    int reason;            /* errno with EAI_SYSTEM */
    enum { NAME_ANSWERS, NAME_HANGS, NAME_DIES } manner;
};

/* A name that is not in the table does not exist. */
void names_set(const struct name *table);

#endif
