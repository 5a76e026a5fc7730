// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client with a heap of its own. Loading makes the heap, allocates buffers until the hard
 * limit refuses one, and prints their number. Unloading frees the buffers and destroys the
 * heap.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/numa.h>
#include <linux/printk.h>

#include <spanalloc/spanalloc.h>

#define LIMIT_PAGES	256
#define BUF_PAGES	60
#define MAX_BUFS	8

static struct span_heap *heap;
static void *bufs[MAX_BUFS];
static unsigned int nr_bufs;

static int __init hello_heap_init(void)
{
	const struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
		.limit_pages = LIMIT_PAGES,
	};
	struct span_heap_stats stats;

	heap = span_heap_create(&params);
	if (IS_ERR(heap))
		return PTR_ERR(heap);

	while (nr_bufs < MAX_BUFS) {
		bufs[nr_bufs] = span_alloc(heap, BUF_PAGES, GFP_KERNEL);
		if (!bufs[nr_bufs])
			break;
		nr_bufs++;
	}

	span_heap_stats(heap, &stats);
	pr_info("%u buffers of %u pages; pages in use: %llu of %llu; allocations refused: %llu\n",
		nr_bufs, BUF_PAGES, stats.in_use_pages, stats.limit_pages,
		stats.fail_limit_count);
	return 0;
}

static void __exit hello_heap_exit(void)
{
	while (nr_bufs)
		span_free(bufs[--nr_bufs]);
	span_heap_destroy(heap);
}

module_init(hello_heap_init);
module_exit(hello_heap_exit);

MODULE_DESCRIPTION("Client of the page-span allocator with a limited heap of its own");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
