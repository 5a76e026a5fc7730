// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arenas: where a heap's address space comes from.
 *
 *	range of a heap		one reservation of the vmalloc area
 *	  arena 0		64 MiB, aligned; metadata made when first needed
 *	    chunk 0		page tables, pages in the index
 *	    ...
 *	    chunk 31
 *	  arena 1 ...		adjoining: a run may begin in one and end in the next
 *
 * A heap grows by as many chunks as a request needs, from the newest range
 * while there is room in it. If the range has too few chunks left, the rest of the current
 * arena is added first and a new range is reserved. Arenas of the old range that were not
 * begun are not used again.
 *
 * A new range has as many arenas as the heap has already, at most ARENAS_AHEAD, or as many as
 * the request needs if that is more. Runs cross arenas of one range, never of two:
 * vm_reserve() leaves a gap between ranges.
 *
 * Arenas live until their heap goes, and a grace period longer, since lookups may use them.
 *
 * Lock order: grow_lock; one at a time below it, the heap's lock or that of the map.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/span_map.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/vm.h"

/* A range of this many arenas at most is reserved ahead of need. */
#define ARENAS_AHEAD	8UL

/*
 * Arenas that the index's table has room for at first and after the first extension. The
 * second extension is the last. The heap's lock is held while a table is copied, with at
 * most TABLE_BLOCKS_SECOND entries.
 */
#define TABLE_BLOCKS_FIRST	8UL
#define TABLE_BLOCKS_SECOND	512UL

/* No warning: the caller decides whether to report that the heap could not grow. */
#define ARENA_GFP	(GFP_KERNEL | __GFP_NOWARN)

struct arena_range {
	struct list_head list;
	struct vm_range vm;
};

static int arena_reserve_range(struct arena_space *space, unsigned long arenas)
{
	struct arena_range *range = kmalloc(sizeof(*range), ARENA_GFP);

	if (!range)
		return -ENOMEM;
	if (vm_reserve(&range->vm, arenas * ARENA_BYTES, ARENA_BYTES)) {
		kfree(range);
		return -ENOMEM;
	}
	list_add(&range->list, &space->ranges);
	space->next = range->vm.base;
	space->end = range->vm.base + range->vm.bytes;
	return 0;
}

/* Reserve a range ahead of need if possible, else exactly @need arenas. */
static int arena_reserve_ahead(struct arena_space *space, unsigned long need)
{
	unsigned long ahead = clamp(space->arenas, 1UL, ARENAS_AHEAD);

	if (ahead > need && !arena_reserve_range(space, ahead))
		return 0;
	return arena_reserve_range(space, need);
}

/* Make room in the index for one more block. */
static int arena_extend_table(struct span_heap *heap)
{
	unsigned long blocks = heap->index.max_blocks;
	unsigned long flags;
	void *table, *old;

	if (heap->index.nr_blocks < blocks)
		return 0;
	if (blocks == PAGEINDEX_MAX_BLOCKS)
		return -ENOMEM;
	if (!blocks)
		blocks = TABLE_BLOCKS_FIRST;
	else
		blocks = blocks < TABLE_BLOCKS_SECOND ? TABLE_BLOCKS_SECOND : PAGEINDEX_MAX_BLOCKS;
	table = kvzalloc(pageindex_table_bytes(blocks), ARENA_GFP);
	if (!table)
		return -ENOMEM;
	flags = heap_lock(heap);
	old = pageindex_set_table(&heap->index, table, blocks);
	heap_unlock(heap, flags);
	heap->table_bytes = pageindex_table_bytes(blocks);
	kvfree(old);
	return 0;
}

/* Does an arena at @base continue the heap's last one? */
static bool arena_adjoins(const struct span_heap *heap, unsigned long base)
{
	const struct pageindex *idx = &heap->index;

	return idx->nr_blocks &&
	       arena_of_page(idx, (idx->nr_blocks - 1) * ARENA_PAGES)->base + ARENA_BYTES == base;
}

static int arena_add(struct span_heap *heap, unsigned long base)
{
	struct arena *arena;
	unsigned long flags;
	int ret;

	ret = arena_extend_table(heap);
	if (ret)
		return ret;
	arena = __vmalloc(sizeof(*arena), ARENA_GFP | __GFP_ZERO);
	if (!arena)
		return -ENOMEM;
	arena->base = base;
	arena->heap = heap;
	arena->first_page = heap->index.nr_blocks * ARENA_PAGES;
	ret = span_map_add(arena);
	if (ret) {
		vfree(arena);
		return ret;
	}
	pageindex_block_init(&arena->block, arena_adjoins(heap, base));
	flags = heap_lock(heap);
	pageindex_add_block(&heap->index, &arena->block);
	heap_unlock(heap, flags);
	heap->space.arenas++;
	return 0;
}

/* Add the next @chunks chunks of the newest range, making arenas on the way. */
static int arena_grow_chunks(struct span_heap *heap, unsigned long chunks)
{
	struct arena_space *space = &heap->space;
	unsigned long end = space->next + chunks * CHUNK_BYTES;
	unsigned long addr, flags, chunk, nr;
	int ret;

	for (addr = round_down(space->next, ARENA_BYTES); addr < end; addr += ARENA_BYTES) {
		if (arena_of(addr))
			continue;
		ret = arena_add(heap, addr);
		if (ret)
			return ret;
	}
	ret = vm_populate(space->next, chunks * CHUNK_BYTES);
	if (ret)
		return ret;
	chunk = heap_page_of(space->next) / PAGEINDEX_CHUNK_PAGES;
	space->next = end;
	for (; chunks; chunks -= nr, chunk += nr) {
		nr = min(chunks, HOLD_GROW_CHUNKS);
		flags = heap_lock(heap);
		pageindex_grow(&heap->index, chunk, nr);
		/* Count the growth with its last piece: a later search sees all of it. */
		heap->grows += nr == chunks;
		heap_unlock(heap, flags);
	}
	return 0;
}

static int arena_grow_by(struct span_heap *heap, unsigned long npages)
{
	struct arena_space *space = &heap->space;
	unsigned long chunks = DIV_ROUND_UP(npages, PAGEINDEX_CHUNK_PAGES);
	unsigned long rest;
	int ret;

	lockdep_assert_held(&heap->grow_lock);
	if ((space->end - space->next) / CHUNK_BYTES >= chunks)
		return arena_grow_chunks(heap, chunks);

	rest = (round_up(space->next, ARENA_BYTES) - space->next) / CHUNK_BYTES;
	if (rest) {
		ret = arena_grow_chunks(heap, rest);
		if (ret)
			return ret;
	}
	ret = arena_reserve_ahead(space, DIV_ROUND_UP(chunks * CHUNK_BYTES, ARENA_BYTES));
	if (ret)
		return ret;
	return arena_grow_chunks(heap, chunks);
}

/**
 * arena_grow() - add address space to a heap
 * @heap: the heap
 * @npages: length of the run that was wanted and not found
 * @grows: the heap's count of growths when it was not found
 *
 * Does nothing if the heap has grown since.
 *
 * Context: Process context. May sleep, but does no I/O.
 *
 * Return: 0 or %-ENOMEM
 */
int arena_grow(struct span_heap *heap, unsigned long npages, unsigned long grows)
{
	unsigned int scope;
	int ret = 0;

	mutex_lock(&heap->grow_lock);
	scope = memalloc_noio_save();
	/* heap->grows changes under grow_lock only, so that this read needs no heap->lock. */
	if (heap->grows == grows)
		ret = arena_grow_by(heap, npages);
	memalloc_noio_restore(scope);
	mutex_unlock(&heap->grow_lock);
	return ret;
}

/**
 * arena_delete_all() - unreserve all address space of a heap, and free its metadata
 * @heap: a heap that no task uses, with no page in use or backed
 *
 * Context: Process context. Waits for a grace period.
 */
void arena_delete_all(struct span_heap *heap)
{
	struct pageindex *idx = &heap->index;
	struct arena_range *range, *next;
	unsigned long i;

	for (i = 0; i < idx->nr_blocks; i++)
		span_map_remove(arena_of_page(idx, i * ARENA_PAGES));
	synchronize_rcu();
	for (i = 0; i < idx->nr_blocks; i++)
		vfree(arena_of_page(idx, i * ARENA_PAGES));
	list_for_each_entry_safe(range, next, &heap->space.ranges, list) {
		vm_unreserve(&range->vm);
		kfree(range);
	}
	/* The table that pageindex_set_table() was given last begins with @block. */
	kvfree(idx->block);
}
