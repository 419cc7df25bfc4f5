/* One entry of the queue, from its birth to its end.
 *
 * Its states, and what a runner that finds it does:
 *
 *   (filled in by the module: state | on the disk | who got it so | recovery) */
#ifndef QUEUE_ENTRY_H
#define QUEUE_ENTRY_H

#include "message/message.h"
#include "queue/record.h"
#include "queue/spool.h"

struct entry {
    struct spool *spool;
    enum spool_folder folder;
    char id[SPOOL_ID_SIZE];
    uid_t owner; /* the file's: all that is believed of who it is from */

    /* What the file says; for a shared spool nothing but its owner's word. */
    struct record_envelope about;
    struct envelope envelope;   /* with what became of each recipient so far: PENDING, ACCEPTED,
                                   DEFERRED or REFUSED, and the last reply */
    uint64_t size;              /* octets of the message */
    unsigned tries;             /* of the entry itself */
    int64_t last_try, next_try; /* wall clock, seconds; 0: none, at once */
    const char *reason;         /* of the last attempt, else why it was queued; NULL */
    bool held;
    size_t reported; /* how many of those refused were told of */

    /* Its own. */
    int fd;
    struct record_preamble preamble;
    uint64_t end;           /* where the journal goes on */
    unsigned char *settled; /* the state of each recipient as the journal has it */
};

/* Puts `message` for those recipients of `envelope` that are RECIPIENT_PENDING or DEFERRED into the
 * spool: locked, written, synced, linked, the directory synced; with two fsyncs. A message whose
 * store grew in this spool is linked in place, any other is written. After true it survives
 * everything; those recipients are RECIPIENT_QUEUED, and `id` is the entry's. After false nothing
 * was queued. Errors as spool_create and spool_commit; EX_IOERR with advice for a full disk. */
bool entry_add(struct spool *spool, struct message *message, struct envelope *envelope,
               const struct record_envelope *about, char id[SPOOL_ID_SIZE], struct error *error);

/* Opens an entry, claims it where `claim`, and reads all but the message. SPOOL_FOREIGN also when
 * its content is damaged. Only after SPOOL_OPENED is entry_close due. */
enum spool_opened entry_open(struct spool *spool, enum spool_folder folder, const char *id,
                             bool claim, struct entry *entry, struct error *error);

/* Reads the message as if it came from outside (message/input.h), and checks that it is the one
 * that was queued. EX_DATAERR where not: the entry is damaged. */
bool entry_read_message(struct entry *entry, struct message *message, struct error *error);

/* Writes what became of an attempt into the journal, durably: the states and replies in
 * entry->envelope that differ from what the journal has. EX_IOERR; what could not be recorded is
 * cut off again. */
bool entry_record_try(struct entry *entry, const struct record_try *what, struct error *error);

/* RECORD_HOLD, RECORD_RELEASE, RECORD_REPORTED. */
bool entry_record_mark(struct entry *entry, enum record_kind kind, struct error *error);

/* Somebody has no final outcome yet. */
bool entry_is_unfinished(const struct entry *entry);

void entry_close(struct entry *entry);

#endif
