/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Demand: how many pages a heap is likely to need again soon.
 *
 * A heap whose demand goes up and down each second should not release pages that it
 * needs again a second later. The age of idle pages does not tell such pages from
 * those that a single burst has left behind, but past demand does. So the highest
 * number of pages in use is kept for each of the last eight intervals of time, called
 * buckets. The caller makes a bucket a quarter of the idle age, so that eight buckets are two
 * ages long:
 *
 *	pages
 *	in use	    .-.
 *		    | |   .-.	  .-.
 *		.---' `---' `-----' `--------
 *		|---|---|---|---|---|---|---|---|	time
 *		  1   2	  3   4	  5   6	  7   8
 *						|
 *						`- the current bucket
 *		`--------- long window ---------'
 *					`-short-'
 *
 * The number of pages worth keeping, in use and idle together, is the larger of
 *
 *	the highest peak of all eight buckets, and
 *	17/16 of the highest peak of the last two buckets.
 *
 * The first keeps pages that are needed once in two ages, which by age alone would be
 * released. The second leaves some room to a heap that grows.
 *
 * TCMalloc releases no pages that a recent peak of demand covers, over a short and a long
 * interval; Go's runtime keeps a tenth more than the heap it expects. Demand does both with
 * eight peaks, and with the caller's clock.
 *
 * The caller reports each event that changes the level; it is constant in between.
 * Nothing here locks: the caller serialises all calls for one struct demand.
 */
#ifndef SPANALLOC_DEMAND_H
#define SPANALLOC_DEMAND_H

#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define DEMAND_BUCKETS	8

/**
 * struct demand - highest levels of the last few buckets of time
 * @start: when the current bucket began, in ticks
 * @period: length of a bucket in ticks, not 0
 * @current_bucket: index of the current bucket
 * @peak: highest level in each bucket, in pages
 */
struct demand {
	unsigned long start;
	unsigned long period;
	unsigned int current_bucket;
	unsigned long peak[DEMAND_BUCKETS];
};

/**
 * demand_due() - when time alone may next lower demand_keep()
 * @demand: the levels
 *
 * Return: end of the current bucket, in ticks
 */
static inline unsigned long demand_due(const struct demand *demand)
{
	return demand->start + demand->period;
}

void demand_init(struct demand *demand, unsigned long now, unsigned long period);
void demand_set_period(struct demand *demand, unsigned long now, unsigned long period);
void demand_lower(struct demand *demand, unsigned long npages);
void demand_advance(struct demand *demand, unsigned long now, unsigned long level);
unsigned long demand_keep(const struct demand *demand);
bool demand_settled(const struct demand *demand, unsigned long level);

/**
 * demand_roll() - start the buckets that are due; to be called before an event
 * @demand: the levels
 * @now: the time in ticks, which may wrap around
 * @level: pages in use since the last event, before the change now to be reported
 *
 * If @now goes backwards, nothing changes.
 */
static inline void demand_roll(struct demand *demand, unsigned long now, unsigned long level)
{
	if (unlikely(now - demand->start >= demand->period))
		demand_advance(demand, now, level);
}

/**
 * demand_peak() - report that the level has risen
 * @demand: the levels, rolled on to the present
 * @level: pages in use now
 */
static inline void demand_peak(struct demand *demand, unsigned long level)
{
	unsigned long *peak = &demand->peak[demand->current_bucket];

	*peak = max(*peak, level);
}

#endif /* SPANALLOC_DEMAND_H */
