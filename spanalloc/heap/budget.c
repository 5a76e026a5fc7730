// SPDX-License-Identifier: GPL-2.0-only
/*
 * Total: pages that all heaps together have in use or idle, and how many that
 * may be.
 *
 * Where there is a limit, who is about to put pages behind something holds budget_lock
 * from when it looks how much room there is until it has claimed what it needs, so
 * that the total is never above the limit, unless it was when the limit was set. Where
 * there is none, pages are just counted.
 */
#include <linux/atomic.h>

#include "heap/budget.h"
#include "heap/heap.h"
#include "index/lookup.h"

static atomic_long_t budget_pages;

DEFINE_SPINLOCK(budget_lock);

/* 0 for any number. */
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
	/* One line for all processors: better not touched for nothing. */
	if (npages)
		atomic_long_add(npages, &budget_pages);
}

/**
 * budget_give_back() - count pages that went back to the system, or were not backed
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
