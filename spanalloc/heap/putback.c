// SPDX-License-Identifier: GPL-2.0-only
/*
 * Putback: giving pages back to the page index, run by run, with short holds of the lock.
 *
 * The index has the pages as in use; the heap counts them as moving. Runs are collected and
 * given back several at a time, with the lock dropped in between.
 */
#include "heap/budget.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/putback.h"
#include "index/pageindex.h"

static void putback_one_locked(struct span_heap *heap, const struct pageindex_run *run,
			       enum putback_state state)
{
	struct pageindex *idx = &heap->index;

	lockdep_assert_held(&heap->lock);
	switch (state) {
	case PUTBACK_IDLE:
		pageindex_free(idx, run->page, run->npages, 0);
		return;
	case PUTBACK_CLEAN:
		pageindex_free(idx, run->page, run->npages, PAGEINDEX_FREE_CLEAN);
		return;
	case PUTBACK_RELEASED:
	case PUTBACK_FRESH:
		budget_give_back(run->npages);
		pageindex_release(idx, run->page, run->npages);
		if (state == PUTBACK_FRESH)
			pageindex_unback(idx, run->page, run->npages);
	}
}

/**
 * putback_flush() - give back what has been collected
 * @putback: the collection; empty afterwards
 *
 * Does not wake the scavenger: the caller does, once all pages are given back.
 *
 * Context: Any but NMI.
 */
void putback_flush(struct putback *putback)
{
	struct span_heap *heap = putback->heap;
	unsigned long flags = heap_lock(heap);
	unsigned int i;

	heap_demand_roll_locked(heap);
	for (i = 0; i < putback->nr; i++)
		putback_one_locked(heap, &putback->run[i], putback->state[i]);
	heap->moving -= putback->npages;
	heap_unlock(heap, flags);
	putback->nr = 0;
	putback->npages = 0;
}

/**
 * putback_add() - collect a run of pages
 * @putback: the collection; if it becomes full, its runs are given back now
 * @page: first page
 * @npages: how many; may be 0
 * @state: what they become
 *
 * Context: Any but NMI.
 */
void putback_add(struct putback *putback, unsigned long page, unsigned long npages,
		 enum putback_state state)
{
	while (npages) {
		unsigned long nr = min(npages, PAGEINDEX_PIECE_PAGES - putback->npages);

		putback->run[putback->nr] = (struct pageindex_run) { .page = page, .npages = nr };
		putback->state[putback->nr++] = state;
		putback->npages += nr;
		if (putback->nr == HOLD_PUTBACK_RUNS || putback->npages == PAGEINDEX_PIECE_PAGES)
			putback_flush(putback);
		page += nr;
		npages -= nr;
	}
}

/**
 * putback_runs_in_hold() - count the runs that may be given back in one hold of the lock
 * @runs: runs of pages, sorted, up or down
 * @nr: how many
 *
 * Return: how many, from the first on
 */
unsigned int putback_runs_in_hold(const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long last = ULONG_MAX;
	unsigned int i, chunks = 0;

	for (i = 0; i < nr; i++) {
		unsigned long end = (runs[i].page + runs[i].npages - 1) / PAGEINDEX_CHUNK_PAGES;

		chunks += end != last;
		if (chunks > HOLD_SPAN_CHUNKS)
			break;
		last = end;
	}
	return i;
}
