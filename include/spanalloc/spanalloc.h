/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Public interface of spanalloc, the page-span allocator.
 *
 * A span is a run of whole pages that is contiguous in the kernel's virtual
 * address space, mapped, and owned by the caller that allocated it. Spans come from a
 * heap; a module uses the default heap or makes its own. is_vmalloc_addr() is
 * true and vmalloc_to_page() works on every page of a live span.
 *
 * Only span_free() frees a span. vfree(), kvfree() and vunmap() would unmap the whole
 * range around the span: a guard (parameter guard_vfree) makes them do nothing where it
 * is available. kvrealloc() and vrealloc() are not for spans either.
 *
 * Every symbol is in the export namespace SPANALLOC. A client declares
 *
 *	MODULE_INFO(import_ns, "SPANALLOC");
 *
 * which is what MODULE_IMPORT_NS() expands to on every kernel version.
 */
#ifndef SPANALLOC_SPANALLOC_H
#define SPANALLOC_SPANALLOC_H

#include <linux/gfp.h>
#include <linux/numa.h>
#include <linux/types.h>

/**
 * DOC: Contexts
 *
 * ==========================  ============================================================
 * from                        call
 * ==========================  ============================================================
 * any context                 span_lookup(), span_heap_default()
 * any context but NMI         span_free(), span_split(), span_set_owner(),
 *                             span_heap_stats(), span_heap_set_soft_limit(),
 *                             span_heap_name(); allocation with ``GFP_ATOMIC`` or
 *                             ``GFP_NOWAIT``
 * where the flags may sleep   allocation with flags that allow blocking
 * process context             all others; they may sleep
 * ==========================  ============================================================
 *
 * No call of the first two rows waits for a mutex.
 *
 * On ``PREEMPT_RT`` the module's locks sleep: with preemption or hard interrupts disabled
 * (under a raw spinlock, or in a handler that is not threaded), call only span_lookup() and
 * span_heap_default().
 */

struct span_heap;

/**
 * enum span_kind - what the pages of a span are for
 * @SPAN_KIND_HEAP: ordinary memory
 * @SPAN_KIND_STACK: stacks
 * @SPAN_KIND_BITS: bitmaps and similar side tables
 * @SPAN_KIND_WORK: short-lived work buffers
 * @SPAN_NR_KINDS: number of kinds, not a kind
 *
 * Kinds differ in accounting only: each has its own counter.
 */
enum span_kind {
	SPAN_KIND_HEAP,
	SPAN_KIND_STACK,
	SPAN_KIND_BITS,
	SPAN_KIND_WORK,
	SPAN_NR_KINDS
};

/* The heap has no per-CPU caches: freed pages reach its page index at once. */
#define SPAN_HEAP_NO_CACHE	0x1UL

/* Idle pages are released by age alone, however high recent demand was. */
#define SPAN_HEAP_AGE_ONLY	0x2UL

/* The heap has no atomic pool: only span_heap_reserve() keeps pages for atomic callers. */
#define SPAN_HEAP_NO_POOL	0x4UL

/*
 * Pages of a span may have further references when the span is freed: I/O in flight,
 * mappings of user space, get_page(). Each of these pages is freed with its last reference,
 * as pages of vmalloc() are, and a later span at its address gets a new page. Each free of
 * a span checks the references of all its pages, later if the span is long. In heaps
 * without this flag no reference may outlive the span.
 */
#define SPAN_HEAP_SHARED_PAGES	0x8UL

/**
 * struct span_heap_params - how a heap is to be made
 * @name: directory name in debugfs and name in diagnostics; required, unique
 *	among live heaps, 1 to 31 printable ASCII characters, no '/' and no '.' in front
 * @node: NUMA node that backing pages come from, or %NUMA_NO_NODE
 * @limit_pages: hard limit on pages in use plus idle; 0 for none
 * @scavenge_age_ms: idle pages are released after this many milliseconds, at most
 *	604800000, a week; 0 follows the module parameter of the same name
 * @flags: any of the SPAN_HEAP_* flags
 */
struct span_heap_params {
	const char *name;
	int node;
	unsigned long limit_pages;
	unsigned int scavenge_age_ms;
	unsigned long flags;
};

/**
 * struct span_info - what span_lookup() finds out about an address
 * @base: first byte of the span
 * @npages: length of the span in pages
 * @heap: heap that the span belongs to
 * @obj: same as @base
 * @obj_size: length of the span in bytes
 * @owner: what span_set_owner() stored last, NULL if nothing
 */
struct span_info {
	const void *base;
	unsigned long npages;
	struct span_heap *heap;
	const void *obj;
	size_t obj_size;
	void *owner;
};

/**
 * struct span_heap_stats - one heap's numbers
 * @grown_pages: address space ready for use: @in_use_pages + @idle_pages + @released_pages
 * @in_use_pages: pages of live spans: @in_use_heap_pages + @in_use_stack_pages +
 *	@in_use_bits_pages + @in_use_work_pages
 * @in_use_heap_pages: of @in_use_pages, pages of %SPAN_KIND_HEAP
 * @in_use_stack_pages: of @in_use_pages, pages of %SPAN_KIND_STACK
 * @in_use_bits_pages: of @in_use_pages, pages of %SPAN_KIND_BITS
 * @in_use_work_pages: of @in_use_pages, pages of %SPAN_KIND_WORK
 * @idle_pages: backed pages not in use: idle in the page index, cached, or moving between
 *	states
 * @cached_pages: of @idle_pages, pages of spans in per-CPU caches and depots
 * @released_pages: free pages without memory
 * @peak_backed_pages: highest value of @in_use_pages + @idle_pages so far
 * @limit_pages: hard limit on @in_use_pages + @idle_pages; 0: none
 * @soft_limit_pages: soft limit on @in_use_pages + @idle_pages, cached pages included;
 *	0: none
 * @reserve_target_pages: idle pages set aside by span_heap_reserve()
 * @pool_low_pages: low watermark of the atomic pool: with fewer idle pages the pool is
 *	refilled; 0 while the heap has no callers that may not sleep
 * @pool_high_pages: high watermark of the atomic pool: idle pages that a refill stops at
 * @demand_pages: pages in use, cached and idle together that recent demand makes
 *	worth keeping
 * @arena_count: arenas
 * @span_count: live spans
 * @alloc_count: spans allocated
 * @free_count: spans freed
 * @split_count: spans made by span_split(); @alloc_count + @split_count - @free_count
 *	= @span_count
 * @fail_invalid_count: allocations refused because of invalid arguments
 * @fail_limit_count: allocations failed because of a limit
 * @fail_space_count: allocations failed for lack of address space ready for use
 * @fail_backing_count: allocations failed for lack of memory behind the span
 * @fail_metadata_count: allocations failed for lack of memory for a descriptor
 * @fail_charge_count: allocations failed because of the caller's memory cgroup
 * @bad_free_count: refused calls: span_free() of an address of the heap that is not the
 *	base of a live span, and vfree() or vunmap() of any address of the heap
 * @cache_hit_count: allocations served by a per-CPU cache or a depot
 * @cache_miss_count: allocations that neither could serve
 * @pool_refill_count: times that the atomic pool was refilled
 * @grow_count: times that address space was made ready for use
 * @backed_pages: pages that got memory, each counted every time
 * @rebacked_pages: of @backed_pages, those below the highest page of their chunk ever
 *	backed, whether or not they were backed before
 * @released_age_pages: pages released because they had been idle long enough
 * @released_pressure_pages: pages released because the system was short of memory
 * @released_limit_pages: pages released to keep a limit
 * @released_forced_pages: pages released because span_heap_scavenge() or debugfs asked
 * @released_node_pages: pages of another node, replaced for an allocation with
 *	__GFP_THISNODE
 * @released_shared_pages: pages that had further references when their span was freed;
 *	they go back to the system with the last reference
 * @deferred_count: of @free_count, frees whose pages became idle later, because some pages
 *	might have had further references, or because many had to be cleared
 * @refault_pages: of @backed_pages, pages that replace pages released since the pass
 *	before last, in the same chunk of 512 pages of address space
 * @refault_count: allocations with at least one page in @refault_pages
 * @pass_count: passes ended
 * @retained_pages: old pages that passes kept because recent demand covers them; summed
 *	up at the end of each pass
 * @scavenge_ns: CPU time of the scavenger's thread for the heap, exact to a tick per step;
 *	relief of pressure is not counted
 * @release_batch_count: batches in which pages were released
 * @tlb_flush_count: TLB flushes after pages were unmapped
 * @zeroed_pages: pages cleared for allocations, for the reserve and for the atomic pool
 * @zero_skipped_pages: pages not cleared because they were known to be zero
 * @lock_acquire_count: times that the heap's lock was taken
 * @lock_contend_count: of @lock_acquire_count, times that the lock was contended
 * @lock_hold_max_ns: longest hold of the heap's lock while the parameter lock_timing was on; 0
 *	if timing never was on
 * @metadata_bytes: memory for the heap, its caches, index, arenas and span descriptors
 * @page_table_bytes: memory for the page tables of @grown_pages
 *
 * Names end in their unit. Counters since the heap was made: _count except @arena_count
 * and @span_count, _pages from @backed_pages on, @scavenge_ns. Maxima: @peak_backed_pages,
 * @lock_hold_max_ns. All others are levels.
 */
struct span_heap_stats {
	u64 grown_pages;
	u64 in_use_pages;
	u64 in_use_heap_pages;
	u64 in_use_stack_pages;
	u64 in_use_bits_pages;
	u64 in_use_work_pages;
	u64 idle_pages;
	u64 cached_pages;
	u64 released_pages;
	u64 peak_backed_pages;
	u64 limit_pages;
	u64 soft_limit_pages;
	u64 reserve_target_pages;
	u64 pool_low_pages;
	u64 pool_high_pages;
	u64 demand_pages;
	u64 arena_count;
	u64 span_count;
	u64 alloc_count;
	u64 free_count;
	u64 split_count;
	u64 fail_invalid_count;
	u64 fail_limit_count;
	u64 fail_space_count;
	u64 fail_backing_count;
	u64 fail_metadata_count;
	u64 fail_charge_count;
	u64 bad_free_count;
	u64 cache_hit_count;
	u64 cache_miss_count;
	u64 pool_refill_count;
	u64 grow_count;
	u64 backed_pages;
	u64 rebacked_pages;
	u64 released_age_pages;
	u64 released_pressure_pages;
	u64 released_limit_pages;
	u64 released_forced_pages;
	u64 released_node_pages;
	u64 released_shared_pages;
	u64 deferred_count;
	u64 refault_pages;
	u64 refault_count;
	u64 pass_count;
	u64 retained_pages;
	u64 scavenge_ns;
	u64 release_batch_count;
	u64 tlb_flush_count;
	u64 zeroed_pages;
	u64 zero_skipped_pages;
	u64 lock_acquire_count;
	u64 lock_contend_count;
	u64 lock_hold_max_ns;
	u64 metadata_bytes;
	u64 page_table_bytes;
};

/**
 * span_heap_create() - make a heap
 * @params: parameters of the heap; copied, need not outlive the call
 *
 * An empty heap holds neither address space nor pages.
 *
 * Context: Process context. May sleep.
 *
 * Return: the heap, or an ERR_PTR: %-EINVAL for bad parameters (with a line in
 * the kernel's log), %-EEXIST if a heap of that name lives, %-ENOMEM
 */
struct span_heap *span_heap_create(const struct span_heap_params *params);

/**
 * span_heap_destroy() - end a heap and release all it holds
 * @heap: a heap made by span_heap_create()
 *
 * The caller makes sure that no other task uses the heap. While spans live the heap
 * is not destroyed and stays usable; the kernel's log gives the number of live spans,
 * and of up to 16 of them the address, length, age, owner and allocating function.
 *
 * Context: Process context. May sleep; waits for an RCU grace period.
 *
 * Return: 0, %-EBUSY while spans live, %-EINVAL for the default heap and for
 * what is no heap
 */
int span_heap_destroy(struct span_heap *heap);

/**
 * span_heap_default() - the heap that is always there
 *
 * Context: Any.
 *
 * Return: the module's own heap, which clients share and never destroy
 */
struct span_heap *span_heap_default(void);

/**
 * span_heap_name() - the name of a heap
 * @heap: the heap
 *
 * Context: Any but NMI.
 *
 * Return: the name, which lives as long as the heap; "(no heap)", with a line in the
 * kernel's log, for %NULL and error pointers
 */
const char *span_heap_name(const struct span_heap *heap);

/**
 * span_alloc() - allocate a span
 * @heap: where from
 * @npages: length in pages, at least 1 and at most what the machine has
 * @gfp: as for any allocation. With %GFP_ATOMIC or %GFP_NOWAIT it never sleeps,
 *	and then needs a free run in address space that the heap has already
 *	grown into. __GFP_ZERO clears pages that are not known to be zero. __GFP_NOFAIL
 *	needs a heap without a hard limit, and may exceed the limit on all heaps.
 *	__GFP_ACCOUNT charges the span to the caller's memory cgroup until it is freed.
 *	Zone and mobility flags, __GFP_COMP and unknown flags are refused.
 *
 * A span of up to 512 pages comes from the cache if the cache holds a span of that length.
 * Otherwise the lowest run of free pages that is long enough is taken. A caller that may
 * not sleep prefers a run of idle pages in one chunk of 512 pages: the search for this run
 * begins at the lowest free page and looks into at most four chunks. The scavenger's thread
 * refills the atomic pool for later callers. If there is no free run, the heap grows, but
 * not for a caller that may not sleep. The pages are mapped, in order, and come from
 * anywhere in physical memory.
 *
 * Context: Any that @gfp allows; with %GFP_ATOMIC, interrupt handlers too, but
 * not NMI. On PREEMPT_RT see Contexts.
 *
 * Return: address of the first byte, or NULL. A refused request leaves a line in the
 * kernel's log.
 */
void *span_alloc(struct span_heap *heap, unsigned long npages, gfp_t gfp);

/**
 * span_alloc_aligned() - allocate a span at a multiple of its alignment
 * @heap: where from
 * @npages: length in pages
 * @align_pages: power of two, at most 64 MiB worth of pages
 * @gfp: as for span_alloc()
 *
 * Context: As span_alloc().
 *
 * Return: as span_alloc()
 */
void *span_alloc_aligned(struct span_heap *heap, unsigned long npages,
			 unsigned long align_pages, gfp_t gfp);

/**
 * span_alloc_kind() - allocate a span that is accounted by its use
 * @heap: where from
 * @npages: length in pages
 * @kind: what the pages are for
 * @gfp: as for span_alloc()
 *
 * Context: As span_alloc().
 *
 * Return: as span_alloc()
 */
void *span_alloc_kind(struct span_heap *heap, unsigned long npages, enum span_kind kind,
		      gfp_t gfp);

/**
 * span_alloc_node() - allocate a span with memory of a NUMA node
 * @heap: where from
 * @npages: length in pages
 * @node: the node, or %NUMA_NO_NODE for the heap's own choice
 * @gfp: as for span_alloc(). With __GFP_THISNODE all of the memory is of that node
 *
 * Idle pages in chunks whose memory is of @node are preferred, then the lowest free
 * run, as for span_alloc(). Idle pages of that run may be of another node. With
 * __GFP_THISNODE idle pages of another node are replaced, which takes a flush of all
 * TLBs; callers that may not sleep get NULL instead. For the other functions here
 * __GFP_THISNODE refers to the heap's node, or to the CPU's if the heap has none.
 *
 * Context: As span_alloc().
 *
 * Return: as span_alloc()
 */
void *span_alloc_node(struct span_heap *heap, unsigned long npages, int node, gfp_t gfp);

/**
 * span_free() - free a span
 * @addr: its first byte; NULL does nothing
 *
 * The pages stay mapped and become idle, in the CPU's cache or in the heap, at once or
 * after deferred work. Later allocations may take them, and the scavenger releases pages
 * that have been idle for long enough.
 *
 * An address other than the base of a live span is refused, with a line in the
 * kernel's log that says what the address is. If two callers free the same span at
 * the same time, one of them is refused.
 *
 * Context: Any but NMI. Never sleeps.
 */
void span_free(const void *addr);

/**
 * span_split() - make one span two
 * @addr: first byte of a span
 * @npages: pages that the first part keeps, at least 1 and less than all
 *
 * The second part becomes a span of its own, with the same heap, kind and
 * owner. Each is freed by itself.
 *
 * Context: Any but NMI. Never sleeps.
 *
 * Return: 0; %-EINVAL if no live span begins at @addr, @npages is 0 or not less than the
 * span's length, or another split of it is under way (with a line in the kernel's log);
 * %-ENOMEM
 */
int span_split(const void *addr, unsigned long npages);

/**
 * span_lookup() - find the span that an address is in
 * @addr: any address at all, a wild one too
 * @info: filled in on success; %NULL if all that matters is whether there is one
 *
 * Takes no lock. The path from the address to the span's descriptor is three dependent
 * loads. Only a caller that keeps the span alive may rely on the answer after the call.
 *
 * Context: Any, NMI included.
 *
 * Return: whether a live span contains @addr
 */
bool span_lookup(const void *addr, struct span_info *info);

/**
 * span_set_owner() - store a cookie with a span
 * @addr: any address in a live span of the caller's
 * @owner: what span_lookup() reports after this call
 *
 * Waits for a concurrent call that stores a cookie in the same span. A span that is freed
 * during the call is left alone. A cookie stored while span_split() runs on the span may
 * end up with the first part, whatever @addr is; the client has to serialise the two calls.
 *
 * Context: Any but NMI. Never sleeps.
 *
 * Return: 0, or %-EINVAL if no live span contains @addr
 */
int span_set_owner(const void *addr, void *owner);

/**
 * span_heap_scavenge() - release idle pages at once
 * @heap: the heap
 * @npages: how many at most; %ULONG_MAX for all
 *
 * Leaves the pages that span_heap_reserve() set aside.
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages released
 */
unsigned long span_heap_scavenge(struct span_heap *heap, unsigned long npages);

/**
 * span_heap_reserve() - keep pages ready for callers that cannot wait
 * @heap: the heap
 * @npages: how many pages to keep idle with memory behind them; 0 for none
 *
 * No release takes idle pages below @npages. An allocation may; the next allocation
 * that may sleep, or else the scavenger, refills the reserve. Pages are cleared when
 * they are set aside, so that the first allocation with __GFP_ZERO need not clear them.
 *
 * Context: Process context. May sleep.
 *
 * Return: 0, %-EDQUOT if the heap's limit is in the way, %-ENOMEM, %-EINVAL for
 * more pages than the machine has; after an error the reserve is not raised
 */
int span_heap_reserve(struct span_heap *heap, unsigned long npages);

/**
 * span_heap_set_limit() - set how many pages a heap may hold
 * @heap: the heap
 * @limit_pages: hard limit on pages in use plus idle; 0 for none
 *
 * Idle pages above the limit, but for the reserve, are released before the call
 * returns. If more pages than the limit are in use, they stay, and allocations that
 * need memory fail until enough pages are freed.
 *
 * Context: Process context. May sleep.
 *
 * Return: 0, or %-EINVAL for what is no heap
 */
int span_heap_set_limit(struct span_heap *heap, unsigned long limit_pages);

/**
 * span_heap_set_soft_limit() - set how many pages a heap should hold
 * @heap: the heap
 * @limit_pages: soft limit on pages in use plus idle; 0 for none
 *
 * Idle pages above the soft limit, but for the reserve, are released in the background,
 * however old they are. An allocation that may sleep and backs pages above the soft limit
 * releases up to 64 idle pages. No allocation fails because of the soft limit.
 *
 * Context: Any but NMI.
 *
 * Return: 0, or %-EINVAL for what is no heap
 */
int span_heap_set_soft_limit(struct span_heap *heap, unsigned long limit_pages);

/**
 * span_heap_stats() - read a heap's numbers
 * @heap: the heap
 * @stats: filled in. The sums in the description of &struct span_heap_stats always hold;
 *	all other values are exact while no caller allocates or frees
 *
 * Context: Any but NMI. Never sleeps.
 */
void span_heap_stats(struct span_heap *heap, struct span_heap_stats *stats);

#endif /* SPANALLOC_SPANALLOC_H */
