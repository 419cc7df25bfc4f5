/* Nothing here is believed before it looks like a host name (RFC 1123 section 2.1): it goes into
 * EHLO and into addresses. */
#include "net/hostname.h"

#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"

enum { FILE_LIMIT = 1024 * 1024 };

static bool is_label(struct slice label)
{
    if (label.length == 0 || label.length > 63)
        return false;
    for (size_t i = 0; i < label.length; i++) {
        char byte = label.bytes[i];
        bool hyphen = byte == '-' && i > 0 && i + 1 < label.length;
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && !hyphen)
            return false;
    }
    return true;
}

static bool is_host_name(struct slice name)
{
    struct slice label;
    if (name.length == 0 || name.length >= HOSTNAME_SIZE || name.bytes[name.length - 1] == '.')
        return false;
    while (slice_cut(&name, '.', &label)) {
        if (!is_label(label))
            return false;
    }
    return true;
}

static bool is_qualified(struct slice name)
{
    return is_host_name(name) && slice_find(name, '.') < name.length &&
           !slice_starts_nocase(name, "localhost.");
}

static bool keep(struct slice found, char name[HOSTNAME_SIZE])
{
    memcpy(name, found.bytes, found.length);
    name[found.length] = '\0';
    return true;
}

static bool read_file(const char *path, struct buffer *content)
{
    struct error ignored;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool done = file_read_all(fd, FILE_LIMIT, content, &ignored);
    close(fd);
    return done;
}

bool hostname_from_mailname(char name[HOSTNAME_SIZE])
{
    struct buffer content = {0};
    struct slice line, rest;
    bool found = read_file("/etc/mailname", &content);
    rest = buffer_slice(&content);
    found = found && slice_cut(&rest, '\n', &line) && is_host_name(slice_trim(line)) &&
            keep(slice_trim(line), name);
    buffer_free(&content);
    return found;
}

void hostname_plain(char name[HOSTNAME_SIZE])
{
    if (gethostname(name, HOSTNAME_SIZE) != 0 ||
        !is_host_name(slice_make(name, strnlen(name, HOSTNAME_SIZE))))
        keep(slice_of("localhost"), name);
}

/* The first qualified name of a line, when the line has `plain` as one of its names. */
static bool find_in_line(struct slice line, struct slice plain, struct slice *found)
{
    struct slice word;
    bool listed = false;
    line = slice_to(line, slice_find(line, '#'));
    slice_cut_word(&line, &word); /* the address */
    *found = (struct slice){0};
    while (slice_cut_word(&line, &word)) {
        listed = listed || slice_equals_nocase(word, plain);
        if (found->length == 0 && is_qualified(word))
            *found = word;
    }
    return listed && found->length > 0;
}

bool hostname_in_hosts(struct slice hosts, const char *plain, char name[HOSTNAME_SIZE])
{
    struct slice line, found;
    while (slice_cut(&hosts, '\n', &line)) {
        if (find_in_line(line, slice_of(plain), &found))
            return keep(found, name);
    }
    return false;
}

static int look_up(void *argument, int output)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *answer;
    struct error ignored;
    if (getaddrinfo(argument, NULL, &hints, &answer) != 0 || answer->ai_canonname == NULL)
        return 1;
    return file_write_all(output, slice_of(answer->ai_canonname), &ignored) ? 0 : 1;
}

static bool ask_resolver(char *plain, int64_t timeout, char name[HOSTNAME_SIZE])
{
    struct child child;
    struct buffer answer = {0};
    struct error ignored;
    int status;
    bool found =
        child_start(&child, look_up, plain, &ignored) &&
        child_finish(&child, clock_deadline(timeout), HOSTNAME_SIZE, &answer, &status, &ignored) &&
        is_qualified(buffer_slice(&answer)) && keep(buffer_slice(&answer), name);
    buffer_free(&answer);
    return found;
}

/* What files and the kernel know. */
static bool qualify(const char *plain, char name[HOSTNAME_SIZE])
{
    struct buffer hosts = {0};
    if (is_qualified(slice_of(plain)))
        return keep(slice_of(plain), name);
    bool found =
        read_file("/etc/hosts", &hosts) && hostname_in_hosts(buffer_slice(&hosts), plain, name);
    buffer_free(&hosts);
    return found;
}

bool hostname_qualified(char name[HOSTNAME_SIZE], int64_t timeout)
{
    char plain[HOSTNAME_SIZE];
    hostname_plain(plain);
    return qualify(plain, name) ||
           (strcmp(plain, "localhost") != 0 && ask_resolver(plain, timeout, name));
}

bool hostname_belongs_to(const char *name, const char *plain)
{
    struct slice whole = slice_of(name);
    size_t label = slice_find(whole, '.');
    return label < whole.length && slice_equals_nocase(slice_to(whole, label), slice_of(plain));
}

size_t hostname_own(char names[HOSTNAME_OWN_MAX][HOSTNAME_SIZE])
{
    char plain[HOSTNAME_SIZE], label[HOSTNAME_SIZE];
    size_t count = 0;
    hostname_plain(plain);
    if (strcmp(plain, "localhost") == 0)
        return 0;
    struct slice whole = slice_of(plain);
    keep(slice_to(whole, slice_find(whole, '.')), label);
    keep(slice_of(plain), names[count++]);
    if (strcmp(label, plain) != 0)
        keep(slice_of(label), names[count++]);
    count += qualify(plain, names[count]) && strcmp(names[count], plain) != 0;
    count += hostname_from_mailname(names[count]) && hostname_belongs_to(names[count], label);
    return count;
}
