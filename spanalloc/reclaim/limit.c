// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: how many pages may be in use and idle together.
 *
 *	hard, of a heap		   an allocation that would exceed it releases
 *				   idle pages of the heap first, and fails if
 *				   these are too few
 *	hard, of all heaps	   likewise, then idle pages of all heaps
 *	soft, of a heap		   an allocation may exceed it; idle pages are
 *				   released in the background, and up to 64 by
 *				   each allocation that may sleep and backs pages
 *				   above it
 *
 * Limits are enforced where an allocation claims pages (heap/claim.c, heap/budget.c). Setting
 * a hard limit here releases the idle pages above it; setting a soft limit wakes the scavenger.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>

#include <spanalloc/spanalloc.h>

#include "cache/cache.h"
#include "heap/budget.h"
#include "heap/heap.h"
#include "heap/release.h"
#include "heap/report.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "reclaim/pressure.h"

static unsigned long limit_backed_pages(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	unsigned long backed = heap_backed_locked(heap);

	heap_unlock(heap, flags);
	return backed;
}

int span_heap_set_limit(struct span_heap *heap, unsigned long limit_pages)
{
	unsigned long flags, backed;

	if (!heap_is_ok(heap, "span_heap_set_limit", _RET_IP_))
		return -EINVAL;
	might_sleep();
	flags = heap_lock(heap);
	heap->limit = limit_pages;
	heap->index.max_backed = limit_pages ? limit_pages : ULONG_MAX;
	heap_unlock(heap, flags);
	backed = limit_backed_pages(heap);
	if (limit_pages && backed > limit_pages) {
		cache_drain(heap);
		release_until(heap, limit_pages, RELEASE_LIMIT);
	}
	return 0;
}
EXPORT_SYMBOL_NS_GPL(span_heap_set_limit, "SPANALLOC");

int span_heap_set_soft_limit(struct span_heap *heap, unsigned long limit_pages)
{
	if (!heap_is_ok(heap, "span_heap_set_soft_limit", _RET_IP_))
		return -EINVAL;
	WRITE_ONCE(heap->soft_limit, limit_pages);
	if (limit_pages && limit_backed_pages(heap) > limit_pages)
		scavenger_wake(WAKE_IDLE);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(span_heap_set_soft_limit, "SPANALLOC");

/*
 * Built into the kernel, the module gets its parameters from the command line, before interrupts
 * are on and before a heap exists.
 */
static int limit_set_total(const char *val, const struct kernel_param *kp)
{
	unsigned long flags, limit, total;
	int ret = kstrtoul(val, 0, &limit);

	if (ret) {
		pr_warn("parameter %s cannot be \"%.*s\": a number of pages, or 0 for no limit\n",
			kp->name, (int)strcspn(val, "\n"), val);
		return -EINVAL;
	}
	spin_lock_irqsave(&budget_lock, flags);
	WRITE_ONCE(budget_limit, limit);
	spin_unlock_irqrestore(&budget_lock, flags);
	if (!limit || system_state < SYSTEM_RUNNING)
		return 0;
	/* After this, every caller that has not seen the new limit has claimed its pages. */
	synchronize_rcu();
	total = budget_backed();
	if (total > limit)
		pressure_release(total - limit, RELEASE_LIMIT);
	return 0;
}

static const struct kernel_param_ops limit_total_ops = {
	.set = limit_set_total,
	.get = param_get_ulong,
};

module_param_cb(limit_pages, &limit_total_ops, &budget_limit, 0644);
MODULE_PARM_DESC(limit_pages,
		 "pages that all heaps together may have in use or idle (default 0: any number)");
