/* Patterns of what must be said: '*' stands for any run of bytes, all else for itself. */
#ifndef TESTS_SMARTHOST_GLOB_H
#define TESTS_SMARTHOST_GLOB_H

#include "base/slice.h"

bool glob_matches(struct slice pattern, struct slice text);

/* Matches `text`, line by line, with one pattern a line. The pattern "..." stands for any number of
 * lines. On a mismatch `wrong` is the number of the pattern that found no line (or `count`, when
 * lines were left over). */
bool glob_matches_lines(const struct slice *patterns, size_t count, struct slice text,
                        size_t *wrong);

#endif
