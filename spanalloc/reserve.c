// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserve and stock: idle pages that a heap keeps ready for callers that cannot wait.
 *
 * Both are floors under the idle pages, and filled up by whoever may sleep.
 *
 * The reserve is what the client asked for. All releases stop at it, and an
 * allocation that takes from it fills it up again if it may, or else the scavenger.
 *
 * The stock is the heap's own forethought, and is there while it has callers that
 * cannot wait. From the longest request of such a caller follow two watermarks:
 *
 *	high  --.------.----.--	  filled up to here, and so that one run of idle pages
 *		 \    / \  /	  is as long as the longest request
 *	low   ----\--/---\/-----  below, or if a request did not find idle pages: the
 *		   \/		  scavenger is woken
 *
 * When there was no such caller for an age both are 0, until the next one comes.
 * Sweeps stop at the high one. Who asks for memory, or is short of it, gets the
 * stock, too; the next caller that cannot wait has it filled up again.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/topology.h>

#include "internal.h"

#define TOP_UP_RUNS	16

/* The low watermark is at least, and at most; the high one is twice as high. */
#define STOCK_MIN	64UL
#define STOCK_MAX	512UL

#define TOP_UP_GFP	(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY)

/**
 * struct top_up - pages of one chunk on their way from released to idle
 * @stock: they are for the heap's stock, not for its reserve
 * @node: where they come from
 * @runs: the pages
 * @addrs: where these are
 * @nr_runs: how many runs
 * @npages: how many pages
 * @fresh: how many of them were never backed
 */
struct top_up {
	bool stock;
	int node;
	struct pageindex_run runs[TOP_UP_RUNS];
	unsigned long addrs[TOP_UP_RUNS];
	unsigned int nr_runs;
	unsigned long npages;
	unsigned long fresh;
};

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
	return top->stock ? heap->stock.high : heap->reserve;
}

/* Pages that may be backed. A soft limit is none that the reserve has to keep. */
static unsigned long room_locked(const struct span_heap *heap, const struct top_up *top)
{
	const struct pageindex *idx = &heap->index;
	unsigned long max = idx->max_backed;

	lockdep_assert_held(&heap->lock);
	if (top->stock && heap->soft_limit)
		max = min(max, READ_ONCE(heap->soft_limit));
	return max - min(max, idx->nr_pages - idx->nr_released);
}

/*
 * Take released pages of the lowest chunk that has any, no more than are lacking.
 * Returns 0 with @top->npages 0 if none are.
 */
static int top_up_take(struct span_heap *heap, struct top_up *top, unsigned long *chunk)
{
	struct pageindex *idx = &heap->index;
	unsigned long chunks, want, room, flags;
	unsigned int i, tries = 16;
	int ret = 0;

	top->npages = 0;
	top->nr_runs = 0;
	flags = heap_lock(heap);
	chunks = idx->nr_blocks * PAGEINDEX_BLOCK_CHUNKS;
	want = target_locked(heap, top);
	want -= min(want, idx->nr_idle);
	room = room_locked(heap, top);
	if (want && !room)
		ret = -EDQUOT;
	else if (want && *chunk >= chunks)
		ret = -ENOSPC;
	want = min(want, room);
	room = total_reserve(want);
	if (want && !room)
		ret = -EDQUOT;
	want = room;
	while (want && tries-- && !top->nr_runs && *chunk < chunks) {
		top->nr_runs = pageindex_take_released(idx, *chunk, want, top->runs,
						       TOP_UP_RUNS, &top->fresh);
		/* One that gave all there was room for may have more to give. */
		if (top->nr_runs < TOP_UP_RUNS)
			++*chunk;
	}
	for (i = 0; i < top->nr_runs; i++) {
		top->addrs[i] = heap_page_address_locked(heap, top->runs[i].page);
		top->npages += top->runs[i].npages;
		if (top->node != NUMA_NO_NODE)
			pageindex_set_tag(idx, top->runs[i].page, top->runs[i].npages,
					  top->node + 1);
	}
	if (want && !ret && !top->nr_runs)
		ret = -EAGAIN;
	total_give_back(room - top->npages);
	heap->moving += top->npages;
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
	bool news;

	for (i = 0; i < top->nr_runs; i++) {
		const struct pageindex_run *run = &top->runs[i];
		struct backing backing = {
			.addr = top->addrs[i],
			.npages = run->npages,
			.released = run->npages,
			.node = top->node,
			.gfp = TOP_UP_GFP,
		};

		if (!ret)
			ret = backing_provide(&backing);
		if (ret && backing.done)
			flushes += backing_drop(backing.addr, backing.done);
		flags = heap_lock(heap);
		if (ret) {
			total_give_back(run->npages);
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
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	return ret;
}

static int top_up(struct span_heap *heap, bool stock)
{
	struct top_up top = { .stock = stock, .node = top_up_node(heap) };
	unsigned long chunk = 0;
	int ret;

	lockdep_assert_held(&heap->reserve_lock);
	do {
		ret = top_up_take(heap, &top, &chunk);
		if (ret == -ENOSPC) {
			ret = arena_grow(heap, PAGEINDEX_CHUNK_PAGES, READ_ONCE(heap->grows));
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

/**
 * heap_top_up() - back idle pages until the heap's reserve is there
 * @heap: the heap
 *
 * Context: Process context. May sleep and reclaim.
 *
 * Return: 0, %-EDQUOT if the heap's limit is in the way, or %-ENOMEM
 */
int heap_top_up(struct span_heap *heap)
{
	int ret;

	mutex_lock(&heap->reserve_lock);
	ret = top_up(heap, false);
	mutex_unlock(&heap->reserve_lock);
	return ret;
}

/**
 * heap_try_top_up() - as heap_top_up(), unless somebody is at it already
 * @heap: the heap
 *
 * Context: Process context. May sleep and reclaim.
 */
void heap_try_top_up(struct span_heap *heap)
{
	if (!mutex_trylock(&heap->reserve_lock))
		return;
	top_up(heap, false);
	mutex_unlock(&heap->reserve_lock);
}

/* === Stock ============================================================== */

/* Set the watermarks by the longest requests. */
static void set_marks_locked(struct span_heap *heap)
{
	struct stock *stock = &heap->stock;
	unsigned long longest = max(stock->longest[0], stock->longest[1]);

	lockdep_assert_held(&heap->lock);
	stock->low = 0;
	if (longest)
		stock->low = clamp(2 * longest, STOCK_MIN, STOCK_MAX);
	stock->high = min(2 * stock->low, heap->index.max_backed);
	stock->low = min(stock->low, stock->high);
	if (!longest)
		stock->is_short = false;
}

/**
 * heap_mind_stock_locked() - see whether a request is news for the heap's stock
 * @heap: the heap
 * @req: the request
 * @ready: it was served, from idle pages alone
 *
 * Context: Under the heap's lock.
 *
 * Return: whether the scavenger has to be told
 */
bool heap_mind_stock_locked(struct span_heap *heap, const struct span_request *req,
			    bool ready)
{
	struct stock *stock = &heap->stock;
	bool atomic = !gfpflags_allow_blocking(req->gfp);
	/* For others there is no run that could be kept ready. */
	bool missed = atomic && !ready && req->align == 1 &&
		      req->npages <= PAGEINDEX_CHUNK_PAGES;
	bool news = false;

	lockdep_assert_held(&heap->lock);
	if (likely(!atomic && !stock->low) || heap->flags & SPAN_HEAP_NO_STOCK)
		return false;
	if (atomic && req->npages > stock->longest[0]) {
		/* Somebody has to be there when it is not needed any more. */
		news = !stock->low;
		if (news)
			stock->from = heap_now();
		/* Idle pages are looked for within chunks. */
		stock->longest[0] = min(req->npages, PAGEINDEX_CHUNK_PAGES);
		set_marks_locked(heap);
	}
	if (stock->is_short || (heap->index.nr_idle >= stock->low && !missed))
		return news;
	stock->is_short = true;
	return true;
}

/* Let ages pass. Returns jiffies until the end of this one. */
static unsigned long roll_stock_locked(struct span_heap *heap, unsigned long age)
{
	struct stock *stock = &heap->stock;
	unsigned long now = heap_now();

	lockdep_assert_held(&heap->lock);
	if (!stock->low)
		return MAX_SCHEDULE_TIMEOUT;
	if (time_before(now, stock->from + age))
		return stock->from + age - now;
	stock->longest[1] = stock->longest[0];
	stock->longest[0] = 0;
	stock->from = now;
	set_marks_locked(heap);
	return stock->low ? age : MAX_SCHEDULE_TIMEOUT;
}

/* A run that is to be wholly idle. */
struct ready_run {
	int node;
	unsigned long npages;
	unsigned long addr;
	struct pageindex_claim claim;
};

/* Does the stock lack a run as long as the longest request? */
static bool lacks_run(struct span_heap *heap, struct ready_run *run)
{
	unsigned long flags = heap_lock(heap);
	bool lacks;

	run->npages = max(heap->stock.longest[0], heap->stock.longest[1]);
	lacks = run->npages && !pageindex_has_idle(&heap->index, run->npages);
	heap_unlock(heap, flags);
	return lacks;
}

/* Take the lowest free run, whatever is behind it. */
static int take_run(struct span_heap *heap, struct ready_run *run)
{
	const struct span_request req = {
		.heap = heap,
		.npages = run->npages,
		.align = 1,
		.gfp = TOP_UP_GFP,
	};
	unsigned long flags, grows;
	bool found;

	flags = heap_lock(heap);
	grows = heap->grows;
	run->claim.released = 0;
	found = heap_find_locked(&req, NUMA_NO_NODE, &run->claim);
	if (found) {
		run->addr = heap_page_address_locked(heap, run->claim.page);
		heap->moving += run->npages;
		if (run->claim.released && run->node != NUMA_NO_NODE)
			pageindex_set_tag(&heap->index, run->claim.page, run->npages,
					  run->node + 1);
	}
	heap_unlock(heap, flags);
	if (found)
		return 0;
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
		.gfp = TOP_UP_GFP,
	};
	int ret = backing_provide(&backing);
	unsigned int flushes = ret ? backing_undo(&backing) : 0;
	unsigned long flags;
	bool news;

	flags = heap_lock(heap);
	if (ret) {
		heap_unclaim_locked(heap, &run->claim, &backing);
	} else {
		pageindex_free(&heap->index, run->claim.page, run->npages, PAGEINDEX_FREE_CLEAN);
		heap->count.backed_pages += run->claim.released;
		heap->count.rebacked_pages += run->claim.released - run->claim.fresh;
		heap->count.zeroed_pages += backing.zeroed;
		heap->count.zero_skipped_pages += backing.skipped;
	}
	heap->moving -= run->npages;
	heap->count.tlb_flush_count += flushes;
	heap_note_peak_locked(heap);
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	backing_end(&backing);
	return ret;
}

/* See to a run of idle pages that is long enough for the longest request. */
static int ready_run(struct span_heap *heap)
{
	struct ready_run run = { .node = top_up_node(heap) };
	int ret;

	/* Two holds of the lock: what others do in between makes it needless at worst. */
	if (!lacks_run(heap, &run))
		return 0;
	do {
		ret = take_run(heap, &run);
	} while (ret == -EAGAIN);
	return ret ?: back_run(heap, &run);
}

static int fill_stock(struct span_heap *heap)
{
	unsigned long flags;
	int ret;

	mutex_lock(&heap->reserve_lock);
	ret = top_up(heap, true) ?: ready_run(heap);
	mutex_unlock(&heap->reserve_lock);
	if (ret)
		return ret;
	flags = heap_lock(heap);
	heap->count.atomic_refill_count++;
	heap->stock.is_short = false;
	heap_unlock(heap, flags);
	return 0;
}

/**
 * heap_mind_reserve() - keep the reserve and the stock of a heap full
 * @heap: the heap
 * @age: for how long a heap has a stock after it was last needed, in jiffies
 *
 * Context: Process context. May sleep and reclaim. One caller at a time.
 *
 * Return: jiffies until it has to be done again, %MAX_SCHEDULE_TIMEOUT for not
 * before there is news
 */
unsigned long heap_mind_reserve(struct span_heap *heap, unsigned long age)
{
	bool reserve, stock, news = false;
	unsigned long flags, wait, high;

	flags = heap_lock(heap);
	high = heap->stock.high;
	wait = roll_stock_locked(heap, age);
	reserve = heap->index.nr_idle < heap->reserve;
	stock = heap->stock.is_short;
	/* Lower watermarks leave something for sweeps. */
	if (heap->stock.high < high)
		news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	if (reserve && heap_top_up(heap) == -ENOMEM)
		wait = min_t(unsigned long, wait, HZ);
	/* Limits, too, are in the way for a while only: the stock is not for ever. */
	if (stock && fill_stock(heap))
		wait = min_t(unsigned long, wait, HZ);
	return wait;
}

/* === Interface ========================================================== */

int span_heap_reserve(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags, old;
	bool news;
	int ret;

	if (!heap_is_ok(heap, "span_heap_reserve", _RET_IP_) || npages > totalram_pages())
		return -EINVAL;
	might_sleep();
	flags = heap_lock(heap);
	old = heap->reserve;
	heap->reserve = npages;
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	ret = heap_top_up(heap);
	if (ret) {
		flags = heap_lock(heap);
		heap->reserve = min(old, npages);
		news = heap_watch_locked(heap);
		heap_unlock(heap, flags);
		heap_watch(heap, news);
	}
	return ret;
}
EXPORT_SYMBOL_NS_GPL(span_heap_reserve, "SPANALLOC");
