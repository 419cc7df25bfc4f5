/* Interrupts: SIGINT, SIGTERM and SIGHUP. By default they end the process, and that is right as
 * long as nothing was sent. While they are held, the first is only noticed, by whoever waits: what
 * is under way is given up in an orderly way, or finished where it can no longer be taken back. A
 * second one ends the process at once whatever it does, so that nobody is left with a process that
 * does not hear; those that come together with the first count as one with it.
 *
 * Signals belong to the process, and so does what is kept here: a mutable global of the program, as
 * the log's. What is ignored stays so; of what the caller ignored process_start leaves nothing. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include "base/error.h"

enum { INTERRUPT_TOGETHER = 500 }; /* milliseconds */

/* From here on interrupts are held. Harmless twice. EX_OSERR. */
bool interrupt_hold(struct error *error);

/* Lets them end the process again, at once where one came meanwhile. Harmless when none is held. */
void interrupt_release(void);

/* To be polled for POLLIN beside what is waited for: is readable once an interrupt has come. -1,
 * which poll(2) passes over, where none can come or it is known already. */
int interrupt_fd(void);

/* True once an interrupt has come, unless interrupts are deferred. Fills `error` (NULL: not wanted)
 * with "interrupted by SIGTERM; nothing was sent" (EX_TEMPFAIL), without the second half once
 * interrupt_defer was passed. */
bool interrupt_came(struct error *error);

/* The same, also while interrupts are deferred: nothing new is to be begun. */
bool interrupt_waits(void);

/* The point of no return: what goes out now cannot be taken back, and interrupts are only waited
 * out. False, with the error of interrupt_came, when one came before. True when passed already. */
bool interrupt_defer(struct error *error);

/* What was deferred is done: from here on interrupt_came tells the truth again. */
void interrupt_resume(void);

#endif
