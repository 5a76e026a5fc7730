/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Request: what an allocation asks for, on its way through the layers.
 */
#ifndef SPANALLOC_REQUEST_H
#define SPANALLOC_REQUEST_H

#include <linux/gfp.h>
#include <linux/types.h>

#include <spanalloc/spanalloc.h>

#include "base/node.h"
#include "heap/heap.h"

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

/**
 * request_node() - the node that a request is to be served from
 * @req: the request
 *
 * Context: Any.
 *
 * Return: the node; %NUMA_NO_NODE only where there is just one
 */
static inline int request_node(const struct span_request *req)
{
	if (req->node == NUMA_NO_NODE || has_one_node())
		return heap_home_node(req->heap);
	return req->node;
}

/**
 * request_backing_node() - the node that memory for a request is to be allocated from
 * @req: the request
 * @node: what request_node() returned
 *
 * Context: Any.
 *
 * Return: the node, or %NUMA_NO_NODE for any
 */
static inline int request_backing_node(const struct span_request *req, int node)
{
	if (req->gfp & __GFP_THISNODE && node != NUMA_NO_NODE)
		return node;
	return req->node == NUMA_NO_NODE ? req->heap->node : req->node;
}

#endif /* SPANALLOC_REQUEST_H */
