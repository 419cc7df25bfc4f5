/* Base64 (RFC 4648 section 4). The decoder accepts exactly what the encoder can produce. */
#include "base/codec.h"

void codec_base64_encode(struct text *out, struct slice in)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < in.length; i += 3) {
        size_t count = in.length - i < 3 ? in.length - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? (unsigned char)in.bytes[i + j] : 0);

        char quartet[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63], '=', '='};
        if (count > 1)
            quartet[2] = alphabet[bits >> 6 & 63];
        if (count > 2)
            quartet[3] = alphabet[bits & 63];
        text_add_slice(out, slice_make(quartet, 4));
    }
}

/* The six bits `digit` stands for, -1 when it is none. */
static int digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool codec_is_base64(char character)
{
    return digit_value(character) >= 0 || character == '=';
}

/* Appends the `count` bytes that count + 1 digits hold; false when the left-over bits are set. */
static bool decode_quartet(struct text *out, const char *digits, size_t count)
{
    uint32_t bits = 0;
    for (size_t i = 0; i <= count; i++) {
        int value = digit_value(digits[i]);
        if (value < 0)
            return false;
        bits |= (uint32_t)value << (18 - 6 * i);
    }
    char bytes[3] = {(char)(bits >> 16 & 0xff), (char)(bits >> 8 & 0xff), (char)(bits & 0xff)};
    text_add_slice(out, slice_make(bytes, count));
    return (bits & (UINT32_C(0xffffff) >> (8 * count))) == 0;
}

bool codec_base64_decode(struct text *out, struct slice in)
{
    if (in.length % 4 != 0)
        return false;
    for (size_t i = 0; i < in.length; i += 4) {
        const char *digits = in.bytes + i;
        size_t count = 3;
        if (i + 4 == in.length && digits[3] == '=')
            count = digits[2] == '=' ? 1 : 2;
        if (!decode_quartet(out, digits, count))
            return false;
    }
    return !out->overflow;
}
