/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Atomic pool: idle pages kept for callers that cannot wait.
 */
#ifndef SPANALLOC_POOL_H
#define SPANALLOC_POOL_H

#include <linux/types.h>

struct span_heap;
struct span_request;

/**
 * struct pool - what a heap keeps ready of its own accord for callers that cannot wait
 * @from: when the current age began, in jiffies; see pool_roll_locked()
 * @longest: longest request by a caller that cannot wait, in the current age and in the
 *	one before; in pages
 * @low: low watermark: the pool is refilled when the heap has fewer idle pages; 0 while the
 *	heap has no callers that cannot wait
 * @high: high watermark: idle pages that a refill stops at
 * @is_short: a refill is due, and the scavenger has been woken for it
 */
struct pool {
	unsigned long from;
	unsigned long longest[2];
	unsigned long low;
	unsigned long high;
	bool is_short;
};

unsigned long pool_roll_locked(struct span_heap *heap, unsigned long age);
bool pool_note_request(struct span_heap *heap, const struct span_request *req, bool ready);

#endif /* SPANALLOC_POOL_H */
