// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: counts of the pages allocated and released in a chunk lately.
 */
#include "index/pageindex_epoch.h"
#include "index/pageindex_tree.h"

/* Bring a chunk's counts to the index's epoch. */
void pageindex_epoch_refresh(const struct pageindex *idx, struct pageindex_meta *meta)
{
	bool next = idx->epoch - meta->epoch == 1;

	meta->alloc_count[1] = next ? meta->alloc_count[0] : 0;
	meta->alloc_count[0] = 0;
	meta->release_count[1] = next ? meta->release_count[0] : 0;
	meta->release_count[0] = 0;
	meta->epoch = idx->epoch;
}

/**
 * pageindex_next_epoch() - begin a new epoch, as every pass does
 * @idx: the index
 *
 * Pages allocated and released in a chunk are counted per epoch. The counts of an epoch are
 * dropped at the end of the next epoch. No chunk is visited here.
 */
void pageindex_next_epoch(struct pageindex *idx)
{
	idx->epoch++;
}

/**
 * pageindex_recent() - count the pages allocated in a chunk lately
 * @idx: the index
 * @chunk: the chunk
 *
 * Return: pages allocated in the chunk in this epoch and the one before; a page counts each
 * time it is allocated; at most 65535 for each epoch
 */
unsigned int pageindex_recent(const struct pageindex *idx, unsigned long chunk)
{
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);

	switch (idx->epoch - meta->epoch) {
	case 0:
		return meta->alloc_count[0] + meta->alloc_count[1];
	case 1:
		return meta->alloc_count[0];
	default:
		return 0;
	}
}
