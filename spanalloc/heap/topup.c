// SPDX-License-Identifier: GPL-2.0-only
/*
 * Top-up: making released pages of a heap idle, for its reserve and its atomic pool.
 *
 *	released --take--> moving --back--> idle	one chunk at a time
 *	  lock held	  no spinlock	   lock held
 *
 * A top-up takes released pages until the heap has as many idle pages as its reserve, or the
 * high watermark of its pool, asks for. The heap grows if it has no released pages left.
 * For the pool, one run of idle pages is then made as long as the longest request.
 *
 * Pages for the pool are allocated without reclaim and without waking kswapd, because reclaim
 * would release idle pages of heaps. If the heap has to grow for the pool, metadata and page
 * tables are allocated with reclaim.
 *
 * Lock order: reserve_lock, held by the caller; grow_lock; the heap's lock; budget_lock.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "heap/arena.h"
#include "heap/budget.h"
#include "heap/claim.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/putback.h"
#include "heap/topup.h"
#include "heap/wake.h"
#include "index/pageindex.h"
#include "vm/backing.h"

#define RESERVE_GFP	(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY)

/* No reclaim flag, and no access to the page allocator's reserves. */
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
 * @shortfall: idle pages below the target when @runs were taken
 */
struct top_up {
	bool pool;
	int node;
	struct pageindex_run runs[HOLD_FILL_RUNS];
	unsigned long addrs[HOLD_FILL_RUNS];
	unsigned int nr_runs;
	unsigned long npages;
	unsigned long fresh;
	unsigned long shortfall;
};

/* Number of idle pages to reach. */
static unsigned long topup_target_locked(const struct span_heap *heap, const struct top_up *top)
{
	lockdep_assert_held(&heap->lock);
	return top->pool ? heap->pool.high : heap->reserve;
}

/* How many more pages may be backed. The soft limit binds the pool, not the reserve. */
static unsigned long topup_room_locked(const struct span_heap *heap, bool pool)
{
	unsigned long soft_limit = READ_ONCE(heap->soft_limit);
	unsigned long max = heap->index.max_backed;

	if (pool && soft_limit)
		max = min(max, soft_limit);
	return max - min(max, heap_backed_locked(heap));
}

/* Most pages to grow by at once, when the heap has no released pages left. */
#define TOP_UP_GROWTH	ARENA_PAGES

/* Take released pages to reach the target, at most @room; returns as topup_take(). */
static int topup_take_locked(struct span_heap *heap, struct top_up *top, unsigned long *chunk,
			     unsigned long room)
{
	struct pageindex *idx = &heap->index;
	unsigned long chunks = idx->nr_blocks * PAGEINDEX_BLOCK_CHUNKS;
	unsigned long want = topup_target_locked(heap, top);
	unsigned int i, tries = HOLD_FILL_CHUNKS;

	lockdep_assert_held(&heap->lock);
	top->npages = 0;
	top->nr_runs = 0;
	if (want <= idx->nr_idle)
		return 0;
	if (!room)
		return -EDQUOT;
	top->shortfall = want - idx->nr_idle;
	if (*chunk >= chunks || !idx->nr_released)
		return -ENOSPC;
	want = min(top->shortfall, room);
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
					  node_tag(top->node));
	}
	budget_take(top->npages);
	heap->moving += top->npages;
	return top->nr_runs ? 0 : -EAGAIN;
}

/*
 * Take released pages of the first chunk from *@chunk on that has any. Returns 0, with npages
 * 0 at the target; -EAGAIN: call again; -ENOSPC: none are left; -EDQUOT: a limit is reached.
 */
static int topup_take(struct span_heap *heap, struct top_up *top, unsigned long *chunk)
{
	unsigned long flags = heap_lock(heap);
	unsigned long room = topup_room_locked(heap, top->pool);
	int ret;

	if (READ_ONCE(budget_limit)) {
		spin_lock(&budget_lock);
		ret = topup_take_locked(heap, top, chunk, min(room, budget_room_locked()));
		spin_unlock(&budget_lock);
	} else {
		ret = topup_take_locked(heap, top, chunk, room);
	}
	heap_unlock(heap, flags);
	return ret;
}

/* Back the runs taken and make them idle. Runs that cannot be backed become released. */
static int topup_back(struct span_heap *heap, struct top_up *top)
{
	enum putback_state unbacked = top->fresh == top->npages ? PUTBACK_FRESH :
								  PUTBACK_RELEASED;
	struct putback putback = { .heap = heap };
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
		putback_add(&putback, run->page, run->npages, ret ? unbacked : PUTBACK_CLEAN);
		backed += ret ? 0 : run->npages;
		zeroed += ret ? 0 : backing.zeroed;
	}
	putback_flush(&putback);
	flags = heap_lock(heap);
	heap_count_backed_locked(heap, backed, top->fresh);
	heap->count.zeroed_pages += zeroed;
	heap->count.tlb_flush_count += flushes;
	heap_unlock_and_wake(heap, flags);
	return ret;
}

static int topup_pages(struct span_heap *heap, bool pool)
{
	struct top_up top = { .pool = pool, .node = heap_home_node(heap) };
	unsigned long chunk = 0;
	int ret;

	lockdep_assert_held(&heap->reserve_lock);
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = topup_take(heap, &top, &chunk);
		if (ret == -ENOSPC) {
			/* The pool grows a chunk at a time, the reserve by what is lacking. */
			ret = arena_grow(heap, pool ? PAGEINDEX_CHUNK_PAGES :
						       clamp(top.shortfall, PAGEINDEX_CHUNK_PAGES,
							     TOP_UP_GROWTH),
					 READ_ONCE(heap->grows));
			/* The new chunks may lie below @chunk: start from the lowest again. */
			chunk = 0;
		} else if (!ret && top.npages) {
			ret = topup_back(heap, &top);
		} else if (!ret) {
			return 0;
		}
		cond_resched();
	} while (!ret || ret == -EAGAIN);
	return ret;
}

/* === One long run ======================================================= */

/* A run that the pool is making idle: @npages is 0 if no run is needed. */
struct ready_run {
	int node;
	unsigned long npages;
	unsigned long addr;
	struct pageindex_claim claim;
};

/* Length of the longest request if no idle run is that long, else 0. */
static unsigned long topup_lacking_run(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	unsigned long longest = max(heap->pool.longest[0], heap->pool.longest[1]);

	if (longest && pageindex_has_idle(&heap->index, longest))
		longest = 0;
	heap_unlock(heap, flags);
	return longest;
}

/* May all pages of a run be backed? */
static bool topup_has_room(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags = heap_lock(heap);
	bool room = topup_room_locked(heap, true) >= npages;

	heap_unlock(heap, flags);
	return room;
}

/*
 * If no idle run is as long as the longest request, take a free run of that length, backed
 * or not. Returns 0 with @run->npages 0 if there is such an idle run.
 */
static int topup_take_run(struct span_heap *heap, struct ready_run *run)
{
	struct span_request req = {
		.heap = heap,
		.npages = topup_lacking_run(heap),
		.align = 1,
		.node = run->node,
		.gfp = POOL_GFP,
	};
	unsigned long grows;

	run->npages = req.npages;
	if (!run->npages)
		return 0;
	if (!topup_has_room(heap, run->npages))
		return -EDQUOT;
	if (claim_short(&req, run->node, &run->claim, NULL, &grows)) {
		run->addr = heap_page_address(heap, run->claim.page);
		return 0;
	}
	if (run->claim.excess)
		return -EDQUOT;
	return arena_grow(heap, run->npages, grows) ?: -EAGAIN;
}

/* Put memory behind all of a run, and make it idle. */
static int topup_back_run(struct span_heap *heap, const struct ready_run *run)
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
		heap_count_backed_locked(heap, run->claim.released, run->claim.fresh);
		heap->count.zeroed_pages += backing.zeroed;
		heap->count.zero_skipped_pages += backing.skipped;
	}
	heap->count.tlb_flush_count += flushes;
	heap_unlock_and_wake(heap, flags);
	backing_end(&backing);
	return ret;
}

/* Make sure that one run of idle pages is as long as the longest request. */
static int topup_ready_run(struct span_heap *heap)
{
	struct ready_run run = { .node = heap_home_node(heap) };
	int ret;

	do {
		ret = topup_take_run(heap, &run);
	} while (ret == -EAGAIN);
	if (ret || !run.npages)
		return ret;
	return topup_back_run(heap, &run);
}

/**
 * topup_fill() - back as many idle pages as a heap's reserve or its pool asks for
 * @heap: the heap, whose reserve_lock the caller holds
 * @pool: for the pool, which also needs one run as long as its longest request; otherwise
 *	for the reserve
 *
 * Context: Process context. May sleep, and for the reserve reclaim.
 *
 * Return: 0; %-EINTR if the task is being killed, %-EDQUOT at a limit, %-ENOMEM, or %-EFAULT
 * if page tables are not as the index has them
 */
int topup_fill(struct span_heap *heap, bool pool)
{
	int ret = topup_pages(heap, pool);

	if (ret || !pool)
		return ret;
	return topup_ready_run(heap);
}
