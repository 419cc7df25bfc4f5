/* The log. Invariant: what is written is one line of printable bytes, and no failure leaves here.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"

static const struct log_options *log_options;
static const char *log_tag;
static int log_held = -1; /* the file, opened while that was permitted */

static void let_go(void)
{
    if (log_held >= 0)
        close(log_held);
    log_held = -1;
}

void log_open(const struct log_options *options)
{
    let_go();
    log_options = options;
}

void log_set_tag(const char *tag)
{
    log_tag = tag;
}

/* Values were escaped when they were added; no control character gets past here all the same. */
static void add_printable(struct text *record, const char *line)
{
    for (; *line != '\0' && !record->overflow; line++)
        text_add_byte(record, ascii_is_control(*line) ? ' ' : *line);
}

/* syslog(3) would wait for a daemon that has stopped reading, and for good. */
static void send_to_daemon(const char *path, struct slice record)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!text_copy(address.sun_path, sizeof address.sun_path, path))
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t count = sendto(fd, record.bytes, record.length, MSG_DONTWAIT | MSG_NOSIGNAL,
                           (const struct sockaddr *)&address, sizeof address);
    (void)count;
    close(fd);
}

static void add_local_time(struct text *record)
{
    time_t now = clock_wall();
    struct tm parts;
    char formatted[sizeof "Jan  1 00:00:00 "];
    if (localtime_r(&now, &parts) != NULL &&
        strftime(formatted, sizeof formatted, "%b %e %H:%M:%S ", &parts) > 0)
        text_add(record, formatted);
}

/* The form in which syslog(3) speaks to the daemon: RFC 3164 without the host. */
static void log_to_daemon(int priority, const char *line)
{
    char bytes[LOG_LINE_SIZE];
    struct text record;
    text_init(&record, bytes, sizeof bytes);
    text_add_format(&record, "<%d>", log_options->facility | priority);
    add_local_time(&record);
    text_add_format(&record, "%s[%d]: ", log_tag != NULL ? log_tag : "sendmail", (int)getpid());
    add_printable(&record, line);
    send_to_daemon(log_options->socket != NULL ? log_options->socket : "/dev/log",
                   text_slice(&record));
}

/* The file may be in a directory of somebody else's: nothing but a plain file with one name. */
static bool is_plain(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
}

/* A full disk leaves a line without its end. A file that we may not read is taken for whole. */
static bool is_torn(int fd)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t count = size > 0 ? pread(fd, &last, 1, size - 1) : 0;
    return count == 1 && last != '\n';
}

/* One write: a second one for the rest could land in the middle of another process's line. `record`
 * begins with a line end, which is for a line of before that lacks its own. */
static bool write_line(int fd, struct slice record, const char *shown, struct error *error)
{
    if (!is_torn(fd))
        record = slice_from(record, 1);
    ssize_t count = write(fd, record.bytes, record.length);
    if (count < 0)
        return error_set_errno(error, EX_CANTCREAT, "log: %s", shown);
    return (size_t)count == record.length ||
           error_set(error, EX_CANTCREAT, "log: %s: a line was cut short", shown);
}

static int open_file(const char *path)
{
    int flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = open(path, O_RDWR | flags, 0600);
    return fd < 0 && errno == EACCES ? open(path, O_WRONLY | flags, 0600) : fd;
}

void log_hold(void)
{
    let_go();
    if (log_options != NULL && log_options->file != NULL)
        log_held = open_file(log_options->file);
}

/* Anew for each line, since a log is moved away and begun again under our hands. */
static int open_now(const char *path)
{
    int fd = open_file(path);
    if (fd >= 0 || errno != EACCES || log_held < 0)
        return fd;
    return fcntl(log_held, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static bool append(const char *path, struct slice record, struct error *error)
{
    struct text_shown shown;
    text_show(&shown, slice_of(path));
    int fd = open_now(path);
    if (fd < 0)
        return error_set_errno(error, EX_CANTCREAT, "log: %s", shown.bytes);
    bool done = is_plain(fd) ? write_line(fd, record, shown.bytes, error)
                             : error_set(error, EX_CANTCREAT,
                                         "log: %s: not a regular file with one name", shown.bytes);
    close(fd);
    return done;
}

static void add_utc(struct text *record)
{
    time_t now = clock_wall();
    struct tm parts;
    char formatted[sizeof "2000-01-01T00:00:00Z"];
    if (gmtime_r(&now, &parts) != NULL &&
        strftime(formatted, sizeof formatted, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0)
        text_add(record, formatted);
}

static bool log_to_file(const char *line, struct error *error)
{
    char bytes[1 + LOG_LINE_SIZE + 1];
    struct text record;
    text_init(&record, bytes, 1 + LOG_LINE_SIZE);
    text_add_byte(&record, '\n');
    add_utc(&record);
    if (log_tag != NULL)
        log_add(&record, "tag", slice_of(log_tag));
    text_add_byte(&record, ' ');
    add_printable(&record, line);
    bytes[record.length] = '\n';
    return append(log_options->file, slice_make(bytes, record.length + 1), error);
}

bool log_line(int priority, const char *line, struct error *error)
{
    if (log_options == NULL)
        return true;
    if (log_options->facility >= 0)
        log_to_daemon(priority, line);
    if (log_options->file == NULL || log_to_file(line, error))
        return true;
    if (log_options->facility >= 0)
        log_to_daemon(LOG_WARNING, error->sentence);
    return false;
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
