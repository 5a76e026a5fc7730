/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel versions, and nothing but that. Kbuild includes this file ahead of
 * every source of the project; it makes 6.1 to 7.2 look like 7.3, so that no
 * other file has to ask which kernel it is built for.
 */
#ifndef SPANALLOC_COMPAT_H
#define SPANALLOC_COMPAT_H

#include <linux/export.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "spanalloc calls kernel functions by address; it is known to fit 6.1 to 7.3 only"
#endif

/* Namespaces became string literals in 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#undef EXPORT_SYMBOL_NS_GPL
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define EXPORT_SYMBOL_NS_GPL(sym, ns)	__EXPORT_SYMBOL(sym, "_gpl", ns)
#else
#define EXPORT_SYMBOL_NS_GPL(sym, ns)	__EXPORT_SYMBOL(sym, "GPL", ns)
#endif
#endif

/* Bulk allocation lost its list variant, and the word "array", in 6.14. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define alloc_pages_bulk_node(gfp, nid, nr, pages) \
	alloc_pages_bulk_array_node(gfp, nid, nr, pages)
#endif

/* vmalloc() takes GFP_ATOMIC and GFP_NOWAIT since 6.19. */
#define VMALLOC_CAN_BE_ATOMIC	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0))

#endif /* SPANALLOC_COMPAT_H */
