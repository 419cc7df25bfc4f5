/* What the fuzzers share. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define demand(holds) ((holds) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #holds))

static inline void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* A copy of just that size: what is read behind it is found. To be freed. */
static inline char *fuzz_copy(struct slice bytes)
{
    char *own = malloc(bytes.length > 0 ? bytes.length : 1);
    demand(own != NULL);
    if (bytes.length > 0)
        memcpy(own, bytes.bytes, bytes.length);
    return own;
}

/* A file without a name, read from its start. */
static inline int fuzz_file(struct slice bytes)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    demand(fd >= 0 && write(fd, bytes.bytes, bytes.length) == (ssize_t)bytes.length);
    demand(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* A directory for files, which whoever runs the fuzzer takes away where it does not end well. */
static inline void fuzz_directory(char *path, size_t size)
{
    const char *place = getenv("TMPDIR");
    snprintf(path, size, "%s/fuzz.XXXXXX", place != NULL ? place : "/tmp");
    demand(mkdtemp(path) != NULL);
}

static inline void fuzz_check_printable(const char *string)
{
    for (; *string != '\0'; string++)
        demand(*string >= ' ' && *string <= '~');
}

#endif
