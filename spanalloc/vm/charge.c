// SPDX-License-Identifier: GPL-2.0-only
/*
 * Charging: who pays for a span, among memory cgroups.
 *
 * Pages of a span may have had many owners before, and will have others: they stay
 * mapped in between. So no page is ever charged. It is the span that is, for its
 * length and for as long as it lives, to the group of whoever allocates it; a page
 * that changes hands in a cache changes payers, too. Idle and cached pages are
 * nobody's. (As for per-CPU memory, in mm/percpu.c.)
 *
 * The functions that do it are not exported, which is why this belongs to the vm
 * layer. Like vm.c it takes no locks.
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>

#include "vm/charge.h"
#include "vm/symbols.h"

#ifdef CHARGE_MEMCG

/* The kernel counts bytes in 32 bits on the way: more is charged in pieces. */
#define CHARGE_PAGES	(1UL << (30 - PAGE_SHIFT))

static void uncharge(struct obj_cgroup *objcg, unsigned long npages)
{
	unsigned long nr;

	for (; npages; npages -= nr) {
		nr = min(npages, CHARGE_PAGES);
		span_symbol(obj_cgroup_uncharge)(objcg, nr << PAGE_SHIFT);
	}
}

/* All or nothing. */
static int charge(struct obj_cgroup *objcg, unsigned long npages, gfp_t gfp)
{
	unsigned long done, nr;
	int ret;

	for (done = 0; done < npages; done += nr) {
		nr = min(npages - done, CHARGE_PAGES);
		ret = span_symbol(obj_cgroup_charge)(objcg, gfp, nr << PAGE_SHIFT);
		if (ret) {
			uncharge(objcg, done);
			return ret;
		}
	}
	return 0;
}

/**
 * charge_current() - have the group of whoever runs pay for a span
 * @npages: its length
 * @gfp: how to make room in the group
 * @payer: the group, held, or NULL if nobody has to pay
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
	ret = charge(objcg, npages, gfp);
	if (ret)
		obj_cgroup_put(objcg);
	else
		*payer = objcg;
	return ret;
}

/**
 * charge_end() - pay for a span no longer
 * @payer: the group, or NULL
 * @npages: the span's length
 *
 * Context: Any but NMI.
 */
void charge_end(struct obj_cgroup *payer, unsigned long npages)
{
	if (!payer)
		return;
	uncharge(payer, npages);
	obj_cgroup_put(payer);
}

/**
 * charge_share() - have the payer of a span pay for a part of it as such
 * @payer: the group, or NULL
 *
 * Context: Any but NMI.
 *
 * Return: @payer, held once more
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
