/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Claim: runs of free pages, taken out of the page index.
 */
#ifndef SPANALLOC_CLAIM_H
#define SPANALLOC_CLAIM_H

#include <linux/gfp.h>
#include <linux/types.h>

#include <spanalloc/spanalloc.h>

#include "index/lookup.h"
#include "index/pageindex.h"

struct backing;
struct page_stash;

/**
 * struct span_request - the parameters of an allocation
 * @heap: heap to allocate from
 * @npages: length in pages
 * @align: alignment in pages, a power of two
 * @node: node that memory shall come from, or %NUMA_NO_NODE
 * @kind: what the pages are for
 * @gfp: how to allocate
 * @caller: return address of the client's call
 */
struct span_request {
	struct span_heap *heap;
	unsigned long npages;
	unsigned long align;
	int node;
	enum span_kind kind;
	gfp_t gfp;
	unsigned long caller;
};

/* Why there is no span. */
enum alloc_failure {
	ALLOC_OK,
	ALLOC_INVALID,
	ALLOC_LIMIT,		/* the heap's own limit */
	ALLOC_TOTAL,		/* the limit on all heaps together */
	ALLOC_NO_SPACE,
	ALLOC_NO_BACKING,
	ALLOC_NO_METADATA,
	ALLOC_NO_CHARGE
};

int claim_node(const struct span_request *req);
int claim_backing_node(const struct span_request *req, int node);
bool claim_short(const struct span_request *req, int node, struct pageindex_claim *claim,
		 struct span *span, unsigned long *grows);
enum alloc_failure claim_run(const struct span_request *req, int node,
			     struct pageindex_claim *claim, struct span *span,
			     struct page_stash *stash);
void claim_undo(struct span_heap *heap, const struct pageindex_claim *claim,
		const struct backing *backing);

#endif /* SPANALLOC_CLAIM_H */
