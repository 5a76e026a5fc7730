// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input: each call is refused, and changes only the count of failures.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

/* A wild pointer on purpose. */
#define ADDRESS(number)	((void *)(unsigned long)(number))

/* === Allocating ========================================================= */

static void absurd_lengths_are_refused(struct kunit *test)
{
	const unsigned long npages[] = {
		0, totalram_pages() + 1, 1UL << 40, ULONG_MAX >> PAGE_SHIFT, ULONG_MAX,
	};
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	span_free(must_alloc(test, heap, 1));
	span_heap_stats(heap, &before);
	for (i = 0; i < ARRAY_SIZE(npages); i++) {
		KUNIT_EXPECT_NULL_MSG(test, span_alloc(heap, npages[i], GFP_KERNEL),
				      "%lu pages", npages[i]);
		KUNIT_EXPECT_NULL_MSG(test, span_alloc(heap, npages[i], GFP_ATOMIC),
				      "%lu pages, atomic", npages[i]);
		KUNIT_EXPECT_NULL_MSG(test, span_alloc_aligned(heap, npages[i], 8, GFP_KERNEL),
				      "%lu pages, aligned", npages[i]);
	}
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, 3 * ARRAY_SIZE(npages)));
}

static void bad_kinds_are_refused(struct kunit *test)
{
	static const int kinds[] = { -1, SPAN_NR_KINDS, SPAN_NR_KINDS + 1, INT_MAX };
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	span_heap_stats(heap, &before);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		KUNIT_EXPECT_NULL_MSG(test, span_alloc_kind(heap, 1, kinds[i], GFP_KERNEL),
				      "kind %d", kinds[i]);
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, ARRAY_SIZE(kinds)));
}

static void bad_flags_are_refused(struct kunit *test)
{
	static const gfp_t flags[] = {
		GFP_KERNEL | __GFP_HIGHMEM, GFP_KERNEL | __GFP_DMA, GFP_KERNEL | __GFP_DMA32,
		GFP_KERNEL | __GFP_COMP, GFP_KERNEL | __GFP_MOVABLE,
		GFP_KERNEL | __GFP_RECLAIMABLE, GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE,
		GFP_ATOMIC | __GFP_NOFAIL, GFP_KERNEL | (__force gfp_t)BIT(31),
	};
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	/* A cached span is refused, too. */
	span_free(must_alloc(test, heap, 1));
	span_heap_stats(heap, &before);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		KUNIT_EXPECT_NULL_MSG(test, span_alloc(heap, 1, flags[i]), "flags %x",
				      (__force unsigned int)flags[i]);
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, ARRAY_SIZE(flags)));
}

static void bad_heap_pointers_are_refused(struct kunit *test)
{
	struct span_heap * const heaps[] = { NULL, ERR_PTR(-ENOMEM) };
	struct span_heap_stats stats, zero = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(heaps); i++) {
		KUNIT_EXPECT_NULL(test, span_alloc(heaps[i], 1, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, span_alloc_aligned(heaps[i], 1, 1, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, span_alloc_kind(heaps[i], 1, SPAN_KIND_WORK, GFP_KERNEL));
		KUNIT_EXPECT_EQ(test, span_heap_scavenge(heaps[i], ULONG_MAX), 0UL);
		KUNIT_EXPECT_EQ(test, span_heap_reserve(heaps[i], 1), -EINVAL);
		KUNIT_EXPECT_EQ(test, span_heap_set_limit(heaps[i], 1), -EINVAL);
		KUNIT_EXPECT_EQ(test, span_heap_destroy(heaps[i]), -EINVAL);
		memset(&stats, 0xff, sizeof(stats));
		span_heap_stats(heaps[i], &stats);
		KUNIT_EXPECT_EQ(test, memcmp(&stats, &zero, sizeof(stats)), 0);
	}
}

/* === Freeing ============================================================ */

static void bad_frees_in_a_heap_are_counted(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, CHUNK + 3);
	void *gone = must_alloc(test, heap, 2);
	struct span_heap_stats before;

	span_free(gone);
	span_heap_stats(heap, &before);
	span_free(addr + 1);
	span_free(page_at(addr, 1));
	span_free(page_at(addr, CHUNK));
	span_free(page_at(addr, CHUNK + 3) - 1);
	span_free(gone);
	span_free(gone + 8);
	/* A page that was never allocated, and a page that the heap has not grown into. */
	span_free(page_at(gone, 100));
	span_free(page_at(addr, ARENA_PAGES - 1));
	EXPECT_CHANGES(test, heap, &before, CHANGE(bad_free_count, 8));

	KUNIT_EXPECT_TRUE(test, found_at(addr));
	span_free(addr);
	span_heap_stats(heap, &before);
	span_free(addr);
	EXPECT_CHANGES(test, heap, &before, CHANGE(bad_free_count, 1));
}

static void bad_frees_elsewhere_do_nothing(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 3);
	void *object = kunit_kzalloc(test, 64, GFP_KERNEL);
	void *mapped = vmalloc(PAGE_SIZE);
	struct span_heap_stats before;
	int local = 5;

	span_heap_stats(heap, &before);
	span_free(NULL);
	span_free(ADDRESS(1));
	span_free(ADDRESS(PAGE_SIZE));
	span_free(ADDRESS(0x7f0012345000));
	span_free(ADDRESS(0x8000000000000000));
	span_free(ADDRESS(ULONG_MAX));
	span_free(&local);
	span_free(object);
	span_free(mapped);
	span_free(heap);
	span_free(span_free);
	span_free(page_address(vmalloc_to_page(addr)));
	EXPECT_NO_CHANGE(test, heap, &before);
	KUNIT_EXPECT_EQ(test, local, 5);
	vfree(mapped);
	span_free(addr);
}

/* Two heaps: a free of a span of the one heap changes nothing in the other heap. */
static void a_foreign_free_counts_where_it_happened(struct kunit *test)
{
	struct span_heap *one = test_heap(test);
	struct span_heap *two = test_heap(test);
	struct span_heap_stats before_one, before_two;
	void *addr = must_alloc(test, one, 3);

	span_heap_stats(one, &before_one);
	span_heap_stats(two, &before_two);
	span_free(page_at(addr, 2));
	EXPECT_CHANGES(test, one, &before_one, CHANGE(bad_free_count, 1));
	EXPECT_NO_CHANGE(test, two, &before_two);
	span_free(addr);
}

static void addresses_without_a_span_have_no_owner(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 1);
	struct span_heap_stats before;
	int local;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_set_owner(NULL, test), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_set_owner(&local, test), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_set_owner(page_at(addr, 1), test), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_set_owner(heap, test), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_split(NULL, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_split(&local, 1), -EINVAL);
	EXPECT_NO_CHANGE(test, heap, &before);
	span_free(addr);
}

/* === Heaps ============================================================== */

/* span_lookup() and span_heap_stats() accept NULL in place of a result. */
static void null_results_are_accepted(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 2);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_TRUE(test, span_lookup(page_at(addr, 1) + 7, NULL));
	KUNIT_EXPECT_FALSE(test, span_lookup(page_at(addr, 2), NULL));
	KUNIT_EXPECT_FALSE(test, span_lookup(NULL, NULL));
	span_heap_stats(heap, NULL);
	span_heap_stats(NULL, NULL);
	EXPECT_NO_CHANGE(test, heap, &before);
	KUNIT_EXPECT_STREQ(test, span_heap_name(heap), heap->name);
	KUNIT_EXPECT_STREQ(test, span_heap_name(NULL), "(no heap)");
	KUNIT_EXPECT_STREQ(test, span_heap_name(ERR_PTR(-ENOMEM)), "(no heap)");
	span_free(addr);
}

/*
 * Pointers to a destroyed heap, and to memory that never was a heap: span_heap_destroy()
 * compares the pointer, and does not follow it.
 */
static void only_heaps_are_destroyed(struct kunit *test)
{
	const struct span_heap_params params = { .name = "kunit-twice", .node = NUMA_NO_NODE };
	struct span_heap *heap = span_heap_create(&params);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(ADDRESS(0x1234)), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_heap_destroy((struct span_heap *)test), -EINVAL);
}

static void a_live_heap_is_not_destroyed(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 3);
	struct span_heap_stats before;
	void *another;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), -EBUSY);
	EXPECT_NO_CHANGE(test, heap, &before);

	/* A heap that could not be destroyed still allocates, and finds its spans. */
	another = must_alloc(test, heap, 1000);
	tag_pages(another, 1000, 1);
	KUNIT_EXPECT_EQ(test, mistagged_pages(another, 1000, 1), 0UL);
	KUNIT_EXPECT_TRUE(test, found_at(addr));
	span_free(another);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), -EBUSY);
	span_free(addr);
}

static void the_default_heap_is_not_destroyed(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, span_heap_destroy(span_heap_default()), -EINVAL);
	span_free(must_alloc(test, span_heap_default(), 1));
	span_heap_scavenge(span_heap_default(), ULONG_MAX);
}

struct bad_heap {
	const char *name;
	struct span_heap_params params;
};

static const struct bad_heap bad_heaps[] = {
	{ "no name", { .name = NULL, .node = NUMA_NO_NODE } },
	{ "empty name", { .name = "", .node = NUMA_NO_NODE } },
	{ "name too long", { .name = "12345678901234567890123456789012", .node = NUMA_NO_NODE } },
	{ "slash in the name", { .name = "a/b", .node = NUMA_NO_NODE } },
	{ "slash alone", { .name = "/", .node = NUMA_NO_NODE } },
	{ "name of this directory", { .name = ".", .node = NUMA_NO_NODE } },
	{ "name of the directory above", { .name = "..", .node = NUMA_NO_NODE } },
	{ "control character", { .name = "kunit\nbad", .node = NUMA_NO_NODE } },
	{ "escape", { .name = "kunit\x1b[2J", .node = NUMA_NO_NODE } },
	{ "delete", { .name = "kunit\x7f", .node = NUMA_NO_NODE } },
	{ "not ASCII", { .name = "kunit\xa0", .node = NUMA_NO_NODE } },
	{ "age above the maximum", { .name = "kunit-bad", .node = NUMA_NO_NODE,
			     .scavenge_age_ms = SCAVENGE_AGE_MS_MAX + 1 } },
	{ "greatest unsigned age", { .name = "kunit-bad", .node = NUMA_NO_NODE,
			  .scavenge_age_ms = UINT_MAX } },
	{ "unknown flag", { .name = "kunit-bad", .node = NUMA_NO_NODE, .flags = 1UL << 40 } },
	{ "all flags", { .name = "kunit-bad", .node = NUMA_NO_NODE, .flags = ULONG_MAX } },
	{ "node below NUMA_NO_NODE", { .name = "kunit-bad", .node = -2 } },
	{ "node above the maximum", { .name = "kunit-bad", .node = MAX_NUMNODES } },
	{ "greatest node number", { .name = "kunit-bad", .node = INT_MAX } },
};

static void bad_parameters_are_refused(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_heaps); i++) {
		struct span_heap *heap = span_heap_create(&bad_heaps[i].params);

		KUNIT_EXPECT_PTR_EQ_MSG(test, heap, ERR_PTR(-EINVAL), "%s", bad_heaps[i].name);
		if (!IS_ERR(heap))
			span_heap_destroy(heap);
	}
	KUNIT_EXPECT_PTR_EQ(test, span_heap_create(NULL), ERR_PTR(-EINVAL));
}

static void duplicate_names_are_refused(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	const struct span_heap_params again = { .name = heap->name, .node = NUMA_NO_NODE };
	const struct span_heap_params taken = { .name = "default", .node = NUMA_NO_NODE };
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_PTR_EQ(test, span_heap_create(&again), ERR_PTR(-EEXIST));
	KUNIT_EXPECT_PTR_EQ(test, span_heap_create(&taken), ERR_PTR(-EEXIST));
	EXPECT_NO_CHANGE(test, heap, &before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(absurd_lengths_are_refused),
	KUNIT_CASE(bad_kinds_are_refused),
	KUNIT_CASE(bad_flags_are_refused),
	KUNIT_CASE(bad_heap_pointers_are_refused),
	KUNIT_CASE(bad_frees_in_a_heap_are_counted),
	KUNIT_CASE(bad_frees_elsewhere_do_nothing),
	KUNIT_CASE(a_foreign_free_counts_where_it_happened),
	KUNIT_CASE(addresses_without_a_span_have_no_owner),
	KUNIT_CASE(null_results_are_accepted),
	KUNIT_CASE(only_heaps_are_destroyed),
	KUNIT_CASE(a_live_heap_is_not_destroyed),
	KUNIT_CASE(the_default_heap_is_not_destroyed),
	KUNIT_CASE(bad_parameters_are_refused),
	KUNIT_CASE(duplicate_names_are_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_badinput",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
