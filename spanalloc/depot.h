/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Depot: parked spans that any CPU of a NUMA node may take.
 *
 * A parked span is dead, but still entered in the map and with memory behind it;
 * cache.c draws the whole way. Short spans come and go in chains, which are
 * linked through the descriptors: to hand on a whole chain is one hold of the
 * lock, however many spans it has. Long ones come and go by themselves.
 *
 * This header also says what a chain is, and how long spans are kept.
 */
#ifndef SPANALLOC_DEPOT_H
#define SPANALLOC_DEPOT_H

#include <linux/spinlock.h>
#include <linux/string.h>

#include "span.h"

/* Spans up to so many pages are kept in chains, those up to the other one by one. */
#define PARK_MAX_SHORT	16
#define PARK_MAX_LONG	512

/* Long spans that are kept by a CPU, and for all of them. */
#define PARK_CPU_LONGS		32
#define PARK_DEPOT_LONGS	64

/* Spans in a chain of spans of @npages pages: about 128 pages' worth, at most 32. */
static inline unsigned int chain_length(unsigned int npages)
{
	static const u8 length[PARK_MAX_SHORT] = {
		32, 32, 32, 32, 25, 21, 18, 16, 14, 12, 11, 10, 9, 9, 8, 8
	};

	return length[npages - 1];
}

/**
 * struct span_longs - a few long spans of any length, the last parked one last
 * @nr: how many
 * @low: how many from the first on nobody has touched since the last sweep
 * @max: how many there is room for
 * @npages: their lengths
 * @span: the spans
 */
struct span_longs {
	unsigned int nr;
	unsigned int low;
	unsigned int max;
	unsigned int npages[PARK_DEPOT_LONGS];
	struct span *span[PARK_DEPOT_LONGS];
};

/**
 * struct span_depot - parked spans of one heap and node
 * @lock: protects the rest
 * @pages: pages parked
 * @chains: by length, from one page up: the chains
 * @longs: long spans
 */
struct span_depot {
	spinlock_t lock;		/* everything below */
	unsigned long pages;
	struct {
		struct span *top;
		unsigned int nr;
		unsigned int low;
	} chains[PARK_MAX_SHORT];
	struct span_longs longs;
};

struct span *longs_remove(struct span_longs *longs, unsigned int at);
struct span *longs_take(struct span_longs *longs, unsigned int npages);
struct span *longs_evict(struct span_longs *longs);
void longs_add(struct span_longs *longs, struct span *span);

void depot_init(struct span_depot *depot);
struct span *depot_get(struct span_depot *depot, unsigned int npages);
bool depot_put(struct span_depot *depot, struct span *chain, unsigned long max_pages);
struct span *depot_empty(struct span_depot *depot, bool sweep, bool wait);

#endif /* SPANALLOC_DEPOT_H */
