/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: hints, pages below which no free run of a size starts. See
 * pageindex_tree.c. Only pageindex*.c may include this.
 */
#ifndef SPANALLOC_PAGEINDEX_HINT_H
#define SPANALLOC_PAGEINDEX_HINT_H

#include "index/pageindex_bits.h"

/* The largest hint whose size is at most @npages; 0 < @npages <= CHUNK_PAGES. */
static inline unsigned int hint_floor(unsigned long npages)
{
	unsigned int octave;

	if (npages < 4)
		return npages - 1;
	octave = __fls(npages);
	return 3 + (octave - 2) * 4 + (npages >> (octave - 2) & 3);
}

/* The size in pages that a hint is for. */
static inline unsigned long hint_size(unsigned int hint)
{
	if (hint < 3)
		return hint + 1;
	return (4UL + (hint - 3) % 4) << (hint - 3) / 4;
}

/* The smallest hint whose size is at least @npages. */
static inline unsigned int hint_ceil(unsigned long npages)
{
	unsigned int hint = hint_floor(npages);

	return hint_size(hint) == npages ? hint : hint + 1;
}

/* No run of @npages pages starts below @page. */
static inline void hint_raise(struct pageindex *idx, unsigned long npages, unsigned long page)
{
	unsigned int i;

	for (i = hint_ceil(npages); i < PAGEINDEX_NR_HINTS && idx->hint[i] < page; i++)
		idx->hint[i] = page;
}

/* A run of @npages pages starts at @page. */
static inline void hint_lower(struct pageindex *idx, unsigned long npages, unsigned long page)
{
	int i;

	for (i = hint_floor(min(npages, CHUNK_PAGES)); i >= 0 && idx->hint[i] > page; i--)
		idx->hint[i] = page;
}

#endif /* SPANALLOC_PAGEINDEX_HINT_H */
