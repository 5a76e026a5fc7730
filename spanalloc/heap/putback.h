/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Putback: pages of a claim or a freed span go back to the page index.
 */
#ifndef SPANALLOC_PUTBACK_H
#define SPANALLOC_PUTBACK_H

#include "heap/hold.h"
#include "index/pageindex.h"

struct span_heap;

/* State that pages have after they are given back to the index. */
enum putback_state {
	PUTBACK_IDLE,
	PUTBACK_CLEAN,		/* idle, and known to hold zeros */
	PUTBACK_RELEASED,
	PUTBACK_FRESH		/* released, and never backed */
};

/**
 * struct putback - runs of pages that are given back in one hold of the heap's lock
 * @heap: the heap, which counts them as moving
 * @nr: how many runs
 * @npages: how many pages
 * @run: the runs
 * @state: what each becomes
 */
struct putback {
	struct span_heap *heap;
	unsigned int nr;
	unsigned long npages;
	struct pageindex_run run[HOLD_PUTBACK_RUNS];
	enum putback_state state[HOLD_PUTBACK_RUNS];
};

void putback_add(struct putback *putback, unsigned long page, unsigned long npages,
		 enum putback_state state);
void putback_flush(struct putback *putback);
unsigned int putback_runs_in_hold(const struct pageindex_run *runs, unsigned int nr);

#endif /* SPANALLOC_PUTBACK_H */
