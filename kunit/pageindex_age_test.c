// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index, on its own: which pages it hands out for release, in which order,
 * and what it records of their use.
 */
#include <linux/slab.h>

#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES
#define BLOCK	PAGEINDEX_BLOCK_PAGES
#define RUNS	8

struct fixture {
	struct pageindex idx;
	struct pageindex_run runs[RUNS];
	struct pageindex_claim claim;
};

static struct fixture *make(struct kunit *test, unsigned int blocks)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;
	void *table;

	KUNIT_ASSERT_NOT_NULL(test, f);
	pageindex_init(&f->idx);
	table = kunit_kzalloc(test, pageindex_table_bytes(blocks), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	pageindex_set_table(&f->idx, table, blocks);
	for (i = 0; i < blocks; i++) {
		struct pageindex_block *block = kunit_kmalloc(test, sizeof(*block), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, block);
		pageindex_block_init(block, false);
		pageindex_add_block(&f->idx, block);
		pageindex_grow(&f->idx, i * PAGEINDEX_BLOCK_CHUNKS, PAGEINDEX_BLOCK_CHUNKS);
	}
	return f;
}

static void alloc(struct kunit *test, struct fixture *f, unsigned long npages,
		  unsigned long page)
{
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(&f->idx, npages, &f->claim));
	KUNIT_ASSERT_EQ(test, f->claim.page, page);
}

static unsigned int take(struct fixture *f, enum pageindex_age age, unsigned long max_pages)
{
	return pageindex_take_idle(&f->idx, 0, age, max_pages, f->runs, RUNS);
}

static void expect_run(struct kunit *test, const struct pageindex_run *run, unsigned long page,
		       unsigned long npages)
{
	KUNIT_EXPECT_EQ(test, run->page, page);
	KUNIT_EXPECT_EQ(test, run->npages, npages);
}

static void pages_become_old(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, 100, 0);
	pageindex_free(&f->idx, 10, 20, false);
	KUNIT_EXPECT_EQ(test, take(f, PAGEINDEX_OLD, CHUNK), 0U);
	pageindex_age(&f->idx, 0);
	pageindex_free(&f->idx, 30, 5, false);

	KUNIT_EXPECT_EQ(test, f->idx.nr_idle, 25UL);
	KUNIT_ASSERT_EQ(test, take(f, PAGEINDEX_OLD, CHUNK), 1U);
	expect_run(test, &f->runs[0], 10, 20);
	KUNIT_EXPECT_EQ(test, f->idx.nr_idle, 5UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));

	KUNIT_EXPECT_EQ(test, take(f, PAGEINDEX_OLD, CHUNK), 0U);
	KUNIT_ASSERT_EQ(test, take(f, PAGEINDEX_ANY, CHUNK), 1U);
	expect_run(test, &f->runs[0], 30, 5);
	KUNIT_EXPECT_EQ(test, f->idx.nr_idle, 0UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

static void use_makes_young_again(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, 64, 0);
	pageindex_free(&f->idx, 0, 64, false);
	pageindex_age(&f->idx, 0);
	alloc(test, f, 16, 0);
	KUNIT_EXPECT_EQ(test, f->claim.released, 0UL);
	pageindex_free(&f->idx, 0, 16, false);

	KUNIT_ASSERT_EQ(test, take(f, PAGEINDEX_OLD, CHUNK), 1U);
	expect_run(test, &f->runs[0], 16, 48);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

static void highest_pages_are_taken_first(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, CHUNK, 0);
	pageindex_free(&f->idx, 3, 2, false);
	pageindex_free(&f->idx, 70, 10, false);
	pageindex_free(&f->idx, 100, 1, false);
	pageindex_free(&f->idx, 320, 192, false);

	/* No more pages than asked for, from the end of the highest run. */
	KUNIT_ASSERT_EQ(test, take(f, PAGEINDEX_ANY, 100), 1U);
	expect_run(test, &f->runs[0], CHUNK - 100, 100);
	KUNIT_ASSERT_EQ(test, take(f, PAGEINDEX_ANY, 94), 3U);
	expect_run(test, &f->runs[0], 320, 92);
	expect_run(test, &f->runs[1], 100, 1);
	expect_run(test, &f->runs[2], 79, 1);

	/* No more runs than there is room for. */
	KUNIT_ASSERT_EQ(test, pageindex_take_idle(&f->idx, 0, PAGEINDEX_ANY, CHUNK, f->runs, 1),
			1U);
	expect_run(test, &f->runs[0], 70, 9);
	KUNIT_EXPECT_EQ(test, f->idx.nr_idle, 2UL);
	KUNIT_EXPECT_EQ(test, pageindex_take_idle(&f->idx, 0, PAGEINDEX_ANY, CHUNK, f->runs, 0),
			0U);
	KUNIT_EXPECT_EQ(test, take(f, PAGEINDEX_ANY, 0), 0U);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

/* A run of a chunk is handed out whole, although it crosses words of the bitmap. */
static void runs_cross_words(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, CHUNK, 0);
	pageindex_free(&f->idx, 0, CHUNK, false);
	KUNIT_ASSERT_EQ(test, take(f, PAGEINDEX_ANY, ULONG_MAX), 1U);
	expect_run(test, &f->runs[0], 0, CHUNK);
	pageindex_release(&f->idx, 0, CHUNK);
	KUNIT_EXPECT_EQ(test, f->idx.nr_released, f->idx.nr_pages);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

static void released_pages_are_taken(struct kunit *test)
{
	struct fixture *f = make(test, 1);
	unsigned long fresh, i, taken = 0;
	unsigned int nr;

	alloc(test, f, 128, 0);
	pageindex_release(&f->idx, 32, 64);
	nr = pageindex_take_released(&f->idx, 0, 10, f->runs, RUNS, &fresh);
	for (i = 0; i < nr; i++) {
		taken += f->runs[i].npages;
		pageindex_free(&f->idx, f->runs[i].page, f->runs[i].npages, true);
	}
	KUNIT_EXPECT_EQ(test, taken, 10UL);
	KUNIT_EXPECT_EQ(test, f->idx.nr_idle, 10UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));

	nr = pageindex_take_released(&f->idx, 0, ULONG_MAX, f->runs, RUNS, &fresh);
	for (i = 0; i < nr; i++)
		taken += f->runs[i].npages;
	KUNIT_EXPECT_EQ(test, taken, 64 + CHUNK - 128);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

/* With one step each, several calls find the chunk that one call would. */
static bool prev_idle(struct fixture *f, unsigned long *chunk)
{
	unsigned int steps;
	bool found;

	do {
		steps = 1;
		found = pageindex_prev_idle(&f->idx, chunk, &steps);
	} while (!found && !steps);
	return found;
}

/* Idle pages far apart, in either half of a word of the index's own map. */
static void idle_chunks_are_found_from_above(struct kunit *test)
{
	static const unsigned long at[] = { 0, 1, 62, 63, 64, 66 };
	struct fixture *f = make(test, 67);
	unsigned long chunk;
	int i;

	chunk = ULONG_MAX;
	KUNIT_EXPECT_FALSE(test, prev_idle(f, &chunk));
	for (i = 0; i < 67; i++)
		alloc(test, f, BLOCK, i * BLOCK);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		pageindex_free(&f->idx, at[i] * BLOCK + 3 * CHUNK, 1, false);

	chunk = ULONG_MAX;
	for (i = ARRAY_SIZE(at); i-- > 0;) {
		KUNIT_ASSERT_TRUE(test, prev_idle(f, &chunk));
		KUNIT_EXPECT_EQ(test, chunk, at[i] * PAGEINDEX_BLOCK_CHUNKS + 3);
	}
	KUNIT_EXPECT_FALSE(test, prev_idle(f, &chunk));

	/* A chunk whose pages are taken is not found; when a page is freed, it is found again. */
	chunk = ULONG_MAX;
	alloc(test, f, 1, 3 * CHUNK);
	KUNIT_EXPECT_TRUE(test, prev_idle(f, &chunk));
	chunk = BLOCK / CHUNK;
	KUNIT_EXPECT_FALSE(test, prev_idle(f, &chunk));
	pageindex_free(&f->idx, 7, 1, false);
	chunk = BLOCK / CHUNK;
	KUNIT_ASSERT_TRUE(test, prev_idle(f, &chunk));
	KUNIT_EXPECT_EQ(test, chunk, 0UL);
}

static void idle_runs_are_found(struct kunit *test)
{
	struct fixture *f = make(test, 1);
	struct pageindex_claim *claim = &f->claim;

	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(&f->idx, 1, 0, claim));
	alloc(test, f, 4 * CHUNK, 0);
	/* Idle and released by turns, within a word and across words. */
	pageindex_free(&f->idx, 10, 5, false);
	pageindex_release(&f->idx, 15, 5);
	pageindex_free(&f->idx, 20, 3, false);
	pageindex_release(&f->idx, 50, 70);
	pageindex_free(&f->idx, 120, 40, false);
	pageindex_release(&f->idx, CHUNK, CHUNK);
	pageindex_free(&f->idx, 2 * CHUNK, CHUNK, true);

	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(&f->idx, CHUNK + 1, 0, claim));
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, 6, 0, claim));
	KUNIT_EXPECT_EQ(test, claim->page, 120UL);
	KUNIT_EXPECT_EQ(test, claim->released, 0UL);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, 5, 0, claim));
	KUNIT_EXPECT_EQ(test, claim->page, 10UL);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, 35, 0, claim));
	KUNIT_EXPECT_EQ(test, claim->page, 2 * CHUNK);
	KUNIT_EXPECT_EQ(test, claim->clean, 0UL);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, 34, 0, claim));
	KUNIT_EXPECT_EQ(test, claim->page, 126UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

/* The idle run is in the third block; the blocks below have no idle page. */
static void idle_runs_are_found_further_up(struct kunit *test)
{
	struct fixture *f = make(test, 3);
	struct pageindex_claim *claim = &f->claim;

	alloc(test, f, BLOCK, 0);
	alloc(test, f, BLOCK, BLOCK);
	alloc(test, f, CHUNK, 2 * BLOCK);
	pageindex_release(&f->idx, 7, 100);
	pageindex_free(&f->idx, 2 * BLOCK + 64, CHUNK - 64, false);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(&f->idx, CHUNK - 63, 0, claim));
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, CHUNK - 64, 0, claim));
	KUNIT_EXPECT_EQ(test, claim->page, 2 * BLOCK + 64);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(&f->idx, 1, 0, claim));
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

static void never_backed_pages_are_remembered(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, 600, 0);
	KUNIT_EXPECT_EQ(test, f->claim.released, 600UL);
	KUNIT_EXPECT_EQ(test, f->claim.fresh, 600UL);
	pageindex_release(&f->idx, 0, 600);
	alloc(test, f, 700, 0);
	KUNIT_EXPECT_EQ(test, f->claim.released, 700UL);
	KUNIT_EXPECT_EQ(test, f->claim.fresh, 100UL);
}

/*
 * Pages of a chunk are known to be zero from the end of the highest run on that was freed and may
 * have been written.
 */
static void zeroed_pages_are_remembered(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, 64, 0);
	pageindex_free(&f->idx, 0, 64, true);
	alloc(test, f, 64, 0);
	KUNIT_EXPECT_EQ(test, f->claim.released, 0UL);
	KUNIT_EXPECT_EQ(test, f->claim.clean, 0UL);

	pageindex_free(&f->idx, 16, 48, true);
	pageindex_free(&f->idx, 0, 16, false);
	alloc(test, f, 64, 0);
	KUNIT_EXPECT_EQ(test, f->claim.clean, 16UL);

	/* Released pages have no contents, and do not count as written. */
	pageindex_release(&f->idx, 0, 64);
	alloc(test, f, 64, 0);
	KUNIT_EXPECT_EQ(test, f->claim.released, 64UL);
	pageindex_free(&f->idx, 0, 64, true);
	alloc(test, f, 64, 0);
	KUNIT_EXPECT_EQ(test, f->claim.clean, 0UL);
}

/* The index counts uses and releases of this epoch and of the one before. */
static void recent_epochs_are_remembered(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, 100, 0);
	KUNIT_EXPECT_EQ(test, f->claim.refault, 0UL);
	KUNIT_EXPECT_EQ(test, pageindex_recent(&f->idx, 0), 100U);
	pageindex_release(&f->idx, 0, 100);
	pageindex_next_epoch(&f->idx);
	KUNIT_EXPECT_EQ(test, pageindex_recent(&f->idx, 0), 100U);
	alloc(test, f, 70, 0);
	KUNIT_EXPECT_EQ(test, f->claim.refault, 70UL);
	KUNIT_EXPECT_EQ(test, pageindex_recent(&f->idx, 0), 170U);
	alloc(test, f, 70, 70);
	KUNIT_EXPECT_EQ(test, f->claim.refault, 30UL);

	pageindex_release(&f->idx, 0, 140);
	pageindex_next_epoch(&f->idx);
	KUNIT_EXPECT_EQ(test, pageindex_recent(&f->idx, 0), 140U);
	pageindex_next_epoch(&f->idx);
	KUNIT_EXPECT_EQ(test, pageindex_recent(&f->idx, 0), 0U);
	alloc(test, f, 140, 0);
	KUNIT_EXPECT_EQ(test, f->claim.released, 140UL);
	KUNIT_EXPECT_EQ(test, f->claim.refault, 0UL);
}

static void tags_are_remembered(struct kunit *test)
{
	struct fixture *f = make(test, 1);

	alloc(test, f, 2 * CHUNK, 0);
	KUNIT_EXPECT_EQ(test, pageindex_tag(&f->idx, 0, 2 * CHUNK), 0U);
	pageindex_set_tag(&f->idx, 0, CHUNK, 1);
	pageindex_set_tag(&f->idx, CHUNK, CHUNK, 2);
	KUNIT_EXPECT_EQ(test, pageindex_tag(&f->idx, 0, CHUNK), 1U);
	KUNIT_EXPECT_EQ(test, pageindex_tag(&f->idx, CHUNK - 1, 2), PAGEINDEX_TAG_MIXED);

	pageindex_free(&f->idx, 0, 8, 0);
	pageindex_free(&f->idx, CHUNK, 8, 0);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(&f->idx, 4, 3, &f->claim));
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, 4, 2, &f->claim));
	KUNIT_EXPECT_EQ(test, f->claim.page, CHUNK);
	pageindex_set_tag(&f->idx, CHUNK + 20, 1, 1);
	KUNIT_EXPECT_EQ(test, pageindex_tag(&f->idx, CHUNK, 1), PAGEINDEX_TAG_MIXED);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc_idle(&f->idx, 4, 2, &f->claim));

	/* A chunk without backed pages loses its tag. */
	KUNIT_ASSERT_TRUE(test, pageindex_alloc_idle(&f->idx, 8, 1, &f->claim));
	KUNIT_EXPECT_EQ(test, f->claim.page, 0UL);
	pageindex_release(&f->idx, 0, CHUNK);
	KUNIT_EXPECT_EQ(test, pageindex_tag(&f->idx, 0, 1), 0U);
	KUNIT_EXPECT_TRUE(test, pageindex_check(&f->idx));
}

/* No page is idle, but the map of the index is stale: no call takes more than @steps steps. */
static void searches_are_bounded(struct kunit *test)
{
	struct fixture *f = make(test, 8);
	unsigned long chunk = ULONG_MAX, at = ULONG_MAX;
	unsigned int steps, looks = 0;
	int i;

	for (i = 0; i < 8; i++) {
		alloc(test, f, BLOCK, i * BLOCK);
		pageindex_free(&f->idx, i * BLOCK, 1, 0);
		alloc(test, f, 1, i * BLOCK);
	}
	do {
		at = chunk;
		steps = PAGEINDEX_BLOCK_CHUNKS;
		KUNIT_EXPECT_FALSE(test, pageindex_prev_idle(&f->idx, &chunk, &steps));
		KUNIT_EXPECT_LT(test, chunk, at);
		looks++;
	} while (!steps);
	KUNIT_EXPECT_EQ(test, chunk, 0UL);
	KUNIT_EXPECT_GE(test, looks, 8U);
	/* The map is up to date: the call looks at one word of the map. */
	chunk = ULONG_MAX;
	steps = 2;
	KUNIT_EXPECT_FALSE(test, pageindex_prev_idle(&f->idx, &chunk, &steps));
	KUNIT_EXPECT_GT(test, steps, 0U);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pages_become_old),
	KUNIT_CASE(use_makes_young_again),
	KUNIT_CASE(highest_pages_are_taken_first),
	KUNIT_CASE(runs_cross_words),
	KUNIT_CASE(released_pages_are_taken),
	KUNIT_CASE(idle_chunks_are_found_from_above),
	KUNIT_CASE(searches_are_bounded),
	KUNIT_CASE(idle_runs_are_found),
	KUNIT_CASE(idle_runs_are_found_further_up),
	KUNIT_CASE(never_backed_pages_are_remembered),
	KUNIT_CASE(zeroed_pages_are_remembered),
	KUNIT_CASE(recent_epochs_are_remembered),
	KUNIT_CASE(tags_are_remembered),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_pageindex_age",
	.test_cases = cases,
};

kunit_test_suite(suite);
