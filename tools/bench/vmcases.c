// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases of the kernel's own test of vmalloc, for any allocator of page runs.
 *
 * Names, sizes and counts are those of the test, so that results can be compared.
 * Each case allocates, writes a byte and frees, in a pattern of its own.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "bench.h"

/* Number of live areas of the case long_list. */
#define LONG_LIST	15000

/* A random number from 0 to @bound - 1, slightly biased. */
static unsigned int below(unsigned int bound)
{
	return (u64)get_random_u32() * bound >> 32;
}

static int touch_and_free(const struct vm_subject *subject, char *addr)
{
	if (!addr)
		return -ENOMEM;
	*addr = 1;
	subject->free(addr);
	return 0;
}

static bool always(const struct vm_subject *subject)
{
	return true;
}

static bool has_aligned(const struct vm_subject *subject)
{
	return subject->alloc_aligned;
}

static bool has_noblock(const struct vm_subject *subject)
{
	return subject->alloc_noblock;
}

static int fix_size(const struct vm_subject *subject)
{
	unsigned int i;

	for (i = 0; i < test_loop_count; i++) {
		if (touch_and_free(subject, subject->alloc(max(nr_pages, 1U))))
			return -ENOMEM;
	}
	return 0;
}

static int random_size(const struct vm_subject *subject)
{
	unsigned int i;

	for (i = 0; i < test_loop_count; i++) {
		if (touch_and_free(subject, subject->alloc(1 + below(100))))
			return -ENOMEM;
	}
	return 0;
}

static int fix_align(const struct vm_subject *subject)
{
	unsigned int i;

	for (i = 0; i < test_loop_count; i++) {
		if (touch_and_free(subject, subject->alloc_aligned(5, THREAD_SIZE << 1)))
			return -ENOMEM;
	}
	return 0;
}

static int random_size_align(const struct vm_subject *subject)
{
	unsigned int i;

	for (i = 0; i < test_loop_count; i++) {
		unsigned long align = 1UL << below(23);

		if (touch_and_free(subject, subject->alloc_aligned(1 + below(10), align)))
			return -ENOMEM;
	}
	return 0;
}

static int no_block(const struct vm_subject *subject)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < test_loop_count && !ret; i++) {
		gfp_t gfp = below(2) ? GFP_ATOMIC : GFP_NOWAIT;
		unsigned long npages = 1 + below(4);

		preempt_disable();
		ret = touch_and_free(subject, subject->alloc_noblock(npages, gfp | __GFP_NOWARN));
		preempt_enable();
		cond_resched();
	}
	return ret;
}

static void free_all(const struct vm_subject *subject, void **area, unsigned int nr,
		     unsigned int step)
{
	unsigned int i;

	for (i = 0; i < nr; i += step) {
		subject->free(area[i]);
		area[i] = NULL;
		cond_resched();
	}
}

static int alloc_all(const struct vm_subject *subject, void **area, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		area[i] = subject->alloc(1);
		if (!area[i])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

/* Every second page is free, so that each allocation fits a hole exactly. */
static int full_fit(const struct vm_subject *subject)
{
	unsigned int nr = 2 * fls(num_online_cpus()) * (SZ_32M >> PAGE_SHIFT);
	void **area = vcalloc(nr, sizeof(*area));
	unsigned int i;
	int ret;

	if (!area)
		return -ENOMEM;
	ret = alloc_all(subject, area, nr);
	if (!ret) {
		free_all(subject, area, nr, 2);
		for (i = 0; i < test_loop_count && !ret; i++)
			ret = touch_and_free(subject, subject->alloc(1));
	}
	free_all(subject, area, nr, 1);
	vfree(area);
	return ret;
}

/* Allocate 100 pages and one page beside many live areas. */
static int long_list(const struct vm_subject *subject)
{
	void **area = vcalloc(LONG_LIST, sizeof(*area));
	unsigned int i;
	char *large, *small;
	int ret;

	if (!area)
		return -ENOMEM;
	ret = alloc_all(subject, area, LONG_LIST);
	for (i = 0; i < test_loop_count && !ret; i++) {
		large = subject->alloc(100);
		small = subject->alloc(1);
		ret = touch_and_free(subject, large);
		ret = touch_and_free(subject, small) ?: ret;
	}
	free_all(subject, area, LONG_LIST, 1);
	vfree(area);
	return ret;
}

const struct vm_case vm_cases[] = {
	{ "fix_size_alloc_test", BIT(0), always, false, fix_size },
	{ "full_fit_alloc_test", BIT(1), always, false, full_fit },
	{ "long_busy_list_alloc_test", BIT(2), always, false, long_list },
	{ "random_size_alloc_test", BIT(3), always, false, random_size },
	{ "fix_align_alloc_test", BIT(4), has_aligned, false, fix_align },
	{ "random_size_align_alloc_test", BIT(5), has_aligned, false, random_size_align },
	{ "no_block_alloc_test", BIT(11), has_noblock, true, no_block },
};

const unsigned int nr_vm_cases = ARRAY_SIZE(vm_cases);
