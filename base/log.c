/* The log. Invariant: what is written is one line of printable bytes, and no failure leaves here.
 */
#include "base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"

static const struct log_options *log_options;

void log_open(const struct log_options *options)
{
    log_options = options;
    if (options->facility >= 0)
        openlog("sendmail", LOG_PID, options->facility);
}

/* The file may be in a directory of somebody else's: nothing but a plain file with one name. */
static int open_file(const char *path)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    struct stat status;
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1)
        return fd;
    close(fd);
    return -1;
}

static void write_to_file(const char *path, struct slice record)
{
    int fd = open_file(path);
    if (fd < 0)
        return;
    /* A second write for the rest could land in the middle of another process's line. */
    ssize_t count = write(fd, record.bytes, record.length);
    (void)count;
    close(fd);
}

static void add_time(struct text *record)
{
    time_t now = clock_wall();
    struct tm parts;
    char formatted[sizeof "2000-01-01T00:00:00Z "];
    if (gmtime_r(&now, &parts) != NULL &&
        strftime(formatted, sizeof formatted, "%Y-%m-%dT%H:%M:%SZ ", &parts) > 0)
        text_add(record, formatted);
}

/* Values were escaped when they were added; no control character gets past here all the same. */
static void add_printable(struct text *record, const char *line)
{
    for (; *line != '\0' && !record->overflow; line++)
        text_add_byte(record, ascii_is_control(*line) ? ' ' : *line);
}

void log_line(int priority, const char *line)
{
    if (log_options == NULL)
        return;
    char bytes[LOG_LINE_SIZE + 1];
    struct text record;
    text_init(&record, bytes, LOG_LINE_SIZE);
    add_time(&record);
    size_t start = record.length;
    add_printable(&record, line);

    if (log_options->facility >= 0)
        syslog(priority, "%s", record.bytes + start);
    if (log_options->file != NULL) {
        bytes[record.length] = '\n';
        write_to_file(log_options->file, slice_make(bytes, record.length + 1));
    }
}

static void add_key(struct text *line, const char *key)
{
    if (line->length > 0)
        text_add_byte(line, ' ');
    text_add(line, key);
    text_add_byte(line, '=');
}

static bool needs_quotes(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        char byte = value.bytes[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '=')
            return true;
    }
    return value.length == 0;
}

static void add(struct text *line, const char *key, struct slice value, size_t limit)
{
    add_key(line, key);
    if (needs_quotes(value))
        text_add_quoted(line, value, limit);
    else
        text_add_escaped(line, value, limit);
}

void log_add(struct text *line, const char *key, struct slice value)
{
    add(line, key, value, TEXT_SHOWN_LIMIT);
}

void log_add_whole(struct text *line, const char *key, struct slice value)
{
    add(line, key, value, SIZE_MAX);
}

void log_add_number(struct text *line, const char *key, int64_t value)
{
    add_key(line, key);
    text_add_format(line, "%" PRId64, value);
}
