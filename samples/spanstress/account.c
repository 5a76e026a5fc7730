// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounted spans, held from load to unload: the memory cgroup of the task that loads
 * the module shows the charge. Half of the spans are split.
 *
 * The spans are from the default heap, which outlives this module. So their pages
 * serve the next caller that allocates, perhaps in another cgroup.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

#include <spanalloc/spanalloc.h>

#include "account.h"

unsigned long account_pages;
module_param(account_pages, ulong, 0444);
MODULE_PARM_DESC(account_pages, "Instead of testing, hold so many accounted pages until unload (default 0)");

/* Every span begins with its entry: records elsewhere would be memory, too. */
static LIST_HEAD(held);

void account_release(void)
{
	struct list_head *span, *next;

	list_for_each_safe(span, next, &held)
		span_free(span);
	INIT_LIST_HEAD(&held);
}

/* One span, or the two halves of it; false if there is no memory. */
static bool hold(unsigned long npages, bool split)
{
	/* __GFP_NORETRY: a charge above the cgroup's limit fails, and no task is OOM-killed. */
	void *span = span_alloc(span_heap_default(), npages,
				GFP_KERNEL_ACCOUNT | __GFP_NORETRY);

	if (!span)
		return false;
	if (split && npages > 1 && !span_split(span, npages / 2))
		list_add(span + (npages / 2 << PAGE_SHIFT), &held);
	list_add(span, &held);
	return true;
}

/**
 * account_hold() - allocate accounted spans of %account_pages pages in all
 * @max_pages: length of the first and longest span; then follow all powers of two below
 *
 * Context: Process context of the task to be charged. May sleep.
 *
 * Return: 0, or -ENOMEM or -EINVAL: then nothing is held.
 */
int __init account_hold(unsigned int max_pages)
{
	unsigned int orders, order;
	unsigned long npages, left;
	bool split = false;

	if (!max_pages) {
		pr_err("max_pages=0: must be at least 1\n");
		return -EINVAL;
	}
	orders = ilog2(max_pages) + 1;
	order = orders - 1;
	for (left = account_pages; left; left -= npages) {
		npages = min(BIT(order), left);
		if (!hold(npages, split)) {
			pr_err("FAILED: no accounted span of %lu pages after %lu pages\n",
			       npages, account_pages - left);
			account_release();
			return -ENOMEM;
		}
		/* Every length once whole, once in halves. */
		split ^= !order;
		order = (order ? order : orders) - 1;
	}
	pr_info("%lu accounted pages are held\n", account_pages);
	return 0;
}
