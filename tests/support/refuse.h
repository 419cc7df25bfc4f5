/* System calls that fail as a test wants it: on this machine none of them would. */
#ifndef TESTS_SUPPORT_REFUSE_H
#define TESTS_SUPPORT_REFUSE_H

#include <stdbool.h>
#include <stdint.h>

/* From now on, in this process for good, the system call `number` (SYS_*) fails with errno
 * `failure` where `mask` of its argument `argument` is `value`; a mask of 0 is any argument. False
 * where the kernel has no filters. */
bool refuse_call(int number, int failure, unsigned argument, uint32_t mask, uint32_t value);

/* What act(context) returns in a child of its own; -1 when it died. */
int refuse_in_child(int (*act)(void *context), void *context);

#endif
