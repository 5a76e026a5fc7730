// SPDX-License-Identifier: GPL-2.0-only
/*
 * Demand: starting buckets, and how many pages to keep by their peaks.
 */
#include <linux/string.h>

#include "index/demand.h"

/**
 * demand_init() - begin with a level of 0
 * @demand: the levels
 * @now: the time in ticks
 * @period: length of a bucket in ticks; 0 is taken for 1
 */
void demand_init(struct demand *demand, unsigned long now, unsigned long period)
{
	memset(demand, 0, sizeof(*demand));
	demand_set_period(demand, now, period);
}

/**
 * demand_set_period() - change the length of a bucket
 * @demand: the levels, rolled on to the present
 * @now: the time in ticks
 * @period: length of a bucket in ticks; 0 is taken for 1
 *
 * The buckets keep their peaks. The current bucket begins again at @now.
 */
void demand_set_period(struct demand *demand, unsigned long now, unsigned long period)
{
	demand->start = now;
	demand->period = max(period, 1UL);
}

/**
 * demand_advance() - start the buckets that are due
 * @demand: the levels
 * @now: the time in ticks, at or after the end of the current bucket
 * @level: pages in use since the last event
 *
 * For demand_roll().
 */
void demand_advance(struct demand *demand, unsigned long now, unsigned long level)
{
	unsigned long passed = now - demand->start;
	unsigned long buckets = passed / demand->period;
	unsigned int i;

	/* More than half the range of unsigned long: the clock went backwards. */
	if (passed > ~0UL >> 1)
		return;
	demand->start += buckets * demand->period;
	buckets = min(buckets, 0UL + DEMAND_BUCKETS);
	for (i = 0; i < buckets; i++) {
		demand->current_bucket = (demand->current_bucket + 1) % DEMAND_BUCKETS;
		demand->peak[demand->current_bucket] = level;
	}
}

/**
 * demand_lower() - subtract pages from the peak of every bucket
 * @demand: the levels
 * @npages: pages that were counted as in use, but that no client used
 */
void demand_lower(struct demand *demand, unsigned long npages)
{
	unsigned int i;

	for (i = 0; i < DEMAND_BUCKETS; i++)
		demand->peak[i] -= min(demand->peak[i], npages);
}

/* @level and a sixteenth of it, or ULONG_MAX if that overflows. */
static unsigned long with_room(unsigned long level)
{
	unsigned long room = level / 16;

	return level + min(room, ~0UL - level);
}

/**
 * demand_keep() - compute how many pages are worth keeping
 * @demand: the levels, rolled on to the present
 *
 * Return: pages, in use and idle together: the highest peak of all buckets or, if it is more,
 * the highest peak of the last two and a sixteenth of it, rounded down; at most %ULONG_MAX
 */
unsigned long demand_keep(const struct demand *demand)
{
	unsigned int current_bucket = demand->current_bucket;
	unsigned int previous = (current_bucket + DEMAND_BUCKETS - 1) % DEMAND_BUCKETS;
	unsigned long recent = max(demand->peak[current_bucket], demand->peak[previous]);
	unsigned long highest = 0;
	unsigned int i;

	for (i = 0; i < DEMAND_BUCKETS; i++)
		highest = max(highest, demand->peak[i]);
	return max(highest, with_room(recent));
}

/**
 * demand_settled() - check that time alone does not change demand_keep()
 * @demand: the levels, rolled on to the present
 * @level: pages in use now
 *
 * Return: true if the peak of every bucket is @level, so that demand_keep() does not
 * change until the level does
 */
bool demand_settled(const struct demand *demand, unsigned long level)
{
	unsigned int i;

	for (i = 0; i < DEMAND_BUCKETS; i++)
		if (demand->peak[i] != level)
			return false;
	return true;
}
