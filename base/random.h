/* What comes by chance. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0-9, A-Z, a-z: what random_letters draws from. */
extern const char random_alphabet[];

/* Any number, to spread what many machines do: never a secret, and never waited for. */
uint32_t random_number(void);

/* Fills `out` with `count` characters of the alphabet, each equally likely, and nobody can guess
 * them; no NUL. False with errno. */
bool random_letters(char *out, size_t count);

#endif
