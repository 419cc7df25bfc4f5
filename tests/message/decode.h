/* A reader's side of the encodings, for tests: encoded words (RFC 2047), quoted-printable and
 * base64 (RFC 2045). Strict: what is not well-formed fails the test. */
#ifndef TESTS_MESSAGE_DECODE_H
#define TESTS_MESSAGE_DECODE_H

#include <string.h>

#include "base/buffer.h"
#include "base/utf8.h"

static inline int decode_hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    assert_true(digit >= 'A' && digit <= 'F');
    return digit - 'A' + 10;
}

static inline void decode_base64(struct buffer *out, struct slice in)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, count = 0;
    assert_int_equal(in.length % 4, 0);
    for (size_t i = 0; i < in.length && in.bytes[i] != '='; i++) {
        const char *found = memchr(alphabet, in.bytes[i], 64);
        assert_non_null(found);
        bits = (bits << 6 | (unsigned)(found - alphabet)) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buffer_add_byte(out, (char)(bits >> count & 0xff));
        }
    }
}

static inline void decode_escapes(struct buffer *out, struct slice in, bool word)
{
    for (size_t i = 0; i < in.length; i++) {
        if (in.bytes[i] == '=') {
            assert_true(i + 2 < in.length);
            buffer_add_byte(out,
                            (char)(decode_hex(in.bytes[i + 1]) << 4 | decode_hex(in.bytes[i + 2])));
            i += 2;
        } else {
            buffer_add_byte(out, word && in.bytes[i] == '_' ? ' ' : in.bytes[i]);
        }
    }
}

/* A blank-free word; false when it is no encoded word. */
static inline bool decode_word(struct buffer *out, struct slice word)
{
    if (word.length < 8 || memcmp(word.bytes, "=?", 2) != 0 ||
        memcmp(word.bytes + word.length - 2, "?=", 2) != 0)
        return false;
    struct slice charset, coding, inside = slice_to(slice_from(word, 2), word.length - 4);
    if (!slice_cut(&inside, '?', &charset) || !slice_cut(&inside, '?', &coding))
        return false;
    assert_true(word.length <= 75);
    size_t start = out->length;
    if (slice_equals(coding, slice_of("B")))
        decode_base64(out, inside);
    else
        decode_escapes(out, inside, true);
    /* No character may be divided between words. */
    if (slice_equals(charset, slice_of("utf-8")))
        assert_true(utf8_is_valid(slice_from(buffer_slice(out), start)));
    else
        assert_true(slice_equals(charset, slice_of("unknown-8bit")));
    return true;
}

/* Unfolds a field's value and decodes its words; blanks between two of them are not shown. */
static inline void decode_text(struct buffer *out, struct slice value)
{
    struct slice rest = value, word;
    const char *end = value.bytes;
    bool behind_word = false;
    while (slice_cut_word(&rest, &word)) {
        struct buffer decoded = {0};
        bool encoded = decode_word(&decoded, word);
        for (; !(behind_word && encoded) && end < word.bytes; end++) {
            if (*end != '\r' && *end != '\n')
                buffer_add_byte(out, *end);
        }
        buffer_add(out, encoded ? buffer_slice(&decoded) : word);
        buffer_free(&decoded);
        end = word.bytes + word.length;
        behind_word = encoded;
    }
    for (; end < value.bytes + value.length; end++) {
        if (*end != '\r' && *end != '\n')
            buffer_add_byte(out, *end);
    }
}

/* A body of complete lines, none over 76 octets. */
static inline void decode_body(struct buffer *out, struct slice body, bool base64)
{
    while (body.length > 0) {
        const char *end = memmem(body.bytes, body.length, "\r\n", 2);
        assert_non_null(end);
        struct slice line = slice_to(body, (size_t)(end - body.bytes));
        body = slice_from(body, line.length + 2);
        assert_true(line.length <= 76);
        for (size_t i = 0; i < line.length; i++)
            assert_true((line.bytes[i] >= ' ' && line.bytes[i] < 0x7f) || line.bytes[i] == '\t');
        if (base64) {
            decode_base64(out, line);
            continue;
        }
        assert_true(slice_trim(line).length == line.length || line.bytes[line.length - 1] > ' ');
        assert_false(slice_starts_nocase(line, "From "));
        assert_false(line.length > 0 && line.bytes[0] == '.');
        bool soft = line.length > 0 && line.bytes[line.length - 1] == '=';
        decode_escapes(out, slice_to(line, line.length - (soft ? 1 : 0)), false);
        if (!soft)
            buffer_add_string(out, "\r\n");
    }
}

#endif
