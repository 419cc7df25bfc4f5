/* Bodies that a server or the wire cannot carry as they are: 8-bit text where 8BITMIME is not
 * offered, lines over 998 octets, NUL bytes. Converted to quoted-printable or base64 with the MIME
 * fields to match (RFC 2045).
 *
 * In this order: mime_inspect once, mime_label always (it does nothing where there is nothing to
 * do), then mime_judge with what the server offers, and mime_convert where that is the verdict. */
#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include "message/message.h"

enum { MIME_LONGEST_LINE = 998 };

enum mime_need {
    MIME_AS_IS,     /* goes as it stands */
    MIME_CONVERT,   /* must be encoded and can be */
    MIME_SIGNED,    /* should be encoded, but a signature would break: goes as it is, say so */
    MIME_MULTIPART, /* should be encoded; parts cannot be yet */
    MIME_IMPOSSIBLE /* should be encoded, but it is said to be encoded already */
};

/* The least that must be known of the header, found in one walk over it. */
struct mime_facts {
    bool has_version, has_type;
    bool has_encoding; /* a Content-Transfer-Encoding, whatever it says */
    bool is_eight_bit; /* which says 8bit or binary */
    bool is_encoded;   /* or neither these nor 7bit: quoted-printable, base64, x-... */
    bool is_signed;    /* multipart/signed or encrypted, application/pkcs7-mime, DKIM-Signature */
    bool is_multipart; /* or message/... */
};

/* EX_IOERR, EX_OSERR, as the other functions here. */
bool mime_inspect(struct message *message, struct mime_facts *facts, struct error *error);

/* `eight_bit`: the server offers 8BITMIME. */
enum mime_need mime_judge(const struct message *message, const struct mime_facts *facts,
                          bool eight_bit);

/* Labels a body with 8-bit or NUL octets that has no label: an untyped one gets MIME-Version and
 * Content-Type (text/plain; charset utf-8 if all of it is valid UTF-8, else unknown-8bit); one that
 * is no multipart, 8-bit and not declared so gets Content-Transfer-Encoding: 8bit. Leaves what is
 * signed or encoded alone. Writes a new header behind what the store holds; the facts follow. */
bool mime_label(struct message *message, struct mime_facts *facts, struct error *error);

/* Encodes the body behind what the store holds, as quoted-printable or, where a third of it or a
 * NUL had to be quoted, base64, and writes a header that says so. Line ends count as CRLF. Message
 * and facts follow. */
bool mime_convert(struct message *message, struct mime_facts *facts, struct error *error);

#endif
