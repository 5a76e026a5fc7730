/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lets spanram.c, written for the block layer of 7.3, build on 6.1. Included
 * by force for that one file, before anything else.
 *
 * Before 6.9 blk_alloc_disk() took no limits and returned NULL on failure;
 * limits were set one by one on the queue of a disk that existed already.
 */
#ifndef SPANRAM_COMPAT_H
#define SPANRAM_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)

#include <linux/blkdev.h>
#include <linux/err.h>

static inline struct gendisk *
spanram_alloc_disk(const struct queue_limits *lim, int node)
{
	struct gendisk *disk = blk_alloc_disk(node);
	struct request_queue *queue;

	if (!disk)
		return ERR_PTR(-ENOMEM);
	queue = disk->queue;

	blk_queue_logical_block_size(queue, lim->logical_block_size);
	blk_queue_physical_block_size(queue, lim->physical_block_size);
	queue->limits.discard_granularity = lim->discard_granularity;
	blk_queue_max_discard_sectors(queue, lim->max_hw_discard_sectors);
	blk_queue_max_write_zeroes_sectors(queue, lim->max_write_zeroes_sectors);
	/* Newer kernels take a disk for solid state unless told otherwise. */
	blk_queue_flag_set(QUEUE_FLAG_NONROT, queue);
	return disk;
}

#undef blk_alloc_disk
#define blk_alloc_disk(lim, node)	spanram_alloc_disk(lim, node)

/* The headers above have set the default; the source brings its own. */
#undef pr_fmt

#endif /* before 6.9 */

#endif /* SPANRAM_COMPAT_H */
