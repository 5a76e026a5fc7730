/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arenas: the address space of heaps, and the map from addresses to arenas.
 */
#ifndef SPANALLOC_ARENA_H
#define SPANALLOC_ARENA_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#include "index/lookup.h"
#include "index/pageindex.h"

struct span_heap;

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

/* The arena of a page of the index. Needs the heap's lock or its grow_lock. */
static inline struct arena *arena_of_page(const struct pageindex *idx, unsigned long page)
{
	return container_of(idx->block[page / ARENA_PAGES], struct arena, block);
}

int arena_grow(struct span_heap *heap, unsigned long npages, unsigned long grows);
void arena_release_all(struct span_heap *heap);

#endif /* SPANALLOC_ARENA_H */
