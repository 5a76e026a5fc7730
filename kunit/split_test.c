// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting: one span becomes two.
 */
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

static void expect_bounds(struct kunit *test, const void *addr, const void *base,
			  unsigned long npages, const char *what)
{
	struct span_info info = {};

	KUNIT_ASSERT_TRUE_MSG(test, span_lookup(addr, &info), "%s", what);
	KUNIT_EXPECT_PTR_EQ_MSG(test, info.base, base, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, info.npages, npages, "%s", what);
}

struct cut {
	const char *name;
	unsigned long npages;
	unsigned long first;	/* pages that the first part keeps */
};

static const struct cut cuts[] = {
	{ "two pages", 2, 1 },
	{ "after the first page", 10, 1 },
	{ "before the last page", 10, 9 },
	{ "a whole chunk in the middle", CHUNK, 200 },
	{ "a whole chunk after the first page", CHUNK, 1 },
	{ "a whole chunk before the last page", CHUNK, CHUNK - 1 },
	{ "between whole chunks", 2 * CHUNK, CHUNK },
	{ "inside the first of three chunks", 3 * CHUNK, 5 },
	{ "inside the second of three chunks", 3 * CHUNK, CHUNK + 300 },
	{ "inside the last of three chunks", 3 * CHUNK, 3 * CHUNK - 1 },
	{ "at the end of the chunks, before a tail", 2 * CHUNK + 9, 2 * CHUNK },
	{ "in the tail", 2 * CHUNK + 9, 2 * CHUNK + 4 },
};

static void expect_parts(struct kunit *test, void *addr, const struct cut *cut)
{
	unsigned long second = cut->npages - cut->first;
	void *at = page_at(addr, cut->first);

	expect_bounds(test, addr, addr, cut->first, cut->name);
	expect_bounds(test, at - 1, addr, cut->first, cut->name);
	expect_bounds(test, at, at, second, cut->name);
	expect_bounds(test, page_at(addr, cut->npages) - 1, at, second, cut->name);
}

static void both_parts_are_spans(struct kunit *test, struct span_heap *heap, void *addr,
				 const struct cut *cut)
{
	void *second = page_at(addr, cut->first);
	unsigned long i, lost = 0;
	struct span_heap_stats before;
	struct span_info info;

	tag_pages(addr, cut->npages, 5);
	span_heap_stats(heap, &before);
	KUNIT_ASSERT_EQ(test, span_split(addr, cut->first), 0);
	EXPECT_CHANGES(test, heap, &before, CHANGE(span_count, 1), CHANGE(split_count, 1));

	expect_parts(test, addr, cut);
	for (i = 0; i < cut->npages; i++)
		lost += !span_lookup(page_at(addr, i), &info) ||
			info.base != (i < cut->first ? addr : second);
	KUNIT_EXPECT_EQ_MSG(test, lost, 0UL, "%s", cut->name);
	KUNIT_EXPECT_EQ_MSG(test, mistagged_pages(addr, cut->npages, 5), 0UL, "%s", cut->name);
}

/* The part that is freed is dead; the remaining part is unchanged. */
static void parts_are_freed(struct kunit *test, struct span_heap *heap, void *addr,
			    const struct cut *cut, bool second_first)
{
	const unsigned long npages[2] = { cut->first, cut->npages - cut->first };
	void * const part[2] = { addr, page_at(addr, cut->first) };
	unsigned int a = second_first, b = !second_first;
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	span_free(part[a]);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -npages[a]),
		       CHANGE(in_use_heap_pages, -npages[a]), CHANGE(idle_pages, npages[a]),
		       CHANGE(span_count, -1), CHANGE(free_count, 1));
	KUNIT_EXPECT_FALSE_MSG(test, found_at(part[a]), "%s", cut->name);
	KUNIT_EXPECT_FALSE_MSG(test, found_at(page_at(part[a], npages[a]) - 1), "%s", cut->name);
	expect_bounds(test, part[b], part[b], npages[b], cut->name);
	expect_bounds(test, page_at(part[b], npages[b]) - 1, part[b], npages[b], cut->name);
	KUNIT_EXPECT_EQ_MSG(test, mistagged_pages(part[b], npages[b], 5 + (b ? cut->first : 0)),
			    0UL, "%s", cut->name);

	span_free(part[b]);
	KUNIT_EXPECT_FALSE_MSG(test, found_at(part[b]), "%s", cut->name);
	KUNIT_EXPECT_FALSE_MSG(test, found_at(page_at(part[b], npages[b]) - 1), "%s", cut->name);
}

static void parts_are_freed_separately(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *first = NULL, *addr;
	unsigned int i;

	/*
	 * Each cut twice: the parts are freed in either order, and are one run again afterwards.
	 */
	for (i = 0; i < 2 * ARRAY_SIZE(cuts); i++) {
		const struct cut *cut = &cuts[i / 2];

		addr = must_alloc(test, heap, cut->npages);
		if (i % 2)
			KUNIT_EXPECT_PTR_EQ_MSG(test, addr, first, "%s", cut->name);
		first = addr;
		both_parts_are_spans(test, heap, addr, cut);
		parts_are_freed(test, heap, addr, cut, i % 2);
	}
}

static void a_span_is_split_to_single_pages(struct kunit *test)
{
	const unsigned long npages = CHUNK + 2;
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned long i, wrong = 0;
	struct span_info info;
	void *addr;

	/* Half from the front, half from the back. */
	addr = must_alloc(test, heap, npages);
	span_heap_stats(heap, &before);
	for (i = npages - 1; i >= npages / 2; i--)
		wrong += !!span_split(addr, i);
	for (i = 0; i + 1 < npages / 2; i++)
		wrong += !!span_split(page_at(addr, i), 1);
	KUNIT_EXPECT_EQ(test, wrong, 0UL);
	EXPECT_CHANGES(test, heap, &before, CHANGE(span_count, npages - 1),
		       CHANGE(split_count, npages - 1));
	for (i = 0; i < npages; i++)
		wrong += !span_lookup(page_at(addr, i), &info) || info.npages != 1 ||
			 info.base != page_at(addr, i);
	KUNIT_EXPECT_EQ(test, wrong, 0UL);

	for (i = 0; i < npages; i += 2)
		span_free(page_at(addr, i));
	for (i = 0; i < npages; i++)
		wrong += found_at(page_at(addr, i)) != (i % 2);
	KUNIT_EXPECT_EQ(test, wrong, 0UL);
	for (i = 1; i < npages; i += 2)
		span_free(page_at(addr, i));
}

static void owner_kind_and_heap_are_kept(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_info first, second;
	struct span_heap_stats before;
	void *addr;

	addr = span_alloc_kind(heap, 8, SPAN_KIND_STACK, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_EQ(test, span_set_owner(addr, test), 0);
	KUNIT_ASSERT_EQ(test, span_split(addr, 3), 0);
	KUNIT_ASSERT_TRUE(test, span_lookup(addr, &first));
	KUNIT_ASSERT_TRUE(test, span_lookup(page_at(addr, 3), &second));
	KUNIT_EXPECT_PTR_EQ(test, first.owner, (void *)test);
	KUNIT_EXPECT_PTR_EQ(test, second.owner, (void *)test);
	KUNIT_EXPECT_PTR_EQ(test, second.heap, heap);

	/* The parts are two spans, each with an owner of its own. */
	KUNIT_EXPECT_EQ(test, span_set_owner(page_at(addr, 3), heap), 0);
	KUNIT_ASSERT_TRUE(test, span_lookup(addr, &first));
	KUNIT_EXPECT_PTR_EQ(test, first.owner, (void *)test);

	span_heap_stats(heap, &before);
	span_free(page_at(addr, 3));
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -5),
		       CHANGE(in_use_stack_pages, -5), CHANGE(idle_pages, 5),
		       CHANGE(span_count, -1), CHANGE(free_count, 1));
	span_free(addr);
}

struct refusal {
	const char *name;
	unsigned long offset;	/* bytes */
	unsigned long npages;
};

static const struct refusal refusals[] = {
	{ "nothing left for the first part", 0, 0 },
	{ "nothing left for the second part", 0, 10 },
	{ "more pages than the span has", 0, 11 },
	{ "ULONG_MAX pages", 0, ULONG_MAX },
	{ "one page inside", PAGE_SIZE, 3 },
	{ "one byte inside", 1, 3 },
	{ "last byte", 10 * PAGE_SIZE - 1, 3 },
	{ "one past the end", 10 * PAGE_SIZE, 3 },
};

static void a_bad_split_is_refused(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 10);
	struct span_heap_stats before;
	unsigned int i;

	span_heap_stats(heap, &before);
	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		KUNIT_EXPECT_EQ_MSG(test, span_split(addr + refusals[i].offset,
						     refusals[i].npages), -EINVAL,
				    "%s", refusals[i].name);
	EXPECT_NO_CHANGE(test, heap, &before);
	expect_bounds(test, addr, addr, 10, "after all refusals");
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_split(addr, 3), -EINVAL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(parts_are_freed_separately),
	KUNIT_CASE(a_span_is_split_to_single_pages),
	KUNIT_CASE(owner_kind_and_heap_are_kept),
	KUNIT_CASE(a_bad_split_is_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_split",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
