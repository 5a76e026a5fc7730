// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heaps for tests, and the checks at the end of each heap.
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/topology.h>

#include "api/debugfs.h"
#include "heap/arena.h"
#include "heap/deferred.h"
#include "heap/heap_walk.h"
#include "heap/pool.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/vm.h"

#include "common.h"

#define TEST_HEAPS	4

struct test_heaps {
	struct span_heap *heap[TEST_HEAPS];
};

/* === Life =============================================================== */

/* Bind the test to the first CPU, which no stage takes offline. */
void test_go_home(void)
{
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
}

/* Go to a CPU of the same node: CPUs of other nodes use another depot. */
bool move_to_another_cpu(void)
{
	unsigned int here = raw_smp_processor_id();
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (cpu != here && cpu_to_node(cpu) == cpu_to_node(here))
			return !set_cpus_allowed_ptr(current, cpumask_of(cpu));
	return false;
}

int test_heaps_init(struct kunit *test)
{
	/*
	 * Spans cached on one CPU are not found on another, and are drained if the CPU goes
	 * offline.
	 */
	test_go_home();
	/* No free defers its clearing, except in the tests of deferred frees. */
	deferred_clear_pages = ULONG_MAX;
	test->priv = kunit_kzalloc(test, sizeof(struct test_heaps), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

void test_heaps_exit(struct kunit *test)
{
	struct test_heaps *heaps = test->priv;
	unsigned int i;

	for (i = 0; heaps && i < TEST_HEAPS; i++)
		if (heaps->heap[i])
			test_heap_end(test, heaps->heap[i]);
	deferred_clear_pages = TEST_CLEAR_PAGES;
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

struct span_heap *test_heap_make_flags(struct kunit *test, unsigned long limit_pages,
				       unsigned int age_ms, unsigned long flags)
{
	static unsigned int serial;
	struct test_heaps *heaps = test->priv;
	struct span_heap_params params = {
		.node = NUMA_NO_NODE,
		.limit_pages = limit_pages,
		.scavenge_age_ms = age_ms,
		.flags = flags,
	};
	char name[SPAN_HEAP_NAME_SIZE];
	struct span_heap *heap;
	unsigned int i = 0;

	while (i < TEST_HEAPS && heaps->heap[i])
		i++;
	KUNIT_ASSERT_LT(test, i, (unsigned int)TEST_HEAPS);
	snprintf(name, sizeof(name), "kunit-%u", serial++);
	params.name = name;
	heap = span_heap_create(&params);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	heaps->heap[i] = heap;
	return heap;
}

/* No caches, because the page index counts cached spans as in use. */
struct span_heap *test_heap_make(struct kunit *test, unsigned long limit_pages,
				 unsigned int age_ms)
{
	return test_heap_make_flags(test, limit_pages, age_ms,
				    SPAN_HEAP_NO_CACHE | SPAN_HEAP_AGE_ONLY | SPAN_HEAP_NO_POOL);
}

struct span_heap *test_heap_make_cached(struct kunit *test, unsigned long limit_pages,
					unsigned int age_ms)
{
	return test_heap_make_flags(test, limit_pages, age_ms,
				    SPAN_HEAP_AGE_ONLY | SPAN_HEAP_NO_POOL);
}

/* === Time =============================================================== */

static unsigned long test_clock_now;

static unsigned long test_clock(void)
{
	return READ_ONCE(test_clock_now);
}

/* Advance the clock. Work that is due then is not done. */
void test_clock_wait(unsigned long ticks)
{
	WRITE_ONCE(test_clock_now, test_clock_now + ticks);
}

/* Advance the clock and do all work that is due. Returns jiffies until more work is due. */
unsigned long test_clock_pass(unsigned long ticks)
{
	test_clock_wait(ticks);
	return scavenger_run();
}

int test_clock_init(struct kunit *test)
{
	unsigned long wait = 0;
	unsigned int i;

	test_clock_now = jiffies;
	scavenger_set_clock(test_clock);
	/* Earlier tests may have left something to do in the default heap. */
	for (i = 0; wait != MAX_SCHEDULE_TIMEOUT; i++) {
		KUNIT_ASSERT_LT(test, i, 5U);
		wait = test_clock_pass(wait);
	}
	return test_heaps_init(test);
}

void test_clock_exit(struct kunit *test)
{
	test_heaps_exit(test);
	scavenger_set_clock(NULL);
}

/* === The end ============================================================ */

/* Free the spans that an aborted test has left. Returns how many. */
static unsigned long free_leftovers(struct span_heap *heap)
{
	unsigned long page = 0, spans = 0;
	struct span_view view;

	while (heap_next_span(heap, &page, &view)) {
		span_free((void *)view.base);
		spans++;
	}
	return spans;
}

/* Runs even if an assertion has ended the test, so it has expectations only. */
void test_heap_end(struct kunit *test, struct span_heap *heap)
{
	struct test_heaps *heaps = test->priv;
	struct span_heap_stats stats;
	unsigned long flags;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, free_leftovers(heap), 0UL);
	/* Delete the pool: otherwise the scavenger might refill it during the checks below. */
	flags = heap_lock(heap);
	heap->pool = (struct pool) {};
	heap_unlock(heap, flags);
	/* Also waits for the scavenger, if the scavenger is refilling the reserve. */
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 0), 0);
	deferred_finish(heap, ULONG_MAX);
	test_wait_for_scavenger();
	test_heap_check(test, heap);
	span_heap_scavenge(heap, ULONG_MAX);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.in_use_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.span_count, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.released_pages, stats.grown_pages);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
	for (i = 0; i < TEST_HEAPS; i++)
		if (heaps->heap[i] == heap)
			heaps->heap[i] = NULL;
}

/* Grow the heap to at least @npages pages, without memory behind the new ones. */
void test_heap_grow(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	while (heap->index.nr_pages < npages)
		KUNIT_ASSERT_EQ(test, arena_grow(heap, npages - heap->index.nr_pages,
						 heap->grows), 0);
}

/* === Spans ============================================================== */

void **alloc_some(struct kunit *test, struct span_heap *heap, unsigned int nr,
		  unsigned long npages)
{
	void **addr = kunit_kcalloc(test, nr, sizeof(*addr), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	for (i = 0; i < nr; i++)
		addr[i] = must_alloc(test, heap, npages);
	return addr;
}

void free_some(void **addr, unsigned int nr)
{
	while (nr--)
		span_free(addr[nr]);
}

/* === Checks ============================================================= */

/* Of 64 pages, do the page tables map exactly those that the index counts as backed? */
static bool tables_agree(struct span_heap *heap, unsigned long nr_word)
{
	unsigned long page = nr_word * 64;
	struct arena *arena = arena_of_page(&heap->index, page);
	unsigned long chunk = page % ARENA_PAGES / PAGEINDEX_CHUNK_PAGES;
	const struct pageindex_word *word =
		&arena->block.word[chunk][nr_word % PAGEINDEX_CHUNK_WORDS];
	unsigned long missing = 0;

	/* A chunk that has not grown has no page tables. */
	if (arena->block.meta[chunk].unbacked_from == U16_MAX)
		return true;
	vm_missing(arena->base + (page % ARENA_PAGES << PAGE_SHIFT), &missing, 64);
	return missing == ~(word->hi | word->lo);
}

/* Invariants of a heap that no other task is changing. */
void test_heap_check(struct kunit *test, struct span_heap *heap)
{
	struct span_heap_stats stats;
	unsigned long flags, word;
	unsigned long disagree = 0;
	bool index_ok;

	flags = heap_lock(heap);
	index_ok = pageindex_check(&heap->index);
	heap_unlock(heap, flags);
	KUNIT_EXPECT_TRUE(test, index_ok);

	for (word = 0; word < heap->index.nr_blocks * ARENA_PAGES / 64; word++)
		disagree += !tables_agree(heap, word);
	KUNIT_EXPECT_EQ(test, disagree, 0UL);
	KUNIT_EXPECT_EQ(test, heap->moving, 0UL);

	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.grown_pages,
			stats.in_use_pages + stats.idle_pages + stats.released_pages);
	KUNIT_EXPECT_EQ(test, stats.in_use_pages,
			stats.in_use_heap_pages + stats.in_use_stack_pages +
			stats.in_use_bits_pages + stats.in_use_work_pages);
	/* Every page ever taken from the system is in use, idle, or counted as released. */
	KUNIT_EXPECT_EQ(test, stats.backed_pages,
			stats.in_use_pages + stats.idle_pages + stats.released_age_pages +
			stats.released_pressure_pages + stats.released_limit_pages +
			stats.released_forced_pages + stats.released_node_pages +
			stats.released_shared_pages);
	KUNIT_EXPECT_GE(test, stats.peak_backed_pages, stats.in_use_pages + stats.idle_pages);
}

u64 cached_pages(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.cached_pages;
}

/*
 * Costs, demand and the peak may change at any time. With init_on_alloc each allocation counts
 * its pages as zeroed or skipped.
 */
static bool is_free_to_change(size_t at)
{
	switch (at) {
	case offsetof(struct span_heap_stats, lock_acquire_count):
	case offsetof(struct span_heap_stats, lock_contend_count):
	case offsetof(struct span_heap_stats, lock_hold_max_ns):
	case offsetof(struct span_heap_stats, metadata_bytes):
	case offsetof(struct span_heap_stats, page_table_bytes):
	case offsetof(struct span_heap_stats, peak_backed_pages):
	case offsetof(struct span_heap_stats, demand_pages):
	case offsetof(struct span_heap_stats, scavenge_ns):
	case offsetof(struct span_heap_stats, release_batch_count):
	case offsetof(struct span_heap_stats, pass_count):
		return true;
	case offsetof(struct span_heap_stats, zeroed_pages):
	case offsetof(struct span_heap_stats, zero_skipped_pages):
		return want_init_on_alloc(GFP_KERNEL);
	default:
		return false;
	}
}

static u64 stat_at(const struct span_heap_stats *stats, size_t at)
{
	return *(const u64 *)((const char *)stats + at);
}

void expect_changes(struct kunit *test, struct span_heap *heap,
		    const struct span_heap_stats *before, const struct stat_change *changes,
		    unsigned int nr)
{
	struct span_heap_stats after;
	unsigned int i, c;

	span_heap_stats(heap, &after);
	for (i = 0; i < ARRAY_SIZE(span_debugfs_stats); i++) {
		size_t at = span_debugfs_stats[i].offset;
		s64 changed = stat_at(&after, at) - stat_at(before, at);
		s64 expected = 0;

		if (is_free_to_change(at))
			continue;
		for (c = 0; c < nr; c++)
			if (changes[c].at == at)
				expected += changes[c].by;
		KUNIT_EXPECT_EQ_MSG(test, changed, expected, "change of %s",
				    span_debugfs_stats[i].name);
	}
}

/* === Contents =========================================================== */

static unsigned long *last_word(unsigned long *page)
{
	return page + PAGE_SIZE / sizeof(*page) - 1;
}

void tag_pages(void *addr, unsigned long npages, unsigned long tag)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		unsigned long *page = page_at(addr, i);

		*page = tag + i;
		*last_word(page) = ~(tag + i);
	}
}

unsigned long mistagged_pages(const void *addr, unsigned long npages, unsigned long tag)
{
	unsigned long wrong = 0;
	unsigned long i;

	for (i = 0; i < npages; i++) {
		unsigned long *page = page_at(addr, i);

		wrong += *page != tag + i || *last_word(page) != ~(tag + i);
	}
	return wrong;
}

MODULE_DESCRIPTION("Tests of the page-span allocator");
MODULE_AUTHOR("The spanalloc authors");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
MODULE_INFO(import_ns, "SPANALLOC_TEST");
