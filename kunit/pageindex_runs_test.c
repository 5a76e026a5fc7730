// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index, on its own: long runs taken a piece at a time, and several runs at once.
 */
#include "index/pageindex.h"

#include "common.h"
#include "pageindex_make.h"

#define CHUNK		PAGEINDEX_CHUNK_PAGES
#define BLOCK		PAGEINDEX_BLOCK_PAGES

/* === A piece at a time ================================================== */

#define LONG	(3 * BLOCK + 5 * CHUNK + 7)

/* Other allocations take no fenced page, even before the owner of the fence takes the page. */
static void fenced_pages_are_not_taken(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 5, true, 5 * PAGEINDEX_BLOCK_CHUNKS);
	struct pageindex_claim claim, other;
	struct pageindex_run run;
	unsigned long page, fresh;

	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 2 * CHUNK, &claim));
	pageindex_free(idx, 0, 2 * CHUNK, 0);
	KUNIT_ASSERT_TRUE(test, pageindex_fence(idx, LONG, 1, &page));
	KUNIT_EXPECT_EQ(test, page, 0UL);
	KUNIT_EXPECT_EQ(test, pageindex_count_released(idx, 0, 3 * CHUNK), CHUNK);

	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 1, &other));
	KUNIT_EXPECT_EQ(test, other.page, LONG);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_aligned(idx, 1, CHUNK, &other));
	KUNIT_EXPECT_EQ(test, other.page, round_up(LONG, CHUNK));
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 2 * BLOCK, &other));
	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(idx, 1, 0, &other));
	KUNIT_EXPECT_FALSE(test, pageindex_has_idle(idx, 1));
	KUNIT_EXPECT_EQ(test, pageindex_take_idle(idx, 0, PAGEINDEX_ANY, 1, &run, 1), 0U);
	KUNIT_EXPECT_EQ(test, pageindex_take_released(idx, 2, 1, &run, 1, &fresh), 0U);

	pageindex_unfence(idx);
	KUNIT_EXPECT_EQ(test, pageindex_take_idle(idx, 0, PAGEINDEX_ANY, 1, &run, 1), 1U);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

/* A run taken in pieces, with other calls in between, is the same as one taken at once. */
static void a_long_run_is_taken_in_pieces(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 5, true, 5 * PAGEINDEX_BLOCK_CHUNKS);
	struct pageindex_claim claim = {}, other;
	unsigned long at, nr;

	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 100, &other));
	pageindex_free(idx, 0, 100, 0);
	KUNIT_ASSERT_TRUE(test, pageindex_fence(idx, LONG, 1, &claim.page));
	for (at = 0; at < LONG; at += nr) {
		nr = min(LONG - at, PAGEINDEX_PIECE_PAGES);
		KUNIT_ASSERT_EQ(test, pageindex_claim_piece(idx, at, nr, &claim), 0UL);
		KUNIT_ASSERT_TRUE(test, pageindex_alloc_aligned(idx, 1, CHUNK, &other));
		KUNIT_EXPECT_EQ(test, other.page, round_up(LONG, CHUNK));
		pageindex_free(idx, other.page, 1, 0);
	}
	pageindex_unfence(idx);
	KUNIT_EXPECT_EQ(test, claim.released, LONG - 100);
	KUNIT_EXPECT_EQ(test, claim.fresh, LONG - 100);
	KUNIT_EXPECT_EQ(test, claim.clean, 100UL);
	KUNIT_EXPECT_EQ(test, idx->nr_idle, 1UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
	pageindex_free(idx, 0, LONG, 0);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

/* A piece above the maximum is refused. The result is by how many pages it is above. */
static void a_piece_above_the_limit_is_refused(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 5, true, 5 * PAGEINDEX_BLOCK_CHUNKS);
	struct pageindex_claim claim = {};

	idx->max_backed = PAGEINDEX_PIECE_PAGES + 10;
	KUNIT_ASSERT_TRUE(test, pageindex_fence(idx, LONG, 1, &claim.page));
	KUNIT_EXPECT_EQ(test, pageindex_claim_piece(idx, 0, PAGEINDEX_PIECE_PAGES, &claim), 0UL);
	KUNIT_EXPECT_EQ(test, pageindex_claim_piece(idx, PAGEINDEX_PIECE_PAGES, 30, &claim),
			20UL);
	KUNIT_EXPECT_EQ(test, claim.released, PAGEINDEX_PIECE_PAGES);
	pageindex_unfence(idx);
	pageindex_release(idx, 0, PAGEINDEX_PIECE_PAGES);
	KUNIT_EXPECT_EQ(test, idx->nr_released, idx->nr_pages);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

/* === Several runs at once =============================================== */

static void several_runs_are_freed(struct kunit *test)
{
	static const struct pageindex_run runs[] = {
		{ 2 * CHUNK, 7 }, { 10, 5 }, { 30, 5 }, { 15, 15 }, { CHUNK - 2, 4 },
	};
	struct pageindex *idx = test_index_make(test, 1, false, 3);
	struct pageindex_claim claim;

	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 3 * CHUNK, &claim));
	KUNIT_EXPECT_EQ(test, pageindex_used(idx, 0), 0U + CHUNK);
	pageindex_free_runs(idx, runs, 0, 0);
	KUNIT_EXPECT_EQ(test, idx->nr_idle, 0UL);
	pageindex_free_runs(idx, runs, ARRAY_SIZE(runs), 0);
	KUNIT_EXPECT_EQ(test, idx->nr_idle, 36UL);
	KUNIT_EXPECT_EQ(test, pageindex_used(idx, 0), 0U + CHUNK - 27);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));

	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 26, &claim));
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 25, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, 10UL);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 7, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, 2 * CHUNK);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 4, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, CHUNK - 2);

	pageindex_release_runs(idx, runs, ARRAY_SIZE(runs));
	KUNIT_EXPECT_EQ(test, idx->nr_idle, 0UL);
	KUNIT_EXPECT_EQ(test, idx->nr_released, 36UL);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 25, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, 10UL);
	KUNIT_EXPECT_EQ(test, claim.released, 25UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

/* Runs as page+length: idle 4+9, 20+3, 70+4; released 40+10, and all pages from 100 on. */
static void more_idle_runs_are_taken(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 1, false, 1);
	struct pageindex_claim claim;
	unsigned long pages[8];

	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 100, &claim));
	pageindex_free(idx, 4, 9, 0);
	pageindex_free(idx, 20, 3, 0);
	pageindex_release(idx, 40, 10);
	pageindex_free(idx, 70, 4, 0);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 4, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, 4UL);
	KUNIT_ASSERT_EQ(test, pageindex_take_more(idx, 8, 4, ARRAY_SIZE(pages), pages), 2U);
	KUNIT_EXPECT_EQ(test, pages[0], 8UL);
	KUNIT_EXPECT_EQ(test, pages[1], 70UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));

	/* No page below the given one, no more runs than requested, and none beyond the chunk. */
	KUNIT_EXPECT_EQ(test, pageindex_take_more(idx, 22, 1, ARRAY_SIZE(pages), pages), 1U);
	KUNIT_EXPECT_EQ(test, pages[0], 22UL);
	KUNIT_EXPECT_EQ(test, pageindex_take_more(idx, 1, 1, 2, pages), 2U);
	KUNIT_EXPECT_EQ(test, pages[1], 20UL);
	KUNIT_EXPECT_EQ(test, pageindex_take_more(idx, CHUNK, 1, ARRAY_SIZE(pages), pages), 0U);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(fenced_pages_are_not_taken),
	KUNIT_CASE(a_long_run_is_taken_in_pieces),
	KUNIT_CASE(a_piece_above_the_limit_is_refused),
	KUNIT_CASE(several_runs_are_freed),
	KUNIT_CASE(more_idle_runs_are_taken),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_pageindex_runs",
	.test_cases = cases,
};

kunit_test_suite(suite);
