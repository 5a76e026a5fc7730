// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocating, freeing and splitting, as clients see them.
 *
 * Requests are checked here and nowhere below. A length that the per-CPU caches
 * keep is served from them, and parked in them when it is freed; everything
 * else, and what they do not have, goes to the heap.
 *
 * A free takes the descriptor's life first: of any number of callers that free
 * the same span, one goes on to give its pages back.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

/* Flags that ask for memory of a sort that spans are not made of. */
#define UNSUPPORTED_GFP	(__GFP_HIGHMEM | __GFP_DMA | __GFP_DMA32 | __GFP_MOVABLE | \
			 __GFP_RECLAIMABLE | __GFP_COMP)

/* Flags that a cached span may not be able to honour. */
#define UNCACHED_GFP	(UNSUPPORTED_GFP | __GFP_NOFAIL | __GFP_THISNODE)

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

static bool has_limit(const struct span_heap *heap)
{
	return READ_ONCE(heap->limit) || READ_ONCE(total_limit);
}

static bool gfp_is_ok(const struct span_request *req)
{
	gfp_t bad = req->gfp & UNSUPPORTED_GFP;

	if (bad) {
		pr_warn_once("spans cannot be allocated with %pGg, as %pS asked\n", &bad,
			     (void *)req->caller);
		return false;
	}
	if (!(req->gfp & __GFP_NOFAIL))
		return true;
	if (has_limit(req->heap) || !gfpflags_allow_blocking(req->gfp)) {
		pr_warn_once("%pS asked for __GFP_NOFAIL where it cannot be promised, of heap %s\n",
			     (void *)req->caller, req->heap->name);
		return false;
	}
	return true;
}

static __always_inline bool node_is_ok(int node)
{
	return node == NUMA_NO_NODE ||
	       (node >= 0 && node < MAX_NUMNODES && node_online(node));
}

static bool request_is_ok(const struct span_request *req)
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
	if (!node_is_ok(req->node)) {
		pr_warn_ratelimited("%pS asked for a span on node %d, which there is not, of heap %s\n",
				    (void *)req->caller, req->node, req->heap->name);
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

/* From the heap; what the caches hold is given up before that fails. */
static struct span *take_uncached(const struct span_request *req)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	struct span *span;
	u64 *failure;

	if (!request_is_ok(req))
		return failed(heap, &heap->count.fail_invalid_count);
	for (;;) {
		span = heap_alloc(req, &failure);
		if (!span && cache_drain(heap, sleep))
			span = heap_alloc(req, &failure);
		/* What other heaps hold may be in the way, too. */
		if (!span && sleep && READ_ONCE(total_limit) &&
		    pressure_release(req->npages, RELEASE_LIMIT))
			span = heap_alloc(req, &failure);
		if (span) {
			if (req->align == 1 && !(req->gfp & UNCACHED_GFP))
				cache_fill(heap, span);
			return span;
		}
		if (!(req->gfp & __GFP_NOFAIL) || has_limit(heap))
			return failed(heap, failure);
		schedule_timeout_uninterruptible(1);
	}
}

/* A parked span, its memory as @gfp asks. */
static __always_inline struct span *take_cached(struct span_heap *heap, unsigned long npages,
						int node, enum span_kind kind, gfp_t gfp)
{
	bool zero = want_init_on_alloc(gfp);
	struct span *span;

	if (unlikely(gfp & UNCACHED_GFP || (unsigned int)kind >= SPAN_NR_KINDS ||
		     !node_is_ok(node)))
		return NULL;
	span = cache_pop(heap, npages, node, kind, zero);
	if (span && zero && !want_init_on_free())
		memset((void *)span->base, 0, npages << PAGE_SHIFT);
	return span;
}

/* Bring a span to life for whoever asked for it. */
static __always_inline void *begin(struct span *span, enum span_kind kind, gfp_t gfp,
				   unsigned long caller)
{
	WRITE_ONCE(span->owner, NULL);
	WRITE_ONCE(span->caller, caller);
	span->born = (u32)jiffies;
	span_publish(span, kind);
	kmemleak_alloc((void *)span->base, span->npages << PAGE_SHIFT, 1, metadata_gfp(gfp));
	return (void *)span->base;
}

/* Pages are nobody's, spans are somebody's: see charge.c. */
static struct span *take_charged(const struct span_request *req, gfp_t gfp)
{
	struct span_heap *heap = req->heap;
	struct span *span = NULL;
	struct obj_cgroup *payer;

	if (!request_is_ok(req))
		return failed(heap, &heap->count.fail_invalid_count);
	if (charge_current(req->npages, gfp, &payer))
		return failed(heap, &heap->count.fail_charge_count);
	if (req->align == 1)
		span = take_cached(heap, req->npages, req->node, req->kind, req->gfp);
	if (!span)
		span = take_uncached(req);
	if (span)
		span->charged = payer;
	else
		charge_end(payer, req->npages);
	return span;
}

/* Whatever the caches do not serve at once. */
static noinline void *alloc_slowly(struct span_heap *heap, unsigned long npages,
				   unsigned long align, int node, enum span_kind kind,
				   gfp_t gfp, unsigned long caller)
{
	const struct span_request req = {
		.heap = heap,
		.npages = npages,
		.align = align,
		.node = node,
		.kind = kind,
		.gfp = gfp & ~__GFP_ACCOUNT,
		.caller = caller,
	};
	struct span *span;

	if (!heap_is_ok(heap, "span_alloc", caller))
		return NULL;
	might_sleep_if(gfpflags_allow_blocking(gfp));
	span = gfp & __GFP_ACCOUNT ? take_charged(&req, gfp) : take_uncached(&req);
	return span ? begin(span, kind, req.gfp, caller) : NULL;
}

static __always_inline void *alloc(struct span_heap *heap, unsigned long npages, int node,
				   enum span_kind kind, gfp_t gfp, unsigned long caller)
{
	struct span *span = NULL;

	might_sleep_if(gfpflags_allow_blocking(gfp));
	if (!IS_ERR_OR_NULL(heap) && likely(!(gfp & __GFP_ACCOUNT)))
		span = take_cached(heap, npages, node, kind, gfp);
	if (likely(span))
		return begin(span, kind, gfp, caller);
	return alloc_slowly(heap, npages, 1, node, kind, gfp, caller);
}

void *span_alloc(struct span_heap *heap, unsigned long npages, gfp_t gfp)
{
	return alloc(heap, npages, NUMA_NO_NODE, SPAN_KIND_HEAP, gfp, _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc, "SPANALLOC");

void *span_alloc_aligned(struct span_heap *heap, unsigned long npages,
			 unsigned long align_pages, gfp_t gfp)
{
	if (align_pages == 1)
		return alloc(heap, npages, NUMA_NO_NODE, SPAN_KIND_HEAP, gfp, _RET_IP_);
	return alloc_slowly(heap, npages, align_pages, NUMA_NO_NODE, SPAN_KIND_HEAP, gfp,
			    _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_aligned, "SPANALLOC");

void *span_alloc_kind(struct span_heap *heap, unsigned long npages, enum span_kind kind,
		      gfp_t gfp)
{
	return alloc(heap, npages, NUMA_NO_NODE, kind, gfp, _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_kind, "SPANALLOC");

void *span_alloc_node(struct span_heap *heap, unsigned long npages, int node, gfp_t gfp)
{
	return alloc(heap, npages, node, SPAN_KIND_HEAP, gfp, _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_node, "SPANALLOC");

/* === Freeing and splitting ============================================== */

/* Look up a live span by its base; @view is only valid if this returns true. */
static bool span_at_base(const void *addr, struct span_view *view)
{
	return span_at(addr, view) && view->base == (unsigned long)addr;
}

/* Give a span that has just died to the cache, or else to the heap. */
static void give_back(struct span *span, enum span_kind kind)
{
	if (unlikely(span->charged)) {
		charge_end(span->charged, span->npages);
		span->charged = NULL;
	}
	if (want_init_on_free())
		memset((void *)span->base, 0, (size_t)span->npages << PAGE_SHIFT);
	if (!cache_push(span->heap, span, kind))
		heap_free(span->heap, span, kind);
}

void span_free(const void *addr)
{
	enum span_kind kind;
	struct span *span;

	if (!addr)
		return;
	span = span_end_at(addr, &kind);
	if (unlikely(!span)) {
		report_bad_free(addr, _RET_IP_);
		return;
	}
	kmemleak_free(addr);
	give_back(span, kind);
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
	second->node = first->node;
	second->heap = heap;
	second->charged = charge_share(first->charged);
	second->owner = view->owner;
	second->caller = first->caller;
	second->born = first->born;
	/* Live before it is found: until then its pages are found in the first part. */
	span_publish(second, span_state_kind(view->state));
	span_enter(second, second->base, second->npages);
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
