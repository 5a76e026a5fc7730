/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: counts of recent events in a chunk. An epoch lasts from one
 * pageindex_next_epoch() to the next. A chunk counts the pages allocated and released in its
 * epoch and in the one before; its counts are brought to the index's epoch when they are
 * about to change. Only pageindex*.c may include this.
 */
#ifndef SPANALLOC_PAGEINDEX_EPOCH_H
#define SPANALLOC_PAGEINDEX_EPOCH_H

#include <linux/kernel.h>
#include <linux/minmax.h>

#include "index/pageindex.h"

void pageindex_epoch_refresh(const struct pageindex *idx, struct pageindex_meta *meta);

static inline void epoch_count(const struct pageindex *idx, struct pageindex_meta *meta,
			       u16 *count, unsigned int npages)
{
	if (unlikely(meta->epoch != idx->epoch))
		pageindex_epoch_refresh(idx, meta);
	*count = min_t(unsigned int, *count + npages, (u16)~0U);
}

static inline void epoch_count_alloc(const struct pageindex *idx, struct pageindex_meta *meta,
				     unsigned int npages)
{
	epoch_count(idx, meta, &meta->alloc_count[0], npages);
}

static inline void epoch_count_release(const struct pageindex *idx, struct pageindex_meta *meta,
				       unsigned int npages)
{
	epoch_count(idx, meta, &meta->release_count[0], npages);
}

/*
 * How many of @npages released pages that are allocated again are refaults: at most as many
 * as were released in this epoch and the one before. Releases of the epoch before are used
 * up first, because their count is dropped first. Call after epoch_count_alloc().
 */
static inline unsigned int epoch_take_refaults(struct pageindex_meta *meta, unsigned int npages)
{
	unsigned int old = min_t(unsigned int, npages, meta->release_count[1]);
	unsigned int new = min_t(unsigned int, npages - old, meta->release_count[0]);

	meta->release_count[1] -= old;
	meta->release_count[0] -= new;
	return old + new;
}

#endif /* SPANALLOC_PAGEINDEX_EPOCH_H */
