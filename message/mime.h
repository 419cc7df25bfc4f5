/* Bodies that a server or the wire cannot carry as they are: 8-bit text where 8BITMIME is not
 * offered, lines over 998 octets, NUL bytes. Converted to quoted-printable or base64 with the MIME
 * fields to match (RFC 2045).
 *
 * In this order: mime_label once, mime_fit for each server. */
#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include "base/text.h"
#include "message/message.h"

enum { MIME_LONGEST_LINE = 998, MIME_NOTE_SIZE = 200 };

/* The least that must be known of the header, found in one walk over it. */
struct mime_facts {
    bool has_version, has_type;
    bool is_eight_bit; /* Content-Transfer-Encoding says 8bit or binary */
    bool is_encoded;   /* or neither these nor 7bit: quoted-printable, base64, x-... */
    bool is_signed;    /* multipart/signed or encrypted, application/pkcs7-mime, DKIM-Signature */
    bool is_multipart; /* or message/... */
};

/* Fills the facts, and labels a body with 8-bit or NUL octets that has no label: an untyped one
 * gets MIME-Version and Content-Type (text/plain; charset utf-8 if all of it is valid UTF-8, else
 * unknown-8bit); one that is no multipart, 8-bit and not declared so gets
 * Content-Transfer-Encoding: 8bit. Leaves what is signed or encoded alone. Writes a new header
 * behind what the store holds. EX_IOERR, EX_OSERR. */
bool mime_label(struct message *message, struct mime_facts *facts, struct error *error);

/* Makes the message one that a server can carry (`eight_bit`: it offers 8BITMIME): a body that must
 * be encoded and can be becomes quoted-printable or, where a third of it or a NUL had to be quoted,
 * base64, behind what the store holds, with a header that says so. Line ends count as CRLF. Message
 * and facts follow. What is signed, has parts or is encoded already goes as it is. Appends one
 * sentence to `note`, "body encoded: ..." or "body not encoded, though ...", nothing where the body
 * goes as it should. */
bool mime_fit(struct message *message, struct mime_facts *facts, bool eight_bit, struct text *note,
              struct error *error);

#endif
