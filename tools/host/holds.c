// SPDX-License-Identifier: GPL-2.0-only
/*
 * The work that the module does on the page index under each hold of a heap's lock, with
 * the same bounds.
 */
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "heap/hold.h"
#include "index/prefetch.h"
#include "hold-index.h"
#include "holds.h"

#define CHUNK		PAGEINDEX_CHUNK_PAGES
#define PIECE		PAGEINDEX_PIECE_PAGES
#define LONG_PAGES	(8 * PIECE)

static struct pageindex *const idx = &hold_heap.index;

/* === Holds ============================================================== */

/**
 * struct work - arguments and results of a hold
 * @npages: length of the run to claim
 * @align: its alignment
 * @claim: the claim
 * @runs: runs to free, to release or to take
 * @nr: number of @runs, or of @pages
 * @chunk: chunk to begin with
 * @pages: first pages of the runs of a batch
 * @found: the claim succeeded
 */
struct work {
	unsigned long npages;
	unsigned long align;
	struct pageindex_claim claim;
	struct pageindex_run runs[HOLD_RELEASE_CHUNKS * CHUNK];
	unsigned int nr;
	unsigned long chunk;
	unsigned long pages[16];
	bool found;
};

static struct work work;

void hold_clear(const struct hold *hold)
{
	memset(&work, 0, sizeof(work));
	work.npages = hold->npages;
	work.align = hold->align;
}

static bool nothing(void)
{
	return true;
}

/* Deceive the index: make chunks that seem to have room for a long run, and have none. */
static bool deceive(void)
{
	struct pageindex_claim claim;
	unsigned int i, nr = 0;
	unsigned long chunk;

	for (i = 0; i < PAGEINDEX_NR_STALE; i++) {
		chunk = hold_random(pageheap_nr_chunks(&hold_heap) - 1) / PAGEINDEX_NR_STALE *
			PAGEINDEX_NR_STALE + i;
		if (chunk >= pageheap_nr_chunks(&hold_heap) || pageindex_used(idx, chunk) != CHUNK)
			continue;
		nr++;
		pageindex_free(idx, chunk << PAGEINDEX_CHUNK_SHIFT, CHUNK, 0);
	}
	while (nr--) {
		/* Take both halves. The index notes that the chunk's summary is stale. */
		pageindex_alloc(idx, CHUNK / 2, &claim);
		pageindex_alloc(idx, CHUNK / 2, &claim);
	}
	return true;
}

static void alloc(void)
{
	idx->stop_at_stale = true;
	work.found = work.align > 1 ?
		     pageindex_alloc_aligned(idx, work.npages, work.align, &work.claim) :
		     pageindex_alloc(idx, work.npages, &work.claim);
}

/* Bring the pages back to their state. If idle and released pages alternated, all get idle. */
static void undo_alloc(void)
{
	if (!work.found)
		return;
	if (work.claim.released == work.npages)
		pageindex_release(idx, work.claim.page, work.npages);
	else
		pageindex_free(idx, work.claim.page, work.npages, 0);
}

/* Prepare for settle(), which does what claim_sync_stale() does after a deceived search. */
static bool deceived_first(void)
{
	deceive();
	alloc();
	return idx->hit_stale;
}

static void settle(void)
{
	pageindex_sync_stale(idx);
}

/* Search again without a limit, as the heap does, and undo the claim. */
static void undo_deceived(void)
{
	idx->stop_at_stale = false;
	work.found = pageindex_alloc(idx, work.npages, &work.claim);
	undo_alloc();
}

static void alloc_idle(void)
{
	idx->stop_at_stale = true;
	work.found = pageindex_alloc_idle(idx, work.npages, 0, &work.claim);
}

static bool alloc_first(void)
{
	alloc();
	return work.found;
}

static void free_one(void)
{
	pageindex_free(idx, work.claim.page, work.npages, 0);
}

/* Pick pages in use at random places of the heap. */
static bool pick_used(void)
{
	unsigned int steps;

	for (work.nr = 0; work.nr < HOLD_SPAN_CHUNKS; work.nr++) {
		unsigned long page = hold_random(hold_pages());

		steps = UINT_MAX;
		if (!pageindex_next_used(idx, &page, &steps))
			return false;
		work.runs[work.nr] = (struct pageindex_run) { .page = page, .npages = 1 };
	}
	return true;
}

static int compare_page(const void *left, const void *right)
{
	const struct pageindex_run *a = left, *b = right;

	return a->page < b->page ? -1 : a->page > b->page;
}

static bool pick_sorted(void)
{
	unsigned int i;

	if (!pick_used())
		return false;
	qsort(work.runs, work.nr, sizeof(work.runs[0]), compare_page);
	for (i = 1; i < work.nr; i++)
		if (work.runs[i].page == work.runs[i - 1].page)
			return false;
	return true;
}

static void fetch_runs(void)
{
	unsigned int i;

	for (i = 0; i < work.nr; i++)
		pageindex_prefetch(idx, idx->block[work.runs[i].page / PAGEINDEX_BLOCK_PAGES],
				   work.runs[i].page);
}

static void free_runs(void)
{
	pageindex_free_runs(idx, work.runs, work.nr, 0);
}

/* Pick adjoining runs of one claim. */
static bool pick_claim(void)
{
	unsigned int i;

	alloc();
	if (!work.found)
		return false;
	work.nr = HOLD_PUTBACK_RUNS;
	for (i = 0; i < work.nr; i++)
		work.runs[i] = (struct pageindex_run) {
			.page = work.claim.page + i * work.npages / work.nr,
			.npages = work.npages / work.nr,
		};
	return true;
}

static void put_back(void)
{
	unsigned int i;

	for (i = 0; i < work.nr; i++)
		pageindex_release(idx, work.runs[i].page, work.runs[i].npages);
}

/* Take a page of each chunk, perhaps another one. */
static void undo_runs(void)
{
	struct pageindex_run run;
	unsigned int i;

	for (i = 0; i < work.nr; i++) {
		unsigned long fresh;

		if (!pageindex_take_idle(idx, work.runs[i].page >> PAGEINDEX_CHUNK_SHIFT,
					 PAGEINDEX_ANY, 1, &run, 1))
			pageindex_take_released(idx, work.runs[i].page >> PAGEINDEX_CHUNK_SHIFT, 1,
						&run, 1, &fresh);
	}
}

static void fetch_one(void)
{
	pageindex_prefetch(idx, idx->block[work.claim.page / PAGEINDEX_BLOCK_PAGES],
			   work.claim.page);
}

static void take_more(void)
{
	work.nr = pageindex_take_more(idx, work.claim.page + work.npages, work.npages, 16,
				      work.pages);
}

static void undo_more(void)
{
	while (work.nr--)
		pageindex_free(idx, work.pages[work.nr], work.npages, 0);
	pageindex_free(idx, work.claim.page, work.npages, 0);
}

static bool pick_chunk(void)
{
	work.chunk = 1 + hold_random(pageheap_nr_chunks(&hold_heap));
	return true;
}

/* As release_take_some() in release.c. */
static void release_take(void)
{
	unsigned int budget = HOLD_RELEASE_CHUNKS, steps = HOLD_RELEASE_STEPS;

	work.nr = 0;
	while (budget-- && steps && work.nr < HOLD_RELEASE_RUNS) {
		if (!pageindex_prev_idle(idx, &work.chunk, &steps))
			break;
		if (pageindex_used(idx, work.chunk) > CHUNK ||
		    pageindex_recent(idx, work.chunk) == UINT_MAX)
			continue;
		work.nr += pageindex_take_idle(idx, work.chunk, PAGEINDEX_ANY, 1024,
					       work.runs + work.nr, HOLD_RELEASE_RUNS - work.nr);
	}
}

static void undo_take(void)
{
	pageindex_free_runs(idx, work.runs, work.nr, 0);
}

static bool release_begin(void)
{
	pick_chunk();
	release_take();
	return work.nr;
}

static void release_end(void)
{
	pageindex_release_runs(idx, work.runs, work.nr);
}

/* Make the same pages idle again, as far as possible. */
static void undo_release(void)
{
	struct pageindex_run runs[CHUNK];
	unsigned long fresh;
	unsigned int i, j, nr;

	for (i = 0; i < work.nr; i++) {
		nr = pageindex_take_released(idx, work.runs[i].page >> PAGEINDEX_CHUNK_SHIFT,
					     work.runs[i].npages, runs, CHUNK, &fresh);
		for (j = 0; j < nr; j++)
			pageindex_free(idx, runs[j].page, runs[j].npages, 0);
	}
}

/* As pass_mark_old() in pass.c. */
static void age(void)
{
	unsigned int budget = HOLD_AGE_CHUNKS, steps = HOLD_AGE_STEPS;

	while (budget-- && steps && pageindex_prev_idle(idx, &work.chunk, &steps))
		pageindex_age(idx, work.chunk);
}

static bool pick_low_chunk(void)
{
	pick_chunk();
	work.chunk = min(work.chunk, pageheap_nr_chunks(&hold_heap) - HOLD_FILL_CHUNKS);
	return true;
}

/* As topup_take_locked() in topup.c. */
static void fill_take(void)
{
	unsigned int tries = HOLD_FILL_CHUNKS;
	unsigned long fresh;

	work.nr = 0;
	while (tries-- && !work.nr)
		work.nr = pageindex_take_released(idx, work.chunk++, 512, work.runs,
						  HOLD_FILL_RUNS, &fresh);
}

static void look(void)
{
	unsigned long page = work.chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned int steps = HOLD_LOOK_CHUNKS;

	pageindex_next_used(idx, &page, &steps);
}

static void fence(void)
{
	work.found = pageindex_fence(idx, LONG_PAGES, 1, &work.claim.page);
}

static void undo_fence(void)
{
	pageindex_unfence(idx);
}

static bool fence_first(void)
{
	work.claim = (struct pageindex_claim) {};
	fence();
	return work.found;
}

static void claim_piece(void)
{
	pageindex_claim_piece(idx, work.claim.page + PIECE, PIECE, &work.claim);
}

static void undo_piece(void)
{
	if (work.claim.released == PIECE)
		pageindex_release(idx, work.claim.page + PIECE, PIECE);
	else
		pageindex_free(idx, work.claim.page + PIECE, PIECE, 0);
	pageindex_unfence(idx);
}

static bool piece_first(void)
{
	if (!fence_first())
		return false;
	claim_piece();
	return true;
}

static void free_piece(void)
{
	pageindex_free(idx, work.claim.page + PIECE, PIECE, 0);
}

static void undo_free_piece(void)
{
	/* The pages stay idle. */
	pageindex_unfence(idx);
}

static void count_piece(void)
{
	work.found = pageindex_count_released(idx, work.claim.page + PIECE, PIECE);
}

const struct hold holds[] = {
	{ "claim", 1, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 4, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 16, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 64, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 512, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim-aligned-64", 64, 64, nothing, NULL, alloc, undo_alloc },
	{ "claim-aligned-512", 512, 512, nothing, NULL, alloc, undo_alloc },
	{ "claim-deceived", 512, 1, deceive, NULL, alloc, undo_deceived },
	{ "settle", 512, 1, deceived_first, NULL, settle, undo_deceived },
	{ "claim-idle", 2, 1, nothing, NULL, alloc_idle, undo_alloc },
	{ "claim-idle", 512, 1, nothing, NULL, alloc_idle, undo_alloc },
	{ "free", 1, 1, alloc_first, fetch_one, free_one, NULL },
	{ "free", 16, 1, alloc_first, fetch_one, free_one, NULL },
	{ "free", 512, 1, alloc_first, fetch_one, free_one, NULL },
	{ "free-cached", 1, 1, pick_sorted, fetch_runs, free_runs, undo_runs },
	{ "undo-claim", 512, 1, pick_claim, fetch_runs, put_back, NULL },
	{ "fill-cache", 4, 1, alloc_first, NULL, take_more, undo_more },
	{ "release-take", 1, 1, pick_chunk, NULL, release_take, undo_take },
	{ "release-end", 1, 1, release_begin, fetch_runs, release_end, undo_release },
	{ "age", 1, 1, pick_chunk, NULL, age, NULL },
	{ "fill-take", 1, 1, pick_low_chunk, NULL, fill_take, put_back },
	{ "look", 1, 1, pick_low_chunk, NULL, look, NULL },
	{ "long-search", LONG_PAGES, 1, nothing, NULL, fence, undo_fence },
	{ "long-count", LONG_PAGES, 1, fence_first, NULL, count_piece, undo_fence },
	{ "long-claim", LONG_PAGES, 1, fence_first, NULL, claim_piece, undo_piece },
	{ "long-free", LONG_PAGES, 1, piece_first, NULL, free_piece, undo_free_piece },
	{}
};
