/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Short spans that a CPU keeps, of one length: a chain that spans are pushed on and
 * popped from, and any number of full ones, the last filled one first.
 *
 *	top -> span -> span
 *	full -> span -> ... -> span
 *		 | next_chain
 *		 v
 *		span -> ... -> span	the spans cached first
 */
#ifndef SPANALLOC_MAGAZINE_H
#define SPANALLOC_MAGAZINE_H

#include <linux/minmax.h>
#include <linux/prefetch.h>

#include "cache/depot.h"
#include "heap/span.h"

/**
 * struct span_magazine - cached short spans of one length
 * @top: chain in use, the last cached one first
 * @full: full chains, of chain_length() spans each; a chain that @low covers is old
 * @nr_top: spans in @top
 * @nr: spans in all
 * @low: spans, from the one cached first on, that have stayed since the last pass
 * @used: a span was taken since cache_make_room() last looked here
 */
struct span_magazine {
	struct span *top;
	struct chain_list full;
	unsigned int nr_top;
	unsigned int nr;
	unsigned int low;
	bool used;
};

/**
 * magazine_pop() - take the span that was cached last
 * @magazine: where from
 *
 * Return: the span or NULL
 */
static __always_inline struct span *magazine_pop(struct span_magazine *magazine)
{
	struct span *span;

	if (unlikely(!magazine->nr_top)) {
		if (!magazine->full.first)
			return NULL;
		magazine->top = chain_list_pop(&magazine->full);
		magazine->nr_top = chain_length(magazine->top->npages);
	}
	span = magazine->top;
	magazine->top = span->next;
	/* The next pop takes this span; another CPU may have written its descriptor last. */
	prefetchw(magazine->top);
	magazine->nr_top--;
	magazine->nr--;
	magazine->low = min(magazine->low, magazine->nr);
	magazine->used = true;
	return span;
}

/* Move the full @top chain to @full. If @low covers all chains of @full, all are old. */
static inline void magazine_close_top(struct span_magazine *magazine)
{
	unsigned int length = chain_length(magazine->top->npages);

	chain_list_push(&magazine->full, magazine->top);
	if (magazine->low >= magazine->full.nr * length)
		chain_list_pass(&magazine->full);
	magazine->top = NULL;
	magazine->nr_top = 0;
}

/**
 * magazine_push() - cache a span
 * @magazine: where
 * @span: the span
 */
static __always_inline void magazine_push(struct span_magazine *magazine, struct span *span)
{
	if (unlikely(magazine->nr_top == chain_length(span->npages)))
		magazine_close_top(magazine);
	span->next = magazine->top;
	magazine->top = span;
	magazine->nr_top++;
	magazine->nr++;
}

/**
 * magazine_evict() - take a full chain out; there is one
 * @magazine: where from
 *
 * Return: the chain
 */
static inline struct span *magazine_evict(struct span_magazine *magazine)
{
	bool is_old = magazine->full.first == magazine->full.old;
	struct span *chain = chain_list_pop(&magazine->full);
	unsigned int length = chain_length(chain->npages);

	magazine->nr -= length;
	/*
	 * @low may count spans at the bottom of the chain above the old ones, too. If that chain
	 * is evicted, @low counts the spans of the old chains only.
	 */
	if (is_old)
		magazine->low -= length;
	else if (magazine->full.nr == magazine->full.nr_old)
		magazine->low = magazine->full.nr_old * length;
	return chain;
}

/**
 * magazine_take_all() - take everything out
 * @magazine: where from
 * @haul: what it is added to
 */
static inline void magazine_take_all(struct span_magazine *magazine, struct haul *haul)
{
	haul_add_chain(haul, magazine->top);
	haul_add(haul, chain_list_take_all(&magazine->full));
	magazine->top = NULL;
	magazine->nr_top = 0;
	magazine->nr = 0;
	magazine->low = 0;
}

/**
 * magazine_take_old() - take out the spans not needed since the last call
 * @magazine: where from
 * @npages: length of its spans
 * @haul: what it is added to
 *
 * Takes the full chains that @low covers. If no full chain is left, also takes the spans of
 * @top that @low counts. Walks at most @top.
 */
static inline void magazine_take_old(struct span_magazine *magazine, unsigned int npages,
				     struct haul *haul)
{
	unsigned int full = magazine->full.nr_old * chain_length(npages);
	unsigned int nr = min(magazine->low - full, magazine->nr_top);
	struct span **link = &magazine->top;

	haul_add(haul, chain_list_take_old(&magazine->full));
	magazine->nr -= full;
	if (!magazine->full.first && nr) {
		magazine->nr_top -= nr;
		magazine->nr -= nr;
		for (nr = magazine->nr_top; nr; nr--)
			link = &(*link)->next;
		haul_add_chain(haul, *link);
		*link = NULL;
	}
	chain_list_pass(&magazine->full);
	magazine->low = magazine->nr;
}

#endif /* SPANALLOC_MAGAZINE_H */
