/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions. Kbuild includes this file ahead of every source of
 * the project; it makes 6.1 to 7.2 look like 7.3. Other files ask for a feature defined
 * here, never for a version.
 */
#ifndef SPANALLOC_COMPAT_H
#define SPANALLOC_COMPAT_H

#include <linux/export.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "spanalloc calls kernel functions by address; it is known to fit 6.1 to 7.3 only"
#endif

/* Since 6.13 namespaces are string literals. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#undef EXPORT_SYMBOL_NS_GPL
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define EXPORT_SYMBOL_NS_GPL(sym, ns)	__EXPORT_SYMBOL(sym, "_gpl", ns)
#else
#define EXPORT_SYMBOL_NS_GPL(sym, ns)	__EXPORT_SYMBOL(sym, "GPL", ns)
#endif
#endif

/* Until 6.13 bulk allocation also fills lists; its variant for arrays says so in its name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define alloc_pages_bulk_node(gfp, nid, nr, pages) \
	alloc_pages_bulk_array_node(gfp, nid, nr, pages)
#endif

/* Since 6.11 memory cgroups count kernel memory without an option of its own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0) ? defined(CONFIG_MEMCG_KMEM) : \
	defined(CONFIG_MEMCG)
#define CHARGE_MEMCG
#endif

/* Until 6.6 the function that returns the current context's obj_cgroup takes a reference. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define current_objcg		get_obj_cgroup_from_current
#define CURRENT_OBJCG_NAME	"get_obj_cgroup_from_current"
#define CURRENT_OBJCG_IS_HELD	true
#else
#define current_objcg		current_obj_cgroup
#define CURRENT_OBJCG_NAME	"current_obj_cgroup"
#define CURRENT_OBJCG_IS_HELD	false
#endif

/* Since 7.3 the root group has an obj_cgroup, which is not charged. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
#define charge_is_root(objcg)	false
#else
#define charge_is_root(objcg)	obj_cgroup_is_root(objcg)
#endif

/* Until 6.6 a shrinker is memory of its owner. */
#define SHRINKERS_ARE_ALLOCATED	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0))

/* Since 6.4 a shrinker that frees pages other than slabs reports them by a function. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define account_reclaimed(npages) do {						\
	if (current->reclaim_state)						\
		current->reclaim_state->reclaimed_slab += (npages);		\
} while (0)
#else
#define account_reclaimed(npages)	mm_account_reclaimed_pages(npages)
#endif

/* vmalloc() takes GFP_ATOMIC and GFP_NOWAIT since 6.19. */
#define VMALLOC_CAN_BE_ATOMIC	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0))

#endif /* SPANALLOC_COMPAT_H */
