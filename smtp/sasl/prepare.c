/* SASLprep (RFC 4013) without Unicode's tables. Invariant: a character passes only if in Unicode
 * 3.2 it is assigned, is its own NFKC form beside any other that passes, is in none of RFC 3454's
 * tables B.1 and C, and is not written from right to left (table D.1). */
#include "smtp/sasl/prepare.h"

#include "base/utf8.h"

struct range {
    uint32_t first, last;
};

static const struct range kept[] = {
    {0x0020, 0x007e},                                                       /* ASCII */
    {0x00a1, 0x00a7}, {0x00a9, 0x00a9}, {0x00ab, 0x00ac}, {0x00ae, 0x00ae}, /* Latin */
    {0x00b0, 0x00b1}, {0x00b6, 0x00b7}, {0x00bb, 0x00bb}, {0x00bf, 0x0131},
    {0x0134, 0x013e}, {0x0141, 0x0148}, {0x014a, 0x017e}, {0x0180, 0x01c3},
    {0x01cd, 0x01f0}, {0x0386, 0x0386}, {0x0388, 0x038a}, {0x038c, 0x038c}, /* Greek */
    {0x038e, 0x03a1}, {0x03a3, 0x03ce}, {0x0400, 0x0482}, {0x048a, 0x04ce}, /* Cyrillic */
    {0x04d0, 0x04f5}, {0x04f8, 0x04f9}, {0x0531, 0x0556}, {0x0561, 0x0586}, /* Armenian */
    {0x1e00, 0x1e99}, {0x1ea0, 0x1ef9}, {0x2010, 0x2010}, {0x2012, 0x2016}, /* dashes, quotes */
    {0x2018, 0x2023}, {0x2030, 0x2030}, {0x2039, 0x203a}, {0x20a0, 0x20a7}, /* currencies */
    {0x20a9, 0x20b1}, {0x3001, 0x3029}, {0x3041, 0x3096}, {0x30a1, 0x30fe}, /* kana */
    {0x4e00, 0x9fa5}, {0xac00, 0xd7a3},                                     /* Han, Hangul */
};

static bool is_kept(uint32_t character)
{
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (character >= kept[i].first && character <= kept[i].last)
            return true;
    return false;
}

bool prepare_keeps(struct slice string)
{
    if (!utf8_is_valid(string))
        return false;
    while (string.length > 0)
        if (!is_kept(utf8_cut(&string)))
            return false;
    return true;
}
