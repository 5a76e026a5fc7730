// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/string.h>

#include "compare.h"
#include "memory.h"

void twin_init(struct twin *twin)
{
	pageheap_init(&twin->heap);
	model_init(&twin->model);
	memset(&twin->claim, 0, sizeof(twin->claim));
	memset(twin->idle_of, 0, sizeof(twin->idle_of));
	twin_index(twin)->idle_of = twin->idle_of;
	twin->steps = 0;
	twin->quiet = false;
	twin->failed = false;
}

void twin_destroy(struct twin *twin)
{
	pageheap_destroy(&twin->heap);
	model_destroy(&twin->model);
}

bool twin_verify(struct twin *twin)
{
	unsigned long chunk;
	unsigned int tag;

	if (twin->failed)
		return false;
	compare_counters(twin);
	for (chunk = 0; chunk < twin_nr_chunks(twin) && !twin->failed; chunk++)
		compare_chunk(twin, chunk);
	if (!pageindex_check(twin_index(twin)))
		differ(twin, "the index finds itself inconsistent");
	for (tag = 1; tag <= TWIN_TAGS && !twin->failed; tag++) {
		unsigned long have = pageindex_idle_of(twin_index(twin), tag);
		unsigned long want = model_idle_of(&twin->model, tag);

		if (have != want)
			differ(twin, "%lu idle pages of source %u, should be %lu", have, tag, want);
	}
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

static unsigned long claimed(struct twin *twin, const struct pageindex_claim *claim,
			     unsigned long npages)
{
	unsigned long refault;

	twin->claim = *claim;
	compare_claim(twin, claim, npages);
	refault = model_note_claim(&twin->model, claim->page, npages);
	if (claim->refault != refault)
		differ(twin, "%lu of pages %lu+%lu are refaulted, should be %lu", claim->refault,
		       claim->page, npages, refault);
	model_set(&twin->model, claim->page, npages, MODEL_USED, false);
	if (!twin->quiet)
		compare(twin, claim->page, npages);
	return claim->page;
}

unsigned long twin_alloc(struct twin *twin, unsigned long npages)
{
	unsigned long page;

	return twin_alloc_batch(twin, npages, 0, &page) ? page : TWIN_NONE;
}

/* Compare the answer for the first run of a batch with the model's. */
static bool first_claimed(struct twin *twin, unsigned long npages, bool ok,
			  const struct pageindex_claim *claim)
{
	unsigned long want = model_find(&twin->model, npages);
	unsigned long above = want == TWIN_NONE ? 0 : excess(twin, want, npages);
	unsigned long have = ok ? claim->page : TWIN_NONE;

	if (above)
		want = TWIN_NONE;
	if (have != want) {
		differ(twin, "%lu pages at %ld, should be at %ld", npages, (long)have, (long)want);
		return false;
	}
	if (ok) {
		claimed(twin, claim, npages);
		return true;
	}
	compare_excess(twin, claim->excess, above, npages);
	compare_counters(twin);
	return false;
}

/* First page of the run of a batch that should follow a run up to page @end - 1. */
static unsigned long next_of_batch(const struct twin *twin, unsigned long end,
				   unsigned long npages)
{
	if (end % PAGEINDEX_CHUNK_PAGES == 0)
		return TWIN_NONE;
	return model_find_idle_from(&twin->model, end, npages);
}

/* Check the further runs of a batch and their number; no caller has used their pages yet. */
static void rest_taken(struct twin *twin, unsigned long npages, const unsigned long *pages,
		       unsigned int nr, unsigned int max)
{
	unsigned long end = twin->claim.page + npages;
	unsigned long want = TWIN_NONE;
	unsigned int i;

	for (i = 0; i < max && !twin->failed; i++) {
		want = next_of_batch(twin, end, npages);
		if (i == nr || pages[i] != want)
			break;
		model_set(&twin->model, want, npages, MODEL_USED, false);
		end = want + npages;
	}
	if (i < nr)
		differ(twin, "run %u of %u of %lu pages at %lu, should be at %ld", i, nr, npages,
		       pages[i], (long)want);
	else if (want != TWIN_NONE && i < max)
		differ(twin, "%u runs of %lu pages, there is one more at %lu", nr, npages, want);
}

/* Returns the number of runs, of at most @max. With @max 0, takes a single run. */
unsigned int twin_alloc_batch(struct twin *twin, unsigned long npages, unsigned int max,
			      unsigned long *pages)
{
	struct pageindex *idx = twin_index(twin);
	struct pageindex_claim claim;
	unsigned int more = 0, i;
	bool ok;

	twin->steps++;
	memset(&claim, 0xa5, sizeof(claim));
	ok = pageindex_alloc(idx, npages, &claim);
	pages[0] = claim.page;
	if (ok && max && !claim.released)
		more = pageindex_take_more(idx, claim.page + npages, npages, max - 1, pages + 1);
	/* The index has taken all runs, the model takes one after the other. */
	twin->quiet = more;
	ok = first_claimed(twin, npages, ok, &claim);
	if (ok && max && !claim.released)
		rest_taken(twin, npages, pages + 1, more, max - 1);
	twin->quiet = false;
	for (i = 0; ok && i <= more && !twin->failed; i++)
		compare(twin, pages[i], npages);
	return ok && !twin->failed ? 1 + more : 0;
}

unsigned long twin_fence(struct twin *twin, unsigned long npages, unsigned long align)
{
	unsigned long want = model_find(&twin->model, npages + (align > 1 ? align - 1 : 0));
	unsigned long page = TWIN_NONE;

	twin->steps++;
	if (!pageindex_fence(twin_index(twin), npages, align, &page))
		page = TWIN_NONE;
	if (align > 1 ? page == TWIN_NONE && want != TWIN_NONE : page != want) {
		differ(twin, "fence around %lu pages aligned to %lu at %ld, should be at %ld",
		       npages, align, (long)page, (long)want);
		return TWIN_NONE;
	}
	if (page != TWIN_NONE && (page % align || !model_run_free(&twin->model, page, npages)))
		differ(twin, "fence around %lu pages at %lu: not aligned or not free", npages,
		       page);
	if (page == TWIN_NONE)
		return page;
	twin->model.fence_start = page;
	twin->model.fence_end = page + npages;
	return page;
}

/* A piece is compared like a claim. */
void twin_claim_piece(struct twin *twin, unsigned long page, unsigned long npages)
{
	struct pageindex_claim claim = { .page = page };
	unsigned long released = pageindex_count_released(twin_index(twin), page, npages);
	unsigned long above;

	twin->steps++;
	above = pageindex_claim_piece(twin_index(twin), page, npages, &claim);
	if (above || released != claim.released)
		differ(twin, "%lu pages at %lu: %lu of %lu are released, %lu above the limit",
		       npages, page, claim.released, released, above);
	claimed(twin, &claim, npages);
}

void twin_unfence(struct twin *twin)
{
	twin->steps++;
	pageindex_unfence(twin_index(twin));
	twin->model.fence_start = 0;
	twin->model.fence_end = 0;
}

/* The run that was too large for the limit is unknown. It is at most @npages long. */
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
	struct pageindex_claim claim = { .excess = TWIN_NONE };

	twin->steps++;
	if (!pageindex_alloc_aligned(twin_index(twin), npages, align, &claim))
		return not_aligned(twin, npages, align, claim.excess);
	if (claim.page % align || !model_run_free(&twin->model, claim.page, npages)) {
		differ(twin, "%lu pages aligned to %lu at %lu: not aligned or not free", npages,
		       align, claim.page);
		return TWIN_NONE;
	}
	return claimed(twin, &claim, npages);
}

/*
 * The search for idle pages may give up early. In a heap of one block it reaches at least
 * the first chunk that has idle pages.
 */
static bool idle_is_near(const struct model *model, unsigned long npages, unsigned int tag)
{
	unsigned long chunk, first = TWIN_NONE;

	if (model->nr_blocks != 1)
		return false;
	for (chunk = 0; chunk < PAGEINDEX_BLOCK_CHUNKS && first == TWIN_NONE; chunk++)
		first = model_find_idle(model, chunk, 1);
	return first != TWIN_NONE && (!tag || model_tag(model, chunk - 1) == tag) &&
	       model_find_idle(model, chunk - 1, npages) != TWIN_NONE;
}

unsigned long twin_alloc_idle(struct twin *twin, unsigned long npages, unsigned int tag)
{
	struct pageindex_claim claim = {};
	unsigned long chunk, want = TWIN_NONE;
	bool has = pageindex_has_idle(twin_index(twin), npages);
	bool found = pageindex_alloc_idle(twin_index(twin), npages, tag, &claim);

	twin->steps++;
	/* A search for a tag skips other chunks, so that it may search more chunks. */
	if (!tag && found != has)
		differ(twin, "%lu idle pages: pageindex_has_idle() says %u", npages, has);
	if (!found) {
		if (idle_is_near(&twin->model, npages, tag))
			differ(twin, "no %lu idle pages with tag %u", npages, tag);
		compare_counters(twin);
		return TWIN_NONE;
	}
	chunk = claim.page >> PAGEINDEX_CHUNK_SHIFT;
	if (claim.page < model_span(&twin->model))
		want = model_find_idle(&twin->model, chunk, npages);
	if (claim.page != want) {
		differ(twin, "%lu idle pages at %lu, should be at %ld", npages, claim.page,
		       (long)want);
		return TWIN_NONE;
	}
	if (tag && model_tag(&twin->model, chunk) != tag)
		differ(twin, "idle pages at %lu of tag %u, should be %u", claim.page,
		       model_tag(&twin->model, chunk), tag);
	return claimed(twin, &claim, npages);
}

static void model_freed(struct twin *twin, const struct pageindex_run *run, unsigned int flags)
{
	model_set(&twin->model, run->page, run->npages,
		  flags & PAGEINDEX_FREE_OLD ? MODEL_OLD : MODEL_YOUNG,
		  !(flags & PAGEINDEX_FREE_CLEAN));
}

static void model_released(struct twin *twin, const struct pageindex_run *run)
{
	model_set(&twin->model, run->page, run->npages, MODEL_RELEASED, false);
	model_note_release(&twin->model, run->page, run->npages);
}

void twin_free(struct twin *twin, unsigned long page, unsigned long npages, unsigned int flags)
{
	const struct pageindex_run run = { .page = page, .npages = npages };

	twin->steps++;
	pageindex_free(twin_index(twin), page, npages, flags);
	model_freed(twin, &run, flags);
	compare(twin, page, npages);
}

void twin_release(struct twin *twin, unsigned long page, unsigned long npages)
{
	const struct pageindex_run run = { .page = page, .npages = npages };

	twin->steps++;
	pageindex_release(twin_index(twin), page, npages);
	model_released(twin, &run);
	compare(twin, page, npages);
}

void twin_free_runs(struct twin *twin, const struct pageindex_run *runs, unsigned int nr,
		    unsigned int flags)
{
	unsigned int i;

	twin->steps++;
	pageindex_free_runs(twin_index(twin), runs, nr, flags);
	for (i = 0; i < nr; i++)
		model_freed(twin, &runs[i], flags);
	for (i = 0; i < nr && !twin->failed; i++)
		compare(twin, runs[i].page, runs[i].npages);
}

void twin_release_runs(struct twin *twin, const struct pageindex_run *runs, unsigned int nr)
{
	unsigned int i;

	twin->steps++;
	pageindex_release_runs(twin_index(twin), runs, nr);
	for (i = 0; i < nr; i++)
		model_released(twin, &runs[i]);
	for (i = 0; i < nr && !twin->failed; i++)
		compare(twin, runs[i].page, runs[i].npages);
}

void twin_set_tag(struct twin *twin, unsigned long page, unsigned long npages, unsigned int tag)
{
	twin->steps++;
	pageindex_set_tag(twin_index(twin), page, npages, tag);
	model_set_tag(&twin->model, page, npages, tag);
	compare(twin, page, npages);
}

unsigned int twin_tag(struct twin *twin, unsigned long page, unsigned long npages)
{
	unsigned int have = pageindex_tag(twin_index(twin), page, npages);
	unsigned int want = model_tag(&twin->model, page >> PAGEINDEX_CHUNK_SHIFT);
	unsigned long i;

	for (i = page; i < page + npages; i++)
		if (model_tag(&twin->model, i >> PAGEINDEX_CHUNK_SHIFT) != want)
			want = PAGEINDEX_TAG_MIXED;
	twin->steps++;
	if (have != want)
		differ(twin, "pages %lu+%lu have tag %u, should be %u", page, npages, have, want);
	return have;
}

void twin_next_epoch(struct twin *twin)
{
	twin->steps++;
	pageindex_next_epoch(twin_index(twin));
	twin->model.epoch++;
}

void twin_unback(struct twin *twin, unsigned long page, unsigned long npages)
{
	twin->steps++;
	pageindex_unback(twin_index(twin), page, npages);
	model_unback(&twin->model, page, npages);
	compare(twin, page, npages);
}

void twin_age(struct twin *twin, unsigned long chunk)
{
	unsigned long first = chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned int old = pageindex_age(twin_index(twin), chunk);
	bool *due = twin->model.chunk[chunk].due;
	unsigned int want = 0;
	unsigned long i;

	twin->steps++;
	for (i = first; i < first + PAGEINDEX_CHUNK_PAGES; i++) {
		want += model_state(&twin->model, i) == MODEL_OLD;
		if (i % 64 == 0)
			due[i % PAGEINDEX_CHUNK_PAGES / 64] = true;
		if (model_state(&twin->model, i) == MODEL_YOUNG) {
			model_set(&twin->model, i, 1, MODEL_OLD,
				  twin->model.page[i] & MODEL_DIRTY);
			due[i % PAGEINDEX_CHUNK_PAGES / 64] = false;
		}
	}
	if (old != want)
		differ(twin, "%u pages of chunk %lu were old, should be %u", old, chunk, want);
	compare(twin, first, PAGEINDEX_CHUNK_PAGES);
}

bool twin_prev_idle(struct twin *twin, unsigned long *chunk, unsigned int steps)
{
	unsigned long want = model_prev_idle_chunk(&twin->model, *chunk);
	unsigned long from = *chunk;
	unsigned int left;
	bool found;

	twin->steps++;
	do {
		left = steps;
		found = pageindex_prev_idle(twin_index(twin), chunk, &left);
	} while (!found && !left);
	if (!found) {
		*chunk = from;
		if (want != TWIN_NONE)
			differ(twin, "no idle chunk below %lu, should be %lu", from, want);
		return false;
	}
	if (*chunk != want)
		differ(twin, "idle chunk %lu below %lu, should be %ld", *chunk, from, (long)want);
	return true;
}

unsigned long twin_next_used(struct twin *twin, unsigned long page, unsigned int steps)
{
	unsigned long want = model_next_used(&twin->model, page);
	unsigned long have = page;
	unsigned int left;
	bool found;

	twin->steps++;
	do {
		left = steps;
		found = pageindex_next_used(twin_index(twin), &have, &left);
	} while (!found && !left);
	if (!found)
		have = TWIN_NONE;
	if (have != want)
		differ(twin, "page %ld in use from %lu on, should be %ld", (long)have, page,
		       (long)want);
	return have;
}
