// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookup: which addresses belong to a span, and which do not.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

/* A wild pointer on purpose. */
#define ADDRESS(number)	((const void *)(unsigned long)(number))

static void expect_span(struct kunit *test, const void *addr, struct span_heap *heap,
			const void *base, unsigned long npages, const char *what)
{
	struct span_info info = {};

	KUNIT_ASSERT_TRUE_MSG(test, span_lookup(addr, &info), "%s", what);
	KUNIT_EXPECT_PTR_EQ_MSG(test, info.heap, heap, "%s", what);
	KUNIT_EXPECT_PTR_EQ_MSG(test, info.base, base, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, info.npages, npages, "%s", what);
	KUNIT_EXPECT_PTR_EQ_MSG(test, info.obj, base, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, info.obj_size, npages << PAGE_SHIFT, "%s", what);
}

/* === Addresses of a span ================================================ */

struct place {
	const char *name;
	unsigned long before;	/* pages of another span below */
	unsigned long npages;
	unsigned long at;	/* byte looked up */
};

#define PAGES(n)	((unsigned long)(n) << PAGE_SHIFT)

/* A chunk that one span fills has one entry in the map, instead of one for each page. */
static const struct place places[] = {
	{ "base", 1, 3, 0 },
	{ "interior", 1, 3, PAGES(1) + 123 },
	{ "last byte", 1, 3, PAGES(3) - 1 },
	{ "last byte of a page", 1, 1, PAGES(1) - 1 },
	{ "last page of a chunk", 0, CHUNK - 1, PAGES(CHUNK - 1) - 1 },
	{ "base of a whole chunk", 0, CHUNK, 0 },
	{ "middle of a whole chunk", 0, CHUNK, PAGES(300) + 8 },
	{ "last byte of a whole chunk", 0, CHUNK, PAGES(CHUNK) - 1 },
	{ "tail after whole chunks", 0, 2 * CHUNK + 7, PAGES(2 * CHUNK + 3) },
	{ "last byte of the tail", 0, 2 * CHUNK + 7, PAGES(2 * CHUNK + 7) - 1 },
	{ "head before whole chunks", CHUNK - 5, 2 * CHUNK + 10, PAGES(4) },
	{ "last byte of the head", CHUNK - 5, 2 * CHUNK + 10, PAGES(5) - 1 },
	{ "first chunk after the head", CHUNK - 5, 2 * CHUNK + 10, PAGES(5) },
	{ "last chunk before the tail", CHUNK - 5, 2 * CHUNK + 10, PAGES(5 + 2 * CHUNK) - 1 },
	{ "tail after a head", CHUNK - 5, 2 * CHUNK + 10, PAGES(5 + 2 * CHUNK) },
};

/* Looks @place up in a heap that is empty and has four chunks of address space. */
static void look(struct kunit *test, struct span_heap *heap, const struct place *place)
{
	unsigned long npages = place->npages;
	void *below = NULL;
	void *addr;

	if (place->before)
		below = must_alloc(test, heap, place->before);
	addr = must_alloc(test, heap, npages);
	KUNIT_ASSERT_EQ(test, (unsigned long)addr, test_page_address(heap, place->before));
	expect_span(test, addr + place->at, heap, addr, npages, place->name);

	/* The addresses next to the span are not part of it. */
	KUNIT_EXPECT_FALSE_MSG(test, found_at(page_at(addr, npages)), "%s", place->name);
	if (below)
		expect_span(test, addr - 1, heap, below, place->before, place->name);
	else
		KUNIT_EXPECT_FALSE_MSG(test, found_at(addr - 1), "%s", place->name);

	span_free(addr);
	KUNIT_EXPECT_FALSE_MSG(test, found_at(addr + place->at), "%s", place->name);
	if (below)
		expect_span(test, addr - 1, heap, below, place->before, place->name);
	span_free(below);
}

static void addresses_of_a_span_are_found(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned int i;

	test_heap_grow(test, heap, 4 * CHUNK);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		look(test, heap, &places[i]);
}

/* === Addresses without a span =========================================== */

static void unallocated_pages_are_not_found(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long page, found = 0;
	unsigned long base;

	test_heap_grow(test, heap, CHUNK);
	base = test_page_address(heap, 0);
	/* The heap has not grown into the pages after the first chunk. */
	for (page = 0; page < 2 * CHUNK; page++)
		found += found_at(page_at((void *)base, page));
	KUNIT_EXPECT_EQ(test, found, 0UL);
}

static void other_memory_is_not_found(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 1);
	void *object = kunit_kzalloc(test, 64, GFP_KERNEL);
	void *mapped = vmalloc(PAGE_SIZE);
	int local;

	KUNIT_EXPECT_FALSE(test, found_at(NULL));
	KUNIT_EXPECT_FALSE(test, found_at(ADDRESS(1)));
	KUNIT_EXPECT_FALSE(test, found_at(ADDRESS(0x7f0012345000)));
	KUNIT_EXPECT_FALSE(test, found_at(ADDRESS(0x8000000000000000)));
	KUNIT_EXPECT_FALSE(test, found_at(ADDRESS(ULONG_MAX)));
	KUNIT_EXPECT_FALSE(test, found_at(&local));
	KUNIT_EXPECT_FALSE(test, found_at(object));
	KUNIT_EXPECT_FALSE(test, found_at(mapped));
	KUNIT_EXPECT_FALSE(test, found_at(heap));
	KUNIT_EXPECT_FALSE(test, found_at(found_at));
	KUNIT_EXPECT_FALSE(test, found_at(ADDRESS(VMALLOC_START)));
	KUNIT_EXPECT_FALSE(test, found_at(ADDRESS(VMALLOC_END)));
	/* A page of the span, by its address in the direct map. */
	KUNIT_EXPECT_FALSE(test, found_at(page_address(vmalloc_to_page(addr))));
	vfree(mapped);
	span_free(addr);
}

static void heaps_are_told_apart(struct kunit *test)
{
	struct span_heap *one = test_heap(test);
	struct span_heap *two = test_heap(test);
	void *first = must_alloc(test, one, 5);
	void *second = must_alloc(test, two, 7);

	expect_span(test, page_at(first, 2), one, first, 5, "first heap");
	expect_span(test, page_at(second, 2), two, second, 7, "second heap");
	span_free(second);
	test_heap_end(test, two);
	KUNIT_EXPECT_FALSE(test, found_at(second));
	expect_span(test, first, one, first, 5, "first heap, alone");
	span_free(first);
}

/* === Reused addresses =================================================== */

/* Spans of several lengths at one address: stale entries of earlier spans are not followed. */
static void reused_addresses_are_found(struct kunit *test)
{
	static const unsigned long npages[] = { 2 * CHUNK, 1, CHUNK, 3, CHUNK + 1, 100, 2 * CHUNK };
	struct span_heap *heap = test_heap(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(npages); i++) {
		void *addr = must_alloc(test, heap, npages[i]);
		void *last = page_at(addr, npages[i]) - 1;

		expect_span(test, addr, heap, addr, npages[i], "base");
		expect_span(test, last, heap, addr, npages[i], "last byte");
		KUNIT_EXPECT_FALSE(test, found_at(last + 1));
		KUNIT_EXPECT_FALSE(test, found_at(page_at(addr, 2 * CHUNK)));
		span_free(addr);
		KUNIT_EXPECT_FALSE(test, found_at(addr));
		KUNIT_EXPECT_FALSE(test, found_at(last));
	}
}

/* A chunk as one span, then as 16 spans, then as one span again. */
static void a_chunk_is_found_piecewise(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *piece[CHUNK / 32];
	unsigned int i;
	void *addr;

	span_free(must_alloc(test, heap, CHUNK));
	for (i = 0; i < ARRAY_SIZE(piece); i++)
		piece[i] = must_alloc(test, heap, 32);
	for (i = 0; i < ARRAY_SIZE(piece); i++) {
		expect_span(test, page_at(piece[i], 31), heap, piece[i], 32, "piece");
		span_free(piece[i]);
	}
	addr = must_alloc(test, heap, CHUNK);
	KUNIT_EXPECT_PTR_EQ(test, addr, piece[0]);
	for (i = 0; i < ARRAY_SIZE(piece); i++)
		expect_span(test, page_at(piece[i], 31), heap, addr, CHUNK, "whole");
	span_free(addr);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(addresses_of_a_span_are_found),
	KUNIT_CASE(unallocated_pages_are_not_found),
	KUNIT_CASE(other_memory_is_not_found),
	KUNIT_CASE(heaps_are_told_apart),
	KUNIT_CASE(reused_addresses_are_found),
	KUNIT_CASE(a_chunk_is_found_piecewise),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_lookup",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
