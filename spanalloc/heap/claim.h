/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Claim: runs of free pages, taken out of the page index.
 */
#ifndef SPANALLOC_CLAIM_H
#define SPANALLOC_CLAIM_H

#include <linux/types.h>

#include "heap/request.h"
#include "index/pageindex.h"

struct backing;
struct span;
struct page_stash;

bool claim_short(const struct span_request *req, int node, struct pageindex_claim *claim,
		 struct span *span, unsigned long *grows);
enum alloc_failure claim_run(const struct span_request *req, int node,
			     struct pageindex_claim *claim, struct span *span,
			     struct page_stash *stash);
void claim_undo(struct span_heap *heap, const struct pageindex_claim *claim,
		const struct backing *backing);

#endif /* SPANALLOC_CLAIM_H */
