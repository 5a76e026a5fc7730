// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounted spans that are held from load to unload. They are charged to the memory cgroup
 * of the task that loads the module. Half of the spans are split.
 *
 * The spans are from the default heap, which outlives this module. After unload their
 * pages stay idle there, and serve the next caller, perhaps in another cgroup.
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
MODULE_PARM_DESC(account_pages, "No test: hold this many accounted pages until unload (default 0)");

/* Each span begins with its list entry, so that the list needs no memory of its own. */
static LIST_HEAD(held);

/**
 * account_release() - free all spans that account_hold() has allocated
 *
 * Context: Process context. May sleep.
 */
void account_release(void)
{
	struct list_head *span, *next;

	list_for_each_safe(span, next, &held)
		span_free(span);
	INIT_LIST_HEAD(&held);
}

/* Allocate a span, whole or in two halves. Returns false if the allocation failed. */
static bool account_hold_one(unsigned long npages, bool split)
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
 * @max_pages: no span is longer
 *
 * Lengths are the powers of two up to @max_pages, from the longest down, over and over.
 *
 * Context: Process context of the task to be charged. May sleep.
 *
 * Return: 0; -ENOMEM or -EINVAL on failure, with no span held
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
		if (!account_hold_one(npages, split)) {
			pr_err("FAILED: no accounted span of %lu pages after %lu pages\n",
			       npages, account_pages - left);
			account_release();
			return -ENOMEM;
		}
		/* Spans are whole in one round of lengths, and in halves in the next. */
		split ^= !order;
		order = (order ? order : orders) - 1;
	}
	pr_info("%lu accounted pages are held\n", account_pages);
	return 0;
}
