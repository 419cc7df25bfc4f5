/* Channel bindings that need no TLS: a test program that links this one says itself which there
 * are, and each is the word "binding". */
#ifndef TESTS_SUPPORT_BINDING_H
#define TESTS_SUPPORT_BINDING_H

/* A bit each enum channel_type; none at the start. */
void binding_set(unsigned types);

#endif
