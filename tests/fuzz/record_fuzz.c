/* Property: whatever an entry's file holds, what is believed of it could have been put there, and
 * an outcome that is final stays so; and it makes no difference whether records are taken from
 * memory or through the window over the file. The first octet chooses: the bytes are a file's
 * records, or payloads, each with its length in front, as if their checksums had been right. */
#include "tests/fuzz/fuzz.h"

#include "queue/journal.h"
#include "queue/record.h"

/* A copy of just that size: what is read behind it is found. */
static char *copy(struct slice bytes)
{
    char *own = malloc(bytes.length > 0 ? bytes.length : 1);
    demand(own != NULL);
    if (bytes.length > 0)
        memcpy(own, bytes.bytes, bytes.length);
    return own;
}

static void check_records(struct slice bytes)
{
    int fd = memfd_create("records", MFD_CLOEXEC);
    enum record_kind kind = RECORD_HOLD, other_kind = RECORD_HOLD;
    enum record_found found, other = RECORD_END;
    struct slice payload = {0}, other_payload = {0};
    struct journal journal;
    struct error error;
    demand(fd >= 0 && pwrite(fd, bytes.bytes, bytes.length, 7) == (ssize_t)bytes.length);
    journal_open(&journal, fd, 7, 7 + bytes.length);
    do {
        demand(journal_next(&journal, &other, &other_kind, &other_payload, &error));
        found = record_next(&bytes, &kind, &payload);
        demand(found == other);
        demand(found != RECORD_FOUND ||
               (kind == other_kind && slice_equals(payload, other_payload)));
    } while (found == RECORD_FOUND);
    demand(journal.left == bytes.length);
    journal_free(&journal);
    close(fd);
}

static void check_string(const char *string)
{
    for (; string != NULL && *string != '\0'; string++)
        demand(*string >= ' ' && *string <= '~');
}

static void check_envelope(struct slice payload, struct envelope *envelope)
{
    struct record_envelope what, again;
    struct envelope other = {0};
    struct buffer records = {0};
    struct slice other_payload = {0};
    enum record_kind kind;
    struct error error;
    if (!record_get_envelope(payload, &what, envelope, &error)) {
        demand(error.exit_code == EX_DATAERR);
        envelope_free(envelope);
        return;
    }
    check_string(what.reason);
    demand(record_put_envelope(&records, &what, envelope, &error));
    struct slice rest = buffer_slice(&records);
    demand(record_next(&rest, &kind, &other_payload) == RECORD_FOUND && kind == RECORD_ENVELOPE);
    demand(record_get_envelope(other_payload, &again, &other, &error));
    demand(other.count == envelope->count && again.created == what.created);
    for (size_t i = 0; i < other.count; i++) {
        demand(strcmp(other.recipients[i].address, envelope->recipients[i].address) == 0);
        check_string(envelope->recipients[i].reply);
    }
    envelope_free(&other);
    buffer_free(&records);
}

static bool is_final(unsigned state)
{
    return state == RECIPIENT_ACCEPTED || state == RECIPIENT_REFUSED;
}

static void check_try(struct slice payload, struct envelope *envelope)
{
    unsigned char *before = calloc(envelope->count + 1, 1);
    uint32_t *changed = calloc(envelope->count + 1, sizeof *changed);
    size_t count;
    struct record_try what;
    struct error error;
    demand(before != NULL && changed != NULL);
    for (size_t i = 0; i < envelope->count; i++)
        before[i] = envelope->recipients[i].state;
    if (record_get_try(payload, &what, envelope, changed, &count, &error))
        demand(count <= envelope->count);
    else
        demand(error.exit_code == EX_DATAERR);
    for (size_t i = 0; i < envelope->count; i++) {
        demand(envelope->recipients[i].state <= RECIPIENT_REFUSED);
        demand(!is_final(before[i]) || envelope->recipients[i].state == before[i]);
        check_string(envelope->recipients[i].reply);
    }
    free(before);
    free(changed);
}

static void check_payloads(struct slice bytes)
{
    struct envelope envelope = {0};
    for (bool first = true; bytes.length >= 2; first = false) {
        size_t length = (unsigned char)bytes.bytes[0] | (unsigned)(unsigned char)bytes.bytes[1]
                                                            << 8;
        struct slice payload = slice_to(slice_from(bytes, 2), length);
        bytes = slice_from(bytes, 2 + payload.length);
        payload.bytes = copy(payload);
        if (first)
            check_envelope(payload, &envelope);
        else
            check_try(payload, &envelope);
        free((void *)(uintptr_t)payload.bytes);
    }
    envelope_free(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    struct slice rest = slice_make((const char *)bytes + 1, size - 1);
    char *own = copy(rest);
    rest.bytes = own;
    if (bytes[0] % 4 == 0)
        check_records(rest);
    else
        check_payloads(rest);
    free(own);
    return 0;
}
