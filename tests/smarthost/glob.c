/* Both matchers come back to the last wildcard only: linear for all that is ever written here. */
#include "tests/smarthost/glob.h"

bool glob_matches(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, kept = 0;

    while (t < text.length) {
        if (p < pattern.length && pattern.bytes[p] == '*') {
            star = p++;
            kept = t;
        } else if (p < pattern.length && pattern.bytes[p] == text.bytes[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++kept;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.bytes[p] == '*')
        p++;
    return p == pattern.length;
}

bool glob_matches_lines(const struct slice *patterns, size_t count, struct slice text,
                        size_t *wrong)
{
    bool any = false;
    struct slice line;

    *wrong = 0;
    while (*wrong < count && slice_equals(patterns[*wrong], slice_of("..."))) {
        any = true;
        ++*wrong;
    }
    while (slice_cut(&text, '\n', &line)) {
        if (*wrong < count && glob_matches(patterns[*wrong], line)) {
            ++*wrong;
            any = false;
            while (*wrong < count && slice_equals(patterns[*wrong], slice_of("..."))) {
                any = true;
                ++*wrong;
            }
        } else if (!any) {
            return false;
        }
    }
    return *wrong == count;
}
