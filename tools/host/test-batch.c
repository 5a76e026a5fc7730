// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: calls that take or free several runs.
 */
#include <linux/kernel.h>

#include "steps.h"
#include "tap.h"

#define MAX_RUNS	256

static unsigned long taken[MAX_RUNS];

static bool expect_pages(unsigned int nr, const unsigned long *pages)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		EXPECT_EQ(taken[i], pages[i]);
	return true;
}

/* === Taking ============================================================= */

static bool batch_of_idle_chunk(unsigned long npages)
{
	const unsigned int nr = CHUNK / npages;
	unsigned int i;

	add_chunks(2);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	put(0, 2 * CHUNK);
	EXPECT_EQ(alloc_batch(npages, MAX_RUNS, taken), min(nr, 0U + MAX_RUNS));
	for (i = 0; i < min(nr, 0U + MAX_RUNS); i++)
		EXPECT_EQ(taken[i], i * npages);
	EXPECT_EQ(nr_idle(), 2 * CHUNK - i * npages);
	return true;
}

static bool batch_is_no_longer_than_asked(unsigned long max)
{
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(0, CHUNK);
	EXPECT_EQ(alloc_batch(3, max, taken), max);
	EXPECT_EQ(nr_idle(), CHUNK - 3 * max);
	EXPECT_EQ(alloc(1), 3 * max);
	return true;
}

/* Make idle runs 10+5, 60+10 across words, 200+2 and 500+12, and a released run 100+50. */
static void make_holes(void)
{
	add_chunks(2);
	alloc(CHUNK + 1);
	put(10, 5);
	put(60, 10);
	release(100, 50);
	put(200, 2);
	put(500, 12);
}

static bool batch_skips_released(unsigned long arg)
{
	static const unsigned long pages[] = { 10, 60, 64, 500, 504, 508 };

	(void)arg;
	make_holes();
	EXPECT_EQ(alloc_batch(4, MAX_RUNS, taken), ARRAY_SIZE(pages));
	EXPECT(expect_pages(ARRAY_SIZE(pages), pages));
	EXPECT_EQ(alloc(4), 100);
	return true;
}

static bool batch_of_single_pages(unsigned long max)
{
	static const unsigned long pages[] = { 10, 11, 12, 13, 14, 60, 61, 62, 63, 64, 65, 66,
					       67, 68, 69, 200, 201, 500 };

	make_holes();
	EXPECT_EQ(alloc_batch(1, max, taken), max);
	EXPECT(expect_pages(min(max, 0UL + ARRAY_SIZE(pages)), pages));
	return true;
}

static bool released_comes_alone(unsigned long npages)
{
	make_holes();
	EXPECT_EQ(alloc_batch(npages, MAX_RUNS, taken), 1);
	EXPECT_EQ(taken[0], 100);
	EXPECT_EQ(steps.claim.released, npages);
	EXPECT_EQ(nr_idle(), 29);
	return true;
}

/* The first run crosses chunks. The other runs are from the chunk in which it ends. */
static bool batch_across_chunks(unsigned long arg)
{
	static const unsigned long pages[] = { CHUNK - 5, CHUNK + 3, CHUNK + 11, CHUNK + 100 };

	(void)arg;
	add_chunks(3);
	EXPECT_EQ(alloc(3 * CHUNK), 0);
	put(0, 7);
	put(CHUNK - 5, 25);
	put(CHUNK + 100, 8);
	put(2 * CHUNK, 8);
	EXPECT_EQ(alloc_batch(8, MAX_RUNS, taken), ARRAY_SIZE(pages));
	EXPECT(expect_pages(ARRAY_SIZE(pages), pages));
	EXPECT_EQ(nr_idle(), 7 + 1 + 8);
	return true;
}

static bool batch_ends_at_chunk(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	put(CHUNK - 4, 20);
	EXPECT_EQ(alloc_batch(4, MAX_RUNS, taken), 1);
	EXPECT_EQ(taken[0], CHUNK - 4);
	return true;
}

static bool batch_fails_as_one_does(unsigned long arg)
{
	(void)arg;
	EXPECT_EQ(alloc_batch(1, MAX_RUNS, taken), 0);
	EXPECT_EQ(steps.excess, 0);
	add_chunks(1);
	EXPECT_EQ(alloc_batch(CHUNK + 1, MAX_RUNS, taken), 0);
	EXPECT_EQ(steps.excess, 0);
	set_limit(3);
	EXPECT_EQ(alloc_batch(5, MAX_RUNS, taken), 0);
	EXPECT_EQ(steps.excess, 2);
	EXPECT_EQ(alloc_batch(3, MAX_RUNS, taken), 1);
	return true;
}

/* Idle pages do not count against the limit. The released pages above them would. */
static bool batch_below_limit(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(40), 0);
	put(0, 40);
	set_limit(40);
	EXPECT_EQ(alloc_batch(9, MAX_RUNS, taken), 4);
	EXPECT_EQ(alloc_batch(9, MAX_RUNS, taken), 0);
	EXPECT_EQ(steps.excess, 5);
	return true;
}

/* The chunk's longest run, which its summary tells, is not the first of the batch. */
static bool batch_takes_longest_run(unsigned long arg)
{
	(void)arg;
	add_chunks(PAGEINDEX_NR_STALE + 1);
	EXPECT_EQ(alloc((PAGEINDEX_NR_STALE + 1) * CHUNK), 0);
	put(10, 2);
	put(20, 9);
	put(40, 3);
	EXPECT_EQ(alloc_batch(2, 4, taken), 4);
	EXPECT_EQ(taken[1], 20);
	EXPECT_EQ(alloc(4), NONE);
	EXPECT_EQ(alloc(3), 26);
	return true;
}

/* Only the first run of a batch counts as recent use. */
static bool batch_is_not_used(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(40), 0);
	put(0, 40);
	next_epoch();
	next_epoch();
	EXPECT_EQ(alloc_batch(4, 5, taken), 5);
	EXPECT_EQ(recent(0), 4);
	return true;
}

/* === Freeing ============================================================ */

#define RUNS(...)	((const struct pageindex_run []) { __VA_ARGS__ })

static bool no_runs(unsigned long arg)
{
	(void)arg;
	put_runs(NULL, 0);
	release_runs(NULL, 0);
	add_chunks(1);
	put_runs(NULL, 0);
	EXPECT_EQ(alloc(CHUNK), 0);
	return true;
}

static bool runs_of_a_chunk(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put_runs(RUNS({ 3, 2 }, { 70, 10 }, { 100, 1 }, { 320, 192 }), 4);
	EXPECT_EQ(nr_idle(), 205);
	EXPECT_EQ(alloc(193), NONE);
	EXPECT_EQ(alloc(192), 320);
	EXPECT_EQ(alloc(10), 70);
	EXPECT_EQ(alloc(2), 3);
	EXPECT_EQ(alloc(1), 100);
	EXPECT_EQ(alloc(1), NONE);
	return true;
}

/* The failed allocation leaves the hints above all runs. Frees must lower them. */
static bool runs_lower_hints(unsigned long down)
{
	struct pageindex_run runs[4] = { { 5, 3 }, { 40, 7 }, { 90, 1 }, { 200, 20 } };
	unsigned int i;

	add_chunks(2);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	EXPECT_EQ(alloc(1), NONE);
	for (i = 0; down && i < 2; i++) {
		struct pageindex_run run = runs[i];

		runs[i] = runs[3 - i];
		runs[3 - i] = run;
	}
	put_runs(runs, 4);
	EXPECT_EQ(alloc(8), 200);
	EXPECT_EQ(alloc(4), 40);
	EXPECT_EQ(alloc(1), 5);
	return true;
}

/* The runs join each other and runs that are free already, in three chunks. */
static bool runs_coalesce(unsigned long up)
{
	add_chunks(3);
	EXPECT_EQ(alloc(3 * CHUNK), 0);
	put(CHUNK - 3, 3);
	put(2 * CHUNK, 7);
	put(CHUNK + 10, 30);
	EXPECT_EQ(alloc(31), NONE);
	if (up)
		put_runs(RUNS({ CHUNK, 5 }, { CHUNK + 5, 5 }, { CHUNK + 40, CHUNK - 40 }), 3);
	else
		put_runs(RUNS({ CHUNK + 40, CHUNK - 40 }, { CHUNK, 5 }, { CHUNK + 5, 5 }), 3);
	EXPECT_EQ(alloc(CHUNK + 11), NONE);
	EXPECT_EQ(alloc(CHUNK + 10), CHUNK - 3);
	return true;
}

static bool runs_anywhere(unsigned long nblocks)
{
	const unsigned long end = nblocks * BLOCK;

	add_blocks(nblocks, true);
	grow(0, nblocks * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(end), 0);
	put_runs(RUNS({ end - 9, 9 }, { 3, 4 }, { 9, 4 }, { CHUNK - 1, 2 * CHUNK + 2 },
		      { BLOCK - 5, 10 }, { 5 * CHUNK + 1, 8 }, { 5 * CHUNK + 11, 1 },
		      { 5 * CHUNK, 1 }), 8);
	EXPECT_EQ(nr_idle(), 9 + 4 + 4 + 2 * CHUNK + 2 + 10 + 8 + 1 + 1);
	EXPECT_EQ(alloc(2 * CHUNK + 3), NONE);
	EXPECT_EQ(alloc(2 * CHUNK + 2), CHUNK - 1);
	EXPECT_EQ(alloc(9), 5 * CHUNK);
	EXPECT_EQ(alloc(10), BLOCK - 5);
	EXPECT_EQ(alloc(9), end - 9);
	EXPECT_EQ(alloc(4), 3);
	return true;
}

static bool runs_are_released(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	put(0, CHUNK);
	EXPECT_EQ(alloc(CHUNK), 0);
	release_runs(RUNS({ 0, 100 }, { 100, 12 }, { 200, 312 }, { 512, 5 }, { 600, 4 }), 5);
	EXPECT_EQ(nr_released(), 112 + 312 + 5 + 4);
	EXPECT_EQ(alloc(200), 200);
	EXPECT_EQ(steps.claim.released, 200);
	EXPECT_EQ(steps.claim.fresh, 0);
	EXPECT_EQ(steps.claim.clean, 200);
	return true;
}

static bool dirt_goes_with_the_last_run(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(0, CHUNK);
	EXPECT_EQ(alloc(CHUNK), 0);
	release_runs(RUNS({ 300, 212 }, { 0, 300 }), 2);
	EXPECT_EQ(alloc(CHUNK), 0);
	EXPECT_EQ(steps.claim.clean, 0);
	return true;
}

static bool used_pages_are_counted(unsigned long arg)
{
	(void)arg;
	add_blocks(1, false);
	EXPECT_EQ(used(0), 0);
	grow(0, 2);
	EXPECT_EQ(used(0), 0);
	EXPECT_EQ(alloc(CHUNK + 70), 0);
	EXPECT_EQ(used(0), CHUNK);
	EXPECT_EQ(used(1), 70);
	put(60, 10);
	release(100, 1);
	EXPECT_EQ(used(0), CHUNK - 11);
	put_runs(RUNS({ 0, 60 }, { 70, 30 }), 2);
	release_runs(RUNS({ 101, CHUNK - 101 }, { CHUNK, 70 }), 2);
	EXPECT_EQ(used(0), 0);
	EXPECT_EQ(used(1), 0);
	EXPECT_EQ(used(2), 0);
	return true;
}

const struct step_case batch_cases[] = {
	{ "a batch of single pages out of an idle chunk", batch_of_idle_chunk, 1 },
	{ "a batch of 5 pages out of an idle chunk", batch_of_idle_chunk, 5 },
	{ "a batch of 64 pages out of an idle chunk", batch_of_idle_chunk, 64 },
	{ "a batch of 1 run", batch_is_no_longer_than_asked, 1 },
	{ "a batch of 2 runs", batch_is_no_longer_than_asked, 2 },
	{ "a batch of 100 runs", batch_is_no_longer_than_asked, 100 },
	{ "a batch has no released pages", batch_skips_released, 0 },
	{ "a batch of 3 single pages", batch_of_single_pages, 3 },
	{ "a batch of 18 single pages", batch_of_single_pages, 18 },
	{ "a run of 11 released pages comes alone", released_comes_alone, 11 },
	{ "a run of 50 released pages comes alone", released_comes_alone, 50 },
	{ "a batch whose first run crosses chunks", batch_across_chunks, 0 },
	{ "a batch whose first run ends with its chunk", batch_ends_at_chunk, 0 },
	{ "a batch fails as one run does", batch_fails_as_one_does, 0 },
	{ "a batch below the limit", batch_below_limit, 0 },
	{ "a batch takes the longest run behind its first", batch_takes_longest_run, 0 },
	{ "only the first run of a batch counts as recent use", batch_is_not_used, 0 },
	{ "no runs are freed", no_runs, 0 },
	{ "runs of one chunk are freed", runs_of_a_chunk, 0 },
	{ "freed runs are found, given from the lowest up", runs_lower_hints, 0 },
	{ "freed runs are found, given from the highest down", runs_lower_hints, 1 },
	{ "freed runs coalesce, given from the highest down", runs_coalesce, 0 },
	{ "freed runs coalesce, given from the lowest up", runs_coalesce, 1 },
	{ "runs anywhere in 2 blocks are freed", runs_anywhere, 2 },
	{ "runs anywhere in 9 blocks are freed", runs_anywhere, 9 },
	{ "runs are released", runs_are_released, 0 },
	{ "the release of the last run clears the dirty pages", dirt_goes_with_the_last_run, 0 },
	{ "pages in use are counted by chunks", used_pages_are_counted, 0 },
};

const unsigned int nr_batch_cases = ARRAY_SIZE(batch_cases);
