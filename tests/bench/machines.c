/* Many machines and one smarthost that was away: what reaches it each second, by the schedule of
 * queue/backoff itself. No network, no clock; the dice are the same in every run. Prints pictures,
 * tables and, as TAP, a verdict. usage: machines
 *
 * 10,000 machines find out that their smarthost is gone, and back off each on its own. After an
 * hour it comes back and takes 100 connections a second; who is one too many backs off again. A
 * pass over the queue begins on the minute on every machine (cron), and waits for an attempt that
 * is due before the next one: so attempts fall on their own second.
 *
 * The criterion is that no second sees more than twice the attempts that a perfectly even spread of
 * the same retries would give. That spread: the nth retries of all machines, over the seconds from
 * the earliest to the latest that any of many fleets used for them, but at least over as many as
 * their wait has, each second as many; and what overlaps is added.
 *
 * Machines know nothing of each other, so that each one's second is a throw of dice, and dice do
 * not fall evenly: where an even spread is 4 a second, the busiest of some thousand seconds has 13,
 * even if every second is exactly as likely. No schedule can mend that: of all throws of dice those
 * where every second is as likely have the least crowded busiest second. (Nor would a busier one be
 * of help, or so few attempts do harm.) So, taken literally, for every second, the criterion can be
 * kept by nobody, and the number is printed beside that of dice alone. What is judged is
 *
 *   load    the busiest second of any fleet is not over twice the even spread; asked where that is
 *           DENSE or more a second, so that dice alone keep it
 *   shape   what the schedule itself does, the mean of all fleets with the dice averaged out, is
 *           never over twice the even spread
 *   chance  the busiest second is not over twice that of dice alone: lumps that a mean over some
 *           seconds hides, such as those on the minute of passes that do not wait
 *
 * `its own place' is a schedule in which each machine keeps its place in the window from round to
 * round (twice its last wait, a little shaken), so that its windows stay nearly even and its tail
 * is shorter. But dice are what fills the busiest second there as well, and the last wait would
 * have to be remembered and believed, through all jumps of the clock. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "queue/backoff.h"

enum {
    MACHINES = 10000,
    AWAY = 3600, /* seconds */
    TAKEN = 100, /* connections a second */
    HORIZON = 10 * 3600,
    ROUNDS = 8,         /* the last one stands for all later ones */
    FLEETS = 200,       /* with dice of their own */
    OTHERS_FLEETS = 20, /* of the schedules that are only compared */
    CHANCE_FLEETS = 20,
    SMOOTH = 10, /* seconds, or as many as see ENOUGH retries of all fleets */
    ENOUGH = 2000,
    DENSE = 25,
    COLUMNS = 72,
    ROWS = 12
};

static const struct backoff_options usual = {
    .first = 300 * 1000, .cap = 4 * 3600 * 1000, .lifetime = INT64_C(5) * 86400 * 1000};

/* SplitMix64. */
struct dice {
    uint64_t state;
};

static uint32_t throw_dice(struct dice *dice)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static int64_t throw_below(struct dice *dice, int64_t limit)
{
    return (int64_t)(throw_dice(dice) * (uint64_t)limit >> 32);
}

/* --- schedules -------------------------------------------------------------------------------- */

struct machine {
    unsigned failures;
    int64_t wait; /* the last one */
    int32_t next; /* in its second's list; -1: none */
};

struct schedule {
    const char *name;
    int64_t (*choose)(const struct machine *machine, int64_t now, struct dice *dice);
    bool on_the_minute; /* a pass does not wait */
};

static int64_t choose_ours(const struct machine *machine, int64_t now, struct dice *dice)
{
    return backoff_next(&usual, machine->failures, now, throw_dice(dice));
}

static int64_t nominal(const struct machine *machine)
{
    return backoff_next(&usual, machine->failures, 0, UINT32_C(1) << 31);
}

static int64_t choose_exactly(const struct machine *machine, int64_t now, struct dice *dice)
{
    (void)dice;
    return now + nominal(machine);
}

static int64_t choose_a_tenth(const struct machine *machine, int64_t now, struct dice *dice)
{
    int64_t wait = nominal(machine);
    return now + wait - wait / 10 + throw_below(dice, wait / 5);
}

static int64_t choose_from_now_on(const struct machine *machine, int64_t now, struct dice *dice)
{
    return now + 1 + throw_below(dice, 2 * nominal(machine));
}

static int64_t choose_own_place(const struct machine *machine, int64_t now, struct dice *dice)
{
    if (machine->failures == 1)
        return choose_ours(machine, now, dice);
    return now + 2 * machine->wait - machine->wait / 8 + throw_below(dice, machine->wait / 4);
}

static const struct schedule schedules[] = {
    {"this one", choose_ours, false},
    {"without jitter", choose_exactly, false},
    {"a tenth of jitter", choose_a_tenth, false},
    {"from now to twice the wait", choose_from_now_on, false},
    {"its own place", choose_own_place, false},
    {"this one, passes do not wait", choose_ours, true},
};

enum { SCHEDULES = sizeof schedules / sizeof schedules[0] };

/* --- when machines find out ------------------------------------------------------------------- */

static int64_t at_once(struct dice *dice)
{
    (void)dice;
    return 0;
}

static int64_t in_the_hour(struct dice *dice)
{
    return throw_below(dice, AWAY);
}

static int64_t as_it_comes_back(struct dice *dice)
{
    (void)dice;
    return AWAY;
}

static const struct scenario {
    const char *name;
    int64_t (*notice)(struct dice *dice);
} scenarios[] = {
    {"all machines found out in the same second", at_once},
    {"machines found out at different moments of the hour", in_the_hour},
    {"all machines try first in the second in which it is back", as_it_comes_back},
};

enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

/* --- one fleet -------------------------------------------------------------------------------- */

struct fleet {
    struct machine machines[MACHINES];
    int32_t heads[HORIZON];          /* who tries in a second */
    uint16_t tried[ROUNDS][HORIZON]; /* retries */
    int64_t delivered[MACHINES];     /* when, in this order */
    size_t deliveries;
    struct dice dice;
};

static void put(struct fleet *fleet, int32_t index, int64_t when)
{
    if (when >= HORIZON)
        return;
    fleet->machines[index].next = fleet->heads[when];
    fleet->heads[when] = index;
}

static void attempt(struct fleet *fleet, const struct schedule *schedule, int32_t index,
                    int64_t now, unsigned *taken)
{
    struct machine *machine = &fleet->machines[index];

    if (machine->failures > 0)
        fleet->tried[machine->failures < ROUNDS ? machine->failures - 1 : ROUNDS - 1][now]++;
    if (now >= AWAY && *taken < TAKEN) {
        ++*taken;
        fleet->delivered[fleet->deliveries++] = now;
        return;
    }
    machine->failures++;
    int64_t next = schedule->choose(machine, now, &fleet->dice);
    if (schedule->on_the_minute)
        next = (next + 59) / 60 * 60;
    machine->wait = next - now;
    put(fleet, index, next);
}

static void run_fleet(struct fleet *fleet, const struct schedule *schedule,
                      const struct scenario *scenario, uint64_t seed)
{
    fleet->dice.state = seed;
    fleet->deliveries = 0;
    memset(fleet->heads, -1, sizeof fleet->heads);
    memset(fleet->tried, 0, sizeof fleet->tried);
    for (int32_t i = 0; i < MACHINES; i++) {
        fleet->machines[i] = (struct machine){0};
        put(fleet, i, scenario->notice(&fleet->dice));
    }
    for (int64_t now = 0; now < HORIZON; now++) {
        unsigned taken = 0;
        for (int32_t i = fleet->heads[now], next; i >= 0; i = next) {
            next = fleet->machines[i].next;
            attempt(fleet, schedule, i, now, &taken);
        }
    }
}

/* --- many fleets ------------------------------------------------------------------------------ */

/* The nth retries. */
struct round {
    double count;        /* a fleet's */
    int64_t first, last; /* seconds that any fleet used, or that make up a wait */
    double even;         /* a second */
    double busiest;      /* second, mean of the fleets */
    double shape;        /* the most of the fleets' mean, in even spreads */
};

struct result {
    unsigned fleets;
    uint32_t tried[ROUNDS][HORIZON]; /* of all fleets */
    struct round rounds[ROUNDS];
    double even[HORIZON];          /* of all rounds */
    uint16_t first_fleet[HORIZON]; /* all retries of one, for its picture */
    unsigned busiest;              /* second of any fleet */
    int64_t busiest_at;
    double mean_busiest;
    double load;             /* the busiest, in even spreads there */
    double shape;            /* as of a round, of all */
    double chance;           /* the mean busiest second, in those of dice alone */
    double literal, by_dice; /* any second of one fleet, in even spreads of at least one */
    int64_t half, most, all; /* delivered by then; all: in the slowest fleet */
    size_t lost;             /* not delivered before the horizon */
};

static void add_round(struct round *round, uint32_t sums[HORIZON], const uint16_t tried[HORIZON])
{
    unsigned busiest = 0;

    for (int64_t t = 0; t < HORIZON; t++) {
        if (tried[t] == 0)
            continue;
        if (round->count == 0 || t < round->first)
            round->first = t;
        if (round->count == 0 || t > round->last)
            round->last = t;
        round->count += tried[t];
        sums[t] += tried[t];
        busiest = tried[t] > busiest ? tried[t] : busiest;
    }
    round->busiest += busiest;
}

static void add_seconds(struct result *result, const struct fleet *fleet, bool first)
{
    unsigned busiest = 0;

    for (int64_t t = 0; t < HORIZON; t++) {
        unsigned all = 0;
        for (size_t r = 0; r < ROUNDS; r++)
            all += fleet->tried[r][t];
        busiest = all > busiest ? all : busiest;
        if (first)
            result->first_fleet[t] = (uint16_t)all;
        if (all > result->busiest) {
            result->busiest = all;
            result->busiest_at = t;
        }
    }
    result->mean_busiest += busiest;
}

static void add_fleet(struct result *result, const struct fleet *fleet, bool first)
{
    add_seconds(result, fleet, first);
    for (size_t r = 0; r < ROUNDS; r++)
        add_round(&result->rounds[r], result->tried[r], fleet->tried[r]);
    result->lost += MACHINES - fleet->deliveries;
    if (first) {
        result->half = fleet->delivered[fleet->deliveries / 2];
        result->most = fleet->delivered[fleet->deliveries * 99 / 100];
    }
    int64_t last = fleet->delivered[fleet->deliveries - 1];
    result->all = last > result->all ? last : result->all;
}

static int64_t seconds_of(const struct round *round)
{
    return round->last - round->first + 1;
}

static void find_even(struct result *result)
{
    for (size_t r = 0; r < ROUNDS; r++) {
        struct round *round = &result->rounds[r];
        int64_t wait = nominal(&(struct machine){.failures = (unsigned)r + 1});
        if (round->count == 0)
            continue;
        if (round->last < round->first + wait - 1)
            round->last = round->first + wait - 1;
        if (round->last >= HORIZON)
            round->last = HORIZON - 1;
        round->count /= result->fleets;
        round->busiest /= result->fleets;
        round->even = round->count / (double)seconds_of(round);
        for (int64_t t = round->first; t <= round->last; t++)
            result->even[t] += round->even;
    }
}

/* The most that rounds `from` to `to` see of a stretch of seconds, in even spreads: of stretches so
 * long that the dice of all fleets together even out. */
static double find_shape(const struct result *result, size_t from, size_t to)
{
    double most = 0, seen = 0, even = 0;

    for (int64_t t = 0, start = 0; t < HORIZON; t++) {
        for (size_t r = from; r <= to; r++) {
            const struct round *round = &result->rounds[r];
            seen += result->tried[r][t];
            even += t >= round->first && t <= round->last ? round->even : 0;
        }
        if (t - start + 1 < SMOOTH || even * result->fleets < ENOUGH)
            continue;
        most = seen / result->fleets / even > most ? seen / result->fleets / even : most;
        start = t + 1;
        seen = even = 0;
    }
    return most;
}

/* How many even spreads the fullest second has; where those are less than one, how many attempts.
 */
static double find_literal(const struct result *result, const uint16_t tried[HORIZON])
{
    double worst = 0;
    for (int64_t t = 0; t < HORIZON; t++) {
        double ratio = tried[t] / (result->even[t] > 1 ? result->even[t] : 1);
        worst = ratio > worst ? ratio : worst;
    }
    return worst;
}

/* The same retries, each of which falls on any second of its round as likely as on any other. */
static unsigned throw_all(const struct result *result, uint16_t tried[HORIZON], struct dice *dice)
{
    unsigned busiest = 0;

    memset(tried, 0, HORIZON * sizeof tried[0]);
    for (size_t r = 0; r < ROUNDS; r++) {
        const struct round *round = &result->rounds[r];
        for (int64_t i = 0; i < (int64_t)round->count; i++) {
            int64_t t = round->first + throw_below(dice, seconds_of(round));
            busiest = ++tried[t] > busiest ? tried[t] : busiest;
        }
    }
    return busiest;
}

static void find_chance(struct result *result)
{
    static uint16_t tried[HORIZON];
    struct dice dice = {4711};
    double sum = 0;

    for (unsigned i = 0; i < CHANCE_FLEETS; i++)
        sum += throw_all(result, tried, &dice);
    result->chance = result->mean_busiest / (sum / CHANCE_FLEETS);
    result->by_dice = find_literal(result, tried);
    result->literal = find_literal(result, result->first_fleet);
}

static void run(struct result *result, const struct schedule *schedule,
                const struct scenario *scenario, unsigned fleets)
{
    static struct fleet fleet;

    memset(result, 0, sizeof *result);
    result->fleets = fleets;
    for (unsigned i = 0; i < fleets; i++) {
        run_fleet(&fleet, schedule, scenario, i * UINT64_C(0x5851f42d4c957f2d) + 1);
        add_fleet(result, &fleet, i == 0);
    }
    result->mean_busiest /= fleets;
    find_even(result);
    for (size_t r = 0; r < ROUNDS; r++)
        result->rounds[r].shape = find_shape(result, r, r);
    result->shape = find_shape(result, 0, ROUNDS - 1);
    result->load = result->busiest / result->even[result->busiest_at];
    find_chance(result);
}

/* --- what is printed -------------------------------------------------------------------------- */

enum { CLOCK_SIZE = 32 };

static const char *clock_of(int64_t time, char out[CLOCK_SIZE])
{
    unsigned seconds = (unsigned)time;
    snprintf(out, CLOCK_SIZE, "%u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return out;
}

/* From the first retry to the last, in whole minutes a column. */
static int64_t column_width(const struct result *result)
{
    int64_t width = (result->all + COLUMNS) / COLUMNS;
    return (width + 59) / 60 * 60;
}

static void draw(const struct result *result)
{
    int64_t width = column_width(result);
    double mean[COLUMNS] = {0};
    unsigned most[COLUMNS] = {0}, top = 1;
    char end[CLOCK_SIZE];

    for (int64_t t = 0; t < width * COLUMNS && t < HORIZON; t++) {
        unsigned count = result->first_fleet[t];
        mean[t / width] += count / (double)width;
        most[t / width] = count > most[t / width] ? count : most[t / width];
        top = count > top ? count : top;
    }
    printf("\n  attempts a second: # mean, : busiest second of the %lld s of a column\n",
           (long long)width);
    for (unsigned row = ROWS; row > 0; row--) {
        double low = (row - 1) * (double)top / ROWS;
        printf("  %5.0f |", row * (double)top / ROWS);
        for (size_t i = 0; i < COLUMNS; i++)
            putchar(mean[i] > low + (double)top / ROWS / 2 ? '#' : most[i] > low ? ':' : ' ');
        putchar('\n');
    }
    printf("        +");
    for (int64_t i = 0; i < COLUMNS; i++)
        putchar(i == AWAY / width ? '^' : i * width % 3600 == 0 ? '+' : '-');
    printf("\n         0 %*s^ it is back, after an hour; to %s\n", (int)(AWAY / width) - 2, "",
           clock_of(width * COLUMNS, end));
}

static void print_rounds(const struct result *result)
{
    char from[CLOCK_SIZE], to[CLOCK_SIZE];

    printf("\n  retry  machines     from       to   even/s  busiest  x even  shape\n");
    for (size_t r = 0; r < ROUNDS; r++) {
        const struct round *round = &result->rounds[r];
        if (round->count == 0)
            continue;
        printf("  %5zu  %8.0f  %7s  %7s  %7.2f  %7.1f  %6.1f", r + 1, round->count,
               clock_of(round->first, from), clock_of(round->last, to), round->even, round->busiest,
               round->busiest / round->even);
        if (round->shape > 0)
            printf("  %5.2f", round->shape);
        putchar('\n');
    }
}

static void print_result(const struct result *result, const struct scenario *scenario)
{
    char half[CLOCK_SIZE], most[CLOCK_SIZE], all[CLOCK_SIZE], at[CLOCK_SIZE];

    printf("\n== %s\n", scenario->name);
    draw(result);
    print_rounds(result);
    printf("\n  busiest second of %u fleets: %u at %s, where an even spread is %.1f\n",
           result->fleets, result->busiest, clock_of(result->busiest_at, at),
           result->even[result->busiest_at]);
    printf("  any second of one fleet, in even spreads: %.1f; of dice alone: %.1f\n",
           result->literal, result->by_dice);
    printf("  delivered: half by %s, 99 of 100 by %s, all by %s\n", clock_of(result->half, half),
           clock_of(result->most, most), clock_of(result->all, all));
}

static void compare(struct result *result, const struct scenario *scenario)
{
    char all[CLOCK_SIZE];

    printf("\n== other schedules: %s\n\n", scenario->name);
    printf("  %-30s  busiest  even there   load  shape  chance  all by\n", "");
    for (size_t i = 0; i < SCHEDULES; i++) {
        run(result, &schedules[i], scenario, OTHERS_FLEETS);
        printf("  %-30s  %7u  %10.1f  %5.1f  %5.1f  %6.1f  %s\n", schedules[i].name,
               result->busiest, result->even[result->busiest_at], result->load, result->shape,
               result->chance, result->lost > 0 ? "never" : clock_of(result->all, all));
    }
}

/* --- the verdict ------------------------------------------------------------------------------ */

static bool judge(bool good, const char *what, double value, const struct scenario *scenario)
{
    static unsigned number;
    printf("%sok %u - %s: %.2f (%s)\n", good ? "" : "not ", ++number, what, value, scenario->name);
    return good;
}

static bool judge_result(const struct result *result, const struct scenario *scenario)
{
    bool good = judge(result->lost == 0, "all delivered, but for", (double)result->lost, scenario);

    if (result->even[result->busiest_at] >= DENSE)
        good &= judge(result->load <= 2, "load is at most 2", result->load, scenario);
    good &= judge(result->shape <= 2, "shape is at most 2", result->shape, scenario);
    good &= judge(result->chance <= 2, "chance is at most 2", result->chance, scenario);
    return good;
}

int main(void)
{
    static struct result results[SCENARIOS], other;
    bool good = true;

    printf("%d machines; the smarthost is away for an hour, then takes %d connections a second.\n"
           "Waits of 5 minutes to 4 hours; %d fleets, the pictures are of the first.\n",
           MACHINES, TAKEN, FLEETS);
    for (size_t i = 0; i < SCENARIOS; i++) {
        run(&results[i], &schedules[0], &scenarios[i], FLEETS);
        print_result(&results[i], &scenarios[i]);
    }
    compare(&other, &scenarios[0]);
    putchar('\n');
    for (size_t i = 0; i < SCENARIOS; i++)
        good &= judge_result(&results[i], &scenarios[i]);
    return good ? 0 : 1;
}
