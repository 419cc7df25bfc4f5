/* The file of aliases(5): local names, and the targets that mail for each goes to. What is in it is
 * read here; what follows from it is the business of message/expand.h. */
#ifndef MESSAGE_ALIASES_H
#define MESSAGE_ALIASES_H

#include <limits.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/table.h"

enum {
    ALIASES_FILE_LIMIT = 16 * 1024 * 1024, /* bytes of the file, or of an included one */
    ALIASES_TEXT_SIZE = PATH_MAX           /* of one target, with NUL */
};

enum aliases_kind {
    ALIASES_END,     /* there are no more targets */
    ALIASES_ADDRESS, /* canonical, with its domain: final */
    ALIASES_NAME,    /* a local part, canonical, that may be an alias again */
    ALIASES_FINAL,   /* "\name": one that is not to be looked up again, without its backslash */
    ALIASES_INCLUDE, /* ":include:/path": the path */
    ALIASES_COMMAND, /* "|command": as it is written; so are the next two */
    ALIASES_FILE,    /* "/file" */
    ALIASES_SPECIAL  /* ":fail:", "error:..." and the like */
};

struct aliases_target {
    enum aliases_kind kind;
    unsigned line;                 /* where it stands */
    char bytes[ALIASES_TEXT_SIZE]; /* cut where it is too long to be shown whole */
};

/* Targets that are still to be read: those of one alias, or of an included file. */
struct aliases_list {
    const char *path;   /* of their file, to be shown */
    const char *name;   /* of the alias; NULL for an included file */
    struct slice rest;  /* of the line that is being read */
    struct slice lines; /* behind it */
    unsigned line;      /* the one that `rest` starts in */
};

struct aliases_entry {
    const char *name;     /* canonical, in lower case */
    struct slice targets; /* as written, its lines divided by LF */
    unsigned line;        /* where the targets start */
    uint32_t walk;        /* message/expand.c: the last walk that came here */
    size_t open;          /* and its place on the stack there, counted from 1; 0: it is not on it */
};

struct aliases {
    const char *path; /* to be shown: escaped, bounded */
    struct aliases_entry *entries;
    size_t count, capacity;
    struct table table; /* from a name to its entry */
    struct buffer content;
    struct arena arena;
    uint32_t walks; /* message/expand.c */
};

/* Is told of each line that is passed over: one whose name cannot be read, or that repeats one. */
struct aliases_notes {
    void (*note)(void *context, unsigned line, const char *sentence); /* NULL: nobody asks */
    void *context;
};

/* Reads the names of a file, judged as trusted (file_open_trusted_or_empty), into zeroed `aliases`;
 * aliases_free is due in any case. Lines starting with "#", after blanks too, are comments, those
 * starting with a blank, or behind a backslash at the line's end, continue the one before.
 * EX_NOINPUT for a missing file, EX_NOPERM for one that may not be read, EX_CONFIG, EX_IOERR. */
bool aliases_load(struct aliases *aliases, const char *path, const struct aliases_notes *notes,
                  struct error *error);

/* The alias `name` (a canonical local part, in any case of letters), or NULL. */
struct aliases_entry *aliases_find(const struct aliases *aliases, const char *name);

/* The targets of one alias. */
struct aliases_list aliases_targets(const struct aliases *aliases,
                                    const struct aliases_entry *entry);

/* The targets in an included file, judged in the same way, whose bytes go into `content`; each line
 * of it is one list of targets, or a comment. `path` must be absolute. EX_CONFIG, also for a
 * missing file; EX_NOPERM. */
bool aliases_include(const char *path, struct buffer *content, struct aliases_list *list,
                     struct arena *arena, struct error *error);

/* The next target. EX_CONFIG with its place for what is none; the next call goes on behind it. */
bool aliases_next(struct aliases_list *list, struct aliases_target *target, struct error *error);

/* Makes `error` one of the configuration, "FILE:LINE: [NAME: ]" in front. Returns false. */
bool aliases_add_place(const struct aliases_list *list, unsigned line, struct error *error);

void aliases_free(struct aliases *aliases);

#endif
