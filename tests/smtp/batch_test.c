/* Goal: over any number of transactions each recipient is offered until it is settled, none is
 * lost and none is offered again after that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "smtp/batch.h"

enum { RECIPIENTS = 6, PENDING = 1 << RECIPIENT_PENDING };

static void make_envelope(struct envelope *envelope)
{
    struct error error;
    *envelope = (struct envelope){0};
    for (int i = 0; i < RECIPIENTS; i++) {
        char address[16];
        snprintf(address, sizeof address, "r%d@x", i);
        assert_true(envelope_add(envelope, address, &error));
    }
}

/* Those still to be offered, a digit each. */
static const char *left(const struct batch *batch)
{
    static char digits[RECIPIENTS + 1];
    size_t count = batch_left(batch);
    for (size_t i = 0; i < count; i++)
        digits[i] = (char)('0' + batch->waiting[batch->first + i]);
    digits[count] = '\0';
    return digits;
}

static void takes_up_who_is_pending(void **state)
{
    (void)state;
    struct envelope envelope;
    struct batch batch;
    struct error error;
    make_envelope(&envelope);
    envelope.recipients[1].state = RECIPIENT_ACCEPTED;
    envelope.recipients[4].state = RECIPIENT_REFUSED;
    assert_true(batch_open(&batch, &envelope, PENDING, &error));
    assert_string_equal(left(&batch), "0235");
    batch_close(&batch);
    batch_close(&batch);
    envelope_free(&envelope);
}

static void offers_again(void **state)
{
    (void)state;
    struct envelope envelope;
    struct batch batch;
    struct error error;
    make_envelope(&envelope);
    assert_true(batch_open(&batch, &envelope, PENDING, &error));
    batch.again[0] = 1;
    batch.again[1] = 3;
    batch_advance(&batch, 4, 2);
    assert_string_equal(left(&batch), "1345");
    batch_advance(&batch, 4, 0);
    assert_string_equal(left(&batch), "");
    batch_close(&batch);
    envelope_free(&envelope);
}

static void keeps_all_but_the_refused(void **state)
{
    (void)state;
    struct envelope envelope;
    struct batch batch;
    struct error error;
    make_envelope(&envelope);
    assert_true(batch_open(&batch, &envelope, PENDING, &error));
    envelope.recipients[0].state = RECIPIENT_REFUSED;
    envelope.recipients[2].state = RECIPIENT_REFUSED;
    envelope.recipients[3].state = RECIPIENT_DEFERRED;
    batch_keep(&batch, 4, &envelope);
    assert_string_equal(left(&batch), "1345");
    batch_close(&batch);
    envelope_free(&envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_up_who_is_pending),
        cmocka_unit_test(offers_again),
        cmocka_unit_test(keeps_all_but_the_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
