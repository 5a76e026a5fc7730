/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deferred: spans that have been freed, and need work before their pages are idle.
 */
#ifndef SPANALLOC_DEFERRED_H
#define SPANALLOC_DEFERRED_H

#include <linux/types.h>

#include <spanalloc/spanalloc.h>

struct span;

/* With init_on_free, spans of more pages are cleared after the free. Only tests change it. */
extern unsigned long deferred_clear_pages;

unsigned long deferred_count_held(unsigned long addr, unsigned long npages,
				  unsigned long *first);
void deferred_add(struct span_heap *heap, struct span *span, enum span_kind kind);
bool deferred_finish(struct span_heap *heap, unsigned long npages);

#endif /* SPANALLOC_DEFERRED_H */
