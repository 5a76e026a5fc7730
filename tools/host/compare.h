/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compare: whether the index and the model of a twin agree.
 */
#ifndef HOST_COMPARE_H
#define HOST_COMPARE_H

#include "twin.h"

/* Print a difference, and mark the twin as failed. */
void differ(struct twin *twin, const char *format, ...)
	__attribute__((__format__(printf, 2, 3)));

void compare_counters(struct twin *twin);
void compare_chunk(struct twin *twin, unsigned long chunk);

/* Compare the twin after a change of pages @page..@page + @npages - 1. */
void compare(struct twin *twin, unsigned long page, unsigned long npages);

/*
 * Compare @claim, which the index filled in when it took @npages pages, with the model as
 * it was before.
 */
void compare_claim(struct twin *twin, const struct pageindex_claim *claim,
		   unsigned long npages);

/* Compare the fresh pages of a claim with the least and the most that can be fresh. */
unsigned long fresh_pages(const struct model *model, unsigned long page, unsigned long npages);
void compare_fresh(struct twin *twin, unsigned long fresh, unsigned long low,
		   unsigned long high);

/* Pages by which this run would exceed the limit; compare_excess() checks the index's answer. */
unsigned long excess(const struct twin *twin, unsigned long page, unsigned long npages);
void compare_excess(struct twin *twin, unsigned long have, unsigned long want,
		    unsigned long npages);

#endif /* HOST_COMPARE_H */
