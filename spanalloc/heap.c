// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap: allocating, freeing and splitting spans.
 *
 * An allocation goes through these steps, each undone if a later one fails:
 *
 *	descriptor	from its slab
 *	claim		lowest run of free pages, under the heap's lock; if there
 *			is none the heap grows, if the limit forbids it idle
 *			pages elsewhere are released, and the search is repeated
 *	backing		pages behind what is released; clearing
 *	publish		map entries, then the state
 *
 * The lock is held for the claim and the counters alone. From then on the run
 * is the caller's, which is why backing and publishing need none.
 *
 * A free takes the descriptor's life first: of any number of callers that free
 * the same span, one goes on to give its pages back.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/jiffies.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

/* Flags that ask for memory of a sort that spans are not made of. */
#define UNSUPPORTED_GFP	(__GFP_HIGHMEM | __GFP_DMA | __GFP_DMA32 | __GFP_MOVABLE | \
			 __GFP_RECLAIMABLE | __GFP_COMP)

DECLARE_WAIT_QUEUE_HEAD(heap_news_wait);
bool heap_has_news;

/* What an allocation is about. */
struct request {
	struct span_heap *heap;
	unsigned long npages;
	unsigned long align;
	enum span_kind kind;
	gfp_t gfp;
	unsigned long caller;
};

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
	if (heap->watched || heap->index.nr_idle <= heap->reserve)
		return false;
	heap->watched = true;
	return true;
}

/**
 * heap_watch() - wake the scavenger
 * @heap: the heap that there is news of
 * @news: whether there is any
 *
 * Context: Any but NMI.
 */
void heap_watch(struct span_heap *heap, bool news)
{
	if (!news)
		return;
	/* Before the wake-up; the scavenger clears it before it looks. */
	WRITE_ONCE(heap_has_news, true);
	wake_up(&heap_news_wait);
}

/* === Diagnostics ======================================================== */

/**
 * heap_kind_name() - name a kind of span
 * @kind: the kind
 *
 * Return: one word
 */
const char *heap_kind_name(enum span_kind kind)
{
	static const char * const names[] = { "heap", "stack", "bits", "work" };

	static_assert(ARRAY_SIZE(names) == SPAN_NR_KINDS);
	return names[kind];
}

/* Say once, at a bounded rate, what is wrong with an address. */
static void report_address(const char *what, const void *addr, unsigned long caller)
{
	struct span_view view;
	struct arena *arena;

	rcu_read_lock();
	arena = arena_of((unsigned long)addr);
	if (!arena)
		pr_warn_ratelimited("%s(%p) from %pS: not an address of any heap\n", what, addr,
				    (void *)caller);
	else if (span_at(addr, &view))
		pr_warn_ratelimited("%s(%p) from %pS: %lu bytes into a span of %lu pages, in use (%s), of heap %s\n",
				    what, addr, (void *)caller, (unsigned long)addr - view.base,
				    view.npages, heap_kind_name(span_state_kind(view.state)),
				    arena->heap->name);
	else
		pr_warn_ratelimited("%s(%p) from %pS: span is dead, freed or never allocated, of heap %s\n",
				    what, addr, (void *)caller, arena->heap->name);
	rcu_read_unlock();
}

/* A free of something else than a live span's base. */
static void report_bad_free(const void *addr, unsigned long caller)
{
	struct arena *arena;
	unsigned long flags;

	report_address("span_free", addr, caller);
	rcu_read_lock();
	arena = arena_of((unsigned long)addr);
	if (arena) {
		flags = heap_lock(arena->heap);
		arena->heap->count.bad_free_count++;
		heap_unlock(arena->heap, flags);
	}
	rcu_read_unlock();
}

/**
 * heap_is_ok() - check a heap that a client passed
 * @heap: what it passed
 * @what: the function it called
 * @caller: where from
 *
 * Return: false, after a diagnostic, if it cannot be a heap
 */
bool heap_is_ok(const struct span_heap *heap, const char *what, unsigned long caller)
{
	if (!IS_ERR_OR_NULL(heap))
		return true;
	pr_warn_ratelimited("%s from %pS: heap is %pe\n", what, (void *)caller, heap);
	return false;
}

static bool gfp_is_ok(const struct request *req)
{
	gfp_t bad = req->gfp & UNSUPPORTED_GFP;

	if (bad) {
		pr_warn_once("spans cannot be allocated with %pGg, as %pS asked\n", &bad,
			     (void *)req->caller);
		return false;
	}
	if (!(req->gfp & __GFP_NOFAIL))
		return true;
	if (READ_ONCE(req->heap->limit) || !gfpflags_allow_blocking(req->gfp)) {
		pr_warn_once("%pS asked for __GFP_NOFAIL where it cannot be promised, of heap %s\n",
			     (void *)req->caller, req->heap->name);
		return false;
	}
	return true;
}

static bool request_is_ok(const struct request *req)
{
	if (!req->npages || req->npages > totalram_pages()) {
		pr_warn_ratelimited("%pS asked for a span of %lu pages of heap %s\n",
				    (void *)req->caller, req->npages, req->heap->name);
		return false;
	}
	if (!is_power_of_2(req->align) || req->align > ARENA_PAGES) {
		pr_warn_ratelimited("%pS asked for a span aligned to %lu pages of heap %s\n",
				    (void *)req->caller, req->align, req->heap->name);
		return false;
	}
	if ((unsigned int)req->kind >= SPAN_NR_KINDS) {
		pr_warn_ratelimited("%pS asked for a span of kind %d of heap %s\n",
				    (void *)req->caller, req->kind, req->heap->name);
		return false;
	}
	return gfp_is_ok(req);
}

/* === Allocating ========================================================= */

/* Count a failure; returns NULL so that it can end a function. */
static void *failed(struct span_heap *heap, u64 *counter)
{
	unsigned long flags = heap_lock(heap);

	++*counter;
	heap_unlock(heap, flags);
	return NULL;
}

/* Where a request is to be served from; callers that cannot wait prefer idle pages. */
static bool find_locked(const struct request *req, struct pageindex_claim *claim)
{
	struct pageindex *idx = &req->heap->index;

	if (req->align > 1)
		return pageindex_alloc_aligned(idx, req->npages, req->align, claim);
	if (!gfpflags_allow_blocking(req->gfp) && pageindex_alloc_idle(idx, req->npages, claim))
		return true;
	return pageindex_alloc(idx, req->npages, claim);
}

/* Take a run from the index, and count it as a live span. */
static bool claim_locked(const struct request *req, struct pageindex_claim *claim,
			 unsigned long *addr)
{
	struct span_heap *heap = req->heap;

	lockdep_assert_held(&heap->lock);
	if (heap->dying || !find_locked(req, claim))
		return false;
	*addr = heap_page_address_locked(heap, claim->page);
	heap->in_use[req->kind] += req->npages;
	heap->spans++;
	heap->count.alloc_count++;
	return true;
}

/* Returns what to count if it fails, NULL if it does not. */
static u64 *claim(const struct request *req, struct pageindex_claim *claim, unsigned long *addr)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	unsigned long flags, grows, limit;
	bool again = true;
	bool ok;

	for (;;) {
		flags = heap_lock(heap);
		grows = heap->grows;
		limit = heap->limit;
		claim->released = 0;
		ok = claim_locked(req, claim, addr);
		heap_unlock(heap, flags);
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

/* Give back pages @start..@end - 1 of a claim, which were released or are idle. */
static void unclaim_part_locked(struct span_heap *heap, const struct pageindex_claim *claim,
				unsigned long start, unsigned long end, bool released)
{
	lockdep_assert_held(&heap->lock);
	if (start == end)
		return;
	if (released)
		pageindex_release(&heap->index, claim->page + start, end - start);
	else
		pageindex_free(&heap->index, claim->page + start, end - start, false);
}

/*
 * Undo a claim whose backing failed. What was provided goes back to the system
 * where that is possible; in atomic context, where no TLB can be flushed, it
 * stays as idle pages.
 */
static void unclaim(const struct request *req, const struct pageindex_claim *claim,
		    const struct backing *backing)
{
	struct span_heap *heap = req->heap;
	bool drop = gfpflags_allow_blocking(req->gfp);
	unsigned long start = 0, end, at = 0, kept = 0;
	unsigned int flushes = 0;
	unsigned long flags;
	bool news;

	while (drop && backing_next_missing(backing, &start, &end)) {
		unsigned long done = clamp(backing->done, start, end);

		if (done > start)
			flushes += backing_drop(backing->addr + (start << PAGE_SHIFT),
						done - start);
		start = end;
	}

	flags = heap_lock(heap);
	for (start = 0; backing_next_missing(backing, &start, &end); start = end) {
		unsigned long keep = drop ? start : clamp(backing->done, start, end);

		unclaim_part_locked(heap, claim, at, start, false);
		unclaim_part_locked(heap, claim, start, keep, false);
		unclaim_part_locked(heap, claim, keep, end, true);
		kept += keep - start;
		at = end;
	}
	unclaim_part_locked(heap, claim, at, req->npages, false);
	heap->in_use[req->kind] -= req->npages;
	heap->spans--;
	heap->count.alloc_count--;
	heap->count.backed_pages += kept;
	heap->count.tlb_flush_count += flushes;
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
}

static void count_backing(struct span_heap *heap, const struct pageindex_claim *claim,
			  const struct backing *backing)
{
	unsigned long flags = heap_lock(heap);

	heap->count.backed_pages += claim->released;
	heap->count.rebacked_pages += claim->released - claim->fresh;
	heap->count.zeroed_pages += backing->zeroed;
	heap->count.zero_skipped_pages += backing->skipped;
	heap_note_peak_locked(heap);
	heap_unlock(heap, flags);
}

/* Put memory behind a claim; false after undoing it. */
static bool back(const struct request *req, const struct pageindex_claim *claim,
		 unsigned long addr)
{
	struct span_heap *heap = req->heap;
	struct backing backing = {
		.addr = addr,
		.npages = req->npages,
		.released = claim->released,
		.clean = claim->clean,
		.node = heap->node,
		.gfp = req->gfp,
	};
	int ret;

	if (want_init_on_alloc(req->gfp))
		backing.gfp |= __GFP_ZERO;
	ret = backing_provide(&backing);
	if (ret)
		unclaim(req, claim, &backing);
	backing_end(&backing);
	if (!ret && (claim->released || backing.zeroed || backing.skipped))
		count_backing(heap, claim, &backing);
	return !ret;
}

/* Replace what an allocation took from the heap's reserve, or have it replaced. */
static void mind_reserve(const struct request *req)
{
	struct span_heap *heap = req->heap;

	/* Racy, and no harm: the next allocation looks again. */
	if (likely(data_race(heap->index.nr_idle >= heap->reserve)))
		return;
	/* A caller in the middle of I/O must not be made to wait for I/O. */
	if ((req->gfp & GFP_KERNEL) == GFP_KERNEL && !(req->gfp & __GFP_NORETRY))
		heap_top_up(heap);
	else
		heap_watch(heap, true);
}

static void *alloc_once(const struct request *req)
{
	struct span_heap *heap = req->heap;
	struct span *span = span_new(req->gfp);
	struct pageindex_claim taken;
	unsigned long addr;
	u64 *failure;

	if (!span)
		return failed(heap, &heap->count.fail_metadata_count);
	failure = claim(req, &taken, &addr);
	if (failure) {
		span_delete(span);
		return failed(heap, failure);
	}
	if (!back(req, &taken, addr)) {
		span_delete(span);
		return failed(heap, &heap->count.fail_backing_count);
	}
	span->base = addr;
	span->npages = req->npages;
	span->heap = heap;
	span->owner = NULL;
	span->caller = req->caller;
	span->born = jiffies;
	span_enter(span, addr, req->npages);
	span_publish(span, req->kind);
	kmemleak_alloc((void *)addr, req->npages << PAGE_SHIFT, 1, metadata_gfp(req->gfp));
	mind_reserve(req);
	return (void *)addr;
}

static void *alloc(const struct request *req)
{
	void *addr;

	if (!heap_is_ok(req->heap, "span_alloc", req->caller))
		return NULL;
	might_sleep_if(gfpflags_allow_blocking(req->gfp));
	if (!request_is_ok(req))
		return failed(req->heap, &req->heap->count.fail_invalid_count);
	for (;;) {
		addr = alloc_once(req);
		if (addr || !(req->gfp & __GFP_NOFAIL) || READ_ONCE(req->heap->limit))
			return addr;
		schedule_timeout_uninterruptible(1);
	}
}

void *span_alloc(struct span_heap *heap, unsigned long npages, gfp_t gfp)
{
	const struct request req = {
		.heap = heap,
		.npages = npages,
		.align = 1,
		.kind = SPAN_KIND_HEAP,
		.gfp = gfp,
		.caller = _RET_IP_,
	};

	return alloc(&req);
}
EXPORT_SYMBOL_NS_GPL(span_alloc, "SPANALLOC");

void *span_alloc_aligned(struct span_heap *heap, unsigned long npages,
			 unsigned long align_pages, gfp_t gfp)
{
	const struct request req = {
		.heap = heap,
		.npages = npages,
		.align = align_pages,
		.kind = SPAN_KIND_HEAP,
		.gfp = gfp,
		.caller = _RET_IP_,
	};

	return alloc(&req);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_aligned, "SPANALLOC");

void *span_alloc_kind(struct span_heap *heap, unsigned long npages, enum span_kind kind,
		      gfp_t gfp)
{
	const struct request req = {
		.heap = heap,
		.npages = npages,
		.align = 1,
		.kind = kind,
		.gfp = gfp,
		.caller = _RET_IP_,
	};

	return alloc(&req);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_kind, "SPANALLOC");

/* === Freeing, splitting, walking ======================================== */

/* Look up a live span by its base; @view is only valid if this returns true. */
static bool span_at_base(const void *addr, struct span_view *view)
{
	return span_at(addr, view) && view->base == (unsigned long)addr;
}

static unsigned long page_of(unsigned long addr)
{
	struct arena *arena = arena_of(addr);

	return arena->first_page + ((addr - arena->base) >> PAGE_SHIFT);
}

/* Give the pages of a span that has just died back to its heap. */
static void free_pages_of(const struct span_view *view)
{
	struct span_heap *heap = view->heap;
	unsigned long page = page_of(view->base);
	bool clean = want_init_on_free();
	unsigned long flags;
	bool news;

	if (clean)
		memset((void *)view->base, 0, view->npages << PAGE_SHIFT);
	flags = heap_lock(heap);
	pageindex_free(&heap->index, page, view->npages, clean);
	heap->in_use[span_state_kind(view->state)] -= view->npages;
	heap->spans--;
	heap->count.free_count++;
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
}

void span_free(const void *addr)
{
	struct span_view view;
	bool ok;

	if (!addr)
		return;
	rcu_read_lock();
	ok = span_at_base(addr, &view) && span_retire(&view);
	rcu_read_unlock();
	if (!ok) {
		report_bad_free(addr, _RET_IP_);
		return;
	}
	kmemleak_free(addr);
	span_leave(view.span);
	free_pages_of(&view);
	span_delete(view.span);
}
EXPORT_SYMBOL_NS_GPL(span_free, "SPANALLOC");

/* Cut @view's span, which the caller holds, and bring @second to life. */
static void split_held(const struct span_view *view, struct span *second, unsigned long npages)
{
	struct span_heap *heap = view->heap;
	struct span *first = view->span;
	unsigned long flags;

	second->base = view->base + (npages << PAGE_SHIFT);
	second->npages = view->npages - npages;
	second->heap = heap;
	second->owner = view->owner;
	second->caller = first->caller;
	second->born = first->born;
	span_enter(second, second->base, second->npages);
	span_publish(second, span_state_kind(view->state));
	span_cut(first, npages);
	span_unhold(first);

	flags = heap_lock(heap);
	heap->spans++;
	heap->count.split_count++;
	heap_unlock(heap, flags);
}

int span_split(const void *addr, unsigned long npages)
{
	struct span *second = span_new(GFP_ATOMIC | __GFP_NOWARN);
	struct span_view view;
	unsigned long base = (unsigned long)addr;
	bool ok;

	if (!second)
		return -ENOMEM;
	rcu_read_lock();
	ok = span_at_base(addr, &view) && npages && npages < view.npages && span_hold(&view);
	rcu_read_unlock();
	if (!ok) {
		span_delete(second);
		report_address("span_split", addr, _RET_IP_);
		return -EINVAL;
	}
	kmemleak_free(addr);
	kmemleak_alloc(addr, npages << PAGE_SHIFT, 1, GFP_ATOMIC);
	kmemleak_alloc((void *)(base + (npages << PAGE_SHIFT)),
		       (view.npages - npages) << PAGE_SHIFT, 1, GFP_ATOMIC);
	split_held(&view, second, npages);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(span_split, "SPANALLOC");

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
