/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spanram.c is written for the block layer of 7.3. This header lets it build on 6.1.
 * Kbuild includes the header by force, before all others.
 *
 * Before 6.9 blk_alloc_disk() takes no limits and returns NULL on failure. Limits are
 * set one by one, on the queue of a disk that has been allocated.
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
	/* Later kernels take a disk as non-rotational by default. */
	blk_queue_flag_set(QUEUE_FLAG_NONROT, queue);
	return disk;
}

#undef blk_alloc_disk
#define blk_alloc_disk(lim, node)	spanram_alloc_disk(lim, node)

/* The headers above define the default; spanram.c defines its own. */
#undef pr_fmt

#endif /* before 6.9 */

#endif /* SPANRAM_COMPAT_H */
