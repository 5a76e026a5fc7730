// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: backing of pages, and its release.
 */
#include <linux/kernel.h>

#include "steps.h"
#include "tap.h"

#define MAX_RUNS	256

static struct pageindex_run runs[MAX_RUNS];

static bool first_claim_is_fresh(unsigned long npages)
{
	add_chunks(4);
	EXPECT_EQ(alloc(npages), 0);
	EXPECT_EQ(steps.claim.released, npages);
	EXPECT_EQ(steps.claim.fresh, npages);
	EXPECT_EQ(nr_released(), 4 * CHUNK - npages);
	EXPECT_EQ(nr_idle(), 0);
	return true;
}

static bool freed_is_idle(unsigned long npages)
{
	add_chunks(4);
	EXPECT_EQ(alloc(npages), 0);
	put(0, npages);
	EXPECT_EQ(nr_idle(), npages);
	EXPECT_EQ(alloc(npages), 0);
	EXPECT_EQ(steps.claim.released, 0);
	EXPECT_EQ(steps.claim.fresh, 0);
	EXPECT_EQ(steps.claim.clean, npages);
	EXPECT_EQ(nr_idle(), 0);
	return true;
}

static bool released_is_not_fresh(unsigned long npages)
{
	add_chunks(4);
	EXPECT_EQ(alloc(npages), 0);
	release(0, npages);
	EXPECT_EQ(nr_released(), 4 * CHUNK);
	EXPECT_EQ(alloc(npages), 0);
	EXPECT_EQ(steps.claim.released, npages);
	EXPECT_EQ(steps.claim.fresh, 0);
	return true;
}

/* A run of idle, released and fresh pages, across chunks. */
static bool mixed_claim(unsigned long arg)
{
	(void)arg;
	add_chunks(4);
	EXPECT_EQ(alloc(700), 0);
	put(0, 600);
	release(600, 100);
	EXPECT_EQ(nr_idle(), 600);
	EXPECT_EQ(nr_released(), 4 * CHUNK - 600);
	EXPECT_EQ(alloc(1000), 0);
	EXPECT_EQ(steps.claim.released, 400);
	EXPECT_EQ(steps.claim.fresh, 300);
	EXPECT_EQ(nr_idle(), 0);
	return true;
}

static bool clean_stays_clean(unsigned long npages)
{
	add_chunks(4);
	EXPECT_EQ(alloc(npages), 0);
	put_clean(0, npages);
	EXPECT_EQ(alloc(npages), 0);
	EXPECT_EQ(steps.claim.clean, 0);
	put(0, npages);
	EXPECT_EQ(alloc(npages), 0);
	EXPECT_EQ(steps.claim.clean, npages);
	return true;
}

static bool clean_behind_dirty(unsigned long arg)
{
	(void)arg;
	add_chunks(4);
	EXPECT_EQ(alloc(1500), 0);
	put(0, 600);
	put_clean(600, 900);
	EXPECT_EQ(alloc(1500), 0);
	EXPECT_EQ(steps.claim.clean, 600);
	put_clean(0, 1500);
	EXPECT_EQ(alloc(100), 0);
	EXPECT(steps.claim.clean <= 100);
	return true;
}

static bool dirt_goes_with_backing(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(0, CHUNK);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, runs, MAX_RUNS), 1);
	release(0, CHUNK);
	EXPECT_EQ(alloc(CHUNK), 0);
	put_clean(0, CHUNK);
	EXPECT_EQ(alloc(CHUNK), 0);
	EXPECT_EQ(steps.claim.clean, 0);
	return true;
}

static bool young_then_old(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(100), 0);
	put(0, 50);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 0);
	age(0);
	put(50, 50);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, 0);
	EXPECT_EQ(runs[0].npages, 50);
	EXPECT_EQ(nr_idle(), 50);
	release(0, 50);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 0);
	age(0);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, 50);
	return true;
}

/* Old pages are due in words of 64 pages of which none became old at the last ageing. */
static bool old_then_due(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(0, 64);
	put(100, 10);
	age(0);
	EXPECT_EQ(take(0, PAGEINDEX_DUE, NONE, runs, MAX_RUNS), 0);
	put(110, 10);
	put_old(128, 3);
	age(0);
	put(70, 5);
	EXPECT_EQ(take(0, PAGEINDEX_DUE, NONE, runs, MAX_RUNS), 2);
	EXPECT_EQ(runs[0].page, 128);
	EXPECT_EQ(runs[0].npages, 3);
	EXPECT_EQ(runs[1].page, 0);
	EXPECT_EQ(runs[1].npages, 64);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, 100);
	EXPECT_EQ(runs[0].npages, 20);
	return true;
}

static bool old_at_once(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	put(CHUNK - 40, 20);
	put_old(CHUNK - 20, 30);
	EXPECT_EQ(nr_idle(), 50);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, CHUNK - 20);
	EXPECT_EQ(runs[0].npages, 20);
	EXPECT_EQ(take(1, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, CHUNK);
	EXPECT_EQ(runs[0].npages, 10);
	EXPECT_EQ(nr_idle(), 20);
	return true;
}

static bool old_is_not_clean(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put_old(5, 9);
	EXPECT_EQ(alloc(9), 5);
	EXPECT_EQ(steps.claim.clean, 9);
	return true;
}

/* The backing of the last @npages of a claim fails. */
static bool unbacked_is_fresh(unsigned long npages)
{
	add_chunks(4);
	EXPECT_EQ(alloc(1300), 0);
	unback(1300 - npages, npages);
	EXPECT_EQ(nr_released(), 4 * CHUNK - 1300 + npages);
	EXPECT_EQ(alloc(npages), 1300 - npages);
	EXPECT_EQ(steps.claim.released, npages);
	EXPECT_EQ(steps.claim.fresh, npages);
	return true;
}

static bool unbacked_below_backed(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(10), 0);
	EXPECT_EQ(alloc(10), 10);
	unback(0, 10);
	release(10, 10);
	EXPECT_EQ(alloc(30), 0);
	EXPECT_EQ(steps.claim.released, 30);
	/* The index keeps one bound per chunk, so that it may count too few fresh pages. */
	EXPECT_EQ(steps.claim.fresh, 10);
	return true;
}

static bool use_makes_young(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(10), 0);
	put(0, 10);
	age(0);
	EXPECT_EQ(alloc(4), 0);
	put(0, 4);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, 4);
	EXPECT_EQ(runs[0].npages, 6);
	return true;
}

static bool ageing_is_per_chunk(unsigned long arg)
{
	(void)arg;
	add_chunks(3);
	EXPECT_EQ(alloc(3 * CHUNK), 0);
	put(0, 3 * CHUNK);
	age(1);
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 0);
	EXPECT_EQ(take(2, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 0);
	EXPECT_EQ(take(1, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, CHUNK);
	EXPECT_EQ(runs[0].npages, CHUNK);
	return true;
}

/* Make idle runs 10+5, 60+10 across words, 200+1 and 500+12 at the end of the chunk. */
static void make_holes(void)
{
	alloc(CHUNK);
	put(10, 5);
	put(60, 10);
	put(200, 1);
	put(500, 12);
	age(0);
}

static bool take_goes_down(unsigned long arg)
{
	static const struct pageindex_run want[] = { { 500, 12 }, { 200, 1 }, { 60, 10 },
						     { 10, 5 } };
	unsigned int i;

	(void)arg;
	add_chunks(1);
	make_holes();
	EXPECT_EQ(take(0, PAGEINDEX_OLD, NONE, runs, MAX_RUNS), ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(runs[i].page, want[i].page);
		EXPECT_EQ(runs[i].npages, want[i].npages);
	}
	EXPECT_EQ(nr_idle(), 0);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, runs, MAX_RUNS), 0);
	return true;
}

static bool take_stops_at_pages(unsigned long max_pages)
{
	unsigned long total = 0;
	unsigned int nr, i;

	add_chunks(1);
	make_holes();
	nr = take(0, PAGEINDEX_OLD, max_pages, runs, MAX_RUNS);
	for (i = 0; i < nr; i++)
		total += runs[i].npages;
	EXPECT_EQ(total, min(max_pages, 28UL));
	EXPECT_EQ(nr_idle(), 28 - total);
	return true;
}

static bool take_stops_at_runs(unsigned long max_runs)
{
	unsigned int rounds = 0;

	add_chunks(1);
	make_holes();
	while (take(0, PAGEINDEX_OLD, NONE, runs, max_runs))
		rounds++;
	/* The index may split a run across words in two. */
	EXPECT(rounds <= DIV_ROUND_UP(5, max_runs));
	EXPECT_EQ(nr_idle(), 0);
	return true;
}

static bool take_any_ignores_age(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(100, 50);
	age(0);
	put(150, 50);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, 100);
	EXPECT_EQ(runs[0].npages, 100);
	return true;
}

static bool take_checkerboard(unsigned long arg)
{
	unsigned long page;
	unsigned int i;

	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	for (page = 0; page < CHUNK; page += 2)
		put(page, 1);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, runs, MAX_RUNS), CHUNK / 2);
	for (i = 0; i < CHUNK / 2; i++) {
		EXPECT_EQ(runs[i].page, CHUNK - 2 - 2 * i);
		EXPECT_EQ(runs[i].npages, 1);
	}
	return true;
}

static bool taken_pages_are_in_use(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(100, 50);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(alloc(1), NONE);
	EXPECT_EQ(nr_idle(), 0);
	EXPECT_EQ(nr_released(), 0);
	release(100, 50);
	EXPECT_EQ(nr_released(), 50);
	EXPECT_EQ(alloc(50), 100);
	EXPECT_EQ(steps.claim.released, 50);
	EXPECT_EQ(steps.claim.fresh, 0);
	return true;
}

static bool prev_idle_visits_all(unsigned long nblocks)
{
	const unsigned long nchunks = nblocks * BLOCK_CHUNKS;
	unsigned long chunk, found;

	for (chunk = 0; chunk < nblocks; chunk++)
		twin_add_block(&steps, true);
	grow(0, nchunks);
	EXPECT_EQ(twin_alloc(&steps, nchunks * CHUNK), 0);
	for (chunk = 0; chunk < nchunks; chunk += 23)
		twin_free(&steps, chunk * CHUNK + chunk % CHUNK, 1, 0);
	EXPECT(twin_verify(&steps));
	found = nchunks;
	for (chunk = (nchunks - 1) / 23 * 23;; chunk -= 23) {
		EXPECT(twin_prev_idle(&steps, &found, UINT_MAX));
		EXPECT_EQ(found, chunk);
		if (!chunk)
			break;
	}
	EXPECT(!twin_prev_idle(&steps, &found, UINT_MAX));
	return true;
}

static bool prev_idle_forgets(unsigned long arg)
{
	(void)arg;
	add_chunks(3 * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(3 * BLOCK), 0);
	put(2 * BLOCK + 5, 1);
	put(BLOCK + 5, 1);
	EXPECT_EQ(prev_idle(NONE), 2 * BLOCK_CHUNKS);
	EXPECT_EQ(prev_idle(2 * BLOCK_CHUNKS), BLOCK_CHUNKS);
	EXPECT_EQ(prev_idle(BLOCK_CHUNKS), NONE);
	EXPECT_EQ(alloc(1), BLOCK + 5);
	EXPECT_EQ(prev_idle(2 * BLOCK_CHUNKS), NONE);
	EXPECT_EQ(take(2 * BLOCK_CHUNKS, PAGEINDEX_ANY, NONE, runs, MAX_RUNS), 1);
	EXPECT_EQ(prev_idle(NONE), NONE);
	put(BLOCK + 5, 1);
	EXPECT_EQ(prev_idle(NONE), BLOCK_CHUNKS);
	return true;
}

static bool next_used_finds_spans(unsigned long arg)
{
	static const unsigned long spans[] = { 0, 63, 64, 511, 512, 5000, BLOCK - 1, BLOCK,
					       BLOCK + 3 * CHUNK };
	unsigned long page = 0;
	unsigned int i;

	(void)arg;
	add_blocks(1, false);
	add_blocks(2, false);
	grow(0, BLOCK_CHUNKS);
	grow(BLOCK_CHUNKS, 5);
	EXPECT_EQ(alloc(BLOCK), 0);
	EXPECT_EQ(alloc(5 * CHUNK), BLOCK);
	put(0, BLOCK);
	put(BLOCK, 5 * CHUNK);
	EXPECT_EQ(next_used(0), NONE);
	EXPECT_EQ(alloc(BLOCK), 0);
	EXPECT_EQ(alloc(5 * CHUNK), BLOCK);
	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		if (spans[i] > page)
			put(page, spans[i] - page);
		page = spans[i] + 1;
	}
	put(page, BLOCK + 5 * CHUNK - page);
	page = 0;
	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		EXPECT_EQ(next_used(page), spans[i]);
		page = spans[i] + 1;
	}
	EXPECT_EQ(next_used(page), NONE);
	EXPECT_EQ(next_used(3 * BLOCK), NONE);
	return true;
}

static bool pass_releases_after_two_rounds(unsigned long arg)
{
	struct pageheap *heap = &steps.heap;
	struct pageindex_claim claim;

	(void)arg;
	pageheap_alloc(heap, 3 * BLOCK + 17, &claim);
	EXPECT_EQ(claim.page, 0);
	pageindex_free(&heap->index, 0, BLOCK, 0);
	EXPECT_EQ(pageheap_pass(heap, 0), 0);
	pageindex_free(&heap->index, BLOCK, 40, 0);
	EXPECT_EQ(pageheap_pass(heap, 0), BLOCK);
	EXPECT_EQ(pageheap_pass(heap, 0), 40);
	EXPECT_EQ(pageheap_pass(heap, 0), 0);
	EXPECT_EQ(pageheap_live(heap), 2 * BLOCK + 17 - 40);
	EXPECT(pageindex_check(&heap->index));
	return true;
}

const struct step_case backing_cases[] = {
	{ "a first claim within a chunk is fresh", first_claim_is_fresh, 5 },
	{ "a first claim of a chunk is fresh", first_claim_is_fresh, 512 },
	{ "a first claim across chunks is fresh", first_claim_is_fresh, 1300 },
	{ "pages freed within a chunk are idle", freed_is_idle, 3 },
	{ "pages freed across chunks are idle", freed_is_idle, 1300 },
	{ "pages released within a chunk are not fresh again", released_is_not_fresh, 3 },
	{ "pages released across chunks are not fresh again", released_is_not_fresh, 1300 },
	{ "a claim of idle, released and fresh pages", mixed_claim, 0 },
	{ "pages freed clean within a chunk stay clean", clean_stays_clean, 9 },
	{ "pages freed clean across chunks stay clean", clean_stays_clean, 1300 },
	{ "clean pages behind dirty ones", clean_behind_dirty, 0 },
	{ "released pages are not dirty", dirt_goes_with_backing, 0 },
	{ "idle pages are young before they are old", young_then_old, 0 },
	{ "old pages are due one ageing later", old_then_due, 0 },
	{ "pages can be old at once", old_at_once, 0 },
	{ "pages that are old at once are not clean", old_is_not_clean, 0 },
	{ "pages that were not backed within a chunk are fresh again", unbacked_is_fresh, 5 },
	{ "pages that were not backed across chunks are fresh again", unbacked_is_fresh, 700 },
	{ "a claim that was not backed at all is fresh again", unbacked_is_fresh, 1300 },
	{ "pages that were not backed below backed ones", unbacked_below_backed, 0 },
	{ "use makes old pages young", use_makes_young, 0 },
	{ "chunks age each by itself", ageing_is_per_chunk, 0 },
	{ "idle runs are taken from the top down", take_goes_down, 0 },
	{ "take at most 1 page", take_stops_at_pages, 1 },
	{ "take at most 12 pages", take_stops_at_pages, 12 },
	{ "take at most 17 pages", take_stops_at_pages, 17 },
	{ "take at most 100 pages", take_stops_at_pages, 100 },
	{ "take 1 run at a time", take_stops_at_runs, 1 },
	{ "take 3 runs at a time", take_stops_at_runs, 3 },
	{ "take young and old pages as one run", take_any_ignores_age, 0 },
	{ "take every second page", take_checkerboard, 0 },
	{ "taken pages are in use until given back", taken_pages_are_in_use, 0 },
	{ "idle chunks of 3 blocks are found from the top down", prev_idle_visits_all, 3 },
	{ "idle chunks of 70 blocks are found from the top down", prev_idle_visits_all, 70 },
	{ "chunks without idle pages are not found", prev_idle_forgets, 0 },
	{ "the next page in use is found", next_used_finds_spans, 0 },
	{ "a pass releases pages that were idle at the pass before",
	  pass_releases_after_two_rounds, 0 },
};

const unsigned int nr_backing_cases = ARRAY_SIZE(backing_cases);
