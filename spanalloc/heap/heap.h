/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap: its descriptor and its lock.
 */
/**
 * DOC: Lock order
 *
 * Outermost first. A task that holds one of these locks takes only locks below it::
 *
 *	registry_lock			mutex: the list of all heaps
 *	scavenger_lock			mutex: the list of heaps that the scavenger visits; the
 *					thread holds it for the whole of a step
 *	span_heap::reserve_lock		mutex: one refill of reserve or pool at a time.
 *					span_heap_reserve() waits for it; allocations and the
 *					scavenger's thread only try it
 *	span_heap::grow_lock		mutex: growth. Allocations under it do not enter I/O,
 *					since reclaim may need a span to make progress
 *	span_map_lock			mutex: leaves of the map being made
 *	pressure_srcu			SRCU: heaps that release pages under pressure. Read in
 *					reclaim, by the scavenger, and where budget_limit is
 *					enforced; nothing is allocated from here on
 *	span_heap::release_lock		mutex: the large batch of a heap; only tried
 *	span_heap::long_lock		mutex: the fence of the page index; sleeping claims of
 *					more than PAGEINDEX_PIECE_PAGES pages
 *	span_heap::lock			spinlock, irqsave: page index and counters of a heap;
 *					heap/hold.h bounds what one hold does
 *	budget_lock			spinlock, irqs off: the room below limit_pages
 *
 * Innermost, one at a time and never under span_heap::lock::
 *
 *	span_depot::lock		spinlock, irqsave: the spans of a depot
 *	drain::lock			raw spinlock: spans that CPUs hand, in an interrupt, to a
 *					task that empties caches
 *	wake_queue, inflight::wait	wait queues
 *	pressure_lock			mutex: changes of the list that pressure_srcu protects
 *	guard_lock			mutex: the kprobes of the guard
 *	locktime_lock			mutex: begin and end of lock timing
 *
 * Under span_heap::lock nothing is allocated, zeroed, mapped, unmapped or flushed.
 * span_heap::lock, budget_lock and span_depot::lock are held with interrupts off everywhere.
 * No handler that wants one of them can interrupt its holder, so that every context but NMI
 * may wait for it. With PREEMPT_RT these three sleep.
 */
/**
 * DOC: Contexts
 *
 * Locks and events that each context may wait for, and locks that it only tries::
 *
 *	NMI, span_lookup() anywhere
 *		waits	for nothing
 *	atomic callers: interrupts, interrupts or bottom halves off, a spinlock held
 *		waits	span_heap::lock, budget_lock, span_depot::lock, wait queues; a pinned
 *			descriptor
 *		tries	the CPU's cache, the fence of the page index
 *	sleeping callers
 *		waits	as atomic callers; an atomic caller's fence, long_lock, grow_lock,
 *			span_map_lock; reclaim; interrupts to other CPUs; inflight_wait()
 *		tries	reserve_lock, release_lock
 *	reclaim: shrinker, OOM notifier
 *		waits	span_heap::lock, budget_lock, span_depot::lock, wait queues, readers'
 *			side of pressure_srcu; interrupts to other CPUs for caches and TLBs
 *		tries	release_lock
 *	the scavenger's thread
 *		waits	span_heap::lock, budget_lock, span_depot::lock, wait queues;
 *			scavenger_lock, grow_lock, span_map_lock; reclaim; RCU; interrupts to
 *			other CPUs
 *		tries	reserve_lock, release_lock
 *	span_heap_reserve()
 *		waits	as sleeping callers; reserve_lock
 *		tries	release_lock
 *	span_heap_set_limit(), span_heap_scavenge()
 *		waits	as reclaim; inflight_wait()
 *		tries	release_lock
 *	span_heap_create(), span_heap_destroy()
 *		waits	registry_lock, scavenger_lock, pressure_lock, CPU hotplug; to destroy, RCU
 *			and pressure_srcu too
 *		tries	release_lock
 *	a CPU going offline
 *		waits	span_heap::lock
 *
 * With PREEMPT_RT, hard interrupt handlers and tasks that have really turned preemption or
 * interrupts off may neither allocate nor free. span_lookup() works everywhere.
 */
#ifndef SPANALLOC_HEAP_H
#define SPANALLOC_HEAP_H

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <spanalloc/spanalloc.h>

#include "base/node.h"
#include "heap/inflight.h"
#include "heap/locktime.h"
#include "heap/pass_state.h"
#include "heap/pool.h"
#include "heap/space.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "index/demand.h"
#include "index/pageindex.h"

struct span_cache;
struct span_depot;

#define SPAN_HEAP_NAME_SIZE	32

/**
 * struct span_heap - a heap
 * @name: directory in debugfs, and name in diagnostics
 * @node: where backing pages come from, or %NUMA_NO_NODE
 * @age_ms: age at which idle pages are released; 0: the module's default
 * @flags: SPAN_HEAP_*
 * @list: in the registry
 * @scavenged: in the scavenger's list
 * @pressed: in the list of heaps that release pages under pressure
 * @debugfs: the heap's directory
 * @hotplug: in the list of heaps whose caches are emptied when a CPU goes offline
 * @cache: per-CPU caches; NULL if the heap has none
 * @depot: for each node, spans that caches exchange
 * @lock: protects @index to @timed_period, except @soft_limit, @watched (cleared under @lock,
 *	set with or without it), @drain_wanted (xchg()) and @stray_frees (atomic). Code that does
 *	not hold @lock reads fields with READ_ONCE() or data_race()
 * @index: which pages are free, which are backed; pages in use there include cached and
 *	moving pages
 * @in_use: pages of live spans, by kind, except those that the caches' counters count
 * @spans: live spans, except those that the caches' counters count
 * @moving: pages between idle and released, in either direction, and those of freed spans
 *	that are not idle yet
 * @deferred: freed spans that need work before their pages are idle, linked by next
 * @inflight: batches of pages that are being released, or finished after their free
 * @demand: how many pages of the index have been taken lately
 * @limit: pages that may be in use or idle; 0 for any number
 * @soft_limit: pages in use or idle above which idle ones are released; 0 for none
 * @reserve: idle pages that no release takes, and that callers that may sleep refill
 * @pool: the atomic pool: idle pages kept while the heap has callers that cannot wait
 * @grows: times that the heap has grown
 * @watched: the scavenger knows that there are idle or cached pages
 * @drain_wanted: the caches of all CPUs are to be emptied, for callers that cannot wait
 * @dying: no more allocations
 * @count: event counters; its other fields are not used
 * @stray_frees: frees by functions that are not this module's; counted without @lock
 * @locked_at: when @lock was taken last, while holds are timed
 * @timed_period: number of the timing period at @locked_at
 * @grow_lock: serialises growth
 * @space: address space; under @grow_lock
 * @table_bytes: size of the index's table; under @grow_lock
 * @reserve_lock: serialises refills of the reserve and of the pool
 * @reserve_due: when the reserve may next be filled; written under @reserve_lock
 * @pool_due: when the pool may next be refilled; written without a lock
 * @long_lock: serialises claims of long runs by callers that may sleep
 * @release_lock: protects @batch
 * @batch: the large batch of pages that are being released
 * @pass: state of the scavenger's passes; only the scavenger uses it
 */
struct span_heap {
	char name[SPAN_HEAP_NAME_SIZE];
	int node;
	unsigned int age_ms;
	unsigned long flags;
	struct list_head list;
	struct list_head scavenged;
	struct list_head pressed;
	struct dentry *debugfs;
	struct hlist_node hotplug;
	struct span_cache __percpu *cache;
	struct span_depot *depot;

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct pageindex index;
	unsigned long in_use[SPAN_NR_KINDS];
	unsigned long spans;
	unsigned long moving;
	struct span *deferred;
	struct inflight inflight;
	struct demand demand;
	unsigned long limit;
	unsigned long soft_limit;
	unsigned long reserve;
	struct pool pool;
	unsigned long grows;
	bool watched;
	bool drain_wanted;
	bool dying;
	struct span_heap_stats count;
	atomic_long_t stray_frees;
	u64 locked_at;
	unsigned int timed_period;

	struct mutex grow_lock;		/* @space, @table_bytes, @grows */
	struct arena_space space;
	size_t table_bytes;

	struct mutex reserve_lock;	/* one top-up at a time; @reserve_due */
	unsigned long reserve_due;
	unsigned long pool_due;
	struct mutex long_lock;		/* other callers fail while index.fence_end is set */
	struct mutex release_lock;	/* @batch */
	struct release_batch *batch;

	struct pass pass;
};

/* Replaces heap_now()'s clock in tests; NULL for jiffies. */
extern unsigned long (*heap_test_clock)(void);

/**
 * heap_lock() - take a heap's lock, with interrupts off
 * @heap: the heap; counts how often its lock is contended
 *
 * Context: Any but NMI.
 *
 * Return: flags for heap_unlock()
 */
static inline unsigned long heap_lock(struct span_heap *heap) __acquires(&heap->lock)
{
	unsigned long flags;

	if (!spin_trylock_irqsave(&heap->lock, flags)) {
		spin_lock_irqsave(&heap->lock, flags);
		heap->count.lock_contend_count++;
	}
	heap->count.lock_acquire_count++;
	if (static_branch_unlikely(&locktime_key))
		locktime_begin_locked(heap);
	return flags;
}

/**
 * heap_unlock() - drop a heap's lock
 * @heap: the heap
 * @flags: what heap_lock() returned
 */
static inline void heap_unlock(struct span_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
	if (static_branch_unlikely(&locktime_key))
		locktime_end_locked(heap);
	spin_unlock_irqrestore(&heap->lock, flags);
}

/* Pages in use or idle. */
static inline unsigned long heap_backed_locked(const struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	return heap->index.nr_pages - heap->index.nr_released;
}

/* By how many pages in use or idle the heap exceeds its soft limit. */
static inline unsigned long heap_excess_locked(const struct span_heap *heap)
{
	unsigned long limit = READ_ONCE(heap->soft_limit);
	unsigned long backed = heap_backed_locked(heap);

	return unlikely(limit) ? backed - min(backed, limit) : 0;
}

/* The time by which pages age, in jiffies. Tests replace the clock. */
static inline unsigned long heap_now(void)
{
	typeof(heap_test_clock) clock = READ_ONCE(heap_test_clock);

	return unlikely(clock) ? clock() : jiffies;
}

/* Jiffies until @due; 0 if @due has passed. */
static inline unsigned long heap_wait_until(unsigned long due)
{
	unsigned long now = heap_now();

	return time_before(now, due) ? due - now : 0;
}

/* Pages of the index that are taken, by spans or for spans that are cached. */
static inline unsigned long heap_taken_locked(const struct span_heap *heap)
{
	return heap_backed_locked(heap) - heap->index.nr_idle - heap->moving;
}

/* Idle pages that are not released for their age alone. */
static inline unsigned long heap_min_idle_locked(const struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	return max(heap->reserve, heap->pool.high);
}

/* Call before pages are taken or freed. */
static inline void heap_demand_roll_locked(struct span_heap *heap)
{
	demand_roll(&heap->demand, heap_now(), heap_taken_locked(heap));
}

/* Address of a page of the index. Needs the lock: the index's table may be replaced. */
static inline unsigned long heap_page_address_locked(const struct span_heap *heap,
						     unsigned long page)
{
	lockdep_assert_held(&heap->lock);
	return arena_of_page(&heap->index, page)->base + (page % ARENA_PAGES << PAGE_SHIFT);
}

static inline unsigned long heap_page_address(struct span_heap *heap, unsigned long page)
{
	unsigned long flags = heap_lock(heap);
	unsigned long addr = heap_page_address_locked(heap, page);

	heap_unlock(heap, flags);
	return addr;
}

/* The page of the index that an address of a heap belongs to. */
static inline unsigned long heap_page_of(unsigned long addr)
{
	const struct arena *arena = arena_of(addr);

	return arena->first_page + ((addr - arena->base) >> PAGE_SHIFT);
}

/* Node for memory where no caller names one; NUMA_NO_NODE if there is just one node. */
static inline int heap_home_node(const struct span_heap *heap)
{
	return has_one_node() ? NUMA_NO_NODE : node_or_local(heap->node);
}

void heap_count_time(struct span_heap *heap, u64 ns);
void heap_count_backed_locked(struct span_heap *heap, unsigned long npages, unsigned long fresh);

#endif /* SPANALLOC_HEAP_H */
