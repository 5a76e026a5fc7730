/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a heap remembers of the scavenger's passes; reclaim/pass.c moves it.
 */
#ifndef SPANALLOC_PASS_STATE_H
#define SPANALLOC_PASS_STATE_H

#include <linux/types.h>

#include "heap/release.h"

/* Where a heap's pass is; pass.c draws it. */
enum pass_phase {
	PASS_OFF,
	PASS_WAIT,
	PASS_EMPTY,
	PASS_SPARSE,
	PASS_REST,
	PASS_BUSY,
	PASS_AGE,
	PASS_END
};

/**
 * struct pass - one heap's passes
 * @phase: what it is at
 * @from: end of the last pass, or start of the watch
 * @release: what the phase takes
 * @released: pages released since the last pass ended
 * @batches: in so many batches
 * @retained: pages that were due and are still there, at most
 * @look: when to see whether some of these may go by now
 * @trimming: that is what is being done
 * @cached: pages taken out of the caches
 * @spent_ns: time taken since then
 * @drain_due: when the caches may be emptied for the sake of a soft limit
 * @stale_due: when what has not been touched in them may be taken out, for the same
 * @passed_at: when cache_pass() was last called, so that it can tell what has been cached since
 */
struct pass {
	enum pass_phase phase;
	unsigned long from;
	struct release release;
	unsigned long released;
	unsigned long batches;
	unsigned long retained;
	unsigned long look;
	bool trimming;
	unsigned long cached;
	u64 spent_ns;
	unsigned long drain_due;
	unsigned long stale_due;
	unsigned long passed_at;
};

#endif /* SPANALLOC_PASS_STATE_H */
