/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reserve and atomic pool: idle pages kept for callers that cannot wait.
 */
#ifndef SPANALLOC_POOL_H
#define SPANALLOC_POOL_H

#include <linux/gfp.h>
#include <linux/types.h>

struct span_heap;
struct span_request;

/**
 * struct pool - what a heap keeps ready of its own accord for callers that cannot wait
 * @from: when the age began that @longest[0] is of
 * @longest: longest request by such a caller in this age, and in the one before; in
 *	pages
 * @low: to be filled up when there are fewer idle pages; 0 while nobody needs any
 * @high: filled up to so many
 * @is_short: it is to be filled up
 */
struct pool {
	unsigned long from;
	unsigned long longest[2];
	unsigned long low;
	unsigned long high;
	bool is_short;
};

void reserve_init(struct span_heap *heap);
void reserve_refill(struct span_heap *heap, gfp_t gfp);
bool pool_note_request(struct span_heap *heap, const struct span_request *req, bool ready);
unsigned long reserve_maintain(struct span_heap *heap, unsigned long age);

#endif /* SPANALLOC_POOL_H */
