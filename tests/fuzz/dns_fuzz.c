/* Property: whatever a DNS server replies, the records that come of it are within their bounds, and
 * none is read from outside the reply. The first octet chooses the type. */
#include "tests/fuzz/fuzz.h"

#include "net/dns_reply.h"

static void check(enum dns_type type, const char *records, size_t count)
{
    demand(count <= DNS_RECORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *record = records + i * dns_reply_record_size(type);
        if (type == DNS_SRV)
            demand(memchr(((const struct dns_srv *)(const void *)record)->target, '\0',
                          DNS_NAME_SIZE) != NULL);
        else
            demand(((const struct dns_tlsa *)(const void *)record)->length <= DNS_TLSA_SIZE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    enum dns_type type = bytes[0] % 2 == 0 ? DNS_SRV : DNS_TLSA;
    /* A copy of just that size: what is read behind it is found. */
    unsigned char *reply = malloc(size - 1 > 0 ? size - 1 : 1);
    char *records = calloc(DNS_RECORDS_MAX, dns_reply_record_size(type));
    size_t count = 0;
    demand(reply != NULL && records != NULL);
    memcpy(reply, bytes + 1, size - 1);
    dns_reply_parse(type, reply, size - 1, records, &count);
    check(type, records, count);
    free(records);
    free(reply);
    return 0;
}
