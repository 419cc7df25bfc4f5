/* Asking the DNS (RFC 1035). The child asks and parses: it is the one that meets octets from the
 * network, and the parent believes of what it writes only the shape. */
#include "net/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "net/dns_reply.h"

enum { ANSWER_SIZE = 64 * 1024 };

struct question {
    enum dns_type type;
    const char *name;
    const struct sockaddr_in *server;
};

/* What the child writes first; the records follow, each of their full size. */
struct header {
    bool answered, authenticated;
    size_t count;
};

/* --- in the child ---------------------------------------------------------------------------- */

static bool is_loopback_v4(const struct in_addr *address)
{
    return ntohl(address->s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool all_on_this_machine(const struct __res_state *state)
{
    for (int i = 0; i < state->nscount; i++) {
        const struct sockaddr_in6 *six = state->_u._ext.nsaddrs[i];
        bool loopback = six != NULL && six->sin6_family == AF_INET6
                            ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)
                            : is_loopback_v4(&state->nsaddr_list[i].sin_addr);
        if (!loopback)
            return false;
    }
    return state->nscount > 0;
}

static void use_server(struct __res_state *state, const struct sockaddr_in *server)
{
    state->nsaddr_list[0] = *server;
    state->nscount = 1;
    state->options &= ~(unsigned long)RES_TRUSTAD;
}

/* Asks; false when there is no reply that can be believed to be one. */
static bool ask(const struct question *question, unsigned char *reply, int *length,
                struct header *header)
{
    struct __res_state state = {0};
    if (res_ninit(&state) != 0)
        return false;
    if (question->server != NULL)
        use_server(&state, question->server);
    bool believed = (state.options & RES_TRUSTAD) != 0 || all_on_this_machine(&state);
    if (question->type == DNS_TLSA && !believed) {
        res_nclose(&state);
        header->answered = true;
        return true;
    }
    /* Without it the resolver takes the verdict out of what it hands on. */
    state.options |= RES_TRUSTAD | RES_USE_EDNS0;
    int type = question->type == DNS_SRV ? ns_t_srv : ns_t_tlsa;
    *length = res_nquery(&state, question->name, ns_c_in, type, reply, ANSWER_SIZE);
    bool none = state.res_h_errno == HOST_NOT_FOUND || state.res_h_errno == NO_DATA;
    res_nclose(&state);
    const HEADER *reply_header = (const HEADER *)(const void *)reply;
    header->answered = *length >= NS_HFIXEDSZ || (none && reply_header->qr);
    header->authenticated = header->answered && believed && reply_header->ad;
    return header->answered;
}

static bool answer_question(const struct question *question, unsigned char *reply, char *records,
                            int output)
{
    struct header header = {0};
    struct error ignored;
    int length = 0;
    if (ask(question, reply, &length, &header) && length > 0)
        header.answered =
            dns_reply_parse(question->type, reply, (size_t)length, records, &header.count);
    struct slice head = slice_make((const char *)&header, sizeof header);
    struct slice tail = slice_make(records, header.count * dns_reply_record_size(question->type));
    return file_write_all(output, head, &ignored) && file_write_all(output, tail, &ignored);
}

static int look_up(void *argument, int output)
{
    const struct question *question = argument;
    unsigned char *reply = calloc(1, ANSWER_SIZE);
    char *records = calloc(DNS_RECORDS_MAX, dns_reply_record_size(question->type));
    bool done =
        reply != NULL && records != NULL && answer_question(question, reply, records, output);
    free(reply);
    free(records);
    return done ? EX_OK : EX_OSERR;
}

/* --- in the parent --------------------------------------------------------------------------- */

static bool fail(const char *name, struct error *error)
{
    struct text_shown shown;
    return error_set(error, EX_TEMPFAIL, "DNS: no answer that can be believed about %s",
                     text_show(&shown, slice_of(name)));
}

/* A target goes into EHLO's neighbourhood, logs and certificates' names: it is a string, and not
 * more than one. */
static bool is_sound(enum dns_type type, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        bool sound = type == DNS_SRV
                         ? memchr(answer->records.srv[i].target, '\0', DNS_NAME_SIZE) != NULL
                         : answer->records.tlsa[i].length <= DNS_TLSA_SIZE;
        if (!sound)
            return false;
    }
    return true;
}

static bool unpack(const struct question *question, struct slice output, struct dns_answer *answer,
                   struct error *error)
{
    struct header header;
    size_t size = dns_reply_record_size(question->type);
    if (output.length < sizeof header)
        return fail(question->name, error);
    memcpy(&header, output.bytes, sizeof header);
    output = slice_from(output, sizeof header);
    if (!header.answered || header.count > DNS_RECORDS_MAX || output.length != header.count * size)
        return fail(question->name, error);
    answer->authenticated = header.authenticated;
    if (header.count == 0)
        return true;
    void *records = malloc(output.length);
    if (records == NULL)
        return error_set_memory(error);
    memcpy(records, output.bytes, output.length);
    answer->records.srv = records;
    answer->count = header.count;
    return is_sound(question->type, answer) || fail(question->name, error);
}

static bool add_name(const char *name, int64_t deadline, struct error *error)
{
    struct text_shown shown;
    text_show(&shown, slice_of(name));
    if (clock_remaining(deadline) == 0 && !interrupt_came(NULL))
        return error_set(error, EX_TEMPFAIL, "DNS: no answer about %s in time", shown.bytes);
    return error_add_context(error, "DNS: %s", shown.bytes);
}

bool dns_look_up(enum dns_type type, const char *name, const struct sockaddr_in *server,
                 int64_t timeout, struct dns_answer *answer, struct error *error)
{
    struct question question = {type, name, server};
    struct child child;
    struct buffer output = {0};
    int status;
    int64_t deadline = clock_deadline(timeout);
    size_t limit = sizeof(struct header) + DNS_RECORDS_MAX * dns_reply_record_size(type);
    *answer = (struct dns_answer){0};
    bool done = child_start(&child, look_up, &question, error) &&
                (child_finish(&child, deadline, limit, &output, &status, error) ||
                 add_name(name, deadline, error)) &&
                unpack(&question, buffer_slice(&output), answer, error);
    buffer_free(&output);
    return done;
}

void dns_free(struct dns_answer *answer)
{
    free(answer->records.srv);
    *answer = (struct dns_answer){0};
}
