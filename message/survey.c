/* Looking at octets (RFC 5322 section 2.1.1, RFC 2045 section 2.7). Invariant: what has been added
 * in pieces gives what it would have given in one. */
#include "message/survey.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024, QUOTED_SHARE = 3 };

static void end_line(struct survey *survey)
{
    if (survey->line > survey->longest)
        survey->longest = survey->line;
    survey->line = 0;
}

/* Adds what has no LF in it, or one at its end. */
static void add_line(struct survey *survey, struct slice line)
{
    bool ends = line.bytes[line.length - 1] == '\n';
    size_t length = line.length - (ends ? 1 : 0);
    bool carry = length > 0 ? line.bytes[length - 1] == '\r' : survey->carry;
    survey->line += length;
    if (ends && carry)
        survey->line--;
    survey->carry = !ends && carry;
    if (ends)
        end_line(survey);
}

void survey_add(struct survey *survey, struct slice octets)
{
    survey->length += octets.length;
    for (size_t i = 0; i < octets.length; i++) {
        char octet = octets.bytes[i];
        bool plain = octet >= ' ' && octet < 0x7f && octet != '=';
        survey->to_quote += !plain && octet != '\t' && octet != '\r' && octet != '\n';
    }
    survey->has_8bit = survey->has_8bit || slice_has_8bit(octets);
    survey->has_nul = survey->has_nul || slice_find(octets, '\0') < octets.length;
    utf8_add(&survey->utf8, octets);
    while (octets.length > 0) {
        size_t length = slice_find(octets, '\n');
        struct slice line = slice_to(octets, length + 1);
        add_line(survey, line);
        octets = slice_from(octets, line.length);
    }
}

uint64_t survey_longest(const struct survey *survey)
{
    return survey->line > survey->longest ? survey->line : survey->longest;
}

bool survey_fits(const struct survey *survey, bool eight_bit)
{
    return !survey->has_nul && (eight_bit || !survey->has_8bit) &&
           survey_longest(survey) <= SURVEY_LINE_LIMIT;
}

bool survey_is_dense(const struct survey *survey)
{
    return survey->has_nul || survey->to_quote > survey->length / QUOTED_SHARE;
}

struct slice survey_cut_line(struct slice line, bool eight_bit, char bytes[SURVEY_LINE_LIMIT])
{
    line = slice_to(line, SURVEY_LINE_LIMIT);
    for (size_t i = 0; i < line.length; i++) {
        char octet = line.bytes[i];
        bool bad = octet == '\0' || ((unsigned char)octet >= 0x80 && !eight_bit);
        bytes[i] = bad ? '?' : octet;
    }
    return slice_make(bytes, line.length);
}

bool survey_extent(struct survey *survey, struct store *store, struct extent extent,
                   struct error *error)
{
    char *block = malloc(BLOCK_SIZE);
    struct slice octets = {0};
    bool done = block != NULL || error_set_memory(error);
    while (done && extent.length > 0) {
        done = store_read_next(store, &extent, block, BLOCK_SIZE, &octets, error);
        if (done)
            survey_add(survey, octets);
    }
    free(block);
    return done;
}
