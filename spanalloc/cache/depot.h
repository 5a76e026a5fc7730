/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Depot: cached spans with memory of one NUMA node, for the CPUs whose caches keep that
 * node's memory.
 *
 * A cached span is dead, but still entered in the map and with memory behind it: see
 * the picture in cache.c. Spans are put and taken in chains of one length (chain.h), so
 * that a few stores move a chain, however many spans it has. A chain of short spans has
 * chain_length() spans, a chain of large spans as many as the CPU's cache evicted.
 *
 * This header also says which lengths are kept, and how many spans a chain has.
 */
#ifndef SPANALLOC_DEPOT_H
#define SPANALLOC_DEPOT_H

#include <linux/spinlock.h>
#include <linux/string.h>

#include "cache/chain.h"

/* Longest short span and longest large span, in pages. Longer spans are not cached. */
#define CACHE_MAX_SHORT	16
#define CACHE_MAX_LARGE	512

/* Most large spans in a CPU's cache, and most chains of large spans in a depot. */
#define CACHE_CPU_LARGE		64
#define DEPOT_LARGE_CHAINS	32

/* Spans in a chain of spans of @npages pages: about 128 pages' worth, at most 32 spans. */
static inline unsigned int chain_length(unsigned int npages)
{
	static const u8 length[CACHE_MAX_SHORT] = {
		32, 32, 32, 32, 25, 21, 18, 16, 14, 12, 11, 10, 9, 9, 8, 8
	};

	return length[npages - 1];
}

/**
 * struct depot_chain - a chain of large spans
 * @top: the first one
 * @npages: length of each
 * @nr: how many
 */
struct depot_chain {
	struct span *top;
	unsigned int npages;
	unsigned int nr;
};

/**
 * struct span_depot - cached spans of one heap and node
 * @lock: protects all other members
 * @pages: pages cached
 * @chains: of short spans, by length from one page up
 * @large: chains of large spans, the last cached one last
 * @nr_large: chains in @large
 * @low_large: chains of @large, from the first on, that were not touched since the last pass
 */
struct span_depot {
	spinlock_t lock;
	unsigned long pages;
	struct chain_list chains[CACHE_MAX_SHORT];
	struct depot_chain large[DEPOT_LARGE_CHAINS];
	unsigned int nr_large;
	unsigned int low_large;
};

void depot_init(struct span_depot *depot);
struct span *depot_get(struct span_depot *depot, unsigned int npages);
bool depot_put(struct span_depot *depot, struct span *chain, unsigned int nr,
	       unsigned long max_pages);
void depot_take_all(struct span_depot *depot, struct haul *haul);
void depot_take_old(struct span_depot *depot, struct haul *haul);
unsigned int depot_spans(const struct span_depot *depot);

#endif /* SPANALLOC_DEPOT_H */
