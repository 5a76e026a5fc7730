/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Large spans that a CPU keeps: few, of any length, found by exact length.
 *
 * The array is in the order of caching. large_take() takes the last span of a length,
 * since its contents may still be in the CPU's hardware caches; evictions and passes take
 * the first ones. The caller has exclusive access to @large.
 */
#ifndef SPANALLOC_LARGE_H
#define SPANALLOC_LARGE_H

#include "cache/depot.h"
#include "heap/span.h"
#include "index/prefetch.h"

/**
 * struct span_large - cached large spans, the last cached one last
 * @nr: how many
 * @low: how many spans, from the first on, were not touched since the last pass
 * @used: a span was taken since cache_make_room() last looked here
 * @npages: their lengths
 * @span: the spans
 */
struct span_large {
	unsigned int nr;
	unsigned int low;
	bool used;
	unsigned int npages[CACHE_CPU_LARGE];
	struct span *span[CACHE_CPU_LARGE];
};

/**
 * large_take() - take the span of a length that was cached last
 * @large: where from
 * @npages: the length
 *
 * Return: the span or NULL
 */
static inline struct span *large_take(struct span_large *large, unsigned int npages)
{
	unsigned int at = large->nr;
	struct span *span;

	do {
		if (!at--)
			return NULL;
	} while (large->npages[at] != npages);
	span = large->span[at];
	large->nr--;
	large->low = min(large->low, at);
	large->used = true;
	for (; unlikely(at < large->nr); at++) {
		large->span[at] = large->span[at + 1];
		large->npages[at] = large->npages[at + 1];
	}
	return span;
}

/**
 * large_add() - cache a span; there is room
 * @large: where
 * @span: the span
 */
static inline void large_add(struct span_large *large, struct span *span)
{
	if (large->nr >= CACHE_AHEAD)
		span_set_ahead(span, large->span[large->nr - CACHE_AHEAD]);
	large->npages[large->nr] = span->npages;
	large->span[large->nr++] = span;
}

/**
 * large_take_first() - take out the spans that were cached first
 * @large: where from
 * @nr: how many
 * @haul: what they are added to, as one chain
 *
 * Return: pages they have
 */
static inline unsigned int large_take_first(struct span_large *large, unsigned int nr,
					    struct haul *haul)
{
	struct span *chain = NULL;
	unsigned int i, pages = 0;

	for (i = 0; i < nr; i++) {
		large->span[i]->next = chain;
		chain = large->span[i];
		pages += large->npages[i];
	}
	haul_add_chain(haul, chain);
	large->nr -= nr;
	memmove(large->span, large->span + nr, large->nr * sizeof(large->span[0]));
	memmove(large->npages, large->npages + nr, large->nr * sizeof(large->npages[0]));
	large->low = large->nr;
	return pages;
}

/**
 * large_evict() - take out the spans of a length that were cached first
 * @large: where from
 * @npages: the length
 * @want: how many at most
 *
 * Return: a chain of them, %NULL if there are none
 */
static inline struct span *large_evict(struct span_large *large, unsigned int npages,
				       unsigned int want)
{
	unsigned int i, low = 0, kept = 0;
	struct span *chain = NULL;

	for (i = 0; i < large->nr; i++) {
		struct span *span = large->span[i];

		if (want && large->npages[i] == npages) {
			span->next = chain;
			chain = span;
			want--;
			continue;
		}
		low += i < large->low;
		large->npages[kept] = large->npages[i];
		large->span[kept++] = span;
	}
	large->nr = kept;
	large->low = low;
	return chain;
}

#endif /* SPANALLOC_LARGE_H */
