/* A spool of a test's own, in a folder of its own. */
#ifndef TESTS_QUEUE_SCRATCH_H
#define TESTS_QUEUE_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/spool.h"
#include "tests/support/folder.h"

struct scratch {
    char folder[32], directory[128];
    struct spool_options options;
    struct spool spool;
    struct error error;
};

/* A path in the spool; good for four calls more. */
static inline const char *scratch_path(const struct scratch *scratch, const char *name)
{
    static char paths[4][400];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch->directory, name);
    return path;
}

static inline bool scratch_reopen(struct scratch *scratch, bool shared)
{
    spool_close(&scratch->spool);
    return spool_open(&scratch->spool, &scratch->options, shared, NULL, &scratch->error);
}

static inline int scratch_setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL)
        return -1;
    *state = scratch;
    umask(077);
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/spool_test.XXXXXX");
    if (mkdtemp(scratch->folder) == NULL)
        return -1;
    snprintf(scratch->directory, sizeof scratch->directory, "%s/spool", scratch->folder);
    scratch->options = (struct spool_options){
        .directory = scratch->directory, .max_size = 64 << 20, .keep_failed = 1000};
    return scratch_reopen(scratch, false) ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
    struct scratch *scratch = *state;
    spool_close(&scratch->spool);
    int removed = folder_remove(scratch->folder);
    free(scratch);
    return removed;
}

/* The descriptor of a new entry that holds `content`, still locked; -1. */
static inline int scratch_add(struct scratch *scratch, const char *content, char id[SPOOL_ID_SIZE])
{
    int fd = spool_create(&scratch->spool, &scratch->error);
    if (fd < 0)
        return -1;
    if (write(fd, content, strlen(content)) == (ssize_t)strlen(content) && fsync(fd) == 0 &&
        spool_commit(&scratch->spool, fd, id, &scratch->error))
        return fd;
    close(fd);
    return -1;
}

/* A file, a link to nowhere or whatever, planted under a name that an entry may have. */
#define SCRATCH_PLANTED "plantedplanted00"

/* How many entries a walk sees. */
static inline int scratch_count(struct scratch *scratch, enum spool_folder folder)
{
    struct spool_name name;
    struct spool_walk *walk = spool_walk_open(&scratch->spool, folder, &scratch->error);
    int count = 0;
    if (walk == NULL)
        return -1;
    while (spool_walk_next(walk, &name, &scratch->error))
        count++;
    spool_walk_close(walk);
    return scratch->error.exit_code == EX_OK ? count : -1;
}

#endif
