// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "compare.h"

/* Number of pages at each end of a long run that are compared at once. */
#define EDGE_PAGES	1024UL

void differ(struct twin *twin, const char *format, ...)
{
	va_list args;

	printf("# step %lu: ", twin->steps);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	twin->failed = true;
}

static const struct pageindex_word *index_word(const struct pageindex *idx, unsigned long page)
{
	const struct pageindex_block *block = idx->block[page / PAGEINDEX_BLOCK_PAGES];
	unsigned long chunk = page / PAGEINDEX_CHUNK_PAGES % PAGEINDEX_BLOCK_CHUNKS;

	return &block->word[chunk][page / 64 % PAGEINDEX_CHUNK_WORDS];
}

static enum model_state index_state(const struct pageindex *idx, const struct model *model,
				    unsigned long page)
{
	const struct pageindex_word *word = index_word(idx, page);
	bool hi = word->hi >> page % 64 & 1;
	bool lo = word->lo >> page % 64 & 1;

	/* The index has the same bits for pages in use and pages not grown. */
	if (hi && lo)
		return model_state(model, page) == MODEL_NEVER ? MODEL_NEVER : MODEL_USED;
	if (hi)
		return MODEL_YOUNG;
	return lo ? MODEL_OLD : MODEL_RELEASED;
}

/* Are the 64 pages at @page all in the same state, in the index and in the model? */
static bool uniform(struct twin *twin, unsigned long page)
{
	const struct pageindex_word *word = index_word(twin_index(twin), page);
	const u8 *byte = &twin->model.page[page];

	return (!word->hi || !~word->hi) && (!word->lo || !~word->lo) &&
	       !memcmp(byte, byte + 1, 63);
}

static void compare_pages(struct twin *twin, unsigned long page, unsigned long npages)
{
	unsigned long i;

	for (i = page; i < page + npages; i++) {
		enum model_state want, have;

		/* If 64 pages are all alike, compare only the last. */
		if (i % 64 == 0 && page + npages - i >= 64 && uniform(twin, i))
			i += 63;
		want = model_state(&twin->model, i);
		have = index_state(twin_index(twin), &twin->model, i);
		if (have != want) {
			differ(twin, "page %lu is in state %d, should be in %d", i, have, want);
			return;
		}
	}
}

/* In a chunk that has not grown, all bits must be those of pages in use. */
static void compare_ungrown(struct twin *twin, unsigned long chunk)
{
	const struct pageindex_block *block =
		twin_index(twin)->block[chunk / PAGEINDEX_BLOCK_CHUNKS];
	const struct pageindex_word *word = block->word[chunk % PAGEINDEX_BLOCK_CHUNKS];
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++)
		if (~word[w].hi || ~word[w].lo)
			differ(twin, "chunk %lu has not grown but has free pages", chunk);
}

/* Compare the index's facts about a chunk, besides the states of its pages. */
static void compare_facts(struct twin *twin, unsigned long chunk)
{
	const struct pageindex *idx = twin_index(twin);
	const struct model *model = &twin->model;
	unsigned long page = chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned long used = model_count(model, page, PAGEINDEX_CHUNK_PAGES, MODEL_USED);

	if (pageindex_used(idx, chunk) != used)
		differ(twin, "%u pages of chunk %lu in use, should be %lu",
		       pageindex_used(idx, chunk), chunk, used);
	if (pageindex_recent(idx, chunk) != model_recent(model, chunk))
		differ(twin, "chunk %lu had %u pages claimed lately, should be %u", chunk,
		       pageindex_recent(idx, chunk), model_recent(model, chunk));
	if (pageindex_tag(idx, page, 1) != model_tag(model, chunk))
		differ(twin, "chunk %lu has tag %u, should be %u", chunk,
		       pageindex_tag(idx, page, 1), model_tag(model, chunk));
}

void compare_chunk(struct twin *twin, unsigned long chunk)
{
	unsigned long page = chunk << PAGEINDEX_CHUNK_SHIFT;

	compare_facts(twin, chunk);

	if (model_state(&twin->model, page) == MODEL_NEVER)
		compare_ungrown(twin, chunk);
	else
		compare_pages(twin, page, PAGEINDEX_CHUNK_PAGES);
}

void compare_counters(struct twin *twin)
{
	const struct pageindex *idx = twin_index(twin);
	const struct model *model = &twin->model;

	if (idx->nr_pages != model->nr_pages)
		differ(twin, "%lu pages, should be %lu", idx->nr_pages, model->nr_pages);
	if (idx->nr_idle != model_nr_idle(model))
		differ(twin, "%lu idle pages, should be %lu", idx->nr_idle, model_nr_idle(model));
	if (idx->nr_released != model->count[MODEL_RELEASED])
		differ(twin, "%lu released pages, should be %lu", idx->nr_released,
		       model->count[MODEL_RELEASED]);
	if (idx->nr_blocks != model->nr_blocks)
		differ(twin, "%lu blocks, should be %lu", idx->nr_blocks, model->nr_blocks);
}

void compare(struct twin *twin, unsigned long page, unsigned long npages)
{
	unsigned long edge = min(npages, EDGE_PAGES);

	compare_counters(twin);
	compare_pages(twin, page, edge);
	compare_pages(twin, page + npages - edge, edge);
	compare_facts(twin, page >> PAGEINDEX_CHUNK_SHIFT);
	compare_facts(twin, (page + npages - 1) >> PAGEINDEX_CHUNK_SHIFT);
}

/* Pages of a run, in one chunk, that are above every page that was ever in use. */
static unsigned long fresh_in_chunk(const struct model *model, unsigned long page,
				    unsigned long npages)
{
	unsigned long first = round_down(page, PAGEINDEX_CHUNK_PAGES);
	unsigned long mark = first + PAGEINDEX_CHUNK_PAGES;

	while (mark > first && !(model->page[mark - 1] & MODEL_TOUCHED))
		mark--;
	if (mark <= page)
		return npages;
	return mark < page + npages ? page + npages - mark : 0;
}

unsigned long fresh_pages(const struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages;
	unsigned long fresh = 0;

	while (page < end) {
		unsigned long next = min(end, round_down(page, PAGEINDEX_CHUNK_PAGES) +
					      PAGEINDEX_CHUNK_PAGES);

		fresh += fresh_in_chunk(model, page, next - page);
		page = next;
	}
	return fresh;
}

void compare_fresh(struct twin *twin, unsigned long fresh, unsigned long low,
		   unsigned long high)
{
	if (fresh < low || fresh > high)
		differ(twin, "%lu of the pages taken were fresh, should be %lu to %lu", fresh,
		       low, high);
}

void compare_claim(struct twin *twin, const struct pageindex_claim *claim,
		   unsigned long npages)
{
	const struct model *model = &twin->model;
	unsigned long page = claim->page;
	unsigned long released = model_count(model, page, npages, MODEL_RELEASED);
	unsigned long i;

	if (claim->released != released)
		differ(twin, "%lu of pages %lu+%lu were released, should be %lu",
		       claim->released, page, npages, released);
	if (released && model_nr_backed(model) + released > twin_index(twin)->max_backed)
		differ(twin, "taking pages %lu+%lu goes above the limit", page, npages);
	compare_fresh(twin, claim->fresh, fresh_pages(model, page, npages),
		      model_count_unbacked(model, page, npages));
	if (claim->clean > npages)
		differ(twin, "pages %lu+%lu are clean from %lu on", page, npages, claim->clean);
	for (i = claim->clean; i < npages; i++)
		if (model->page[page + i] & MODEL_DIRTY) {
			differ(twin, "page %lu of %lu+%lu, clean from %lu on, is dirty",
			       page + i, page, npages, claim->clean);
			break;
		}
}

unsigned long excess(const struct twin *twin, unsigned long page, unsigned long npages)
{
	const struct model *model = &twin->model;
	unsigned long limit = twin->heap.index.max_backed;
	unsigned long released = model_count(model, page, npages, MODEL_RELEASED);
	unsigned long backed = model_nr_backed(model) + released;

	return released && backed > limit ? backed - limit : 0;
}

/* Pages by which the backed pages already exceed the limit need not be in the answer. */
void compare_excess(struct twin *twin, unsigned long have, unsigned long want,
		    unsigned long npages)
{
	unsigned long backed = model_nr_backed(&twin->model);
	unsigned long limit = twin->heap.index.max_backed;
	unsigned long before = want && backed > limit ? backed - limit : 0;

	if (have > want || have < want - before)
		differ(twin, "%lu pages are %lu above the limit, should be %lu", npages, have,
		       want);
	twin->excess = have;
}
