// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm layer: address space and page tables.
 *
 * No other file changes page tables. This file reserves ranges of the vmalloc area,
 * fills in their page tables once, and from then on maps and unmaps pages in
 * them without allocating anything, so that vm_map() works in any context but NMI. vm_unmap()
 * may sleep, and vm_flush() needs interrupts enabled.
 *
 *	vm_reserve -> vm_populate -> vm_map -> vm_unmap -> vm_flush -> vm_unreserve
 *				       ^		       |
 *				       +-----------------------+
 *
 * A page taken out by vm_unmap() may still be in some CPU's TLB until
 * vm_flush(); it must not go back to the page allocator before.
 *
 * No locks: callers own the ranges they pass.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/bitops.h>
#include <linux/cacheflush.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/vmalloc.h>

#include "vm/symbols.h"
#include "vm/vm.h"

/**
 * vm_init() - make the vm layer usable
 *
 * Context: Process context, once, at load.
 *
 * Return: 0 or a negative error code
 */
int __init vm_init(void)
{
	return span_symbols_init();
}

/**
 * vm_reserve() - reserve address space
 * @range: filled in on success
 * @bytes: how much, in bytes
 * @align: power of two that the range shall be aligned to, in bytes
 *
 * The vmalloc area hands out unaligned ranges, so that more than @bytes has to
 * be taken; the surplus is neither mapped nor given page tables.
 *
 * Context: Process context. May sleep.
 *
 * Return: 0 or %-ENOMEM
 */
int vm_reserve(struct vm_range *range, unsigned long bytes, unsigned long align)
{
	range->area = span_symbol(get_vm_area_caller)(bytes + align, VM_MAP,
						      (void *)_THIS_IP_);
	if (!range->area)
		return -ENOMEM;
	range->base = ALIGN((unsigned long)range->area->addr, align);
	range->bytes = bytes;
	return 0;
}

/**
 * vm_unreserve() - give address space back
 * @range: what vm_reserve() filled in, with nothing mapped
 *
 * Context: Process context. May sleep.
 */
void vm_unreserve(struct vm_range *range)
{
	free_vm_area(range->area);
	range->area = NULL;
}

/**
 * vm_populate() - allocate the page tables of a range
 * @addr: first byte
 * @bytes: length, in bytes
 *
 * Context: Process context. May sleep. Concurrent callers may populate ranges that share
 * upper tables.
 *
 * Return: 0 or %-ENOMEM
 */
int vm_populate(unsigned long addr, unsigned long bytes)
{
	return apply_to_page_range(span_init_mm, addr, bytes, NULL, NULL);
}

/* === Reading page tables ================================================ */

/*
 * A position in page tables, which are read by hand. apply_to_page_range() would enter lazy
 * MMU mode, which does not nest, and on Xen PV an interrupt may arrive in that mode.
 */
struct vm_cursor {
	unsigned long addr;
	pte_t *pte;
};

/* The table entry of an address; NULL if the address was never populated. */
static pte_t *vm_find_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset(span_init_mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd) || pmd_leaf(*pmd))
		return NULL;
	return pte_offset_kernel(pmd, addr);
}

/* Returns the page mapped at the cursor, or NULL, and moves the cursor on by a page. */
static struct page *vm_next_page(struct vm_cursor *cursor)
{
	pte_t pte;

	if (!cursor->pte || !(cursor->addr & ~PMD_MASK))
		cursor->pte = vm_find_pte(cursor->addr);
	cursor->addr += PAGE_SIZE;
	if (!cursor->pte)
		return NULL;
	pte = ptep_get(cursor->pte++);
	return pte_none(pte) ? NULL : pte_page(pte);
}

/**
 * vm_pages() - find the pages behind a range
 * @addr: first byte
 * @pages: where to put them; %NULL where nothing is mapped
 * @npages: how many
 *
 * Context: Any context but NMI.
 *
 * Return: how many there are, @npages if the range is mapped as a whole
 */
unsigned long vm_pages(unsigned long addr, struct page **pages, unsigned long npages)
{
	struct vm_cursor cursor = { .addr = addr };
	unsigned long i, found = 0;

	for (i = 0; i < npages; i++) {
		pages[i] = vm_next_page(&cursor);
		found += !!pages[i];
	}
	return found;
}

/**
 * vm_pages_expected() - find the pages behind a range that is mapped as a whole
 * @addr: first byte
 * @pages: where to put them; %NULL where nothing is mapped
 * @npages: how many
 *
 * Reports an inconsistency if some are missing.
 *
 * Context: Any context but NMI.
 *
 * Return: false if some are missing
 */
bool vm_pages_expected(unsigned long addr, struct page **pages, unsigned long npages)
{
	if (likely(vm_pages(addr, pages, npages) == npages))
		return true;
	vm_report_inconsistency(addr, npages, "some are missing");
	return false;
}

/**
 * vm_missing() - find the holes in a range
 * @addr: first byte
 * @missing: bitmap of @npages bits, all clear; a bit is set for each page that
 *	nothing is mapped at
 * @npages: length in pages
 *
 * Context: Any context but NMI.
 *
 * Return: how many bits have been set
 */
unsigned long vm_missing(unsigned long addr, unsigned long *missing, unsigned long npages)
{
	struct vm_cursor cursor = { .addr = addr };
	unsigned long i, holes = 0;

	for (i = 0; i < npages; i++) {
		if (vm_next_page(&cursor))
			continue;
		__set_bit(i, missing);
		holes++;
	}
	return holes;
}

static bool vm_is_empty(unsigned long addr, unsigned long npages)
{
	struct vm_cursor cursor = { .addr = addr };

	while (npages--)
		if (vm_next_page(&cursor))
			return false;
	return true;
}

/* === Inconsistency ====================================================== */

/* A test that provokes an inconsistency sets the flag, and checks the count. */
bool vm_inconsistency_is_expected;
atomic_t vm_inconsistencies;

/**
 * vm_report_inconsistency() - say that page tables are not as the page index has them
 * @addr: first byte of the range in question
 * @npages: its length
 * @what: what is wrong with it, the end of a sentence
 *
 * Either this module has a defect, or other code has changed these page tables. The caller
 * fails, or goes on with the pages that the page tables have.
 *
 * Context: Any but NMI.
 */
void vm_report_inconsistency(unsigned long addr, unsigned long npages, const char *what)
{
	atomic_inc(&vm_inconsistencies);
	if (!READ_ONCE(vm_inconsistency_is_expected))
		pr_err_ratelimited("inconsistent: of %lu pages at %p %s\n", npages, (void *)addr,
				   what);
}

/* === Changing page tables =============================================== */

/**
 * vm_map() - map pages into populated, empty address space
 * @addr: first byte
 * @pages: the pages
 * @npages: how many
 *
 * Context: Any context but NMI. Allocates nothing.
 *
 * Return: 0; %-EBUSY if a page was mapped there already, and then none of @pages is mapped;
 * after another error some of @pages may be mapped, and the caller must leak all of them
 */
int vm_map(unsigned long addr, struct page **pages, unsigned long npages)
{
	unsigned long end = addr + (npages << PAGE_SHIFT);
	int ret;

	if (unlikely(!vm_is_empty(addr, npages))) {
		vm_report_inconsistency(addr, npages, "some are mapped already");
		return -EBUSY;
	}
	ret = span_symbol(__vmap_pages_range_noflush)(addr, end, PAGE_KERNEL, pages, PAGE_SHIFT);
	if (ret)
		vm_report_inconsistency(addr, npages, "some cannot be mapped");
	flush_cache_vmap(addr, end);
	return ret;
}

/**
 * vm_unmap() - take pages out of the page tables
 * @addr: first byte
 * @npages: how many
 *
 * Context: Process context. May sleep. TLBs may still have the pages until vm_flush().
 */
void vm_unmap(unsigned long addr, unsigned long npages)
{
	unsigned long end = addr + (npages << PAGE_SHIFT);

	flush_cache_vunmap(addr, end);
	span_symbol(vunmap_range_noflush)(addr, end);
}

/**
 * vm_flush() - make every CPU forget unmapped pages
 * @start: first byte of the range
 * @end: first byte after it
 *
 * Context: Interrupts enabled: waits for other CPUs.
 */
void vm_flush(unsigned long start, unsigned long end)
{
	span_symbol(flush_tlb_kernel_range)(start, end);
}
