// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocators that are compared.
 *
 * All allocate whole pages with GFP_KERNEL, as an ordinary caller does, and without
 * warnings. gen_pool manages addresses only: no memory is behind the addresses that
 * it returns here, and no loop accesses them.
 */
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/genalloc.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <spanalloc/spanalloc.h>

#include "loops.h"

#define QUIETLY		(GFP_KERNEL | __GFP_NOWARN)

/* 1 GiB of invalid addresses, without 0. */
#define POOL_BASE	(1UL << 40)
#define POOL_BYTES	(1UL << 30)

static bool any_length(unsigned long npages)
{
	return npages;
}

static void nothing_to_undo(void)
{
}

/* === spanalloc ========================================================== */

static __always_inline void *spanalloc_alloc(unsigned long npages)
{
	return span_alloc(bench_heap, npages, QUIETLY);
}

static __always_inline void spanalloc_free(void *addr, unsigned long npages)
{
	span_free(addr);
}

/* Release the pages that a cell left idle, so that the next cell does not find them. */
static void spanalloc_finish(void)
{
	span_heap_scavenge(bench_heap, ULONG_MAX);
}

DEFINE_LOOPS(spanalloc);

/* === vmalloc, kvmalloc ================================================== */

static __always_inline void *vmalloc_alloc(unsigned long npages)
{
	return __vmalloc(npages << PAGE_SHIFT, QUIETLY);
}

static __always_inline void vmalloc_free(void *addr, unsigned long npages)
{
	vfree(addr);
}

/*
 * vfree() defers the TLB flush until this much address space is freed. Each area has a
 * guard page.
 */
static unsigned long vmalloc_period(unsigned long npages)
{
	return fls(num_online_cpus()) * (SZ_32M >> PAGE_SHIFT) / (npages + 1) + 1;
}

DEFINE_LOOPS(vmalloc);

static __always_inline void *kvmalloc_alloc(unsigned long npages)
{
	return kvmalloc(npages << PAGE_SHIFT, QUIETLY);
}

static __always_inline void kvmalloc_free(void *addr, unsigned long npages)
{
	kvfree(addr);
}

DEFINE_LOOPS(kvmalloc);

/* === alloc_pages ======================================================== */

static bool buddy_prepare(unsigned long npages)
{
	struct page *page = alloc_pages(QUIETLY, get_order(npages << PAGE_SHIFT));

	if (page)
		__free_pages(page, get_order(npages << PAGE_SHIFT));
	return page;
}

static __always_inline void *buddy_alloc(unsigned long npages)
{
	return alloc_pages(QUIETLY, get_order(npages << PAGE_SHIFT));
}

static __always_inline void buddy_free(void *addr, unsigned long npages)
{
	__free_pages(addr, get_order(npages << PAGE_SHIFT));
}

DEFINE_LOOPS(buddy);

/* === gen_pool =========================================================== */

static struct gen_pool *pool;

static bool pool_prepare(unsigned long npages)
{
	pool = gen_pool_create(PAGE_SHIFT, NUMA_NO_NODE);
	if (!pool)
		return false;
	if (!gen_pool_add(pool, POOL_BASE, POOL_BYTES, NUMA_NO_NODE))
		return true;
	gen_pool_destroy(pool);
	return false;
}

static void pool_finish(void)
{
	gen_pool_destroy(pool);
}

static __always_inline void *pool_alloc(unsigned long npages)
{
	return (void *)gen_pool_alloc(pool, npages << PAGE_SHIFT);
}

static __always_inline void pool_free(void *addr, unsigned long npages)
{
	gen_pool_free(pool, (unsigned long)addr, npages << PAGE_SHIFT);
}

DEFINE_LOOPS(pool);

/* === kmem_cache ========================================================= */

static struct kmem_cache *cache;

static bool cache_prepare(unsigned long npages)
{
	if (npages << PAGE_SHIFT > KMALLOC_MAX_SIZE)
		return false;
	cache = kmem_cache_create("spanalloc_bench", npages << PAGE_SHIFT, PAGE_SIZE, 0, NULL);
	return cache;
}

static void cache_finish(void)
{
	kmem_cache_destroy(cache);
}

static __always_inline void *cache_alloc(unsigned long npages)
{
	return kmem_cache_alloc(cache, QUIETLY);
}

static __always_inline void cache_free(void *addr, unsigned long npages)
{
	kmem_cache_free(cache, addr);
}

DEFINE_LOOPS(cache);

/* === The empty loop ===================================================== */

/* The loop itself, whose time is subtracted from the times of all subjects. */
static __always_inline void *empty_alloc(unsigned long npages)
{
	void *addr = &pool;

	OPTIMIZER_HIDE_VAR(addr);
	return addr;
}

static __always_inline void empty_free(void *addr, unsigned long npages)
{
	OPTIMIZER_HIDE_VAR(addr);
}

DEFINE_LOOPS(empty);

const struct subject bench_subjects[] = {
	{ "spanalloc", any_length, spanalloc_finish, NULL, USE_LOOPS(spanalloc) },
	{ "alloc_pages", buddy_prepare, nothing_to_undo, NULL, USE_LOOPS(buddy) },
	{ "vmalloc", any_length, nothing_to_undo, vmalloc_period, USE_LOOPS(vmalloc) },
	{ "kvmalloc", any_length, nothing_to_undo, NULL, USE_LOOPS(kvmalloc) },
	{ "gen_pool", pool_prepare, pool_finish, NULL, USE_LOOPS(pool) },
	{ "kmem_cache", cache_prepare, cache_finish, NULL, USE_LOOPS(cache) },
	{ "empty_loop", any_length, nothing_to_undo, NULL, USE_LOOPS(empty) },
};

const unsigned int nr_bench_subjects = ARRAY_SIZE(bench_subjects);
