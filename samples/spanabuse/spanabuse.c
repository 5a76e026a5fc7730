// SPDX-License-Identifier: GPL-2.0-only
/*
 * spanabuse: a client that makes mistakes.
 *
 * Loading the module makes the mistake that the parameter names. The allocator must report
 * the call in the kernel's log and keep its own state intact. The module holds two spans
 * meanwhile, the victim and a neighbour. Loading fails if either was freed or overwritten.
 *
 *	insmod spanabuse.ko mistake=double-free && rmmod spanabuse
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <spanalloc/spanalloc.h>

#define PAGES	8

static char *mistake = "";
module_param(mistake, charp, 0444);
MODULE_PARM_DESC(mistake, "Name of the mistake to make");

/* Both spans are live while the mistake is made. @span is the victim, if it needs one. */
static void *span, *neighbour;

static void *inside(unsigned long page)
{
	return span + (page << PAGE_SHIFT);
}

/* === Mistakes =========================================================== */

static void vfree_it(void)
{
	vfree(span);
}

static void kvfree_it(void)
{
	kvfree(span);
}

static void vunmap_it(void)
{
	vunmap(span);
}

static void double_free(void)
{
	void *gone = span_alloc(span_heap_default(), 3, GFP_KERNEL);

	span_free(gone);
	span_free(gone);
}

static void interior_free(void)
{
	span_free(inside(3));
}

static void vmalloc_free(void)
{
	void *other = vmalloc(PAGE_SIZE);

	span_free(other);
	vfree(other);
}

static void kmalloc_free(void)
{
	void *other = kmalloc(64, GFP_KERNEL);

	span_free(other);
	kfree(other);
}

static void stack_free(void)
{
	int local;

	span_free(&local);
}

static void user_free(void)
{
	span_free((void *)0x1000UL);
}

static void wild_free(void)
{
	span_free((void *)0xdeadbeef00000000UL);
}

static void split_at_end(void)
{
	span_split(span, PAGES);
}

static void split_at_start(void)
{
	span_split(span, 0);
}

static void split_inside(void)
{
	span_split(inside(2), 1);
}

static void no_length(void)
{
	span_free(span_alloc(span_heap_default(), 0, GFP_KERNEL));
}

static void absurd_length(void)
{
	span_free(span_alloc(span_heap_default(), 1UL << 40, GFP_KERNEL));
}

static void odd_alignment(void)
{
	span_free(span_alloc_aligned(span_heap_default(), 1, 3, GFP_KERNEL));
}

static void no_such_kind(void)
{
	span_free(span_alloc_kind(span_heap_default(), 1, 99, GFP_KERNEL));
}

static void no_such_node(void)
{
	span_free(span_alloc_node(span_heap_default(), 1, MAX_NUMNODES - 1, GFP_KERNEL));
}

static void dma_flags(void)
{
	span_free(span_alloc(span_heap_default(), 1, GFP_KERNEL | __GFP_DMA));
}

static void atomic_nofail(void)
{
	span_free(span_alloc(span_heap_default(), 1, GFP_ATOMIC | __GFP_NOFAIL));
}

static void no_heap(void)
{
	span_free(span_alloc(NULL, 1, GFP_KERNEL));
}

static void no_heap_aligned(void)
{
	span_free(span_alloc_aligned(NULL, 2, 2, GFP_KERNEL));
}

static void unknown_flags(void)
{
	span_free(span_alloc(span_heap_default(), 1, GFP_KERNEL | (__force gfp_t)BIT(31)));
}

static void failed_heap(void)
{
	span_heap_set_limit(ERR_PTR(-ENOMEM), 100);
}

static void no_stats(void)
{
	span_heap_stats(span_heap_default(), NULL);
}

static void absurd_reserve(void)
{
	span_heap_reserve(span_heap_default(), ULONG_MAX);
}

static void create(const struct span_heap_params *params)
{
	struct span_heap *heap = span_heap_create(params);

	if (!IS_ERR(heap))
		span_heap_destroy(heap);
}

static void no_params(void)
{
	create(NULL);
}

static void no_name(void)
{
	const struct span_heap_params params = { .node = NUMA_NO_NODE };

	create(&params);
}

static void bad_name(void)
{
	const struct span_heap_params params = {
		.name = "first line\nsecond",
		.node = NUMA_NO_NODE,
	};

	create(&params);
}

static void bad_node(void)
{
	const struct span_heap_params params = { .name = KBUILD_MODNAME, .node = -7 };

	create(&params);
}

static void bad_age(void)
{
	const struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
		.scavenge_age_ms = UINT_MAX,
	};

	create(&params);
}

static void bad_flags(void)
{
	const struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
		.flags = 1UL << 63,
	};

	create(&params);
}

static struct span_heap *private_heap(const char *name)
{
	const struct span_heap_params params = { .name = name, .node = NUMA_NO_NODE };

	return span_heap_create(&params);
}

static void destroy_twice(void)
{
	struct span_heap *heap = private_heap(KBUILD_MODNAME);

	span_heap_destroy(heap);
	span_heap_destroy(heap);
}

static void destroy_default(void)
{
	span_heap_destroy(span_heap_default());
}

static void destroy_live(void)
{
	struct span_heap *heap = private_heap(KBUILD_MODNAME "-leaky");
	void *live = span_alloc(heap, 5, GFP_KERNEL);

	span_set_owner(live, heap);
	span_heap_destroy(heap);
	span_free(live);
	span_heap_destroy(heap);
}

/* The allocator reports this mistake only with its parameter check_held_pages. */
static void held_page(void)
{
	void *held = span_alloc(span_heap_default(), 40, GFP_KERNEL);
	struct page *page = vmalloc_to_page(held + 33 * PAGE_SIZE);

	get_page(page);
	span_free(held);
	/* Drop the reference before the page becomes part of another span. */
	put_page(page);
}

/* The spans and the heap are still there when this module is unloaded. */
static void leak(void)
{
	struct span_heap *heap = private_heap(KBUILD_MODNAME "-leaky");
	unsigned int i;

	for (i = 1; i <= 20; i++)
		span_alloc(heap, i, GFP_KERNEL);
	span_alloc_kind(span_heap_default(), 7, SPAN_KIND_WORK, GFP_KERNEL);
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "vfree", vfree_it },
	{ "kvfree", kvfree_it },
	{ "vunmap", vunmap_it },
	{ "double-free", double_free },
	{ "interior-free", interior_free },
	{ "vmalloc-free", vmalloc_free },
	{ "kmalloc-free", kmalloc_free },
	{ "stack-free", stack_free },
	{ "user-free", user_free },
	{ "wild-free", wild_free },
	{ "split-at-end", split_at_end },
	{ "split-at-start", split_at_start },
	{ "split-inside", split_inside },
	{ "no-length", no_length },
	{ "absurd-length", absurd_length },
	{ "odd-alignment", odd_alignment },
	{ "no-such-kind", no_such_kind },
	{ "no-such-node", no_such_node },
	{ "unknown-flags", unknown_flags },
	{ "dma-flags", dma_flags },
	{ "atomic-nofail", atomic_nofail },
	{ "no-heap", no_heap },
	{ "no-heap-aligned", no_heap_aligned },
	{ "failed-heap", failed_heap },
	{ "no-stats", no_stats },
	{ "absurd-reserve", absurd_reserve },
	{ "no-params", no_params },
	{ "no-name", no_name },
	{ "bad-name", bad_name },
	{ "bad-node", bad_node },
	{ "bad-age", bad_age },
	{ "bad-flags", bad_flags },
	{ "destroy-twice", destroy_twice },
	{ "destroy-default", destroy_default },
	{ "destroy-live", destroy_live },
	{ "held-page", held_page },
	{ "leak", leak },
};

/* === Making a mistake =================================================== */

static bool is_whole(const void *addr)
{
	return span_lookup(addr, NULL) && !memchr_inv(addr, 0x5a, PAGES << PAGE_SHIFT);
}

static int make(void (*fn)(void))
{
	int err = 0;

	span = span_alloc(span_heap_default(), PAGES, GFP_KERNEL);
	neighbour = span_alloc(span_heap_default(), PAGES, GFP_KERNEL);
	if (span && neighbour) {
		memset(span, 0x5a, PAGES << PAGE_SHIFT);
		memset(neighbour, 0x5a, PAGES << PAGE_SHIFT);
		fn();
		if (!is_whole(span) || !is_whole(neighbour)) {
			pr_err("FAILED: %s: a live span was freed or overwritten\n", mistake);
			err = -EIO;
		}
	} else {
		err = -ENOMEM;
	}
	span_free(span);
	span_free(neighbour);
	return err;
}

static int __init spanabuse_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (!strcmp(mistake, mistakes[i].name))
			return make(mistakes[i].make);
	pr_err("mistake=%s: must be one of these:\n", mistake);
	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		pr_err("  %s\n", mistakes[i].name);
	return -EINVAL;
}

static void __exit spanabuse_exit(void)
{
}

module_init(spanabuse_init);
module_exit(spanabuse_exit);

MODULE_DESCRIPTION("Client of the page-span allocator that makes mistakes");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
