// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releasing: idle pages of a heap are unmapped and freed to the page allocator.
 *
 * Pages go in batches. The heap's lock is held to take idle pages from the
 * index, a bounded number of chunks at a time, and to tell the index that they
 * are released; between the two they belong to the batch, and are unmapped,
 * flushed from every TLB in one flush, and freed with no spinlock held:
 *
 *	idle --take--> in the batch --unmap--> flush --> free --> released
 *	   lock held		   no spinlock		     lock held
 *
 * Highest page numbers go first: allocation takes the lowest, so that the highest pages are
 * the least likely to be allocated again.
 *
 * A task that releases pages uses the heap's large batch, or, while another task uses that
 * batch, a small one on its stack. So no task waits for the scavenger's thread, which has
 * the lowest priority unless its work is urgent, with three exceptions (inflight_wait()): an
 * allocation at a limit that finds no idle pages, a limit being set, and a client's or a user's
 * release of all pages.
 *
 * The surplus of a heap is what it has above
 *
 *	max(demand_keep(), taken + floor)	pages taken and idle together
 *
 * where taken is the number of pages of the index that are in use or cached, and floor is
 * the module's parameter retain_floor_pages. The surplus is computed again for each chunk,
 * so that a rise of demand takes effect at once.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "heap/budget.h"
#include "heap/deferred.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/inflight.h"
#include "heap/putback.h"
#include "heap/release.h"
#include "heap/span_map.h"
#include "index/demand.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "index/prefetch.h"
#include "vm/vm.h"

/* Pages and runs of the heap's batch: two whole chunks, or 512 single pages, per flush. */
#define RELEASE_BATCH_PAGES	1024
#define RELEASE_BATCH_RUNS	512

/* Pages and runs of a batch on the stack, which may be that of a task in reclaim. */
#define RELEASE_SMALL_PAGES	64
#define RELEASE_SMALL_RUNS	16

/**
 * struct release_batch - pages on their way out of one heap
 * @max_pages: room in @pages
 * @max_runs: room in @runs and @addrs
 * @npages: how many pages
 * @nr_runs: how many runs
 * @runs: the runs, from the highest page down
 * @addrs: address of each run
 * @pages: the pages
 */
struct release_batch {
	unsigned int max_pages;
	unsigned int max_runs;
	unsigned long npages;
	unsigned int nr_runs;
	struct pageindex_run *runs;
	unsigned long *addrs;
	struct page **pages;
};

/* A batch and its memory. */
struct large_batch {
	struct release_batch batch;
	struct pageindex_run runs[RELEASE_BATCH_RUNS];
	unsigned long addrs[RELEASE_BATCH_RUNS];
	struct page *pages[RELEASE_BATCH_PAGES];
};

unsigned int retain_floor_pages = 64;

/**
 * release_batch_new() - allocate a batch
 *
 * Return: the batch or NULL
 */
struct release_batch *release_batch_new(void)
{
	struct large_batch *large = kvmalloc(sizeof(*large), GFP_KERNEL | __GFP_NOWARN);

	if (!large)
		return NULL;
	large->batch = (struct release_batch) {
		.max_pages = RELEASE_BATCH_PAGES,
		.max_runs = RELEASE_BATCH_RUNS,
		.runs = large->runs,
		.addrs = large->addrs,
		.pages = large->pages,
	};
	return &large->batch;
}

/**
 * release_batch_delete() - free a batch
 * @batch: an empty batch, or NULL
 */
void release_batch_delete(struct release_batch *batch)
{
	kvfree(batch ? container_of(batch, struct large_batch, batch) : NULL);
}

/**
 * release_surplus_locked() - count idle pages that are more than a heap needs
 * @heap: the heap
 *
 * Context: Under the heap's lock.
 *
 * Return: idle pages that neither recent demand nor the floor covers; all idle pages if the
 * heap has %SPAN_HEAP_AGE_ONLY
 */
unsigned long release_surplus_locked(struct span_heap *heap)
{
	unsigned long idle = heap->index.nr_idle;
	unsigned long taken = heap_taken_locked(heap);
	unsigned long keep;

	lockdep_assert_held(&heap->lock);
	if (heap->flags & SPAN_HEAP_AGE_ONLY)
		return idle;
	heap_demand_roll_locked(heap);
	keep = max(demand_keep(&heap->demand), taken + READ_ONCE(retain_floor_pages));
	return taken + idle - min(taken + idle, keep);
}

/* How many more pages @rel may take without going below the heap's reserve. */
static unsigned long release_room_locked(struct span_heap *heap, const struct release *rel)
{
	unsigned long idle = heap->index.nr_idle;
	/* Only passes, and releases with @keep_pool, spare the pool; the scavenger refills it. */
	unsigned long floor = rel->reason == RELEASE_AGE || rel->keep_pool ?
			      heap_min_idle_locked(heap) : heap->reserve;
	unsigned long room = min(rel->want, idle - min(idle, floor));

	lockdep_assert_held(&heap->lock);
	if (rel->surplus)
		room = min(room, release_surplus_locked(heap));
	return room;
}

/* May some of the memory behind a chunk be of @node? */
static bool release_is_of_node_locked(const struct span_heap *heap, unsigned long chunk, int node)
{
	unsigned int tag;

	lockdep_assert_held(&heap->lock);
	if (likely(node == NUMA_NO_NODE))
		return true;
	tag = pageindex_tag(&heap->index, chunk * PAGEINDEX_CHUNK_PAGES, 1);
	return !tag || tag == PAGEINDEX_TAG_MIXED || tag == node_tag(node);
}

static bool release_may_take_locked(struct span_heap *heap, const struct release *rel,
				    unsigned long chunk)
{
	lockdep_assert_held(&heap->lock);
	return release_is_of_node_locked(heap, chunk, rel->node) &&
	       pageindex_used(&heap->index, chunk) <= rel->max_used &&
	       pageindex_recent(&heap->index, chunk) <= rel->max_recent;
}

/*
 * Take idle pages that @rel asks for in one chunk, at most @room pages and until the batch
 * has @max_runs runs. Returns false if the chunk may have more: the batch is full, or has
 * @max_runs runs.
 */
static bool release_take_chunk_locked(struct span_heap *heap, struct release *rel,
				      struct release_batch *batch, unsigned long chunk,
				      unsigned long room, unsigned int max_runs)
{
	unsigned int i = batch->nr_runs;

	lockdep_assert_held(&heap->lock);
	if (!release_may_take_locked(heap, rel, chunk))
		return true;
	room = min(room, batch->max_pages - batch->npages);
	batch->nr_runs += pageindex_take_idle(&heap->index, chunk, rel->age, room,
					      batch->runs + i, max_runs - i);
	for (; i < batch->nr_runs; i++) {
		batch->addrs[i] = heap_page_address_locked(heap, batch->runs[i].page);
		batch->npages += batch->runs[i].npages;
		heap->moving += batch->runs[i].npages;
		rel->want -= batch->runs[i].npages;
	}
	return batch->npages < batch->max_pages && batch->nr_runs < max_runs;
}

/* Add to the batch what one hold of the lock allows. Returns true if more may follow. */
static bool release_take_some(struct span_heap *heap, struct release *rel,
			      struct release_batch *batch)
{
	unsigned long flags = heap_lock(heap);
	unsigned int max_runs = min(batch->nr_runs + HOLD_RELEASE_RUNS, batch->max_runs);
	unsigned int chunks = HOLD_RELEASE_CHUNKS, steps = HOLD_RELEASE_STEPS;
	bool was_empty = !batch->npages;
	bool whole = true, more = true;

	while (whole && chunks-- && more && steps) {
		unsigned long room = release_room_locked(heap, rel);
		unsigned long chunk = rel->chunk;

		more = room;
		if (!more)
			break;
		if (!pageindex_prev_idle(&heap->index, &chunk, &steps)) {
			/* With steps left there is no chunk; without, the next hold goes on. */
			more = !steps;
			rel->chunk = chunk;
			break;
		}
		whole = release_take_chunk_locked(heap, rel, batch, chunk, room, max_runs);
		/* A chunk that has more to give is looked at again. */
		rel->chunk = whole ? chunk : chunk + 1;
	}
	if (was_empty && batch->npages)
		inflight_begin_locked(heap);
	heap_unlock(heap, flags);
	return more && batch->npages < batch->max_pages && batch->nr_runs < batch->max_runs;
}

/* As vm_pages_expected(), but without holes in @pages; returns how many there are. */
static unsigned long release_find_pages(unsigned long addr, struct page **pages,
					unsigned long npages)
{
	unsigned long i, nr = 0;

	if (likely(vm_pages_expected(addr, pages, npages)))
		return npages;
	for (i = 0; i < npages; i++)
		if (pages[i])
			pages[nr++] = pages[i];
	return nr;
}

static void release_unmap_batch(struct release_batch *batch)
{
	unsigned long start = ULONG_MAX, end = 0;
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < batch->nr_runs; i++) {
		unsigned long npages = batch->runs[i].npages;
		unsigned long addr = batch->addrs[i];

		nr += release_find_pages(addr, batch->pages + nr, npages);
		vm_unmap(addr, npages);
		start = min(start, addr);
		end = max(end, addr + (npages << PAGE_SHIFT));
	}
	vm_flush(start, end);
	release_pages(batch->pages, nr);
}

static u64 *release_counter(struct span_heap *heap, enum release_reason reason)
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

static void release_finish_runs(struct span_heap *heap, const struct release *rel,
				const struct pageindex_run *runs, const unsigned long *addrs,
				unsigned int nr)
{
	unsigned long flags, npages = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		npages += runs[i].npages;
		arena_prefetch(&heap->index, arena_of(addrs[i]), addrs[i]);
	}
	flags = heap_lock(heap);
	pageindex_release_runs(&heap->index, runs, nr);
	heap->moving -= npages;
	*release_counter(heap, rel->reason) += npages;
	heap_unlock(heap, flags);
}

static void release_finish_batch(struct span_heap *heap, const struct release *rel,
				 const struct release_batch *batch)
{
	unsigned long flags;
	unsigned int i, nr;

	for (i = 0; i < batch->nr_runs; i += nr) {
		nr = putback_runs_in_hold(batch->runs + i,
					  min(batch->nr_runs - i, 0U + HOLD_RELEASE_RUNS));
		release_finish_runs(heap, rel, batch->runs + i, batch->addrs + i, nr);
	}
	flags = heap_lock(heap);
	heap->count.release_batch_count++;
	heap->count.tlb_flush_count++;
	heap_unlock(heap, flags);
	budget_give_back(batch->npages);
	inflight_end(heap);
}

static unsigned long release_one_batch(struct span_heap *heap, struct release *rel,
				       struct release_batch *batch)
{
	batch->npages = 0;
	batch->nr_runs = 0;
	while (release_take_some(heap, rel, batch))
		cond_resched();
	if (batch->npages) {
		release_unmap_batch(batch);
		release_finish_batch(heap, rel, batch);
	}
	return batch->npages;
}

/* Release with a batch on the stack, for a task that did not get release_lock. */
static noinline_for_stack unsigned long release_small(struct span_heap *heap,
						      struct release *rel)
{
	struct pageindex_run runs[RELEASE_SMALL_RUNS];
	unsigned long addrs[RELEASE_SMALL_RUNS];
	struct page *pages[RELEASE_SMALL_PAGES];
	struct release_batch batch = {
		.max_pages = RELEASE_SMALL_PAGES,
		.max_runs = RELEASE_SMALL_RUNS,
		.runs = runs,
		.addrs = addrs,
		.pages = pages,
	};

	return release_one_batch(heap, rel, &batch);
}

/**
 * release_step() - release one batch of idle pages
 * @heap: the heap
 * @rel: which pages, and how many; @chunk and @want are updated
 *
 * Context: Process context. May sleep, in reclaim too; allocates nothing.
 *
 * Return: pages released; 0 if there are no more pages that @rel asks for
 */
unsigned long release_step(struct span_heap *heap, struct release *rel)
{
	unsigned long npages;

	might_sleep();
	if (!mutex_trylock(&heap->release_lock))
		return release_small(heap, rel);
	npages = release_one_batch(heap, rel, heap->batch);
	mutex_unlock(&heap->release_lock);
	return npages;
}

/**
 * release_idle() - release idle pages, as @rel says
 * @heap: the heap
 * @rel: which pages, and how many; @want is what is left afterwards
 *
 * Context: Process context. May sleep, in reclaim too; allocates nothing.
 *
 * Return: pages released
 */
unsigned long release_idle(struct span_heap *heap, struct release *rel)
{
	unsigned long want = rel->want;

	deferred_finish(heap, rel->want);
	while (rel->want && release_step(heap, rel))
		cond_resched();
	return want - rel->want;
}

/**
 * release_any() - release idle pages of any age
 * @heap: the heap
 * @npages: how many at most; %ULONG_MAX for all but the heap's reserve
 * @reason: why, for the statistics
 *
 * Context: Process context. May sleep, in reclaim too; allocates nothing.
 *
 * Return: pages released
 */
unsigned long release_any(struct span_heap *heap, unsigned long npages,
			  enum release_reason reason)
{
	struct release rel = RELEASE_ALL(npages, reason);

	return release_idle(heap, &rel);
}

/**
 * release_until() - release idle pages until at most @backed pages are in use or idle
 * @heap: the heap
 * @backed: how many pages may stay
 * @reason: why, for the statistics
 *
 * Waits for batches that other tasks are releasing or finishing. May return with more than
 * @backed pages, if no idle page may be released and no batch is under way, or if the caller
 * is being killed.
 *
 * Context: Process context. May sleep; not in reclaim.
 */
void release_until(struct span_heap *heap, unsigned long backed, enum release_reason reason)
{
	unsigned long flags, now;

	do {
		flags = heap_lock(heap);
		now = heap_backed_locked(heap);
		heap_unlock(heap, flags);
		if (now <= backed)
			return;
	} while (release_any(heap, now - backed, reason) || inflight_wait(heap));
}
