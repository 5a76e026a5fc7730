/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arenas: growth of a heap's address space.
 */
#ifndef SPANALLOC_ARENA_H
#define SPANALLOC_ARENA_H

struct span_heap;

int arena_grow(struct span_heap *heap, unsigned long npages, unsigned long grows);
void arena_delete_all(struct span_heap *heap);

#endif /* SPANALLOC_ARENA_H */
