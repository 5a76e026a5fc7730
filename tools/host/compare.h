/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compare: what a twin does to find out whether index and model still agree.
 */
#ifndef HOST_COMPARE_H
#define HOST_COMPARE_H

#include "twin.h"

/* Say what is different; the twin has failed. */
void differ(struct twin *twin, const char *format, ...)
	__attribute__((__format__(printf, 2, 3)));

void compare_counters(struct twin *twin);
void compare_chunk(struct twin *twin, unsigned long chunk);

/* After a change of pages @page..@page + @npages - 1: is all as it should be? */
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

/* By how many pages taking this run would exceed the limit, and what the index says. */
unsigned long excess(const struct twin *twin, unsigned long page, unsigned long npages);
void compare_excess(struct twin *twin, unsigned long have, unsigned long want,
		    unsigned long npages);

#endif /* HOST_COMPARE_H */
