// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap: spans from the page index, and back to it.
 *
 * An allocation goes through these steps, each undone if a later one fails:
 *
 *	descriptor	from its slab
 *	claim		lowest run of free pages, under the heap's lock (claim.c)
 *	backing		memory for released pages; clearing
 *	enter		map entries; alloc.c publishes the span
 *
 * The lock is held for the claim and the counters alone. From then on the run
 * belongs to the caller, so that backing and publishing need no lock.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sort.h>

#include <spanalloc/spanalloc.h>

#include "heap/claim.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/pool.h"
#include "heap/release.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/demand.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/backing.h"
#include "vm/vm.h"

/* Most pages that one allocation releases if the heap is above its soft limit. */
#define ASSIST_PAGES	64UL

unsigned long (*heap_clock)(void);

/* === Allocating ========================================================= */

/* Count the pages of a claim that were replaced for their node, and tag the new node. */
static void count_replaced_locked(struct span_heap *heap, const struct pageindex_claim *claim,
				  const struct backing *backing)
{
	lockdep_assert_held(&heap->lock);
	if (!backing->replaced)
		return;
	pageindex_set_tag(&heap->index, claim->page, backing->npages, backing->node + 1);
	heap->count.released_node_pages += backing->replaced;
	heap->count.backed_pages += backing->replaced;
	heap->count.rebacked_pages += backing->replaced;
	heap->count.tlb_flush_count += backing->flushes;
}

/*
 * Undo a claim whose backing failed. What was provided goes back to the system
 * where that is possible; in atomic context, where no TLB can be flushed, it
 * stays as idle pages.
 */
static void unclaim(const struct span_request *req, const struct pageindex_claim *claim,
		    struct backing *backing)
{
	struct span_heap *heap = req->heap;
	unsigned int flushes = 0;
	unsigned long flags;

	if (gfpflags_allow_blocking(req->gfp))
		flushes = backing_undo(backing);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	count_replaced_locked(heap, claim, backing);
	heap->in_use[req->kind] -= req->npages;
	heap->moving += req->npages;
	heap->spans--;
	heap->count.alloc_count--;
	heap->count.tlb_flush_count += flushes;
	heap_note_peak_locked(heap);
	heap_unlock(heap, flags);
	claim_undo(heap, claim, backing);
}

static void count_backing(struct span_heap *heap, const struct pageindex_claim *claim,
			  const struct backing *backing)
{
	unsigned long flags = heap_lock(heap);

	count_replaced_locked(heap, claim, backing);
	heap->count.backed_pages += claim->released;
	heap->count.rebacked_pages += claim->released - claim->fresh;
	heap->count.refault_pages += claim->refault;
	heap->count.refault_count += !!claim->refault;
	heap->count.zeroed_pages += backing->zeroed;
	heap->count.zero_skipped_pages += backing->skipped;
	heap_note_peak_locked(heap);
	heap_unlock(heap, flags);
}

/* Put memory behind a claim; false after undoing it. */
static bool back(const struct span_request *req, int node, const struct pageindex_claim *claim,
		 struct span *span, struct page_stash *stash)
{
	struct span_heap *heap = req->heap;
	struct backing backing = {
		.addr = span->base,
		.npages = req->npages,
		.released = claim->released,
		.clean = claim->clean,
		.node = claim_backing_node(req, node),
		.gfp = req->gfp,
		.stash = stash,
	};
	int ret;

	if (want_init_on_alloc(req->gfp))
		backing.gfp |= __GFP_ZERO;
	if (req->gfp & __GFP_THISNODE && node != NUMA_NO_NODE)
		span->node = node;
	ret = backing_provide(&backing);
	if (ret)
		unclaim(req, claim, &backing);
	backing_end(&backing);
	if (!ret && (claim->released || backing.replaced || backing.zeroed || backing.skipped))
		count_backing(heap, claim, &backing);
	return !ret;
}

/* Above the soft limit: release up to ASSIST_PAGES, and have the scavenger do the rest. */
static void mind_soft_limit(const struct span_request *req)
{
	struct span_heap *heap = req->heap;
	unsigned long flags, excess, idle;

	if (likely(!READ_ONCE(heap->soft_limit)))
		return;
	flags = heap_lock(heap);
	excess = heap_excess_locked(heap);
	idle = heap->index.nr_idle;
	heap_unlock(heap, flags);
	/* A CPU that caches a span of an unwatched heap sets @watched: there may be some. */
	if (!excess || (!idle && !READ_ONCE(heap->watched)))
		return;
	scavenger_wake(WAKE_IDLE);
	if (idle && gfpflags_allow_blocking(req->gfp))
		heap_release(heap, min(excess, ASSIST_PAGES), RELEASE_LIMIT);
}

/*
 * The node of a span's first page, for chunks with memory of several nodes. A cache needs
 * one node for each span.
 */
static int node_of(unsigned long addr)
{
	struct page *page;

	return vm_pages(addr, &page, 1) ? page_to_nid(page) : NUMA_NO_NODE;
}

/**
 * heap_alloc() - allocate a span from the page index
 * @req: what is asked for; has been checked
 * @failure: on failure, why; the caller counts it
 *
 * Context: Any that the request's flags allow.
 *
 * Return: a dead span, entered in the map and with memory behind it, or NULL
 */
struct span *heap_alloc(const struct span_request *req, enum alloc_failure *failure)
{
	struct page_stash stash = { .pages = LIST_HEAD_INIT(stash.pages) };
	struct span_heap *heap = req->heap;
	struct span *span = span_new(req->gfp);
	struct pageindex_claim taken;
	int node = claim_node(req);

	*failure = ALLOC_NO_METADATA;
	if (!span)
		return NULL;
	*failure = claim_run(req, node, &taken, span, &stash);
	if (!*failure && !back(req, node, &taken, span, &stash))
		*failure = ALLOC_NO_BACKING;
	if (unlikely(stash.missing || stash.nr))
		backing_unstash(&stash);
	if (*failure) {
		span_delete(span);
		return NULL;
	}
	if (unlikely(node != NUMA_NO_NODE && span->node == NUMA_NO_NODE))
		span->node = node_of(span->base);
	span->npages = req->npages;
	span->heap = heap;
	span->charged = NULL;
	span_enter(span, span->base, req->npages);
	reserve_refill(heap, req->gfp);
	if (taken.released)
		mind_soft_limit(req);
	return span;
}

/* === Freeing, walking ================================================== */

/**
 * heap_free() - give the pages and the descriptor of a dead span back
 * @heap: the heap
 * @span: the span, which has died
 * @kind: what it was for
 *
 * A long one is given back in pieces, with the lock dropped in between.
 *
 * Context: Any but NMI.
 */
void heap_free(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	unsigned int clean = want_init_on_free() ? PAGEINDEX_FREE_CLEAN : 0;
	unsigned long page = heap_page_of(span->base);
	unsigned long left = span->npages;
	unsigned long nr, flags;

	heap_prefetch(heap, span->base);
	span_leave(span);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	heap->in_use[kind] -= left;
	heap->spans--;
	heap->count.free_count++;
	heap->moving += left;
	for (;;) {
		nr = min(left, PAGEINDEX_PIECE_PAGES);
		pageindex_free(&heap->index, page, nr, clean);
		heap->moving -= nr;
		page += nr;
		left -= nr;
		if (!left)
			break;
		heap_unlock(heap, flags);
		flags = heap_lock(heap);
	}
	heap_unlock_and_wake(heap, flags);
	span_delete(span);
}

/**
 * heap_uncached() - count a span from a cache whose counters do not count it
 * @heap: the heap
 * @span: the span
 * @kind: what it will be for
 *
 * Context: Any but NMI.
 */
void heap_uncached(struct span_heap *heap, const struct span *span, enum span_kind kind)
{
	unsigned long flags = heap_lock(heap);

	heap->in_use[kind] += span->npages;
	heap->spans++;
	heap->count.alloc_count++;
	heap_unlock(heap, flags);
}

static int compare_runs(const void *left, const void *right)
{
	unsigned long a = ((const struct pageindex_run *)left)->page;
	unsigned long b = ((const struct pageindex_run *)right)->page;

	return a < b ? -1 : a > b;
}

/**
 * heap_runs_in_hold() - count the runs that may be given back in one hold of the lock
 * @runs: runs of pages, sorted, up or down
 * @nr: how many
 *
 * Return: how many, from the first on
 */
unsigned int heap_runs_in_hold(const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long last = ULONG_MAX;
	unsigned int i, chunks = 0;

	for (i = 0; i < nr; i++) {
		unsigned long end = (runs[i].page + runs[i].npages - 1) / PAGEINDEX_CHUNK_PAGES;

		chunks += end != last;
		if (chunks > HOLD_SPAN_CHUNKS)
			break;
		last = end;
	}
	return i;
}

static unsigned long pages_of_runs(const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long npages = 0;

	while (nr--)
		npages += runs[nr].npages;
	return npages;
}

/**
 * heap_uncache() - give the pages and descriptors of cached spans back
 * @heap: the heap
 * @spans: the spans; a cache has counted them as freed
 * @nr: how many, at most %HOLD_SPANS
 * @old: they have been cached for as long as idle pages are kept
 *
 * Pages of a few chunks are given back in one hold of the heap's lock, and the summary of
 * each chunk is brought up to date once.
 *
 * Context: Any but NMI.
 */
void heap_uncache(struct span_heap *heap, struct span **spans, unsigned int nr, bool old)
{
	unsigned int how = (want_init_on_free() ? PAGEINDEX_FREE_CLEAN : 0) |
			   (old ? PAGEINDEX_FREE_OLD : 0);
	struct pageindex_run runs[HOLD_SPANS];
	unsigned int i, lot;
	unsigned long flags;

	for (i = 0; i < nr; i++) {
		span_leave(spans[i]);
		runs[i].page = heap_page_of(spans[i]->base);
		runs[i].npages = spans[i]->npages;
		heap_prefetch(heap, spans[i]->base);
	}
	sort(runs, nr, sizeof(*runs), compare_runs, NULL);
	for (i = 0; i < nr; i += lot) {
		lot = heap_runs_in_hold(runs + i, nr - i);
		flags = heap_lock(heap);
		heap_demand_roll_locked(heap);
		pageindex_free_runs(&heap->index, runs + i, lot, how);
		/* Cached pages count as taken; these were idle all the time. */
		if (old)
			demand_lower(&heap->demand, pages_of_runs(runs + i, lot));
		heap_unlock_and_wake(heap, flags);
	}
	for (i = 0; i < nr; i++)
		span_delete(spans[i]);
}

/* Take idle runs as long as @like, above it in its last chunk; sets @pages to their starts. */
static unsigned int take_runs(const struct span *like, unsigned int max, unsigned long *pages)
{
	struct span_heap *heap = like->heap;
	struct pageindex *idx = &heap->index;
	unsigned long end = heap_page_of(like->base) + like->npages;
	unsigned long flags = heap_lock(heap);
	unsigned long room = idx->nr_idle - min(idx->nr_idle, heap_min_idle_locked(heap));
	unsigned int nr = 0;

	max = min_t(unsigned long, max, room / like->npages);
	if (max && !heap->dying) {
		heap_demand_roll_locked(heap);
		nr = pageindex_take_more(idx, end, like->npages, max, pages);
		demand_peak(&heap->demand, heap_taken_locked(heap));
	}
	heap_unlock(heap, flags);
	return nr;
}

static void put_runs_back(struct span_heap *heap, const unsigned long *pages, unsigned int nr,
			  unsigned long npages)
{
	unsigned long flags = heap_lock(heap);

	heap_demand_roll_locked(heap);
	while (nr--)
		pageindex_free(&heap->index, pages[nr], npages, 0);
	heap_unlock_and_wake(heap, flags);
}

/**
 * heap_take_more() - take spans along with one that has been allocated
 * @like: the span that has been allocated, which belongs to the caller alone
 * @spans: room for the spans, which are dead, entered in the map, as long as @like and
 *	in order of address
 * @max: how many are wanted, at most %FILL_SPANS
 *
 * The spans are made of idle pages, in one hold of the heap's lock. Idle pages for the
 * heap's reserve and pool are left, though perhaps in shorter runs.
 *
 * Context: Any but NMI. Does not sleep.
 *
 * Return: how many there are
 */
unsigned int heap_take_more(const struct span *like, struct span **spans, unsigned int max)
{
	unsigned long pages[FILL_SPANS];
	unsigned long first = heap_page_of(like->base);
	unsigned int nr, i;

	nr = take_runs(like, max, pages);
	for (i = 0; i < nr; i++) {
		/* No reclaim, no kswapd and no memory reserves: the caller needs no more spans. */
		struct span *span = span_new(__GFP_NOWARN | __GFP_NOMEMALLOC);

		if (!span) {
			put_runs_back(like->heap, pages + i, nr - i, like->npages);
			break;
		}
		span->base = like->base + ((pages[i] - first) << PAGE_SHIFT);
		span->npages = like->npages;
		span->node = like->node == NUMA_NO_NODE ? NUMA_NO_NODE : node_of(span->base);
		span->heap = like->heap;
		span->charged = NULL;
		span_enter(span, span->base, span->npages);
		spans[i] = span;
	}
	return i;
}

/**
 * heap_next_span() - go through a heap's live spans in order of address
 * @heap: the heap
 * @page: page of the index to begin at; first page after the span found
 * @view: the span found
 *
 * Spans that are allocated or freed during the walk may or may not be found.
 *
 * Context: Process context. May sleep; takes the heap's lock.
 *
 * Return: false if there is none from @page on
 */
bool heap_next_span(struct span_heap *heap, unsigned long *page, struct span_view *view)
{
	unsigned long addr = 0;
	unsigned long flags;
	bool found = false;

	while (!found) {
		unsigned int steps = HOLD_LOOK_CHUNKS;
		bool used;

		flags = heap_lock(heap);
		used = pageindex_next_used(&heap->index, page, &steps);
		if (used)
			addr = heap_page_address_locked(heap, *page);
		heap_unlock(heap, flags);
		/* Pages that are taken but in no live span cost one iteration each. */
		cond_resched();
		if (!used && steps)
			return false;
		if (!used)
			continue;
		rcu_read_lock();
		found = span_at((void *)addr, view);
		rcu_read_unlock();
		if (!found)
			++*page;
	}
	*page += (view->base + (view->npages << PAGE_SHIFT) - addr) >> PAGE_SHIFT;
	return true;
}
