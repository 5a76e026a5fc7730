/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap, freeing: dead spans back to the page index.
 */
#ifndef SPANALLOC_HEAP_FREE_H
#define SPANALLOC_HEAP_FREE_H

#include <linux/types.h>

#include <spanalloc/spanalloc.h>

struct span;

void heap_free(struct span_heap *heap, struct span *span, enum span_kind kind);
void heap_count_uncached(struct span_heap *heap, const struct span *span, enum span_kind kind);
void heap_free_cached(struct span_heap *heap, struct span **spans, unsigned int nr, bool old);

#endif /* SPANALLOC_HEAP_FREE_H */
