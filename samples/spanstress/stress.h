/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters of the stress test, and the data that its threads share.
 */
#ifndef SPANSTRESS_STRESS_H
#define SPANSTRESS_STRESS_H

#include <linux/atomic.h>
#include <linux/mm.h>

#include "../common/complain.h"

struct span_heap;

#define MIB_TO_PAGES(mb)	((mb) << (20 - PAGE_SHIFT))

/**
 * struct spanstress - parameters of the test, and data that all its threads share
 * @threads: number of threads
 * @ops: spans to allocate, over all threads
 * @max_pages: length of the longest span
 * @live_mb: most MiB in live spans
 * @limit_mb: hard limit of the heap, 0 for none
 * @heap: the heap under test
 * @live_pages: pages in live spans
 * @complaints: checks that have failed
 */
struct spanstress {
	unsigned int threads;
	unsigned int ops;
	unsigned int max_pages;
	unsigned long live_mb;
	unsigned long limit_mb;
	struct span_heap *heap;
	atomic_long_t live_pages;
	atomic_t complaints;
};

extern struct spanstress spanstress;

#define complain(...)	complain_to(&spanstress.complaints, __VA_ARGS__)

#endif /* SPANSTRESS_STRESS_H */
