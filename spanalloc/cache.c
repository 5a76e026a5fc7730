// SPDX-License-Identifier: GPL-2.0-only
/*
 * Caches: spans of common lengths, kept ready for each CPU.
 *
 * A short span that is freed is parked: dead, but still entered in the map and
 * with memory behind it. The next allocation of that length on that CPU brings
 * it back to life, with no more than the cache's own lock and no write to the
 * map. For the page index a parked span is in use; everybody else sees it as
 * idle: a lookup finds nothing, a second free of it is caught, statistics count
 * its pages as idle.
 *
 *	in use --cache_push--> parked --cache_pop--> in use
 *				 |
 *				 +--full, swept, drained--> idle, in the index
 *
 * Each length has a stack, so that what was used last is used next. The low
 * mark of a stack since the last sweep tells how many of the spans at its bottom
 * have lain there all the while: those go at the next sweep, and are old already
 * when they reach the index. (The working set of a magazine, as in J. Bonwick and
 * J. Adams, "Magazines and Vmem", 2001.)
 *
 * Every cache has a spinlock, for its CPU hardly ever contended, so that others
 * may drain it: for a limit, a forced release, or a CPU that went away. Pop and
 * push only try it, with preemption off but interrupts on. Where that fails, for
 * an interrupt that came in the middle of another pop or because of a drain, the
 * heap serves instead. So whoever can be interrupted by an allocation may hold the
 * lock all the same, and the usual case touches no interrupt flag. Only process
 * context waits for it; a drain in other contexts passes over what it cannot get.
 * (As the page allocator does with its per-CPU lists since Linux 6.2.) On a kernel
 * for one CPU a spinlock keeps nobody out, and heaps have no caches.
 *
 * Spans leave a cache in batches, and reach the index in one hold of the heap's
 * lock. The cache's lock is a leaf: nothing is taken under it.
 */
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>

#include "internal.h"

/* Spans of one length that a cache holds at most. */
#define CACHE_DEPTH	16

/**
 * struct span_stack - parked spans of one length
 * @nr: how many
 * @low: how few there have been since the last sweep
 * @span: the spans, the last parked one last
 */
struct span_stack {
	unsigned int nr;
	unsigned int low;
	struct span *span[CACHE_DEPTH];
};

/**
 * struct span_cache - one CPU's parked spans of one heap
 * @lock: protects the rest
 * @pages: pages parked
 * @stack: parked spans by length, from one page up
 * @in_use: pages taken from here minus pages parked here, by kind
 * @spans: spans taken from here minus spans parked here
 * @hits: allocations served
 * @misses: allocations not served
 * @frees: frees parked
 * @zeroed: pages cleared for those served
 * @skipped: pages that would have been, had they not been clear already
 */
struct span_cache {
	spinlock_t lock;		/* everything below */
	unsigned int pages;
	struct span_stack stack[CACHE_MAX_LENGTH];
	long in_use[SPAN_NR_KINDS];
	long spans;
	u64 hits;
	u64 misses;
	u64 frees;
	u64 zeroed;
	u64 skipped;
};

static unsigned int cache_max_pages = 512;
module_param_named(cache_pages, cache_max_pages, uint, 0644);
MODULE_PARM_DESC(cache_pages, "pages that each CPU may keep ready of each heap (default 512)");

static enum cpuhp_state hotplug_state;

/* Take the @nr lowest spans of a stack. */
static void stack_take(struct span_cache *cache, struct span_stack *stack, unsigned int nr,
		       struct span **spans)
{
	lockdep_assert_held(&cache->lock);
	memcpy(spans, stack->span, nr * sizeof(*spans));
	stack->nr -= nr;
	memmove(stack->span, stack->span + nr, stack->nr * sizeof(*stack->span));
	stack->low -= min(stack->low, nr);
	cache->pages -= nr * (stack - cache->stack + 1);
}

/**
 * cache_pop() - take a parked span
 * @heap: the heap
 * @npages: length
 * @kind: what its pages will be used for
 * @zero: they have to be clear; the caller sees to it
 *
 * Context: Any but NMI.
 *
 * Return: a dead span, entered in the map and with memory behind it, or NULL
 */
struct span *cache_pop(struct span_heap *heap, unsigned long npages, enum span_kind kind,
		       bool zero)
{
	struct span_cache *cache;
	struct span_stack *stack;
	struct span *span = NULL;

	if (npages - 1 >= CACHE_MAX_LENGTH || !heap->cache)
		return NULL;
	preempt_disable();
	cache = this_cpu_ptr(heap->cache);
	if (!spin_trylock(&cache->lock)) {
		preempt_enable();
		return NULL;
	}
	stack = &cache->stack[npages - 1];
	if (likely(stack->nr)) {
		span = stack->span[--stack->nr];
		stack->low = min(stack->low, stack->nr);
		cache->pages -= npages;
		cache->in_use[kind] += npages;
		cache->spans++;
		cache->hits++;
		if (zero && want_init_on_free())
			cache->skipped += npages;
		else if (zero)
			cache->zeroed += npages;
	} else {
		cache->misses++;
	}
	spin_unlock(&cache->lock);
	preempt_enable();
	return span;
}

/**
 * cache_push() - park a span
 * @heap: the heap
 * @span: a span that has just died
 * @kind: what its pages were used for
 *
 * Where there is no room, half of the spans of that length make some.
 *
 * Context: Any but NMI.
 *
 * Return: false if spans of that length are not kept, or the cache is in use
 */
bool cache_push(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	unsigned long npages = span->npages;
	struct span *out[CACHE_DEPTH / 2];
	struct span_cache *cache;
	struct span_stack *stack;
	unsigned int nr_out = 0;
	bool parked;

	if (npages - 1 >= CACHE_MAX_LENGTH || !heap->cache)
		return false;
	preempt_disable();
	cache = this_cpu_ptr(heap->cache);
	if (!spin_trylock(&cache->lock)) {
		preempt_enable();
		return false;
	}
	stack = &cache->stack[npages - 1];
	if (unlikely(stack->nr == CACHE_DEPTH ||
		     cache->pages + npages > READ_ONCE(cache_max_pages))) {
		nr_out = (stack->nr + 1) / 2;
		stack_take(cache, stack, nr_out, out);
	}
	parked = cache->pages + npages <= READ_ONCE(cache_max_pages);
	if (parked) {
		stack->span[stack->nr++] = span;
		cache->pages += npages;
		cache->in_use[kind] -= npages;
		cache->spans--;
		cache->frees++;
	}
	spin_unlock(&cache->lock);
	preempt_enable();
	if (nr_out)
		heap_unpark(heap, out, nr_out, false);
	/* Read after the lock that the scavenger takes once it has cleared it. */
	if (parked && unlikely(!READ_ONCE(heap->watched)))
		heap_watch_now(heap);
	return parked;
}

/*
 * Empty one stack, or its bottom that the last interval did not touch, unless it
 * is in use and this is no place to wait.
 */
static unsigned int empty_stack(struct span_heap *heap, struct span_cache *cache,
				unsigned int length, bool sweep)
{
	struct span_stack *stack = &cache->stack[length - 1];
	struct span *out[CACHE_DEPTH];
	unsigned int nr;

	if (in_task() && !irqs_disabled())
		spin_lock(&cache->lock);
	else if (!spin_trylock(&cache->lock))
		return 0;
	nr = sweep ? stack->low : stack->nr;
	stack_take(cache, stack, nr, out);
	stack->low = stack->nr;
	spin_unlock(&cache->lock);
	if (nr)
		heap_unpark(heap, out, nr, sweep);
	return nr * length;
}

static unsigned long empty_cache(struct span_heap *heap, int cpu, bool sweep)
{
	struct span_cache *cache = per_cpu_ptr(heap->cache, cpu);
	unsigned long pages = 0;
	unsigned int length;

	for (length = 1; length <= CACHE_MAX_LENGTH; length++)
		pages += empty_stack(heap, cache, length, sweep);
	return pages;
}

static unsigned long empty_caches(struct span_heap *heap, bool sweep)
{
	unsigned long pages = 0;
	int cpu;

	if (!heap->cache)
		return 0;
	for_each_possible_cpu(cpu)
		pages += empty_cache(heap, cpu, sweep);
	return pages;
}

/**
 * cache_drain() - make all parked spans of a heap idle
 * @heap: the heap
 *
 * Context: Any but NMI. Where sleeping is not allowed, caches in use are left out.
 *
 * Return: pages they had
 */
unsigned long cache_drain(struct span_heap *heap)
{
	return empty_caches(heap, false);
}

/**
 * cache_sweep() - make those parked spans idle, and old, that nobody has missed
 * @heap: the heap
 *
 * Context: Process context; once for each sweep of the heap, before it.
 *
 * Return: pages they had
 */
unsigned long cache_sweep(struct span_heap *heap)
{
	return empty_caches(heap, true);
}

/**
 * cache_sum() - add up the numbers of a heap's caches
 * @heap: the heap
 * @sum: filled in; exact while nobody allocates or frees
 *
 * Context: Any but NMI.
 */
void cache_sum(struct span_heap *heap, struct cache_sum *sum)
{
	int cpu, kind;

	memset(sum, 0, sizeof(*sum));
	if (!heap->cache)
		return;
	for_each_possible_cpu(cpu) {
		const struct span_cache *cache = per_cpu_ptr(heap->cache, cpu);

		/* No lock: a CPU at work is as far as it is. */
		for (kind = 0; kind < SPAN_NR_KINDS; kind++)
			sum->in_use[kind] += READ_ONCE(cache->in_use[kind]);
		sum->pages += READ_ONCE(cache->pages);
		sum->spans += READ_ONCE(cache->spans);
		sum->hits += READ_ONCE(cache->hits);
		sum->misses += READ_ONCE(cache->misses);
		sum->frees += READ_ONCE(cache->frees);
		sum->zeroed += READ_ONCE(cache->zeroed);
		sum->skipped += READ_ONCE(cache->skipped);
	}
}

/**
 * cache_pages() - count the pages parked in a heap's caches
 * @heap: the heap
 *
 * Takes each cache's lock: what is parked afterwards sees everything that the
 * caller wrote before.
 *
 * Context: Process context.
 *
 * Return: how many
 */
unsigned long cache_pages(struct span_heap *heap)
{
	unsigned long pages = 0;
	int cpu;

	if (!heap->cache)
		return 0;
	might_sleep();
	for_each_possible_cpu(cpu) {
		struct span_cache *cache = per_cpu_ptr(heap->cache, cpu);

		spin_lock(&cache->lock);
		pages += cache->pages;
		spin_unlock(&cache->lock);
	}
	return pages;
}

/* === Making and ending ================================================== */

static int cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	empty_cache(hlist_entry(node, struct span_heap, hotplug), cpu, false);
	return 0;
}

/**
 * cache_init() - watch for CPUs that go away
 *
 * Return: 0 or a negative error code
 */
int __init cache_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "spanalloc:dead", NULL, cpu_dead);

	if (state < 0)
		return state;
	hotplug_state = state;
	return 0;
}

/**
 * cache_exit() - the reverse of cache_init(); no heap is left
 */
void cache_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
}

/**
 * cache_new() - give a heap caches
 * @heap: the heap
 *
 * Return: 0 or a negative error code
 */
int cache_new(struct span_heap *heap)
{
	int cpu, ret;

	if (!IS_ENABLED(CONFIG_SMP))
		return 0;
	heap->cache = alloc_percpu(struct span_cache);
	if (!heap->cache)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(heap->cache, cpu)->lock);
	ret = cpuhp_state_add_instance_nocalls(hotplug_state, &heap->hotplug);
	if (ret) {
		free_percpu(heap->cache);
		heap->cache = NULL;
	}
	return ret;
}

/**
 * cache_delete() - take a heap's caches away; they are empty
 * @heap: the heap
 */
void cache_delete(struct span_heap *heap)
{
	if (!heap->cache)
		return;
	cpuhp_state_remove_instance_nocalls(hotplug_state, &heap->hotplug);
	free_percpu(heap->cache);
}

/**
 * cache_bytes() - memory that a heap's caches take
 * @heap: the heap
 *
 * Return: bytes
 */
size_t cache_bytes(const struct span_heap *heap)
{
	return heap->cache ? num_possible_cpus() * sizeof(struct span_cache) : 0;
}
