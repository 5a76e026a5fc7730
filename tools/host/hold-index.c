// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page indexes whose state makes holds of a heap's lock long, and a cold cache for them.
 */
#include <linux/kernel.h>

#include "hold-index.h"

#define CHUNK		PAGEINDEX_CHUNK_PAGES
#define CACHE_LINE	64

struct pageheap hold_heap;

static struct pageindex *const idx = &hold_heap.index;

unsigned long hold_random(unsigned long limit)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % limit;
}

unsigned long hold_pages(void)
{
	return pageheap_nr_chunks(&hold_heap) << PAGEINDEX_CHUNK_SHIFT;
}

/* === States ============================================================= */

static void take_all(void)
{
	struct pageindex_claim claim;

	pageindex_alloc(idx, hold_pages(), &claim);
}

/* All pages are released. */
static void make_fresh(void)
{
}

/* All pages are idle. */
static void make_idle(void)
{
	take_all();
	pageindex_free(idx, 0, hold_pages(), 0);
}

/* Every second page is in use, the others are idle or released. The last chunk is free. */
static void make_board(bool idle)
{
	unsigned long page, end = hold_pages() - CHUNK;

	take_all();
	for (page = 1; page < end; page += 2) {
		if (idle)
			pageindex_free(idx, page, 1, 0);
		else
			pageindex_release(idx, page, 1);
	}
	pageindex_release(idx, end, CHUNK);
}

static void make_idle_board(void)
{
	make_board(true);
}

static void make_released_board(void)
{
	make_board(false);
}

/* All pages are free, idle and released by turns. */
static void make_stripes(void)
{
	unsigned long page;

	take_all();
	for (page = 0; page < hold_pages(); page += 2) {
		pageindex_free(idx, page, 1, 0);
		pageindex_release(idx, page + 1, 1);
	}
}

/* All pages are in use, except in the last chunk. */
static void make_full(void)
{
	take_all();
	pageindex_release(idx, hold_pages() - CHUNK, CHUNK);
}

/* Each chunk has one idle page at a random place. The last chunk is free. */
static void make_scattered(void)
{
	unsigned long chunk;

	make_full();
	for (chunk = 0; chunk + 1 < pageheap_nr_chunks(&hold_heap); chunk++)
		pageindex_free(idx, (chunk << PAGEINDEX_CHUNK_SHIFT) + hold_random(CHUNK), 1, 0);
}

/* All pages are in use, and the index's hints still say that blocks have idle pages. */
static void make_unnoticed(void)
{
	struct pageindex_claim claim;
	unsigned long page;

	make_full();
	for (page = 0; page < hold_pages() - CHUNK; page += PAGEINDEX_BLOCK_PAGES)
		pageindex_free(idx, page, 1, 0);
	for (page = 0; page < hold_pages() - CHUNK; page += PAGEINDEX_BLOCK_PAGES)
		pageindex_alloc(idx, 1, &claim);
}

const struct hold_state hold_states[] = {
	{ "fresh", make_fresh },
	{ "idle", make_idle },
	{ "idle-board", make_idle_board },
	{ "released-board", make_released_board },
	{ "stripes", make_stripes },
	{ "full", make_full },
	{ "scattered", make_scattered },
	{ "unnoticed", make_unnoticed },
	{}
};

/* === Cold caches ======================================================== */

static void flush(const void *start, size_t bytes)
{
	const char *at = start, *end = at + bytes;

	for (; at < end; at += CACHE_LINE)
		__builtin_ia32_clflush(at);
}

void hold_make_cold(void)
{
	unsigned long i;

	for (i = 0; i < idx->nr_blocks; i++)
		flush(idx->block[i], sizeof(*idx->block[i]));
	flush(idx->block, pageindex_table_bytes(idx->max_blocks));
	flush(idx, sizeof(*idx));
	__builtin_ia32_mfence();
}
