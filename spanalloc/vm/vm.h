/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address space and page tables.
 */
#ifndef SPANALLOC_VM_H
#define SPANALLOC_VM_H

#include <linux/types.h>

struct page;
struct vm_struct;

/**
 * struct vm_range - reserved address space
 * @area: the kernel's descriptor of it
 * @base: first usable byte, aligned as asked
 * @bytes: usable length
 */
struct vm_range {
	struct vm_struct *area;
	unsigned long base;
	unsigned long bytes;
};

extern bool vm_inconsistency_is_expected;
extern atomic_t vm_inconsistencies;

int vm_init(void);
int vm_reserve(struct vm_range *range, unsigned long bytes, unsigned long align);
void vm_unreserve(struct vm_range *range);
int vm_populate(unsigned long addr, unsigned long bytes);
int vm_map(unsigned long addr, struct page **pages, unsigned long npages);
unsigned long vm_pages(unsigned long addr, struct page **pages, unsigned long npages);
bool vm_pages_expected(unsigned long addr, struct page **pages, unsigned long npages);
unsigned long vm_missing(unsigned long addr, unsigned long *missing, unsigned long npages);
void vm_report_inconsistency(unsigned long addr, unsigned long npages, const char *what);
void vm_unmap(unsigned long addr, unsigned long npages);
void vm_flush(unsigned long start, unsigned long end);

#endif /* SPANALLOC_VM_H */
