/* One entry of the queue, from its birth to its end.
 *
 * Its states, and what a runner or sender that finds it does. "Dies" is any end, of the process or
 * of the power; what was synced outlives it.
 *
 *   state       on the disk             who leads it there     who finds it
 *
 *   unborn      a file without a name   spool_create, the      nobody can; it goes with its
 *               (or one in tmp/),       store of a message     process (tmp/: spool_sweep)
 *               locked
 *   born        SPOOL/ID, locked; the   spool_commit           as waiting: its author, who dies
 *               directory not yet                              here, promised nothing; after a
 *               synced                                         power loss it is there as a
 *                                                              whole or not at all
 *   waiting     SPOOL/ID, unlocked;     entry_add; a runner    a runner claims it when it is
 *               somebody has no final   that is done with it   due (queue/backoff.h)
 *               outcome
 *   in hand     SPOOL/ID, locked        entry_open with        leaves it (SPOOL_BUSY); its
 *                                       `claim`                holder dies: waiting again
 *   ahead       the journal does not    a runner, between      as waiting: those recipients are
 *               say yet what the        reply and              tried again and may get it
 *               smarthost said          entry_record_try       twice, as many as are in flight
 *   torn        the journal ends in a   a runner that dies     as before that record, which is
 *               record that is not      within entry_record_*  cut off before the next one
 *               whole
 *   held        the last such mark is   entry_record_mark      leaves it
 *               RECORD_HOLD
 *   partly      some are ACCEPTED or    entry_record_try       as waiting; those are never
 *   done        REFUSED in the journal                         tried again
 *   done        nobody is left, none    the last outcome,      unlinks it; one whose unlink a
 *               refused                 before the unlink      power loss undid is ahead
 *   failed      nobody is left, some    the last outcome,      writes the report, then
 *               refused, not all told   before the report      RECORD_REPORTED; a death between
 *               of                                             the two sends it twice
 *   told        the same, all told of   RECORD_REPORTED        moves it to failed/
 *   kept        failed/ID               spool_move             never tries it; spool_sweep ends
 *                                                              it after keep_failed
 *   damaged     content that cannot be  a disk, a stranger     SPOOL_FOREIGN: a runner moves it
 *               believed                                       to damaged/, where it stays */
#ifndef QUEUE_ENTRY_H
#define QUEUE_ENTRY_H

#include "message/message.h"
#include "queue/journal.h"
#include "queue/record.h"
#include "queue/spool.h"

/* Octets of a message's store that are neither header nor body, and still kept. */
enum { ENTRY_UNUSED_LIMIT = 1024 * 1024 };

/* What the journal has of one recipient. */
struct entry_settled {
    const char *reply;
    short reply_code;
    unsigned char state; /* enum recipient_state */
    uint32_t reports;    /* how many RECORD_REPORTED came before that */
};

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

    /* Its own. */
    int fd;
    struct record_preamble preamble;
    struct journal journal;
    struct entry_settled *settled; /* of each recipient */
    uint32_t *changed;             /* room for the numbers of all of them */
    uint32_t reports;              /* RECORD_REPORTED so far */
};

/* Puts `message` for those recipients of `envelope` that are RECIPIENT_PENDING or DEFERRED into the
 * spool: locked, written, synced, linked, the directory synced; with two fsyncs. A message whose
 * store grew in this spool is linked in place, unless much of it is no longer part of the message
 * or it was linked before, and must not be appended to afterwards; any other is written. After true
 * it survives everything; those recipients are RECIPIENT_QUEUED, and `id` is the entry's. After
 * false nothing was queued. Of `about`, header and body are not looked at. Errors as spool_create
 * and spool_commit; EX_IOERR with advice for a full disk; EX_OSERR for more than an entry can hold,
 * EX_SOFTWARE for an envelope that could not be read again. */
bool entry_add(struct spool *spool, struct message *message, struct envelope *envelope,
               const struct record_envelope *about, char id[SPOOL_ID_SIZE], struct error *error);

/* Opens an entry, claims it where `claim`, and reads all but the message. SPOOL_FOREIGN also when
 * its content is damaged. Only after SPOOL_OPENED is entry_close due. */
enum spool_opened entry_open(struct spool *spool, enum spool_folder folder, const char *id,
                             bool claim, struct entry *entry, struct error *error);

/* Reads the message as if it came from outside (message/input.h) into an initialized `message`, and
 * checks that it is the one that was queued. EX_DATAERR where not: the entry is damaged. Else as
 * input_add; the message is then only good for message_free. */
bool entry_read_message(struct entry *entry, struct message *message, struct error *error);

/* Writes what became of an attempt into the journal, durably: the states and replies in
 * entry->envelope that differ from what the journal has. A recipient that is PENDING or OFFERED had
 * no outcome, and stays what it was; what is ACCEPTED or REFUSED in the journal is never anything
 * else again. EX_IOERR; what could not be recorded is cut off again. */
bool entry_record_try(struct entry *entry, const struct record_try *what, struct error *error);

/* RECORD_HOLD; RECORD_RELEASE, which makes it due at once; RECORD_REPORTED: of all that are refused
 * in the journal by now. */
bool entry_record_mark(struct entry *entry, enum record_kind kind, struct error *error);

/* Somebody has no final outcome yet. */
bool entry_is_unfinished(const struct entry *entry);

/* A report told of this recipient's refusal. */
bool entry_is_told(const struct entry *entry, size_t recipient);

/* Somebody was refused whom no report told of. */
bool entry_owes_report(const struct entry *entry);

void entry_close(struct entry *entry);

#endif
