/* Writes a file of the queue's format that says what no caller could have said: with it whoever may
 * write to a spool lies to the runner, checksums and all.
 *
 * usage: plant FILE WORD=VALUE...
 *
 *   sender, account, reason, id   of the envelope; sender is lie@example.com where none is given
 *   created, next                 seconds since 1970
 *   report                        it says that it is one
 *   recipient                     one more; many: so many, rN@many.example
 *   refused                       a journal says that all were refused, with this reply
 *   tries, chatter                so many attempts, each with so many octets of reason
 *   held                          a journal says that it is held
 *   header, body                  the message; holes: so many zeroes behind it, which take no room
 *   spoiled                       the checksum of the message is wrong
 *   hostile                       it is never left in peace: the file is written, changed, cut,
 *                                 made longer and written anew until this process is killed
 *
 * In a value \n, \r and \\ stand for what they say, and \0 for a NUL. */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/checksum.h"
#include "queue/record.h"

enum { NUL_STANDS_FOR = 1, SUM_AT = 8, OWN_SUM_AT = 12 };

struct plant {
    struct envelope envelope;
    struct record_envelope about;
    const char *header, *body, *refused;
    unsigned long tries, chatter, holes;
    bool held, spoiled, hostile;
    struct error error;
};

static void must(bool done, const struct plant *plant)
{
    if (!done)
        errx(EX_SOFTWARE, "%s", plant->error.sentence);
}

static char *unescape(char *value)
{
    static const char letters[] = "nr0\\", octets[] = {'\n', '\r', NUL_STANDS_FOR, '\\'};
    char *out = value;
    for (const char *in = value; *in != '\0'; in++) {
        const char *letter = in[0] == '\\' && in[1] != '\0' ? strchr(letters, in[1]) : NULL;
        *out++ = letter != NULL ? octets[letter - letters] : *in;
        in += letter != NULL;
    }
    *out = '\0';
    return value;
}

static void add_many(struct plant *plant, unsigned long count)
{
    char address[64];
    for (unsigned long i = 1; i <= count; i++) {
        snprintf(address, sizeof address, "r%lu@many.example", i);
        must(envelope_add(&plant->envelope, address, &plant->error), plant);
    }
}

static bool take_text(struct plant *plant, const char *word, const char *value)
{
    const struct {
        const char *word, **place;
    } rows[] = {{"account", &plant->about.account},
                {"reason", &plant->about.reason},
                {"id", &plant->envelope.id},
                {"header", &plant->header},
                {"body", &plant->body},
                {"refused", &plant->refused}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(word, rows[i].word) != 0)
            continue;
        *rows[i].place = value;
        return true;
    }
    return false;
}

static bool take_number(struct plant *plant, const char *word, const char *value)
{
    unsigned long number = strtoul(value, NULL, 10);
    const struct {
        const char *word;
        unsigned long *place;
    } rows[] = {{"tries", &plant->tries}, {"chatter", &plant->chatter}, {"holes", &plant->holes}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(word, rows[i].word) != 0)
            continue;
        *rows[i].place = number;
        return true;
    }
    if (strcmp(word, "created") == 0)
        plant->about.created = (int64_t)number;
    else if (strcmp(word, "next") == 0)
        plant->about.next = (int64_t)number;
    else if (strcmp(word, "many") == 0)
        add_many(plant, number);
    else
        return false;
    return true;
}

static void take(struct plant *plant, char *argument)
{
    char *value = strchr(argument, '=');
    static char nothing[] = "";
    if (value != NULL)
        *value++ = '\0';
    value = unescape(value != NULL ? value : nothing);
    if (take_text(plant, argument, value) || take_number(plant, argument, value))
        return;
    if (strcmp(argument, "sender") == 0)
        must(envelope_set_sender(&plant->envelope, value, &plant->error), plant);
    else if (strcmp(argument, "recipient") == 0)
        must(envelope_add(&plant->envelope, value, &plant->error), plant);
    else if (strcmp(argument, "report") == 0)
        plant->about.report = true;
    else if (strcmp(argument, "held") == 0)
        plant->held = true;
    else if (strcmp(argument, "spoiled") == 0)
        plant->spoiled = true;
    else if (strcmp(argument, "hostile") == 0)
        plant->hostile = true;
    else
        errx(EX_USAGE, "what is \"%s\"?", argument);
}

/* --- the file -------------------------------------------------------------------------------- */

static void place_sum(char *place, uint32_t sum)
{
    for (int i = 0; i < 4; i++)
        place[i] = (char)(sum >> (8 * i));
}

/* A record with NULs in its strings, and right checksums. */
static void put_nuls(struct buffer *records)
{
    char *payload = records->bytes + RECORD_HEAD;
    size_t length = records->length - RECORD_HEAD - RECORD_TAIL;
    char *at = payload;
    while ((at = memchr(at, '@', length - (size_t)(at - payload))) != NULL) {
        if (at > payload && at[-1] == NUL_STANDS_FOR)
            at[-1] = '\0';
        at++;
    }
    place_sum(records->bytes + SUM_AT, checksum_add(0, slice_make(payload, length)));
    place_sum(records->bytes + OWN_SUM_AT, checksum_add(0, slice_make(records->bytes, OWN_SUM_AT)));
}

static void put_refusals(struct plant *plant, struct buffer *records)
{
    size_t count = plant->envelope.count;
    uint32_t *changed = calloc(count + 1, sizeof *changed);
    struct record_try what = {.when = time(NULL), .counted = true};
    if (changed == NULL)
        err(EX_OSERR, "memory");
    for (size_t i = 0; i < count; i++) {
        changed[i] = (uint32_t)i;
        must(envelope_set_outcome(&plant->envelope, i, RECIPIENT_REFUSED, 550,
                                  slice_of(plant->refused), &plant->error),
             plant);
    }
    must(record_put_try(records, &what, &plant->envelope, changed, count, &plant->error), plant);
    free(changed);
}

static void put_journal(struct plant *plant, struct buffer *records)
{
    char *chatter = calloc(1, plant->chatter + 1);
    struct record_try what = {.when = plant->about.created, .counted = true, .reason = chatter};
    if (chatter == NULL)
        err(EX_OSERR, "memory");
    memset(chatter, 'x', plant->chatter);
    for (unsigned long i = 0; i < plant->tries; i++)
        must(record_put_try(records, &what, &plant->envelope, NULL, 0, &plant->error), plant);
    free(chatter);
    if (plant->refused != NULL)
        put_refusals(plant, records);
    if (plant->held)
        must(record_put_mark(records, RECORD_HOLD, time(NULL), &plant->error), plant);
}

static uint32_t sum_of_message(const struct plant *plant)
{
    static const char zeroes[4096];
    uint32_t sum = checksum_add(0, slice_of(plant->header));
    sum = checksum_add(sum, slice_of(plant->body));
    for (unsigned long left = plant->holes; left > 0;) {
        size_t size = left < sizeof zeroes ? left : sizeof zeroes;
        sum = checksum_add(sum, slice_make(zeroes, size));
        left -= size;
    }
    return plant->spoiled ? ~sum : sum;
}

static void put_at(int fd, const char *bytes, size_t length, uint64_t offset)
{
    if (pwrite(fd, bytes, length, (off_t)offset) != (ssize_t)length)
        err(EX_IOERR, "write");
}

static void write_file(struct plant *plant, int fd)
{
    char preamble[RECORD_PREAMBLE];
    struct buffer records = {0};
    size_t header = strlen(plant->header), body = strlen(plant->body);
    uint64_t message = header + body + plant->holes;
    for (size_t i = 0; i < plant->envelope.count; i++)
        plant->envelope.recipients[i].state = RECIPIENT_PENDING;
    plant->about.header = (struct extent){0, header};
    plant->about.body = (struct extent){header, body + plant->holes};
    must(record_put_envelope(&records, &plant->about, &plant->envelope, &plant->error), plant);
    put_nuls(&records);
    put_journal(plant, &records);
    record_put_preamble(preamble, &(struct record_preamble){message, sum_of_message(plant)});
    put_at(fd, preamble, sizeof preamble, 0);
    put_at(fd, plant->header, header, RECORD_PREAMBLE);
    put_at(fd, plant->body, body, RECORD_PREAMBLE + header);
    put_at(fd, records.bytes, records.length, RECORD_PREAMBLE + message);
    buffer_free(&records);
}

/* One of many things that an owner may do with a descriptor that he kept. */
static void harass(struct plant *plant, int fd)
{
    char octet = (char)random();
    off_t size = lseek(fd, 0, SEEK_END), place = size > 0 ? random() % size : 0;
    switch (random() % 6) {
    case 0:
        put_at(fd, &octet, 1, (uint64_t)place);
        break;
    case 1:
        must(ftruncate(fd, place) == 0, plant);
        break;
    case 2:
        put_at(fd, "record?", 7, (uint64_t)size);
        break;
    case 3:
        must(ftruncate(fd, size + 100000) == 0, plant);
        break;
    default:
        write_file(plant, fd);
        usleep(2000);
        break;
    }
}

int main(int count, char **arguments)
{
    struct plant plant = {
        .header = "Subject: a lie\r\n", .body = "Believe me.\r\n", .about.created = time(NULL)};
    must(envelope_set_sender(&plant.envelope, "lie@example.com", &plant.error), &plant);
    for (int i = 2; i < count; i++)
        take(&plant, arguments[i]);
    int fd = count > 1 ? open(arguments[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        err(EX_CANTCREAT, "the file");
    write_file(&plant, fd);
    while (plant.hostile)
        harass(&plant, fd);
    envelope_free(&plant.envelope);
    return close(fd) == 0 ? EX_OK : EX_IOERR;
}
