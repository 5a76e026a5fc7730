// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index, on its own: where runs are found, and that its counters and summaries
 * are right after every step.
 */
#include <linux/slab.h>

#include "index/pageindex.h"

#include "common.h"
#include "pageindex_make.h"

#define NONE		ULONG_MAX
#define CHUNK		PAGEINDEX_CHUNK_PAGES
#define BLOCK		PAGEINDEX_BLOCK_PAGES
#define MAX_STEPS	16

enum op {
	OP_END,
	OP_ALLOC,
	OP_FREE,
	OP_RELEASE,
	OP_GROW
};

struct step {
	enum op op;
	unsigned long n;
	unsigned long at;
	unsigned long align;
};

/* Allocate @count pages; they must be found @where. */
#define ALLOC(count, where)		{ OP_ALLOC, count, where, 1 }
#define ALIGNED(count, multiple, where)	{ OP_ALLOC, count, where, multiple }
/* Pages that are in use become idle, or released. */
#define FREE(count, where)		{ OP_FREE, count, where, 0 }
#define RELEASE(count, where)		{ OP_RELEASE, count, where, 0 }
/* @count and @where are in chunks. */
#define GROW(count, where)		{ OP_GROW, count, where, 0 }

/**
 * struct scenario - steps to do to an index, with the expected results
 * @name: name of the scenario
 * @blocks: number of blocks
 * @adjoining: whether each block follows the one before it without a gap
 * @chunks: chunks that are grown before the steps, from the first on
 * @steps: the steps
 */
struct scenario {
	const char *name;
	unsigned int blocks;
	bool adjoining;
	unsigned long chunks;
	struct step steps[MAX_STEPS];
};

static const struct scenario scenarios[] = {
	{
		"nothing is free before it is grown", 1, false, 0, {
			ALLOC(1, NONE),
			GROW(1, 0),
			ALLOC(1, 0),
			ALLOC(CHUNK, NONE),
			ALLOC(CHUNK - 1, 1),
			ALLOC(1, NONE),
		}
	}, {
		"growing continues a free run", 1, false, 1, {
			ALLOC(CHUNK - 3, 0),
			ALLOC(4, NONE),
			GROW(1, 1),
			ALLOC(4, CHUNK - 3),
			ALLOC(CHUNK, NONE),
			ALLOC(CHUNK - 1, CHUNK + 1),
		}
	}, {
		"one less than a chunk", 1, false, 2, {
			ALLOC(CHUNK - 1, 0),
			ALLOC(CHUNK - 1, CHUNK - 1),
			ALLOC(3, NONE),
			ALLOC(2, 2 * CHUNK - 2),
			FREE(CHUNK - 1, 0),
			ALLOC(CHUNK - 1, 0),
		}
	}, {
		"exactly a chunk", 1, false, 3, {
			ALLOC(CHUNK, 0),
			ALLOC(CHUNK, CHUNK),
			FREE(CHUNK, 0),
			ALLOC(CHUNK + 1, NONE),
			ALLOC(CHUNK, 0),
			ALLOC(CHUNK, 2 * CHUNK),
			ALLOC(1, NONE),
		}
	}, {
		"one more than a chunk", 1, false, 2, {
			ALLOC(CHUNK + 1, 0),
			ALLOC(CHUNK + 1, NONE),
			GROW(1, 2),
			ALLOC(CHUNK + 1, CHUNK + 1),
			FREE(CHUNK + 1, 0),
			ALLOC(CHUNK + 2, NONE),
			ALLOC(CHUNK + 1, 0),
		}
	}, {
		"lowest run that is long enough, not the best fit", 1, false, 1, {
			ALLOC(CHUNK, 0),
			FREE(3, 10),
			FREE(2, 20),
			FREE(5, 30),
			FREE(4, 40),
			ALLOC(4, 30),
			ALLOC(2, 10),
			ALLOC(2, 20),
			ALLOC(1, 12),
			ALLOC(1, 34),
			ALLOC(4, 40),
			ALLOC(1, NONE),
		}
	}, {
		"freed runs coalesce, in any order", 1, false, 1, {
			ALLOC(CHUNK, 0),
			FREE(10, 100),
			FREE(10, 120),
			ALLOC(11, NONE),
			FREE(10, 110),
			ALLOC(31, NONE),
			FREE(1, 99),
			ALLOC(31, 99),
			FREE(40, 63),
			FREE(25, 103),
			ALLOC(65, 63),
		}
	}, {
		"freed runs coalesce across chunks", 1, false, 3, {
			ALLOC(3 * CHUNK, 0),
			FREE(8, CHUNK - 8),
			FREE(8, CHUNK + 8),
			ALLOC(9, NONE),
			FREE(8, CHUNK),
			ALLOC(24, CHUNK - 8),
			FREE(1, CHUNK - 1),
			FREE(1, 2 * CHUNK),
			FREE(CHUNK, CHUNK),
			ALLOC(CHUNK + 3, NONE),
			ALLOC(CHUNK + 2, CHUNK - 1),
		}
	}, {
		"a run straddles chunks and is freed in parts", 1, false, 4, {
			ALLOC(200, 0),
			ALLOC(2 * CHUNK, 200),
			FREE(CHUNK, 456),
			ALLOC(CHUNK + 1, 200 + 2 * CHUNK),
			ALLOC(CHUNK, 456),
			FREE(256, 200),
			ALLOC(312, NONE),
			FREE(CHUNK, 456),
			ALLOC(256 + CHUNK, 200),
		}
	}, {
		"runs cross from a block into the next", 2, true, 64, {
			ALLOC(BLOCK - 1, 0),
			ALLOC(2, BLOCK - 1),
			FREE(BLOCK - 1, 0),
			FREE(2, BLOCK - 1),
			ALLOC(BLOCK + 1, 0),
			FREE(BLOCK + 1, 0),
			ALLOC(2 * BLOCK, 0),
			ALLOC(1, NONE),
		}
	}, {
		"runs do not cross a gap", 3, false, 96, {
			ALLOC(BLOCK + 1, NONE),
			ALLOC(BLOCK - 1, 0),
			ALLOC(2, BLOCK),
			ALLOC(1, BLOCK - 1),
			ALLOC(BLOCK, 2 * BLOCK),
			FREE(1, BLOCK - 1),
			ALLOC(BLOCK - 1, NONE),
			FREE(2, BLOCK),
			ALLOC(BLOCK, BLOCK),
			ALLOC(1, BLOCK - 1),
		}
	}, {
		"released pages are as free as idle ones", 1, false, 1, {
			ALLOC(CHUNK, 0),
			FREE(10, 0),
			RELEASE(10, 10),
			FREE(10, 20),
			ALLOC(30, 0),
			RELEASE(CHUNK, 0),
			ALLOC(CHUNK, 0),
		}
	}, {
		"aligned runs", 1, false, 4, {
			ALLOC(1, 0),
			ALIGNED(3, 4, 4),
			ALIGNED(1, 2, 2),
			ALIGNED(CHUNK, CHUNK, CHUNK),
			ALIGNED(1, 1, 1),
			ALIGNED(CHUNK, 2 * CHUNK, 2 * CHUNK),
			ALIGNED(1, CHUNK, 3 * CHUNK),
			ALIGNED(1, CHUNK, NONE),
			FREE(CHUNK, CHUNK),
			ALIGNED(1, 4 * CHUNK, NONE),
			ALIGNED(1, CHUNK, CHUNK),
		}
	}, {
		"aligned in the second block", 2, false, 64, {
			ALLOC(1, 0),
			ALIGNED(1, BLOCK, BLOCK),
			ALIGNED(1, BLOCK, NONE),
			FREE(1, 0),
			ALIGNED(BLOCK, BLOCK, 0),
		}
	},
};

PARAM_NAME(scenario)
KUNIT_ARRAY_PARAM(scenario, scenarios, scenario_name);

/* === Scenarios ========================================================== */

static unsigned long find(struct pageindex *idx, const struct step *step)
{
	struct pageindex_claim claim;
	bool ok;

	if (step->align > 1)
		ok = pageindex_alloc_aligned(idx, step->n, step->align, &claim);
	else
		ok = pageindex_alloc(idx, step->n, &claim);
	return ok ? claim.page : NONE;
}

/* Returns by how much the pages in use change. */
static long take_step(struct kunit *test, struct pageindex *idx, const struct step *step)
{
	unsigned long at;

	switch (step->op) {
	case OP_ALLOC:
		at = find(idx, step);
		KUNIT_EXPECT_EQ(test, at, step->at);
		return at == NONE ? 0 : step->n;
	case OP_FREE:
		pageindex_free(idx, step->at, step->n, false);
		return -step->n;
	case OP_RELEASE:
		pageindex_release(idx, step->at, step->n);
		return -step->n;
	default:
		pageindex_grow(idx, step->at, step->n);
		return 0;
	}
}

static void runs_are_found(struct kunit *test)
{
	const struct scenario *scenario = test->param_value;
	struct pageindex *idx = test_index_make(test, scenario->blocks, scenario->adjoining,
					  scenario->chunks);
	unsigned long in_use = 0;
	unsigned int i;

	for (i = 0; i < MAX_STEPS && scenario->steps[i].op != OP_END; i++) {
		in_use += take_step(test, idx, &scenario->steps[i]);
		KUNIT_EXPECT_EQ_MSG(test, idx->nr_pages - idx->nr_idle - idx->nr_released,
				    in_use, "after step %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, pageindex_check(idx), "after step %u", i);
	}
}

/* === Exhaustion, growth ================================================= */

static void every_page_is_handed_out_once(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 1, false, 3);
	struct pageindex_claim claim;
	unsigned long page;

	for (page = 0; page < 3 * CHUNK; page++) {
		KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 1, &claim));
		KUNIT_ASSERT_EQ(test, claim.page, page);
		KUNIT_ASSERT_EQ(test, claim.released, 1UL);
		KUNIT_ASSERT_EQ(test, claim.fresh, 1UL);
	}
	KUNIT_EXPECT_EQ(test, idx->nr_released, 0UL);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 1, &claim));
	KUNIT_EXPECT_EQ(test, claim.excess, 0UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));

	/* Free every other page, then the rest: all pages become one run again. */
	for (page = 0; page < 3 * CHUNK; page += 2)
		pageindex_free(idx, page, 1, false);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 2, &claim));
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
	for (page = 1; page < 3 * CHUNK; page += 2)
		pageindex_free(idx, page, 1, false);
	KUNIT_EXPECT_EQ(test, idx->nr_idle, 3 * CHUNK);
	KUNIT_EXPECT_TRUE(test, pageindex_alloc(idx, 3 * CHUNK, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, 0UL);
	KUNIT_EXPECT_EQ(test, claim.released, 0UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

static void no_more_is_backed_than_allowed(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 1, false, 2);
	struct pageindex_claim claim;

	idx->max_backed = 100;
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 101, &claim));
	KUNIT_EXPECT_EQ(test, claim.excess, 1UL);
	KUNIT_EXPECT_EQ(test, idx->nr_released, 2 * CHUNK);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 60, &claim));
	KUNIT_EXPECT_FALSE(test, pageindex_alloc_aligned(idx, 50, 64, &claim));
	KUNIT_EXPECT_EQ(test, claim.excess, 10UL);

	/* Idle pages are backed already: an allocation of them backs no more. */
	pageindex_free(idx, 0, 60, false);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, 100, &claim));
	KUNIT_EXPECT_EQ(test, claim.released, 40UL);
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 1, &claim));
	KUNIT_EXPECT_EQ(test, claim.excess, 1UL);

	/* The maximum is lowered below the number of backed pages. */
	idx->max_backed = 10;
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 5, &claim));
	KUNIT_EXPECT_EQ(test, claim.excess, 5UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

/* A table that is replaced each time it is full, over one, two and three levels. */
static void the_table_grows(struct kunit *test)
{
	struct pageindex *idx = kunit_kzalloc(test, sizeof(*idx), GFP_KERNEL);
	struct pageindex_claim claim;
	unsigned long i, blocks = 1;

	KUNIT_ASSERT_NOT_NULL(test, idx);
	pageindex_init(idx);
	test_index_set_table(test, idx, blocks);
	for (i = 0; i < 70; i++) {
		if (i == blocks) {
			blocks += max(1UL, blocks / 2);
			test_index_set_table(test, idx, blocks);
			KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
		}
		test_index_add_block(test, idx, true);
		pageindex_grow(idx, i * PAGEINDEX_BLOCK_CHUNKS, PAGEINDEX_BLOCK_CHUNKS);
		/* One page stays free, so that the next run crosses into the next block. */
		KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, BLOCK - !i, &claim));
		KUNIT_ASSERT_EQ(test, claim.page, i * BLOCK - !!i);
	}
	KUNIT_EXPECT_EQ(test, idx->nr_released, 1UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));

	pageindex_free(idx, 0, 69 * BLOCK, false);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
	KUNIT_EXPECT_FALSE(test, pageindex_alloc(idx, 69 * BLOCK + 1, &claim));
	KUNIT_EXPECT_TRUE(test, pageindex_alloc(idx, 69 * BLOCK, &claim));
	KUNIT_EXPECT_EQ(test, claim.page, 0UL);
	KUNIT_EXPECT_TRUE(test, pageindex_check(idx));
}

/* With one step each, several calls find the page that one call would. */
static unsigned long next_used(const struct pageindex *idx, unsigned long page)
{
	unsigned int steps;
	bool found;

	do {
		steps = 1;
		found = pageindex_next_used(idx, &page, &steps);
	} while (!found && !steps);
	return found ? page : NONE;
}

static void used_pages_are_found(struct kunit *test)
{
	struct pageindex *idx = test_index_make(test, 2, false, 1);
	struct pageindex_claim claim;

	KUNIT_EXPECT_EQ(test, next_used(idx, 0), NONE);
	pageindex_grow(idx, PAGEINDEX_BLOCK_CHUNKS, 2);
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, CHUNK, &claim));
	KUNIT_ASSERT_TRUE(test, pageindex_alloc(idx, CHUNK + 10, &claim));
	KUNIT_ASSERT_EQ(test, claim.page, BLOCK);
	pageindex_free(idx, 0, 5, false);
	pageindex_free(idx, 6, CHUNK - 6, false);
	pageindex_free(idx, BLOCK, CHUNK, false);

	KUNIT_EXPECT_EQ(test, next_used(idx, 0), 5UL);
	KUNIT_EXPECT_EQ(test, next_used(idx, 5), 5UL);
	KUNIT_EXPECT_EQ(test, next_used(idx, 6), BLOCK + CHUNK);
	KUNIT_EXPECT_EQ(test, next_used(idx, BLOCK + CHUNK + 9), BLOCK + CHUNK + 9);
	KUNIT_EXPECT_EQ(test, next_used(idx, BLOCK + CHUNK + 10), NONE);
	KUNIT_EXPECT_EQ(test, next_used(idx, 2 * BLOCK), NONE);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(runs_are_found, scenario_gen_params),
	KUNIT_CASE(every_page_is_handed_out_once),
	KUNIT_CASE(no_more_is_backed_than_allowed),
	KUNIT_CASE(the_table_grows),
	KUNIT_CASE(used_pages_are_found),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_pageindex",
	.test_cases = cases,
};

kunit_test_suite(suite);
