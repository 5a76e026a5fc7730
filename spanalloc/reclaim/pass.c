// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pass: releases the idle pages that a heap has not needed for an age.
 *
 *	      watched		      an age has passed
 *	OFF ------------> WAIT -----------------------------> EMPTY
 *	 ^		   ^					|
 *	 |   nothing left  |				     SPARSE
 *	 +-----------------+ a pass is over			|
 *			   |				      REST
 *			   |					|
 *			   |				      BUSY
 *			   |					|
 *			   +----------------------- END <---- AGE
 *
 * A pass releases only pages that were already idle at the pass before, and AGE marks the
 * other idle pages old. The next pass is due an age later, so that a page is released when it
 * has been idle for between one and two ages. Of the old pages a pass releases as many as the
 * heap has above recent demand (release.c), from these chunks in turn:
 *
 *	EMPTY	no page in use
 *	SPARSE	less than half of the pages in use, and not busy
 *	REST	not busy
 *	BUSY	also busy chunks: half as many pages as a chunk has, or more, were allocated
 *		in the chunk in this epoch and the one before (pageindex_recent())
 *
 * Trimming runs EMPTY to BUSY from WAIT, and returns to WAIT without AGE and END. It is due
 * each time that a bucket of remembered demand expires, for old pages that demand retained at
 * the last pass. It releases only %PAGEINDEX_DUE pages, so that pages that the last pass
 * marked old stay until the next pass.
 *
 * A pass of a heap with %SPAN_HEAP_AGE_ONLY skips EMPTY, SPARSE and REST; BUSY takes from
 * every chunk. Such a heap is not trimmed.
 *
 * A step releases at most one batch, or is all of AGE. The scavenger decides how long to
 * pause between two steps.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include <spanalloc/spanalloc.h>

#include "cache/cache.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/pass_state.h"
#include "heap/release.h"
#include "heap/span.h"
#include "index/demand.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "reclaim/pass.h"
#include "reclaim/scavenger.h"

#define CREATE_TRACE_POINTS
#include "reclaim/trace.h"

/* Sparse: at most SPARSE_PAGES in use. Busy: more than BUSY_PAGES in pageindex_recent(). */
#define SPARSE_PAGES	(PAGEINDEX_CHUNK_PAGES / 2 - 1)
#define BUSY_PAGES	(PAGEINDEX_CHUNK_PAGES / 2 - 1)

/**
 * pass_age() - how long pages of a heap are idle before they are released
 * @heap: the heap
 *
 * Return: jiffies, at least 1
 */
unsigned long pass_age(const struct span_heap *heap)
{
	unsigned int ms = heap->age_ms ? heap->age_ms : READ_ONCE(scavenge_age_ms);

	return max(msecs_to_jiffies(ms), 1UL);
}

/* Length of a bucket of demand. All buckets together are two ages long. */
static unsigned long demand_period(const struct span_heap *heap)
{
	return max(pass_age(heap) * 2 / DEMAND_BUCKETS, 1UL);
}

/**
 * pass_init() - prepare a new heap for passes
 * @heap: the heap
 */
void pass_init(struct span_heap *heap)
{
	demand_init(&heap->demand, heap_now(), demand_period(heap));
	heap->pass.drain_due = heap_now();
	heap->pass.stale_due = heap_now();
	heap->pass.passed_at = heap_now();
}

static void pass_enter_phase(struct pass *pass, enum pass_phase phase)
{
	pass->phase = phase;
	pass->release = (struct release) {
		.age = pass->trimming ? PAGEINDEX_DUE : PAGEINDEX_OLD,
		.reason = RELEASE_AGE,
		.surplus = true,
		.max_used = UINT_MAX,
		.max_recent = BUSY_PAGES,
		.node = NUMA_NO_NODE,
		.chunk = ULONG_MAX,
		.want = ULONG_MAX,
	};
	if (phase == PASS_BUSY) {
		pass->release.max_recent = UINT_MAX;
	} else if (phase == PASS_EMPTY) {
		pass->release.max_used = 0;
		pass->release.max_recent = UINT_MAX;
	} else if (phase == PASS_SPARSE) {
		pass->release.max_used = SPARSE_PAGES;
	}
}

static void pass_begin(struct span_heap *heap)
{
	struct pass *pass = &heap->pass;
	unsigned long flags;

	pass->trimming = false;
	pass->retained = 0;
	pass->cached = cache_pass(heap, !heap_wait_until(pass->passed_at + pass_age(heap)));
	pass->passed_at = heap_now();
	flags = heap_lock(heap);
	pageindex_next_epoch(&heap->index);
	heap_unlock(heap, flags);
	pass_enter_phase(pass, PASS_EMPTY);
	if (heap->flags & SPAN_HEAP_AGE_ONLY)
		pass_enter_phase(pass, PASS_BUSY);
}

/* Set when to look at the heap again: at the end of its current bucket of demand. */
static void pass_set_look_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	heap_demand_roll_locked(heap);
	heap->pass.look = demand_due(&heap->demand);
}

/* Start to trim the pages that the last pass retained, if the heap has a surplus. */
static void pass_begin_trim(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	unsigned long surplus = release_surplus_locked(heap);

	pass_set_look_locked(heap);
	heap_unlock(heap, flags);
	if (!surplus)
		return;
	heap->pass.trimming = true;
	pass_enter_phase(&heap->pass, PASS_EMPTY);
}

/* Make the idle pages of some chunks old; false if no chunk with idle pages is left. */
static bool pass_mark_old(struct span_heap *heap)
{
	struct pass *pass = &heap->pass;
	unsigned long flags = heap_lock(heap);
	unsigned int budget = HOLD_AGE_CHUNKS, steps = HOLD_AGE_STEPS;
	bool found = true;

	while (found && budget-- && steps) {
		found = pageindex_prev_idle(&heap->index, &pass->release.chunk, &steps);
		if (found)
			pass->retained += pageindex_age(&heap->index, pass->release.chunk);
	}
	heap_unlock(heap, flags);
	return found || !steps;
}

/* Returns true if no pass can release a page until another page is freed. */
static bool pass_is_settled_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	if (heap->index.nr_idle <= heap_min_idle_locked(heap))
		return true;
	if (heap->flags & SPAN_HEAP_AGE_ONLY || release_surplus_locked(heap))
		return false;
	return demand_settled(&heap->demand, heap_taken_locked(heap));
}

/*
 * Update and return `watched` after a pass: true if a later pass may find work. A CPU that caches
 * a span after cache_pages_sync() sees `watched` false, and wakes the scavenger.
 */
static bool pass_update_watched(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	WRITE_ONCE(heap->watched, !pass_is_settled_locked(heap));
	heap_unlock(heap, flags);
	if (!READ_ONCE(heap->watched) && cache_pages_sync(heap))
		WRITE_ONCE(heap->watched, true);
	return READ_ONCE(heap->watched);
}

/*
 * Old pages that recent demand kept from this pass. Does not count old pages that the reserve
 * or the pool needs because the other idle pages are too few.
 */
static unsigned long pass_retained_locked(const struct span_heap *heap)
{
	unsigned long due = min(heap->pass.retained, heap->index.nr_idle);
	unsigned long other = heap->index.nr_idle - due;
	unsigned long floor = heap_min_idle_locked(heap);

	lockdep_assert_held(&heap->lock);
	return due - min(due, floor - min(floor, other));
}

static void pass_end(struct span_heap *heap)
{
	struct pass *pass = &heap->pass;
	unsigned long period = demand_period(heap);
	unsigned long idle, taken, keep;
	unsigned long flags = heap_lock(heap);

	pass->retained = pass_retained_locked(heap);
	heap->count.pass_count++;
	heap->count.retained_pages += pass->retained;
	if (heap->demand.period != period) {
		heap_demand_roll_locked(heap);
		demand_set_period(&heap->demand, heap_now(), period);
	}
	pass_set_look_locked(heap);
	idle = heap->index.nr_idle;
	taken = heap_taken_locked(heap);
	keep = demand_keep(&heap->demand);
	heap_unlock(heap, flags);
	trace_spanalloc_pass(heap, idle, taken, keep);
	pass->released = 0;
	pass->batches = 0;
	pass->spent_ns = 0;
	pass->from = heap_now();
	pass->phase = pass_update_watched(heap) ? PASS_WAIT : PASS_OFF;
}

/* Release one batch, or enter the next phase. */
static void pass_advance(struct span_heap *heap)
{
	struct pass *pass = &heap->pass;
	unsigned long npages;

	if (pass->phase == PASS_END) {
		pass_end(heap);
		return;
	}
	if (pass->phase == PASS_AGE) {
		while (pass_mark_old(heap))
			cond_resched();
		pass->phase = PASS_END;
		return;
	}
	npages = release_step(heap, &pass->release);
	pass->released += npages;
	pass->batches += !!npages;
	if (pass->trimming)
		pass->retained -= min(pass->retained, npages);
	if (npages)
		return;
	pass_enter_phase(pass, pass->phase + 1);
	if (pass->trimming && pass->phase == PASS_AGE)
		pass->phase = PASS_WAIT;
}

/* When to look at a heap whose next pass is due at @pass: then, or earlier to trim it. */
static unsigned long pass_next_look(const struct span_heap *heap, unsigned long pass)
{
	if (!heap->pass.retained || heap->flags & SPAN_HEAP_AGE_ONLY ||
	    time_after(heap->pass.look, pass))
		return pass;
	return heap->pass.look;
}

/**
 * pass_step() - do one step of a heap's pass, if one is due
 * @heap: the heap
 *
 * Context: Process context, scavenger_lock held. May sleep; allocates nothing.
 *
 * Return: jiffies until the next step is due; 0 if it is due at once,
 * %MAX_SCHEDULE_TIMEOUT if no step is due before a page is freed
 */
unsigned long pass_step(struct span_heap *heap)
{
	struct pass *pass = &heap->pass;
	unsigned long due;

	if (pass->phase == PASS_OFF) {
		if (!READ_ONCE(heap->watched))
			return MAX_SCHEDULE_TIMEOUT;
		pass->phase = PASS_WAIT;
		pass->from = heap_now();
		pass->retained = 0;
	}
	if (pass->phase != PASS_WAIT) {
		pass_advance(heap);
		return 0;
	}
	due = pass->from + pass_age(heap);
	if (!heap_wait_until(due)) {
		pass_begin(heap);
		return 0;
	}
	if (!heap_wait_until(pass_next_look(heap, due)))
		pass_begin_trim(heap);
	return pass->phase == PASS_WAIT ? heap_wait_until(pass_next_look(heap, due)) : 0;
}
