// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: freeing or releasing several runs in one call.
 *
 * Bits are changed run by run. The tree is updated once for all runs that lie in the same
 * chunk, since each update may climb the tree.
 */
#include "index/pageindex_state.h"

/*
 * Number of @runs, from the first on, that lie within the same chunk. 1 if the first run
 * crosses into another chunk.
 */
static unsigned int runs_together(const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long chunk = runs->page >> CHUNK_SHIFT;
	unsigned int n = 0;

	while (n < nr && runs[n].page >> CHUNK_SHIFT == chunk &&
	       (runs[n].page + runs[n].npages - 1) >> CHUNK_SHIFT == chunk)
		n++;
	return max(n, 1U);
}

/* Free @runs, which lie within one chunk, or release them. */
static __always_inline void put_together(struct pageindex *idx, const struct pageindex_run *runs,
					 unsigned int nr, bool release, unsigned int flags)
{
	unsigned long chunk = runs->page >> CHUNK_SHIFT;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned int from = runs[i].page % CHUNK_PAGES;

		if (release)
			chunk_release(idx, chunk, from, from + runs[i].npages);
		else
			chunk_free(idx, chunk, from, from + runs[i].npages, flags);
	}
	if (release)
		chunk_reset_if_released(idx, chunk);
	pageindex_tree_freed_runs(idx, runs, nr);
}

static __always_inline void pageindex_put_runs(struct pageindex *idx,
					       const struct pageindex_run *runs, unsigned int nr,
					       bool release, unsigned int flags)
{
	unsigned int n;

	for (; nr; runs += n, nr -= n) {
		n = runs_together(runs, nr);
		if (n > 1)
			put_together(idx, runs, n, release, flags);
		else if (release)
			pageindex_release(idx, runs->page, runs->npages);
		else
			pageindex_free(idx, runs->page, runs->npages, flags);
	}
}

/**
 * pageindex_free_runs() - make runs of pages in use idle
 * @idx: the index
 * @runs: the runs, none of them empty
 * @nr: how many
 * @flags: as for pageindex_free(), for all of them
 *
 * Runs may lie anywhere, in any order, and may cross chunks. It costs least if
 * runs of the same chunk follow each other in order of address.
 */
void pageindex_free_runs(struct pageindex *idx, const struct pageindex_run *runs,
			 unsigned int nr, unsigned int flags)
{
	pageindex_put_runs(idx, runs, nr, false, flags);
}

/**
 * pageindex_release_runs() - make runs of pages in use released
 * @idx: the index
 * @runs: the runs, none of them empty, with no physical pages behind them
 * @nr: how many
 *
 * The order of runs matters as for pageindex_free_runs().
 */
void pageindex_release_runs(struct pageindex *idx, const struct pageindex_run *runs,
			    unsigned int nr)
{
	pageindex_put_runs(idx, runs, nr, true, 0);
}
