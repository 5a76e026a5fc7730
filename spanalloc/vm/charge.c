// SPDX-License-Identifier: GPL-2.0-only
/*
 * Charging: spans requested with __GFP_ACCOUNT are charged to memory cgroups.
 *
 * Pages stay mapped between spans and pass from one owner to the next. So no page is
 * charged, but the span: from allocation to free, for its length, to the cgroup of the
 * context that allocates it. Idle and cached pages are charged to no cgroup. mm/percpu.c
 * charges per-CPU memory in the same way.
 *
 * The kernel functions for charging are not exported, which is why this file belongs to
 * the vm layer. Like vm.c it takes no locks.
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>

#include "vm/charge.h"
#include "vm/symbols.h"

#ifdef CHARGE_MEMCG

/* Most pages per call: the kernel passes the byte count in 32 bits. */
#define CHARGE_PAGES	(1UL << (30 - PAGE_SHIFT))

static void uncharge_pages(struct obj_cgroup *objcg, unsigned long npages)
{
	unsigned long nr;

	for (; npages; npages -= nr) {
		nr = min(npages, CHARGE_PAGES);
		span_symbol(obj_cgroup_uncharge)(objcg, nr << PAGE_SHIFT);
	}
}

/* Charge all @npages pages, or none and return an error. */
static int charge_pages(struct obj_cgroup *objcg, unsigned long npages, gfp_t gfp)
{
	unsigned long done, nr;
	int ret;

	for (done = 0; done < npages; done += nr) {
		nr = min(npages - done, CHARGE_PAGES);
		ret = span_symbol(obj_cgroup_charge)(objcg, gfp, nr << PAGE_SHIFT);
		if (ret) {
			uncharge_pages(objcg, done);
			return ret;
		}
	}
	return 0;
}

/**
 * charge_current() - charge a span to the cgroup of the current context
 * @npages: the span's length
 * @gfp: how to make room in the group
 * @payer: set to the cgroup charged, with a reference, or to NULL if none is
 *
 * Context: Any that @gfp allows.
 *
 * Return: 0, or %-ENOMEM if the group may not have as much
 */
int charge_current(unsigned long npages, gfp_t gfp, struct obj_cgroup **payer)
{
	struct obj_cgroup *objcg = span_symbol(current_objcg)();
	int ret;

	*payer = NULL;
	if (!objcg || charge_is_root(objcg)) {
		if (objcg && CURRENT_OBJCG_IS_HELD)
			obj_cgroup_put(objcg);
		return 0;
	}
	if (!CURRENT_OBJCG_IS_HELD)
		obj_cgroup_get(objcg);
	ret = charge_pages(objcg, npages, gfp);
	if (ret)
		obj_cgroup_put(objcg);
	else
		*payer = objcg;
	return ret;
}

/**
 * charge_end() - uncharge a span
 * @payer: the cgroup that it was charged to, or NULL
 * @npages: the span's length
 *
 * Context: Any but NMI.
 */
void charge_end(struct obj_cgroup *payer, unsigned long npages)
{
	if (!payer)
		return;
	uncharge_pages(payer, npages);
	obj_cgroup_put(payer);
}

/**
 * charge_share() - take a reference for the second part of a split span
 * @payer: the cgroup that the span is charged to, or NULL
 *
 * Context: Any but NMI.
 *
 * Return: @payer, with one more reference
 */
struct obj_cgroup *charge_share(struct obj_cgroup *payer)
{
	if (payer)
		obj_cgroup_get(payer);
	return payer;
}

#else

int charge_current(unsigned long npages, gfp_t gfp, struct obj_cgroup **payer)
{
	*payer = NULL;
	return 0;
}

void charge_end(struct obj_cgroup *payer, unsigned long npages)
{
}

struct obj_cgroup *charge_share(struct obj_cgroup *payer)
{
	return payer;
}

#endif
