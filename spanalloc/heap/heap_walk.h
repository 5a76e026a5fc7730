/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap, walking: live spans in order of page number.
 */
#ifndef SPANALLOC_HEAP_WALK_H
#define SPANALLOC_HEAP_WALK_H

#include <linux/types.h>

struct span_heap;
struct span_view;

bool heap_next_span(struct span_heap *heap, unsigned long *page, struct span_view *view);

#endif /* SPANALLOC_HEAP_WALK_H */
