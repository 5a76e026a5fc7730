// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserve and pool: idle pages that a heap keeps ready for callers that cannot wait.
 *
 * Both are lower bounds of the number of idle pages, which tasks that may sleep refill.
 *
 * The client sets the reserve. Releases leave it alone. An allocation that takes from it
 * refills it if its flags allow reclaim and I/O; otherwise the scavenger's thread does.
 *
 * The atomic pool exists while callers that cannot wait use the heap. Their longest request
 * sets two watermarks:
 *
 *	high  --.------.----.--	  filled up to here, and so that one run of idle pages
 *		 \    / \  /	  is as long as the longest request
 *	low   ----\--/---\/-----  below, or if a request did not find idle pages: the
 *		   \/		  scavenger is woken
 *
 * After an age without a caller that cannot wait both watermarks drop to 0, until the next
 * such call. Passes stop at the high watermark. Other releases and allocations may take
 * pages of the pool; the next request below the low watermark has it refilled.
 *
 * After a failed refill, or a release under pressure that took from the pool, the next
 * refill waits a second; after a successful refill, about 10 ms. The pages of the pool are
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

/* Bounds of the low watermark, in pages. The high watermark is twice the low one. */
#define POOL_MIN	64UL
#define POOL_MAX	512UL

/* Least time from one refill of the pool to the next, in jiffies. */
#define POOL_PERIOD	max(HZ / 100, 1)

#define RESERVE_GFP	(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY)

/* No reclaim flag, and no access to the memory reserves that are kept for reclaim. */
#define POOL_GFP	(__GFP_ZERO | __GFP_NOWARN | __GFP_NOMEMALLOC)
static_assert(!(POOL_GFP & (__GFP_RECLAIM | __GFP_HIGH)));

/**
 * struct top_up - pages of one chunk on their way from released to idle
 * @pool: the pages are for the heap's pool, not for its reserve
 * @node: node that the memory comes from
 * @runs: the pages, in runs
 * @addrs: address of each run
 * @nr_runs: number of runs
 * @npages: number of pages in all runs
 * @fresh: how many of @npages were never backed
 * @lacking: how many idle pages were missing when @runs were taken
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

/* Node that the pages shall come from; NUMA_NO_NODE only if there is just one node. */
static int top_up_node(const struct span_heap *heap)
{
	if (!IS_ENABLED(CONFIG_NUMA) || nr_online_nodes == 1)
		return NUMA_NO_NODE;
	return heap->node == NUMA_NO_NODE ? numa_mem_id() : heap->node;
}

/* Number of idle pages to reach. */
static unsigned long target_locked(const struct span_heap *heap, const struct top_up *top)
{
	lockdep_assert_held(&heap->lock);
	return top->pool ? heap->pool.high : heap->reserve;
}

/* How many more pages may be backed. The soft limit binds the pool, not the reserve. */
static unsigned long room_locked(const struct span_heap *heap, bool pool)
{
	unsigned long soft_limit = READ_ONCE(heap->soft_limit);
	unsigned long max = heap->index.max_backed;

	if (pool && soft_limit)
		max = min(max, soft_limit);
	return max - min(max, heap_backed_locked(heap));
}

/* Most pages to grow by at once, when the heap has no released pages left. */
#define TOP_UP_GROWTH	ARENA_PAGES

/* Take released pages to reach the target, at most @room; returns as top_up_take(). */
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
		/* A chunk that filled @runs may have more released pages. */
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
 * Take released pages of the first chunk from *@chunk on that has any, up to the target.
 * Returns 0 with @top->npages 0 if the target is reached, -EAGAIN to be called again.
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

/* Back the runs taken and make them idle. Runs that cannot be backed become released. */
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
			/* The pool grows a chunk at a time, the reserve by what is lacking. */
			ret = arena_grow(heap, pool ? PAGEINDEX_CHUNK_PAGES :
						       clamp(top.lacking, PAGEINDEX_CHUNK_PAGES,
							     TOP_UP_GROWTH),
					 READ_ONCE(heap->grows));
			/* The new chunks may lie below @chunk: start from the lowest again. */
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
	/* A task that holds reserve_lock may take long. The scavenger tends other heaps. */
	if (!mutex_trylock(&heap->reserve_lock))
		return POOL_PERIOD;
	ret = reserve_fill(heap);
	mutex_unlock(&heap->reserve_lock);
	return ret ? HZ : MAX_SCHEDULE_TIMEOUT;
}

/**
 * reserve_refill() - refill the reserve after an allocation that took pages from it
 * @heap: the heap
 * @gfp: flags of the allocation, which has been served
 *
 * Context: Any that @gfp allows.
 */
void reserve_refill(struct span_heap *heap, gfp_t gfp)
{
	int ret;

	/* Racy; a stale nr_idle is acceptable, because the next allocation checks again. */
	if (likely(data_race(heap->index.nr_idle >= heap->reserve)) ||
	    heap_wait_until(READ_ONCE(heap->reserve_due)))
		return;
	/* A caller in the middle of I/O must not be made to wait for I/O. */
	if ((gfp & GFP_KERNEL) != GFP_KERNEL || gfp & __GFP_NORETRY) {
		scavenger_wake(WAKE_RESERVE);
		return;
	}
	/* The holder may have counted nr_idle before this allocation: have it checked again. */
	if (!mutex_trylock(&heap->reserve_lock)) {
		scavenger_wake(WAKE_RESERVE);
		return;
	}
	ret = reserve_fill(heap);
	mutex_unlock(&heap->reserve_lock);
	/* The scavenger's thread makes the next attempt, at reserve_due. */
	if (ret)
		scavenger_wake(WAKE_IDLE);
}

/* === Pool ============================================================== */

/* Set the watermarks from the longest requests of this age and the one before. */
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
	/* No run is kept ready for aligned requests or for more than a chunk. */
	bool missed = atomic && !ready && req->align == 1 &&
		      req->npages <= PAGEINDEX_CHUNK_PAGES;
	bool wake = false;

	lockdep_assert_held(&heap->lock);
	if (atomic && req->npages > pool->longest[0]) {
		/* The pool begins to exist: wake the thread, which ends it when unused. */
		wake = !pool->low;
		if (wake)
			pool->from = heap_now();
		/* Searches for idle runs do not cross chunks, so longer ones are not kept. */
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
 * @ready: the request was served from idle pages alone
 *
 * Context: Any but NMI.
 *
 * Return: whether the caller has to wake the scavenger
 */
bool pool_note_request(struct span_heap *heap, const struct span_request *req, bool ready)
{
	unsigned long flags;
	bool wake;

	if (heap->flags & SPAN_HEAP_NO_POOL)
		return false;
	/* Read without the lock: if pool.low has just become nonzero, the next request sees it. */
	if (likely(gfpflags_allow_blocking(req->gfp) && !data_race(heap->pool.low)))
		return false;
	flags = heap_lock(heap);
	wake = pool_note_request_locked(heap, req, ready);
	heap_unlock(heap, flags);
	return wake;
}

/* Begin a new age if this one is over. Returns jiffies until the end of the current age. */
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

/* A run that the pool is making idle: @npages is 0 if no run is needed. */
struct ready_run {
	int node;
	unsigned long npages;
	unsigned long addr;
	struct pageindex_claim claim;
};

/* Length of the longest request if no idle run is that long, else 0. */
static unsigned long lacking_run(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	unsigned long longest = max(heap->pool.longest[0], heap->pool.longest[1]);

	if (longest && pageindex_has_idle(&heap->index, longest))
		longest = 0;
	heap_unlock(heap, flags);
	return longest;
}

/* May all pages of a run be backed? */
static bool has_room_for(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags = heap_lock(heap);
	bool room = room_locked(heap, true) >= npages;

	heap_unlock(heap, flags);
	return room;
}

/*
 * If no idle run is as long as the longest request, take a free run of that length, backed
 * or not. Returns 0 with @run->npages 0 if there is such an idle run.
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

/* Make sure that one run of idle pages is as long as the longest request. */
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

/* Refill the pool if it is due. Returns jiffies until the next refill. */
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
	/* Retry after any failure, also because of a limit: limits may be raised. */
	if (ret) {
		WRITE_ONCE(heap->pool_due, heap_now() + HZ);
		return HZ;
	}
	WRITE_ONCE(heap->pool_due, heap_now() + POOL_PERIOD);
	flags = heap_lock(heap);
	heap->count.pool_refill_count++;
	/* While is_short was set, requests did not wake the thread: check nr_idle again. */
	heap->pool.is_short = heap->index.nr_idle < heap->pool.low;
	wait = heap->pool.is_short ? POOL_PERIOD : MAX_SCHEDULE_TIMEOUT;
	heap_unlock(heap, flags);
	return wait;
}

/**
 * reserve_maintain() - keep the reserve and the pool of a heap full
 * @heap: the heap
 * @age: how long an unused pool is kept, in jiffies; up to twice as long
 *
 * Context: Process context. May sleep and reclaim. One caller at a time.
 *
 * Return: jiffies until the next call is due; %MAX_SCHEDULE_TIMEOUT if none is due before
 * the scavenger is woken
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
	/* With a lower high watermark, more idle pages may be released: tell the scavenger. */
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
	/* Held until @reserve is filled or reset, so that each caller gets its own result. */
	mutex_lock(&heap->reserve_lock);
	flags = heap_lock(heap);
	old = heap->reserve;
	heap->reserve = npages;
	heap_unlock_and_wake(heap, flags);
	ret = reserve_fill(heap);
	/* A failure to raise the reserve must not delay refills of the old reserve. */
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
