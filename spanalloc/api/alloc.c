// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocating, freeing and splitting, as clients see them.
 *
 * Requests are checked here, and in no layer below: flags, kind and node before the caches are
 * asked (alloc_take_cached()), everything before the heap is asked (alloc_request_is_ok()). The
 * per-CPU caches serve the lengths that they keep, and cache spans of these lengths when they
 * are freed. The heap serves all other requests, and requests that the caches cannot serve.
 *
 * A free marks the descriptor dead first, atomically. Of any number of callers that free the
 * same span, exactly one succeeds and gives the pages back.
 */
#include <linux/jump_label.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include <spanalloc/spanalloc.h>

#include "base/gfp.h"
#include "base/params.h"
#include "cache/cache.h"
#include "heap/budget.h"
#include "heap/deferred.h"
#include "heap/heap.h"
#include "heap/heap_alloc.h"
#include "heap/heap_free.h"
#include "heap/release.h"
#include "heap/report.h"
#include "heap/request.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"
#include "reclaim/pressure.h"
#include "vm/charge.h"

/* Flags for memory that spans are not made of, or for a compound page. */
#define UNSUPPORTED_GFP	(__GFP_HIGHMEM | __GFP_DMA | __GFP_DMA32 | __GFP_MOVABLE | \
			 __GFP_RECLAIMABLE | __GFP_COMP)

/* Flags of requests that skip the caches: to be refused, to be checked, or bound to a node. */
#define UNCACHED_GFP	(UNSUPPORTED_GFP | ~__GFP_BITS_MASK | __GFP_NOFAIL | __GFP_THISNODE)

static bool gfp_is_ok(const struct span_request *req)
{
	gfp_t bad = req->gfp & UNSUPPORTED_GFP;
	gfp_t unknown = req->gfp & ~__GFP_BITS_MASK;

	if (bad)
		return report_request(req, "with flags %pGg, which spans cannot have", &bad);
	if (unknown)
		return report_request(req, "with unknown flags %#x", (__force unsigned int)unknown);
	if (!(req->gfp & __GFP_NOFAIL))
		return true;
	if (!gfpflags_allow_blocking(req->gfp))
		return report_request(req, "with __GFP_NOFAIL, but it may not sleep");
	if (READ_ONCE(req->heap->limit))
		return report_request(req, "with __GFP_NOFAIL, but there is a hard limit");
	return true;
}

static __always_inline bool node_is_ok(int node)
{
	return node == NUMA_NO_NODE ||
	       (node >= 0 && node < MAX_NUMNODES && node_online(node));
}

static bool alloc_request_is_ok(const struct span_request *req)
{
	if (!req->npages || req->npages > totalram_pages())
		return report_request(req, "of %lu pages; 1 to %lu are possible", req->npages,
				      totalram_pages());
	if (!is_power_of_2(req->align) || req->align > ARENA_PAGES)
		return report_request(req,
				      "aligned to %lu pages; powers of two up to %lu are possible",
				      req->align, ARENA_PAGES);
	if ((unsigned int)req->kind >= SPAN_NR_KINDS)
		return report_request(req, "of kind %d; 0 to %d are possible", req->kind,
				      SPAN_NR_KINDS - 1);
	if (!node_is_ok(req->node))
		return report_request(req, "of node %d, which is not online", req->node);
	return gfp_is_ok(req);
}

/* === Allocating ========================================================= */

static u64 *failure_counter(struct span_heap *heap, enum alloc_failure failure)
{
	switch (failure) {
	case ALLOC_INVALID:
		return &heap->count.fail_invalid_count;
	case ALLOC_LIMIT:
	case ALLOC_TOTAL:
		return &heap->count.fail_limit_count;
	case ALLOC_NO_SPACE:
		return &heap->count.fail_space_count;
	case ALLOC_NO_METADATA:
		return &heap->count.fail_metadata_count;
	case ALLOC_NO_CHARGE:
		return &heap->count.fail_charge_count;
	default:
		return &heap->count.fail_backing_count;
	}
}

/* Count a failure. Returns NULL, for the caller to return. */
static void *alloc_fail(struct span_heap *heap, enum alloc_failure failure)
{
	unsigned long flags = heap_lock(heap);

	++*failure_counter(heap, failure);
	heap_unlock(heap, flags);
	return NULL;
}

/* May a request that failed succeed after the caches of its heap are drained? */
static bool caches_may_help(const struct span_request *req, enum alloc_failure failure)
{
	unsigned long limit = READ_ONCE(req->heap->limit);

	if (failure == ALLOC_NO_METADATA || (limit && req->npages > limit))
		return false;
	return !gfpflags_allow_blocking(req->gfp) || !fatal_signal_pending(current);
}

/* Allocate from the heap; if this fails, make cached spans idle and try again. */
static struct span *alloc_take_and_drain(const struct span_request *req,
					 enum alloc_failure *failure)
{
	struct span_heap *heap = req->heap;
	bool sleep = gfpflags_allow_blocking(req->gfp);
	struct span *span = heap_alloc(req, failure);

	if (span || !caches_may_help(req, *failure))
		return span;
	if (sleep ? cache_drain(heap) : cache_shed(heap))
		span = heap_alloc(req, failure);
	/* Have the caches of all CPUs drained for the next caller that cannot sleep. */
	if (!span && !sleep && cache_pages(heap))
		heap_want_drain(heap);
	return span;
}

/*
 * The limit on all heaps refused @req. Release idle pages of any heap if all idle pages together
 * make enough room. Returns true if other tasks or this one released pages: try again.
 */
static bool alloc_make_room_below_total(const struct span_request *req)
{
	unsigned long room = budget_room();

	if (!gfpflags_allow_blocking(req->gfp) || fatal_signal_pending(current))
		return false;
	if (req->npages > room && req->npages - room > pressure_count(NUMA_NO_NODE))
		return pressure_wait();
	return pressure_release(req->npages, RELEASE_LIMIT) || pressure_wait();
}

static struct span *alloc_take_uncached(const struct span_request *req)
{
	struct span_heap *heap = req->heap;
	enum alloc_failure failure;
	struct span *span;

	if (!alloc_request_is_ok(req))
		return alloc_fail(heap, ALLOC_INVALID);
	for (;;) {
		span = alloc_take_and_drain(req, &failure);
		if (!span && failure == ALLOC_TOTAL && alloc_make_room_below_total(req))
			span = heap_alloc(req, &failure);
		if (span) {
			if (req->align == 1 && !(req->gfp & UNCACHED_GFP))
				cache_fill(heap, span);
			return span;
		}
		if (!(req->gfp & __GFP_NOFAIL))
			return alloc_fail(heap, failure);
		schedule_timeout_uninterruptible(1);
	}
}

/* Take a cached span; clear its memory if @gfp asks for it. */
static __always_inline struct span *alloc_take_cached(struct span_heap *heap, unsigned long npages,
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

/* Make a dead span live, as allocated by @caller. */
static __always_inline void *alloc_publish(struct span *span, enum span_kind kind, gfp_t gfp,
					   unsigned long caller)
{
	WRITE_ONCE(span->owner, NULL);
	WRITE_ONCE(span->caller, caller);
	span->born = span_clock();
	span_publish(span, kind);
	kmemleak_alloc((void *)span->base, (size_t)span->npages << PAGE_SHIFT, 1,
		       metadata_gfp(gfp));
	return (void *)span->base;
}

/* Charge a request to the task's memory cgroup, and serve it: see vm/charge.c. */
static struct span *alloc_take_charged(const struct span_request *req, gfp_t gfp)
{
	struct span_heap *heap = req->heap;
	struct span *span = NULL;
	struct obj_cgroup *payer;

	if (!alloc_request_is_ok(req))
		return alloc_fail(heap, ALLOC_INVALID);
	if (charge_current(req->npages, gfp, &payer))
		return alloc_fail(heap, ALLOC_NO_CHARGE);
	if (req->align == 1)
		span = alloc_take_cached(heap, req->npages, req->node, req->kind, req->gfp);
	if (!span)
		span = alloc_take_uncached(req);
	if (span)
		span->charged = payer;
	else
		charge_end(payer, req->npages);
	return span;
}

/* Serve a request that the caches did not serve, or that has an alignment or a charge. */
static noinline void *alloc_slowly(struct span_heap *heap, unsigned long npages,
				   unsigned long align, int node, enum span_kind kind,
				   gfp_t gfp, const char *call, unsigned long caller)
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

	if (!heap_is_ok(heap, call, caller))
		return NULL;
	might_sleep_if(gfpflags_allow_blocking(gfp));
	span = gfp & __GFP_ACCOUNT ? alloc_take_charged(&req, gfp) : alloc_take_uncached(&req);
	return span ? alloc_publish(span, kind, req.gfp, caller) : NULL;
}

static __always_inline void *alloc_fast(struct span_heap *heap, unsigned long npages, int node,
					enum span_kind kind, gfp_t gfp, const char *call,
					unsigned long caller)
{
	struct span *span = NULL;

	might_sleep_if(gfpflags_allow_blocking(gfp));
	if (!IS_ERR_OR_NULL(heap) && likely(!(gfp & __GFP_ACCOUNT)))
		span = alloc_take_cached(heap, npages, node, kind, gfp);
	if (likely(span))
		return alloc_publish(span, kind, gfp, caller);
	return alloc_slowly(heap, npages, 1, node, kind, gfp, call, caller);
}

void *span_alloc(struct span_heap *heap, unsigned long npages, gfp_t gfp)
{
	return alloc_fast(heap, npages, NUMA_NO_NODE, SPAN_KIND_HEAP, gfp, "span_alloc", _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc, "SPANALLOC");

void *span_alloc_aligned(struct span_heap *heap, unsigned long npages,
			 unsigned long align_pages, gfp_t gfp)
{
	if (align_pages == 1)
		return alloc_fast(heap, npages, NUMA_NO_NODE, SPAN_KIND_HEAP, gfp,
				  "span_alloc_aligned", _RET_IP_);
	return alloc_slowly(heap, npages, align_pages, NUMA_NO_NODE, SPAN_KIND_HEAP, gfp,
			    "span_alloc_aligned", _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_aligned, "SPANALLOC");

void *span_alloc_kind(struct span_heap *heap, unsigned long npages, enum span_kind kind,
		      gfp_t gfp)
{
	return alloc_fast(heap, npages, NUMA_NO_NODE, kind, gfp, "span_alloc_kind", _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_kind, "SPANALLOC");

void *span_alloc_node(struct span_heap *heap, unsigned long npages, int node, gfp_t gfp)
{
	return alloc_fast(heap, npages, node, SPAN_KIND_HEAP, gfp, "span_alloc_node", _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_alloc_node, "SPANALLOC");

/* === Freeing and splitting ============================================== */

/* With SPAN_HEAP_SHARED_PAGES, a free checks the pages of spans up to this length at once. */
#define LOOK_PAGES	512

static bool check_held_pages;
static DEFINE_STATIC_KEY_FALSE(check_held_pages_key);

/*
 * Has a dead span's free to be deferred, since its pages may have further references? In heaps
 * without SPAN_HEAP_SHARED_PAGES, returns false; with check_held_pages, reports such pages.
 */
static __always_inline bool free_needs_work(const struct span *span, unsigned long caller)
{
	unsigned long held, first;

	/* Deferred work checks the pages of longer spans. */
	if (unlikely(span->heap->flags & SPAN_HEAP_SHARED_PAGES))
		return span->npages > LOOK_PAGES ||
		       deferred_count_held(span->base, span->npages, &first);
	if (static_branch_unlikely(&check_held_pages_key)) {
		held = deferred_count_held(span->base, span->npages, &first);
		if (held)
			report_held_pages(span, held, first, caller);
	}
	return false;
}

/* Give the pages of a span that has just died to deferred work, to the cache, or to the heap. */
static __always_inline void free_give_back(struct span *span, enum span_kind kind,
					   unsigned long caller)
{
	if (unlikely(span->charged)) {
		charge_end(span->charged, span->npages);
		span->charged = NULL;
	}
	if (free_needs_work(span, caller) ||
	    (want_init_on_free() && span->npages > deferred_clear_pages)) {
		deferred_add(span->heap, span, kind);
		return;
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
	free_give_back(span, kind, _RET_IP_);
}
EXPORT_SYMBOL_NS_GPL(span_free, "SPANALLOC");

/* Cut @view's span, which the caller has locked, and make @second live. */
static void alloc_split(const struct span_view *view, struct span *second, unsigned long npages)
{
	struct span_heap *heap = view->heap;
	struct span *first = view->span;
	unsigned long flags;

	second->base = view->base + (npages << PAGE_SHIFT);
	second->npages = view->npages - npages;
	second->node = first->node;
	second->heap = heap;
	second->charged = charge_share(first->charged);
	second->owner = READ_ONCE(first->owner);
	second->caller = first->caller;
	second->born = first->born;
	/* Publish @second before the map has it: until then lookups find its pages in @first. */
	span_publish(second, span_state_kind(view->state));
	span_enter(second, second->base, second->npages);
	span_cut(first, npages);
	span_unlock(first);

	flags = heap_lock(heap);
	heap->spans++;
	heap->count.split_count++;
	heap_unlock(heap, flags);
}

/*
 * Lock the span that begins at @addr, for a split. Returns false if no span begins there, @npages
 * is out of range, or another split has locked the span.
 */
static bool alloc_lock_for_split(const void *addr, unsigned long npages, struct span_view *view)
{
	bool held = false;

	view->npages = 0;
	rcu_read_lock();
	while (span_at(addr, view) && view->base == (unsigned long)addr && npages &&
	       npages < view->npages && !(view->state & SPAN_STATE_LOCKED)) {
		held = span_trylock(view);
		if (held)
			break;
		/* The span is pinned, or has changed since the lookup: look it up again. */
		cpu_relax();
	}
	rcu_read_unlock();
	return held;
}

int span_split(const void *addr, unsigned long npages)
{
	struct span *second = span_new(GFP_ATOMIC | __GFP_NOWARN);
	struct span_view view;
	unsigned long base = (unsigned long)addr;

	if (!second)
		return -ENOMEM;
	if (!alloc_lock_for_split(addr, npages, &view)) {
		span_delete(second);
		report_bad_split(addr, npages, _RET_IP_);
		return -EINVAL;
	}
	kmemleak_free(addr);
	kmemleak_alloc(addr, npages << PAGE_SHIFT, 1, GFP_ATOMIC);
	kmemleak_alloc((void *)(base + (npages << PAGE_SHIFT)),
		       (view.npages - npages) << PAGE_SHIFT, 1, GFP_ATOMIC);
	alloc_split(&view, second, npages);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(span_split, "SPANALLOC");

/* === Settings =========================================================== */

static int set_check_held_pages(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_switch(val, kp);

	if (ret)
		return ret;
	if (check_held_pages)
		static_branch_enable(&check_held_pages_key);
	else
		static_branch_disable(&check_held_pages_key);
	return 0;
}

static const struct kernel_param_ops check_held_pages_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_check_held_pages,
	.get = param_get_bool,
};

module_param_cb(check_held_pages, &check_held_pages_ops, &check_held_pages, 0644);
MODULE_PARM_DESC(check_held_pages,
		 "report frees of spans whose pages have further references, in heaps without SPAN_HEAP_SHARED_PAGES (default N)");
