/* Names to addresses (RFC 8305 sections 3 and 4). What the child writes is one struct; it may have
 * run anybody's code, so the parent believes its size and families only after a look at them. */
#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/file.h"

enum { HOST_SIZE = 256 };

struct answer {
    int status; /* of getaddrinfo */
    int reason; /* errno, for EAI_SYSTEM */
    size_t count;
    struct resolve_address addresses[RESOLVE_ADDRESSES_MAX];
};

/* False when it was there already. */
static bool add_address(struct answer *answer, const struct addrinfo *info)
{
    struct resolve_address *address = &answer->addresses[answer->count];

    for (size_t i = 0; i < answer->count; i++)
        if (answer->addresses[i].length == info->ai_addrlen &&
            memcmp(&answer->addresses[i].socket_address, info->ai_addr, info->ai_addrlen) == 0)
            return false;
    address->length = info->ai_addrlen;
    memcpy(&address->socket_address, info->ai_addr, info->ai_addrlen);
    answer->count++;
    return true;
}

static bool is_usable(const struct addrinfo *info)
{
    return (info->ai_family == AF_INET && info->ai_addrlen == sizeof(struct sockaddr_in)) ||
           (info->ai_family == AF_INET6 && info->ai_addrlen == sizeof(struct sockaddr_in6));
}

/* The next address of `list` that is (or is not) of `family`, as getaddrinfo sorted them. */
static const struct addrinfo *skip(const struct addrinfo *list, int family, bool same)
{
    while (list != NULL && (!is_usable(list) || (list->ai_family == family) != same))
        list = list->ai_next;
    return list;
}

/* Takes the families in turn, the best address first: if one family leads nowhere, the second
 * address tried is of the other. */
static void interleave(struct answer *answer, const struct addrinfo *list)
{
    int first = list->ai_family;
    const struct addrinfo *heads[2] = {skip(list, first, true), skip(list, first, false)};
    size_t turn = 0;

    while ((heads[0] != NULL || heads[1] != NULL) && answer->count < RESOLVE_ADDRESSES_MAX) {
        const struct addrinfo *info = heads[turn];

        if (info != NULL)
            heads[turn] = skip(info->ai_next, first, turn == 0);
        if (info == NULL || add_address(answer, info))
            turn = 1 - turn;
    }
}

static void look_up(const char *host, int flags, struct answer *answer)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;

    *answer = (struct answer){0};
    answer->status = getaddrinfo(host, NULL, &hints, &list);
    answer->reason = errno;
    if (answer->status == 0)
        interleave(answer, list);
    if (list != NULL)
        freeaddrinfo(list);
}

static int look_up_in_child(void *host, int output)
{
    struct answer answer;
    struct error error;

    look_up(host, 0, &answer);
    return file_write_all(output, slice_make((const char *)&answer, sizeof(answer)), &error)
               ? EX_OK
               : EX_IOERR;
}

static bool explain(const char *host, const struct answer *answer, struct error *error)
{
    struct text_shown shown;

    text_show(&shown, slice_of(host));
    switch (answer->status) {
    case EAI_NONAME:
        return error_set(error, EX_NOHOST, "resolve: the name %s does not exist", shown.bytes);
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
    case 0:
        return error_set(error, EX_NOHOST, "resolve: the name %s has no address", shown.bytes);
    case EAI_AGAIN:
    case EAI_FAIL:
        return error_set(error, EX_TEMPFAIL, "resolve: DNS gave no answer for %s", shown.bytes);
    case EAI_SYSTEM:
        errno = answer->reason;
        return error_set_errno(error, EX_TEMPFAIL, "resolve: looking up %s failed", shown.bytes);
    default:
        return error_set(error, EX_TEMPFAIL, "resolve: looking up %s failed: %s", shown.bytes,
                         gai_strerror(answer->status));
    }
}

static bool take_answer(struct resolve *resolve, const struct answer *answer, struct error *error)
{
    size_t count = answer->count < RESOLVE_ADDRESSES_MAX ? answer->count : RESOLVE_ADDRESSES_MAX;

    for (size_t i = 0; i < count; i++) {
        const struct resolve_address *address = &answer->addresses[i];
        int family = address->socket_address.ss_family;

        if ((family == AF_INET && address->length == sizeof(struct sockaddr_in)) ||
            (family == AF_INET6 && address->length == sizeof(struct sockaddr_in6)))
            resolve->addresses[resolve->count++] = *address;
    }
    return resolve->count > 0 || explain(resolve->host, answer, error);
}

/* The host without brackets, as getaddrinfo wants it. */
static bool copy_host(char *name, const char *host, struct error *error)
{
    struct slice slice = slice_of(host);
    struct text_shown shown;
    struct text text;

    if (slice.length > 1 && host[0] == '[' && host[slice.length - 1] == ']')
        slice = slice_make(host + 1, slice.length - 2);
    text_init(&text, name, HOST_SIZE);
    text_add_slice(&text, slice);
    if (text.length == 0 || text.overflow)
        return error_set(error, EX_NOHOST, "resolve: \"%s\" is no name of a host",
                         text_show(&shown, slice_of(host)));
    return true;
}

bool resolve_start(struct resolve *resolve, const char *host, struct error *error)
{
    char name[HOST_SIZE];
    struct answer answer;

    *resolve = (struct resolve){.host = host, .child.output = -1};
    if (!copy_host(name, host, error))
        return false;
    look_up(name, AI_NUMERICHOST, &answer);
    if (answer.status == 0)
        return take_answer(resolve, &answer, error);
    return child_start(&resolve->child, look_up_in_child, name, error);
}

bool resolve_step(struct resolve *resolve, bool *done, struct error *error)
{
    struct text_shown shown;
    struct answer answer;

    *done = false;
    if (!child_read(&resolve->child, sizeof(answer), &resolve->answer, done, error))
        return false;
    if (!*done)
        return true;
    child_stop(&resolve->child);
    if (resolve->answer.length != sizeof(answer))
        return error_set(error, EX_TEMPFAIL, "resolve: looking up %s failed: the look-up died",
                         text_show(&shown, slice_of(resolve->host)));
    memcpy(&answer, resolve->answer.bytes, sizeof(answer));
    return take_answer(resolve, &answer, error);
}

void resolve_stop(struct resolve *resolve)
{
    child_stop(&resolve->child);
    buffer_free(&resolve->answer);
}

void resolve_format(const struct resolve_address *address, uint16_t port, struct text *out)
{
    const struct sockaddr *socket_address = (const struct sockaddr *)&address->socket_address;
    char host[64];

    if (getnameinfo(socket_address, address->length, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
        text_add(out, "?");
    else if (socket_address->sa_family == AF_INET6)
        text_add_format(out, "[%s]", host);
    else
        text_add(out, host);
    text_add_format(out, ":%u", (unsigned)port);
}
