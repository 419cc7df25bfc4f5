/* RFC 1035 section 4.1, RFC 2782, RFC 6698. Invariant: nothing is read behind the end of the reply,
 * and each name is followed by the libc, whose compression pointers only lead backwards. */
#include "net/dns_reply.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stddef.h>
#include <string.h>

enum { RECORD_HEAD = 10, SRV_HEAD = 6, TLSA_HEAD = 3 };

/* A record of the reply under the cursor. */
struct record {
    unsigned type, length;
    const unsigned char *data;
};

/* The octets of a reply not yet looked at. */
struct cursor {
    const unsigned char *start, *end, *next;
};

static unsigned number(const unsigned char *octets)
{
    return (unsigned)octets[0] << 8 | octets[1];
}

static bool skip_name(struct cursor *cursor, ptrdiff_t then)
{
    int length = dn_skipname(cursor->next, cursor->end);
    if (length < 0 || cursor->end - cursor->next < length + then)
        return false;
    cursor->next += length + then;
    return true;
}

/* RFC 1035 section 4.1.3 */
static bool next_record(struct cursor *cursor, struct record *record)
{
    if (!skip_name(cursor, RECORD_HEAD))
        return false;
    const unsigned char *head = cursor->next - RECORD_HEAD;
    *record = (struct record){
        .type = number(head), .length = number(head + RECORD_HEAD - 2), .data = cursor->next};
    if (cursor->end - cursor->next < (ptrdiff_t)record->length)
        return false;
    cursor->next += record->length;
    return true;
}

static bool take_srv(const struct cursor *cursor, const struct record *record, struct dns_srv *srv)
{
    if (record->type != ns_t_srv || record->length <= SRV_HEAD)
        return false;
    *srv = (struct dns_srv){.priority = (uint16_t)number(record->data),
                            .weight = (uint16_t)number(record->data + 2),
                            .port = (uint16_t)number(record->data + 4)};
    return dn_expand(cursor->start, cursor->end, record->data + SRV_HEAD, srv->target,
                     sizeof srv->target) >= 0;
}

static bool take_tlsa(const struct record *record, struct dns_tlsa *tlsa)
{
    if (record->type != ns_t_tlsa || record->length <= TLSA_HEAD ||
        record->length - TLSA_HEAD > DNS_TLSA_SIZE)
        return false;
    *tlsa = (struct dns_tlsa){.usage = record->data[0],
                              .selector = record->data[1],
                              .matching = record->data[2],
                              .length = (uint16_t)(record->length - TLSA_HEAD)};
    memcpy(tlsa->data, record->data + TLSA_HEAD, tlsa->length);
    return true;
}

size_t dns_reply_record_size(enum dns_type type)
{
    return type == DNS_SRV ? sizeof(struct dns_srv) : sizeof(struct dns_tlsa);
}

bool dns_reply_parse(enum dns_type type, const unsigned char *reply, size_t length, char *records,
                     size_t *count)
{
    struct cursor cursor = {reply, reply + length, reply + NS_HFIXEDSZ};
    *count = 0;
    if (length < NS_HFIXEDSZ)
        return false;
    unsigned questions = number(reply + 4), answers = number(reply + 6);
    while (questions-- > 0)
        if (!skip_name(&cursor, NS_QFIXEDSZ))
            return false;
    while (answers-- > 0 && *count < DNS_RECORDS_MAX) {
        void *place = records + *count * dns_reply_record_size(type);
        struct record record;
        if (!next_record(&cursor, &record))
            return false;
        *count += type == DNS_SRV ? take_srv(&cursor, &record, place) : take_tlsa(&record, place);
    }
    return true;
}
