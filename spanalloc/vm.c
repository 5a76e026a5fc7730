// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm layer: address space and page tables.
 *
 * The only file that touches either. It reserves ranges of the vmalloc area,
 * fills in their page tables once, and from then on maps and unmaps pages in
 * them without allocating anything, so that mapping works in any context.
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
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "internal.h"
#include "symbols.h"

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
 * Context: Process context. May sleep. Ranges that two callers populate at a
 * time may share upper tables.
 *
 * Return: 0 or %-ENOMEM
 */
int vm_populate(unsigned long addr, unsigned long bytes)
{
	return apply_to_page_range(span_init_mm, addr, bytes, NULL, NULL);
}

/**
 * vm_map() - map pages into populated, empty address space
 * @addr: first byte
 * @pages: the pages
 * @npages: how many
 *
 * Context: Any context but NMI. Allocates nothing.
 *
 * Return: 0, or a negative error code if something was mapped there already
 */
int vm_map(unsigned long addr, struct page **pages, unsigned long npages)
{
	return span_symbol(__vmap_pages_range_noflush)(addr, addr + (npages << PAGE_SHIFT),
						       PAGE_KERNEL, pages, PAGE_SHIFT);
}

struct vm_walk {
	struct page **pages;
	unsigned long *missing;
	unsigned long nr;
};

static int vm_walk_pages(pte_t *pte, unsigned long addr, void *data)
{
	struct vm_walk *walk = data;

	walk->pages[walk->nr++] = pte_page(*pte);
	return 0;
}

static int vm_walk_missing(pte_t *pte, unsigned long addr, void *data)
{
	struct vm_walk *walk = data;

	if (pte_none(*pte))
		__set_bit(walk->nr, walk->missing);
	walk->nr++;
	return 0;
}

/**
 * vm_pages() - find the pages behind a mapped range
 * @addr: first byte
 * @pages: where to put them
 * @npages: how many
 *
 * Context: Any context but NMI.
 */
void vm_pages(unsigned long addr, struct page **pages, unsigned long npages)
{
	struct vm_walk walk = { .pages = pages };

	apply_to_page_range(span_init_mm, addr, npages << PAGE_SHIFT, vm_walk_pages, &walk);
}

/**
 * vm_missing() - find the holes in a populated range
 * @addr: first byte
 * @missing: bitmap of @npages bits, all clear; a bit is set for each page that
 *	nothing is mapped at
 * @npages: length in pages
 *
 * Context: Any context but NMI.
 */
void vm_missing(unsigned long addr, unsigned long *missing, unsigned long npages)
{
	struct vm_walk walk = { .missing = missing };

	apply_to_page_range(span_init_mm, addr, npages << PAGE_SHIFT, vm_walk_missing, &walk);
}

/**
 * vm_unmap() - take pages out of the page tables
 * @addr: first byte
 * @npages: how many
 *
 * Context: Process context. May sleep. The TLB still knows the pages.
 */
void vm_unmap(unsigned long addr, unsigned long npages)
{
	span_symbol(vunmap_range_noflush)(addr, addr + (npages << PAGE_SHIFT));
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
