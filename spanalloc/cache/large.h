/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long spans that a CPU keeps: few, of any length, found by exact length.
 *
 * They stand in the order in which they were parked. The last one is the first to
 * be taken, since its contents may still be in the CPU's caches; the first ones are
 * those to go. Who calls is alone with them.
 */
#ifndef SPANALLOC_LARGE_H
#define SPANALLOC_LARGE_H

#include "cache/depot.h"
#include "heap/span.h"

/**
 * struct span_longs - parked long spans, the last parked one last
 * @nr: how many
 * @low: how many from the first on nobody has touched since the last sweep
 * @used: some have been taken since room was last looked for here
 * @npages: their lengths
 * @span: the spans
 */
struct span_longs {
	unsigned int nr;
	unsigned int low;
	bool used;
	unsigned int npages[PARK_CPU_LONGS];
	struct span *span[PARK_CPU_LONGS];
};

/**
 * longs_take() - take the span of a length that was parked last
 * @longs: where from
 * @npages: the length
 *
 * Return: the span or NULL
 */
static inline struct span *longs_take(struct span_longs *longs, unsigned int npages)
{
	unsigned int at = longs->nr;
	struct span *span;

	do {
		if (!at--)
			return NULL;
	} while (longs->npages[at] != npages);
	span = longs->span[at];
	longs->nr--;
	longs->low = min(longs->low, at);
	longs->used = true;
	for (; unlikely(at < longs->nr); at++) {
		longs->span[at] = longs->span[at + 1];
		longs->npages[at] = longs->npages[at + 1];
	}
	return span;
}

/**
 * longs_add() - park a span; there is room
 * @longs: where
 * @span: the span
 */
static inline void longs_add(struct span_longs *longs, struct span *span)
{
	if (longs->nr >= PARK_AHEAD)
		span_set_ahead(span, longs->span[longs->nr - PARK_AHEAD]);
	longs->npages[longs->nr] = span->npages;
	longs->span[longs->nr++] = span;
}

/**
 * longs_take_first() - take out those that were parked first
 * @longs: where from
 * @nr: how many
 * @haul: what they are added to, as one chain
 *
 * Return: pages they have
 */
static inline unsigned int longs_take_first(struct span_longs *longs, unsigned int nr,
					    struct haul *haul)
{
	struct span *chain = NULL;
	unsigned int i, pages = 0;

	for (i = 0; i < nr; i++) {
		longs->span[i]->next = chain;
		chain = longs->span[i];
		pages += longs->npages[i];
	}
	haul_add_chain(haul, chain);
	longs->nr -= nr;
	memmove(longs->span, longs->span + nr, longs->nr * sizeof(longs->span[0]));
	memmove(longs->npages, longs->npages + nr, longs->nr * sizeof(longs->npages[0]));
	longs->low = longs->nr;
	return pages;
}

/**
 * longs_evict() - take out those spans of a length that were parked first
 * @longs: where from
 * @npages: the length
 * @want: how many at most
 *
 * Return: a chain of them, %NULL if there are none
 */
static inline struct span *longs_evict(struct span_longs *longs, unsigned int npages,
				       unsigned int want)
{
	unsigned int i, low = 0, kept = 0;
	struct span *chain = NULL;

	for (i = 0; i < longs->nr; i++) {
		struct span *span = longs->span[i];

		if (want && longs->npages[i] == npages) {
			span->next = chain;
			chain = span;
			want--;
			continue;
		}
		low += i < longs->low;
		longs->npages[kept] = longs->npages[i];
		longs->span[kept++] = span;
	}
	longs->nr = kept;
	longs->low = low;
	return chain;
}

#endif /* SPANALLOC_LARGE_H */
