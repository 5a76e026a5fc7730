/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Span descriptors, the map from addresses to them, and the lookup.
 *
 *	address --> map.dir[i] --> leaf[j] --> arena --> slot[page] ---> span
 *		      32 GiB	    64 MiB	     +-> whole[chunk] -+
 *
 * An arena has a slot for each of its pages and one for each of its chunks. A span is
 * entered in the chunk's slot where it covers a whole chunk and in the pages' slots
 * elsewhere. Its slots are cleared before its descriptor goes back to the slab. A reader
 * that read a slot just before is still safe: descriptors are type-stable under RCU, and a
 * slot counts only while its descriptor is live and has bounds that contain the address.
 *
 * A descriptor's state is one word: the low bits hold the kind of a live span and whether
 * a writer has it locked or pinned; the bits above count changes. By the count a reader
 * notices that a descriptor was reused during the lookup.
 *
 *	dead --span_publish--> live --span_end_at, span_retire--> dead
 *	                       live --span_trylock--> locked --span_unlock--> live
 *
 * A locked span is live, and one writer, a split, changes it. Lookups still find the span;
 * span_trylock(), span_retire() and span_end_at() refuse it. span_set_owner() pins a live
 * descriptor, locked or not, for a few instructions with interrupts off, so that no owner is
 * stored in a dead descriptor. span_trylock() and span_retire() fail on a pinned descriptor;
 * span_end_at(), span_unlock() and other calls of span_set_owner() wait until it is not
 * pinned.
 *
 * Takes no lock and calls nothing outside this header, so that programs can build it.
 * Lookups run in any context, NMI included.
 */
#ifndef SPANALLOC_LOOKUP_H
#define SPANALLOC_LOOKUP_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "index/pageindex.h"

#ifdef __KERNEL__
#include <asm/barrier.h>
#include <asm/page.h>
#endif

struct obj_cgroup;
struct span_heap;

#define ARENA_PAGES		PAGEINDEX_BLOCK_PAGES
#define ARENA_BYTES		(ARENA_PAGES << PAGE_SHIFT)
#define ARENA_SHIFT		(PAGE_SHIFT + PAGEINDEX_CHUNK_SHIFT + PAGEINDEX_BLOCK_SHIFT)
#define CHUNK_BYTES		(PAGEINDEX_CHUNK_PAGES << PAGE_SHIFT)

/* Arenas that one leaf of the map covers. */
#define SPAN_MAP_LEAF_SHIFT	9
#define SPAN_MAP_LEAF_ARENAS	(1UL << SPAN_MAP_LEAF_SHIFT)

/* struct span::state: bits 0-2 kind + 1, 0 if dead; two flag bits; then a count of changes. */
#define SPAN_STATE_KIND		0x7UL
#define SPAN_STATE_LOCKED	0x8UL
#define SPAN_STATE_PINNED	0x10UL
#define SPAN_STATE_STEP		0x20UL

/**
 * struct span - descriptor of a span
 * @state: see above; published last
 * @base: address of the first byte
 * @npages: length in pages
 * @node: NUMA node of its memory; if its chunks have memory of several nodes, the node of the
 *	first page of the span that it was allocated as; %NUMA_NO_NODE if there is one node
 * @heap: heap that it belongs to
 * @owner: while it is live: cookie stored by span_set_owner()
 * @next: while it is cached or deferred: next span of its chain or list
 * @caller: while it is live: return address of the call that allocated it
 * @next_chain: in the first span of a cached chain: first span of the next chain
 * @born: when it was allocated, by span_clock()
 * @ahead: distance to the descriptor that is likely to be freed a little later, as
 *	span_set_ahead() notes it. A hint, which may be wrong
 * @charged: while it is live: memory cgroup that pays for it, or NULL
 * @next_list: in the first span of a list of chains that is being freed: first span of the
 *	next list
 *
 * One cache line.
 */
struct span {
	unsigned long state;
	unsigned long base;
	unsigned int npages;
	int node;
	struct span_heap *heap;
	union {
		void *owner;
		struct span *next;
	};
	union {
		unsigned long caller;
		struct span *next_chain;
	};
	u32 born;
	s32 ahead;
	union {
		struct obj_cgroup *charged;
		struct span *next_list;
	};
};

/**
 * struct arena - 64 MiB of address space and what is known about it
 * @base: address of the first byte, a multiple of %ARENA_BYTES
 * @first_page: number of its first page in the heap's page index
 * @heap: heap that it belongs to
 * @whole: for each chunk, the span that covers all of it, or NULL
 * @slot: for each page, the span that covers it but not its whole chunk, or NULL
 * @block: the arena's share of the page index
 *
 * Only the task that owns the pages writes their entries of @whole and @slot.
 */
struct arena {
	unsigned long base;
	unsigned long first_page;
	struct span_heap *heap;
	struct span *whole[PAGEINDEX_BLOCK_CHUNKS];
	struct span *slot[ARENA_PAGES];
	struct pageindex_block block;
};

/**
 * struct span_map - where the arenas are
 * @base: first address that the map covers, aligned to a leaf
 * @nr_leaves: length of @dir
 * @dir: leaves, each the arenas of 32 GiB; NULL where there are none
 */
struct span_map {
	unsigned long base;
	unsigned long nr_leaves;
	struct arena ***dir;
};

/**
 * struct span_view - a consistent copy of what a reader needs of a descriptor
 * @span: the descriptor
 * @state: its state when the copy was taken
 * @base: as in &struct span
 * @npages: as in &struct span
 * @heap: as in &struct span
 * @owner: as in &struct span
 */
struct span_view {
	struct span *span;
	unsigned long state;
	unsigned long base;
	unsigned long npages;
	struct span_heap *heap;
	void *owner;
};

static inline struct arena *span_map_arena(const struct span_map *map, unsigned long addr)
{
	unsigned long arena = (addr - map->base) >> ARENA_SHIFT;
	struct arena **leaf;

	/* Below the base the difference wraps, and is too large as well. */
	if (arena >> SPAN_MAP_LEAF_SHIFT >= map->nr_leaves)
		return NULL;
	/*
	 * Both pointers pair with smp_store_release() in span_map_add(); what is
	 * read through them depends on their address, and so comes after them.
	 */
	leaf = READ_ONCE(map->dir[arena >> SPAN_MAP_LEAF_SHIFT]);
	if (!leaf)
		return NULL;
	return READ_ONCE(leaf[arena % SPAN_MAP_LEAF_ARENAS]);
}

enum span_match {
	SPAN_MATCH,	/* live, and the address lies in it */
	SPAN_MISS,	/* not live, or elsewhere */
	SPAN_RACED	/* changed meanwhile: look again */
};

/*
 * Copy @span if it is live and @addr lies in it. The copy of a locked span is consistent too:
 * of what is copied, a split changes only @npages, with one store.
 */
static inline enum span_match span_view_get(struct span *span, unsigned long addr,
					    struct span_view *view)
{
	unsigned long state = READ_ONCE(span->state);

	if (!(state & SPAN_STATE_KIND))
		return SPAN_MISS;
	/* State before copy. Pairs with smp_wmb() in span_publish(), cmpxchg() in span_unlock(). */
	smp_rmb();
	view->span = span;
	view->state = state;
	view->base = READ_ONCE(span->base);
	view->npages = READ_ONCE(span->npages);
	view->heap = READ_ONCE(span->heap);
	view->owner = READ_ONCE(span->owner);
	/*
	 * The copy above before the state below. Pairs with the full barrier of the
	 * cmpxchg() that makes a span dead, in span_retire(), span_end_at() and
	 * span_end_slowly().
	 */
	smp_rmb();
	if (READ_ONCE(span->state) != state)
		return SPAN_RACED;
	return addr - view->base < view->npages << PAGE_SHIFT ? SPAN_MATCH : SPAN_MISS;
}

/*
 * Find the live span at @addr, which lies in @arena. Runs under
 * rcu_read_lock(), which keeps the memory of descriptors from becoming anything
 * else.
 *
 * A miss counts only if both slots still hold what they held before the look:
 * when a span is split, the second part is in its slots before the bounds of
 * the first shrink, so that a reader that saw the new bounds sees the new slot
 * when it reads the slot again. The loop repeats only after a concurrent change.
 */
static inline bool span_view_find(struct arena *arena, unsigned long addr,
				  struct span_view *view)
{
	unsigned long page = (addr >> PAGE_SHIFT) % ARENA_PAGES;
	struct span **slot = &arena->slot[page];
	struct span **whole = &arena->whole[page >> PAGEINDEX_CHUNK_SHIFT];
	struct span *by_page, *by_chunk;
	enum span_match match;

	do {
		/* Both loads pair with smp_wmb() in span_enter(). */
		by_page = READ_ONCE(*slot);
		match = by_page ? span_view_get(by_page, addr, view) : SPAN_MISS;
		if (match == SPAN_MATCH)
			return true;
		by_chunk = READ_ONCE(*whole);
		if (match == SPAN_MISS && by_chunk)
			match = span_view_get(by_chunk, addr, view);
		if (match == SPAN_MATCH)
			return true;
		/*
		 * The loads above before the second loads of the slots. Pairs
		 * with smp_wmb() in span_cut() and span_divide_chunk().
		 */
		smp_rmb();
	} while (match == SPAN_RACED || READ_ONCE(*slot) != by_page ||
		 READ_ONCE(*whole) != by_chunk);
	return false;
}

#endif /* SPANALLOC_LOOKUP_H */
