/* Cells run beside each other, each in a process of its own: more of those that only wait. */
#include "tests/smarthost/matrix.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "tests/smarthost/cell.h"

enum { CELLS_MAX = 4096, COLUMNS_MAX = 32, AT_ONCE = 6, WAITING_AT_ONCE = 32, SAMPLE = 13 };

struct matrix {
    struct arena arena;
    struct authority authority;
    char program[PATH_MAX];
    const char *only[COLUMNS_MAX];
    size_t only_count;
    bool sample;
    struct cell cells[CELLS_MAX];
    size_t count;
    const char *profile;                  /* of the rows at hand */
    enum fault_step columns[COLUMNS_MAX]; /* likewise */
    size_t column_count, row;
    struct {
        pid_t pid;
        size_t cell;
        FILE *words;
    } running[AT_ONCE + WAITING_AT_ONCE];
    size_t running_count, waiting_count, failed;
};

/* --- the table ------------------------------------------------------------------------------- */

static enum fault_step find_step(struct slice name)
{
    for (enum fault_step step = FAULT_GREETING; step < FAULT_STEPS; step++)
        if (slice_equals(name, slice_of(fault_step_name(step))))
            return step;
    errx(1, "no step %.*s", (int)name.length, name.bytes);
}

static void take_columns(struct matrix *matrix, struct slice rest)
{
    struct slice word = {0};

    slice_cut_word(&rest, &word);
    matrix->profile = arena_copy(&matrix->arena, word);
    matrix->column_count = 0;
    while (slice_cut_word(&rest, &word) && matrix->column_count < COLUMNS_MAX)
        matrix->columns[matrix->column_count++] = find_step(word);
}

static const char *name_of(struct matrix *matrix, const struct cell *cell)
{
    return arena_format(&matrix->arena, "faults/%s/%s/%s/%s", cell->profile,
                        fault_step_name(cell->fault.step), cell->fault.kind->name,
                        cell->queueing ? "queue" : "never");
}

/* A few of each row and column, and none that takes long. */
static bool is_in_sample(const struct matrix *matrix, const struct cell *cell, size_t column)
{
    bool takes_long = cell->fault.kind->waits && cell->fault.step >= FAULT_BODY;

    return !takes_long && (matrix->row + column * 3 + (size_t)cell->queueing * 4) % SAMPLE == 0;
}

static bool is_wanted(struct matrix *matrix, const struct cell *cell, size_t column)
{
    if (matrix->sample && !is_in_sample(matrix, cell, column))
        return false;
    for (size_t i = 0; i < matrix->only_count; i++)
        if (strstr(name_of(matrix, cell), matrix->only[i]) == NULL)
            return false;
    return true;
}

static void add_cell(struct matrix *matrix, const struct cell *cell, size_t column)
{
    if (!is_wanted(matrix, cell, column))
        return;
    if (matrix->count == CELLS_MAX)
        errx(1, "too many cells");
    matrix->cells[matrix->count++] = *cell;
}

/* "+75", "69!", "69&", "0": both runs of it. */
static void take_cell(struct matrix *matrix, const struct fault_kind *kind, size_t column,
                      struct slice word)
{
    struct cell cell = {
        .program = matrix->program,
        .authority = &matrix->authority,
        .profile = matrix->profile,
        .fault = {.step = matrix->columns[column], .kind = kind},
    };
    uint64_t code;

    if (slice_equals(word, slice_of("-")))
        return;
    cell.taken = slice_starts_nocase(word, "+") || slice_equals(word, slice_of("0"));
    word = slice_from(word, slice_starts_nocase(word, "+"));
    cell.apart = word.length > 0 && word.bytes[word.length - 1] == '&';
    cell.permanent = cell.apart || (word.length > 0 && word.bytes[word.length - 1] == '!');
    word = slice_to(word, word.length - cell.permanent);
    if (!slice_parse_number(word, 78, &code))
        errx(1, "%s: %.*s is no exit code", kind->name, (int)word.length, word.bytes);
    cell.exit_code = (int)code;
    add_cell(matrix, &cell, column);
    cell.queueing = true;
    add_cell(matrix, &cell, column);
}

static void take_row(struct matrix *matrix, struct slice name, struct slice rest)
{
    const struct fault_kind *kind = fault_find(arena_copy(&matrix->arena, name));
    struct slice word;
    size_t column = 0;

    if (kind == NULL)
        errx(1, "no fault %.*s", (int)name.length, name.bytes);
    for (; slice_cut_word(&rest, &word); column++) {
        if (column == matrix->column_count)
            errx(1, "%s %s: a cell too many", matrix->profile, kind->name);
        take_cell(matrix, kind, column, word);
    }
    if (column != matrix->column_count)
        errx(1, "%s %s: a cell is missing", matrix->profile, kind->name);
    matrix->row++;
}

static void take_table(struct matrix *matrix, const char *path)
{
    struct buffer bytes = {0};
    struct slice rest, line, name;
    FILE *file = fopen(path, "re");
    int c;

    if (file == NULL)
        err(1, "%s", path);
    while ((c = getc(file)) != EOF)
        buffer_add_byte(&bytes, (char)c);
    fclose(file);
    rest = buffer_slice(&bytes);
    while (slice_cut(&rest, '\n', &line)) {
        if (!slice_cut_word(&line, &name) || name.bytes[0] == '#')
            continue;
        if (slice_equals(name, slice_of("profile")))
            take_columns(matrix, line);
        else
            take_row(matrix, name, line);
    }
    buffer_free(&bytes);
}

/* --- running it ------------------------------------------------------------------------------ */

static void start(struct matrix *matrix, size_t cell)
{
    FILE *words = tmpfile();
    pid_t pid;

    if (words == NULL)
        err(1, "no temporary file");
    fflush(stdout);
    pid = fork();
    if (pid == -1)
        err(1, "fork");
    if (pid == 0) {
        if (dup2(fileno(words), 1) == -1)
            err(1, "dup2");
        bool good = cell_run(&matrix->cells[cell]);
        fflush(stdout);
        _exit(good ? 0 : 1);
    }
    matrix->waiting_count += matrix->cells[cell].fault.kind->waits;
    matrix->running[matrix->running_count].pid = pid;
    matrix->running[matrix->running_count].cell = cell;
    matrix->running[matrix->running_count++].words = words;
}

static void print_words(FILE *words)
{
    bool starts = true;
    int c;

    rewind(words);
    while ((c = getc(words)) != EOF) {
        if (starts)
            fputs("# ", stdout);
        starts = c == '\n';
        putchar(c >= 0x20 || starts ? c : '?');
    }
    fclose(words);
}

static void reap(struct matrix *matrix)
{
    int status;
    pid_t pid = wait(&status);

    for (size_t i = 0; i < matrix->running_count; i++) {
        if (matrix->running[i].pid != pid)
            continue;
        bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        matrix->failed += !good;
        matrix->waiting_count -= matrix->cells[matrix->running[i].cell].fault.kind->waits;
        printf("%s %zu - %s\n", good ? "ok" : "not ok", matrix->running[i].cell + 1,
               name_of(matrix, &matrix->cells[matrix->running[i].cell]));
        print_words(matrix->running[i].words);
        matrix->running[i] = matrix->running[--matrix->running_count];
        return;
    }
}

/* The next one of its kind, if there is room for it. */
static bool start_next(struct matrix *matrix, size_t *next, bool waits)
{
    size_t running = waits ? matrix->waiting_count : matrix->running_count - matrix->waiting_count;

    while (*next < matrix->count && matrix->cells[*next].fault.kind->waits != waits)
        (*next)++;
    if (*next == matrix->count || running == (waits ? WAITING_AT_ONCE : AT_ONCE))
        return false;
    start(matrix, (*next)++);
    return true;
}

static int run(struct matrix *matrix)
{
    size_t next = 0, next_waiting = 0;

    printf("1..%zu\n", matrix->count);
    do {
        while (start_next(matrix, &next_waiting, true) || start_next(matrix, &next, false))
            ;
        if (matrix->running_count > 0)
            reap(matrix);
    } while (matrix->running_count > 0);
    return matrix->failed > 0 || matrix->count == 0;
}

int matrix_main(int argc, char **argv)
{
    static const struct option options[] = {{"sendmail", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"sample", no_argument, NULL, 'S'},
                                            {NULL, 0, NULL, 0}};
    static struct matrix matrix;
    const char *program = "build/sendmail";
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            program = optarg;
        else if (option == 'o' && matrix.only_count < COLUMNS_MAX)
            matrix.only[matrix.only_count++] = optarg;
        else if (option == 'S')
            matrix.sample = true;
        else
            return 64;
    }
    if (optind + 1 != argc)
        errx(64, "one table is wanted");
    if (realpath(program, matrix.program) == NULL)
        err(1, "%s", program);
    authority_create(&matrix.authority);
    take_table(&matrix, argv[optind]);
    return run(&matrix);
}
