/* The one error type. Invariant: a sentence is printable ASCII without control characters, whatever
 * the caller's format brought in. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

/* The last line of defence: callers should have escaped what comes from outside. */
static void make_printable(char *sentence)
{
    for (char *c = sentence; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
        else if (ascii_is_control(*c))
            *c = ' ';
    }
}

/* Formats into `piece` of ERROR_SENTENCE_SIZE bytes; not into the error itself, because the
 * arguments may point there. */
__attribute__((format(printf, 2, 0))) static void format_piece(char *piece, const char *format,
                                                               va_list arguments)
{
    if (vsnprintf(piece, ERROR_SENTENCE_SIZE, format, arguments) < 0)
        piece[0] = '\0';
    make_printable(piece);
}

/* Joins three strings into the sentence and cuts what does not fit. None may point into it. */
static void join(struct error *error, const char *first, const char *second, const char *third)
{
    const char *pieces[] = {first, second, third};
    size_t used = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(pieces[i]);
        size_t room = ERROR_SENTENCE_SIZE - 1 - used;
        if (length > room)
            length = room;
        memcpy(error->sentence + used, pieces[i], length);
        used += length;
    }
    error->sentence[used] = '\0';
}

__attribute__((format(printf, 4, 0))) static void fill(struct error *error, int exit_code,
                                                       bool permanent, const char *format,
                                                       va_list arguments)
{
    char sentence[ERROR_SENTENCE_SIZE];
    format_piece(sentence, format, arguments);
    join(error, sentence, "", "");
    error->exit_code = exit_code;
    error->permanent = permanent;
    error->reply_code = 0;
    error->enhanced[0] = '\0';
}

bool error_set(struct error *error, int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, exit_code, false, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_permanent(struct error *error, int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, exit_code, true, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_errno(struct error *error, int exit_code, const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list arguments;
    va_start(arguments, format);
    fill(error, exit_code, false, format, arguments);
    va_end(arguments);

    char sentence[ERROR_SENTENCE_SIZE];
    memcpy(sentence, error->sentence, sizeof sentence);
    join(error, sentence, ": ", reason);
    return false;
}

bool error_set_memory(struct error *error)
{
    return error_set(error, EX_OSERR, "memory: none left");
}

bool error_add_context(struct error *error, const char *format, ...)
{
    char context[ERROR_SENTENCE_SIZE], sentence[ERROR_SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_piece(context, format, arguments);
    va_end(arguments);

    memcpy(sentence, error->sentence, sizeof sentence);
    join(error, context, ": ", sentence);
    return false;
}

bool error_add_advice(struct error *error, const char *format, ...)
{
    char advice[ERROR_SENTENCE_SIZE], sentence[ERROR_SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_piece(advice, format, arguments);
    va_end(arguments);

    memcpy(sentence, error->sentence, sizeof sentence);
    join(error, sentence, "; ", advice);
    return false;
}
