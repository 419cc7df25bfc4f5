/* A configuration file as sections and entries, each with its line. Whatever iniparser would read
 * as something else than it looks like is an error with its line. */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"

enum {
    INI_FILE_LIMIT = 1024 * 1024,
    INI_LINE_LIMIT = 1022, /* what iniparser takes, without the line end */
    INI_SECTIONS_MAX = 256,
    INI_ENTRIES_MAX = 4096
};

struct ini_section {
    const char *name; /* "smarthost" or "smarthost:work" */
    unsigned line;
};

struct ini_entry {
    size_t section; /* index */
    const char *key;
    char *value; /* never empty; a password's is in a vault, until ini_wipe */
    unsigned line;
    bool secret;    /* the key is password */
    bool quoted;    /* the value stood in quotes */
    bool commented; /* a comment follows it in its line */
};

struct ini {
    const char *path;   /* to be shown: control characters escaped, bounded */
    struct stat status; /* of the opened file */
    struct ini_section *sections;
    size_t section_count;
    struct ini_entry *entries; /* in the order of the file */
    size_t entry_count;
};

/* Opens `path`, judges the descriptor (file_open_trusted) and reads it whole. Everything lives in
 * `arena`. EX_CONFIG with "FILE:LINE: ..." or "FILE: ..."; EX_NOPERM when it may not be read. */
bool ini_load(struct ini *ini, const char *path, struct arena *arena, struct error *error);

/* The entry of `section` (an index) with `key`, or NULL. */
const struct ini_entry *ini_find(const struct ini *ini, size_t section, const char *key);

/* Puts "FILE:LINE: " in front of the error. */
bool ini_add_place(const struct ini *ini, unsigned line, struct error *error);

/* Overwrites every value, and frees the passwords; the other memory stays the arena's. */
void ini_wipe(struct ini *ini);

#endif
