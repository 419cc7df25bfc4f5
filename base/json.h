/* Writes JSON (RFC 8259) in printable ASCII: members of objects and elements of arrays in the order
 * of the calls, with their commas. `key` is NULL for an element. Without memory the buffer knows.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buffer.h"

struct json {
    struct buffer *out;
    bool follows; /* something stands before in this object or array */
};

/* '{' or '[', and its end. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);

/* NULL is null. What is not UTF-8 is taken for Latin-1. */
void json_string(struct json *json, const char *key, const char *value);

/* The same; "" is null as well. */
void json_known(struct json *json, const char *key, const char *value);

void json_number(struct json *json, const char *key, int64_t value);
void json_truth(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

/* Blank-separated words as an array. */
void json_words(struct json *json, const char *key, const char *words);

#endif
