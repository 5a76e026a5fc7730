// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserve and pool: idle pages that a heap keeps ready for callers that cannot wait.
 *
 * Both are floors under the idle pages, and filled up by whoever may sleep.
 *
 * The reserve is what the client asked for. All releases stop at it, and an
 * allocation that takes from it fills it up again if it may, or else the scavenger.
 *
 * The pool is the heap's own forethought, and is there while it has callers that
 * cannot wait. From the longest request of such a caller follow two watermarks:
 *
 *	high  --.------.----.--	  filled up to here, and so that one run of idle pages
 *		 \    / \  /	  is as long as the longest request
 *	low   ----\--/---\/-----  below, or if a request did not find idle pages: the
 *		   \/		  scavenger is woken
 *
 * When there was no such caller for an age both are 0, until the next one comes.
 * Passes stop at the high one. Who asks for memory, or is short of it, gets the
 * pool, too; the next caller that cannot wait has it filled up again.
 *
 * After a refill that failed, or release under pressure that took from the pool, the next
 * attempt waits a second; after one that succeeded, a hundredth. The pages of the pool are
 * taken from free memory alone, without reclaim and without waking kswapd: both would begin
 * with the idle pages of heaps. Only a heap that has to grow for it allocates metadata as
 * any other caller does.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/topology.h>

#include <spanalloc/spanalloc.h>

#include "heap/arena.h"
#include "heap/budget.h"
#include "heap/claim.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/pool.h"
#include "heap/report.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/backing.h"

/* The low watermark is at least, and at most; the high one is twice as high. */
#define POOL_MIN	64UL
#define POOL_MAX	512UL

/* From one time that the pool is filled up to the next. */
#define POOL_PERIOD	max(HZ / 100, 1)

#define RESERVE_GFP	(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY)

/* No flag of reclaim, and nothing of what is kept for those who free memory. */
#define POOL_GFP	(__GFP_ZERO | __GFP_NOWARN | __GFP_NOMEMALLOC)
static_assert(!(POOL_GFP & (__GFP_RECLAIM | __GFP_HIGH)));

/**
 * struct top_up - pages of one chunk on their way from released to idle
 * @pool: they are for the heap's pool, not for its reserve
 * @node: where they come from
 * @runs: the pages
 * @addrs: where these are
 * @nr_runs: how many runs
 * @npages: how many pages
 * @fresh: how many of them were never backed
 * @lacking: how many pages were lacking before
 */
struct top_up {
	bool pool;
	int node;
	struct pageindex_run runs[HOLD_FILL_RUNS];
	unsigned long addrs[HOLD_FILL_RUNS];
	unsigned int nr_runs;
	unsigned long npages;
	unsigned long fresh;
	unsigned long lacking;
};

/**
 * reserve_init() - prepare a new heap for a reserve and a pool
 * @heap: the heap
 */
void reserve_init(struct span_heap *heap)
{
	mutex_init(&heap->reserve_lock);
	heap->reserve_due = heap_now();
	heap->pool_due = heap->reserve_due;
}

/* Where the pages shall come from; %NUMA_NO_NODE only where there is just one. */
static int top_up_node(const struct span_heap *heap)
{
	if (!IS_ENABLED(CONFIG_NUMA) || nr_online_nodes == 1)
		return NUMA_NO_NODE;
	return heap->node == NUMA_NO_NODE ? numa_mem_id() : heap->node;
}

/* Idle pages that shall be there. */
static unsigned long target_locked(const struct span_heap *heap, const struct top_up *top)
{
	lockdep_assert_held(&heap->lock);
	return top->pool ? heap->pool.high : heap->reserve;
}

/* Pages that may be backed. A soft limit is none that the reserve has to keep. */
static unsigned long room_locked(const struct span_heap *heap, bool pool)
{
	unsigned long soft_limit = READ_ONCE(heap->soft_limit);
	unsigned long max = heap->index.max_backed;

	if (pool && soft_limit)
		max = min(max, soft_limit);
	return max - min(max, heap_backed_locked(heap));
}

/* Pages to grow by at most, when the heap has none left that are released. */
#define TOP_UP_GROWTH	ARENA_PAGES

/* Take pages that are lacking, at most @room; as top_up_take(). */
static int take_lacking_locked(struct span_heap *heap, struct top_up *top, unsigned long *chunk,
			       unsigned long room)
{
	struct pageindex *idx = &heap->index;
	unsigned long chunks = idx->nr_blocks * PAGEINDEX_BLOCK_CHUNKS;
	unsigned long want = target_locked(heap, top);
	unsigned int i, tries = HOLD_FILL_CHUNKS;

	lockdep_assert_held(&heap->lock);
	top->npages = 0;
	top->nr_runs = 0;
	if (want <= idx->nr_idle)
		return 0;
	if (!room)
		return -EDQUOT;
	top->lacking = want - idx->nr_idle;
	if (*chunk >= chunks || !idx->nr_released)
		return -ENOSPC;
	want = min(top->lacking, room);
	while (tries-- && !top->nr_runs && *chunk < chunks) {
		top->nr_runs = pageindex_take_released(idx, *chunk, want, top->runs,
						       HOLD_FILL_RUNS, &top->fresh);
		/* One that gave all there was room for may have more to give. */
		if (top->nr_runs < HOLD_FILL_RUNS)
			++*chunk;
	}
	for (i = 0; i < top->nr_runs; i++) {
		top->addrs[i] = heap_page_address_locked(heap, top->runs[i].page);
		top->npages += top->runs[i].npages;
		if (top->node != NUMA_NO_NODE)
			pageindex_set_tag(idx, top->runs[i].page, top->runs[i].npages,
					  top->node + 1);
	}
	budget_take(top->npages);
	heap->moving += top->npages;
	return top->nr_runs ? 0 : -EAGAIN;
}

/*
 * Take released pages of the lowest chunk that has any, no more than are lacking.
 * Returns 0 with @top->npages 0 if none are.
 */
static int top_up_take(struct span_heap *heap, struct top_up *top, unsigned long *chunk)
{
	unsigned long flags = heap_lock(heap);
	unsigned long room = room_locked(heap, top->pool);
	int ret;

	if (READ_ONCE(budget_limit)) {
		spin_lock(&budget_lock);
		ret = take_lacking_locked(heap, top, chunk, min(room, budget_room_locked()));
		spin_unlock(&budget_lock);
	} else {
		ret = take_lacking_locked(heap, top, chunk, room);
	}
	heap_unlock(heap, flags);
	return ret;
}

/* Back what was taken and make it idle; what cannot be backed is released again. */
static int top_up_back(struct span_heap *heap, struct top_up *top)
{
	unsigned long backed = 0, zeroed = 0;
	unsigned int flushes = 0;
	unsigned long flags;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < top->nr_runs; i++) {
		const struct pageindex_run *run = &top->runs[i];
		struct backing backing = {
			.addr = top->addrs[i],
			.npages = run->npages,
			.released = run->npages,
			.node = top->node,
			.gfp = top->pool ? POOL_GFP : RESERVE_GFP,
		};

		if (!ret)
			ret = backing_provide(&backing);
		if (ret && backing.done)
			flushes += backing_drop(backing.addr, backing.done);
		flags = heap_lock(heap);
		if (ret) {
			budget_give_back(run->npages);
			pageindex_release(&heap->index, run->page, run->npages);
			if (top->fresh == top->npages)
				pageindex_unback(&heap->index, run->page, run->npages);
		} else {
			pageindex_free(&heap->index, run->page, run->npages,
				       PAGEINDEX_FREE_CLEAN);
			backed += run->npages;
			zeroed += backing.zeroed;
		}
		heap->moving -= run->npages;
		heap_unlock(heap, flags);
	}
	flags = heap_lock(heap);
	heap->count.backed_pages += backed;
	heap->count.zeroed_pages += zeroed;
	heap->count.rebacked_pages += backed - min(backed, top->fresh);
	heap->count.tlb_flush_count += flushes;
	heap_note_peak_locked(heap);
	heap_unlock_and_wake(heap, flags);
	return ret;
}

static int top_up(struct span_heap *heap, bool pool)
{
	struct top_up top = { .pool = pool, .node = top_up_node(heap) };
	unsigned long chunk = 0;
	int ret;

	lockdep_assert_held(&heap->reserve_lock);
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = top_up_take(heap, &top, &chunk);
		if (ret == -ENOSPC) {
			/* The pool is one run at most, and the reserve any number. */
			ret = arena_grow(heap, pool ? PAGEINDEX_CHUNK_PAGES :
						       clamp(top.lacking, PAGEINDEX_CHUNK_PAGES,
							     TOP_UP_GROWTH),
					 READ_ONCE(heap->grows));
			/* What has been added may lie below the last chunk looked at. */
			chunk = 0;
		} else if (!ret && top.npages) {
			ret = top_up_back(heap, &top);
		} else if (!ret) {
			return 0;
		}
		cond_resched();
	} while (!ret || ret == -EAGAIN);
	return ret;
}

static int reserve_fill(struct span_heap *heap)
{
	int ret = top_up(heap, false);

	lockdep_assert_held(&heap->reserve_lock);
	WRITE_ONCE(heap->reserve_due, heap_now() + (ret ? HZ : 0));
	return ret;
}

/* As pool_fill(), for the reserve. */
static unsigned long reserve_fill_due(struct span_heap *heap)
{
	unsigned long wait = heap_wait_until(READ_ONCE(heap->reserve_due));
	int ret;

	if (wait)
		return wait;
	/* Its holder fills the reserve, which may take long; other heaps are not to wait. */
	if (!mutex_trylock(&heap->reserve_lock))
		return POOL_PERIOD;
	ret = reserve_fill(heap);
	mutex_unlock(&heap->reserve_lock);
	return ret ? HZ : MAX_SCHEDULE_TIMEOUT;
}

/**
 * reserve_refill() - have pages replaced that an allocation took from the reserve
 * @heap: the heap
 * @gfp: how the allocation was made, which has been served
 *
 * Context: Any that @gfp allows.
 */
void reserve_refill(struct span_heap *heap, gfp_t gfp)
{
	int ret;

	/* Racy, and no harm: the next allocation looks again. */
	if (likely(data_race(heap->index.nr_idle >= heap->reserve)) ||
	    heap_wait_until(READ_ONCE(heap->reserve_due)))
		return;
	/* A caller in the middle of I/O must not be made to wait for I/O. */
	if ((gfp & GFP_KERNEL) != GFP_KERNEL || gfp & __GFP_NORETRY) {
		scavenger_wake(WAKE_RESERVE);
		return;
	}
	/* Who has it may have seen enough idle pages just before these were taken. */
	if (!mutex_trylock(&heap->reserve_lock)) {
		scavenger_wake(WAKE_RESERVE);
		return;
	}
	ret = reserve_fill(heap);
	mutex_unlock(&heap->reserve_lock);
	/* The next attempt is the scavenger's, when it is time. */
	if (ret)
		scavenger_wake(WAKE_IDLE);
}

/* === Pool ============================================================== */

/* Set the watermarks by the longest requests. */
static void set_marks_locked(struct span_heap *heap)
{
	struct pool *pool = &heap->pool;
	unsigned long longest = max(pool->longest[0], pool->longest[1]);

	lockdep_assert_held(&heap->lock);
	pool->low = 0;
	if (longest)
		pool->low = clamp(2 * longest, POOL_MIN, POOL_MAX);
	pool->high = min(2 * pool->low, heap->index.max_backed);
	pool->low = min(pool->low, pool->high);
	if (!longest)
		pool->is_short = false;
}

static bool pool_note_request_locked(struct span_heap *heap, const struct span_request *req,
				     bool ready)
{
	struct pool *pool = &heap->pool;
	bool atomic = !gfpflags_allow_blocking(req->gfp);
	/* For others there is no run that could be kept ready. */
	bool missed = atomic && !ready && req->align == 1 &&
		      req->npages <= PAGEINDEX_CHUNK_PAGES;
	bool wake = false;

	lockdep_assert_held(&heap->lock);
	if (atomic && req->npages > pool->longest[0]) {
		/* Somebody has to be there when it is not needed any more. */
		wake = !pool->low;
		if (wake)
			pool->from = heap_now();
		/* Idle pages are looked for within chunks. */
		pool->longest[0] = min(req->npages, PAGEINDEX_CHUNK_PAGES);
		set_marks_locked(heap);
	}
	if (pool->is_short || (heap->index.nr_idle >= pool->low && !missed))
		return wake;
	pool->is_short = true;
	return true;
}

/**
 * pool_note_request() - see whether the heap's pool is short for a request
 * @heap: the heap
 * @req: the request
 * @ready: it was served, from idle pages alone
 *
 * Context: Any but NMI.
 *
 * Return: whether the scavenger has to be told
 */
bool pool_note_request(struct span_heap *heap, const struct span_request *req, bool ready)
{
	unsigned long flags;
	bool wake;

	if (heap->flags & SPAN_HEAP_NO_POOL)
		return false;
	/* Unlocked: who has just begun to need a pool is the next one's to notice. */
	if (likely(gfpflags_allow_blocking(req->gfp) && !data_race(heap->pool.low)))
		return false;
	flags = heap_lock(heap);
	wake = pool_note_request_locked(heap, req, ready);
	heap_unlock(heap, flags);
	return wake;
}

/* Let ages pass. Returns jiffies until the end of this one. */
static unsigned long pool_roll_locked(struct span_heap *heap, unsigned long age)
{
	struct pool *pool = &heap->pool;
	unsigned long wait = heap_wait_until(pool->from + age);

	lockdep_assert_held(&heap->lock);
	if (!pool->low)
		return MAX_SCHEDULE_TIMEOUT;
	if (wait)
		return wait;
	pool->longest[1] = pool->longest[0];
	pool->longest[0] = 0;
	pool->from = heap_now();
	set_marks_locked(heap);
	return pool->low ? age : MAX_SCHEDULE_TIMEOUT;
}

/* A run that is to be wholly idle. */
struct ready_run {
	int node;
	unsigned long npages;
	unsigned long addr;
	struct pageindex_claim claim;
};

/* Does the pool lack a run as long as the longest request? Returns how long; 0 if not. */
static unsigned long lacking_run(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	unsigned long longest = max(heap->pool.longest[0], heap->pool.longest[1]);

	if (longest && pageindex_has_idle(&heap->index, longest))
		longest = 0;
	heap_unlock(heap, flags);
	return longest;
}

/* All of a run may have to be backed. */
static bool has_room_for(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags = heap_lock(heap);
	bool room = room_locked(heap, true) >= npages;

	heap_unlock(heap, flags);
	return room;
}

/*
 * Take the lowest free run, whatever is behind it, if the pool lacks one as long as
 * the longest request. Returns 0 with @run->npages 0 if it does not.
 */
static int take_run(struct span_heap *heap, struct ready_run *run)
{
	struct span_request req = {
		.heap = heap,
		.npages = lacking_run(heap),
		.align = 1,
		.node = run->node,
		.gfp = POOL_GFP,
	};
	unsigned long grows;

	run->npages = req.npages;
	if (!run->npages)
		return 0;
	if (!has_room_for(heap, run->npages))
		return -EDQUOT;
	if (claim_short(&req, run->node, &run->claim, NULL, &grows)) {
		run->addr = heap_page_address(heap, run->claim.page);
		return 0;
	}
	if (run->claim.released)
		return -EDQUOT;
	return arena_grow(heap, run->npages, grows) ?: -EAGAIN;
}

/* Put memory behind all of a run, and make it idle. */
static int back_run(struct span_heap *heap, const struct ready_run *run)
{
	struct backing backing = {
		.addr = run->addr,
		.npages = run->npages,
		.released = run->claim.released,
		.clean = run->claim.clean,
		.node = run->node,
		.gfp = POOL_GFP,
	};
	int ret = backing_provide(&backing);
	unsigned int flushes = ret ? backing_undo(&backing) : 0;
	unsigned long flags;

	if (ret)
		claim_undo(heap, &run->claim, &backing);
	flags = heap_lock(heap);
	if (!ret) {
		pageindex_free(&heap->index, run->claim.page, run->npages, PAGEINDEX_FREE_CLEAN);
		heap->moving -= run->npages;
		heap->count.backed_pages += run->claim.released;
		heap->count.rebacked_pages += run->claim.released - run->claim.fresh;
		heap->count.zeroed_pages += backing.zeroed;
		heap->count.zero_skipped_pages += backing.skipped;
	}
	heap->count.tlb_flush_count += flushes;
	heap_note_peak_locked(heap);
	heap_unlock_and_wake(heap, flags);
	backing_end(&backing);
	return ret;
}

/* See to a run of idle pages that is long enough for the longest request. */
static int ready_run(struct span_heap *heap)
{
	struct ready_run run = { .node = top_up_node(heap) };
	int ret;

	do {
		ret = take_run(heap, &run);
	} while (ret == -EAGAIN);
	if (ret || !run.npages)
		return ret;
	return back_run(heap, &run);
}

/* Returns jiffies until it has to be done again. */
static unsigned long pool_fill(struct span_heap *heap)
{
	unsigned long flags, wait = heap_wait_until(READ_ONCE(heap->pool_due));
	int ret;

	if (wait)
		return wait;
	if (!mutex_trylock(&heap->reserve_lock))
		return POOL_PERIOD;
	ret = top_up(heap, true) ?: ready_run(heap);
	mutex_unlock(&heap->reserve_lock);
	/* Limits, too, are in the way for a while only. */
	if (ret) {
		WRITE_ONCE(heap->pool_due, heap_now() + HZ);
		return HZ;
	}
	WRITE_ONCE(heap->pool_due, heap_now() + POOL_PERIOD);
	flags = heap_lock(heap);
	heap->count.pool_refill_count++;
	/* Who has taken from it meanwhile told nobody. */
	heap->pool.is_short = heap->index.nr_idle < heap->pool.low;
	wait = heap->pool.is_short ? POOL_PERIOD : MAX_SCHEDULE_TIMEOUT;
	heap_unlock(heap, flags);
	return wait;
}

/**
 * reserve_maintain() - keep the reserve and the pool of a heap full
 * @heap: the heap
 * @age: for how long a heap has a pool after it was last needed, in jiffies
 *
 * Context: Process context. May sleep and reclaim. One caller at a time.
 *
 * Return: jiffies until it has to be done again, %MAX_SCHEDULE_TIMEOUT for not
 * before the scavenger is woken
 */
unsigned long reserve_maintain(struct span_heap *heap, unsigned long age)
{
	bool reserve, pool;
	unsigned long flags, wait, high;

	flags = heap_lock(heap);
	high = heap->pool.high;
	wait = pool_roll_locked(heap, age);
	reserve = heap->index.nr_idle < heap->reserve;
	pool = heap->pool.is_short;
	/* Lower watermarks leave something for passes. */
	if (heap->pool.high < high)
		heap_unlock_and_wake(heap, flags);
	else
		heap_unlock(heap, flags);
	if (reserve)
		wait = min(wait, reserve_fill_due(heap));
	if (pool)
		wait = min(wait, pool_fill(heap));
	return wait;
}

/* === Interface ========================================================== */

int span_heap_reserve(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags, old;
	int ret;

	if (!heap_is_ok(heap, "span_heap_reserve", _RET_IP_))
		return -EINVAL;
	if (npages > totalram_pages()) {
		report_call("span_heap_reserve", "more pages than the machine has", _RET_IP_);
		return -EINVAL;
	}
	might_sleep();
	/* From setting it to giving it up: of two callers each is told of its own. */
	mutex_lock(&heap->reserve_lock);
	flags = heap_lock(heap);
	old = heap->reserve;
	heap->reserve = npages;
	heap_unlock_and_wake(heap, flags);
	ret = reserve_fill(heap);
	/* This was about more than there was: that is to be kept full all the same. */
	WRITE_ONCE(heap->reserve_due, heap_now());
	if (ret) {
		flags = heap_lock(heap);
		heap->reserve = min(old, npages);
		heap_unlock_and_wake(heap, flags);
	}
	mutex_unlock(&heap->reserve_lock);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(span_heap_reserve, "SPANALLOC");
