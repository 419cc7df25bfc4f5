/* Looks into a program's memory before each of its system calls, for words that have to be nowhere
 * but in vaults (base/vault.h). Only root may look into a process that is not dumpable.
 *
 * usage: memory REPORT WORD... -- PROGRAM [ARGUMENT...]
 *
 * The report has a line "vault COUNT": at how many stops a word was seen in a vault; "stray COUNT":
 * at how many somewhere else; "end": whether the last stop had any, "clean" or "vault" or "stray";
 * and for each kind of stray one "CALL MAPPING COUNT", CALL by its number. Ends as the program
 * does; 125 where that cannot be done. */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum { CANNOT = 125, KINDS_MAX = 64, REGION_LIMIT = 256 * 1024 * 1024 };

struct kind {
    uint64_t call;
    char mapping[64];
    unsigned long count;
};

struct look {
    pid_t pid;
    int memory;
    char **words;
    unsigned long vault, stray;
    struct kind kinds[KINDS_MAX];
    size_t kind_count;
    const char *last;
};

struct region {
    unsigned long first, behind;
    char permissions[8], mapping[64];
};

static bool holds_word(const struct look *look, const struct region *region)
{
    size_t size = region->behind - region->first;
    bool found = false;
    char *bytes;
    ssize_t count;

    if (size > REGION_LIMIT)
        return false;
    bytes = malloc(size);
    if (bytes == NULL)
        err(CANNOT, "memory");
    count = pread(look->memory, bytes, size, (off_t)region->first);
    for (char **word = look->words; *word != NULL && count > 0 && !found; word++)
        found = memmem(bytes, (size_t)count, *word, strlen(*word)) != NULL;
    free(bytes);
    return found;
}

static void file_stray(struct look *look, const struct region *region, uint64_t number)
{
    struct kind *kind = look->kinds;

    while (kind < look->kinds + look->kind_count &&
           (kind->call != number || strcmp(kind->mapping, region->mapping) != 0))
        kind++;
    if (kind == look->kinds + KINDS_MAX)
        return;
    if (kind == look->kinds + look->kind_count) {
        kind->call = number;
        memcpy(kind->mapping, region->mapping, sizeof kind->mapping);
        look->kind_count++;
    }
    kind->count++;
}

/* One mapping with its flags, from the file smaps. */
static bool next_region(FILE *maps, struct region *region, char *flags, size_t size)
{
    char line[200];

    region->first = region->behind = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long first, behind;
        int name = 0;

        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &first, &behind, region->permissions,
                   &name) == 3) {
            region->first = first;
            region->behind = behind;
            snprintf(region->mapping, sizeof region->mapping, "%.60s",
                     line[name] != 0 ? line + name : "anonymous");
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            snprintf(flags, size, "%s ", line + 8);
            return true;
        }
    }
    return false;
}

/* At the beginning of a call, since at its end nothing of the program has run. */
static void look_around(struct look *look)
{
    struct __ptrace_syscall_info call = {0};
    char path[64], flags[256];
    struct region region;
    bool vault = false, stray = false;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, look->pid, sizeof call, &call) <= 0)
        err(CANNOT, "ptrace");
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    snprintf(path, sizeof path, "/proc/%ld/smaps", (long)look->pid);
    FILE *maps = fopen(path, "re");
    if (maps == NULL)
        err(CANNOT, "%s", path);
    while (next_region(maps, &region, flags, sizeof flags)) {
        bool is_vault = strstr(flags, " dd ") != NULL && strstr(flags, " wf ") != NULL;

        if (region.permissions[1] != 'w' || !holds_word(look, &region))
            continue;
        vault = vault || is_vault;
        stray = stray || !is_vault;
        if (!is_vault)
            file_stray(look, &region, call.entry.nr);
    }
    fclose(maps);
    look->vault += vault;
    look->stray += stray;
    look->last = stray ? "stray" : vault ? "vault" : "clean";
}

/* Another program is other memory. */
static void open_memory(struct look *look)
{
    char path[64];

    if (look->memory != -1)
        close(look->memory);
    snprintf(path, sizeof path, "/proc/%ld/mem", (long)look->pid);
    look->memory = open(path, O_RDONLY | O_CLOEXEC);
    if (look->memory == -1)
        err(CANNOT, "%s", path);
}

/* From the first system call of the program to its end. */
static int follow(struct look *look)
{
    int status, passed = 0;

    for (;;) {
        if (ptrace(PTRACE_SYSCALL, look->pid, 0, passed) != 0)
            err(CANNOT, "ptrace");
        if (waitpid(look->pid, &status, 0) != look->pid)
            err(CANNOT, "wait");
        if (!WIFSTOPPED(status))
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        bool is_exec = WSTOPSIG(status) == SIGTRAP;

        passed = is_call || is_exec ? 0 : WSTOPSIG(status);
        if (is_exec)
            open_memory(look);
        if (is_call)
            look_around(look);
    }
}

static void start(struct look *look, char **argv)
{
    int status;

    look->pid = fork();
    if (look->pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            err(CANNOT, "ptrace");
        execv(argv[0], argv);
        err(CANNOT, "%s", argv[0]);
    }
    if (look->pid < 0 || waitpid(look->pid, &status, 0) != look->pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, look->pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
        errx(CANNOT, "cannot be traced");
    open_memory(look);
}

static void report(const struct look *look, const char *path)
{
    FILE *file = fopen(path, "we");

    if (file == NULL)
        err(CANNOT, "%s", path);
    fprintf(file, "vault %lu\nstray %lu\nend %s\n", look->vault, look->stray, look->last);
    for (const struct kind *kind = look->kinds; kind < look->kinds + look->kind_count; kind++)
        fprintf(file, "%" PRIu64 " %s %lu\n", kind->call, kind->mapping, kind->count);
    if (fclose(file) != 0)
        err(CANNOT, "%s", path);
}

int main(int argc, char **argv)
{
    int program = 2, code;

    while (program < argc && strcmp(argv[program], "--") != 0)
        program++;
    if (program + 1 >= argc)
        errx(CANNOT, "usage: memory REPORT WORD... -- PROGRAM [ARGUMENT...]");
    argv[program] = NULL;
    struct look look = {.words = argv + 2, .memory = -1, .last = "clean"};
    start(&look, argv + program + 1);
    code = follow(&look);
    report(&look, argv[1]);
    return code;
}
