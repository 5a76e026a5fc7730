// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spans: their states, the memory they consist of, and the walk over them.
 */
#include <linux/jiffies.h>
#include <linux/vmalloc.h>

#include "heap/heap_walk.h"
#include "heap/span.h"
#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

static bool view_of(const void *addr, struct span_view *view)
{
	bool found;

	rcu_read_lock();
	found = span_at(addr, view);
	rcu_read_unlock();
	return found;
}

/* === States ============================================================= */

struct kind {
	const char *name;
	enum span_kind kind;
	size_t counter;
};

static const struct kind kinds[] = {
	{ "heap", SPAN_KIND_HEAP, offsetof(struct span_heap_stats, in_use_heap_pages) },
	{ "stack", SPAN_KIND_STACK, offsetof(struct span_heap_stats, in_use_stack_pages) },
	{ "bits", SPAN_KIND_BITS, offsetof(struct span_heap_stats, in_use_bits_pages) },
	{ "work", SPAN_KIND_WORK, offsetof(struct span_heap_stats, in_use_work_pages) },
};

PARAM_NAME(kind)
KUNIT_ARRAY_PARAM(kind, kinds, kind_name);

static void a_span_goes_through_its_states(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct span_heap *heap = test_heap(test);
	struct span_view live, held, again;
	void *addr;

	addr = span_alloc_kind(heap, 3, kind->kind, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_TRUE(test, view_of(addr, &live));
	KUNIT_EXPECT_EQ(test, span_state_kind(live.state), kind->kind);
	KUNIT_EXPECT_FALSE(test, live.state & SPAN_STATE_LOCKED);

	/* Locked: lookups find the span as before, and no other caller may change it. */
	KUNIT_ASSERT_TRUE(test, span_trylock(&live));
	KUNIT_ASSERT_TRUE(test, view_of(addr, &held));
	KUNIT_EXPECT_EQ(test, span_state_kind(held.state), kind->kind);
	KUNIT_EXPECT_FALSE(test, span_trylock(&live));
	KUNIT_EXPECT_FALSE(test, span_trylock(&held));
	KUNIT_EXPECT_FALSE(test, span_retire(&live));
	KUNIT_EXPECT_FALSE(test, span_retire(&held));

	/* Unlocked: the views taken before are out of date. */
	span_unlock(live.span);
	KUNIT_EXPECT_FALSE(test, span_trylock(&live));
	KUNIT_EXPECT_FALSE(test, span_retire(&live));
	KUNIT_ASSERT_TRUE(test, view_of(addr, &again));
	KUNIT_EXPECT_EQ(test, span_state_kind(again.state), kind->kind);
	KUNIT_EXPECT_PTR_EQ(test, again.span, live.span);

	/* Freed: the span is dead, and all views of it are out of date. */
	span_free(addr);
	KUNIT_EXPECT_FALSE(test, view_of(addr, &held));
	KUNIT_EXPECT_FALSE(test, span_trylock(&again));
	KUNIT_EXPECT_FALSE(test, span_retire(&again));
}

static void a_locked_span_is_not_freed(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 4);
	struct span_heap_stats before;
	struct span_view view;

	KUNIT_ASSERT_TRUE(test, view_of(addr, &view));
	KUNIT_ASSERT_TRUE(test, span_trylock(&view));
	span_heap_stats(heap, &before);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_split(addr, 2), -EINVAL);
	EXPECT_CHANGES(test, heap, &before, CHANGE(bad_free_count, 1));
	KUNIT_EXPECT_TRUE(test, found_at(addr));
	span_unlock(view.span);
	span_free(addr);
	KUNIT_EXPECT_FALSE(test, found_at(addr));
}

static void kinds_are_accounted_apart(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	span_free(must_alloc(test, heap, 20));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct stat_change changes[] = {
			CHANGE(in_use_pages, 10), CHANGE(idle_pages, -10), CHANGE(span_count, 1),
			CHANGE(alloc_count, 1), { kinds[i].counter, 10 },
		};
		void *addr;

		span_heap_stats(heap, &before);
		addr = span_alloc_kind(heap, 10, kinds[i].kind, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL_MSG(test, addr, "%s", kinds[i].name);
		expect_changes(test, heap, &before, changes, ARRAY_SIZE(changes));
		span_free(addr);
		EXPECT_CHANGES(test, heap, &before, CHANGE(alloc_count, 1),
			       CHANGE(free_count, 1));
	}
}

static void an_owner_is_kept(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 5);
	struct span_info info;

	KUNIT_ASSERT_TRUE(test, span_lookup(addr, &info));
	KUNIT_EXPECT_NULL(test, info.owner);
	KUNIT_EXPECT_EQ(test, span_set_owner(addr, test), 0);
	KUNIT_ASSERT_TRUE(test, span_lookup(page_at(addr, 4), &info));
	KUNIT_EXPECT_PTR_EQ(test, info.owner, (void *)test);
	KUNIT_EXPECT_EQ(test, span_set_owner(page_at(addr, 1), heap), 0);
	KUNIT_ASSERT_TRUE(test, span_lookup(addr, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.owner, (void *)heap);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_set_owner(addr, test), -EINVAL);

	/* The next span at the address has no owner at first. */
	addr = must_alloc(test, heap, 5);
	KUNIT_ASSERT_TRUE(test, span_lookup(addr, &info));
	KUNIT_EXPECT_NULL(test, info.owner);
	span_free(addr);
}

static void an_origin_is_kept(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long before = jiffies;
	struct span_origin origin;
	struct span_view view;
	void *addr;

	addr = span_alloc(heap, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_TRUE(test, view_of(addr, &view));
	KUNIT_ASSERT_TRUE(test, span_origin(&view, &origin));
	KUNIT_EXPECT_EQ(test, origin.caller - (unsigned long)an_origin_is_kept < 4096, true);
	KUNIT_EXPECT_LE(test, origin.age_ms,
			(u64)jiffies_to_msecs(jiffies - before + 2 * BIT(SPAN_BORN_SHIFT)));
	/* 60 days are more milliseconds than 32 bits can count. */
	WRITE_ONCE(view.span->born, span_clock() - (u32)(60UL * 86400 * HZ >> SPAN_BORN_SHIFT));
	KUNIT_ASSERT_TRUE(test, span_origin(&view, &origin));
	KUNIT_EXPECT_GE(test, origin.age_ms, 60ULL * 86400 * 1000 - 1000);
	KUNIT_EXPECT_LE(test, origin.age_ms, 60ULL * 86400 * 1000 + 10000);
	span_free(addr);
	KUNIT_EXPECT_FALSE(test, span_origin(&view, &origin));
}

/* === Memory ============================================================= */

static const unsigned long lengths[] = { 1, 2, 63, 64, 65, 511, 512, 513, 1500 };

/* The number written to each page is read back through the page itself. */
static unsigned long foreign_pages(void *addr, unsigned long npages)
{
	unsigned long i, foreign = 0;

	tag_pages(addr, npages, 100);
	for (i = 0; i < npages; i++) {
		struct page *page = vmalloc_to_page(page_at(addr, i));

		foreign += !is_vmalloc_addr(page_at(addr, i)) || !page ||
			   *(unsigned long *)page_address(page) != 100 + i;
	}
	return foreign;
}

static void every_page_is_mapped(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	/* No other span begins at the edge of a chunk. */
	void *first = must_alloc(test, heap, 3);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		unsigned long npages = lengths[i];
		void *addr = must_alloc(test, heap, npages);

		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)addr, PAGE_SIZE));
		KUNIT_EXPECT_EQ_MSG(test, foreign_pages(addr, npages), 0UL, "%lu pages", npages);
		KUNIT_EXPECT_EQ_MSG(test, mistagged_pages(addr, npages, 100), 0UL, "%lu pages",
				    npages);
		span_free(addr);
		/*
		 * After every other length all pages are released: the next span has to be
		 * backed.
		 */
		if (i % 2)
			span_heap_scavenge(heap, ULONG_MAX);
	}
	span_free(first);
}

static void spans_do_not_overlap(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr[ARRAY_SIZE(lengths)];
	unsigned int round, i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		addr[i] = must_alloc(test, heap, lengths[i]);
		tag_pages(addr[i], lengths[i], i << 16);
	}
	/* Every second span is freed and allocated again; the rest keep their contents. */
	for (round = 0; round < 2; round++) {
		for (i = round; i < ARRAY_SIZE(lengths); i += 2)
			span_free(addr[i]);
		span_heap_scavenge(heap, round ? 100 : ULONG_MAX);
		for (i = round; i < ARRAY_SIZE(lengths); i += 2) {
			addr[i] = must_alloc(test, heap, lengths[i]);
			tag_pages(addr[i], lengths[i], i << 16);
		}
		for (i = 0; i < ARRAY_SIZE(lengths); i++)
			KUNIT_EXPECT_EQ(test, mistagged_pages(addr[i], lengths[i],
							      i << 16), 0UL);
	}
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		span_free(addr[i]);
}

/* === The walk =========================================================== */

static void the_walk_finds_every_span_once(struct kunit *test)
{
	static const unsigned long npages[] = { 1, 30, CHUNK, 700, 2, 1 };
	struct span_heap *heap = test_heap(test);
	void *addr[ARRAY_SIZE(npages)];
	unsigned long page = 0;
	struct span_view view;
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, heap_next_span(heap, &page, &view));
	for (i = 0; i < ARRAY_SIZE(npages); i++)
		addr[i] = must_alloc(test, heap, npages[i]);
	span_free(addr[1]);
	span_free(addr[4]);

	page = 0;
	for (i = 0; i < ARRAY_SIZE(npages); i++) {
		if (i == 1 || i == 4)
			continue;
		KUNIT_ASSERT_TRUE(test, heap_next_span(heap, &page, &view));
		KUNIT_EXPECT_EQ(test, view.base, (unsigned long)addr[i]);
		KUNIT_EXPECT_EQ(test, view.npages, npages[i]);
		span_free(addr[i]);
	}
	KUNIT_EXPECT_FALSE(test, heap_next_span(heap, &page, &view));
}

/* A walk that continues at a page inside a span finds this span. */
static void the_walk_goes_on_from_inside_a_span(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *first = must_alloc(test, heap, 10);
	void *second = must_alloc(test, heap, 10);
	struct span_view view;
	unsigned long page = 4;

	KUNIT_ASSERT_TRUE(test, heap_next_span(heap, &page, &view));
	KUNIT_EXPECT_EQ(test, view.base, (unsigned long)first);
	KUNIT_EXPECT_EQ(test, page, 10UL);
	page = 4;
	KUNIT_ASSERT_TRUE(test, heap_next_span(heap, &page, &view));
	KUNIT_ASSERT_TRUE(test, heap_next_span(heap, &page, &view));
	KUNIT_EXPECT_EQ(test, view.base, (unsigned long)second);
	KUNIT_EXPECT_EQ(test, page, 20UL);
	span_free(first);
	span_free(second);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(a_span_goes_through_its_states, kind_gen_params),
	KUNIT_CASE(a_locked_span_is_not_freed),
	KUNIT_CASE(kinds_are_accounted_apart),
	KUNIT_CASE(an_owner_is_kept),
	KUNIT_CASE(an_origin_is_kept),
	KUNIT_CASE(every_page_is_mapped),
	KUNIT_CASE(spans_do_not_overlap),
	KUNIT_CASE(the_walk_finds_every_span_once),
	KUNIT_CASE(the_walk_goes_on_from_inside_a_span),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_span",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
