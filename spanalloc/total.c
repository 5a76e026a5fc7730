// SPDX-License-Identifier: GPL-2.0-only
/*
 * Total: pages that all heaps together have in use or idle, and how many that
 * may be.
 *
 * Room is reserved before pages are put behind anything, and given back as far
 * as it was not needed, so that the total is never above the limit, not even
 * for a moment, unless it was when the limit was set.
 */
#include <linux/atomic.h>

#include "internal.h"

static atomic_long_t total_pages;

/* 0 for any number. */
unsigned long total_limit;

/**
 * total_reserve() - reserve room for pages
 * @npages: how many are wanted
 *
 * Context: Any.
 *
 * Return: how many there is room for, at most @npages
 */
unsigned long total_reserve(unsigned long npages)
{
	unsigned long limit = READ_ONCE(total_limit);
	unsigned long total = atomic_long_add_return(npages, &total_pages);
	unsigned long over;

	if (likely(!limit || total <= limit))
		return npages;
	over = min(npages, total - limit);
	total_give_back(over);
	return npages - over;
}

/**
 * total_give_back() - give room back
 * @npages: how much: of what was reserved, or of pages that went back to the system
 *
 * Context: Any.
 */
void total_give_back(unsigned long npages)
{
	atomic_long_sub(npages, &total_pages);
}

/**
 * total_backed() - count the pages of all heaps that are in use or idle
 *
 * Return: how many; some may just have been reserved, and not be backed in the end
 */
unsigned long total_backed(void)
{
	return atomic_long_read(&total_pages);
}
