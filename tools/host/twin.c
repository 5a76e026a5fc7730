// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "memory.h"
#include "twin.h"

/* Of a long run only so many pages at each end are compared at once. */
#define EDGE_PAGES	1024UL

static void differ(struct twin *twin, const char *format, ...)
	__attribute__((__format__(printf, 2, 3)));

static void differ(struct twin *twin, const char *format, ...)
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

void twin_init(struct twin *twin)
{
	pageheap_init(&twin->heap);
	model_init(&twin->model);
	memset(&twin->claim, 0, sizeof(twin->claim));
	twin->steps = 0;
	twin->failed = false;
}

void twin_destroy(struct twin *twin)
{
	pageheap_destroy(&twin->heap);
	model_destroy(&twin->model);
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

	/* The bits alone do not tell these two apart. */
	if (hi && lo)
		return model_state(model, page) == MODEL_NEVER ? MODEL_NEVER : MODEL_USED;
	if (hi)
		return MODEL_YOUNG;
	return lo ? MODEL_OLD : MODEL_RELEASED;
}

/* Are the 64 pages at @page alike, for the index and for the model? */
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

		/* Of pages that are all alike the last will do. */
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

/* A chunk that has not grown must look as if all of it were in use. */
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

static void compare_chunk(struct twin *twin, unsigned long chunk)
{
	unsigned long page = chunk << PAGEINDEX_CHUNK_SHIFT;

	if (model_state(&twin->model, page) == MODEL_NEVER)
		compare_ungrown(twin, chunk);
	else
		compare_pages(twin, page, PAGEINDEX_CHUNK_PAGES);
}

static void compare_counters(struct twin *twin)
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

/* After a change of pages @page..@page + @npages - 1: is all as it should be? */
static void compare(struct twin *twin, unsigned long page, unsigned long npages)
{
	unsigned long edge = min(npages, EDGE_PAGES);

	compare_counters(twin);
	compare_pages(twin, page, edge);
	compare_pages(twin, page + npages - edge, edge);
}

bool twin_verify(struct twin *twin)
{
	unsigned long chunk;

	if (twin->failed)
		return false;
	compare_counters(twin);
	for (chunk = 0; chunk < twin_nr_chunks(twin) && !twin->failed; chunk++)
		compare_chunk(twin, chunk);
	if (!pageindex_check(twin_index(twin)))
		differ(twin, "the index finds itself inconsistent");
	return !twin->failed;
}

void twin_add_block(struct twin *twin, bool adjoining)
{
	unsigned long want = twin->model.nr_blocks;
	unsigned long have;

	twin->steps++;
	have = pageheap_add_block(&twin->heap, adjoining);
	model_add_block(&twin->model, adjoining);
	if (have != want)
		differ(twin, "new block has number %lu, should have %lu", have, want);
	compare(twin, want * PAGEINDEX_BLOCK_PAGES, PAGEINDEX_BLOCK_PAGES);
}

void twin_grow(struct twin *twin, unsigned long chunk, unsigned long nchunks)
{
	unsigned long page = chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned long npages = nchunks << PAGEINDEX_CHUNK_SHIFT;

	twin->steps++;
	pageindex_grow(twin_index(twin), chunk, nchunks);
	model_grow(&twin->model, chunk, nchunks);
	compare(twin, page, npages);
}

void twin_set_table(struct twin *twin, unsigned long max_blocks)
{
	void *table = memory_zeroed(1, pageindex_table_bytes(max_blocks));

	twin->steps++;
	free(pageindex_set_table(twin_index(twin), table, max_blocks));
	compare_counters(twin);
}

void twin_set_limit(struct twin *twin, unsigned long max_backed)
{
	twin->steps++;
	twin_index(twin)->max_backed = max_backed;
}

/* Pages of a run within one chunk that lie above all that were ever in use. */
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

static unsigned long fresh_pages(const struct model *model, unsigned long page,
				 unsigned long npages)
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

static void compare_fresh(struct twin *twin, unsigned long fresh, unsigned long low,
			  unsigned long high)
{
	if (fresh < low || fresh > high)
		differ(twin, "%lu of the pages taken were fresh, should be %lu to %lu", fresh,
		       low, high);
}

static void compare_claim(struct twin *twin, const struct pageindex_claim *claim,
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

static unsigned long claimed(struct twin *twin, const struct pageindex_claim *claim,
			     unsigned long npages)
{
	twin->claim = *claim;
	compare_claim(twin, claim, npages);
	model_set(&twin->model, claim->page, npages, MODEL_USED, false);
	compare(twin, claim->page, npages);
	return claim->page;
}

/* By how many pages taking this run would exceed the limit. */
static unsigned long excess(const struct twin *twin, unsigned long page, unsigned long npages)
{
	const struct model *model = &twin->model;
	unsigned long limit = twin->heap.index.max_backed;
	unsigned long released = model_count(model, page, npages, MODEL_RELEASED);
	unsigned long backed = model_nr_backed(model) + released;

	return released && backed > limit ? backed - limit : 0;
}

/* Where more is backed already, what is above need not be part of the answer. */
static void compare_excess(struct twin *twin, unsigned long have, unsigned long want,
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

unsigned long twin_alloc(struct twin *twin, unsigned long npages)
{
	unsigned long want = model_find(&twin->model, npages);
	unsigned long above = want == TWIN_NONE ? 0 : excess(twin, want, npages);
	struct pageindex_claim claim = { .released = TWIN_NONE };

	twin->steps++;
	if (above)
		want = TWIN_NONE;
	if (!pageindex_alloc(twin_index(twin), npages, &claim))
		claim.page = TWIN_NONE;
	if (claim.page != want) {
		differ(twin, "%lu pages at %ld, should be at %ld", npages, (long)claim.page,
		       (long)want);
		return TWIN_NONE;
	}
	if (claim.page != TWIN_NONE)
		return claimed(twin, &claim, npages);
	compare_excess(twin, claim.released, above, npages);
	compare_counters(twin);
	return TWIN_NONE;
}

/* Which run was meant is not known, only that it is no longer than was asked for. */
static unsigned long not_aligned(struct twin *twin, unsigned long npages, unsigned long align,
				 unsigned long above)
{
	unsigned long most = model_nr_backed(&twin->model) + npages;
	unsigned long room;

	twin->excess = above;
	compare_counters(twin);
	if (above) {
		if (above > most || most - above < twin_index(twin)->max_backed)
			differ(twin, "%lu pages aligned to %lu are %lu above the limit", npages,
			       align, above);
		return TWIN_NONE;
	}
	room = model_find(&twin->model, npages + align - 1);
	if (room != TWIN_NONE)
		differ(twin, "no %lu pages aligned to %lu, but a free run at %lu", npages, align,
		       room);
	return TWIN_NONE;
}

unsigned long twin_alloc_aligned(struct twin *twin, unsigned long npages, unsigned long align)
{
	struct pageindex_claim claim = { .released = TWIN_NONE };

	twin->steps++;
	if (!pageindex_alloc_aligned(twin_index(twin), npages, align, &claim))
		return not_aligned(twin, npages, align, claim.released);
	if (claim.page % align || !model_run_free(&twin->model, claim.page, npages)) {
		differ(twin, "%lu pages aligned to %lu at %lu: not aligned or not free", npages,
		       align, claim.page);
		return TWIN_NONE;
	}
	return claimed(twin, &claim, npages);
}

/*
 * The search for idle pages may give up early, but in a heap of one block not
 * before the first chunk that has any.
 */
static bool idle_is_near(const struct model *model, unsigned long npages)
{
	unsigned long chunk, first = TWIN_NONE;

	if (model->nr_blocks != 1)
		return false;
	for (chunk = 0; chunk < PAGEINDEX_BLOCK_CHUNKS && first == TWIN_NONE; chunk++)
		first = model_find_idle(model, chunk, 1);
	return first != TWIN_NONE && model_find_idle(model, chunk - 1, npages) != TWIN_NONE;
}

unsigned long twin_alloc_idle(struct twin *twin, unsigned long npages)
{
	struct pageindex_claim claim = {};
	unsigned long want;

	twin->steps++;
	if (!pageindex_alloc_idle(twin_index(twin), npages, &claim)) {
		if (idle_is_near(&twin->model, npages))
			differ(twin, "no %lu idle pages", npages);
		compare_counters(twin);
		return TWIN_NONE;
	}
	want = claim.page < model_span(&twin->model) ?
	       model_find_idle(&twin->model, claim.page >> PAGEINDEX_CHUNK_SHIFT, npages) :
	       TWIN_NONE;
	if (claim.page != want) {
		differ(twin, "%lu idle pages at %lu, should be at %ld", npages, claim.page,
		       (long)want);
		return TWIN_NONE;
	}
	return claimed(twin, &claim, npages);
}

void twin_free(struct twin *twin, unsigned long page, unsigned long npages, unsigned int flags)
{
	twin->steps++;
	pageindex_free(twin_index(twin), page, npages, flags);
	model_set(&twin->model, page, npages,
		  flags & PAGEINDEX_FREE_OLD ? MODEL_OLD : MODEL_YOUNG,
		  !(flags & PAGEINDEX_FREE_CLEAN));
	compare(twin, page, npages);
}

void twin_release(struct twin *twin, unsigned long page, unsigned long npages)
{
	twin->steps++;
	pageindex_release(twin_index(twin), page, npages);
	model_set(&twin->model, page, npages, MODEL_RELEASED, false);
	compare(twin, page, npages);
}

void twin_unback(struct twin *twin, unsigned long page, unsigned long npages)
{
	twin->steps++;
	pageindex_unback(twin_index(twin), page, npages);
	model_unback(&twin->model, page, npages);
	compare(twin, page, npages);
}

/**
 * struct taking - what is to be taken from a chunk, page after page
 * @due: the pages, in that order
 * @nr_due: how many there are
 * @up: from the lowest up, not from the highest down
 * @max_pages: at most so many
 * @max_runs: in at most so many runs
 */
struct taking {
	unsigned long due[PAGEINDEX_CHUNK_PAGES];
	unsigned int nr_due;
	bool up;
	unsigned long max_pages;
	unsigned int max_runs;
};

static void taking_add(struct taking *taking, unsigned long page)
{
	taking->due[taking->nr_due++] = page;
}

/* How many pages were taken, as far as they are the right ones. */
static unsigned long compare_runs(struct twin *twin, const struct taking *taking,
				  const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long total = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long j;

		for (j = 0; j < runs[i].npages; j++, total++) {
			unsigned long have = runs[i].page +
					     (taking->up ? j : runs[i].npages - 1 - j);
			unsigned long want = total < taking->nr_due ? taking->due[total] :
					     TWIN_NONE;

			if (have == want)
				continue;
			differ(twin, "took page %lu, should have taken %ld", have, (long)want);
			return total;
		}
	}
	return total;
}

static void compare_taken(struct twin *twin, const struct taking *taking,
			  const struct pageindex_run *runs, unsigned int nr, unsigned long chunk)
{
	unsigned long total;
	unsigned int i;

	if (nr > taking->max_runs) {
		differ(twin, "took %u runs, asked for %u", nr, taking->max_runs);
		return;
	}
	total = compare_runs(twin, taking, runs, nr);
	if (twin->failed)
		return;
	if (total > taking->max_pages)
		differ(twin, "took %lu pages, asked for %lu", total, taking->max_pages);
	if (nr < taking->max_runs && total < min(taking->max_pages, 0UL + taking->nr_due))
		differ(twin, "took %lu pages of chunk %lu, there are more", total, chunk);
	for (i = 0; i < nr; i++)
		model_set(&twin->model, runs[i].page, runs[i].npages, MODEL_USED, false);
	compare(twin, chunk << PAGEINDEX_CHUNK_SHIFT, PAGEINDEX_CHUNK_PAGES);
}

unsigned int twin_take_idle(struct twin *twin, unsigned long chunk, enum pageindex_age age,
			    unsigned long max_pages, struct pageindex_run *runs,
			    unsigned int max_runs)
{
	struct taking taking = { .max_pages = max_pages, .max_runs = max_runs };
	unsigned long page = (chunk + 1) << PAGEINDEX_CHUNK_SHIFT;
	unsigned int nr, i;

	for (i = 0; i < PAGEINDEX_CHUNK_PAGES; i++) {
		enum model_state state = model_state(&twin->model, --page);

		if (state == MODEL_OLD || (state == MODEL_YOUNG && age == PAGEINDEX_ANY))
			taking_add(&taking, page);
	}
	twin->steps++;
	nr = pageindex_take_idle(twin_index(twin), chunk, age, max_pages, runs, max_runs);
	compare_taken(twin, &taking, runs, nr, chunk);
	return nr;
}

/* Unlike idle runs, no run of released pages is cut short but by @max_pages. */
static void compare_released(struct twin *twin, const struct taking *taking,
			     const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long total = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long next = runs[i].page + runs[i].npages;

		total += runs[i].npages;
		if (total < min(taking->max_pages, 0UL + taking->nr_due) &&
		    taking->due[total] == next)
			differ(twin, "the run at page %lu is longer than %lu", runs[i].page,
			       runs[i].npages);
	}
}

unsigned int twin_take_released(struct twin *twin, unsigned long chunk, unsigned long max_pages,
				struct pageindex_run *runs, unsigned int max_runs,
				unsigned long *fresh)
{
	struct taking taking = { .up = true, .max_pages = max_pages, .max_runs = max_runs };
	unsigned long first = chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned long low = 0, high = 0;
	unsigned int nr, i;

	for (i = 0; i < PAGEINDEX_CHUNK_PAGES; i++)
		if (model_state(&twin->model, first + i) == MODEL_RELEASED)
			taking_add(&taking, first + i);
	twin->steps++;
	nr = pageindex_take_released(twin_index(twin), chunk, max_pages, runs, max_runs, fresh);
	for (i = 0; i < min(nr, max_runs); i++) {
		low += fresh_pages(&twin->model, runs[i].page, runs[i].npages);
		high += model_count_unbacked(&twin->model, runs[i].page, runs[i].npages);
	}
	compare_fresh(twin, *fresh, low, high);
	compare_taken(twin, &taking, runs, nr, chunk);
	if (!twin->failed)
		compare_released(twin, &taking, runs, nr);
	return nr;
}

void twin_age(struct twin *twin, unsigned long chunk)
{
	unsigned long first = chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned long i;

	twin->steps++;
	pageindex_age(twin_index(twin), chunk);
	for (i = first; i < first + PAGEINDEX_CHUNK_PAGES; i++)
		if (model_state(&twin->model, i) == MODEL_YOUNG)
			model_set(&twin->model, i, 1, MODEL_OLD,
				  twin->model.page[i] & MODEL_DIRTY);
	compare(twin, first, PAGEINDEX_CHUNK_PAGES);
}

bool twin_prev_idle(struct twin *twin, unsigned long *chunk)
{
	unsigned long want = model_prev_idle_chunk(&twin->model, *chunk);
	unsigned long from = *chunk;

	twin->steps++;
	if (!pageindex_prev_idle(twin_index(twin), chunk)) {
		if (want != TWIN_NONE)
			differ(twin, "no idle chunk below %lu, should be %lu", from, want);
		return false;
	}
	if (*chunk != want)
		differ(twin, "idle chunk %lu below %lu, should be %ld", *chunk, from, (long)want);
	return true;
}

unsigned long twin_next_used(struct twin *twin, unsigned long page)
{
	unsigned long want = model_next_used(&twin->model, page);
	unsigned long have = pageindex_next_used(twin_index(twin), page);

	twin->steps++;
	if (have != want)
		differ(twin, "page %ld in use from %lu on, should be %ld", (long)have, page,
		       (long)want);
	return have;
}
