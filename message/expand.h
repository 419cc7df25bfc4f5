/* From the name of an alias to all that its mail goes to: through aliases of aliases and included
 * files, to the targets that are final. */
#ifndef MESSAGE_EXPAND_H
#define MESSAGE_EXPAND_H

#include "message/aliases.h"

enum { EXPAND_INCLUDES_MAX = 10000, EXPAND_TRAIL_SIZE = 512 };

struct expand;

/* Who is told of what is found. */
struct expand_listener {
    /* A final target: ALIASES_ADDRESS, or a local part that is no alias, or must not be looked up
     * (ALIASES_NAME, ALIASES_FINAL). False ends the walk with its error. NULL: nobody asks. */
    bool (*take)(void *context, struct expand *expand, const struct aliases_target *target,
                 struct error *error);
    /* What keeps the alias from being used, where it stands; `line` is that of the alias file which
     * led there, `unsupported` a target that is none here, but right for other programs. The walk
     * goes on behind it. NULL: the first one ends the walk. */
    void (*problem)(void *context, unsigned line, bool unsupported, const struct error *problem);
    void *context;
};

struct expand_frame {
    struct aliases_entry *entry; /* NULL for an included file */
    size_t include;              /* which one */
    size_t alias; /* the frame of the innermost alias: an included file speaks for it */
    struct aliases_list list;
    unsigned line;     /* of the target that is being followed */
    bool found;        /* there was a target */
    const char *trail; /* see expand_trail; NULL while nobody asked */
};

struct expand_include {
    const char *path;
    struct buffer content;
    size_t open; /* its place on the stack, counted from 1; 0: it is not on it */
    bool visited;
};

/* One walk, which visits each alias and each included file once, however often they are named. */
struct expand {
    struct aliases *aliases;
    const struct expand_listener *listener;
    struct expand_frame *frames; /* the innermost one last */
    size_t depth, capacity;
    struct expand_include *includes;
    size_t include_count, include_capacity;
    struct table include_table;
    struct aliases_target target;
    unsigned line; /* of the alias file, that led to it */
    bool unsupported;
    struct arena arena;
};

/* Both must outlive the walk; expand_end is due. */
void expand_start(struct expand *expand, struct aliases *aliases,
                  const struct expand_listener *listener);

/* Follows `entry`, unless it was visited before. A name in its own list is final there; a longer
 * loop, a target that is no address, an included file that cannot be read are problems: EX_CONFIG
 * (EX_NOPERM) with place and names. EX_OSERR. Without recursion; linear in what is read. */
bool expand_follow(struct expand *expand, struct aliases_entry *entry, struct error *error);

/* The names on the way to the target that is being taken, "root > admin"; the middle of a long way
 * is left out. NULL when memory ran out. It lives as long as the walk. */
const char *expand_trail(struct expand *expand);

void expand_end(struct expand *expand);

#endif
