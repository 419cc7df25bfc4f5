/* Property: a domain is refused, or what it becomes is a name that DNS takes, becomes itself, and
 * stands for just those letters again when it is read by a decoder of RFC 3492. */
#include "tests/fuzz/fuzz.h"

#include "base/error.h"
#include "base/utf8.h"
#include "message/idna.h"

enum { NAME_SIZE = 256, POINTS = 64 };

/* RFC 3492 section 6.2, step by step. */
static size_t decode(struct slice input, uint32_t points[POINTS])
{
    uint32_t n = 128, i = 0, bias = 72;
    size_t count = 0, at = 0;
    for (size_t j = 0; j < input.length; j++)
        if (input.bytes[j] == '-')
            at = j + 1;
    for (size_t j = 0; at > 0 && j < at - 1; j++)
        points[count++] = (unsigned char)input.bytes[j];
    while (at < input.length) {
        uint32_t before = i, weight = 1;
        for (uint32_t k = 36;; k += 36) {
            demand(at < input.length);
            char c = input.bytes[at++];
            demand((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
            uint32_t digit = (uint32_t)(c >= 'a' ? c - 'a' : c - '0' + 26);
            i += digit * weight;
            uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
            if (digit < t)
                break;
            weight *= 36 - t;
        }
        uint32_t all = (uint32_t)count + 1, delta = before == 0 ? i / 700 : (i - before) / 2, k = 0;
        delta += delta / all;
        for (; delta > 455; k += 36)
            delta /= 35;
        bias = k + 36 * delta / (delta + 38);
        n += i / all;
        i %= all;
        demand(count < POINTS && n <= 0x10ffff);
        memmove(points + i + 1, points + i, (count - i) * sizeof points[0]);
        points[i++] = n;
        count++;
    }
    return count;
}

static bool is_full_stop(uint32_t point)
{
    return point == '.' || point == 0x3002 || point == 0xff0e || point == 0xff61;
}

/* The label that starts `rest`, in lower case. */
static size_t read_label(struct slice *rest, uint32_t points[POINTS])
{
    size_t count = 0;
    while (rest->length > 0) {
        uint32_t point = utf8_cut(rest);
        if (is_full_stop(point))
            break;
        demand(count < POINTS - 1);
        points[count++] = point >= 'A' && point <= 'Z' ? point + 32 : point;
    }
    return count;
}

static void check_label(struct slice label, struct slice *rest)
{
    uint32_t meant[POINTS], found[POINTS];
    size_t count = read_label(rest, meant), found_count = 0;
    bool ascii = true;
    demand(label.length >= 1 && label.length <= 63 && label.bytes[0] != '-');
    for (size_t i = 0; i < label.length; i++) {
        char c = label.bytes[i];
        demand((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
        found[found_count++] = (unsigned char)c;
    }
    for (size_t i = 0; i < count; i++)
        ascii = ascii && meant[i] < 128;
    if (!ascii) {
        demand(slice_starts_nocase(label, "xn--"));
        found_count = decode(slice_from(label, 4), found);
    }
    demand(count == found_count && memcmp(meant, found, count * sizeof found[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char first[NAME_SIZE], second[NAME_SIZE];
    struct slice domain = slice_make((const char *)bytes, size), label;
    struct text text, again;
    struct error error = {.exit_code = EX_OK};
    text_init(&text, first, sizeof first);
    text_init(&again, second, sizeof second);
    if (!idna_to_ascii(domain, &text, &error)) {
        demand(error.exit_code == EX_USAGE && error.permanent);
        fuzz_check_printable(error.sentence);
        return 0;
    }
    demand(!text.overflow && text.length >= 1 && text.length <= 253);
    struct slice name = text_slice(&text), rest = domain;
    while (slice_cut(&name, '.', &label))
        check_label(label, &rest);
    demand(rest.length == 0 && first[text.length - 1] != '.');
    demand(idna_to_ascii(text_slice(&text), &again, &error) && strcmp(first, second) == 0);
    return 0;
}
