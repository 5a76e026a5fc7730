// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: several runs in one call.
 *
 * Bits are changed run by run. The tree is told once of all runs that lie in
 * the same chunk, which saves merging summaries that change again at once.
 */
#include "index/pageindex_state.h"

/* Runs from the first on that lie in one chunk; at least 1, which may cross chunks. */
static unsigned int runs_together(const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long chunk = runs->page >> CHUNK_SHIFT;
	unsigned int n = 0;

	while (n < nr && runs[n].page >> CHUNK_SHIFT == chunk &&
	       (runs[n].page + runs[n].npages - 1) >> CHUNK_SHIFT == chunk)
		n++;
	return max(n, 1U);
}

/**
 * pageindex_free_runs() - give back runs of pages that keep their backing
 * @idx: the index
 * @runs: the runs, all in use; none of them is empty
 * @nr: how many
 * @flags: as for pageindex_free(), for all of them
 *
 * Runs may lie anywhere, in any order, and may cross chunks. It costs least if
 * runs of the same chunk follow each other in order of address.
 */
void pageindex_free_runs(struct pageindex *idx, const struct pageindex_run *runs,
			 unsigned int nr, unsigned int flags)
{
	unsigned int i, n;

	for (; nr; runs += n, nr -= n) {
		n = runs_together(runs, nr);
		if (n == 1) {
			pageindex_free(idx, runs->page, runs->npages, flags);
			continue;
		}
		for (i = 0; i < n; i++) {
			unsigned int from = runs[i].page % CHUNK_PAGES;

			chunk_free(idx, runs->page >> CHUNK_SHIFT, from, from + runs[i].npages,
				   flags);
		}
		pageindex_tree_freed_runs(idx, runs, n);
	}
}

/**
 * pageindex_release_runs() - give back runs of pages that have lost their backing
 * @idx: the index
 * @runs: the runs, all in use; none of them is empty
 * @nr: how many
 *
 * As pageindex_free_runs(), for pages that become released.
 */
void pageindex_release_runs(struct pageindex *idx, const struct pageindex_run *runs,
			    unsigned int nr)
{
	unsigned int i, n;

	for (; nr; runs += n, nr -= n) {
		unsigned long chunk = runs->page >> CHUNK_SHIFT;

		n = runs_together(runs, nr);
		if (n == 1) {
			pageindex_release(idx, runs->page, runs->npages);
			continue;
		}
		for (i = 0; i < n; i++) {
			unsigned int from = runs[i].page % CHUNK_PAGES;

			chunk_release(idx, chunk, from, from + runs[i].npages);
		}
		chunk_reset_if_released(idx, chunk);
		pageindex_tree_freed_runs(idx, runs, n);
	}
}

/**
 * pageindex_take_more() - take runs of idle pages close to one that has been allocated
 * @idx: the index
 * @end: first page after the run that has been allocated
 * @npages: length of each run, not 0
 * @max: how many are wanted
 * @pages: room for @max page numbers; set to the first page of each run taken
 *
 * Takes wholly idle runs, from the lowest up, in the chunk that the page before @end lies
 * in. The runs do not count as allocated, because no caller has asked for them yet.
 *
 * Return: number of runs taken
 */
unsigned int pageindex_take_more(struct pageindex *idx, unsigned long end,
				 unsigned long npages, unsigned int max, unsigned long *pages)
{
	unsigned long chunk = (end - 1) >> CHUNK_SHIFT;
	unsigned long page = end;
	unsigned int nr = 0;

	if (pageindex_is_fenced(idx, chunk << CHUNK_SHIFT, CHUNK_PAGES))
		return 0;
	while (nr < max && page >> CHUNK_SHIFT == chunk &&
	       chunk_meta(idx, chunk)->idle >= npages &&
	       pageindex_find_idle(idx, chunk, npages, page % CHUNK_PAGES, &page)) {
		unsigned int from = page % CHUNK_PAGES;

		pages[nr++] = page;
		chunk_take(idx, chunk, from, from + npages);
		page += npages;
	}
	if (nr)
		pageindex_mark_stale(idx, chunk);
	return nr;
}
