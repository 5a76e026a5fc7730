/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations that the module's layers share. A layer calls only those above it in this
 * list:
 *
 *	parameters	params.c		values that have a range
 *	vm		vm.c, charge.c, symbols.c
 *						address space, page tables, cgroups
 *	page index	pageindex*.c		which pages are free, which backed
 *	span, arena	span.c, arena.c		descriptors, the map, growth
 *	backing		backing.c		physical pages behind a run
 *	heap		heap.c, claim.c, putback.c, deferred.c, reserve.c, release.c,
 *			demand.c, total.c, locktime.c, report.c
 *						allocate, free, give back
 *	caches		cache.c, depot.c, chain.h, stack.h, longs.h
 *						spans kept ready for each CPU
 *	pressure	pressure.c, limit.c	what the system and limits take back
 *	allocation	alloc.c			what clients call: caches, else heap
 *	scavenger	scavenger.c, sweep.c	when to give back
 *	faces		stats.c, debugfs.c	numbers
 *	guard		guard.c			vfree() of a span does nothing
 *	registry	registry.c, main.c	making and ending heaps, the module
 *
 * Lock order, outermost first. Documentation/design.rst says what each lock protects, and
 * which contexts may wait for it:
 *
 *	registry_lock
 *	scavenger_lock
 *	span_heap::reserve_lock		allocations only try it
 *	span_heap::grow_lock		allocations under it do not enter I/O
 *	span_map_lock
 *	pressure_srcu, read side	in reclaim; nothing is allocated from here on
 *	span_heap::release_lock		only tried
 *	span_heap::long_lock		sleeping claims of long runs
 *	span_heap::lock			irqsave; bounds of a hold are in hold.h
 *	total_lock
 *
 * Innermost, one at a time and never under span_heap::lock: span_depot::lock (irqsave),
 * drain::lock (raw), heap_news_wait, release_wait, pressure_lock, guard_lock, lock_timing_lock.
 *
 * Under span_heap::lock nothing is allocated, zeroed, mapped, unmapped or flushed.
 */
#ifndef SPANALLOC_INTERNAL_H
#define SPANALLOC_INTERNAL_H

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "cache/chain.h"
#include "index/demand.h"
#include "heap/hold.h"
#include "index/pageindex.h"
#include "index/lookup.h"
#include <spanalloc/spanalloc.h>

#define SPAN_HEAP_NAME_SIZE	32

/* How to allocate metadata on behalf of a caller that asked for pages with @gfp. */
static inline gfp_t metadata_gfp(gfp_t gfp)
{
	return gfp & ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_THISNODE | __GFP_HARDWALL | __GFP_WRITE);
}

/* === vm ================================================================= */

/**
 * struct vm_range - reserved address space
 * @area: the kernel's descriptor of it
 * @base: first usable byte, aligned as asked
 * @bytes: usable length
 */
struct vm_range {
	struct vm_struct *area;
	unsigned long base;
	unsigned long bytes;
};

int vm_init(void);
int vm_reserve(struct vm_range *range, unsigned long bytes, unsigned long align);
void vm_unreserve(struct vm_range *range);
int vm_populate(unsigned long addr, unsigned long bytes);
int vm_map(unsigned long addr, struct page **pages, unsigned long npages);
unsigned long vm_pages(unsigned long addr, struct page **pages, unsigned long npages);
unsigned long vm_missing(unsigned long addr, unsigned long *missing, unsigned long npages);
void vm_report_inconsistency(unsigned long addr, unsigned long npages, const char *what);

extern bool vm_inconsistency_is_expected;
extern atomic_t vm_inconsistencies;
void vm_unmap(unsigned long addr, unsigned long npages);
void vm_flush(unsigned long start, unsigned long end);

int charge_current(unsigned long npages, gfp_t gfp, struct obj_cgroup **payer);
void charge_end(struct obj_cgroup *payer, unsigned long npages);
struct obj_cgroup *charge_share(struct obj_cgroup *payer);

/* === span =============================================================== */

/**
 * struct span_origin - where a span comes from
 * @caller: return address of whoever allocated it
 * @age_ms: how long ago, in milliseconds
 */
struct span_origin {
	unsigned long caller;
	u64 age_ms;
};

/* 2^6 jiffies: at 1000 in a second, 32 bits of them are 8 years. */
#define SPAN_BORN_SHIFT	6

/* The time, for the ages of spans; wraps around. */
static inline u32 span_clock(void)
{
	unsigned long now = jiffies;

	return now >> SPAN_BORN_SHIFT;
}

static inline enum span_kind span_state_kind(unsigned long state)
{
	return (state & SPAN_STATE_KIND) - 1;
}

/* The state after the end of a life. */
static inline unsigned long span_state_dead(unsigned long state)
{
	return (state & ~(SPAN_STATE_STEP - 1)) + SPAN_STATE_STEP;
}

int span_init(void);
void span_exit(void);
size_t span_bytes(void);
struct span *span_new(gfp_t gfp);
void span_delete(struct span *span);
void span_enter(struct span *span, unsigned long base, unsigned long npages);
void span_leave(const struct span *span);
bool span_retire(const struct span_view *view);
struct span *span_end_slowly(unsigned long base, enum span_kind *kind);
bool span_hold(const struct span_view *view);
void span_unhold(struct span *span);
void span_cut(struct span *span, unsigned long npages);
bool span_at(const void *addr, struct span_view *view);
bool span_origin(const struct span_view *view, struct span_origin *origin);

/**
 * span_publish() - bring a descriptor to life
 * @span: a dead descriptor, filled in and entered
 * @kind: what its pages are for
 */
static inline void span_publish(struct span *span, enum span_kind kind)
{
	unsigned long count = span->state & ~(SPAN_STATE_STEP - 1);

	/* Fields before state. Pairs with the first smp_rmb() in span_view_get(). */
	smp_wmb();
	WRITE_ONCE(span->state, count + SPAN_STATE_STEP + kind + 1);
}

/* === arena ============================================================== */

/**
 * struct arena_space - the address space of a heap
 * @ranges: every range reserved, newest first
 * @next: first byte of the newest range that has no page tables yet
 * @end: first byte after the newest range
 * @arenas: arenas set up
 */
struct arena_space {
	struct list_head ranges;
	unsigned long next;
	unsigned long end;
	unsigned long arenas;
};

int span_map_init(void);
void span_map_exit(void);

extern struct span_map span_map;

/**
 * arena_of() - find the arena at an address
 * @addr: any address
 *
 * Context: Any. The arena stays while its heap does, or under rcu_read_lock().
 *
 * Return: the arena or NULL
 */
static inline struct arena *arena_of(unsigned long addr)
{
	return span_map_arena(&span_map, addr);
}

static inline struct arena *arena_of_page(const struct pageindex *idx, unsigned long page)
{
	return container_of(idx->block[page / ARENA_PAGES], struct arena, block);
}

/* The descriptor entered at an address, which may be dead, or begin elsewhere. */
static inline struct span *span_entered_at(unsigned long addr)
{
	struct arena *arena = arena_of(addr);
	struct span *span;
	unsigned long page;

	if (unlikely(!arena))
		return NULL;
	page = (addr >> PAGE_SHIFT) % ARENA_PAGES;
	/* Both loads pair with smp_wmb() in span_enter(). */
	span = READ_ONCE(arena->slot[page]);
	return span ?: READ_ONCE(arena->whole[page >> PAGEINDEX_CHUNK_SHIFT]);
}

/**
 * span_set_ahead() - note which descriptor will be wanted a little after another one
 * @span: the one
 * @ahead: the other; if it is more than 128 GiB away the hint is wrong
 */
static inline void span_set_ahead(struct span *span, const struct span *ahead)
{
	/* Whoever frees the span once more than he may reads it at the same time. */
	WRITE_ONCE(span->ahead, ((long)ahead - (long)span) >> SPAN_AHEAD_SHIFT);
}

/**
 * span_fetch_ahead() - fetch the descriptor that has been noted, to be written
 * @span: the descriptor that it was noted with
 */
static inline void span_fetch_ahead(const struct span *span)
{
	prefetchw((const char *)span + ((long)READ_ONCE(span->ahead) << SPAN_AHEAD_SHIFT));
}

/**
 * span_end_at() - end the life of the span that begins at an address
 * @addr: the address
 * @kind: what its pages were for, on success
 *
 * A lookup and the end of a life in one, for which no copy has to be consistent: the
 * exchange makes the descriptor the caller's, and then there is time to look. Grace
 * periods wait for sections with preemption off as for other readers.
 *
 * Context: Any but NMI.
 *
 * Return: the span, which is dead and the caller's, or NULL if no live span that
 * nobody holds begins at @addr
 */
static __always_inline struct span *span_end_at(const void *addr, enum span_kind *kind)
{
	unsigned long base = (unsigned long)addr;
	struct span *span;
	unsigned long state;

	rcu_read_lock_sched();
	span = span_entered_at(base);
	state = span ? READ_ONCE(span->state) : 0;
	if (likely(span))
		span_fetch_ahead(span);
	if (unlikely(!(state & SPAN_STATE_KIND) ||
		     state & (SPAN_STATE_HELD | SPAN_STATE_PINNED) ||
		     READ_ONCE(span->base) != base ||
		     cmpxchg(&span->state, state, span_state_dead(state)) != state))
		span = NULL;
	rcu_read_unlock_sched();
	if (unlikely(!span))
		return span_end_slowly(base, kind);
	*kind = span_state_kind(state);
	if (likely(span->base == base))
		return span;
	/* The base above was of an earlier life: who is alive now did not ask for this. */
	span_publish(span, *kind);
	return NULL;
}

/* === heap =============================================================== */

struct release_batch;
struct span_cache;
struct span_depot;

/* Why pages go back to the system. */
enum release_reason {
	RELEASE_AGE,
	RELEASE_PRESSURE,
	RELEASE_LIMIT,
	RELEASE_FORCED
};

/**
 * struct release - what idle pages to give back, and how far that has come
 * @age: how old they have to be
 * @reason: why, for the statistics
 * @surplus: only what recent demand does not cover
 * @max_used: chunks with more pages in use are left alone
 * @max_recent: chunks with more pages allocated lately are left alone
 * @node: only chunks with memory of this node; %NUMA_NO_NODE for all
 * @keep_pool: stop at what is kept ready for callers that cannot wait
 * @chunk: look below this one
 * @want: pages still to be released
 */
struct release {
	enum pageindex_age age;
	enum release_reason reason;
	bool surplus;
	unsigned int max_used;
	unsigned int max_recent;
	int node;
	bool keep_pool;
	unsigned long chunk;
	unsigned long want;
};

#define RELEASE_ALL(npages, why) {	\
	.age = PAGEINDEX_ANY,		\
	.reason = (why),		\
	.max_used = UINT_MAX,		\
	.max_recent = UINT_MAX,		\
	.node = NUMA_NO_NODE,		\
	.chunk = ULONG_MAX,		\
	.want = (npages),		\
}

/* Where a heap's sweep is; sweep.c draws it. */
enum sweep_phase {
	SWEEP_OFF,
	SWEEP_WAIT,
	SWEEP_EMPTY,
	SWEEP_SPARSE,
	SWEEP_REST,
	SWEEP_BUSY,
	SWEEP_AGE,
	SWEEP_END
};

/**
 * struct sweep - one heap's sweeps
 * @phase: what it is at
 * @from: end of the last sweep, or start of the watch
 * @release: what the phase takes
 * @released: pages released since the last sweep ended
 * @batches: in so many batches
 * @restrained: pages that were due and are still there, at most
 * @look: when to see whether some of these may go by now
 * @trimming: that is what is being done
 * @parked: pages taken out of the caches
 * @spent_ns: time taken since then
 * @drain_due: when the caches may be emptied for the sake of a soft limit
 * @stale_due: when what has not been touched in them may be taken out, for the same
 * @passed_at: when cache_pass() was last called, so that it can tell what has been cached since
 */
struct sweep {
	enum sweep_phase phase;
	unsigned long from;
	struct release release;
	unsigned long released;
	unsigned long batches;
	unsigned long restrained;
	unsigned long look;
	bool trimming;
	unsigned long parked;
	u64 spent_ns;
	unsigned long drain_due;
	unsigned long stale_due;
	unsigned long passed_at;
};

/**
 * struct stock - what a heap keeps ready of its own accord for callers that cannot wait
 * @from: when the age began that @longest[0] is of
 * @longest: longest request by such a caller in this age, and in the one before; in
 *	pages
 * @low: to be filled up when there are fewer idle pages; 0 while nobody needs any
 * @high: filled up to so many
 * @is_short: it is to be filled up
 */
struct stock {
	unsigned long from;
	unsigned long longest[2];
	unsigned long low;
	unsigned long high;
	bool is_short;
};

/**
 * struct span_heap - a heap
 * @name: directory in debugfs, and name in diagnostics
 * @node: where backing pages come from
 * @age_ms: age at which idle pages are released; 0: the module's default
 * @flags: SPAN_HEAP_*
 * @list: in the registry
 * @scavenged: in the scavenger's list
 * @pressed: in the list of heaps that can be made to give back
 * @debugfs: the heap's directory
 * @hotplug: in the list of heaps whose caches mind CPUs that go away
 * @cache: per-CPU caches; NULL if the heap has none
 * @depot: for each node, what the caches exchange
 * @lock: protects what follows, up to @grow_lock
 * @index: which pages are free, which are backed
 * @in_use: pages of live spans, by kind, but for what the caches count
 * @spans: live spans, but for what the caches count
 * @moving: pages between idle and released, in either direction, and those of freed spans
 *	that are not idle yet
 * @deferred: freed spans that need work before their pages are idle, linked by next
 * @batches_out: batches of pages that are being released, or finished after their free
 * @batches_done: how many have been
 * @demand: how many pages of the index have been taken lately
 * @limit: pages that may be in use or idle; 0 for any number
 * @soft_limit: pages in use or idle above which idle ones are given back; 0 for none
 * @reserve: idle pages that the scavenger leaves alone and sleepers replace
 * @stock: idle pages beyond that, which come and go with callers that cannot wait
 * @grows: times that the heap has grown
 * @watched: the scavenger knows that there are idle pages
 * @drain_wanted: the caches of other CPUs are to be emptied for callers that cannot wait
 * @dying: no more allocations
 * @count: event counters; its other fields are not used
 * @stray_frees: frees by functions that are not this module's; counted without @lock
 * @locked_at: when @lock was taken last, while holds are timed
 * @timed_period: what was the period of timing then
 * @grow_lock: serialises growth
 * @space: address space; under @grow_lock
 * @table_bytes: size of the index's table; under @grow_lock
 * @reserve_lock: serialises filling up the reserve
 * @reserve_due: not before then; written under @reserve_lock
 * @stock_due: when the stock may be filled up; the scavenger's alone
 * @long_lock: serialises claims of long runs
 * @release_lock: protects @batch
 * @batch: pages on their way out
 * @release_wait: tasks that wait for one of @batches_out
 * @sweep: how far the scavenger has got; the scavenger's alone
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
	unsigned int batches_out;
	unsigned int batches_done;
	struct demand demand;
	unsigned long limit;
	unsigned long soft_limit;
	unsigned long reserve;
	struct stock stock;
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
	unsigned long stock_due;
	struct mutex long_lock;		/* one fence in the index at a time */
	struct mutex release_lock;	/* @batch */
	struct release_batch *batch;
	wait_queue_head_t release_wait;

	struct sweep sweep;
};

/* NULL for jiffies. */
extern unsigned long (*heap_clock)(void);

DECLARE_STATIC_KEY_FALSE(lock_timing_key);
extern u64 (*lock_timing_clock)(void);
void heap_hold_begin_locked(struct span_heap *heap);
void heap_hold_end_locked(struct span_heap *heap);

static inline unsigned long heap_lock(struct span_heap *heap) __acquires(&heap->lock)
{
	unsigned long flags;

	if (!spin_trylock_irqsave(&heap->lock, flags)) {
		spin_lock_irqsave(&heap->lock, flags);
		heap->count.lock_contend_count++;
	}
	heap->count.lock_acquire_count++;
	if (static_branch_unlikely(&lock_timing_key))
		heap_hold_begin_locked(heap);
	return flags;
}

static inline void heap_unlock(struct span_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
	if (static_branch_unlikely(&lock_timing_key))
		heap_hold_end_locked(heap);
	spin_unlock_irqrestore(&heap->lock, flags);
}

/* Pages in use or idle. */
static inline unsigned long heap_backed_locked(const struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	return heap->index.nr_pages - heap->index.nr_released;
}

/* How many of them are above the soft limit. */
static inline unsigned long heap_excess_locked(const struct span_heap *heap)
{
	unsigned long limit = READ_ONCE(heap->soft_limit);
	unsigned long backed = heap_backed_locked(heap);

	return unlikely(limit) ? backed - min(backed, limit) : 0;
}

/* Call after more pages have been backed. */
static inline void heap_note_peak_locked(struct span_heap *heap)
{
	unsigned long backed = heap_backed_locked(heap);

	if (backed > heap->count.peak_backed_pages)
		heap->count.peak_backed_pages = backed;
}

/* The time, for whatever has to do with age. Tests have a clock of their own. */
static inline unsigned long heap_now(void)
{
	typeof(heap_clock) clock = READ_ONCE(heap_clock);

	return unlikely(clock) ? clock() : jiffies;
}

/* Jiffies until then; 0 if that time has come. */
static inline unsigned long heap_wait_until(unsigned long due)
{
	unsigned long now = heap_now();

	return time_before(now, due) ? due - now : 0;
}

/* Pages of the index that are taken, by spans or for spans that are parked. */
static inline unsigned long heap_taken_locked(const struct span_heap *heap)
{
	return heap_backed_locked(heap) - heap->index.nr_idle - heap->moving;
}

/* Idle pages that do not go for their age alone. */
static inline unsigned long heap_floor_locked(const struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	return max(heap->reserve, heap->stock.high);
}

/* Call before pages are taken or freed. */
static inline void heap_demand_roll_locked(struct span_heap *heap)
{
	demand_roll(&heap->demand, heap_now(), heap_taken_locked(heap));
}

/* Address of a page of the index, whose table may be replaced by a larger one. */
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

/* Before the heap's lock is taken to give back what is at an address. */
static inline void heap_prefetch(const struct span_heap *heap, unsigned long addr)
{
	struct arena *arena = arena_of(addr);

	pageindex_prefetch(&heap->index, &arena->block,
			   arena->first_page + ((addr - arena->base) >> PAGE_SHIFT));
}

int arena_grow(struct span_heap *heap, unsigned long npages, unsigned long grows);
void arena_release_all(struct span_heap *heap);

/* === backing ============================================================ */

/**
 * struct page_stash - memory allocated ahead of the run that it is for
 * @pages: the pages, linked by their lru
 * @nr: how many
 * @missing: what the run may need for &backing.missing
 */
struct page_stash {
	struct list_head pages;
	unsigned long nr;
	unsigned long *missing;
};

/**
 * struct backing - a run of claimed pages that shall have memory behind it
 * @addr: first byte
 * @npages: length in pages
 * @released: how many of them have nothing behind them
 * @clean: pages from this offset on that have something behind them are zero
 * @node: where memory shall come from
 * @gfp: how to allocate it
 * @stash: memory that is used first, or NULL
 * @missing: a bit for each page with nothing behind it, if only some are such
 * @done: missing pages below this offset have been provided
 * @provided: how many have
 * @zeroed: pages that had to be cleared
 * @skipped: pages that would have had to be, but were known to be clear
 * @replaced: pages of another node that went back to the system, each for a new one
 * @flushes: TLB flushes that this took
 */
struct backing {
	unsigned long addr;
	unsigned long npages;
	unsigned long released;
	unsigned long clean;
	int node;
	gfp_t gfp;
	struct page_stash *stash;
	unsigned long *missing;
	unsigned long done;
	unsigned long provided;
	unsigned long zeroed;
	unsigned long skipped;
	unsigned long replaced;
	unsigned int flushes;
};

int backing_stash(struct page_stash *stash, unsigned long npages, int node, gfp_t gfp);
void backing_unstash(struct page_stash *stash);
void backing_clear(unsigned long addr, unsigned long npages, bool may_sleep);
int backing_provide(struct backing *backing);
bool backing_next_missing(const struct backing *backing, unsigned long *start,
			  unsigned long *end);
void backing_end(struct backing *backing);
unsigned int backing_undo(struct backing *backing);
unsigned int backing_drop(unsigned long addr, unsigned long npages);

/* === heap: putback ====================================================== */

/* What pages become that are given back to the index. */
enum putback_state {
	PUTBACK_IDLE,
	PUTBACK_CLEAN,		/* idle, and known to hold zeros */
	PUTBACK_RELEASED,
	PUTBACK_FRESH		/* released, and never backed */
};

/**
 * struct putback - runs of pages that are given back in one hold of the heap's lock
 * @heap: the heap, which counts them as moving
 * @nr: how many runs
 * @npages: how many pages
 * @run: the runs
 * @state: what each becomes
 */
struct putback {
	struct span_heap *heap;
	unsigned int nr;
	unsigned long npages;
	struct pageindex_run run[HOLD_PUTBACK_RUNS];
	enum putback_state state[HOLD_PUTBACK_RUNS];
};

void putback_add(struct putback *putback, unsigned long page, unsigned long npages,
		 enum putback_state state);
void putback_flush(struct putback *putback);

/* === heap: deferred ===================================================== */

/* With init_on_free, longer spans are cleared later. Only tests change it. */
extern unsigned long deferred_clear_pages;

unsigned long deferred_count_held(unsigned long addr, unsigned long npages,
				  unsigned long *first);
void deferred_add(struct span_heap *heap, struct span *span, enum span_kind kind);
bool deferred_finish(struct span_heap *heap, unsigned long npages);

/* === heap: release ====================================================== */

struct release_batch *release_batch_new(void);
void release_batch_delete(struct release_batch *batch);
void heap_count_time(struct span_heap *heap, u64 ns);
unsigned long release_step(struct span_heap *heap, struct release *rel);
void release_begin_locked(struct span_heap *heap);
void release_end(struct span_heap *heap);
bool release_wait(struct span_heap *heap);
void release_until(struct span_heap *heap, unsigned long backed, enum release_reason reason);
unsigned long heap_release(struct span_heap *heap, unsigned long npages,
			   enum release_reason reason);
unsigned long heap_release_as(struct span_heap *heap, struct release *rel);

/* What the scavenger is told of; all but the first cannot wait for its share of a CPU. */
#define NEWS_IDLE	0	/* a heap has idle pages, or too many */
#define NEWS_RESERVE	1	/* a heap's reserve, or its stock, is not full */
#define NEWS_PRESSURE	2	/* the system is short of memory */
#define NEWS_DEFERRED	3	/* a heap has freed spans to be finished, or caches to empty */
#define NEWS_URGENT	(BIT(NEWS_RESERVE) | BIT(NEWS_PRESSURE) | BIT(NEWS_DEFERRED))

/* Woken, with bits of heap_news set, when a heap needs the scavenger. */
extern wait_queue_head_t heap_news_wait;
extern unsigned long heap_news;

/**
 * struct span_request - what an allocation is about
 * @heap: where from
 * @npages: length in pages
 * @align: power of two
 * @node: where memory shall come from, or %NUMA_NO_NODE
 * @kind: what for
 * @gfp: how
 * @caller: on whose behalf
 */
struct span_request {
	struct span_heap *heap;
	unsigned long npages;
	unsigned long align;
	int node;
	enum span_kind kind;
	gfp_t gfp;
	unsigned long caller;
};

/* Why there is no span. */
enum alloc_failure {
	ALLOC_OK,
	ALLOC_INVALID,
	ALLOC_LIMIT,		/* the heap's own */
	ALLOC_TOTAL,		/* that on all heaps */
	ALLOC_NO_SPACE,
	ALLOC_NO_BACKING,
	ALLOC_NO_METADATA,
	ALLOC_NO_CHARGE
};

int claim_node(const struct span_request *req);
int claim_backing_node(const struct span_request *req, int node);
bool claim_short(const struct span_request *req, int node, struct pageindex_claim *claim,
		 struct span *span, unsigned long *grows);
enum alloc_failure claim_run(const struct span_request *req, int node,
			     struct pageindex_claim *claim, struct span *span,
			     struct page_stash *stash);
void claim_undo(struct span_heap *heap, const struct pageindex_claim *claim,
		const struct backing *backing);

/* Spans that a cache takes along when it takes one from idle pages. */
#define FILL_SPANS	16

extern unsigned long total_limit;
extern spinlock_t total_lock;

unsigned long total_room_locked(void);
unsigned long total_room(void);
void total_take(unsigned long npages);
void total_give_back(unsigned long npages);
unsigned long total_backed(void);

void report_call(const char *what, const char *why, unsigned long caller);
bool report_heap(const struct span_heap *heap, const char *what, unsigned long caller);
__printf(2, 3) bool report_request(const struct span_request *req, const char *fmt, ...);
void report_bad_free(const void *addr, unsigned long caller);
void report_bad_split(const void *addr, unsigned long npages, unsigned long caller);
void report_held_pages(const struct span *span, unsigned long held, unsigned long first,
		       unsigned long caller);

/* Check a heap that a client passed to @what; false, after a diagnostic, if it is none. */
static __always_inline bool heap_is_ok(const struct span_heap *heap, const char *what,
				       unsigned long caller)
{
	return !IS_ERR_OR_NULL(heap) || report_heap(heap, what, caller);
}

extern unsigned int scavenge_floor_pages;

unsigned long heap_surplus_locked(struct span_heap *heap);
struct span *heap_alloc(const struct span_request *req, enum alloc_failure *failure);
void heap_free(struct span_heap *heap, struct span *span, enum span_kind kind);
void heap_unparked(struct span_heap *heap, const struct span *span, enum span_kind kind);
unsigned int heap_runs_in_hold(const struct pageindex_run *runs, unsigned int nr);
void heap_unpark(struct span_heap *heap, struct span **spans, unsigned int nr, bool old);
unsigned int heap_take_more(const struct span *like, struct span **spans, unsigned int max);
void heap_tell(unsigned int news);
void heap_want_drain(struct span_heap *heap);
void heap_watch(struct span_heap *heap, bool news);
void heap_watch_now(struct span_heap *heap);
bool heap_watch_locked(struct span_heap *heap);
bool heap_next_span(struct span_heap *heap, unsigned long *page, struct span_view *view);
void reserve_init(struct span_heap *heap);
void heap_mind_taken(struct span_heap *heap, gfp_t gfp);
bool heap_mind_stock(struct span_heap *heap, const struct span_request *req, bool ready);
unsigned long heap_mind_reserve(struct span_heap *heap, unsigned long age);

/* === caches ============================================================= */

/**
 * struct cache_sum - the numbers of all caches of a heap
 * @in_use: by kind, to be added to &struct span_heap's
 * @spans: to be added to &struct span_heap's
 * @pages: parked pages
 * @parked: parked spans
 * @hits: allocations served
 * @misses: allocations not served
 * @frees: frees parked
 * @zeroed: pages cleared
 * @skipped: pages that were clear already
 */
struct cache_sum {
	long in_use[SPAN_NR_KINDS];
	long spans;
	unsigned long pages;
	unsigned long parked;
	u64 hits;
	u64 misses;
	u64 frees;
	u64 zeroed;
	u64 skipped;
};

extern unsigned int cache_max_pages;

int cache_init(void);
void cache_exit(void);
int cache_new(struct span_heap *heap);
void cache_delete(struct span_heap *heap);
struct span *cache_pop(struct span_heap *heap, unsigned long npages, int node,
		       enum span_kind kind, bool zero);
void cache_fill(struct span_heap *heap, const struct span *like);
bool cache_push(struct span_heap *heap, struct span *span, enum span_kind kind);
unsigned long cache_drain(struct span_heap *heap);
unsigned long cache_shed(struct span_heap *heap);
unsigned long cache_pass(struct span_heap *heap, bool old);
unsigned long cache_parked(struct span_heap *heap);
unsigned long cache_parked_of(struct span_heap *heap, int node);
unsigned long cache_pages(struct span_heap *heap);
void cache_sum(struct span_heap *heap, struct cache_sum *sum);
size_t cache_bytes(const struct span_heap *heap);

/* === pressure and limits ================================================ */

/* How short of memory the system is; pressure.c says what follows. */
enum pressure_level {
	PRESSURE_LIGHT,
	PRESSURE_HEAVY,
	PRESSURE_LAST
};

int pressure_start(void);
void pressure_stop(void);
void pressure_add(struct span_heap *heap);
void pressure_remove(struct span_heap *heap);
struct notifier_block;
struct shrinker;
struct shrink_control;
struct zone;

unsigned long pressure_count(int node);
unsigned long pressure_scan(int node, unsigned long npages, unsigned long asked,
			    unsigned long freeable, bool short_of_memory);
unsigned long pressure_release(unsigned long npages, enum release_reason reason);
void pressure_relieve(void);
bool pressure_is_progress(unsigned long released, unsigned long now, unsigned long *last);
bool pressure_zone_is_short(const struct zone *zone, unsigned long free);
unsigned long pressure_shrink_count(struct shrinker *unused, struct shrink_control *sc);
unsigned long pressure_shrink_scan(struct shrinker *unused, struct shrink_control *sc);
int pressure_about_to_kill(struct notifier_block *unused, unsigned long unused_too, void *freed);
bool pressure_wait(void);

/* === allocation ========================================================= */

const char *heap_kind_name(enum span_kind kind);

/* === guard ============================================================== */

void guard_start(void);
void guard_stop(void);

/* === scavenger ========================================================== */

/* A week. */
#define SCAVENGE_AGE_MS_MAX	604800000U

extern unsigned int scavenge_age_ms;

int scavenger_start(void);
void scavenger_stop(void);
void scavenger_add(struct span_heap *heap);
void scavenger_remove(struct span_heap *heap);
unsigned long scavenger_step(void);
unsigned long scavenger_run(void);
unsigned long scavenger_pause(u64 *owed_ns);
u64 scavenger_work_ns(u64 clock_ns, u64 cpu_ns);
void scavenger_set_clock(unsigned long (*clock)(void));

unsigned long sweep_age(const struct span_heap *heap);
void sweep_init(struct span_heap *heap);
unsigned long sweep_step(struct span_heap *heap);

/* === faces ============================================================== */

void debugfs_init(void);
void debugfs_exit(void);
void debugfs_add_heap(struct span_heap *heap);
void debugfs_remove_heap(struct span_heap *heap);

/* === registry =========================================================== */

int registry_init(void);
void registry_exit(void);

#endif /* SPANALLOC_INTERNAL_H */
