// SPDX-License-Identifier: GPL-2.0-only
/*
 * Span map: finds the arena at an address. index/lookup.h draws it and has the readers.
 *
 * The directory covers the vmalloc area, and is made when the module is loaded. Leaves are
 * made when an arena needs them, and live until the module goes.
 *
 * Lock: span_map_lock serialises the allocation of leaves. Readers take no lock.
 */
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "heap/span_map.h"
#include "index/lookup.h"

struct span_map span_map;

static DEFINE_MUTEX(span_map_lock);

/**
 * span_map_init() - make an empty map of the vmalloc area
 *
 * Return: 0 or %-ENOMEM
 */
int __init span_map_init(void)
{
	unsigned long leaf_bytes = SPAN_MAP_LEAF_ARENAS << ARENA_SHIFT;

	span_map.base = round_down(VMALLOC_START, leaf_bytes);
	span_map.nr_leaves = DIV_ROUND_UP(VMALLOC_END - span_map.base, leaf_bytes);
	span_map.dir = kvcalloc(span_map.nr_leaves, sizeof(*span_map.dir), GFP_KERNEL);
	return span_map.dir ? 0 : -ENOMEM;
}

/**
 * span_map_exit() - free the map; no arena is left, and no lookup runs
 */
void span_map_exit(void)
{
	unsigned long i;

	for (i = 0; i < span_map.nr_leaves; i++)
		kfree(span_map.dir[i]);
	kvfree(span_map.dir);
}

static struct arena **span_map_slot(unsigned long base)
{
	unsigned long nr = (base - span_map.base) >> ARENA_SHIFT;

	return &span_map.dir[nr >> SPAN_MAP_LEAF_SHIFT][nr % SPAN_MAP_LEAF_ARENAS];
}

/**
 * span_map_add() - add an arena
 * @arena: the arena; lookups find it once this returns 0
 *
 * Context: Process context. May sleep.
 *
 * Return: 0 or %-ENOMEM
 */
int span_map_add(struct arena *arena)
{
	unsigned long nr = (arena->base - span_map.base) >> ARENA_SHIFT;
	struct arena ***dir = &span_map.dir[nr >> SPAN_MAP_LEAF_SHIFT];

	mutex_lock(&span_map_lock);
	if (!*dir) {
		struct arena **leaf = kcalloc(SPAN_MAP_LEAF_ARENAS, sizeof(*leaf),
					      GFP_KERNEL | __GFP_NOWARN);

		/* Pairs with the address dependency in span_map_arena(). */
		smp_store_release(dir, leaf);
	}
	mutex_unlock(&span_map_lock);
	if (!*dir)
		return -ENOMEM;
	/* Pairs with the address dependency in span_map_arena(). */
	smp_store_release(span_map_slot(arena->base), arena);
	return 0;
}

/**
 * span_map_remove() - take an arena out
 * @arena: the arena; lookups that have found it may use it until a grace period has passed
 *
 * Context: Any but NMI.
 */
void span_map_remove(const struct arena *arena)
{
	/* Pairs with the address dependency in span_map_arena(). */
	smp_store_release(span_map_slot(arena->base), NULL);
}
