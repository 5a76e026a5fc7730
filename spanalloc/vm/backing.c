// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backing: physical pages for runs of claimed address space.
 *
 * A run that has just been claimed may have pages behind all of it, behind none
 * of it, or behind parts. backing_provide() fills in what is missing, in bulk,
 * and, if the caller asks for cleared memory, clears the pages that are not known
 * to be zero. The run belongs to the caller alone, so that no lock is held. Its
 * page tables exist already, so that only pages have to be allocated.
 *
 * With __GFP_THISNODE all pages of the run shall be of one node. Present pages of
 * another node are replaced, if the caller may wait for a TLB flush. The new pages
 * are allocated before the old ones are unmapped, so that a failed allocation
 * leaves no hole.
 *
 * If backing_provide() fails half-way, missing pages below @done have been provided.
 * The caller decides what becomes of the pages provided. Unless all of the run was missing,
 * the caller calls backing_end() in any case.
 *
 * A caller that may sleep gets cond_resched() after each batch. backing_provide() fails with
 * %-EINTR once such a caller has been killed and has got BACKING_KILLED_PAGES pages, unless
 * __GFP_NOFAIL is set.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "base/gfp.h"
#include "vm/backing.h"
#include "vm/vm.h"

/* Pages per bulk allocation; their pointers are on the stack. */
#define BACKING_BATCH	64

/* A killed task may still be provided with this many pages, as its exit may need memory. */
#define BACKING_KILLED_PAGES	1024UL

/* Pages cleared between two calls of cond_resched(). */
#define BACKING_CLEAR_PAGES	256UL

/* === Pages ============================================================== */

static void backing_free_batch(struct page **pages, unsigned int nr)
{
	while (nr--)
		if (pages[nr])
			__free_page(pages[nr]);
}

/* Take up to @nr pages out of a stash; returns how many. */
static unsigned int backing_stash_take(struct page_stash *stash, struct page **pages,
				       unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr && stash->nr; i++) {
		pages[i] = list_first_entry(&stash->pages, struct page, lru);
		list_del(&pages[i]->lru);
		stash->nr--;
	}
	return i;
}

/* Allocate @nr pages, all or none. */
static bool backing_alloc_batch(const struct backing *backing, struct page **pages, unsigned int nr)
{
	unsigned int have = 0;

	memset(pages, 0, nr * sizeof(*pages));
	if (backing->stash)
		have = backing_stash_take(backing->stash, pages, nr);
	if (have < nr)
		have = alloc_pages_bulk_node(backing->gfp & ~__GFP_NOFAIL, backing->node, nr,
					     pages);
	/* The bulk allocator may stop early. */
	for (; have < nr; have++) {
		pages[have] = alloc_pages_node(backing->node, backing->gfp, 0);
		if (!pages[have]) {
			backing_free_batch(pages, have);
			return false;
		}
	}
	return true;
}

/* Reschedule after @npages pages. Returns false if a killed task shall stop here. */
static bool backing_may_go_on(gfp_t gfp, unsigned long npages)
{
	if (!gfpflags_allow_blocking(gfp))
		return true;
	cond_resched();
	return npages < BACKING_KILLED_PAGES || gfp & __GFP_NOFAIL ||
	       !fatal_signal_pending(current);
}

/* Provide pages @start..@end - 1 of the run, where nothing is mapped. */
static int backing_provide_run(struct backing *backing, unsigned long start, unsigned long end)
{
	struct page *pages[BACKING_BATCH];
	int ret;

	for (backing->done = start; backing->done < end;) {
		unsigned int nr = min_t(unsigned long, BACKING_BATCH, end - backing->done);

		if (!backing_alloc_batch(backing, pages, nr))
			return -ENOMEM;
		ret = vm_map(backing->addr + (backing->done << PAGE_SHIFT), pages, nr);
		if (ret) {
			/* Only after -EBUSY is none of these pages mapped. Otherwise leak all. */
			if (ret == -EBUSY)
				backing_free_batch(pages, nr);
			return -EFAULT;
		}
		backing->done += nr;
		backing->provided += nr;
		if (!backing_may_go_on(backing->gfp, backing->provided))
			return -EINTR;
	}
	return 0;
}

static unsigned long *backing_alloc_bitmap(unsigned long npages, gfp_t gfp)
{
	size_t bytes = BITS_TO_LONGS(npages) * sizeof(long);

	gfp = metadata_gfp(gfp);
	if (gfpflags_allow_blocking(gfp))
		return kvzalloc(bytes, gfp);
	/* Too long a run for callers that cannot wait; the page allocator would warn. */
	if (bytes > KMALLOC_MAX_SIZE)
		return NULL;
	return kzalloc(bytes, gfp | __GFP_NOWARN);
}

/* Get a bitmap with a bit for each page of a run: the stash's, or a new one. */
static unsigned long *backing_take_bitmap(const struct backing *backing)
{
	struct page_stash *stash = backing->stash;
	unsigned long *bitmap;

	if (!stash || !stash->missing)
		return backing_alloc_bitmap(backing->npages, backing->gfp);
	bitmap = stash->missing;
	stash->missing = NULL;
	return bitmap;
}

/**
 * backing_stash() - allocate memory for a run before the run is claimed
 * @stash: an empty stash; holds what was allocated, also after an error
 * @npages: how many
 * @node: node that they shall come from
 * @gfp: how to allocate them; the caller may sleep
 *
 * Context: Process context. May sleep.
 *
 * Return: 0, %-ENOMEM, or %-EINTR if the caller is being killed
 */
int backing_stash(struct page_stash *stash, unsigned long npages, int node, gfp_t gfp)
{
	const struct backing how = { .node = node, .gfp = gfp };
	struct page *pages[BACKING_BATCH];

	stash->missing = backing_alloc_bitmap(npages, gfp);
	if (!stash->missing)
		return -ENOMEM;
	while (stash->nr < npages) {
		unsigned int nr = min_t(unsigned long, BACKING_BATCH, npages - stash->nr);

		if (!backing_alloc_batch(&how, pages, nr))
			return -ENOMEM;
		stash->nr += nr;
		while (nr--)
			list_add(&pages[nr]->lru, &stash->pages);
		if (!backing_may_go_on(gfp, stash->nr))
			return -EINTR;
	}
	return 0;
}

/**
 * backing_unstash() - free what is left in a stash
 * @stash: the stash
 *
 * Context: Process context. May sleep.
 */
void backing_unstash(struct page_stash *stash)
{
	struct page *pages[BACKING_BATCH];
	unsigned int nr;

	while ((nr = backing_stash_take(stash, pages, BACKING_BATCH))) {
		backing_free_batch(pages, nr);
		cond_resched();
	}
	kvfree(stash->missing);
}

/* === Replacing ========================================================== */

/* A bit for each of @nr pages whose node is not @backing->node. */
static u64 backing_foreign_pages(const struct backing *backing, struct page **pages,
				 unsigned int nr)
{
	u64 foreign = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (pages[i] && page_to_nid(pages[i]) != backing->node)
			foreign |= BIT_ULL(i);
	return foreign;
}

/* Unmap and free the pages of @old that @foreign has a bit for; map pages of @new there. */
static int backing_exchange_pages(struct backing *backing, unsigned long addr, u64 foreign,
				  struct page **old, struct page **new)
{
	unsigned int last = __fls(foreign);
	unsigned int nr = 0;
	int ret = 0;
	u64 left;

	for (left = foreign; left; left &= left - 1)
		vm_unmap(addr + (__ffs64(left) << PAGE_SHIFT), 1);
	vm_flush(addr + (__ffs64(foreign) << PAGE_SHIFT), addr + ((last + 1UL) << PAGE_SHIFT));
	for (left = foreign; left; left &= left - 1) {
		unsigned int i = __ffs64(left);

		/* vm_map() reports its failure. The new page leaks; the old page is freed. */
		if (vm_map(addr + (i << PAGE_SHIFT), &new[nr++], 1))
			ret = -EFAULT;
		__free_page(old[i]);
	}
	backing->replaced += nr;
	backing->flushes++;
	return ret;
}

/* Replace pages of another node among pages @start..@end - 1, which are all mapped. */
static int backing_replace_run(struct backing *backing, unsigned long start, unsigned long end)
{
	struct page *old[BACKING_BATCH], *new[BACKING_BATCH];
	unsigned int nr;
	int ret;

	for (; start < end; start += nr) {
		unsigned long addr = backing->addr + (start << PAGE_SHIFT);
		u64 foreign;

		nr = min_t(unsigned long, BACKING_BATCH, end - start);
		vm_pages(addr, old, nr);
		foreign = backing_foreign_pages(backing, old, nr);
		if (!foreign)
			continue;
		if (!gfpflags_allow_blocking(backing->gfp) ||
		    !backing_alloc_batch(backing, new, hweight64(foreign)))
			return -ENOMEM;
		ret = backing_exchange_pages(backing, addr, foreign, old, new);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

static int backing_replace_foreign(struct backing *backing)
{
	unsigned int start, end;
	int ret;

	if (backing->released == backing->npages)
		return 0;
	if (!backing->released)
		return backing_replace_run(backing, 0, backing->npages);
	for_each_clear_bitrange(start, end, backing->missing, backing->npages) {
		ret = backing_replace_run(backing, start, end);
		if (ret)
			return ret;
	}
	return 0;
}

/* === Clearing =========================================================== */

/**
 * backing_clear() - clear mapped pages
 * @addr: first byte
 * @npages: how many
 * @may_sleep: call cond_resched() in between
 *
 * Context: Any but NMI; process context if @may_sleep.
 */
void backing_clear(unsigned long addr, unsigned long npages, bool may_sleep)
{
	while (npages) {
		unsigned long nr = min(npages, BACKING_CLEAR_PAGES);

		memset((void *)addr, 0, nr << PAGE_SHIFT);
		addr += nr << PAGE_SHIFT;
		npages -= nr;
		if (may_sleep)
			cond_resched();
	}
}

/* Clear pages @start..@end - 1 of the run, which were mapped before. */
static void backing_clear_run(struct backing *backing, unsigned long start, unsigned long end)
{
	unsigned long clean = clamp(backing->clean, start, end);

	backing_clear(backing->addr + (start << PAGE_SHIFT), clean - start,
		      gfpflags_allow_blocking(backing->gfp));
	backing->zeroed += clean - start;
	backing->skipped += end - clean;
}

static void backing_clear_present(struct backing *backing)
{
	unsigned int start, end;

	if (!backing->released) {
		backing_clear_run(backing, 0, backing->npages);
		return;
	}
	if (!backing->missing)
		return;
	for_each_clear_bitrange(start, end, backing->missing, backing->npages)
		backing_clear_run(backing, start, end);
}

/* === The whole run ====================================================== */

/* First page from @from on that is mapped; with @missing, that is not mapped. */
static unsigned long backing_search_tables(const struct backing *backing, unsigned long from,
					   bool missing)
{
	while (from < backing->npages) {
		unsigned int nr = min_t(unsigned long, BITS_PER_LONG, backing->npages - from);
		unsigned long map = 0;
		unsigned int at;

		vm_missing(backing->addr + (from << PAGE_SHIFT), &map, nr);
		at = missing ? find_first_bit(&map, nr) : find_first_zero_bit(&map, nr);
		from += at;
		if (at < nr)
			break;
	}
	return from;
}

/**
 * backing_next_missing() - go through the parts of a run that had nothing behind them
 * @backing: the run
 * @start: offset into the run to begin at; on return, where the next missing part begins
 * @end: on return, offset of the first page after that part
 *
 * Return: false if there is none from @start on
 */
bool backing_next_missing(const struct backing *backing, unsigned long *start, unsigned long *end)
{
	unsigned long npages = backing->npages;

	if (!backing->released) {
		*start = npages;
	} else if (backing->released == npages) {
		*end = npages;
	} else if (backing->missing) {
		*start = find_next_bit(backing->missing, npages, *start);
		*end = find_next_zero_bit(backing->missing, npages, *start);
	} else {
		/* No @missing, so nothing was provided: the page tables are unchanged. */
		*start = backing_search_tables(backing, *start, true);
		*end = backing_search_tables(backing, *start, false);
	}
	return *start < npages;
}

/**
 * backing_provide() - put memory behind all of a run
 * @backing: the run; @addr, @npages, @released, @clean, @node and @gfp are set, and
 *	perhaps @stash, the rest is 0. __GFP_ZERO in @gfp asks for cleared memory, __GFP_THISNODE,
 *	unless @node is %NUMA_NO_NODE, for memory of that node alone.
 *
 * Context: Any that @gfp allows.
 *
 * Return: 0, or a negative error code with @done set
 */
int backing_provide(struct backing *backing)
{
	unsigned long start = 0, end;
	int ret = 0;

	if (backing->released && backing->released < backing->npages) {
		backing->missing = backing_take_bitmap(backing);
		if (!backing->missing)
			return -ENOMEM;
		if (vm_missing(backing->addr, backing->missing, backing->npages) !=
		    backing->released)
			vm_report_inconsistency(backing->addr, backing->npages,
						"others are mapped than the index says");
	}
	if (backing->gfp & __GFP_THISNODE && backing->node != NUMA_NO_NODE)
		ret = backing_replace_foreign(backing);
	while (!ret && backing_next_missing(backing, &start, &end)) {
		ret = backing_provide_run(backing, start, end);
		start = end;
	}
	if (!ret && backing->gfp & __GFP_ZERO) {
		backing_clear_present(backing);
		backing->zeroed += backing->released;
	}
	return ret;
}

/**
 * backing_end() - free what backing_provide() allocated for itself
 * @backing: the run
 *
 * Context: Any but NMI.
 */
void backing_end(struct backing *backing)
{
	kvfree(backing->missing);
}

/**
 * backing_undo() - take away what backing_provide() had provided when it failed
 * @backing: the run; @done is 0 afterwards
 *
 * Context: Process context. May sleep.
 *
 * Return: how many TLB flushes it took
 */
unsigned int backing_undo(struct backing *backing)
{
	unsigned long start, end;
	unsigned int flushes = 0;

	for (start = 0; backing_next_missing(backing, &start, &end); start = end) {
		unsigned long done = clamp(backing->done, start, end);

		if (done > start)
			flushes += backing_drop(backing->addr + (start << PAGE_SHIFT),
						done - start);
	}
	backing->done = 0;
	return flushes;
}

/**
 * backing_drop() - unmap, flush and free the pages of a run, a batch at a time
 * @addr: first byte of a run that is wholly backed
 * @npages: length in pages
 *
 * For error paths: each batch has a TLB flush. A release of idle pages uses larger batches.
 *
 * Context: Process context. May sleep.
 *
 * Return: how many TLB flushes it took
 */
unsigned int backing_drop(unsigned long addr, unsigned long npages)
{
	struct page *pages[BACKING_BATCH];
	unsigned int flushes = 0;

	while (npages) {
		unsigned int nr = min_t(unsigned long, BACKING_BATCH, npages);

		vm_pages_expected(addr, pages, nr);
		vm_unmap(addr, nr);
		vm_flush(addr, addr + (nr << PAGE_SHIFT));
		backing_free_batch(pages, nr);
		addr += nr << PAGE_SHIFT;
		npages -= nr;
		flushes++;
		cond_resched();
	}
	return flushes;
}
