/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wake: why and how the scavenger's thread is woken.
 */
#ifndef SPANALLOC_WAKE_H
#define SPANALLOC_WAKE_H

#include <linux/bits.h>
#include <linux/wait.h>

struct span_heap;

/* What the scavenger is told of; all but the first cannot wait for its share of a CPU. */
#define NEWS_IDLE	0	/* a heap has idle pages, or too many */
#define NEWS_RESERVE	1	/* a heap's reserve, or its stock, is not full */
#define NEWS_PRESSURE	2	/* the system is short of memory */
#define NEWS_DEFERRED	3	/* a heap has freed spans to be finished, or caches to empty */
#define NEWS_URGENT	(BIT(NEWS_RESERVE) | BIT(NEWS_PRESSURE) | BIT(NEWS_DEFERRED))

/* Woken, with bits of heap_news set, when a heap needs the scavenger. */
extern wait_queue_head_t heap_news_wait;
extern unsigned long heap_news;

void heap_tell(unsigned int news);
void heap_want_drain(struct span_heap *heap);
void heap_watch(struct span_heap *heap, bool news);
void heap_watch_now(struct span_heap *heap);
bool heap_watch_locked(struct span_heap *heap);

#endif /* SPANALLOC_WAKE_H */
