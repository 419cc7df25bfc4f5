/* Domains in Unicode to ASCII (RFC 5891 section 4.4; Punycode: RFC 3492 section 6.3).
 *
 * What goes in is well-formed UTF-8 by then, and a label is at most 63 code points, since each
 * becomes at least one octet of the A-label: so no sum below can overflow, and the encoder, which
 * is quadratic in the label, stays quick. */
#include "message/idna.h"

#include <stddef.h>

#include "base/utf8.h"

enum { LABEL_LIMIT = 63, NAME_LIMIT = 253, LAST_CODE_POINT = 0x10FFFF };

/* The parameters of RFC 3492 section 5. */
enum {
    BASE = 36,
    T_MIN = 1,
    T_MAX = 26,
    SKEW = 38,
    DAMP = 700,
    INITIAL_BIAS = 72,
    INITIAL_N = 0x80
};

_Static_assert((LAST_CODE_POINT + 2ULL) * (LABEL_LIMIT + 1) <= UINT32_MAX,
               "the encoder's delta fits into 32 bits");

struct label {
    uint32_t points[LABEL_LIMIT];
    size_t count;
    bool overflow; /* it has more */
};

/* Blanks and invisible characters that come along when an address is copied from a page. */
static const struct range {
    uint32_t first, last;
} unseen[] = {
    {0x0080, 0x00A0}, {0x00AD, 0x00AD}, {0x1680, 0x1680}, {0x2000, 0x200B}, {0x200E, 0x200F},
    {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFF},
};

static bool is_full_stop(uint32_t point)
{
    return point == '.' || point == 0x3002 || point == 0xFF0E || point == 0xFF61;
}

/* Cuts a label and the full stop behind it off `rest`; false when nothing was left. */
static bool cut_label(struct slice *rest, struct label *label)
{
    label->count = 0;
    label->overflow = false;
    if (rest->length == 0)
        return false;
    while (rest->length > 0) {
        uint32_t point = utf8_cut(rest);
        if (is_full_stop(point))
            break;
        if (point >= 'A' && point <= 'Z')
            point = point - 'A' + 'a';
        if (label->count < LABEL_LIMIT)
            label->points[label->count++] = point;
        else
            label->overflow = true;
    }
    return true;
}

static bool is_allowed(uint32_t point)
{
    if (point < 0x80)
        return (point >= 'a' && point <= 'z') || (point >= '0' && point <= '9') || point == '-' ||
               point == '_';
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++)
        if (point >= unseen[i].first && point <= unseen[i].last)
            return false;
    return true;
}

static uint32_t adapt(uint32_t delta, uint32_t count, bool is_first)
{
    uint32_t k = 0;
    delta = is_first ? delta / DAMP : delta / 2;
    delta += delta / count;
    for (; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static char digit(uint32_t value)
{
    return (char)(value < 26 ? 'a' + value : '0' + value - 26);
}

/* A variable-length integer of RFC 3492 section 3.3. */
static void add_integer(struct text *out, uint32_t value, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
        if (value < t)
            break;
        text_add_byte(out, digit(t + (value - t) % (BASE - t)));
        value = (value - t) / (BASE - t);
    }
    text_add_byte(out, digit(value));
}

/* The smallest code point of the label that is not below `n`. */
static uint32_t smallest_from(const struct label *label, uint32_t n)
{
    uint32_t smallest = UINT32_MAX;
    for (size_t i = 0; i < label->count; i++)
        if (label->points[i] >= n && label->points[i] < smallest)
            smallest = label->points[i];
    return smallest;
}

static uint32_t add_basic(struct text *out, const struct label *label)
{
    uint32_t count = 0;
    for (size_t i = 0; i < label->count; i++)
        if (label->points[i] < 0x80) {
            text_add_byte(out, (char)label->points[i]);
            count++;
        }
    return count;
}

static void add_punycode(struct text *out, const struct label *label)
{
    uint32_t n = INITIAL_N, delta = 0, bias = INITIAL_BIAS;
    const uint32_t basic = add_basic(out, label);
    uint32_t handled = basic;
    if (basic > 0)
        text_add_byte(out, '-');
    while (handled < label->count) {
        uint32_t next = smallest_from(label, n);
        delta += (next - n) * (handled + 1);
        n = next;
        for (size_t i = 0; i < label->count; i++) {
            if (label->points[i] < n)
                delta++;
            if (label->points[i] != n)
                continue;
            add_integer(out, delta, bias);
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled++;
        }
        delta++;
        n++;
    }
}

static bool refuse_point(uint32_t point, struct error *error)
{
    if (point > ' ' && point < 0x7F)
        return error_set_permanent(error, EX_USAGE, "the character \"%c\" in the domain",
                                   (char)point);
    return error_set_permanent(error, EX_USAGE, "the character U+%04X in the domain",
                               (unsigned)point);
}

static bool add_label(struct text *out, const struct label *label, struct error *error)
{
    char bytes[LABEL_LIMIT + 1];
    struct text ascii;
    bool is_ascii = true;
    text_init(&ascii, bytes, sizeof bytes);
    if (label->count == 0)
        return error_set_permanent(error, EX_USAGE, "an empty label in the domain");
    if (label->points[0] == '-')
        return error_set_permanent(error, EX_USAGE, "a label that starts with \"-\" in the domain");
    for (size_t i = 0; i < label->count; i++) {
        if (!is_allowed(label->points[i]))
            return refuse_point(label->points[i], error);
        is_ascii = is_ascii && label->points[i] < 0x80;
    }
    if (is_ascii) {
        add_basic(&ascii, label);
    } else {
        text_add(&ascii, "xn--");
        add_punycode(&ascii, label);
    }
    if (label->overflow || ascii.overflow)
        return error_set_permanent(error, EX_USAGE, "a label over %d octets in the domain",
                                   LABEL_LIMIT);
    text_add_slice(out, text_slice(&ascii));
    return true;
}

bool idna_to_ascii(struct slice domain, struct text *out, struct error *error)
{
    struct slice rest = domain;
    struct label label;
    size_t length = 0;
    if (domain.length == 0)
        return error_set_permanent(error, EX_USAGE, "an empty domain");
    if (!utf8_is_valid(domain))
        return error_set_permanent(error, EX_USAGE, "the domain is not UTF-8");
    while (cut_label(&rest, &label)) {
        size_t before = out->length;
        if (length > 0)
            text_add_byte(out, '.');
        if (!add_label(out, &label, error))
            return false;
        length += out->length - before;
        if (length > NAME_LIMIT)
            return error_set_permanent(error, EX_USAGE, "the domain is over %d octets", NAME_LIMIT);
    }
    return true;
}
