/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: searches for free runs. Only pageindex*.c may include this.
 */
#ifndef SPANALLOC_PAGEINDEX_SEARCH_H
#define SPANALLOC_PAGEINDEX_SEARCH_H

#include "index/pageindex.h"

unsigned long pageindex_run_length(const struct pageindex *idx, unsigned long page,
				   unsigned long n);
bool pageindex_find_first(struct pageindex *idx, unsigned long n, unsigned long *found);
bool pageindex_find_from(struct pageindex *idx, unsigned long n, unsigned long from,
			 unsigned long *found);

#endif /* SPANALLOC_PAGEINDEX_SEARCH_H */
