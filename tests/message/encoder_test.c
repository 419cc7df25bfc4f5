/* Goal: what the encoders write decodes to what they were given, in lines that nothing on the way
 * can hurt, however the input is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "message/encoder.h"
#include "tests/message/decode.h"

static void encode(struct slice body, enum encoder_kind kind, size_t step, struct buffer *out)
{
    struct store store;
    struct encoder encoder;
    struct error error = {0};
    store_init(&store, NULL);
    encoder_open(&encoder, kind, &store);
    for (size_t i = 0; i < body.length; i += step)
        assert_true(encoder_add(&encoder, slice_to(slice_from(body, i), step), &error));
    assert_true(encoder_end(&encoder, &error));
    encoder_close(&encoder);
    size_t size = (size_t)store_size(&store);
    assert_true(buffer_reserve(out, size + 1));
    assert_true(store_read(&store, 0, out->bytes, size, &error));
    out->length = size;
    store_free(&store);
}

static void check_rows(const char *const rows[][2], size_t count, enum encoder_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t step = 1; step < 100; step += 7) {
            struct buffer out = {0};
            encode(slice_of(rows[i][0]), kind, step, &out);
            buffer_add_byte(&out, '\0');
            assert_string_equal(out.bytes, rows[i][1]);
            buffer_free(&out);
        }
    }
}

static void quoted_printable_by_example(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"plain\r\n", "plain\r\n"},
        {"a=b\r\n", "a=3Db\r\n"},
        {"gr\xc3\xbc\xc3\x9f\r\n", "gr=C3=BC=C3=9F\r\n"},
        {"blank \r\ntab\t\r\n \r\n", "blank=20\r\ntab=09\r\n=20\r\n"},
        {"in side\there\r\n", "in side\there\r\n"},
        {"From me\r\nFrom: x\r\n From y\r\nFro\r\n", "From=20me\r\nFrom: x\r\n From y\r\nFro\r\n"},
        {".\r\n..\r\na.\r\n", "=2E\r\n=2E.\r\na.\r\n"},
        {"a\rb \r.\r\n", "a=0Db=20=0D.\r\n"},
        {"a\nb\r\n", "a=0Ab\r\n"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n",
         "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n5\r\n"},
        {"01234567890123456789012345678901234567890123456789012345678901234567890123\xff\r\n",
         "01234567890123456789012345678901234567890123456789012345678901234567890123=\r\n=FF\r\n"},
        {"012345678901234567890123456789012345678901234567890123456789012345678901234.x\r\n",
         "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n"
         "=2Ex\r\n"},
        {"012345678901234567890123456789012345678901234567890123456789012345678901234From x\r\n",
         "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n"
         "From=20x\r\n"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0], ENCODER_QUOTED_PRINTABLE);
}

#define SIXTY   "                                                            "
#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static void quoted_printable_is_cleaned(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"gr=C3=bc soft=\r\nly =3D x\r\n", "gr=C3=bc soft=\r\nly =3D x\r\n"},
        {"a =\r\n.b\r\nFrom =\r\nFrom x\r\n", "a =\r\n=2Eb\r\nFrom=20=\r\nFrom=20x\r\n"},
        {"gr\xc3\xbc\xc3\x9f\r\n", "gr=C3=BC=C3=9F\r\n"},
        {"a=b, ==41=, =4= =4x=\r\n\r\n", "a=3Db, =3D=41=3D, =3D4=3D =3D4x=\r\n\r\n"},
        {"a= \t\r\nb =\t\r\n\r\n", "a=\r\nb =\r\n\r\n"},
        {"a= b=\t4 =C =\t=20 = ", "a=3D b=3D\t4 =3DC =3D\t=20 =3D =\r\n"},
        {"a=" SIXTY "\r\nb\r\n", "a=\r\nb\r\n"},
        {"a=" SIXTY "  \r\n", "a=3D" SIXTY " =20\r\n"},
        {"a=", "a=3D=\r\n"},
        {"a=4", "a=3D4=\r\n"},
        {"a=\r", "a=3D=0D=\r\n"},
        {SEVENTY "123=C3=BC\r\n", SEVENTY "123=\r\n=C3=BC\r\n"},
        {SEVENTY "12345=\r\n6\r\n", SEVENTY "12345=\r\n6\r\n"},
        {SEVENTY "123456=\r\n7\r\n", SEVENTY "12345=\r\n6=\r\n7\r\n"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0], ENCODER_FROM_QUOTED);
}

static void a_guarded_line_is_no_boundary(void **state)
{
    static const struct {
        const char *body, *encoded;
        enum encoder_kind kind;
    } rows[] = {
        {"--x\r\n-- \r\n a-b\r\n", "=2D-x\r\n=2D-=20\r\n a-b\r\n", ENCODER_QUOTED_PRINTABLE},
        {"a=\r\n--x\r\n=2d-y\r\n", "a=\r\n=2D-x\r\n=2d-y\r\n", ENCODER_FROM_QUOTED},
        {SEVENTY "12345--x\r\n", SEVENTY "12345=\r\n=2D-x\r\n", ENCODER_QUOTED_PRINTABLE},
        {SEVENTY "1234--x\r\n", SEVENTY "1234-=\r\n=2Dx\r\n", ENCODER_FROM_QUOTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[256];
        struct store store;
        struct error error = {0};
        size_t length = strlen(rows[i].body);
        store_init(&store, NULL);
        assert_true(store_append(&store, slice_of(rows[i].body), &error));
        assert_true(encoder_encode(&store, (struct extent){0, length}, rows[i].kind, true, &error));
        size_t size = (size_t)store_size(&store) - length;
        assert_true(size < sizeof bytes);
        assert_true(store_read(&store, length, bytes, size, &error));
        bytes[size] = '\0';
        assert_string_equal(bytes, rows[i].encoded);
        store_free(&store);
    }
}

static void base64_is_wrapped(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {" \r\n", ""},
        {"QUJD\r\nRA==\r\n", "QUJDRA==\r\n"},
        {"Q U\tJ\xc3-D\r\n", "QUJD\r\n"},
        {SEVENTY "/+AbCd", SEVENTY "/+AbCd\r\n"},
        {SEVENTY "/+AbCdef\r\n", SEVENTY "/+AbCd\r\nef\r\n"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0], ENCODER_FROM_BASE64);
}

static struct slice random_body(char *bytes, size_t size)
{
    static const char *const pieces[] = {"\r\n", " ",  "\t", "From ", ".",      "=", "\xc3\xbc",
                                         "\xff", "\r", "\n", "word",  "longer", "F", "a b c d e"};
    size_t length = 0, wanted = (size_t)rand() % (size - 20);
    while (length < wanted) {
        if (rand() % 8 == 0) {
            bytes[length++] = (char)rand();
            continue;
        }
        const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])];
        memcpy(bytes + length, piece, strlen(piece));
        length += strlen(piece);
    }
    memcpy(bytes + length, "\r\n", 2);
    return slice_make(bytes, length + 2);
}

static void random_bodies_survive(void **state)
{
    static char bytes[4000];
    (void)state;
    srand(2045);
    for (size_t i = 0; i < 1500; i++) {
        struct slice body = random_body(bytes, i % 2 == 0 ? sizeof bytes : 200);
        struct buffer out = {0}, decoded = {0};
        enum encoder_kind kind = rand() % 2 == 0 ? ENCODER_BASE64 : ENCODER_QUOTED_PRINTABLE;
        encode(body, kind, 1 + (size_t)rand() % 300, &out);
        decode_body(&decoded, buffer_slice(&out), kind == ENCODER_BASE64);
        assert_true(slice_equals(buffer_slice(&decoded), body));
        buffer_free(&out);
        buffer_free(&decoded);
    }
}

/* `encoded` as somebody careless writes it: in lines of any length. */
static struct slice without_breaks(struct buffer *encoded, bool base64)
{
    static const char soft[] = "=\r\n", hard[] = "\r\n";
    const char *cut = base64 ? hard : soft;
    size_t length = 0;
    for (size_t i = 0; i < encoded->length; i++) {
        bool here = encoded->length - i >= strlen(cut) &&
                    memcmp(encoded->bytes + i, cut, strlen(cut)) == 0 && rand() % 4 > 0;
        if (here)
            i += strlen(cut) - 1;
        else
            encoded->bytes[length++] = encoded->bytes[i];
    }
    return slice_make(encoded->bytes, length);
}

static void what_is_encoded_survives(void **state)
{
    static char bytes[4000];
    (void)state;
    srand(2049);
    for (size_t i = 0; i < 1500; i++) {
        struct slice body = random_body(bytes, i % 2 == 0 ? sizeof bytes : 200);
        struct buffer first = {0}, second = {0}, decoded = {0};
        bool base64 = rand() % 2 == 0;
        encode(body, base64 ? ENCODER_BASE64 : ENCODER_QUOTED_PRINTABLE, 300, &first);
        encode(without_breaks(&first, base64), base64 ? ENCODER_FROM_BASE64 : ENCODER_FROM_QUOTED,
               1 + (size_t)rand() % 300, &second);
        decode_body(&decoded, buffer_slice(&second), base64);
        assert_true(slice_equals(buffer_slice(&decoded), body));
        buffer_free(&first);
        buffer_free(&second);
        buffer_free(&decoded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_printable_by_example),
        cmocka_unit_test(quoted_printable_is_cleaned),
        cmocka_unit_test(a_guarded_line_is_no_boundary),
        cmocka_unit_test(base64_is_wrapped),
        cmocka_unit_test(random_bodies_survive),
        cmocka_unit_test(what_is_encoded_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
