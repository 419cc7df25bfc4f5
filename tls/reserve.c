/* A stack of blocks that becomes empty when the last of them is free: it has to last for one
 * operation, behind which its caller gives up. Invariant: OpenSSL sees a NULL pointer only when the
 * reserve, too, is used up, which is larger than all that a handshake needs. It costs nothing
 * before it is used, as the kernel gives pages when they are written to. OpenSSL's functions for
 * memory have no argument of ours, hence the variable. */
#include "tls/reserve.h"

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum { RESERVE_SIZE = 1024 * 1024, HEADER_SIZE = 16 /* the block's size, and its alignment */ };

static struct {
    _Alignas(HEADER_SIZE) unsigned char bytes[RESERVE_SIZE];
    size_t used, blocks;
    bool set_up, was_used;
} reserve;

static void *take(size_t size)
{
    size_t rounded = (size + HEADER_SIZE - 1) / HEADER_SIZE * HEADER_SIZE;
    unsigned char *block = reserve.bytes + reserve.used;
    reserve.was_used = true;
    if (size > RESERVE_SIZE || rounded + HEADER_SIZE > RESERVE_SIZE - reserve.used)
        return NULL;
    memcpy(block, &size, sizeof size);
    reserve.used += rounded + HEADER_SIZE;
    reserve.blocks++;
    return block + HEADER_SIZE;
}

static bool is_ours(const void *memory)
{
    uintptr_t address = (uintptr_t)memory, begin = (uintptr_t)reserve.bytes;
    return address >= begin && address - begin < RESERVE_SIZE;
}

static void *openssl_allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    /* As OpenSSL's own does. */
    if (size == 0)
        return NULL;
    void *memory = malloc(size);
    if (memory == NULL)
        memory = take(size);
    return memory;
}

static void openssl_release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    if (!is_ours(memory))
        free(memory);
    else if (--reserve.blocks == 0)
        reserve.used = 0;
}

/* To a block of the reserve, of which `known` octets are to be kept. */
static void *move(void *memory, size_t known, size_t size)
{
    void *block = take(size);
    if (block == NULL)
        return NULL;
    memcpy(block, memory, known < size ? known : size);
    return block;
}

static void *openssl_reallocate(void *memory, size_t size, const char *file, int line)
{
    size_t known;
    void *moved;
    if (memory == NULL)
        return openssl_allocate(size, file, line);
    if (size == 0) {
        openssl_release(memory, file, line);
        return NULL;
    }
    if (!is_ours(memory)) {
        moved = realloc(memory, size);
        if (moved != NULL)
            return moved;
        known = malloc_usable_size(memory);
    } else {
        memcpy(&known, (unsigned char *)memory - HEADER_SIZE, sizeof known);
    }
    moved = move(memory, known, size);
    if (moved != NULL)
        openssl_release(memory, file, line);
    return moved;
}

void reserve_set_up(void)
{
    if (!reserve.set_up)
        CRYPTO_set_mem_functions(openssl_allocate, openssl_reallocate, openssl_release);
    reserve.set_up = true;
}

void reserve_begin(void)
{
    reserve_set_up();
    reserve.was_used = false;
}

bool reserve_was_used(void)
{
    return reserve.was_used;
}
