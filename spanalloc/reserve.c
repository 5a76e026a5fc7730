// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserve: idle pages that a heap keeps ready for callers that cannot wait.
 *
 * It is a floor under the idle pages: releases stop at it, and whoever may sleep
 * fills it up again, an allocation that took from it or else the scavenger.
 */
#include <linux/mm.h>
#include <linux/topology.h>

#include "internal.h"

#define TOP_UP_RUNS	16

/* Pages of one chunk on their way from released to idle. */
struct top_up {
	int node;
	struct pageindex_run runs[TOP_UP_RUNS];
	unsigned long addrs[TOP_UP_RUNS];
	unsigned int nr_runs;
	unsigned long npages;
	unsigned long fresh;
};

/* Where the pages shall come from; %NUMA_NO_NODE only where there is just one. */
static int top_up_node(const struct span_heap *heap)
{
	if (!IS_ENABLED(CONFIG_NUMA) || nr_online_nodes == 1)
		return NUMA_NO_NODE;
	return heap->node == NUMA_NO_NODE ? numa_mem_id() : heap->node;
}

/*
 * Take released pages of the lowest chunk that has any, no more than the
 * reserve lacks. Returns 0 with @top->npages 0 if it lacks nothing.
 */
static int top_up_take(struct span_heap *heap, struct top_up *top, unsigned long *chunk)
{
	struct pageindex *idx = &heap->index;
	unsigned long chunks, want, room, flags;
	unsigned int i, tries = 16;
	int ret = 0;

	top->npages = 0;
	top->nr_runs = 0;
	flags = heap_lock(heap);
	chunks = idx->nr_blocks * PAGEINDEX_BLOCK_CHUNKS;
	want = heap->reserve - min(heap->reserve, idx->nr_idle);
	room = idx->max_backed - min(idx->max_backed, idx->nr_pages - idx->nr_released);
	if (want && !room)
		ret = -EDQUOT;
	else if (want && *chunk >= chunks)
		ret = -ENOSPC;
	want = min(want, room);
	room = total_reserve(want);
	if (want && !room)
		ret = -EDQUOT;
	want = room;
	while (want && tries-- && !top->nr_runs && *chunk < chunks) {
		top->nr_runs = pageindex_take_released(idx, *chunk, want, top->runs,
						       TOP_UP_RUNS, &top->fresh);
		/* One that gave all there was room for may have more to give. */
		if (top->nr_runs < TOP_UP_RUNS)
			++*chunk;
	}
	for (i = 0; i < top->nr_runs; i++) {
		top->addrs[i] = heap_page_address_locked(heap, top->runs[i].page);
		top->npages += top->runs[i].npages;
		if (top->node != NUMA_NO_NODE)
			pageindex_set_tag(idx, top->runs[i].page, top->runs[i].npages,
					  top->node + 1);
	}
	if (want && !ret && !top->nr_runs)
		ret = -EAGAIN;
	total_give_back(room - top->npages);
	heap->moving += top->npages;
	heap_unlock(heap, flags);
	return ret;
}

/* Back what was taken and make it idle; what cannot be backed is released again. */
static int top_up_back(struct span_heap *heap, struct top_up *top)
{
	unsigned long backed = 0, zeroed = 0;
	unsigned int flushes = 0;
	unsigned long flags;
	unsigned int i;
	int ret = 0;
	bool news;

	for (i = 0; i < top->nr_runs; i++) {
		const struct pageindex_run *run = &top->runs[i];
		struct backing backing = {
			.addr = top->addrs[i],
			.npages = run->npages,
			.released = run->npages,
			.node = top->node,
			.gfp = GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY,
		};

		if (!ret)
			ret = backing_provide(&backing);
		if (ret && backing.done)
			flushes += backing_drop(backing.addr, backing.done);
		flags = heap_lock(heap);
		if (ret) {
			total_give_back(run->npages);
			pageindex_release(&heap->index, run->page, run->npages);
			if (top->fresh == top->npages)
				pageindex_unback(&heap->index, run->page, run->npages);
		} else {
			pageindex_free(&heap->index, run->page, run->npages,
				       PAGEINDEX_FREE_CLEAN);
			backed += run->npages;
			zeroed += backing.zeroed;
		}
		heap->moving -= run->npages;
		heap_unlock(heap, flags);
	}
	flags = heap_lock(heap);
	heap->count.backed_pages += backed;
	heap->count.zeroed_pages += zeroed;
	heap->count.rebacked_pages += backed - min(backed, top->fresh);
	heap->count.tlb_flush_count += flushes;
	heap_note_peak_locked(heap);
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	return ret;
}

static int top_up(struct span_heap *heap)
{
	struct top_up top = { .node = top_up_node(heap) };
	unsigned long chunk = 0;
	int ret;

	lockdep_assert_held(&heap->reserve_lock);
	do {
		ret = top_up_take(heap, &top, &chunk);
		if (ret == -ENOSPC) {
			ret = arena_grow(heap, PAGEINDEX_CHUNK_PAGES, READ_ONCE(heap->grows));
			/* What has been added may lie below the last chunk looked at. */
			chunk = 0;
		} else if (!ret && top.npages) {
			ret = top_up_back(heap, &top);
		} else if (!ret) {
			return 0;
		}
		cond_resched();
	} while (!ret || ret == -EAGAIN);
	return ret;
}

/**
 * heap_top_up() - back idle pages until the heap's reserve is there
 * @heap: the heap
 *
 * Context: Process context. May sleep and reclaim.
 *
 * Return: 0, %-EDQUOT if the heap's limit is in the way, or %-ENOMEM
 */
int heap_top_up(struct span_heap *heap)
{
	int ret;

	mutex_lock(&heap->reserve_lock);
	ret = top_up(heap);
	mutex_unlock(&heap->reserve_lock);
	return ret;
}

/**
 * heap_try_top_up() - as heap_top_up(), unless somebody is at it already
 * @heap: the heap
 *
 * Context: Process context. May sleep and reclaim.
 */
void heap_try_top_up(struct span_heap *heap)
{
	if (!mutex_trylock(&heap->reserve_lock))
		return;
	top_up(heap);
	mutex_unlock(&heap->reserve_lock);
}

int span_heap_reserve(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags, old;
	bool news;
	int ret;

	if (!heap_is_ok(heap, "span_heap_reserve", _RET_IP_) || npages > totalram_pages())
		return -EINVAL;
	might_sleep();
	flags = heap_lock(heap);
	old = heap->reserve;
	heap->reserve = npages;
	news = heap_watch_locked(heap);
	heap_unlock(heap, flags);
	heap_watch(heap, news);
	ret = heap_top_up(heap);
	if (ret) {
		flags = heap_lock(heap);
		heap->reserve = min(old, npages);
		news = heap_watch_locked(heap);
		heap_unlock(heap, flags);
		heap_watch(heap, news);
	}
	return ret;
}
EXPORT_SYMBOL_NS_GPL(span_heap_reserve, "SPANALLOC");
