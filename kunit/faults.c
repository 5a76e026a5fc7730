// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection for the suites.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "faults.h"

#ifdef CONFIG_FAULT_INJECTION

/* Fail the @nth allocation that this task makes after this call. */
void faults_begin(enum fault fault, unsigned int nth)
{
	current->make_it_fail = fault == FAULT_FOR_GOOD;
	current->fail_nth = nth;
}

/* Stop failing allocations. Returns whether one has failed. */
bool faults_end(void)
{
	bool hit = !current->fail_nth;

	current->fail_nth = 0;
	current->make_it_fail = 0;
	return hit;
}

/* Do allocations of pages and of objects fail, with GFP_KERNEL too? */
static bool faults_work(enum fault fault)
{
	struct page *pages[2];
	void *objects[2];
	bool work;

	/* The first allocation of each pair fails; with FAULT_FOR_GOOD, both fail. */
	faults_begin(fault, 1);
	objects[0] = kmalloc(64, GFP_KERNEL);
	objects[1] = kmalloc(64, GFP_KERNEL);
	faults_end();
	faults_begin(fault, 1);
	pages[0] = alloc_page(GFP_KERNEL);
	pages[1] = alloc_page(GFP_KERNEL);
	faults_end();

	work = !objects[0] && !pages[0];
	if (fault == FAULT_FOR_GOOD)
		work = work && !objects[1] && !pages[1];
	kfree(objects[0]);
	kfree(objects[1]);
	if (pages[0])
		__free_page(pages[0]);
	if (pages[1])
		__free_page(pages[1]);
	return work;
}

void faults_require(struct kunit *test, enum fault fault)
{
	if (!faults_work(fault))
		kunit_skip(test, "failslab and fail_page_alloc are not set up");
}

#else

void faults_begin(enum fault fault, unsigned int nth)
{
}

bool faults_end(void)
{
	return false;
}

void faults_require(struct kunit *test, enum fault fault)
{
	kunit_skip(test, "needs a kernel with CONFIG_FAULT_INJECTION");
}

#endif
