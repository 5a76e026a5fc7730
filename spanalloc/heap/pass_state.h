/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State of the scavenger's passes over one heap. Only pass.c, scavenger.c and trace.h of
 * reclaim/ use it, under scavenger_lock; it is declared here because struct span_heap embeds it.
 */
#ifndef SPANALLOC_PASS_STATE_H
#define SPANALLOC_PASS_STATE_H

#include <linux/types.h>

#include "heap/release.h"

/* Phase of a heap's pass; see the picture in pass.c. */
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
 * @phase: current phase
 * @from: end of the last pass, or when the heap became watched
 * @release: which pages the current phase takes
 * @released: pages released since the last pass ended
 * @batches: number of batches that @released pages went in
 * @retained: upper bound of the old pages that recent demand kept from release
 * @look: when to check whether demand still covers @retained
 * @trimming: the phases only look at retained pages, and make no pages old
 * @cached: pages taken out of the caches at the start of this pass
 * @spent_ns: time that the scavenger has spent on the heap since the last pass ended
 * @drain_due: when the caches may next be emptied because of a soft limit
 * @stale_due: when unused spans may next be taken out of the caches because of a soft limit
 * @passed_at: when cache_pass() was last called; it takes what was not used since then
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
