/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pass: one look of the scavenger at all idle pages of a heap.
 */
#ifndef SPANALLOC_PASS_H
#define SPANALLOC_PASS_H

struct span_heap;

unsigned long pass_age(const struct span_heap *heap);
void pass_init(struct span_heap *heap);
unsigned long pass_step(struct span_heap *heap);

#endif /* SPANALLOC_PASS_H */
