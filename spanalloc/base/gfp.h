/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flags of allocations that the module makes for itself.
 */
#ifndef SPANALLOC_GFP_H
#define SPANALLOC_GFP_H

#include <linux/gfp.h>

/*
 * Flags for metadata of a caller that asked for pages with @gfp: keep how it may wait; drop
 * zeroing, charging, binding to a node or a cpuset, and __GFP_WRITE.
 */
static inline gfp_t metadata_gfp(gfp_t gfp)
{
	return gfp & ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_THISNODE | __GFP_HARDWALL | __GFP_WRITE);
}

#endif /* SPANALLOC_GFP_H */
