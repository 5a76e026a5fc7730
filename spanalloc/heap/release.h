/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Release: idle pages of a heap go back to the system.
 */
#ifndef SPANALLOC_RELEASE_H
#define SPANALLOC_RELEASE_H

#include <linux/kernel.h>
#include <linux/numa.h>
#include <linux/types.h>

#include "index/pageindex.h"

struct release_batch;
struct span_heap;

/* Why pages go back to the system. */
enum release_reason {
	RELEASE_AGE,
	RELEASE_PRESSURE,
	RELEASE_LIMIT,
	RELEASE_FORCED
};

/**
 * struct release - which idle pages to release, and how many are left to do
 * @age: which idle pages, by age
 * @reason: why, for the statistics
 * @surplus: only pages that recent demand does not cover
 * @max_used: chunks with more pages in use are left alone
 * @max_recent: chunks with a higher pageindex_recent() are left alone
 * @node: only chunks whose memory may be of this node; %NUMA_NO_NODE for all
 * @keep_pool: leave the pages of the atomic pool
 * @chunk: look at chunks below this one
 * @want: pages still to be released
 */
struct release {
	enum pageindex_age age;
	enum release_reason reason;
	bool surplus;
	unsigned int max_used;
	unsigned int max_recent;
	int node;
	bool keep_pool;
	unsigned long chunk;
	unsigned long want;
};

#define RELEASE_ALL(npages, why) {	\
	.age = PAGEINDEX_ANY,		\
	.reason = (why),		\
	.max_used = UINT_MAX,		\
	.max_recent = UINT_MAX,		\
	.node = NUMA_NO_NODE,		\
	.chunk = ULONG_MAX,		\
	.want = (npages),		\
}

extern unsigned int retain_floor_pages;

struct release_batch *release_batch_new(void);
void release_batch_delete(struct release_batch *batch);
unsigned long release_step(struct span_heap *heap, struct release *rel);
void release_until(struct span_heap *heap, unsigned long backed, enum release_reason reason);
unsigned long release_any(struct span_heap *heap, unsigned long npages,
			  enum release_reason reason);
unsigned long release_idle(struct span_heap *heap, struct release *rel);
unsigned long release_surplus_locked(struct span_heap *heap);

#endif /* SPANALLOC_RELEASE_H */
