// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

#include "steps.h"

struct twin steps;

void add_blocks(unsigned long nblocks, bool adjoining)
{
	unsigned long i;

	for (i = 0; i < nblocks && !steps.failed; i++)
		twin_add_block(&steps, adjoining);
	twin_verify(&steps);
}

void grow(unsigned long chunk, unsigned long nchunks)
{
	if (steps.failed)
		return;
	twin_grow(&steps, chunk, nchunks);
	twin_verify(&steps);
}

void add_chunks(unsigned long nchunks)
{
	add_blocks(DIV_ROUND_UP(nchunks, BLOCK_CHUNKS), true);
	grow(0, nchunks);
}

unsigned long alloc(unsigned long npages)
{
	unsigned long page;

	if (steps.failed)
		return NONE;
	page = twin_alloc(&steps, npages);
	return twin_verify(&steps) ? page : NONE;
}

unsigned long alloc_aligned(unsigned long npages, unsigned long align)
{
	unsigned long page;

	if (steps.failed)
		return NONE;
	page = twin_alloc_aligned(&steps, npages, align);
	return twin_verify(&steps) ? page : NONE;
}

unsigned long alloc_tagged(unsigned long npages, unsigned int tag)
{
	unsigned long page;

	if (steps.failed)
		return NONE;
	page = twin_alloc_idle(&steps, npages, tag);
	return twin_verify(&steps) ? page : NONE;
}

unsigned long alloc_idle(unsigned long npages)
{
	return alloc_tagged(npages, 0);
}

unsigned int alloc_batch(unsigned long npages, unsigned int max, unsigned long *pages)
{
	unsigned int nr;

	if (steps.failed)
		return 0;
	nr = twin_alloc_batch(&steps, npages, max, pages);
	return twin_verify(&steps) ? nr : 0;
}

static void put_as(unsigned long page, unsigned long npages, unsigned int flags)
{
	if (steps.failed)
		return;
	twin_free(&steps, page, npages, flags);
	twin_verify(&steps);
}

void put(unsigned long page, unsigned long npages)
{
	put_as(page, npages, 0);
}

void put_clean(unsigned long page, unsigned long npages)
{
	put_as(page, npages, PAGEINDEX_FREE_CLEAN);
}

void put_old(unsigned long page, unsigned long npages)
{
	put_as(page, npages, PAGEINDEX_FREE_OLD);
}

void put_runs(const struct pageindex_run *runs, unsigned int nr)
{
	if (steps.failed)
		return;
	twin_free_runs(&steps, runs, nr, 0);
	twin_verify(&steps);
}

void release(unsigned long page, unsigned long npages)
{
	if (steps.failed)
		return;
	twin_release(&steps, page, npages);
	twin_verify(&steps);
}

void release_runs(const struct pageindex_run *runs, unsigned int nr)
{
	if (steps.failed)
		return;
	twin_release_runs(&steps, runs, nr);
	twin_verify(&steps);
}

void unback(unsigned long page, unsigned long npages)
{
	release(page, npages);
	if (steps.failed)
		return;
	twin_unback(&steps, page, npages);
	twin_verify(&steps);
}

unsigned int take(unsigned long chunk, enum pageindex_age age, unsigned long max_pages,
		  struct pageindex_run *runs, unsigned int max_runs)
{
	unsigned int nr;

	if (steps.failed)
		return 0;
	nr = twin_take_idle(&steps, chunk, age, max_pages, runs, max_runs);
	return twin_verify(&steps) ? nr : 0;
}

unsigned int take_released(unsigned long chunk, unsigned long max_pages,
			   struct pageindex_run *runs, unsigned int max_runs,
			   unsigned long *fresh)
{
	unsigned int nr;

	*fresh = 0;
	if (steps.failed)
		return 0;
	nr = twin_take_released(&steps, chunk, max_pages, runs, max_runs, fresh);
	return twin_verify(&steps) ? nr : 0;
}

void age(unsigned long chunk)
{
	if (steps.failed)
		return;
	twin_age(&steps, chunk);
	twin_verify(&steps);
}

void set_tag(unsigned long page, unsigned long npages, unsigned int tag)
{
	if (steps.failed)
		return;
	twin_set_tag(&steps, page, npages, tag);
	twin_verify(&steps);
}

unsigned int tag(unsigned long page, unsigned long npages)
{
	unsigned int found;

	if (steps.failed)
		return 0;
	found = twin_tag(&steps, page, npages);
	return twin_verify(&steps) ? found : 0;
}

void next_epoch(void)
{
	if (steps.failed)
		return;
	twin_next_epoch(&steps);
	twin_verify(&steps);
}

unsigned long prev_idle(unsigned long chunk)
{
	if (steps.failed)
		return NONE;
	if (!twin_prev_idle(&steps, &chunk, UINT_MAX))
		chunk = NONE;
	return twin_verify(&steps) ? chunk : NONE;
}

unsigned long next_used(unsigned long page)
{
	if (steps.failed)
		return NONE;
	page = twin_next_used(&steps, page, UINT_MAX);
	return twin_verify(&steps) ? page : NONE;
}

void set_table(unsigned long max_blocks)
{
	if (steps.failed)
		return;
	twin_set_table(&steps, max_blocks);
	twin_verify(&steps);
}

void set_limit(unsigned long max_backed)
{
	if (steps.failed)
		return;
	twin_set_limit(&steps, max_backed);
	twin_verify(&steps);
}
