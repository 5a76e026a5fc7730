/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Span map: finds the arena at an address, or of a page.
 */
#ifndef SPANALLOC_SPAN_MAP_H
#define SPANALLOC_SPAN_MAP_H

#include <linux/kernel.h>
#include <linux/types.h>

#include "index/lookup.h"
#include "index/pageindex.h"

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

int span_map_init(void);
void span_map_exit(void);
int span_map_add(struct arena *arena);
void span_map_remove(const struct arena *arena);

#endif /* SPANALLOC_SPAN_MAP_H */
