/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In flight: batches of pages that are neither idle nor released yet.
 */
#ifndef SPANALLOC_INFLIGHT_H
#define SPANALLOC_INFLIGHT_H

#include <linux/types.h>
#include <linux/wait.h>

struct span_heap;

/**
 * struct inflight - the batches of a heap
 * @nr: batches that are being released, or finished after their free
 * @done: batches that have been released or finished
 * @wait: tasks that wait for one of them
 */
struct inflight {
	unsigned int nr;
	unsigned int done;
	wait_queue_head_t wait;
};

void inflight_init(struct inflight *inflight);
void inflight_begin_locked(struct span_heap *heap);
void inflight_end(struct span_heap *heap);
bool inflight_wait(struct span_heap *heap);

#endif /* SPANALLOC_INFLIGHT_H */
