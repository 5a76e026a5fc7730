/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel functions that are not exported to modules. vm.c alone calls them.
 */
#ifndef SPANALLOC_SYMBOLS_H
#define SPANALLOC_SYMBOLS_H

#include <linux/mm.h>
#include <linux/static_call.h>
#include <linux/vmalloc.h>

/* X(name): each has a type <name>_fn below. */
#define SPAN_SYMBOLS(X)			\
	X(get_vm_area_caller)		\
	X(__vmap_pages_range_noflush)	\
	X(vunmap_range_noflush)		\
	X(flush_tlb_kernel_range)

typedef struct vm_struct *get_vm_area_caller_fn(unsigned long size, unsigned long flags,
						const void *caller);
typedef int __vmap_pages_range_noflush_fn(unsigned long addr, unsigned long end, pgprot_t prot,
					  struct page **pages, unsigned int page_shift);
typedef void vunmap_range_noflush_fn(unsigned long start, unsigned long end);
typedef void flush_tlb_kernel_range_fn(unsigned long start, unsigned long end);

#ifdef MODULE

/*
 * The address is looked up, but the call is direct: on kernels built with IBT
 * these functions must not be the target of an indirect one.
 */
#define SPAN_SYMBOL_DECLARE(name)			\
	extern name##_fn span_type_##name;		\
	DECLARE_STATIC_CALL(span_##name, span_type_##name);
SPAN_SYMBOLS(SPAN_SYMBOL_DECLARE)
#undef SPAN_SYMBOL_DECLARE

#define span_symbol(name)	static_call(span_##name)

extern struct mm_struct *span_init_mm;
int span_symbols_init(void);

#else

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
