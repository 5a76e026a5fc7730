// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releasing: giving idle pages of a heap back to the system.
 *
 * Pages go in batches. The heap's lock is held to take idle pages from the
 * index, a bounded number of chunks at a time, and to tell the index that they
 * are released; between the two they belong to the batch, and are unmapped,
 * flushed from every TLB once, and freed with no spinlock held:
 *
 *	idle --take--> in the batch --unmap--> flush --> free --> released
 *	   lock held		   no spinlock		     lock held
 *
 * Highest addresses go first: allocation is lowest first, so that these pages
 * are the least likely to be wanted again.
 *
 * A sweep takes only pages that were idle at the sweep before, and makes the
 * others old. With sweeps @age apart a page is therefore released when it has
 * been idle for between one and two ages.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"

/* Two chunks' worth, or one of single pages: a flush serves 512 if so many are due. */
#define BATCH_PAGES	1024
#define BATCH_RUNS	512

/* Chunks looked at in one hold of the heap's lock. */
#define CHUNKS_PER_HOLD	16

/**
 * struct release_batch - pages on their way out of one heap
 * @npages: how many
 * @nr_runs: in how many runs
 * @runs: the runs, from the highest page down
 * @addrs: where they are
 * @pages: the pages
 */
struct release_batch {
	unsigned long npages;
	unsigned int nr_runs;
	struct pageindex_run runs[BATCH_RUNS];
	unsigned long addrs[BATCH_RUNS];
	struct page *pages[BATCH_PAGES];
};

/* What a release is to do, and how far it has come. */
struct release {
	struct span_heap *heap;
	enum pageindex_age age;
	enum release_reason reason;
	unsigned long chunk;	/* look below this one */
	unsigned long want;	/* pages still to be released */
};

/**
 * release_batch_new() - allocate a batch
 *
 * Return: the batch or NULL
 */
struct release_batch *release_batch_new(void)
{
	return kvmalloc(sizeof(struct release_batch), GFP_KERNEL | __GFP_NOWARN);
}

/**
 * release_batch_delete() - free a batch
 * @batch: an empty batch, or NULL
 */
void release_batch_delete(struct release_batch *batch)
{
	kvfree(batch);
}

/* Take what is due in one chunk; true if the chunk has nothing more to give. */
static bool take_chunk(struct release *rel, struct release_batch *batch, unsigned long chunk)
{
	struct span_heap *heap = rel->heap;
	unsigned long idle = heap->index.nr_idle;
	unsigned long room = min3(BATCH_PAGES - batch->npages, rel->want,
				  idle - min(idle, heap->reserve));
	unsigned int i = batch->nr_runs;

	lockdep_assert_held(&heap->lock);
	batch->nr_runs += pageindex_take_idle(&heap->index, chunk, rel->age, room,
					      batch->runs + i, BATCH_RUNS - i);
	for (; i < batch->nr_runs; i++) {
		batch->addrs[i] = heap_page_address_locked(heap, batch->runs[i].page);
		batch->npages += batch->runs[i].npages;
		heap->moving += batch->runs[i].npages;
		rel->want -= batch->runs[i].npages;
	}
	return batch->npages < BATCH_PAGES && batch->nr_runs < BATCH_RUNS;
}

/* Fill the batch as far as one hold of the lock allows; true if it may get fuller. */
static bool take_some(struct release *rel, struct release_batch *batch)
{
	struct span_heap *heap = rel->heap;
	unsigned long flags = heap_lock(heap);
	unsigned int budget = CHUNKS_PER_HOLD;
	bool more = true;

	while (more && budget--) {
		unsigned long chunk = rel->chunk;

		more = rel->want && pageindex_prev_idle(&heap->index, &chunk);
		if (!more)
			break;
		more = take_chunk(rel, batch, chunk);
		/* A chunk that filled the batch is looked at again for the next. */
		rel->chunk = more ? chunk : chunk + 1;
		if (more && rel->age == PAGEINDEX_OLD)
			pageindex_age(&heap->index, chunk);
	}
	heap_unlock(heap, flags);
	return more;
}

static void unmap_batch(struct release_batch *batch)
{
	unsigned long start = ULONG_MAX, end = 0;
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < batch->nr_runs; i++) {
		unsigned long npages = batch->runs[i].npages;
		unsigned long addr = batch->addrs[i];

		vm_pages(addr, batch->pages + nr, npages);
		vm_unmap(addr, npages);
		nr += npages;
		start = min(start, addr);
		end = max(end, addr + (npages << PAGE_SHIFT));
	}
	vm_flush(start, end);
	release_pages(batch->pages, nr);
}

static u64 *released_counter(struct span_heap *heap, enum release_reason reason)
{
	switch (reason) {
	case RELEASE_AGE:
		return &heap->count.released_age_pages;
	case RELEASE_PRESSURE:
		return &heap->count.released_pressure_pages;
	case RELEASE_LIMIT:
		return &heap->count.released_limit_pages;
	default:
		return &heap->count.released_forced_pages;
	}
}

static void account_batch(struct release *rel, struct release_batch *batch)
{
	struct span_heap *heap = rel->heap;
	unsigned long flags = heap_lock(heap);

	pageindex_release_runs(&heap->index, batch->runs, batch->nr_runs);
	heap->moving -= batch->npages;
	*released_counter(heap, rel->reason) += batch->npages;
	heap->count.tlb_flush_count++;
	heap_unlock(heap, flags);
}

/* Release up to @want pages; returns how many it was. */
static unsigned long release(struct release *rel)
{
	struct span_heap *heap = rel->heap;
	unsigned long want = rel->want;
	struct release_batch *batch;

	mutex_lock(&heap->release_lock);
	batch = heap->batch;
	do {
		batch->npages = 0;
		batch->nr_runs = 0;
		while (take_some(rel, batch))
			cond_resched();
		if (batch->npages) {
			unmap_batch(batch);
			account_batch(rel, batch);
		}
	} while (batch->npages && rel->want);
	mutex_unlock(&heap->release_lock);
	return want - rel->want;
}

/**
 * heap_release() - give idle pages back, whatever their age
 * @heap: the heap
 * @npages: how many at most; %ULONG_MAX for all but the heap's reserve
 * @reason: why, for the statistics
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages released
 */
unsigned long heap_release(struct span_heap *heap, unsigned long npages,
			   enum release_reason reason)
{
	struct release rel = {
		.heap = heap,
		.age = PAGEINDEX_ANY,
		.reason = reason,
		.chunk = ULONG_MAX,
		.want = npages,
	};

	might_sleep();
	return release(&rel);
}

/**
 * heap_sweep() - give back what has been idle since the last sweep
 * @heap: the heap
 *
 * What is idle now and was not then becomes due at the next.
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages released
 */
unsigned long heap_sweep(struct span_heap *heap)
{
	struct release rel = {
		.heap = heap,
		.age = PAGEINDEX_OLD,
		.reason = RELEASE_AGE,
		.chunk = ULONG_MAX,
		.want = ULONG_MAX,
	};

	might_sleep();
	return release(&rel);
}
