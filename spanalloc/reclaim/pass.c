// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweep: gives back what a heap has not needed for an age.
 *
 *	      watched		      an age has passed
 *	OFF ------------> WAIT -----------------------------> EMPTY
 *	 ^		   ^					|
 *	 |   nothing left  |				     SPARSE
 *	 +-----------------+ a sweep is over			|
 *			   |				      REST
 *			   |					|
 *			   |				      BUSY
 *			   |					|
 *			   +----------------------- END <---- AGE
 *
 * A sweep takes pages only that were idle at the one before, and makes the
 * others old at its end. The next is due an age after that, so that a page goes
 * when it has been idle for between one and two ages. Of the old pages it takes
 * as many as the heap has above what recent demand says (release.c): first from
 * chunks that are wholly free, then from those that are less than half in use,
 * so that they become wholly free, then from the rest, and last from those that have
 * been half allocated anew since the sweep before last.
 * Old pages that stay are looked at again each time that demand is remembered for
 * a stretch less, without making others old: they are trimmed, not swept. From
 * those that this sweep has made old they are told apart by the 64 (page index).
 * A heap that goes by age alone has just the phase BUSY, which takes from every chunk.
 *
 * Each step is one batch: the scavenger decides how much time there is between two.
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

/* A chunk is sparse with fewer pages in use, and busy with more allocated lately. */
#define SPARSE_PAGES	(PAGEINDEX_CHUNK_PAGES / 2 - 1)
#define BUSY_PAGES	(PAGEINDEX_CHUNK_PAGES / 2 - 1)

/**
 * sweep_age() - how long pages of a heap are idle before they are given back
 * @heap: the heap
 *
 * Return: jiffies, at least 1
 */
unsigned long sweep_age(const struct span_heap *heap)
{
	unsigned int ms = heap->age_ms ? heap->age_ms : READ_ONCE(scavenge_age_ms);

	return max(msecs_to_jiffies(ms), 1UL);
}

/* The buckets together are two ages long. */
static unsigned long demand_period(const struct span_heap *heap)
{
	return max(sweep_age(heap) * 2 / DEMAND_BUCKETS, 1UL);
}

/**
 * sweep_init() - prepare a new heap for sweeps
 * @heap: the heap
 */
void sweep_init(struct span_heap *heap)
{
	demand_init(&heap->demand, heap_now(), demand_period(heap));
	heap->sweep.drain_due = heap_now();
	heap->sweep.stale_due = heap_now();
	heap->sweep.passed_at = heap_now();
}

static void enter_phase(struct sweep *sweep, enum sweep_phase phase)
{
	sweep->phase = phase;
	sweep->release = (struct release) {
		.age = sweep->trimming ? PAGEINDEX_DUE : PAGEINDEX_OLD,
		.reason = RELEASE_AGE,
		.surplus = true,
		.max_used = UINT_MAX,
		.max_recent = BUSY_PAGES,
		.node = NUMA_NO_NODE,
		.chunk = ULONG_MAX,
		.want = ULONG_MAX,
	};
	if (phase == SWEEP_BUSY) {
		sweep->release.max_recent = UINT_MAX;
	} else if (phase == SWEEP_EMPTY) {
		sweep->release.max_used = 0;
		sweep->release.max_recent = UINT_MAX;
	} else if (phase == SWEEP_SPARSE) {
		sweep->release.max_used = SPARSE_PAGES;
	}
}

static void begin(struct span_heap *heap)
{
	struct sweep *sweep = &heap->sweep;
	unsigned long flags;

	sweep->trimming = false;
	sweep->restrained = 0;
	sweep->parked = cache_pass(heap, !heap_wait_until(sweep->passed_at + sweep_age(heap)));
	sweep->passed_at = heap_now();
	flags = heap_lock(heap);
	pageindex_next_epoch(&heap->index);
	heap_unlock(heap, flags);
	enter_phase(sweep, SWEEP_EMPTY);
	if (heap->flags & SPAN_HEAP_AGE_ONLY)
		enter_phase(sweep, SWEEP_BUSY);
}

/* Each time that there is less to remember. It may be somebody else who notes that first. */
static void set_look_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	heap_demand_roll_locked(heap);
	heap->sweep.look = demand_due(&heap->demand);
}

/* Go over what has stayed, if there is a surplus now. */
static void begin_trim(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	unsigned long surplus = heap_surplus_locked(heap);

	set_look_locked(heap);
	heap_unlock(heap, flags);
	if (!surplus)
		return;
	heap->sweep.trimming = true;
	enter_phase(&heap->sweep, SWEEP_EMPTY);
}

/* Make some of the idle pages old; false if there are no more. */
static bool age_some(struct span_heap *heap)
{
	struct sweep *sweep = &heap->sweep;
	unsigned long flags = heap_lock(heap);
	unsigned int budget = HOLD_AGE_CHUNKS, steps = HOLD_AGE_STEPS;
	bool found = true;

	while (found && budget-- && steps) {
		found = pageindex_prev_idle(&heap->index, &sweep->release.chunk, &steps);
		if (found)
			sweep->restrained += pageindex_age(&heap->index, sweep->release.chunk);
	}
	heap_unlock(heap, flags);
	return found || !steps;
}

/* Time alone changes nothing any more; until somebody frees a page there is nothing to do. */
static bool is_settled_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	if (heap->index.nr_idle <= heap_floor_locked(heap))
		return true;
	if (heap->flags & SPAN_HEAP_AGE_ONLY || heap_surplus_locked(heap))
		return false;
	return demand_settled(&heap->demand, heap_taken_locked(heap));
}

/*
 * After a sweep: is there anything to come back for? A page that is parked
 * after the caches have been looked at finds the heap not watched, and says so.
 */
static bool still_watched(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	WRITE_ONCE(heap->watched, !is_settled_locked(heap));
	heap_unlock(heap, flags);
	if (!READ_ONCE(heap->watched) && cache_pages(heap))
		WRITE_ONCE(heap->watched, true);
	return READ_ONCE(heap->watched);
}

/*
 * Due pages that could have gone. What has to stay in any case is not left by restraint,
 * but pages that are not due count towards that first.
 */
static unsigned long restrained_locked(const struct span_heap *heap)
{
	unsigned long due = min(heap->sweep.restrained, heap->index.nr_idle);
	unsigned long other = heap->index.nr_idle - due;
	unsigned long floor = heap_floor_locked(heap);

	lockdep_assert_held(&heap->lock);
	return due - min(due, floor - min(floor, other));
}

static void end(struct span_heap *heap)
{
	struct sweep *sweep = &heap->sweep;
	unsigned long period = demand_period(heap);
	unsigned long idle, taken, keep;
	unsigned long flags = heap_lock(heap);

	sweep->restrained = restrained_locked(heap);
	heap->count.sweep_count++;
	heap->count.restrained_pages += sweep->restrained;
	if (heap->demand.period != period) {
		heap_demand_roll_locked(heap);
		demand_set_period(&heap->demand, heap_now(), period);
	}
	set_look_locked(heap);
	idle = heap->index.nr_idle;
	taken = heap_taken_locked(heap);
	keep = demand_keep(&heap->demand);
	heap_unlock(heap, flags);
	trace_spanalloc_sweep(heap, idle, taken, keep);
	sweep->released = 0;
	sweep->batches = 0;
	sweep->spent_ns = 0;
	sweep->from = heap_now();
	sweep->phase = still_watched(heap) ? SWEEP_WAIT : SWEEP_OFF;
}

/* One batch, or the next phase. */
static void go_on(struct span_heap *heap)
{
	struct sweep *sweep = &heap->sweep;
	unsigned long npages;

	if (sweep->phase == SWEEP_END) {
		end(heap);
		return;
	}
	if (sweep->phase == SWEEP_AGE) {
		while (age_some(heap))
			cond_resched();
		sweep->phase = SWEEP_END;
		return;
	}
	npages = release_step(heap, &sweep->release);
	sweep->released += npages;
	sweep->batches += !!npages;
	if (sweep->trimming)
		sweep->restrained -= min(sweep->restrained, npages);
	if (npages)
		return;
	enter_phase(sweep, sweep->phase + 1);
	if (sweep->trimming && sweep->phase == SWEEP_AGE)
		sweep->phase = SWEEP_WAIT;
}

/* When to look at a heap whose next sweep is due at @sweep. */
static unsigned long next_look(const struct span_heap *heap, unsigned long sweep)
{
	if (!heap->sweep.restrained || heap->flags & SPAN_HEAP_AGE_ONLY ||
	    time_after(heap->sweep.look, sweep))
		return sweep;
	return heap->sweep.look;
}

/**
 * sweep_step() - do a part of what is due on a heap
 * @heap: the heap
 *
 * Context: Process context, the scavenger's lock held. May sleep; allocates nothing.
 *
 * Return: jiffies until more is due; 0 if it is at once, %MAX_SCHEDULE_TIMEOUT if
 * nothing is before somebody frees a page
 */
unsigned long sweep_step(struct span_heap *heap)
{
	struct sweep *sweep = &heap->sweep;
	unsigned long due;

	if (sweep->phase == SWEEP_OFF) {
		if (!READ_ONCE(heap->watched))
			return MAX_SCHEDULE_TIMEOUT;
		sweep->phase = SWEEP_WAIT;
		sweep->from = heap_now();
		sweep->restrained = 0;
	}
	if (sweep->phase != SWEEP_WAIT) {
		go_on(heap);
		return 0;
	}
	due = sweep->from + sweep_age(heap);
	if (!heap_wait_until(due)) {
		begin(heap);
		return 0;
	}
	if (!heap_wait_until(next_look(heap, due)))
		begin_trim(heap);
	return sweep->phase == SWEEP_WAIT ? heap_wait_until(next_look(heap, due)) : 0;
}
