/* Memory for OpenSSL when there is none left. It does not survive every failed allocation (3.0 ends
 * in a NULL pointer at some), and blames the configuration, the certificate or the server for most
 * of the others. So what malloc refuses comes from a reserve, and who called OpenSSL asks
 * afterwards whether it did. */
#ifndef TLS_RESERVE_H
#define TLS_RESERVE_H

#include <stdbool.h>

/* Has to come before OpenSSL has any memory; may be repeated. */
void reserve_set_up(void);

/* The same, and forgets what was used so far: before an operation. */
void reserve_begin(void);

/* Whether memory ran out since reserve_begin, whatever the operation says became of it. */
bool reserve_was_used(void);

#endif
