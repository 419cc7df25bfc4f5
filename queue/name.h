/* The names of entries: made, checked, and moved without taking another's place. */
#ifndef QUEUE_NAME_H
#define QUEUE_NAME_H

#include "queue/spool.h"

enum { NAME_TRIES = 16 }; /* ids that are taken, one after the other: something else is wrong */

/* A new random id. EX_OSERR. */
bool name_make(char id[SPOOL_ID_SIZE], struct error *error);

/* Moves a file. False with errno, EEXIST where the new name is taken. */
bool name_move(int from, const char *name, int to, const char *new_name);

#endif
