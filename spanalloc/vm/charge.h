/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Charging memory to cgroups.
 */
#ifndef SPANALLOC_CHARGE_H
#define SPANALLOC_CHARGE_H

#include <linux/gfp.h>

struct obj_cgroup;

int charge_current(unsigned long npages, gfp_t gfp, struct obj_cgroup **payer);
void charge_end(struct obj_cgroup *payer, unsigned long npages);
struct obj_cgroup *charge_share(struct obj_cgroup *payer);

#endif /* SPANALLOC_CHARGE_H */
