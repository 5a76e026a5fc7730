// SPDX-License-Identifier: GPL-2.0-only
/*
 * Budget: budget_pages counts the pages that all heaps together have in use or idle;
 * budget_limit bounds it.
 *
 * With a limit, a task that claims pages to be backed holds budget_lock from reading the
 * room until it has counted the claim. So the total does not exceed the limit, unless it
 * did when the limit was set, or a __GFP_NOFAIL request exceeds it. Without a limit pages
 * are counted, and budget_lock is not taken.
 */
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "heap/budget.h"

static atomic_long_t budget_pages;

DEFINE_SPINLOCK(budget_lock);

/* Pages that all heaps together may have in use or idle; 0 for any number. */
unsigned long budget_limit;

/**
 * budget_room_locked() - find out how many pages there is room for
 *
 * Context: Under budget_lock.
 *
 * Return: how many
 */
unsigned long budget_room_locked(void)
{
	lockdep_assert_held(&budget_lock);
	return budget_room();
}

/**
 * budget_room() - find out how many pages there is room for at this moment
 *
 * Context: Any.
 *
 * Return: how many; %ULONG_MAX without a limit
 */
unsigned long budget_room(void)
{
	unsigned long limit = READ_ONCE(budget_limit);
	unsigned long total = atomic_long_read(&budget_pages);

	return limit ? limit - min(limit, total) : ULONG_MAX;
}

/**
 * budget_take() - count pages that are claimed, and will be backed
 * @npages: how many
 *
 * Context: Any.
 */
void budget_take(unsigned long npages)
{
	/* All CPUs share this cache line: do not write it for 0 pages. */
	if (npages)
		atomic_long_add(npages, &budget_pages);
}

/**
 * budget_give_back() - uncount pages that were released, or were not backed after all
 * @npages: how many
 *
 * Context: Any.
 */
void budget_give_back(unsigned long npages)
{
	if (npages)
		atomic_long_sub(npages, &budget_pages);
}

/**
 * budget_backed() - count the pages of all heaps that are in use or idle
 *
 * Return: how many; some may just have been claimed, and not be backed in the end
 */
unsigned long budget_backed(void)
{
	return atomic_long_read(&budget_pages);
}
