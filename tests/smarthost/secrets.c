/* Of base64 those characters are looked for that depend on nothing but the secret. */
#include "tests/smarthost/secrets.h"

#include <string.h>

#include "base/codec.h"

static bool holds(struct slice content, struct slice word)
{
    return word.length > 0 && content.length > 0 &&
           memmem(content.bytes, content.length, word.bytes, word.length) != NULL;
}

bool secrets_are_in(struct slice content, struct slice secret)
{
    bool found = holds(content, secret);

    for (size_t before = 0; before < 3; before++) {
        char plain[256] = "", encoded[400];
        size_t length = before + secret.length, first = (before * 8 + 5) / 6;
        struct text text;

        if (length > sizeof plain)
            return found;
        memcpy(plain + before, secret.bytes, secret.length);
        text_init(&text, encoded, sizeof encoded);
        codec_base64_encode(&text, slice_make(plain, length));
        found |= holds(content, slice_make(encoded + first, length * 8 / 6 - first));
    }
    return found;
}
