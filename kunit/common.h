/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of all suites: heaps that are checked and destroyed when their test ends,
 * and expectations about all statistics at once.
 */
#ifndef SPANALLOC_KUNIT_COMMON_H
#define SPANALLOC_KUNIT_COMMON_H

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <spanalloc/spanalloc.h>

#include "heap/heap.h"
#include "reclaim/scavenger.h"

/* Init and exit of a suite whose tests make heaps. */
int test_heaps_init(struct kunit *test);
void test_heaps_exit(struct kunit *test);

/* Binds the test to the first CPU again, where each test begins. */
void test_go_home(void);
bool move_to_another_cpu(void);

struct span_heap *test_heap_make_flags(struct kunit *test, unsigned long limit_pages,
				       unsigned int age_ms, unsigned long flags);

/*
 * Heaps that release by age alone and have no atomic pool. Heaps of test_heap_make() have no
 * caches either.
 */
struct span_heap *test_heap_make(struct kunit *test, unsigned long limit_pages,
				 unsigned int age_ms);
struct span_heap *test_heap_make_cached(struct kunit *test, unsigned long limit_pages,
					unsigned int age_ms);
void test_heap_end(struct kunit *test, struct span_heap *heap);
void test_heap_check(struct kunit *test, struct span_heap *heap);
void test_heap_grow(struct kunit *test, struct span_heap *heap, unsigned long npages);

/*
 * Init and exit of a suite with a clock of its own. The scavenger's thread then does only urgent
 * work, and the test calls scavenger_run().
 */
int test_clock_init(struct kunit *test);
void test_clock_exit(struct kunit *test);
unsigned long test_clock_pass(unsigned long ticks);
void test_clock_wait(unsigned long ticks);

/* The module's default of deferred_clear_pages. */
#define TEST_CLEAR_PAGES	512UL

/* Waits for work that the thread has begun: the step takes the lock that the thread holds. */
static inline void test_wait_for_scavenger(void)
{
	scavenger_step();
}

/* A heap without a limit. Its age is the module's default, which is longer than a test. */
static inline struct span_heap *test_heap(struct kunit *test)
{
	return test_heap_make(test, 0, 0);
}

/* Allocates a span. A failure ends the test. */
static inline void *must_alloc(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	void *addr = span_alloc(heap, npages, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	return addr;
}

/* @nr spans of @npages pages each, in an array that lives as long as the test. */
void **alloc_some(struct kunit *test, struct span_heap *heap, unsigned int nr,
		  unsigned long npages);
/* Frees the last span of the array first. */
void free_some(void **addr, unsigned int nr);

u64 cached_pages(struct span_heap *heap);

static inline unsigned long test_page_address(struct span_heap *heap, unsigned long page)
{
	unsigned long flags = heap_lock(heap);
	unsigned long addr = heap_page_address_locked(heap, page);

	heap_unlock(heap, flags);
	return addr;
}

static inline void *page_at(const void *addr, unsigned long page)
{
	return (void *)addr + (page << PAGE_SHIFT);
}

static inline bool found_at(const void *addr)
{
	struct span_info info;

	return span_lookup(addr, &info);
}

/**
 * struct stat_change - by how much a statistic is expected to have changed
 * @at: its offset in &struct span_heap_stats
 * @by: the difference
 */
struct stat_change {
	size_t at;
	s64 by;
};

#define CHANGE(name, by)	{ offsetof(struct span_heap_stats, name), (s64)(by) }

void expect_changes(struct kunit *test, struct span_heap *heap,
		    const struct span_heap_stats *before, const struct stat_change *changes,
		    unsigned int nr);

/* Expects the listed statistics, and no others, to have changed since @before. */
#define EXPECT_CHANGES(test, heap, before, ...)					\
do {										\
	const struct stat_change changes[] = { __VA_ARGS__ };			\
										\
	expect_changes(test, heap, before, changes, ARRAY_SIZE(changes));	\
} while (0)

#define EXPECT_NO_CHANGE(test, heap, before)	expect_changes(test, heap, before, NULL, 0)

void tag_pages(void *addr, unsigned long npages, unsigned long tag);
unsigned long mistagged_pages(const void *addr, unsigned long npages, unsigned long tag);

/* Defines type_name(), which describes a test's parameter by its member @name. */
#define PARAM_NAME(type)							\
static void type##_name(const struct type *param, char *desc)			\
{										\
	strscpy(desc, param->name, KUNIT_PARAM_DESC_SIZE);			\
}

#endif /* SPANALLOC_KUNIT_COMMON_H */
