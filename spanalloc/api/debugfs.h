/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of heaps in debugfs.
 */
#ifndef SPANALLOC_DEBUGFS_H
#define SPANALLOC_DEBUGFS_H

struct span_heap;

void span_debugfs_init(void);
void span_debugfs_exit(void);
void span_debugfs_add_heap(struct span_heap *heap);
void span_debugfs_remove_heap(struct span_heap *heap);

#endif /* SPANALLOC_DEBUGFS_H */
