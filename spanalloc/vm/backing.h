/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backing: physical pages behind a run of claimed pages.
 */
#ifndef SPANALLOC_BACKING_H
#define SPANALLOC_BACKING_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/types.h>

/**
 * struct page_stash - pages and a bitmap, allocated before the run that needs them is claimed
 * @pages: the pages, linked by their lru
 * @nr: how many
 * @missing: bitmap that the run may need for &backing.missing
 */
struct page_stash {
	struct list_head pages;
	unsigned long nr;
	unsigned long *missing;
};

/**
 * struct backing - a run of claimed pages that shall have memory behind it
 * @addr: first byte
 * @npages: length in pages
 * @released: how many of them had nothing mapped before backing_provide()
 * @clean: offset from which on pages that were mapped before are known to hold zeros
 * @node: where memory shall come from
 * @gfp: how to allocate it
 * @stash: memory that is used first, or NULL
 * @missing: a bit for each page that had nothing mapped; NULL if that is all or none of them,
 *	or if backing_provide() has not run
 * @done: missing pages below this offset have been provided
 * @provided: number of missing pages that have been provided
 * @zeroed: pages that were cleared, here or by the page allocator
 * @skipped: pages that were not cleared because they were known to be zero
 * @replaced: pages of another node that were replaced and went back to the system
 * @flushes: TLB flushes that replacing pages took
 */
struct backing {
	unsigned long addr;
	unsigned long npages;
	unsigned long released;
	unsigned long clean;
	int node;
	gfp_t gfp;
	struct page_stash *stash;
	unsigned long *missing;
	unsigned long done;
	unsigned long provided;
	unsigned long zeroed;
	unsigned long skipped;
	unsigned long replaced;
	unsigned int flushes;
};

int backing_stash(struct page_stash *stash, unsigned long npages, int node, gfp_t gfp);
void backing_unstash(struct page_stash *stash);
void backing_clear(unsigned long addr, unsigned long npages, bool may_sleep);
int backing_provide(struct backing *backing);
bool backing_next_missing(const struct backing *backing, unsigned long *start,
			  unsigned long *end);
void backing_end(struct backing *backing);
unsigned int backing_undo(struct backing *backing);
unsigned int backing_drop(unsigned long addr, unsigned long npages);

#endif /* SPANALLOC_BACKING_H */
