// SPDX-License-Identifier: GPL-2.0-only
/*
 * hello_span: the smallest client of spanalloc. It allocates a span from the default
 * heap, and looks the span up by a pointer into its middle. Load spanalloc.ko first, then
 * hello_span.ko, and read the kernel log.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>

#include <spanalloc/spanalloc.h>

#define HELLO_PAGES	16

static char *text;

static int __init hello_span_init(void)
{
	struct span_info info;

	text = span_alloc(span_heap_default(), HELLO_PAGES, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	memset(text, 'x', HELLO_PAGES * PAGE_SIZE);

	if (!span_lookup(text + 5 * PAGE_SIZE + 7, &info)) {
		span_free(text);
		return -ENOENT;
	}
	pr_info("a byte inside page 5 belongs to a span of %lu pages at %p in heap %s\n",
		info.npages, info.base, span_heap_name(info.heap));
	return 0;
}

static void __exit hello_span_exit(void)
{
	span_free(text);
	pr_info("span freed\n");
}

module_init(hello_span_init);
module_exit(hello_span_exit);

MODULE_DESCRIPTION("Smallest client of the page-span allocator");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
