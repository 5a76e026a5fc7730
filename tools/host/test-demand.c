// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of demand: cases, and a comparison with a complete history over random
 * events.
 */
#include <stdlib.h>
#include <time.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "index/demand.h"
#include "dice.h"
#include "tap.h"

#define EVENTS		400U
#define ROUNDS		500U
#define LATE		(~0UL - 999)

/* === Cases ============================================================== */

/* An event, as a heap reports it: time has passed at the old level. */
static void event(struct demand *demand, unsigned long now, unsigned long *level,
		  unsigned long to)
{
	demand_roll(demand, now, *level);
	*level = to;
	demand_peak(demand, to);
}

static bool nothing_yet(unsigned long start)
{
	struct demand demand;

	demand_init(&demand, start, 10);
	EXPECT_EQ(demand_keep(&demand), 0);
	EXPECT(demand_settled(&demand, 0));
	EXPECT(!demand_settled(&demand, 1));
	demand_roll(&demand, start + 1000, 0);
	EXPECT_EQ(demand_keep(&demand), 0);
	EXPECT(demand_settled(&demand, 0));
	return true;
}

/* The peak and a sixteenth are kept for two buckets, then the peak for the rest of the age. */
static bool peak_is_kept_for_an_age(unsigned long start)
{
	unsigned long level = 0, t;
	struct demand demand;

	demand_init(&demand, start, 10);
	event(&demand, start + 3, &level, 3200);
	event(&demand, start + 4, &level, 100);
	for (t = 4; t < 20; t++) {
		demand_roll(&demand, start + t, level);
		EXPECT_EQ(demand_keep(&demand), 3400);
	}
	for (; t < 80; t++) {
		demand_roll(&demand, start + t, level);
		EXPECT_EQ(demand_keep(&demand), 3200);
		EXPECT(!demand_settled(&demand, 100));
	}
	demand_roll(&demand, start + t, level);
	EXPECT_EQ(demand_keep(&demand), 106);
	EXPECT(demand_settled(&demand, 100));
	return true;
}

/* Several peaks, which fall out of the age one after the other. */
static bool peaks_go_one_by_one(unsigned long start)
{
	static const unsigned long peaks[] = { 800, 700, 600, 500 };
	unsigned long level = 0;
	struct demand demand;
	unsigned int i;

	demand_init(&demand, start, 5);
	for (i = 0; i < ARRAY_SIZE(peaks); i++) {
		event(&demand, start + 5 * i, &level, peaks[i]);
		event(&demand, start + 5 * i + 1, &level, 0);
	}
	for (i = 0; i < ARRAY_SIZE(peaks); i++) {
		demand_roll(&demand, start + 5 * (i + 8) - 1, level);
		EXPECT_EQ(demand_keep(&demand), peaks[i]);
	}
	demand_roll(&demand, start + 5 * 11, level);
	EXPECT_EQ(demand_keep(&demand), 0);
	EXPECT(demand_settled(&demand, 0));
	return true;
}

/* A level that has lasted for @ticks, which may be longer than all buckets. */
static bool level_lasts(unsigned long ticks)
{
	unsigned long level = 0;
	struct demand demand;

	demand_init(&demand, 0, 7);
	event(&demand, 1, &level, 1000);
	event(&demand, 1 + ticks, &level, 5);
	EXPECT_EQ(demand_keep(&demand), 1062);
	EXPECT(!demand_settled(&demand, 5));
	return true;
}

static bool clock_goes_backwards(unsigned long start)
{
	unsigned long level = 0;
	struct demand demand;

	demand_init(&demand, start, 10);
	event(&demand, start + 5, &level, 160);
	event(&demand, start - 1, &level, 32);
	event(&demand, start - 500000, &level, 16);
	EXPECT_EQ(demand_keep(&demand), 170);
	demand_roll(&demand, start + 80, level);
	EXPECT_EQ(demand_keep(&demand), 17);
	EXPECT(demand_settled(&demand, 16));
	return true;
}

static bool no_overflow(unsigned long peak)
{
	unsigned long level = 0;
	struct demand demand;

	demand_init(&demand, 0, 1);
	event(&demand, 0, &level, peak);
	EXPECT_EQ(demand_keep(&demand), ~0UL);
	demand_roll(&demand, 2, 0);
	EXPECT_EQ(demand_keep(&demand), peak);
	return true;
}

static bool small_levels_get_no_room(unsigned long peak)
{
	unsigned long level = 0;
	struct demand demand;

	demand_init(&demand, 0, 10);
	event(&demand, 0, &level, peak);
	EXPECT_EQ(demand_keep(&demand), peak);
	return true;
}

static bool no_period_is_one_tick(unsigned long arg)
{
	unsigned long level = 0;
	struct demand demand;

	(void)arg;
	demand_init(&demand, 0, 0);
	event(&demand, 0, &level, 100);
	event(&demand, 0, &level, 0);
	demand_roll(&demand, 7, 0);
	EXPECT_EQ(demand_keep(&demand), 100);
	demand_roll(&demand, 8, 0);
	EXPECT_EQ(demand_keep(&demand), 0);
	return true;
}

/* Cached pages that were not needed are subtracted from the demand of the past. */
static bool pages_were_idle_all_along(unsigned long start)
{
	unsigned long level = 0;
	struct demand demand;

	demand_init(&demand, start, 10);
	event(&demand, start + 3, &level, 500);
	event(&demand, start + 13, &level, 320);
	demand_roll(&demand, start + 75, level);
	EXPECT_EQ(demand_keep(&demand), 500);
	demand_lower(&demand, 200);
	EXPECT_EQ(demand_keep(&demand), 300);
	demand_roll(&demand, start + 80, level - 200);
	EXPECT_EQ(demand_keep(&demand), 300);
	/* The level of the second event is 320, which counts as 120 and a sixteenth. */
	demand_roll(&demand, start + 90, level - 200);
	EXPECT_EQ(demand_keep(&demand), 127);
	demand_lower(&demand, 1000);
	EXPECT_EQ(demand_keep(&demand), 0);
	return true;
}

static bool period_changes(unsigned long start)
{
	unsigned long level = 0;
	struct demand demand;

	demand_init(&demand, start, 100);
	event(&demand, start + 50, &level, 320);
	event(&demand, start + 60, &level, 0);
	demand_roll(&demand, start + 250, level);
	EXPECT_EQ(demand_keep(&demand), 320);
	demand_set_period(&demand, start + 250, 2);
	EXPECT_EQ(demand_keep(&demand), 320);
	demand_roll(&demand, start + 250 + 11, level);
	EXPECT_EQ(demand_keep(&demand), 320);
	demand_roll(&demand, start + 250 + 12, level);
	EXPECT_EQ(demand_keep(&demand), 0);
	demand_set_period(&demand, start + 262, 0);
	EXPECT_EQ(demand.period, 1);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(unsigned long arg);
	unsigned long arg;
} cases[] = {
	{ "nothing is kept without demand", nothing_yet, 0 },
	{ "nothing is kept without demand, the clock about to wrap", nothing_yet, LATE },
	{ "a peak is kept for an age", peak_is_kept_for_an_age, 0 },
	{ "a peak is kept for an age, the clock about to wrap", peak_is_kept_for_an_age,
	  ~0UL - 41 },
	{ "peaks are forgotten one by one", peaks_go_one_by_one, 77 },
	{ "peaks are forgotten one by one, the clock about to wrap", peaks_go_one_by_one,
	  ~0UL - 30 },
	{ "a level lasts for a tick", level_lasts, 1 },
	{ "a level lasts for nearly an age", level_lasts, 54 },
	{ "a level lasts for many ages", level_lasts, 1UL << 40 },
	{ "a level lasts for half the range of the clock", level_lasts, ~0UL / 2 - 1 },
	{ "a clock that goes backwards stands still", clock_goes_backwards, 1000000 },
	{ "a clock that goes backwards from just after 0", clock_goes_backwards, 3 },
	{ "the largest possible level", no_overflow, ~0UL },
	{ "the least level with no room for a sixteenth", no_overflow, ~0UL / 17 * 16 + 1 },
	{ "no room for 1 page", small_levels_get_no_room, 1 },
	{ "no room for 15 pages", small_levels_get_no_room, 15 },
	{ "a bucket takes one tick at least", no_period_is_one_tick, 0 },
	{ "pages were idle all along", pages_were_idle_all_along, 0 },
	{ "pages were idle all along, the clock about to wrap", pages_were_idle_all_along, LATE },
	{ "the period changes, the levels stay", period_changes, 5 },
	{ "the period changes as the clock wraps", period_changes, ~0UL - 249 },
};

/* === Complete history =================================================== */

/**
 * struct past - the complete history of levels
 * @nr: number of levels
 * @from: start of each level, in ticks after the first
 * @level: the levels
 */
struct past {
	unsigned int nr;
	unsigned long from[EVENTS + 1];
	unsigned long level[EVENTS + 1];
};

/* The highest level from tick @from to tick @to, including both. */
static unsigned long highest(const struct past *past, unsigned long from, unsigned long to)
{
	unsigned long most = 0;
	unsigned int i;

	for (i = 0; i < past->nr; i++) {
		/* A level still counts in the tick of the event that ends it. */
		unsigned long until = i + 1 < past->nr ? past->from[i + 1] : ~0UL;

		if (past->from[i] <= to && until >= from)
			most = max(most, past->level[i]);
	}
	return most;
}

/* First tick of the bucket that is @back buckets before the bucket of @now. */
static unsigned long bucket_start(unsigned long now, unsigned long period, unsigned long back)
{
	unsigned long bucket = now / period;

	return bucket < back ? 0 : (bucket - back) * period;
}

static unsigned long keep(const struct past *past, unsigned long now, unsigned long period)
{
	/* Wider than any level, so that nothing overflows. */
	unsigned __int128 all = highest(past, bucket_start(now, period, DEMAND_BUCKETS - 1), now);
	unsigned __int128 few = highest(past, bucket_start(now, period, 1), now);
	unsigned __int128 most = ~0UL;

	return min(max(all, few * 17 / 16), most);
}

static bool settled(const struct past *past, unsigned long now, unsigned long period,
		    unsigned long level)
{
	unsigned int i;

	for (i = 0; i < DEMAND_BUCKETS; i++) {
		unsigned long start = bucket_start(now, period, i);
		unsigned long end = i ? start + period - 1 : now;

		/* The level was 0 before the first bucket. */
		if (now / period < i ? level != 0 : highest(past, start, end) != level)
			return false;
	}
	return true;
}

static unsigned long pick_level(struct dice *dice)
{
	switch (dice_below(dice, 8)) {
	case 0:
		return 0;
	case 1:
		return ~0UL - dice_below(dice, 100);
	case 2:
		return dice_below(dice, ~0UL);
	default:
		return dice_below(dice, 10000);
	}
}

static unsigned long pick_ticks(struct dice *dice, unsigned long period)
{
	switch (dice_below(dice, 8)) {
	case 0:
		return 0;
	case 1:
		return dice_below(dice, 20 * period);
	case 2:
		return period;
	default:
		return dice_below(dice, period);
	}
}

static bool compare_with_past(struct dice *dice)
{
	unsigned long period = 1 + dice_below(dice, dice_below(dice, 2) ? 10 : 100000);
	unsigned long base = dice_below(dice, 2) ? ~0UL - dice_below(dice, 20 * period) :
			     dice_below(dice, 1000);
	static struct past past;
	unsigned long now = 0, level = 0;
	struct demand demand;
	unsigned int i;

	demand_init(&demand, base, period);
	past = (struct past) { .nr = 1 };
	for (i = 0; i < EVENTS; i++) {
		now += pick_ticks(dice, period);
		demand_roll(&demand, base + now, level);
		if (dice_below(dice, 8)) {
			level = pick_level(dice);
			demand_peak(&demand, level);
			past.from[past.nr] = now;
			past.level[past.nr++] = level;
		}
		EXPECT_EQ(demand_keep(&demand), keep(&past, now, period));
		EXPECT_EQ(demand_settled(&demand, level), settled(&past, now, period, level));
	}
	return true;
}

static void run_random(u64 seed)
{
	struct dice dice;
	unsigned int i;
	bool same = true;

	dice_seed(&dice, seed);
	for (i = 0; i < ROUNDS && same; i++)
		same = compare_with_past(&dice);
	tap_result(same, "demand: as from a complete history, %u events, seed %llu",
		   ROUNDS * EVENTS, seed);
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	unsigned int i;

	tap_plan(ARRAY_SIZE(cases) + 1);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_result(cases[i].run(cases[i].arg), "demand: %s", cases[i].name);
	run_random(seed);
	return tap_status();
}
