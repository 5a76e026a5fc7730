/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reserve: idle pages that releases leave alone.
 */
#ifndef SPANALLOC_RESERVE_H
#define SPANALLOC_RESERVE_H

#include <linux/gfp.h>

struct span_heap;

void reserve_init(struct span_heap *heap);
void reserve_refill(struct span_heap *heap, gfp_t gfp);
unsigned long reserve_maintain(struct span_heap *heap, unsigned long age);

#endif /* SPANALLOC_RESERVE_H */
