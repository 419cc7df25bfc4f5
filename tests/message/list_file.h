/* Files of aliases and lists for tests. */
#ifndef TESTS_MESSAGE_LIST_FILE_H
#define TESTS_MESSAGE_LIST_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { LIST_FILE_PATH = 64 };

/* Makes a file of `head` and `bytes`, and puts its name into `path`, which it returns. */
static inline const char *list_file_make_bytes(char path[LIST_FILE_PATH], const char *head,
                                               struct slice bytes)
{
    struct error error;
    snprintf(path, LIST_FILE_PATH, "/tmp/list_file-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(file_write_all(fd, slice_of(head), &error));
    assert_true(file_write_all(fd, bytes, &error));
    close(fd);
    return path;
}

static inline const char *list_file_make(char path[LIST_FILE_PATH], const char *head,
                                         const char *tail)
{
    return list_file_make_bytes(path, head, slice_of(tail));
}

/* Puts `sentence` behind `out`, a line each, with FILE for `path`. */
static inline void list_file_add_line(struct buffer *out, const char *path, const char *sentence)
{
    for (const char *found; (found = strstr(sentence, path)) != NULL;) {
        buffer_add(out, slice_make(sentence, (size_t)(found - sentence)));
        buffer_add_string(out, "FILE");
        sentence = found + strlen(path);
    }
    buffer_add_string(out, sentence);
    buffer_add_byte(out, '\n');
}

#endif
