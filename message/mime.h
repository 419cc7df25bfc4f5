/* Bodies that a server or the wire cannot carry as they are: 8-bit text where 8BITMIME is not
 * offered, lines over 998 octets, NUL bytes. Converted to quoted-printable or base64 with the MIME
 * fields to match (RFC 2045). */
#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include "message/message.h"

enum mime_need {
    MIME_AS_IS,    /* goes as it stands */
    MIME_CONVERT,  /* must be encoded and can be */
    MIME_SIGNED,   /* should be encoded, but a signature would break: goes as it is, say so */
    MIME_MULTIPART /* should be encoded; parts cannot be yet */
};

/* The least that must be known of the header, found in one walk over it. */
struct mime_facts {
    bool has_version, has_type, has_encoding;
    bool is_signed;    /* multipart/signed or encrypted, application/pkcs7-mime, DKIM-Signature */
    bool is_multipart; /* or message/... */
    bool is_encoded;   /* Content-Transfer-Encoding is quoted-printable or base64 already */
};

bool mime_inspect(struct message *message, struct mime_facts *facts, struct error *error);

/* `eight_bit`: the server offers 8BITMIME; `binary_lines`... see mime.c */
enum mime_need mime_judge(const struct message *message, const struct mime_facts *facts,
                          bool eight_bit);

/* Labels an untyped 8-bit body (MIME-Version, Content-Type: text/plain with charset utf-8 if it is
 * valid UTF-8, else unknown-8bit, Content-Transfer-Encoding: 8bit). */
bool mime_label(struct message *message, const struct mime_facts *facts, struct error *error);

/* Encodes the body behind what the store holds and writes a header that says so. */
bool mime_convert(struct message *message, const struct mime_facts *facts, struct error *error);

#endif
