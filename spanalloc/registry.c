// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry: making heaps, telling them apart by name, and ending them.
 *
 *	made --registry_lock--> in the registry and debugfs --> under pressure, scavenged
 *				    | span_heap_destroy(), no span lives
 *				    v
 *				dying: no allocations --> everything released
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/ctype.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "api/debugfs.h"
#include "cache/cache.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/heap_walk.h"
#include "heap/release.h"
#include "heap/report.h"
#include "heap/reserve.h"
#include "heap/span.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "reclaim/pass.h"
#include "reclaim/pressure.h"
#include "reclaim/scavenger.h"
#include "registry.h"

/* All flags that span_heap_create() accepts. */
#define HEAP_FLAGS	(SPAN_HEAP_NO_CACHE | SPAN_HEAP_AGE_ONLY | SPAN_HEAP_NO_POOL | \
			 SPAN_HEAP_SHARED_PAGES)

/* Spans that a leak report names. */
#define LEAKS_NAMED	16

static DEFINE_MUTEX(registry_lock);	/* registry_heaps, and its heaps' files in debugfs */
static LIST_HEAD(registry_heaps);
static struct span_heap *default_heap;

/* === Making ============================================================= */

static bool name_is_ok(const char *name)
{
	size_t len = strnlen(name, SPAN_HEAP_NAME_SIZE);
	size_t i;

	if (!len || len == SPAN_HEAP_NAME_SIZE || name[0] == '.')
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !isprint(name[i]) || name[i] == '/')
			return false;
	return true;
}

/* Returns what is wrong with @params, or NULL. */
static const char *params_fault(const struct span_heap_params *params)
{
	if (!params)
		return "there are no parameters";
	if (!params->name)
		return "it has no name";
	if (!name_is_ok(params->name))
		return "its name is not 1 to 31 printable characters without '/' or leading '.'";
	if (params->node != NUMA_NO_NODE &&
	    (params->node < 0 || params->node >= MAX_NUMNODES || !node_online(params->node)))
		return "its node is not online";
	if (params->scavenge_age_ms > SCAVENGE_AGE_MS_MAX)
		return "its age is more than 604800000 ms, a week";
	if (params->flags & ~HEAP_FLAGS)
		return "it has unknown flags";
	return NULL;
}

static void heap_delete(struct span_heap *heap)
{
	cache_delete(heap);
	release_batch_delete(heap->batch);
	kvfree(heap->index.idle_of);
	kvfree(heap);
}

/* With several nodes, count idle pages by node too: reclaim asks for pages of one node. */
static int registry_count_by_node(struct span_heap *heap)
{
	if (nr_node_ids == 1)
		return 0;
	heap->index.idle_of = kvcalloc(nr_node_ids + 1, sizeof(*heap->index.idle_of), GFP_KERNEL);
	return heap->index.idle_of ? 0 : -ENOMEM;
}

static struct span_heap *heap_new(const struct span_heap_params *params)
{
	struct span_heap *heap = kvzalloc(sizeof(*heap), GFP_KERNEL);

	if (!heap)
		return NULL;
	heap->batch = release_batch_new();
	if (!heap->batch) {
		kvfree(heap);
		return NULL;
	}
	strscpy(heap->name, params->name, sizeof(heap->name));
	heap->node = params->node;
	heap->age_ms = params->scavenge_age_ms;
	heap->flags = params->flags;
	heap->limit = params->limit_pages;
	spin_lock_init(&heap->lock);
	mutex_init(&heap->grow_lock);
	reserve_init(heap);
	mutex_init(&heap->long_lock);
	mutex_init(&heap->release_lock);
	inflight_init(&heap->inflight);
	INIT_LIST_HEAD(&heap->space.ranges);
	pageindex_init(&heap->index);
	heap->index.stop_at_stale = true;
	pass_init(heap);
	if (heap->limit)
		heap->index.max_backed = heap->limit;
	if (registry_count_by_node(heap) ||
	    (!(params->flags & SPAN_HEAP_NO_CACHE) && cache_new(heap))) {
		heap_delete(heap);
		return NULL;
	}
	return heap;
}

static bool name_is_taken(const char *name)
{
	struct span_heap *heap;

	lockdep_assert_held(&registry_lock);
	list_for_each_entry(heap, &registry_heaps, list)
		if (!strcmp(heap->name, name))
			return true;
	return false;
}

struct span_heap *span_heap_create(const struct span_heap_params *params)
{
	const char *fault = params_fault(params);
	struct span_heap *heap;

	if (fault) {
		pr_warn_ratelimited("%pS asked for a heap, but %s\n", (void *)_RET_IP_, fault);
		return ERR_PTR(-EINVAL);
	}
	heap = heap_new(params);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&registry_lock);
	if (name_is_taken(heap->name)) {
		mutex_unlock(&registry_lock);
		heap_delete(heap);
		return ERR_PTR(-EEXIST);
	}
	list_add_tail(&heap->list, &registry_heaps);
	span_debugfs_add_heap(heap);
	mutex_unlock(&registry_lock);
	pressure_add(heap);
	scavenger_add(heap);
	return heap;
}
EXPORT_SYMBOL_NS_GPL(span_heap_create, "SPANALLOC");

struct span_heap *span_heap_default(void)
{
	return default_heap;
}
EXPORT_SYMBOL_NS_GPL(span_heap_default, "SPANALLOC");

const char *span_heap_name(const struct span_heap *heap)
{
	return heap_is_ok(heap, "span_heap_name", _RET_IP_) ? heap->name : "(no heap)";
}
EXPORT_SYMBOL_NS_GPL(span_heap_name, "SPANALLOC");

/* === Ending ============================================================= */

static void report_leaks(struct span_heap *heap, unsigned long spans, unsigned long caller)
{
	/* A client may call span_heap_destroy() in a loop until it succeeds. */
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, 2);

	unsigned long page = 0;
	unsigned int named = 0;
	struct span_origin origin;
	struct span_view view;

	if (caller && !__ratelimit(&limit))
		return;
	if (caller)
		pr_warn("span_heap_destroy() from %pS: heap %s still has %lu spans:\n",
			(void *)caller, heap->name, spans);
	else
		pr_warn("heap %s still has %lu spans:\n", heap->name, spans);
	while (named < LEAKS_NAMED && heap_next_span(heap, &page, &view)) {
		if (!span_origin(&view, &origin))
			continue;
		pr_warn("  %p: %lu pages, %s, for %llu ms, owner %p, from %pS\n",
			(void *)view.base, view.npages, heap_kind_name(span_state_kind(view.state)),
			origin.age_ms, view.owner, (void *)origin.caller);
		named++;
	}
	if (named < spans)
		pr_warn("  and others\n");
}

/* Stop allocations, unless spans live: then returns false. Sets *@spans to their number. */
static bool registry_stop_allocations(struct span_heap *heap, unsigned long *spans)
{
	struct cache_sum cached;
	unsigned long flags;

	cache_sum(heap, &cached);
	flags = heap_lock(heap);
	*spans = heap->spans + cached.spans;
	if (!*spans)
		heap->dying = true;
	heap_unlock(heap, flags);
	return !*spans;
}

static bool is_registered_locked(const struct span_heap *wanted)
{
	struct span_heap *heap;

	lockdep_assert_held(&registry_lock);
	list_for_each_entry(heap, &registry_heaps, list)
		if (heap == wanted)
			return true;
	return false;
}

/* Take the heap out of the registry and out of debugfs, so that no later call finds it. */
static void unregister_locked(struct span_heap *heap)
{
	lockdep_assert_held(&registry_lock);
	list_del(&heap->list);
	span_debugfs_remove_heap(heap);
}

/* Free an unregistered heap, which no caller uses any more. */
static void heap_end(struct span_heap *heap)
{
	unsigned long flags;

	scavenger_remove(heap);
	pressure_remove(heap);
	flags = heap_lock(heap);
	heap->reserve = 0;
	heap_unlock(heap, flags);
	cache_delete(heap);
	release_any(heap, ULONG_MAX, RELEASE_FORCED);
	arena_delete_all(heap);
	heap_delete(heap);
}

/* Unregister @heap if it has no live spans. The caller ends the heap without registry_lock. */
static int unregister_unused_locked(struct span_heap *heap, unsigned long caller)
{
	unsigned long spans;

	lockdep_assert_held(&registry_lock);
	if (!is_registered_locked(heap)) {
		report_call("span_heap_destroy", "there is no such heap; destroyed already?",
			    caller);
		return -EINVAL;
	}
	if (!registry_stop_allocations(heap, &spans)) {
		report_leaks(heap, spans, caller);
		return -EBUSY;
	}
	unregister_locked(heap);
	return 0;
}

int span_heap_destroy(struct span_heap *heap)
{
	int ret;

	if (!heap_is_ok(heap, "span_heap_destroy", _RET_IP_))
		return -EINVAL;
	if (heap == default_heap) {
		report_call("span_heap_destroy", "the default heap cannot be destroyed", _RET_IP_);
		return -EINVAL;
	}
	mutex_lock(&registry_lock);
	ret = unregister_unused_locked(heap, _RET_IP_);
	mutex_unlock(&registry_lock);
	if (!ret)
		heap_end(heap);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(span_heap_destroy, "SPANALLOC");

/* Free the spans that unloaded clients left in a heap. */
static void registry_free_leaks(struct span_heap *heap)
{
	unsigned long page = 0;
	struct span_view view;

	while (heap_next_span(heap, &page, &view))
		span_free((void *)view.base);
}

/**
 * registry_init() - make the default heap
 *
 * Return: 0 or a negative error code
 */
int __init registry_init(void)
{
	static const struct span_heap_params params = {
		.name = "default",
		.node = NUMA_NO_NODE,
	};
	struct span_heap *heap = span_heap_create(&params);

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	default_heap = heap;
	return 0;
}

/**
 * registry_exit() - end the heaps that are left
 *
 * The default heap is always left. Any other heap, and any live span, was left by a
 * client that is already unloaded: it is reported, and freed.
 */
void registry_exit(void)
{
	struct span_heap *heap, *next;
	unsigned long spans;

	list_for_each_entry_safe(heap, next, &registry_heaps, list) {
		if (heap != default_heap)
			pr_warn("heap %s was never destroyed\n", heap->name);
		if (!registry_stop_allocations(heap, &spans)) {
			report_leaks(heap, spans, 0);
			registry_free_leaks(heap);
		}
		mutex_lock(&registry_lock);
		unregister_locked(heap);
		mutex_unlock(&registry_lock);
		heap_end(heap);
	}
}
