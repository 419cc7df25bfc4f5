/* Whether a secret can be read somewhere. */
#ifndef TESTS_SMARTHOST_SECRETS_H
#define TESTS_SMARTHOST_SECRETS_H

#include "base/slice.h"

/* As it is, or in base64, whatever stands around it there. */
bool secrets_are_in(struct slice content, struct slice secret);

#endif
