// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: allocations of idle pages, taking of released pages, and the limit on
 * backed pages.
 */
#include <linux/kernel.h>

#include "steps.h"
#include "tap.h"

#define MAX_RUNS	256

static struct pageindex_run runs[MAX_RUNS];

/* Make a run of idle pages at @page, with all other pages in use. */
static void one_idle_run(unsigned long nchunks, unsigned long page, unsigned long npages)
{
	add_chunks(nchunks);
	alloc(nchunks * CHUNK);
	put(page, npages);
}

/* === Idle runs ========================================================== */

static bool idle_run_is_found(unsigned long npages)
{
	one_idle_run(3, CHUNK, npages);
	EXPECT_EQ(alloc_idle(npages + 1), NONE);
	EXPECT_EQ(alloc_idle(npages), CHUNK);
	EXPECT_EQ(steps.claim.released, 0);
	EXPECT_EQ(steps.claim.fresh, 0);
	EXPECT_EQ(steps.claim.clean, npages);
	EXPECT_EQ(nr_idle(), 0);
	EXPECT_EQ(alloc_idle(1), NONE);
	return true;
}

static bool idle_run_ends_at_chunk(unsigned long arg)
{
	(void)arg;
	one_idle_run(2, CHUNK - 5, 10);
	EXPECT_EQ(alloc_idle(6), NONE);
	EXPECT_EQ(alloc_idle(4), CHUNK - 5);
	EXPECT_EQ(alloc_idle(5), CHUNK);
	return true;
}

/* Released pages below idle ones, and between them. */
static bool idle_not_released(unsigned long arg)
{
	(void)arg;
	one_idle_run(1, 64, 8);
	release(0, 64);
	release(72, 1);
	put(73, 8);
	EXPECT_EQ(alloc_idle(9), NONE);
	EXPECT_EQ(alloc_idle(8), 64);
	EXPECT_EQ(alloc_idle(8), 73);
	EXPECT_EQ(alloc_idle(1), NONE);
	EXPECT_EQ(nr_released(), 65);
	return true;
}

static bool idle_of_any_age(unsigned long arg)
{
	(void)arg;
	one_idle_run(1, 100, 40);
	age(0);
	put(140, 60);
	EXPECT_EQ(alloc_idle(100), 100);
	return true;
}

static bool idle_clean_is_known(unsigned long arg)
{
	(void)arg;
	one_idle_run(1, 0, 10);
	put_clean(10, 20);
	EXPECT_EQ(alloc_idle(30), 0);
	EXPECT_EQ(steps.claim.clean, 10);
	return true;
}

/* The search steps over blocks without idle pages. */
static bool idle_beyond_blocks(unsigned long nblocks)
{
	const unsigned long page = nblocks * BLOCK + 3 * CHUNK + 7;

	add_blocks(nblocks + 1, false);
	grow(0, 1);
	grow(nblocks * BLOCK_CHUNKS, 4);
	EXPECT_EQ(alloc(4 * CHUNK), nblocks * BLOCK);
	put(page, 9);
	EXPECT_EQ(alloc_idle(10), NONE);
	EXPECT_EQ(alloc_idle(9), page);
	return true;
}

static bool idle_ignores_limit(unsigned long arg)
{
	(void)arg;
	one_idle_run(1, 0, 10);
	set_limit(0);
	EXPECT_EQ(alloc_idle(4), 0);
	EXPECT_EQ(alloc(4), 4);
	EXPECT_EQ(alloc_aligned(2, 2), 8);
	return true;
}

static bool idle_of_nothing(unsigned long arg)
{
	(void)arg;
	EXPECT_EQ(alloc_idle(1), NONE);
	add_blocks(1, false);
	EXPECT_EQ(alloc_idle(1), NONE);
	grow(0, 2);
	EXPECT_EQ(alloc_idle(1), NONE);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	EXPECT_EQ(alloc_idle(1), NONE);
	put(0, 2 * CHUNK);
	EXPECT_EQ(alloc_idle(CHUNK + 1), NONE);
	EXPECT_EQ(alloc_idle(CHUNK), 0);
	return true;
}

/* === Released pages ===================================================== */

/* Make released runs 10+5, 60+10 across words, 200+1, and 500+12 at the end of the chunk. */
static void make_holes(void)
{
	add_chunks(1);
	alloc(CHUNK);
	release(10, 5);
	release(60, 10);
	release(200, 1);
	release(500, 12);
}

static bool reserve_goes_up(unsigned long arg)
{
	static const struct pageindex_run want[] = { { 10, 5 }, { 60, 10 }, { 200, 1 },
						     { 500, 12 } };
	unsigned long fresh;
	unsigned int i;

	(void)arg;
	make_holes();
	EXPECT_EQ(take_released(0, NONE, runs, MAX_RUNS, &fresh), ARRAY_SIZE(want));
	EXPECT_EQ(fresh, 0);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(runs[i].page, want[i].page);
		EXPECT_EQ(runs[i].npages, want[i].npages);
	}
	EXPECT_EQ(nr_released(), 0);
	EXPECT_EQ(nr_idle(), 0);
	EXPECT_EQ(take_released(0, NONE, runs, MAX_RUNS, &fresh), 0);
	EXPECT_EQ(alloc(1), NONE);
	return true;
}

static bool reserve_stops_at_pages(unsigned long max_pages)
{
	unsigned long fresh, total = 0;
	unsigned int nr, i;

	make_holes();
	nr = take_released(0, max_pages, runs, MAX_RUNS, &fresh);
	for (i = 0; i < nr; i++)
		total += runs[i].npages;
	EXPECT_EQ(total, min(max_pages, 28UL));
	EXPECT_EQ(nr_released(), 28 - total);
	return true;
}

static bool reserve_stops_at_runs(unsigned long max_runs)
{
	unsigned int rounds = 0;
	unsigned long fresh;

	make_holes();
	while (take_released(0, NONE, runs, max_runs, &fresh))
		rounds++;
	EXPECT_EQ(rounds, DIV_ROUND_UP(4, max_runs));
	EXPECT_EQ(nr_released(), 0);
	return true;
}

static bool reserve_counts_fresh(unsigned long used)
{
	unsigned long fresh;

	add_chunks(1);
	EXPECT_EQ(alloc(used), 0);
	release(0, used);
	EXPECT_EQ(take_released(0, used + 20, runs, MAX_RUNS, &fresh), 1);
	EXPECT_EQ(runs[0].page, 0);
	EXPECT_EQ(fresh, 20);
	put_clean(0, used + 20);
	EXPECT_EQ(nr_idle(), used + 20);
	EXPECT_EQ(alloc(CHUNK), 0);
	EXPECT_EQ(steps.claim.released, CHUNK - used - 20);
	EXPECT_EQ(steps.claim.fresh, CHUNK - used - 20);
	return true;
}

/* Pages that a reserve makes idle are found by allocations of idle pages, and by a pass. */
static bool reserve_becomes_idle(unsigned long arg)
{
	unsigned long fresh;

	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc_idle(1), NONE);
	EXPECT_EQ(take_released(1, NONE, runs, MAX_RUNS, &fresh), 1);
	EXPECT_EQ(fresh, CHUNK);
	put_clean(runs[0].page, runs[0].npages);
	EXPECT_EQ(nr_idle(), CHUNK);
	EXPECT_EQ(nr_released(), CHUNK);
	EXPECT_EQ(prev_idle(NONE), 1);
	EXPECT_EQ(alloc_idle(100), CHUNK);
	EXPECT_EQ(steps.claim.clean, 0);
	EXPECT_EQ(alloc(100), 0);
	EXPECT_EQ(steps.claim.released, 100);
	return true;
}

static bool reserve_of_ungrown(unsigned long arg)
{
	unsigned long fresh;

	(void)arg;
	add_blocks(1, false);
	EXPECT_EQ(take_released(0, NONE, runs, MAX_RUNS, &fresh), 0);
	EXPECT_EQ(fresh, 0);
	grow(0, 1);
	EXPECT_EQ(take_released(1, NONE, runs, MAX_RUNS, &fresh), 0);
	EXPECT_EQ(take_released(0, 0, runs, MAX_RUNS, &fresh), 0);
	EXPECT_EQ(take_released(0, NONE, runs, 0, &fresh), 0);
	EXPECT_EQ(alloc(CHUNK), 0);
	EXPECT_EQ(steps.claim.fresh, CHUNK);
	return true;
}

static bool reserve_checkerboard(unsigned long arg)
{
	unsigned long page, fresh;
	unsigned int i;

	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	for (page = 0; page < CHUNK; page += 2)
		release(page, 1);
	EXPECT_EQ(take_released(0, NONE, runs, MAX_RUNS, &fresh), CHUNK / 2);
	for (i = 0; i < CHUNK / 2; i++) {
		EXPECT_EQ(runs[i].page, 2 * i);
		EXPECT_EQ(runs[i].npages, 1);
	}
	return true;
}

/* === The limit ========================================================== */

/* Make 100 pages in use and 50 idle, with a limit of @room more backed pages. */
static void limited(unsigned long room)
{
	add_chunks(4);
	alloc(150);
	put(100, 50);
	set_limit(150 + room);
}

static bool limit_allows(unsigned long room)
{
	limited(room);
	EXPECT_EQ(alloc(50 + room), 100);
	EXPECT_EQ(steps.claim.released, room);
	EXPECT_EQ(alloc(1), NONE);
	EXPECT_EQ(steps.excess, 1);
	return true;
}

static bool limit_refuses(unsigned long room)
{
	limited(room);
	EXPECT_EQ(alloc(50 + room + 1), NONE);
	EXPECT_EQ(steps.excess, 1);
	EXPECT_EQ(alloc(50 + room + 700), NONE);
	EXPECT_EQ(steps.excess, 700);
	EXPECT_EQ(nr_idle(), 50);
	EXPECT_EQ(nr_released(), 4 * CHUNK - 150);
	set_limit(150 + room + 700);
	EXPECT_EQ(alloc(50 + room + 700), 100);
	return true;
}

static bool limit_and_no_room(unsigned long arg)
{
	(void)arg;
	limited(0);
	EXPECT_EQ(alloc(4 * CHUNK), NONE);
	EXPECT_EQ(steps.excess, 0);
	EXPECT_EQ(alloc_aligned(4 * CHUNK, 2), NONE);
	EXPECT_EQ(steps.excess, 0);
	return true;
}

/* The lowest run is refused, although a higher run would need no backing. */
static bool limit_judges_lowest(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	release(0, 8);
	put(100, 8);
	set_limit(CHUNK - 8);
	EXPECT_EQ(alloc(8), NONE);
	EXPECT_EQ(steps.excess, 8);
	EXPECT_EQ(alloc_idle(8), 100);
	return true;
}

static bool limit_on_aligned(unsigned long align)
{
	const unsigned long at = round_up(100UL, align);
	const unsigned long need = at + align - max(at, 150UL);

	limited(need - 1);
	EXPECT_EQ(alloc_aligned(align, align), NONE);
	EXPECT_EQ(steps.excess, 1);
	set_limit(150 + need);
	EXPECT_EQ(alloc_aligned(align, align), at);
	EXPECT_EQ(steps.claim.released, need);
	return true;
}

/* The limit is below the number of backed pages. */
static bool limit_below(unsigned long max_backed)
{
	limited(0);
	set_limit(max_backed);
	EXPECT_EQ(alloc(51), NONE);
	EXPECT(steps.excess > 0);
	EXPECT_EQ(alloc(50), 100);
	EXPECT_EQ(alloc(1), NONE);
	put(0, 150);
	EXPECT_EQ(alloc(150), 0);
	return true;
}

static bool limit_follows_release(unsigned long arg)
{
	(void)arg;
	limited(0);
	EXPECT_EQ(alloc(70), NONE);
	EXPECT_EQ(steps.excess, 20);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, 20, runs, MAX_RUNS), 1);
	EXPECT_EQ(runs[0].page, 130);
	release(130, 20);
	EXPECT_EQ(alloc(70), NONE);
	EXPECT_EQ(steps.excess, 20);
	release(0, 20);
	EXPECT_EQ(alloc(70), 100);
	EXPECT_EQ(steps.claim.released, 40);
	return true;
}

const struct step_case reserve_cases[] = {
	{ "an idle run of 1 page is found", idle_run_is_found, 1 },
	{ "an idle run of 64 pages is found", idle_run_is_found, 64 },
	{ "an idle run of 65 pages is found", idle_run_is_found, 65 },
	{ "an idle run of 511 pages is found", idle_run_is_found, 511 },
	{ "an idle run of 512 pages is found", idle_run_is_found, 512 },
	{ "an idle run lies within one chunk", idle_run_ends_at_chunk, 0 },
	{ "an idle run has no released page", idle_not_released, 0 },
	{ "an idle run is of any age", idle_of_any_age, 0 },
	{ "the clean part of an idle run is known", idle_clean_is_known, 0 },
	{ "an idle run beyond 1 block without any", idle_beyond_blocks, 1 },
	{ "an idle run beyond 10 blocks without any", idle_beyond_blocks, 10 },
	{ "idle pages can be had above the limit", idle_ignores_limit, 0 },
	{ "no idle run is found where there is none", idle_of_nothing, 0 },
	{ "released pages are taken from the lowest up", reserve_goes_up, 0 },
	{ "take at most 1 released page", reserve_stops_at_pages, 1 },
	{ "take at most 12 released pages", reserve_stops_at_pages, 12 },
	{ "take at most 15 released pages", reserve_stops_at_pages, 15 },
	{ "take at most 100 released pages", reserve_stops_at_pages, 100 },
	{ "take 1 released run at a time", reserve_stops_at_runs, 1 },
	{ "take 3 released runs at a time", reserve_stops_at_runs, 3 },
	{ "fresh pages are counted when taken, 1 used before", reserve_counts_fresh, 1 },
	{ "fresh pages are counted when taken, 100 used before", reserve_counts_fresh, 100 },
	{ "released pages become idle", reserve_becomes_idle, 0 },
	{ "nothing is taken of a chunk that has not grown", reserve_of_ungrown, 0 },
	{ "take every second page, released", reserve_checkerboard, 0 },
	{ "a request that just reaches the limit, 0 pages away", limit_allows, 0 },
	{ "a request that just reaches the limit, 30 pages away", limit_allows, 30 },
	{ "a request that just reaches the limit, 900 pages away", limit_allows, 900 },
	{ "requests above the limit, 0 pages away", limit_refuses, 0 },
	{ "requests above the limit, 30 pages away", limit_refuses, 30 },
	{ "no room, whatever the limit", limit_and_no_room, 0 },
	{ "the limit is held against the lowest run", limit_judges_lowest, 0 },
	{ "the limit and 64 pages aligned to as many", limit_on_aligned, 64 },
	{ "the limit and 512 pages aligned to as many", limit_on_aligned, 512 },
	{ "a limit 1 page below the number of backed pages", limit_below, 149 },
	{ "a limit of 1 page, with 150 pages backed", limit_below, 1 },
	{ "releasing makes room below the limit", limit_follows_release, 0 },
};

const unsigned int nr_reserve_cases = ARRAY_SIZE(reserve_cases);
