/* "Did you mean ...?": the known word nearest to a mistyped one. */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "base/error.h"
#include "base/slice.h"

struct suggest {
    struct slice typed;
    struct slice nearest; /* empty while nothing near enough was offered */
    size_t distance;      /* of the nearest; until there is one, the first that is too far */
};

void suggest_start(struct suggest *suggest, struct slice typed);

/* Considers one known word; the first of several equally near ones stays. */
void suggest_offer(struct suggest *suggest, struct slice known);

/* The same for each of some blank-separated words. */
void suggest_offer_words(struct suggest *suggest, const char *known);

/* Adds `; did you mean "PREFIXnearest"?` when there is one. Returns false, as all that fills an
 * error does. */
bool suggest_add(const struct suggest *suggest, const char *prefix, struct error *error);

#endif
