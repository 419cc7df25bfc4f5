/* What newaliases says: all that is wrong in an alias file, whoever uses it. */
#ifndef MESSAGE_ALIASES_CHECK_H
#define MESSAGE_ALIASES_CHECK_H

#include "message/aliases.h"

struct aliases_check {
    size_t names;       /* aliases in the file */
    size_t faults;      /* what is wrong in it */
    size_t unsupported; /* commands, files and the like, which other programs take: such a name must
                           not be used, and is no fault of the file */
};

/* Reads the file and follows every alias and included file in it. `report` gets a sentence for each
 * fault and each unsupported target, in the order of the lines: "FILE:LINE: what is wrong". False
 * with EX_CONFIG where there were faults; errors otherwise as aliases_load. */
bool aliases_check(const char *path, void (*report)(void *context, const char *sentence),
                   void *context, struct aliases_check *result, struct error *error);

#endif
