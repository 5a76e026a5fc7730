// SPDX-License-Identifier: GPL-2.0-only
/*
 * spanram: a block device in RAM, /dev/spanram0, whose storage is spans.
 *
 * The device is cut into extents of extent_kb. An extent that was never
 * written is a hole: it uses no memory and reads as zeros. The first write to
 * an extent allocates a span, and sets the device as the span's owner. A
 * discard, or a write of zeros that may unmap, frees the span if it covers the
 * extent, or if the rest of the extent holds only zeros. Freed spans stay
 * mapped in the heap until the heap's scavenger releases their pages, so that
 * the next first write is cheap.
 *
 * The default extent is 64 KiB. Smaller extents would follow the holes of a
 * file system more closely, but each extent costs a span descriptor and a
 * table entry. One live block in a larger extent keeps more memory in use, and
 * the first write to that extent clears more memory.
 *
 *	sector ---> extents (xarray) ---> span of extent_bytes
 *	       \--> stripes[index % SPANRAM_STRIPES].lock
 *
 * Bios arrive on all CPUs at once. The lock of an extent's stripe is held for
 * reading while a bio accesses the contents of the extent, or fills its slot
 * in the table, and for writing while a discard empties the slot. So no bio uses
 * a span that has left the table, and the span is freed directly. RCU would
 * defer the free: memory would stay in use after its discard, and a write could
 * fail at the heap's limit in the meantime.
 * Concurrent bios for the same sectors have no defined order on any disk, so
 * that writers do not exclude each other.
 *
 * Lock order:
 *  1. stripe lock (rw_semaphore; never two at once)
 *  2. xa_lock of the table, inside the xa_*() calls
 *
 * Spans are allocated and freed with no lock held, table nodes are allocated
 * under a stripe lock. Both use GFP_NOIO: reclaim that wrote back to this disk
 * would wait for the bio that waits for the allocation, or for its lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include <spanalloc/spanalloc.h>

#define SPANRAM_NAME	"spanram0"

/* Adjoining extents have different stripes, so that streams of I/O rarely contend. */
#define SPANRAM_STRIPES	64

#define MIB_SHIFT	20

static unsigned long size_mb = 256;
module_param(size_mb, ulong, 0444);
MODULE_PARM_DESC(size_mb, "Size of the device in MiB (default 256)");

static char *heap = "private";
module_param(heap, charp, 0444);
MODULE_PARM_DESC(heap, "Heap of the storage: \"private\", the device's own, named spanram0 (default), or \"default\", the heap that clients share");

static unsigned int extent_kb = 64;
module_param(extent_kb, uint, 0444);
MODULE_PARM_DESC(extent_kb, "Unit of storage and of discard in KiB, a power of two from one page to 1024 (default 64)");

static unsigned int scavenge_age_ms;
module_param(scavenge_age_ms, uint, 0444);
MODULE_PARM_DESC(scavenge_age_ms, "Private heap: age in ms at which idle pages are released (0, the default: that of spanalloc's parameter)");

static unsigned long limit_mb;
module_param(limit_mb, ulong, 0444);
MODULE_PARM_DESC(limit_mb, "Private heap: hard limit in MiB on memory in use and idle (0, the default: none)");

/**
 * struct spanram_stripe - lock of every SPANRAM_STRIPES-th extent
 * @lock: see the head of this file
 */
struct spanram_stripe {
	struct rw_semaphore lock;
} ____cacheline_aligned_in_smp;

/**
 * struct spanram - the device
 * @disk: the disk of the block layer
 * @heap: the heap that spans are allocated from
 * @private_heap: @heap is this device's own
 * @extent_shift: log2 of @extent_bytes
 * @extent_bytes: size of an extent
 * @extents: base of the span of each extent, by extent index; a hole has no entry
 * @stripes: locks of the extents
 */
struct spanram {
	struct gendisk *disk;
	struct span_heap *heap;
	bool private_heap;
	unsigned int extent_shift;
	unsigned int extent_bytes;
	struct xarray extents;
	struct spanram_stripe stripes[SPANRAM_STRIPES];
};

static struct spanram spanram;

static unsigned long extent_index(const struct spanram *ram, u64 pos)
{
	return pos >> ram->extent_shift;
}

static unsigned int extent_offset(const struct spanram *ram, u64 pos)
{
	return pos & (ram->extent_bytes - 1);
}

static struct rw_semaphore *extent_lock(struct spanram *ram, unsigned long index)
{
	return &ram->stripes[index % SPANRAM_STRIPES].lock;
}

static void *extent_alloc(struct spanram *ram)
{
	void *data;

	data = span_alloc(ram->heap, ram->extent_bytes >> PAGE_SHIFT,
			  GFP_NOIO | __GFP_ZERO | __GFP_NOWARN);
	if (data && span_set_owner(data, ram)) {
		span_free(data);
		return NULL;
	}
	return data;
}

static blk_status_t extent_read(struct spanram *ram, unsigned long index,
				unsigned int offset, void *to, unsigned int len)
{
	struct rw_semaphore *lock = extent_lock(ram, index);
	const void *data;

	down_read(lock);
	data = xa_load(&ram->extents, index);
	if (data)
		memcpy(to, data + offset, len);
	else
		memset(to, 0, len);
	up_read(lock);
	return BLK_STS_OK;
}

static blk_status_t extent_write(struct spanram *ram, unsigned long index,
				 unsigned int offset, const void *from,
				 unsigned int len)
{
	struct rw_semaphore *lock = extent_lock(ram, index);
	blk_status_t status = BLK_STS_OK;
	void *fresh = NULL;
	void *data;

	down_read(lock);
	data = xa_load(&ram->extents, index);
	if (!data) {
		up_read(lock);
		fresh = extent_alloc(ram);
		if (!fresh) {
			/* File systems handle this error as a full disk. */
			pr_warn_ratelimited("no memory for a new extent\n");
			return BLK_STS_NOSPC;
		}

		down_read(lock);
		data = xa_cmpxchg(&ram->extents, index, NULL, fresh, GFP_NOIO);
		if (xa_is_err(data)) {
			status = BLK_STS_RESOURCE;
		} else if (!data) {
			data = fresh;
			fresh = NULL;
		}
	}
	if (status == BLK_STS_OK)
		memcpy(data + offset, from, len);
	up_read(lock);

	/* NULL unless the table could not take the span, or has another one. */
	span_free(fresh);
	return status;
}

/*
 * Clear part of an extent. Without @keep, an extent that then holds only zeros becomes a
 * hole, and its span is freed.
 */
static void extent_zero(struct spanram *ram, unsigned long index,
			unsigned int offset, unsigned int len, bool keep)
{
	struct rw_semaphore *lock = extent_lock(ram, index);
	bool whole = len == ram->extent_bytes;
	void *dead = NULL;
	void *data;

	down_write(lock);
	data = xa_load(&ram->extents, index);
	if (data) {
		if (keep || !whole)
			memset(data + offset, 0, len);
		if (!keep && (whole || !memchr_inv(data, 0, ram->extent_bytes)))
			dead = xa_erase(&ram->extents, index);
	}
	up_write(lock);

	span_free(dead);
}

static void spanram_zero(struct spanram *ram, u64 pos, u64 len, bool keep)
{
	const u64 end = pos + len;

	while (pos < end) {
		unsigned long index = extent_index(ram, pos);
		unsigned int offset = extent_offset(ram, pos);
		unsigned int part = min_t(u64, ram->extent_bytes - offset, end - pos);

		/*
		 * Skip holes, since a discard may cover gigabytes of them. A write that
		 * fills a skipped hole at the same time counts as the later one.
		 */
		if (!xa_find(&ram->extents, &index, extent_index(ram, end - 1),
			     XA_PRESENT))
			break;
		if (index != extent_index(ram, pos)) {
			pos = (u64)index << ram->extent_shift;
			continue;
		}

		extent_zero(ram, index, offset, part, keep);
		pos += part;
		cond_resched();
	}
}

static blk_status_t spanram_transfer(struct spanram *ram, struct bio *bio)
{
	u64 pos = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	struct bvec_iter iter = bio->bi_iter;
	blk_status_t status = BLK_STS_OK;

	/* Each turn copies a part that lies in one page and in one extent. */
	while (iter.bi_size && status == BLK_STS_OK) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);
		unsigned long index = extent_index(ram, pos);
		unsigned int offset = extent_offset(ram, pos);
		unsigned int len = min(bv.bv_len, ram->extent_bytes - offset);
		void *buf = bvec_kmap_local(&bv);

		if (op_is_write(bio_op(bio))) {
			flush_dcache_page(bv.bv_page);
			status = extent_write(ram, index, offset, buf, len);
		} else {
			status = extent_read(ram, index, offset, buf, len);
			flush_dcache_page(bv.bv_page);
		}
		kunmap_local(buf);

		bio_advance_iter_single(bio, &iter, len);
		pos += len;
	}
	return status;
}

static void spanram_submit_bio(struct bio *bio)
{
	struct spanram *ram = bio->bi_bdev->bd_disk->private_data;
	blk_status_t status = BLK_STS_OK;

	/*
	 * The disk declares no write cache, so that the block layer completes
	 * flushes and strips FUA itself.
	 */
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		status = spanram_transfer(ram, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		spanram_zero(ram, (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT,
			     bio->bi_iter.bi_size,
			     bio_op(bio) == REQ_OP_WRITE_ZEROES &&
			     (bio->bi_opf & REQ_NOUNMAP));
		break;
	default:
		status = BLK_STS_NOTSUPP;
	}

	bio->bi_status = status;
	bio_endio(bio);
}

static const struct block_device_operations spanram_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= spanram_submit_bio,
};

static int __init spanram_check_params(void)
{
	if (!size_mb || size_mb > LONG_MAX >> MIB_SHIFT) {
		pr_err("size_mb=%lu: must be at least 1 and within the address space\n",
		       size_mb);
		return -EINVAL;
	}
	/* The size is in MiB, which extents of at most 1 MiB divide evenly. */
	if (!is_power_of_2(extent_kb) || extent_kb > SZ_1M / SZ_1K ||
	    extent_kb < PAGE_SIZE / SZ_1K) {
		pr_err("extent_kb=%u: must be a power of two from %lu to 1024\n",
		       extent_kb, PAGE_SIZE / SZ_1K);
		return -EINVAL;
	}
	if (strcmp(heap, "private") && strcmp(heap, "default")) {
		pr_err("heap=%s: must be private or default\n", heap);
		return -EINVAL;
	}
	if (strcmp(heap, "private") && (limit_mb || scavenge_age_ms)) {
		pr_err("limit_mb and scavenge_age_ms need heap=private: the default heap has other users\n");
		return -EINVAL;
	}
	if (limit_mb > LONG_MAX >> MIB_SHIFT) {
		pr_err("limit_mb=%lu: too large\n", limit_mb);
		return -EINVAL;
	}
	return 0;
}

static int __init spanram_get_heap(struct spanram *ram)
{
	const struct span_heap_params params = {
		.name = SPANRAM_NAME,
		.node = NUMA_NO_NODE,
		.limit_pages = limit_mb << (MIB_SHIFT - PAGE_SHIFT),
		.scavenge_age_ms = scavenge_age_ms,
	};

	ram->private_heap = !strcmp(heap, "private");
	if (!ram->private_heap) {
		ram->heap = span_heap_default();
		return 0;
	}

	ram->heap = span_heap_create(&params);
	return PTR_ERR_OR_ZERO(ram->heap);
}

static void spanram_put_heap(struct spanram *ram)
{
	int err;

	if (!ram->private_heap)
		return;

	err = span_heap_destroy(ram->heap);
	if (err)
		pr_err("heap %s cannot be destroyed: spans are left in it (%d)\n",
		       SPANRAM_NAME, err);
}

static void spanram_free_extents(struct spanram *ram)
{
	unsigned long index;
	void *data;

	xa_for_each(&ram->extents, index, data)
		span_free(data);
	xa_destroy(&ram->extents);
}

static int __init spanram_init(void)
{
	struct queue_limits lim = {
		.logical_block_size	= SECTOR_SIZE,
		.physical_block_size	= PAGE_SIZE,
	};
	struct spanram *ram = &spanram;
	unsigned int i;
	int err;

	err = spanram_check_params();
	if (err)
		return err;

	ram->extent_bytes = extent_kb * SZ_1K;
	ram->extent_shift = ilog2(ram->extent_bytes);
	xa_init(&ram->extents);
	for (i = 0; i < SPANRAM_STRIPES; i++)
		init_rwsem(&ram->stripes[i].lock);

	err = spanram_get_heap(ram);
	if (err) {
		pr_err("cannot make the heap (%d)\n", err);
		return err;
	}

	/* bi_size has 32 bits: a discard is shorter than 4 GiB, in whole extents. */
	lim.discard_granularity = ram->extent_bytes;
	lim.max_hw_discard_sectors =
		round_down(UINT_MAX, ram->extent_bytes) >> SECTOR_SHIFT;
	lim.max_write_zeroes_sectors = lim.max_hw_discard_sectors;

	ram->disk = blk_alloc_disk(&lim, NUMA_NO_NODE);
	if (IS_ERR(ram->disk)) {
		err = PTR_ERR(ram->disk);
		goto err_heap;
	}
	ram->disk->fops = &spanram_fops;
	ram->disk->private_data = ram;
	strscpy(ram->disk->disk_name, SPANRAM_NAME, sizeof(ram->disk->disk_name));
	set_capacity(ram->disk, (sector_t)size_mb << (MIB_SHIFT - SECTOR_SHIFT));

	err = add_disk(ram->disk);
	if (err)
		goto err_disk;

	pr_info("%s: %lu MiB in extents of %u KiB, heap %s\n", SPANRAM_NAME,
		size_mb, extent_kb, span_heap_name(ram->heap));
	return 0;

err_disk:
	put_disk(ram->disk);
	spanram_free_extents(ram);
err_heap:
	spanram_put_heap(ram);
	return err;
}

static void __exit spanram_exit(void)
{
	struct spanram *ram = &spanram;

	del_gendisk(ram->disk);
	put_disk(ram->disk);
	spanram_free_extents(ram);
	spanram_put_heap(ram);
}

module_init(spanram_init);
module_exit(spanram_exit);

MODULE_DESCRIPTION("RAM block device on the page-span allocator");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
