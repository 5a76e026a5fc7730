// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap: spans from the page index, and back to it.
 *
 * An allocation goes through these steps, each undone if a later one fails:
 *
 *	descriptor	from its slab
 *	claim		lowest run of free pages, under the heap's lock; if there
 *			is none the heap grows, if the limit forbids it idle
 *			pages elsewhere are released, and the search is repeated
 *	backing		pages behind what is released; clearing
 *	enter		map entries; alloc.c brings the span to life
 *
 * The lock is held for the claim and the counters alone. From then on the run
 * is the caller's, which is why backing and publishing need none.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/topology.h>

#include "internal.h"

/* Pages that one allocation gives back at most if the heap is above its soft limit. */
#define ASSIST_PAGES	64UL

DECLARE_WAIT_QUEUE_HEAD(heap_news_wait);
unsigned long heap_news;

unsigned long (*heap_clock)(void);

/**
 * heap_report() - say that what a client passed is no heap
 * @heap: what it passed
 * @what: the function it called
 * @caller: where from
 *
 * Return: false
 */
bool heap_report(const struct span_heap *heap, const char *what, unsigned long caller)
{
	pr_warn_ratelimited("%s from %pS: heap is %pe\n", what, (void *)caller, heap);
	return false;
}

/* === News for the scavenger ============================================= */

/**
 * heap_watch_locked() - see whether the scavenger has to be told of idle pages
 * @heap: the heap
 *
 * Context: Under the heap's lock.
 *
 * Return: whether to call heap_watch() once the lock is dropped
 */
bool heap_watch_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	if (READ_ONCE(heap->watched) || heap->index.nr_idle <= heap_floor_locked(heap))
		return heap_excess_locked(heap);
	WRITE_ONCE(heap->watched, true);
	return true;
}

/**
 * heap_tell() - wake the scavenger
 * @news: what for, one of NEWS_*
 *
 * Context: Any but NMI.
 */
void heap_tell(unsigned int news)
{
	/* Before the wake-up; the scavenger clears it before it looks. */
	if (!test_and_set_bit(news, &heap_news))
		wake_up(&heap_news_wait);
}

/**
 * heap_watch() - wake the scavenger for a heap that has idle pages now
 * @heap: the heap
 * @news: what heap_watch_locked() returned
 *
 * Context: Any but NMI.
 */
void heap_watch(struct span_heap *heap, bool news)
{
	if (news)
		heap_tell(NEWS_IDLE);
}

/**
 * heap_watch_now() - have the scavenger look after a heap with parked spans alone
 * @heap: the heap
 *
 * Context: Any but NMI.
 */
void heap_watch_now(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	bool news = !READ_ONCE(heap->watched);

	WRITE_ONCE(heap->watched, true);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
}

/* === Allocating ========================================================= */

/* The node that memory shall come from; %NUMA_NO_NODE only where there is just one. */
static int request_node(const struct span_request *req)
{
	if (!IS_ENABLED(CONFIG_NUMA) || nr_online_nodes == 1)
		return NUMA_NO_NODE;
	if (req->node != NUMA_NO_NODE)
		return req->node;
	return req->heap->node == NUMA_NO_NODE ? numa_mem_id() : req->heap->node;
}

/*
 * Where a request is to be served from. Idle pages go first where they are of the
 * right node, and there is more than one, or where the caller cannot wait.
 */
static bool find_locked(const struct span_request *req, int node, struct pageindex_claim *claim)
{
	struct pageindex *idx = &req->heap->index;

	if (req->align > 1)
		return pageindex_alloc_aligned(idx, req->npages, req->align, claim);
	if (node != NUMA_NO_NODE && pageindex_alloc_idle(idx, req->npages, node + 1, claim))
		return true;
	/* Idle pages of another node are of no use to who cannot have them replaced. */
	if (!gfpflags_allow_blocking(req->gfp) &&
	    (node == NUMA_NO_NODE || !(req->gfp & __GFP_THISNODE)) &&
	    pageindex_alloc_idle(idx, req->npages, 0, claim))
		return true;
	return pageindex_alloc(idx, req->npages, claim);
}

/* Note the node of what will be put behind a run; returns that of all of it, if it is one. */
static int note_node_locked(struct span_heap *heap, const struct pageindex_claim *claim,
			    unsigned long npages, int node)
{
	unsigned int tag;

	lockdep_assert_held(&heap->lock);
	if (node == NUMA_NO_NODE)
		return NUMA_NO_NODE;
	if (claim->released)
		pageindex_set_tag(&heap->index, claim->page, npages, node + 1);
	tag = pageindex_tag(&heap->index, claim->page, npages);
	return tag == PAGEINDEX_TAG_MIXED ? NUMA_NO_NODE : (int)tag - 1;
}

/**
 * heap_find_locked() - take a run of free pages from the index
 * @req: what is wanted
 * @node: the node it is meant for; %NUMA_NO_NODE only where there is just one
 * @claim: filled in on success
 *
 * Where there is a limit on all heaps together, the run's released pages are no more
 * than there is room for below it.
 *
 * Context: Under the heap's lock.
 *
 * Return: as pageindex_alloc()
 */
bool heap_find_locked(const struct span_request *req, int node, struct pageindex_claim *claim)
{
	struct pageindex *idx = &req->heap->index;
	unsigned long max_backed = idx->max_backed;
	unsigned long room;
	bool found;

	lockdep_assert_held(&req->heap->lock);
	if (likely(!READ_ONCE(total_limit))) {
		found = find_locked(req, node, claim);
		if (found)
			total_take(claim->released);
		return found;
	}
	spin_lock(&total_lock);
	room = total_room_locked();
	if (room < req->npages)
		idx->max_backed = min(max_backed, heap_backed_locked(req->heap) + room);
	found = find_locked(req, node, claim);
	idx->max_backed = max_backed;
	if (found)
		total_take(claim->released);
	spin_unlock(&total_lock);
	return found;
}

/* Take a run from the index, and count it as a live span. */
static bool claim_locked(const struct span_request *req, int node,
			 struct pageindex_claim *claim, struct span *span)
{
	struct span_heap *heap = req->heap;

	lockdep_assert_held(&heap->lock);
	heap_demand_roll_locked(heap);
	if (heap->dying || !heap_find_locked(req, node, claim))
		return false;
	demand_peak(&heap->demand, heap_taken_locked(heap));
	span->base = heap_page_address_locked(heap, claim->page);
	span->node = note_node_locked(heap, claim, req->npages, node);
	heap->in_use[req->kind] += req->npages;
	heap->spans++;
	heap->count.alloc_count++;
	return true;
}

/* Returns what to count if it fails, NULL if it does not. */
static u64 *claim(const struct span_request *req, int node, struct pageindex_claim *claim,
		  struct span *span)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	unsigned long flags, grows, limit;
	bool again = true;
	bool ok, news;

	for (;;) {
		flags = heap_lock(heap);
		grows = heap->grows;
		limit = heap->limit;
		claim->released = 0;
		ok = claim_locked(req, node, claim, span);
		news = heap_mind_stock_locked(heap, req, ok && !claim->released);
		heap_unlock(heap, flags);
		if (news)
			heap_tell(NEWS_RESERVE);
		if (ok)
			return NULL;
		if (limit && req->npages > limit)
			return &heap->count.fail_limit_count;
		if (claim->released) {
			/* Nothing idle may mean that others have just released it. */
			if (!sleep || !again)
				return &heap->count.fail_limit_count;
			again = heap_release(heap, claim->released, RELEASE_LIMIT);
		} else if (!sleep || READ_ONCE(heap->dying) ||
			   arena_grow(heap, req->npages + req->align - 1, grows)) {
			return &heap->count.fail_space_count;
		}
	}
}

/* Count the pages of a claim that were of the wrong node, and note what there is now. */
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

/* Give back pages @start..@end - 1 of a claim, which were released or are idle. */
static void unclaim_part_locked(struct span_heap *heap, const struct pageindex_claim *claim,
				unsigned long start, unsigned long end, bool released)
{
	lockdep_assert_held(&heap->lock);
	if (start == end)
		return;
	if (released) {
		total_give_back(end - start);
		pageindex_release(&heap->index, claim->page + start, end - start);
		if (claim->fresh == claim->released)
			pageindex_unback(&heap->index, claim->page + start, end - start);
	} else {
		pageindex_free(&heap->index, claim->page + start, end - start, 0);
	}
}

/**
 * heap_unclaim_locked() - give back the pages of a claim whose backing failed
 * @heap: the heap
 * @claim: the claim
 * @backing: its backing; what had been provided is there as far as @done says
 *
 * Context: Under the heap's lock.
 *
 * Return: pages that had nothing behind them and are idle now
 */
unsigned long heap_unclaim_locked(struct span_heap *heap, const struct pageindex_claim *claim,
				  const struct backing *backing)
{
	unsigned long start, end, at = 0, kept = 0;

	lockdep_assert_held(&heap->lock);
	for (start = 0; backing_next_missing(backing, &start, &end); start = end) {
		unsigned long keep = clamp(backing->done, start, end);

		unclaim_part_locked(heap, claim, at, start, false);
		unclaim_part_locked(heap, claim, start, keep, false);
		unclaim_part_locked(heap, claim, keep, end, true);
		kept += keep - start;
		at = end;
	}
	unclaim_part_locked(heap, claim, at, backing->npages, false);
	return kept;
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
	bool news;

	if (gfpflags_allow_blocking(req->gfp))
		flushes = backing_undo(backing);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	count_replaced_locked(heap, claim, backing);
	heap->count.backed_pages += heap_unclaim_locked(heap, claim, backing);
	heap->in_use[req->kind] -= req->npages;
	heap->spans--;
	heap->count.alloc_count--;
	heap->count.tlb_flush_count += flushes;
	heap_note_peak_locked(heap);
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
}

static void count_backing(struct span_heap *heap, const struct pageindex_claim *claim,
			  const struct backing *backing)
{
	unsigned long flags = heap_lock(heap);

	count_replaced_locked(heap, claim, backing);
	heap->count.backed_pages += claim->released;
	heap->count.rebacked_pages += claim->released - claim->fresh;
	heap->count.regret_pages += claim->regret;
	heap->count.regret_count += !!claim->regret;
	heap->count.zeroed_pages += backing->zeroed;
	heap->count.zero_skipped_pages += backing->skipped;
	heap_note_peak_locked(heap);
	heap_unlock(heap, flags);
}

/* Put memory behind a claim; false after undoing it. */
static bool back(const struct span_request *req, int node, const struct pageindex_claim *claim,
		 struct span *span)
{
	struct span_heap *heap = req->heap;
	struct backing backing = {
		.addr = span->base,
		.npages = req->npages,
		.released = claim->released,
		.clean = claim->clean,
		.node = req->node == NUMA_NO_NODE ? heap->node : req->node,
		.gfp = req->gfp,
	};
	int ret;

	if (want_init_on_alloc(req->gfp))
		backing.gfp |= __GFP_ZERO;
	if (req->gfp & __GFP_THISNODE && node != NUMA_NO_NODE) {
		backing.node = node;
		span->node = node;
	}
	ret = backing_provide(&backing);
	if (ret)
		unclaim(req, claim, &backing);
	backing_end(&backing);
	if (!ret && (claim->released || backing.replaced || backing.zeroed || backing.skipped))
		count_backing(heap, claim, &backing);
	return !ret;
}

/* Above the soft limit: give a little back, and have the rest given back. */
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
	/* Idle or perhaps parked; who parks a span of a heap not watched tells of that. */
	if (!excess || (!idle && !READ_ONCE(heap->watched)))
		return;
	heap_tell(NEWS_IDLE);
	if (idle && gfpflags_allow_blocking(req->gfp))
		heap_release(heap, min(excess, ASSIST_PAGES), RELEASE_LIMIT);
}

/*
 * Where a chunk has memory of several nodes, that of its first page stands for a span:
 * a cache has to know whether the span is at home there.
 */
static int node_of(unsigned long addr)
{
	struct page *page;

	vm_pages(addr, &page, 1);
	return page_to_nid(page);
}

/**
 * heap_alloc() - allocate a span from the page index
 * @req: what is asked for; has been checked
 * @failure: on failure, the counter that says why; it is the caller's to count
 *
 * Return: a dead span, entered in the map and with memory behind it, or NULL
 */
struct span *heap_alloc(const struct span_request *req, u64 **failure)
{
	struct span_heap *heap = req->heap;
	struct span *span = span_new(req->gfp);
	struct pageindex_claim taken;
	int node = request_node(req);

	*failure = &heap->count.fail_metadata_count;
	if (!span)
		return NULL;
	*failure = claim(req, node, &taken, span);
	if (!*failure && !back(req, node, &taken, span))
		*failure = &heap->count.fail_backing_count;
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
	heap_mind_taken(heap, req->gfp);
	if (taken.released)
		mind_soft_limit(req);
	return span;
}

/* === Freeing, walking ================================================== */

static unsigned long page_of(unsigned long addr)
{
	struct arena *arena = arena_of(addr);

	return arena->first_page + ((addr - arena->base) >> PAGE_SHIFT);
}

/**
 * heap_free() - give the pages and the descriptor of a dead span back
 * @heap: the heap
 * @span: the span, which has died
 * @kind: what it was for
 *
 * Context: Any but NMI.
 */
void heap_free(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	unsigned int clean = want_init_on_free() ? PAGEINDEX_FREE_CLEAN : 0;
	unsigned long flags;
	bool news;

	span_leave(span);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	pageindex_free(&heap->index, page_of(span->base), span->npages, clean);
	heap->in_use[kind] -= span->npages;
	heap->spans--;
	heap->count.free_count++;
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	span_delete(span);
}

/**
 * heap_unparked() - count a span that has come from a cache, but not by its books
 * @heap: the heap
 * @span: the span
 * @kind: what it will be for
 *
 * Context: Any but NMI.
 */
void heap_unparked(struct span_heap *heap, const struct span *span, enum span_kind kind)
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
 * heap_unpark() - give the pages and descriptors of parked spans back
 * @heap: the heap
 * @spans: the spans; a cache has counted them as freed
 * @nr: how many, at most %UNPARK_BATCH
 * @old: they have been parked for as long as idle pages are kept
 *
 * Context: Any but NMI. All pages in one hold of the heap's lock, and each chunk's
 * summary is brought up to date once.
 */
void heap_unpark(struct span_heap *heap, struct span **spans, unsigned int nr, bool old)
{
	unsigned int how = (want_init_on_free() ? PAGEINDEX_FREE_CLEAN : 0) |
			   (old ? PAGEINDEX_FREE_OLD : 0);
	struct pageindex_run runs[UNPARK_BATCH];
	unsigned long npages = 0;
	unsigned long flags;
	unsigned int i;
	bool news;

	for (i = 0; i < nr; i++) {
		span_leave(spans[i]);
		runs[i].page = page_of(spans[i]->base);
		runs[i].npages = spans[i]->npages;
		npages += spans[i]->npages;
	}
	sort(runs, nr, sizeof(*runs), compare_runs, NULL);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	pageindex_free_runs(&heap->index, runs, nr, how);
	/* They only looked taken. */
	if (old)
		demand_lower(&heap->demand, npages);
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	for (i = 0; i < nr; i++)
		span_delete(spans[i]);
}

/* Take idle runs as long as @like, above it in its last chunk; fills in where they begin. */
static unsigned int take_runs(const struct span *like, unsigned int max, unsigned long *pages)
{
	struct span_heap *heap = like->heap;
	struct pageindex *idx = &heap->index;
	unsigned long end = page_of(like->base) + like->npages;
	unsigned long flags = heap_lock(heap);
	unsigned long room = idx->nr_idle - min(idx->nr_idle, heap_floor_locked(heap));
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
	bool news;

	heap_demand_roll_locked(heap);
	while (nr--)
		pageindex_free(&heap->index, pages[nr], npages, 0);
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
}

/**
 * heap_take_more() - take spans along with one that has been allocated
 * @like: that span, which is the caller's alone
 * @spans: room for the spans, which are dead, entered in the map, as long as @like and
 *	in order of address
 * @max: how many are wanted, at most %UNPARK_BATCH
 *
 * They are made of idle pages, all in one hold of the heap's lock. As many idle pages as
 * its reserve and its stock want are left, though perhaps in shorter runs.
 *
 * Context: Any but NMI. Does not sleep.
 *
 * Return: how many there are
 */
unsigned int heap_take_more(const struct span *like, struct span **spans, unsigned int max)
{
	unsigned long pages[UNPARK_BATCH];
	unsigned long first = page_of(like->base);
	unsigned int nr, i;

	nr = take_runs(like, max, pages);
	for (i = 0; i < nr; i++) {
		/* Not worth any effort, nor what is kept for those who free memory. */
		struct span *span = span_new(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC);

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
 * Spans that come and go meanwhile may or may not be found.
 *
 * Context: Any but NMI; takes the heap's lock.
 *
 * Return: false if there is none from @page on
 */
bool heap_next_span(struct span_heap *heap, unsigned long *page, struct span_view *view)
{
	unsigned long addr = 0;
	unsigned long flags;
	bool found = false;

	while (!found) {
		flags = heap_lock(heap);
		*page = pageindex_next_used(&heap->index, *page);
		if (*page != ULONG_MAX)
			addr = heap_page_address_locked(heap, *page);
		heap_unlock(heap, flags);
		if (*page == ULONG_MAX)
			return false;
		rcu_read_lock();
		found = span_at((void *)addr, view);
		rcu_read_unlock();
		if (!found)
			++*page;
	}
	*page += (view->base + (view->npages << PAGE_SHIFT) - addr) >> PAGE_SHIFT;
	return true;
}
