/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a heap remembers of the scavenger's passes; reclaim/pass.c moves it.
 */
#ifndef SPANALLOC_PASS_STATE_H
#define SPANALLOC_PASS_STATE_H

#include <linux/types.h>

#include "heap/release.h"

/* Where a heap's sweep is; sweep.c draws it. */
enum sweep_phase {
	SWEEP_OFF,
	SWEEP_WAIT,
	SWEEP_EMPTY,
	SWEEP_SPARSE,
	SWEEP_REST,
	SWEEP_BUSY,
	SWEEP_AGE,
	SWEEP_END
};

/**
 * struct sweep - one heap's sweeps
 * @phase: what it is at
 * @from: end of the last sweep, or start of the watch
 * @release: what the phase takes
 * @released: pages released since the last sweep ended
 * @batches: in so many batches
 * @restrained: pages that were due and are still there, at most
 * @look: when to see whether some of these may go by now
 * @trimming: that is what is being done
 * @parked: pages taken out of the caches
 * @spent_ns: time taken since then
 * @drain_due: when the caches may be emptied for the sake of a soft limit
 * @stale_due: when what has not been touched in them may be taken out, for the same
 * @passed_at: when cache_pass() was last called, so that it can tell what has been cached since
 */
struct sweep {
	enum sweep_phase phase;
	unsigned long from;
	struct release release;
	unsigned long released;
	unsigned long batches;
	unsigned long restrained;
	unsigned long look;
	bool trimming;
	unsigned long parked;
	u64 spent_ns;
	unsigned long drain_due;
	unsigned long stale_due;
	unsigned long passed_at;
};

#endif /* SPANALLOC_PASS_STATE_H */
