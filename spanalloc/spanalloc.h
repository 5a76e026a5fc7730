/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Public interface of spanalloc, the page-span allocator.
 *
 * A span is a run of whole pages that is contiguous in the kernel's virtual
 * address space, mapped, and owned by whoever allocated it. Spans come from a
 * heap; a module uses the default heap or makes its own. Memory behaves like
 * vmalloc memory: is_vmalloc_addr() is true and vmalloc_to_page() works on
 * every page of a live span.
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

struct span_heap;

/**
 * enum span_kind - what the pages of a span are for
 * @SPAN_KIND_HEAP: ordinary memory
 * @SPAN_KIND_STACK: a stack; its owner keeps its own books
 * @SPAN_KIND_BITS: bitmaps and similar side tables
 * @SPAN_KIND_WORK: short-lived work buffers
 * @SPAN_NR_KINDS: number of kinds, not a kind
 *
 * All but @SPAN_KIND_HEAP are "manual" spans. They differ from heap spans in
 * nothing but the accounting: each kind has its own counter.
 */
enum span_kind {
	SPAN_KIND_HEAP,
	SPAN_KIND_STACK,
	SPAN_KIND_BITS,
	SPAN_KIND_WORK,
	SPAN_NR_KINDS
};

/**
 * struct span_heap_params - how a heap is to be made
 * @name: directory name in debugfs and name in diagnostics; required, unique
 *	among live heaps, 1 to 31 characters, no '/'
 * @node: NUMA node that backing pages come from, or %NUMA_NO_NODE
 * @limit_pages: hard limit on pages in use plus idle; 0 for none
 * @scavenge_age_ms: idle pages are released after this many milliseconds; 0
 *	takes the module parameter of the same name as it stands at creation
 * @flags: reserved for SPAN_HEAP_* policy flags; none exist, so must be 0
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
 * @obj: first byte of the object the address is in; @base if the span holds
 *	no small objects
 * @obj_size: size of that object in bytes; the whole span's if the span holds
 *	no small objects
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

/*
 * X(name): one line per statistic, in the order debugfs prints them. The unit
 * is the last word of the name; _count counts events since the heap was made
 * unless the table in Documentation/debugfs.rst says that it is a level.
 */
#define SPAN_HEAP_STATS(X)		\
	X(reserved_pages)		\
	X(in_use_pages)			\
	X(in_use_heap_pages)		\
	X(in_use_stack_pages)		\
	X(in_use_bits_pages)		\
	X(in_use_work_pages)		\
	X(idle_pages)			\
	X(released_pages)		\
	X(peak_backed_pages)		\
	X(limit_pages)			\
	X(reserve_pages)		\
	X(arena_count)			\
	X(span_count)			\
	X(alloc_count)			\
	X(free_count)			\
	X(split_count)			\
	X(fail_invalid_count)		\
	X(fail_limit_count)		\
	X(fail_space_count)		\
	X(fail_backing_count)		\
	X(fail_metadata_count)		\
	X(bad_free_count)		\
	X(cache_hit_count)		\
	X(cache_miss_count)		\
	X(grow_count)			\
	X(backed_pages)			\
	X(rebacked_pages)		\
	X(released_age_pages)		\
	X(released_pressure_pages)	\
	X(released_limit_pages)		\
	X(released_forced_pages)	\
	X(tlb_flush_count)		\
	X(zeroed_pages)			\
	X(zero_skipped_pages)		\
	X(lock_acquire_count)		\
	X(lock_contend_count)		\
	X(metadata_bytes)		\
	X(page_table_bytes)

/**
 * struct span_heap_stats - one heap's numbers at one moment
 *
 * One u64 for each name in SPAN_HEAP_STATS(); debugfs.rst describes them.
 * reserved_pages is always the sum of in_use_pages, idle_pages and
 * released_pages; in_use_pages that of the four kinds.
 */
struct span_heap_stats {
#define SPAN_HEAP_STAT_FIELD(name) u64 name;
	SPAN_HEAP_STATS(SPAN_HEAP_STAT_FIELD)
#undef SPAN_HEAP_STAT_FIELD
};

struct span_heap *span_heap_create(const struct span_heap_params *params);
int span_heap_destroy(struct span_heap *heap);
struct span_heap *span_heap_default(void);
const char *span_heap_name(const struct span_heap *heap);

void *span_alloc(struct span_heap *heap, unsigned long npages, gfp_t gfp);
void *span_alloc_aligned(struct span_heap *heap, unsigned long npages,
			 unsigned long align_pages, gfp_t gfp);
void *span_alloc_kind(struct span_heap *heap, unsigned long npages,
		      enum span_kind kind, gfp_t gfp);
void span_free(const void *addr);
int span_split(const void *addr, unsigned long npages);

bool span_lookup(const void *addr, struct span_info *info);
int span_set_owner(const void *addr, void *owner);

unsigned long span_heap_scavenge(struct span_heap *heap, unsigned long npages);
int span_heap_reserve(struct span_heap *heap, unsigned long npages);
int span_heap_set_limit(struct span_heap *heap, unsigned long limit_pages);
void span_heap_stats(struct span_heap *heap, struct span_heap_stats *stats);

#endif /* SPANALLOC_SPANALLOC_H */
