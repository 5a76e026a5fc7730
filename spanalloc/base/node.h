/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NUMA nodes: which one to use where no caller named one.
 */
#ifndef SPANALLOC_NODE_H
#define SPANALLOC_NODE_H

#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/topology.h>

/* Is there just one node? Then no memory is on the wrong one. */
static __always_inline bool has_one_node(void)
{
	return !IS_ENABLED(CONFIG_NUMA) || nr_online_nodes == 1;
}

/* @node, or the node of this CPU's memory for %NUMA_NO_NODE. A hint: the task may migrate. */
static inline int node_or_local(int node)
{
	return node == NUMA_NO_NODE ? numa_mem_id() : node;
}

/* The page index's tag for memory of @node, whose 0 means no memory. */
static inline unsigned int node_tag(int node)
{
	return node + 1;
}

static inline int node_of_tag(unsigned int tag)
{
	return (int)tag - 1;
}

#endif /* SPANALLOC_NODE_H */
