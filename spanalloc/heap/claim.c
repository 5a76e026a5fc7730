// SPDX-License-Identifier: GPL-2.0-only
/*
 * Claim: taking a run of free pages out of the page index, and putting it back.
 *
 * If there is no run that is long enough, the heap grows. If the heap's limit or budget_limit
 * forbids the run, other idle pages of the same heap are released. Then the search is
 * repeated. Callers that may not sleep do neither.
 *
 *	search ---> found ---> claimed
 *	 ^  |         |
 *	 |  | none    | above the limit
 *	 |  v         v
 *	 | grow    release other idle pages
 *	 |  |         |
 *	 `--+---------+
 *
 * A run of up to %PAGEINDEX_PIECE_PAGES pages is found and taken in one hold of the
 * heap's lock. A longer one is fenced off and then taken a piece at a time, with the lock
 * dropped in between: the time for which other CPUs spin does not depend on its length.
 * There is one fence at a time: callers that may sleep take turns by span_heap::long_lock;
 * other callers fail while there is a fence.
 *
 * A heap that has to grow for a request of more than %STASH_PAGES pages first allocates memory
 * for the whole request. So a request for more memory than the system has fails before
 * the heap populates page tables, which the kernel never frees.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "heap/arena.h"
#include "heap/budget.h"
#include "heap/claim.h"
#include "heap/deferred.h"
#include "heap/heap.h"
#include "heap/inflight.h"
#include "heap/pool.h"
#include "heap/putback.h"
#include "heap/release.h"
#include "heap/request.h"
#include "heap/wake.h"
#include "index/demand.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/backing.h"

/* A heap that grows for a longer request first allocates the memory. */
#define STASH_PAGES	1024UL

/* === Searching ========================================================== */

/* Where a run may come from. Each is searched in a separate hold of the heap's lock. */
enum claim_look {
	CLAIM_IDLE_OF_NODE,	/* idle pages whose memory is of the right node */
	CLAIM_IDLE,		/* any idle pages */
	CLAIM_FREE		/* the lowest free pages */
};

/*
 * Is @look searched for @req? Idle pages only for requests without alignment: those of the
 * right node first; any, if the caller cannot wait for memory or for a TLB flush.
 */
static bool claim_looks_at(const struct span_request *req, int node, enum claim_look look)
{
	switch (look) {
	case CLAIM_IDLE_OF_NODE:
		return req->align == 1 && node != NUMA_NO_NODE;
	case CLAIM_IDLE:
		return req->align == 1 && !gfpflags_allow_blocking(req->gfp) &&
		       (node == NUMA_NO_NODE || !(req->gfp & __GFP_THISNODE));
	default:
		return true;
	}
}

static bool claim_search_locked(const struct span_request *req, int node, enum claim_look look,
				struct pageindex_claim *claim)
{
	struct pageindex *idx = &req->heap->index;

	lockdep_assert_held(&req->heap->lock);
	if (look == CLAIM_IDLE_OF_NODE)
		return pageindex_alloc_idle(idx, req->npages, node_tag(node), claim);
	if (look == CLAIM_IDLE)
		return pageindex_alloc_idle(idx, req->npages, PAGEINDEX_TAG_ANY, claim);
	if (req->align > 1)
		return pageindex_alloc_aligned(idx, req->npages, req->align, claim);
	return pageindex_alloc(idx, req->npages, claim);
}

/* Searches that stop at the first stale summary, before one search goes on to its end. */
#define CLAIM_TRIES	(2 * PAGEINDEX_NR_STALE)

/*
 * Set index.stop_at_stale for the first CLAIM_TRIES tries of a search: each stops at the first
 * stale summary. A later try goes through all stale summaries in one hold of the lock.
 */
static void claim_limit_look_locked(struct span_heap *heap, unsigned int tries)
{
	lockdep_assert_held(&heap->lock);
	heap->index.stop_at_stale = tries < CLAIM_TRIES;
}

/*
 * After a failed search: with @hit_stale, a stale summary promised a run that was not there.
 * Bring the summary up to date, unless another CPU has, and return true: search again.
 */
static bool claim_sync_stale(struct span_heap *heap, bool hit_stale)
{
	unsigned long flags;

	if (likely(!hit_stale))
		return false;
	flags = heap_lock(heap);
	pageindex_sync_stale(&heap->index);
	heap_unlock(heap, flags);
	return true;
}

/* Does budget_limit apply to a request? A request with __GFP_NOFAIL may exceed it. */
static bool claim_minds_budget(const struct span_request *req)
{
	return READ_ONCE(budget_limit) && !(req->gfp & __GFP_NOFAIL);
}

static unsigned long claim_budget_room(const struct span_request *req)
{
	return claim_minds_budget(req) ? budget_room() : ULONG_MAX;
}

/*
 * Take budget_lock. If the room is less than @npages, lower index.max_backed so that the heap
 * may back no more than the room. Returns the old value, for claim_end_budget_locked().
 */
static unsigned long claim_begin_budget_locked(struct span_heap *heap, unsigned long npages)
	__acquires(&budget_lock)
{
	unsigned long max_backed = heap->index.max_backed;
	unsigned long room;

	lockdep_assert_held(&heap->lock);
	spin_lock(&budget_lock);
	room = budget_room_locked();
	if (room < npages)
		heap->index.max_backed = min(max_backed, heap_backed_locked(heap) + room);
	return max_backed;
}

static void claim_end_budget_locked(struct span_heap *heap, unsigned long max_backed,
				    unsigned long taken) __releases(&budget_lock)
{
	lockdep_assert_held(&heap->lock);
	heap->index.max_backed = max_backed;
	budget_take(taken);
	spin_unlock(&budget_lock);
}

/*
 * Take a run from the index. If budget_limit is set, the run has no more released pages
 * than budget_limit leaves room for. Returns as pageindex_alloc().
 */
static bool claim_find_locked(const struct span_request *req, int node, enum claim_look look,
			      struct pageindex_claim *claim)
{
	unsigned long max_backed;
	bool found;

	lockdep_assert_held(&req->heap->lock);
	if (likely(!claim_minds_budget(req))) {
		found = claim_search_locked(req, node, look, claim);
		if (found)
			budget_take(claim->released);
		return found;
	}
	max_backed = claim_begin_budget_locked(req->heap, req->npages);
	found = claim_search_locked(req, node, look, claim);
	claim_end_budget_locked(req->heap, max_backed, found ? claim->released : 0);
	return found;
}

/* === Taking ============================================================= */

/*
 * With @any_released, tag the run's chunks with @node. Returns the node of the run's memory;
 * NUMA_NO_NODE if the memory is of several nodes, or if @node is NUMA_NO_NODE.
 */
static int claim_note_node_locked(struct span_heap *heap, unsigned long page,
				  unsigned long npages, bool any_released, int node)
{
	unsigned int tag;

	lockdep_assert_held(&heap->lock);
	if (node == NUMA_NO_NODE)
		return NUMA_NO_NODE;
	if (any_released)
		pageindex_set_tag(&heap->index, page, npages, node_tag(node));
	tag = pageindex_tag(&heap->index, page, npages);
	return tag == PAGEINDEX_TAG_MIXED ? NUMA_NO_NODE : node_of_tag(tag);
}

/* A run has been taken: set the span's address, and count the span as live. */
static void claim_count_locked(const struct span_request *req,
			       const struct pageindex_claim *claim, struct span *span)
{
	struct span_heap *heap = req->heap;

	lockdep_assert_held(&heap->lock);
	demand_peak(&heap->demand, heap_taken_locked(heap));
	span->base = heap_page_address_locked(heap, claim->page);
	heap->in_use[req->kind] += req->npages;
	heap->spans++;
	heap->count.alloc_count++;
}

/* Take a run from where @look says. Without @span its pages are counted as moving. */
static bool claim_take_locked(const struct span_request *req, int node, enum claim_look look,
			      struct pageindex_claim *claim, struct span *span)
{
	struct span_heap *heap = req->heap;
	int found;

	lockdep_assert_held(&heap->lock);
	heap_demand_roll_locked(heap);
	if (heap->dying || !claim_find_locked(req, node, look, claim))
		return false;
	found = claim_note_node_locked(heap, claim->page, req->npages, claim->released, node);
	if (!span) {
		heap->moving += req->npages;
		return true;
	}
	span->node = found;
	claim_count_locked(req, claim, span);
	return true;
}

/**
 * claim_short() - take a run of at most %PAGEINDEX_PIECE_PAGES free pages
 * @req: the request
 * @node: what request_node() returned
 * @claim: filled in on success
 * @span: its descriptor, or %NULL for pages that are to become idle: they are counted as
 *	moving
 * @grows: set to span_heap::grows as it was at the last search
 *
 * Context: Any but NMI.
 *
 * Return: as pageindex_alloc()
 */
bool claim_short(const struct span_request *req, int node, struct pageindex_claim *claim,
		 struct span *span, unsigned long *grows)
{
	struct span_heap *heap = req->heap;
	enum claim_look look;
	unsigned long flags;
	bool ok, hit_stale;

	for (look = CLAIM_IDLE_OF_NODE; look <= CLAIM_FREE; look++) {
		unsigned int tries = 0;

		if (!claim_looks_at(req, node, look))
			continue;
		do {
			flags = heap_lock(heap);
			*grows = heap->grows;
			claim->excess = 0;
			claim_limit_look_locked(heap, tries++);
			ok = claim_take_locked(req, node, look, claim, span);
			hit_stale = !ok && look == CLAIM_FREE && heap->index.hit_stale;
			heap_unlock(heap, flags);
			if (ok)
				return true;
		} while (claim_sync_stale(heap, hit_stale));
	}
	return false;
}

/* === Long runs ========================================================== */

/*
 * Put a fence around the lowest run. Returns false if there is no run, the heap is dying, or an
 * atomic caller meets another fence.
 */
static bool claim_fence(const struct span_request *req, unsigned long *page)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	bool busy, hit_stale, found = false;
	unsigned int tries = 0;
	unsigned long flags;

	do {
		flags = heap_lock(heap);
		claim_limit_look_locked(heap, tries++);
		busy = heap->index.fence_end;
		if (!busy && !heap->dying)
			found = pageindex_fence(&heap->index, req->npages, req->align, page);
		hit_stale = !busy && !found && heap->index.hit_stale;
		heap_unlock(heap, flags);
		/*
		 * This task holds long_lock, so the fence belongs to a caller that cannot
		 * sleep. Sleep a tick: this task may have preempted that caller.
		 */
		if (busy && sleep)
			schedule_timeout_uninterruptible(1);
	} while ((busy && sleep) || claim_sync_stale(heap, hit_stale));
	return found;
}

static void claim_unfence(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	pageindex_unfence(&heap->index);
	heap_unlock(heap, flags);
}

/* By how many pages the whole run behind the fence would exceed a limit. Takes nothing. */
static unsigned long claim_long_excess(const struct span_request *req, unsigned long page)
{
	struct span_heap *heap = req->heap;
	unsigned long end = page + req->npages;
	unsigned long flags, nr, released = 0, room = 0;

	if (!READ_ONCE(heap->limit) && !claim_minds_budget(req))
		return 0;
	for (; page < end; page += nr) {
		nr = min(end - page, PAGEINDEX_PIECE_PAGES);
		flags = heap_lock(heap);
		released += pageindex_count_released(&heap->index, page, nr);
		room = heap->index.max_backed - min(heap->index.max_backed,
						    heap_backed_locked(heap));
		heap_unlock(heap, flags);
	}
	room = min(room, claim_budget_room(req));
	return released - min(released, room);
}

/* Take @npages pages from @page on; returns as pageindex_claim_piece(). */
static unsigned long claim_piece_locked(const struct span_request *req, unsigned long page,
					unsigned long npages, struct pageindex_claim *claim)
{
	struct span_heap *heap = req->heap;
	unsigned long before = claim->released;
	unsigned long max_backed, excess;

	lockdep_assert_held(&heap->lock);
	if (likely(!claim_minds_budget(req))) {
		excess = pageindex_claim_piece(&heap->index, page, npages, claim);
		budget_take(claim->released - before);
		return excess;
	}
	max_backed = claim_begin_budget_locked(heap, npages);
	excess = pageindex_claim_piece(&heap->index, page, npages, claim);
	claim_end_budget_locked(heap, max_backed, claim->released - before);
	return excess;
}

/*
 * Take the run behind the fence, and take the fence away. Returns 0, or by how many pages
 * the next piece would exceed a limit; then *@taken pages of the run have been taken.
 */
static unsigned long claim_pieces(const struct span_request *req, int node,
				  struct pageindex_claim *claim, struct span *span,
				  unsigned long *taken)
{
	struct span_heap *heap = req->heap;
	unsigned long nr, flags, excess, released;
	int found;

	for (*taken = 0;; *taken += nr) {
		unsigned long page = claim->page + *taken;

		nr = min(req->npages - *taken, PAGEINDEX_PIECE_PAGES);
		released = claim->released;
		flags = heap_lock(heap);
		heap_demand_roll_locked(heap);
		excess = claim_piece_locked(req, page, nr, claim);
		/* Both ways out of the loop keep the lock. */
		if (excess)
			break;
		found = claim_note_node_locked(heap, page, nr, claim->released > released, node);
		if (!*taken)
			span->node = found;
		else if (span->node != found)
			span->node = NUMA_NO_NODE;
		if (*taken + nr == req->npages) {
			claim_count_locked(req, claim, span);
			break;
		}
		heap_unlock(heap, flags);
	}
	pageindex_unfence(&heap->index);
	if (excess)
		heap->moving += *taken;
	heap_unlock(heap, flags);
	return excess;
}

/* As claim_short(), for runs of more than %PAGEINDEX_PIECE_PAGES pages. */
static bool claim_long(const struct span_request *req, int node,
		       struct pageindex_claim *claim, struct span *span)
{
	struct span_heap *heap = req->heap;
	unsigned long page, taken, excess;

	*claim = (struct pageindex_claim) {};
	if (!claim_fence(req, &page))
		return false;
	claim->page = page;
	excess = claim_long_excess(req, page);
	if (excess) {
		claim_unfence(heap);
		claim->excess = excess;
		return false;
	}
	excess = claim_pieces(req, node, claim, span, &taken);
	if (excess) {
		/* No page has been backed yet: the page tables tell which pages were idle. */
		const struct backing unbacked = {
			.addr = heap_page_address(heap, page),
			.npages = taken,
			.released = claim->released,
		};

		claim_undo(heap, claim, &unbacked);
		claim->excess = excess;
		return false;
	}
	return true;
}

/* === Undoing ============================================================ */

/**
 * claim_undo() - give back the pages of a claim
 * @heap: the heap, which counts all of them as moving
 * @claim: the claim
 * @backing: its backing; missing pages below @done have been provided
 *
 * Pages that had memory and pages that were provided become idle; the rest, released.
 *
 * Context: Any but NMI.
 */
void claim_undo(struct span_heap *heap, const struct pageindex_claim *claim,
		const struct backing *backing)
{
	enum putback_state unbacked = claim->fresh == claim->released ? PUTBACK_FRESH :
									PUTBACK_RELEASED;
	struct putback putback = { .heap = heap };
	unsigned long start, end, at = 0, kept = 0;
	unsigned long flags;

	for (start = 0; backing_next_missing(backing, &start, &end); start = end) {
		unsigned long keep = clamp(backing->done, start, end);

		putback_add(&putback, claim->page + at, keep - at, PUTBACK_IDLE);
		putback_add(&putback, claim->page + keep, end - keep, unbacked);
		kept += keep - start;
		at = end;
	}
	putback_add(&putback, claim->page + at, backing->npages - at, PUTBACK_IDLE);
	putback_flush(&putback);
	flags = heap_lock(heap);
	heap_count_backed_locked(heap, kept, claim->fresh);
	heap_unlock_and_wake(heap, flags);
}

/* === The whole ========================================================== */

/* One attempt. On failure sets @claim->excess as pageindex_alloc() does. */
static bool claim_try(const struct span_request *req, int node, struct pageindex_claim *claim,
		      struct span *span, unsigned long *grows)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	unsigned long flags;
	bool ok;

	if (req->npages <= PAGEINDEX_PIECE_PAGES)
		return claim_short(req, node, claim, span, grows);
	flags = heap_lock(heap);
	*grows = heap->grows;
	heap_unlock(heap, flags);
	if (sleep)
		mutex_lock(&heap->long_lock);
	ok = claim_long(req, node, claim, span);
	if (sleep)
		mutex_unlock(&heap->long_lock);
	return ok;
}

/*
 * ALLOC_LIMIT if heap->limit is too low even with all idle pages of the heap released;
 * ALLOC_TOTAL if budget_limit leaves too little room while idle pages of heaps stay.
 */
static enum alloc_failure claim_check_limits(const struct span_request *req)
{
	struct span_heap *heap = req->heap;
	unsigned long flags = heap_lock(heap);
	unsigned long limit = heap->limit;
	unsigned long taken = heap_taken_locked(heap);

	heap_unlock(heap, flags);
	if (limit && req->npages > limit - min(limit, taken))
		return ALLOC_LIMIT;
	return req->npages > claim_budget_room(req) ? ALLOC_TOTAL : ALLOC_OK;
}

/* Grow by enough for the request, after checking limits and, for long runs, memory. */
static enum alloc_failure claim_grow(const struct span_request *req, int node,
				     unsigned long grows, struct page_stash *stash)
{
	struct span_heap *heap = req->heap;
	enum alloc_failure failure = claim_check_limits(req);

	if (failure)
		return failure;
	if (req->npages > STASH_PAGES && !stash->missing &&
	    backing_stash(stash, req->npages, request_backing_node(req, node), req->gfp))
		return ALLOC_NO_BACKING;
	return arena_grow(heap, req->npages + req->align - 1, grows) ? ALLOC_NO_SPACE : ALLOC_OK;
}

/* Which limit forbids the request: budget_limit on all heaps, or the heap's own? */
static enum alloc_failure claim_which_limit(struct span_heap *heap, unsigned long excess)
{
	unsigned long flags = heap_lock(heap);
	unsigned long max = heap->index.max_backed;
	unsigned long room = max - min(max, heap_backed_locked(heap));

	heap_unlock(heap, flags);
	return budget_room() < room ? ALLOC_TOTAL : ALLOC_LIMIT;
}

/**
 * claim_run() - take a run of free pages for a span
 * @req: what is asked for
 * @node: what request_node() returned
 * @claim: filled in on success
 * @span: its descriptor; base and node are filled in on success
 * @stash: an empty stash. On return it may hold pages, for the run or left over
 *
 * Context: Any that the request's flags allow.
 *
 * Return: ALLOC_OK, or why there is no run
 */
enum alloc_failure claim_run(const struct span_request *req, int node,
			     struct pageindex_claim *claim, struct span *span,
			     struct page_stash *stash)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	enum alloc_failure failure;
	unsigned long grows, limit;
	bool ok, again = true;

	for (;;) {
		limit = READ_ONCE(heap->limit);
		if (limit && req->npages > limit)
			return ALLOC_LIMIT;
		ok = claim_try(req, node, claim, span, &grows);
		if (pool_note_request(heap, req, ok && !claim->released))
			scavenger_wake(WAKE_RESERVE);
		if (ok)
			return ALLOC_OK;
		if (claim->excess) {
			/* If nothing is released, search once more: others may have released. */
			if (!sleep || !again || fatal_signal_pending(current))
				return claim_which_limit(heap, claim->excess);
			again = release_any(heap, claim->excess, RELEASE_LIMIT) ||
				inflight_wait(heap);
			continue;
		}
		if (!sleep || READ_ONCE(heap->dying))
			return ALLOC_NO_SPACE;
		if (fatal_signal_pending(current) && !(req->gfp & __GFP_NOFAIL))
			return ALLOC_NO_SPACE;
		/* A deferred span, once finished, may leave a run that is long enough. */
		if (deferred_finish(heap, req->npages))
			continue;
		failure = claim_grow(req, node, grows, stash);
		if (failure)
			return failure;
	}
}
