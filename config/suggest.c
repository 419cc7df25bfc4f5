/* Edit distance as people mistype: a character more, less or other, or two neighbours swapped
 * (optimal string alignment), in any case of letters. */
#include "config/suggest.h"

#include "base/ascii.h"

enum { WORD_LIMIT = 40 }; /* longer ones are no mistyped words of ours */

static char fold(char byte)
{
    return byte == '-' ? '_' : ascii_lower(byte);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both words are at most WORD_LIMIT long. Row i of the matrix needs the two rows above it. */
static size_t distance_between(struct slice a, struct slice b)
{
    size_t rows[3][WORD_LIMIT + 1];
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *top = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            char x = fold(a.bytes[i - 1]), y = fold(b.bytes[j - 1]);
            row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.bytes[j - 2]) && y == fold(a.bytes[i - 2]))
                row[j] = least(row[j], top[j - 2] + 1);
        }
    }
    return rows[a.length % 3][b.length];
}

void suggest_start(struct suggest *suggest, struct slice typed)
{
    size_t bearable = typed.length < 6 ? 1 : typed.length / 3;
    *suggest = (struct suggest){.typed = typed, .distance = bearable + 1};
}

void suggest_offer(struct suggest *suggest, struct slice known)
{
    if (suggest->typed.length > WORD_LIMIT || known.length > WORD_LIMIT)
        return;
    size_t distance = distance_between(suggest->typed, known);
    if (distance >= suggest->distance)
        return;
    suggest->distance = distance;
    suggest->nearest = known;
}

void suggest_offer_words(struct suggest *suggest, const char *known)
{
    struct slice rest = slice_of(known), word;
    while (slice_cut_word(&rest, &word))
        suggest_offer(suggest, word);
}

bool suggest_add(const struct suggest *suggest, const char *prefix, struct error *error)
{
    struct slice nearest = suggest->nearest;
    if (nearest.length == 0)
        return false;
    return error_add_advice(error, "did you mean \"%s%.*s\"?", prefix, (int)nearest.length,
                            nearest.bytes);
}
