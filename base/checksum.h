/* Telling bytes that were damaged: CRC-32C (RFC 9260 appendix A). No protection against whoever
 * changes them on purpose. */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stdint.h>

#include "base/slice.h"

/* The checksum of what `sum` is that of, followed by `bytes`; begin with 0. */
uint32_t checksum_add(uint32_t sum, struct slice bytes);

#endif
