/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel functions, and init_mm, that are not exported to modules. Only vm.c and charge.c
 * use them.
 */
#ifndef SPANALLOC_SYMBOLS_H
#define SPANALLOC_SYMBOLS_H

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/static_call.h>
#include <linux/vmalloc.h>

#ifdef MODULE

/*
 * Addresses are looked up at load. Calls are direct, because IBT forbids indirect calls of
 * these functions. The span_type_ functions are declared for their types, and never defined.
 */
struct vm_struct *span_type_get_vm_area_caller(unsigned long size, unsigned long flags,
					       const void *caller);
int span_type___vmap_pages_range_noflush(unsigned long addr, unsigned long end, pgprot_t prot,
					 struct page **pages, unsigned int page_shift);
void span_type_vunmap_range_noflush(unsigned long start, unsigned long end);
void span_type_flush_tlb_kernel_range(unsigned long start, unsigned long end);

#ifdef CHARGE_MEMCG
struct obj_cgroup *span_type_current_objcg(void);
int span_type_obj_cgroup_charge(struct obj_cgroup *objcg, gfp_t gfp, size_t size);
void span_type_obj_cgroup_uncharge(struct obj_cgroup *objcg, size_t size);

DECLARE_STATIC_CALL(span_current_objcg, span_type_current_objcg);
DECLARE_STATIC_CALL(span_obj_cgroup_charge, span_type_obj_cgroup_charge);
DECLARE_STATIC_CALL(span_obj_cgroup_uncharge, span_type_obj_cgroup_uncharge);
#endif

DECLARE_STATIC_CALL(span_get_vm_area_caller, span_type_get_vm_area_caller);
DECLARE_STATIC_CALL(span___vmap_pages_range_noflush, span_type___vmap_pages_range_noflush);
DECLARE_STATIC_CALL(span_vunmap_range_noflush, span_type_vunmap_range_noflush);
DECLARE_STATIC_CALL(span_flush_tlb_kernel_range, span_type_flush_tlb_kernel_range);

#define span_symbol(name)	static_call(span_##name)

extern struct mm_struct *span_init_mm;
int span_symbols_init(void);

#else

#include <asm/tlbflush.h>

int __vmap_pages_range_noflush(unsigned long addr, unsigned long end, pgprot_t prot,
			       struct page **pages, unsigned int page_shift);
void vunmap_range_noflush(unsigned long start, unsigned long end);

#define span_symbol(name)	name
#define span_init_mm		(&init_mm)

static inline int span_symbols_init(void)
{
	return 0;
}

#endif

#endif /* SPANALLOC_SYMBOLS_H */
