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
 * Allocations go on meanwhile and never wait for it. Highest addresses go first:
 * allocation is lowest first, so that these pages are the least likely to be
 * wanted again.
 *
 * The surplus of a heap is what it has above
 *
 *	max(demand_keep(), taken + floor)	pages taken and idle together
 *
 * taken being the pages of the index that are in use or parked, and the floor the
 * module's parameter scavenge_floor_pages. It is worked out anew for each chunk: as
 * soon as demand rises there is less to release.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"

/* Two chunks' worth, or one of single pages: a flush serves 512 if so many are due. */
#define BATCH_PAGES	1024
#define BATCH_RUNS	512

/* Chunks looked at, and runs taken or given back, in one hold of the heap's lock. */
#define CHUNKS_PER_HOLD	8
#define RUNS_PER_HOLD	16U

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

unsigned int scavenge_floor_pages = 64;

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

/**
 * heap_surplus_locked() - count idle pages that are more than a heap needs
 * @heap: the heap
 *
 * Context: Under the heap's lock.
 *
 * Return: how many recent demand and the floor do not cover; all, if the heap goes
 * by age alone
 */
unsigned long heap_surplus_locked(struct span_heap *heap)
{
	unsigned long idle = heap->index.nr_idle;
	unsigned long taken = heap_taken_locked(heap);
	unsigned long keep;

	lockdep_assert_held(&heap->lock);
	if (heap->flags & SPAN_HEAP_AGE_ONLY)
		return idle;
	heap_demand_roll_locked(heap);
	keep = max(demand_keep(&heap->demand), taken + READ_ONCE(scavenge_floor_pages));
	return taken + idle - min(taken + idle, keep);
}

/* Pages that the release and the heap's reserve allow to take. */
static unsigned long release_room_locked(struct span_heap *heap, const struct release *rel)
{
	unsigned long idle = heap->index.nr_idle;
	/* The stock comes back by itself, so that whoever asks for it may have it. */
	unsigned long floor = rel->reason == RELEASE_AGE ? heap_floor_locked(heap) : heap->reserve;
	unsigned long room = min(rel->want, idle - min(idle, floor));

	lockdep_assert_held(&heap->lock);
	if (rel->surplus)
		room = min(room, heap_surplus_locked(heap));
	return room;
}

static bool may_take_from_locked(struct span_heap *heap, const struct release *rel,
				 unsigned long chunk)
{
	lockdep_assert_held(&heap->lock);
	return pageindex_used(&heap->index, chunk) <= rel->max_used &&
	       pageindex_recent(&heap->index, chunk) <= rel->max_recent;
}

/*
 * Take what is due in one chunk, at most @room pages and until the batch has
 * @max_runs; true if the chunk has nothing more to give.
 */
static bool take_chunk_locked(struct span_heap *heap, struct release *rel,
			      struct release_batch *batch, unsigned long chunk,
			      unsigned long room, unsigned int max_runs)
{
	unsigned int i = batch->nr_runs;

	lockdep_assert_held(&heap->lock);
	if (!may_take_from_locked(heap, rel, chunk))
		return true;
	room = min(room, BATCH_PAGES - batch->npages);
	batch->nr_runs += pageindex_take_idle(&heap->index, chunk, rel->age, room,
					      batch->runs + i, max_runs - i);
	for (; i < batch->nr_runs; i++) {
		batch->addrs[i] = heap_page_address_locked(heap, batch->runs[i].page);
		batch->npages += batch->runs[i].npages;
		heap->moving += batch->runs[i].npages;
		rel->want -= batch->runs[i].npages;
	}
	return batch->npages < BATCH_PAGES && batch->nr_runs < max_runs;
}

/* Fill the batch as far as one hold of the lock allows; true if it may get fuller. */
static bool take_some(struct span_heap *heap, struct release *rel, struct release_batch *batch)
{
	unsigned long flags = heap_lock(heap);
	unsigned int max_runs = min_t(unsigned int, batch->nr_runs + RUNS_PER_HOLD, BATCH_RUNS);
	unsigned int budget = CHUNKS_PER_HOLD;
	bool whole = true, more = true;

	while (whole && budget--) {
		unsigned long room = release_room_locked(heap, rel);
		unsigned long chunk = rel->chunk;

		more = room && pageindex_prev_idle(&heap->index, &chunk);
		if (!more)
			break;
		whole = take_chunk_locked(heap, rel, batch, chunk, room, max_runs);
		/* One that has more to give is looked at again. */
		rel->chunk = whole ? chunk : chunk + 1;
	}
	heap_unlock(heap, flags);
	return more && batch->npages < BATCH_PAGES && batch->nr_runs < BATCH_RUNS;
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

static void account_runs(struct span_heap *heap, const struct release *rel,
			 const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long flags, npages = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		npages += runs[i].npages;
	flags = heap_lock(heap);
	pageindex_release_runs(&heap->index, runs, nr);
	heap->moving -= npages;
	*released_counter(heap, rel->reason) += npages;
	heap_unlock(heap, flags);
}

static void account_batch(struct span_heap *heap, const struct release *rel,
			  const struct release_batch *batch)
{
	unsigned long flags;
	unsigned int i, nr;

	for (i = 0; i < batch->nr_runs; i += nr) {
		nr = min(batch->nr_runs - i, RUNS_PER_HOLD);
		account_runs(heap, rel, batch->runs + i, nr);
	}
	flags = heap_lock(heap);
	heap->count.release_batch_count++;
	heap->count.tlb_flush_count++;
	heap_unlock(heap, flags);
	total_give_back(batch->npages);
}

/**
 * heap_count_time() - count time spent on giving pages back in the background
 * @heap: the heap
 * @ns: how long that took, in nanoseconds
 *
 * Context: Any but NMI.
 */
void heap_count_time(struct span_heap *heap, u64 ns)
{
	unsigned long flags = heap_lock(heap);

	heap->count.scavenge_ns += ns;
	heap_unlock(heap, flags);
}

/**
 * release_step() - give one batch of idle pages back
 * @heap: the heap
 * @rel: which, and how many; says afterwards how far that has come
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages released; 0 if there are none of that sort any more
 */
unsigned long release_step(struct span_heap *heap, struct release *rel)
{
	struct release_batch *batch;
	unsigned long npages;

	might_sleep();
	mutex_lock(&heap->release_lock);
	batch = heap->batch;
	batch->npages = 0;
	batch->nr_runs = 0;
	while (take_some(heap, rel, batch))
		cond_resched();
	if (batch->npages) {
		unmap_batch(batch);
		account_batch(heap, rel, batch);
	}
	npages = batch->npages;
	mutex_unlock(&heap->release_lock);
	return npages;
}

static unsigned long release(struct span_heap *heap, struct release *rel)
{
	unsigned long want = rel->want;

	while (rel->want && release_step(heap, rel))
		cond_resched();
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
	struct release rel = RELEASE_ALL(npages, reason);

	return release(heap, &rel);
}

/**
 * heap_release_surplus() - give idle pages back that recent demand does not cover
 * @heap: the heap
 * @npages: how many at most
 * @reason: why, for the statistics
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages released
 */
unsigned long heap_release_surplus(struct span_heap *heap, unsigned long npages,
				   enum release_reason reason)
{
	struct release rel = RELEASE_ALL(npages, reason);

	rel.surplus = true;
	return release(heap, &rel);
}
