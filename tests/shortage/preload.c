/* Stands between sendmail and libc for every call that asks for memory: counts them, and lets one
 * of them fail, or all that would make it more than a budget, as they do when there is none left.
 *
 *   SHORTAGE_COUNT  a file of 12 octets, shared by all processes of the run: the calls so far, of
 * the program itself, of OpenSSL and of other libraries SHORTAGE_AT     the number of the call that
 * fails, from 1 on; 0: none SHORTAGE_WHOSE  program, openssl or others: of whose calls
 *   SHORTAGE_OPENSSL  where the program asks for OpenSSL: offset and size of functions, in hex
 *   SHORTAGE_BYTES  no process has more octets than so many beside each other (0: no budget)
 *
 * They are read before main, since main cuts its environment; what asked for memory before that
 * belongs to the loader. The memory that fork copies counts for each process. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROGRAM, OPENSSL, OTHERS, OWNERS, RANGES_MAX = 8 };

/* What glibc itself calls when nobody stands in between. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static _Atomic uint32_t *calls;
static uint32_t failing;
static int whose;
static size_t budget, taken;
static struct {
    uintptr_t begin, behind;
    int owner;
} ranges[RANGES_MAX];
static size_t range_count;
static uintptr_t program;

/* The code of the program, which is the first object. */
static int find_program(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (size_t i = 0; i < object->dlpi_phnum && range_count < RANGES_MAX; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
            continue;
        ranges[range_count].begin = object->dlpi_addr + header->p_vaddr;
        ranges[range_count].behind = ranges[range_count].begin + header->p_memsz;
        ranges[range_count++].owner = PROGRAM;
    }
    program = object->dlpi_addr;
    return 1;
}

/* Where the program asks on behalf of OpenSSL: "BEGIN SIZE ..." as nm -S prints them. */
static void find_openssl(const char *text)
{
    while (text != NULL && *text != '\0' && range_count < RANGES_MAX) {
        char *rest;
        ranges[range_count].begin = program + strtoul(text, &rest, 16);
        ranges[range_count].behind = ranges[range_count].begin + strtoul(rest, &rest, 16);
        ranges[range_count++].owner = OPENSSL;
        text = rest;
    }
}

static size_t number_of(const char *text)
{
    return text != NULL ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("SHORTAGE_COUNT"), *name = getenv("SHORTAGE_WHOSE");
    int fd;
    void *memory;

    if (path == NULL)
        return;
    budget = number_of(getenv("SHORTAGE_BYTES"));
    failing = (uint32_t)number_of(getenv("SHORTAGE_AT"));
    whose = name == NULL ? PROGRAM : name[0] == 'p' ? PROGRAM : name[1] == 'p' ? OPENSSL : OTHERS;
    dl_iterate_phdr(find_program, NULL);
    find_openssl(getenv("SHORTAGE_OPENSSL"));
    fd = open(path, O_RDWR | O_CLOEXEC);
    memory = (void *)syscall(SYS_mmap, NULL, OWNERS * sizeof *calls, PROT_READ | PROT_WRITE,
                             MAP_SHARED, fd, 0);
    close(fd);
    calls = memory != MAP_FAILED ? memory : NULL;
}

static int owner_of(const void *caller)
{
    for (size_t i = range_count; i-- > 0;)
        if ((uintptr_t)caller >= ranges[i].begin && (uintptr_t)caller < ranges[i].behind)
            return ranges[i].owner;
    return OTHERS;
}

/* True when the call from `caller` is to fail, with errno set. */
static bool is_refused(const void *caller, size_t size)
{
    bool refused;
    int owner;

    if (calls == NULL)
        return false;
    owner = owner_of(caller);
    refused = ++calls[owner] == failing && owner == whose;
    refused = refused || (budget > 0 && (size > budget || taken > budget - size));
    if (refused)
        errno = ENOMEM;
    return refused;
}

static void *counted(void *memory)
{
    taken += malloc_usable_size(memory);
    return memory;
}

static void gone(void *memory)
{
    size_t size = malloc_usable_size(memory);
    taken -= size < taken ? size : taken;
}

#define REFUSED(size) is_refused(__builtin_return_address(0), size)

void *malloc(size_t size)
{
    return REFUSED(size) ? NULL : counted(__libc_malloc(size));
}

char *strdup(const char *string)
{
    size_t size = strlen(string) + 1;
    char *memory = REFUSED(size) ? NULL : counted(__libc_malloc(size));
    return memory == NULL ? NULL : memcpy(memory, string, size);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    bool too_much = __builtin_mul_overflow(count, size, &bytes);
    return too_much || REFUSED(bytes) ? NULL : counted(__libc_calloc(count, size));
}

static void *resize(void *memory, size_t size, bool refused)
{
    void *moved;
    if (refused)
        return NULL;
    gone(memory);
    moved = counted(__libc_realloc(memory, size));
    if (moved == NULL && size > 0)
        counted(memory);
    return moved;
}

void *realloc(void *memory, size_t size)
{
    return resize(memory, size, REFUSED(size));
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes;
    bool too_much = __builtin_mul_overflow(count, size, &bytes);
    return resize(memory, too_much ? 0 : bytes, too_much || REFUSED(bytes));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return REFUSED(size) ? NULL : counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    int before = errno;
    void *found = REFUSED(size) ? NULL : counted(__libc_memalign(alignment, size));
    errno = before;
    if (found == NULL)
        return ENOMEM;
    *memory = found;
    return 0;
}

void free(void *memory)
{
    gone(memory);
    __libc_free(memory);
}

/* What is mapped is not given back by free, and does not count towards the budget. */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return REFUSED(0) ? MAP_FAILED
                      : (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
