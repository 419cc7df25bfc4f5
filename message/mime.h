/* Bodies that a server or the wire cannot carry as they are: 8-bit text where 8BITMIME is not
 * offered, lines over 998 octets, NUL bytes. Converted to quoted-printable or base64 with the MIME
 * fields to match (RFC 2045), in a message with parts each part by itself.
 *
 * In this order: mime_label once, mime_fit for each server. */
#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include "base/text.h"
#include "message/entity.h"

enum { MIME_NOTE_SIZE = 640 };

/* The least that must be known of the header, found in one walk over it. */
struct mime_facts {
    struct entity top;
    bool is_signed; /* signed or encrypted, or with a DKIM-Signature */
};

/* Fills the facts, and labels a body with 8-bit or NUL octets that has no label: an untyped one
 * gets MIME-Version and Content-Type (text/plain; charset utf-8 if all of it is valid UTF-8, else
 * unknown-8bit); text that claims to be US-ASCII, in words or by naming no charset, and is 8-bit
 * gets such a charset (markup that is no UTF-8 and may name its own does not); one that is no
 * multipart, 8-bit and not declared so gets Content-Transfer-Encoding: 8bit. Leaves what is signed
 * or encoded alone. Writes a new header behind what the store holds, and into `note`
 * (MIME_NOTE_SIZE bytes, or NULL) what was added and why; nothing when nothing was. EX_IOERR,
 * EX_OSERR. */
bool mime_label(struct message *message, struct mime_facts *facts, struct text *note,
                struct error *error);

/* Makes the message one that a server can carry (`eight_bit`: it offers 8BITMIME): a body that must
 * be encoded and can be becomes quoted-printable or, where a third of it or a NUL had to be quoted,
 * base64, behind what the store holds, with a header that says so. Line ends count as CRLF. One
 * that is in either encoding already is written anew in the same: for a decoder nothing changes. In
 * multiparts and messages within the message that is done for each part that needs it (part_fit).
 * Message and facts follow. What is signed or encoded in a way unknown here goes as it is, as a
 * whole or as a part. Appends to `note` what was done, "body encoded: ...", "2 parts encoded: ...",
 * and what was not, with "not encoded" in the words; nothing where the body goes as it should.
 * EX_IOERR, EX_OSERR. */
bool mime_fit(struct message *message, struct mime_facts *facts, bool eight_bit, struct text *note,
              struct error *error);

#endif
