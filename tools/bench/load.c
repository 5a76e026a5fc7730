// SPDX-License-Identifier: GPL-2.0-only
/*
 * A load: live spans of mixed lengths, about a given number of pages in all, which are
 * replaced at random.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "bench.h"
#include "load.h"

/* Length of the longest span. */
#define LOAD_PAGES	64

static u32 below(struct load *load, u32 n)
{
	return prandom_u32_state(&load->random) % n;
}

/* A random length; each power of two is as likely as the next. */
static unsigned int some_length(struct load *load)
{
	unsigned int npages = 1U << below(load, ilog2(LOAD_PAGES));

	return npages + below(load, npages) + 1;
}

/**
 * load_open() - create a load and its heap
 * @load: the load
 * @params: parameters of the heap
 * @max_pages: most pages of the load
 *
 * Return: 0 or a negative error code
 */
int load_open(struct load *load, const struct span_heap_params *params, unsigned long max_pages)
{
	memset(load, 0, sizeof(*load));
	prandom_seed_state(&load->random, 1);
	load->max = max_pages;
	load->span = kvmalloc_array(max_pages, sizeof(*load->span), GFP_KERNEL);
	if (!load->span)
		return -ENOMEM;
	load->heap = span_heap_create(params);
	if (!IS_ERR(load->heap))
		return 0;
	kvfree(load->span);
	return PTR_ERR(load->heap);
}

/**
 * load_close() - end a load and its heap
 * @load: the load
 */
void load_close(struct load *load)
{
	load_to(load, 0);
	span_heap_destroy(load->heap);
	kvfree(load->span);
}

static void add(struct load *load)
{
	struct load_span *span = &load->span[load->nr];

	span->npages = some_length(load);
	span->addr = span_alloc(load->heap, span->npages, GFP_KERNEL | __GFP_NOWARN);
	if (!span->addr) {
		load->failed = true;
		return;
	}
	load->nr++;
	load->live += span->npages;
}

static void drop(struct load *load)
{
	unsigned int at = below(load, load->nr);
	struct load_span *span = &load->span[at];

	span_free(span->addr);
	load->live -= span->npages;
	*span = load->span[--load->nr];
}

/**
 * load_to() - grow or shrink a load
 * @load: the load
 * @npages: pages that are live afterwards, about
 */
void load_to(struct load *load, unsigned long npages)
{
	npages = min(npages, load->max - LOAD_PAGES);
	while (load->live < npages && !load->failed)
		add(load);
	while (load->nr && load->live > npages)
		drop(load);
}

/**
 * load_churn() - replace spans at random
 * @load: the load
 * @npages: pages that are live afterwards, about
 * @ops: number of spans to replace
 */
void load_churn(struct load *load, unsigned long npages, unsigned int ops)
{
	while (ops-- && load->nr) {
		drop(load);
		load_to(load, npages);
	}
}
