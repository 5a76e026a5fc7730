/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Depot: cached spans that any CPU of a NUMA node may take.
 *
 * A cached span is dead, but still entered in the map and with memory behind it;
 * cache.c draws the whole way. Spans come and go in chains of one length (chain.h):
 * handing on a chain is a few stores, however many spans it has. A chain of short
 * spans has chain_length() spans, a chain of long ones as many as there were.
 *
 * This header also says which lengths are kept, and how many spans a chain has.
 */
#ifndef SPANALLOC_DEPOT_H
#define SPANALLOC_DEPOT_H

#include <linux/spinlock.h>
#include <linux/string.h>

#include "cache/chain.h"

/* Spans up to so many pages are short, those up to the other long. */
#define CACHE_MAX_SHORT	16
#define CACHE_MAX_LARGE	512

/* Long spans that a CPU keeps, and chains of them that a depot keeps. */
#define CACHE_CPU_LARGE		64
#define DEPOT_LARGE_CHAINS	32

/*
 * Spans that are handed to another CPU are often freed there in the order in which they
 * were allocated, and their descriptors are in the first one's cache. So while one is
 * freed, that of the span that was allocated so many later is fetched: it takes as long
 * as so many frees. Each notes, when it is cached, which one that will be.
 */
#define CACHE_AHEAD	8

/* Spans in a chain of spans of @npages pages: about 128 pages' worth, at most 32. */
static inline unsigned int chain_length(unsigned int npages)
{
	static const u8 length[CACHE_MAX_SHORT] = {
		32, 32, 32, 32, 25, 21, 18, 16, 14, 12, 11, 10, 9, 9, 8, 8
	};

	return length[npages - 1];
}

/**
 * struct depot_chain - a chain of long spans
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
 * @lock: protects the rest
 * @pages: pages cached
 * @chains: of short spans, by length from one page up
 * @large: chains of long spans, the last cached one last
 * @nr_large: how many
 * @low_large: how many from the first on nobody has touched since the last pass
 */
struct span_depot {
	spinlock_t lock;		/* everything below */
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
