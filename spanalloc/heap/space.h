/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Space: the address space of a heap, which arena.c extends.
 */
#ifndef SPANALLOC_SPACE_H
#define SPANALLOC_SPACE_H

#include <linux/list.h>

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

#endif /* SPANALLOC_SPACE_H */
