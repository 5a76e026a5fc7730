/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap, allocating: spans from the page index.
 */
#ifndef SPANALLOC_HEAP_ALLOC_H
#define SPANALLOC_HEAP_ALLOC_H

#include "heap/request.h"

/* Most spans that heap_take_more() takes. */
#define FILL_SPANS	16

struct span;

struct span *heap_alloc(const struct span_request *req, enum alloc_failure *failure);
unsigned int heap_take_more(const struct span *like, struct span **spans, unsigned int max);

#endif /* SPANALLOC_HEAP_ALLOC_H */
