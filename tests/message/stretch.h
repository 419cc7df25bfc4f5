/* What tests of input and what it stores share: an input in a file, a stretch of a store compared.
 * To be included behind <cmocka.h>. */
#ifndef TESTS_MESSAGE_STRETCH_H
#define TESTS_MESSAGE_STRETCH_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "message/message.h"

/* All at once: read(2) then fills each block to its end. */
static int open_file(struct slice input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, input.bytes, input.length), input.length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void assert_stretch(struct message *message, struct extent extent, struct slice expected)
{
    char *bytes = malloc(extent.length + 1);
    struct error error;

    assert_non_null(bytes);
    assert_true(store_read(&message->store, extent.offset, bytes, extent.length, &error));
    assert_int_equal(extent.length, expected.length);
    assert_memory_equal(bytes, expected.bytes, expected.length);
    free(bytes);
}

#endif
