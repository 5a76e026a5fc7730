/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long holds of heaps' locks are.
 */
#ifndef SPANALLOC_LOCKTIME_H
#define SPANALLOC_LOCKTIME_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct span_heap;

DECLARE_STATIC_KEY_FALSE(lock_timing_key);
extern u64 (*lock_timing_clock)(void);
void heap_hold_begin_locked(struct span_heap *heap);
void heap_hold_end_locked(struct span_heap *heap);

#endif /* SPANALLOC_LOCKTIME_H */
