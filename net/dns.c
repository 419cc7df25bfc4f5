/* Records of the DNS (RFC 1035, RFC 2782, RFC 6698). The child asks and parses: it is the one that
 * meets octets from the network, and the parent believes of what it writes only the shape. */
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
#include "base/text.h"

enum { ANSWER_SIZE = 64 * 1024, SRV_HEAD = 6, TLSA_HEAD = 3 };

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

static bool take_srv(const ns_msg *reply, const ns_rr *record, struct dns_srv *srv)
{
    const unsigned char *data = ns_rr_rdata(*record);
    if (ns_rr_type(*record) != ns_t_srv || ns_rr_rdlen(*record) <= SRV_HEAD)
        return false;
    *srv = (struct dns_srv){.priority = (uint16_t)ns_get16(data),
                            .weight = (uint16_t)ns_get16(data + 2),
                            .port = (uint16_t)ns_get16(data + 4)};
    return ns_name_uncompress(ns_msg_base(*reply), ns_msg_end(*reply), data + SRV_HEAD, srv->target,
                              sizeof srv->target) >= 0;
}

static bool take_tlsa(const ns_rr *record, struct dns_tlsa *tlsa)
{
    const unsigned char *data = ns_rr_rdata(*record);
    size_t length = ns_rr_rdlen(*record);
    if (ns_rr_type(*record) != ns_t_tlsa || length <= TLSA_HEAD ||
        length - TLSA_HEAD > DNS_TLSA_SIZE)
        return false;
    *tlsa = (struct dns_tlsa){.usage = data[0],
                              .selector = data[1],
                              .matching = data[2],
                              .length = (uint16_t)(length - TLSA_HEAD)};
    memcpy(tlsa->data, data + TLSA_HEAD, length - TLSA_HEAD);
    return true;
}

static size_t record_size(enum dns_type type)
{
    return type == DNS_SRV ? sizeof(struct dns_srv) : sizeof(struct dns_tlsa);
}

/* Fills `records`, of DNS_RECORDS_MAX, from the answer section; false for a malformed reply. */
static bool parse(enum dns_type type, const unsigned char *reply, int length, char *records,
                  size_t *count)
{
    ns_msg message;
    ns_rr record;
    if (ns_initparse(reply, length, &message) != 0)
        return false;
    for (int i = 0; i < ns_msg_count(message, ns_s_an) && *count < DNS_RECORDS_MAX; i++) {
        void *place = records + *count * record_size(type);
        if (ns_parserr(&message, ns_s_an, i, &record) != 0)
            return false;
        *count += type == DNS_SRV ? take_srv(&message, &record, place) : take_tlsa(&record, place);
    }
    return true;
}

static int look_up(void *argument, int output)
{
    const struct question *question = argument;
    struct error ignored;
    struct header header = {0};
    int length = 0;
    unsigned char *reply = calloc(1, ANSWER_SIZE);
    char *records = calloc(DNS_RECORDS_MAX, record_size(question->type));
    if (reply == NULL || records == NULL)
        return EX_OSERR;
    if (ask(question, reply, &length, &header) && length > 0)
        header.answered = parse(question->type, reply, length, records, &header.count);
    struct slice head = slice_make((const char *)&header, sizeof header);
    struct slice tail = slice_make(records, header.count * record_size(question->type));
    return file_write_all(output, head, &ignored) && file_write_all(output, tail, &ignored)
               ? EX_OK
               : EX_IOERR;
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
    size_t size = record_size(question->type);
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

bool dns_look_up(enum dns_type type, const char *name, const struct sockaddr_in *server,
                 int64_t timeout, struct dns_answer *answer, struct error *error)
{
    struct question question = {type, name, server};
    struct child child;
    struct buffer output = {0};
    int status;
    size_t limit = sizeof(struct header) + DNS_RECORDS_MAX * record_size(type);
    *answer = (struct dns_answer){0};
    bool done = child_start(&child, look_up, &question, error) &&
                (child_finish(&child, clock_deadline(timeout), limit, &output, &status, error) ||
                 fail(name, error)) &&
                unpack(&question, buffer_slice(&output), answer, error);
    buffer_free(&output);
    return done;
}

void dns_free(struct dns_answer *answer)
{
    free(answer->records.srv);
    *answer = (struct dns_answer){0};
}
