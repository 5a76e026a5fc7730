/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of heaps in debugfs.
 */
#ifndef SPANALLOC_DEBUGFS_H
#define SPANALLOC_DEBUGFS_H

#include <linux/stddef.h>
#include <linux/types.h>

#include <spanalloc/spanalloc.h>

/**
 * struct span_debugfs_stat - one line of the file stats
 * @name: the member of &struct span_heap_stats
 * @offset: where the member is
 */
struct span_debugfs_stat {
	const char *name;
	size_t offset;
};

/* All members of struct span_heap_stats. Tests loop over them too. */
extern const struct span_debugfs_stat
span_debugfs_stats[sizeof(struct span_heap_stats) / sizeof(u64)];

void span_debugfs_init(void);
void span_debugfs_exit(void);
void span_debugfs_add_heap(struct span_heap *heap);
void span_debugfs_remove_heap(struct span_heap *heap);

#endif /* SPANALLOC_DEBUGFS_H */
