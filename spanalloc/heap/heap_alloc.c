// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap, allocating: spans from the page index.
 *
 * An allocation goes through these steps, each undone if a later one fails:
 *
 *	descriptor	from its slab
 *	claim		lowest run of free pages, under the heap's lock (claim.c)
 *	backing		memory for released pages; clearing
 *	enter		entries in span_map; api/alloc.c publishes the span
 *
 * The lock is held for the claim and the counters alone. From then on the run
 * belongs to the caller, so that backing and publishing need no lock.
 */
#include <linux/mm.h>

#include <spanalloc/spanalloc.h>

#include "heap/claim.h"
#include "heap/heap.h"
#include "heap/heap_alloc.h"
#include "heap/release.h"
#include "heap/request.h"
#include "heap/reserve.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/demand.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/backing.h"
#include "vm/vm.h"

/* Most pages that one allocation releases if the heap is above its soft limit. */
#define ASSIST_PAGES	64UL

/* Count the pages of a claim that were replaced for their node, and tag the new node. */
static void heap_count_replaced_locked(struct span_heap *heap, const struct pageindex_claim *claim,
				       const struct backing *backing)
{
	lockdep_assert_held(&heap->lock);
	if (!backing->replaced)
		return;
	pageindex_set_tag(&heap->index, claim->page, backing->npages, node_tag(backing->node));
	heap->count.released_node_pages += backing->replaced;
	heap_count_backed_locked(heap, backing->replaced, 0);
	heap->count.tlb_flush_count += backing->flushes;
}

/*
 * Undo a claim whose backing failed. What was provided goes back to the system
 * where that is possible; in atomic context, where no TLB can be flushed, it
 * stays as idle pages.
 */
static void heap_unclaim(const struct span_request *req, const struct pageindex_claim *claim,
			 struct backing *backing)
{
	struct span_heap *heap = req->heap;
	unsigned int flushes = 0;
	unsigned long flags;

	if (gfpflags_allow_blocking(req->gfp))
		flushes = backing_undo(backing);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	heap_count_replaced_locked(heap, claim, backing);
	heap->in_use[req->kind] -= req->npages;
	heap->moving += req->npages;
	heap->spans--;
	heap->count.alloc_count--;
	heap->count.tlb_flush_count += flushes;
	heap_unlock(heap, flags);
	claim_undo(heap, claim, backing);
}

static void heap_count_backing(struct span_heap *heap, const struct pageindex_claim *claim,
			       const struct backing *backing)
{
	unsigned long flags = heap_lock(heap);

	heap_count_replaced_locked(heap, claim, backing);
	heap_count_backed_locked(heap, claim->released, claim->fresh);
	heap->count.refault_pages += claim->refault;
	heap->count.refault_count += !!claim->refault;
	heap->count.zeroed_pages += backing->zeroed;
	heap->count.zero_skipped_pages += backing->skipped;
	heap_unlock(heap, flags);
}

/* Put memory behind a claim; false after undoing it. */
static bool heap_back(const struct span_request *req, int node, const struct pageindex_claim *claim,
		      struct span *span, struct page_stash *stash)
{
	struct span_heap *heap = req->heap;
	struct backing backing = {
		.addr = span->base,
		.npages = req->npages,
		.released = claim->released,
		.clean = claim->clean,
		.node = request_backing_node(req, node),
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
		heap_unclaim(req, claim, &backing);
	backing_end(&backing);
	if (!ret && (claim->released || backing.replaced || backing.zeroed || backing.skipped))
		heap_count_backing(heap, claim, &backing);
	return !ret;
}

/* Above the soft limit: release up to ASSIST_PAGES, and wake the scavenger for the rest. */
static void heap_assist_soft_limit(const struct span_request *req)
{
	struct span_heap *heap = req->heap;
	unsigned long flags, excess, idle;

	if (likely(!READ_ONCE(heap->soft_limit)))
		return;
	flags = heap_lock(heap);
	excess = heap_excess_locked(heap);
	idle = heap->index.nr_idle;
	heap_unlock(heap, flags);
	/* Without idle pages, and with @watched clear, no CPU has cached spans either. */
	if (!excess || (!idle && !READ_ONCE(heap->watched)))
		return;
	scavenger_wake(WAKE_IDLE);
	if (idle && gfpflags_allow_blocking(req->gfp))
		release_any(heap, min(excess, ASSIST_PAGES), RELEASE_LIMIT);
}

/*
 * The node of a span's first page, for chunks with memory of several nodes. A cache needs
 * one node for each span.
 */
static int heap_node_at(unsigned long addr)
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
	int node = request_node(req);

	*failure = ALLOC_NO_METADATA;
	if (!span)
		return NULL;
	*failure = claim_run(req, node, &taken, span, &stash);
	if (!*failure && !heap_back(req, node, &taken, span, &stash))
		*failure = ALLOC_NO_BACKING;
	if (unlikely(stash.missing || stash.nr))
		backing_unstash(&stash);
	if (*failure) {
		span_delete(span);
		return NULL;
	}
	if (unlikely(node != NUMA_NO_NODE && span->node == NUMA_NO_NODE))
		span->node = heap_node_at(span->base);
	span->npages = req->npages;
	span->heap = heap;
	span->charged = NULL;
	span_enter(span, span->base, req->npages);
	reserve_refill(heap, req->gfp);
	if (taken.released)
		heap_assist_soft_limit(req);
	return span;
}

/* === Spans taken along ================================================== */

/* Take idle runs as long as @like from the chunk that @like ends in; @pages gets their starts. */
static unsigned int heap_take_runs(const struct span *like, unsigned int max, unsigned long *pages)
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

static void heap_put_runs_back(struct span_heap *heap, const unsigned long *pages, unsigned int nr,
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
 * heap's reserve and pool are left, though perhaps in shorter runs. The caller's cache counts
 * the spans; the heap's counters do not.
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

	nr = heap_take_runs(like, max, pages);
	for (i = 0; i < nr; i++) {
		/* No reclaim, no kswapd, no reserves: the caller can do without these spans. */
		struct span *span = span_new(__GFP_NOWARN | __GFP_NOMEMALLOC);

		if (!span) {
			heap_put_runs_back(like->heap, pages + i, nr - i, like->npages);
			break;
		}
		span->base = like->base + ((pages[i] - first) << PAGE_SHIFT);
		span->npages = like->npages;
		span->node = like->node == NUMA_NO_NODE ? NUMA_NO_NODE : heap_node_at(span->base);
		span->heap = like->heap;
		span->charged = NULL;
		span_enter(span, span->base, span->npages);
		spans[i] = span;
	}
	return i;
}
