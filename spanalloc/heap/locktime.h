/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long holds of heaps' locks are.
 */
#ifndef SPANALLOC_LOCKTIME_H
#define SPANALLOC_LOCKTIME_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct span_heap;

DECLARE_STATIC_KEY_FALSE(locktime_key);
extern u64 (*locktime_clock)(void);
void locktime_switch(bool on);
void locktime_begin_locked(struct span_heap *heap);
void locktime_end_locked(struct span_heap *heap);

#endif /* SPANALLOC_LOCKTIME_H */
