/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Top-up: making released pages of a heap idle.
 */
#ifndef SPANALLOC_TOPUP_H
#define SPANALLOC_TOPUP_H

#include <linux/types.h>

struct span_heap;

int topup_fill(struct span_heap *heap, bool pool);

#endif /* SPANALLOC_TOPUP_H */
