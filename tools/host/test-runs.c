// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: finding, taking and freeing runs of pages.
 */
#include <linux/kernel.h>

#include "memory.h"
#include "steps.h"
#include "tap.h"

static bool empty_index(unsigned long arg)
{
	(void)arg;
	EXPECT_EQ(alloc(1), NONE);
	EXPECT_EQ(alloc_aligned(1, 1), NONE);
	EXPECT_EQ(prev_idle(NONE), NONE);
	EXPECT_EQ(next_used(0), NONE);
	return true;
}

static bool block_not_grown(unsigned long arg)
{
	(void)arg;
	add_blocks(1, false);
	EXPECT_EQ(alloc(1), NONE);
	EXPECT_EQ(alloc(BLOCK), NONE);
	EXPECT_EQ(alloc_aligned(1, 1), NONE);
	EXPECT_EQ(prev_idle(NONE), NONE);
	EXPECT_EQ(next_used(0), NONE);
	return true;
}

static bool grow_one(unsigned long chunk)
{
	add_blocks(1, false);
	grow(chunk, 1);
	EXPECT_EQ(nr_released(), CHUNK);
	EXPECT_EQ(alloc(CHUNK + 1), NONE);
	EXPECT_EQ(alloc(CHUNK), chunk * CHUNK);
	EXPECT_EQ(alloc(1), NONE);
	return true;
}

static bool grow_contiguous(unsigned long arg)
{
	unsigned long i;

	(void)arg;
	add_blocks(2, true);
	for (i = 0; i < 2 * BLOCK_CHUNKS; i++) {
		unsigned long all = (i + 1) * CHUNK;

		grow(i, 1);
		EXPECT_EQ(alloc(all + 1), NONE);
		EXPECT_EQ(alloc(all), 0);
		put(0, all);
	}
	return true;
}

static bool grow_discontiguous(unsigned long arg)
{
	unsigned long i;

	(void)arg;
	add_blocks(1, false);
	for (i = 0; i < BLOCK_CHUNKS; i += 2)
		grow(i, 1);
	EXPECT_EQ(alloc(CHUNK + 1), NONE);
	grow(9, 1);
	EXPECT_EQ(alloc(3 * CHUNK), 8 * CHUNK);
	EXPECT_EQ(alloc(CHUNK), 0);
	EXPECT_EQ(alloc(CHUNK), 2 * CHUNK);
	return true;
}

static bool grow_many(unsigned long nchunks)
{
	add_chunks(nchunks);
	EXPECT_EQ(nr_released(), nchunks * CHUNK);
	EXPECT_EQ(alloc(nchunks * CHUNK + 1), NONE);
	EXPECT_EQ(alloc(nchunks * CHUNK), 0);
	return true;
}

static bool grow_below(unsigned long arg)
{
	(void)arg;
	add_blocks(2, true);
	grow(40, 2);
	EXPECT_EQ(alloc(3), 40 * CHUNK);
	grow(3, 1);
	EXPECT_EQ(alloc(3), 3 * CHUNK);
	grow(39, 1);
	EXPECT_EQ(alloc(CHUNK), 39 * CHUNK);
	return true;
}

static bool exhaust(unsigned long length)
{
	const unsigned long heap = 5 * CHUNK;
	const unsigned long spans = heap / length;
	unsigned long i;

	add_chunks(5);
	for (i = 0; i < spans; i++)
		EXPECT_EQ(alloc(length), i * length);
	EXPECT_EQ(alloc(length), NONE);
	for (i = 0; i < spans; i += 2)
		put(i * length, length);
	for (i = 0; i < spans; i += 2)
		EXPECT_EQ(alloc(length), i * length);
	EXPECT_EQ(alloc(length), NONE);
	for (i = spans; i-- > 0;)
		put(i * length, length);
	EXPECT_EQ(alloc(heap), 0);
	return true;
}

/* The only free run has 3 pages below @boundary and 4 pages above it. */
static bool straddle(unsigned long boundary)
{
	const unsigned long heap = 2 * BLOCK;

	add_chunks(2 * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(heap), 0);
	put(boundary - 3, 3);
	EXPECT_EQ(alloc(7), NONE);
	put(boundary, 4);
	EXPECT_EQ(alloc(8), NONE);
	EXPECT_EQ(alloc(7), boundary - 3);
	put(boundary - 3, 7);
	EXPECT_EQ(alloc(4), boundary - 3);
	EXPECT_EQ(alloc(4), NONE);
	EXPECT_EQ(alloc(3), boundary + 1);
	return true;
}

static bool lowest_run_wins(unsigned long arg)
{
	static const unsigned long at[] = { 30000, 20000, 9000, 600, 70, 5 };
	unsigned int i;

	(void)arg;
	add_chunks(2 * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(2 * BLOCK), 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		put(at[i], 8 - i);
		EXPECT_EQ(alloc(1), at[i]);
		put(at[i], 1);
	}
	for (i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT_EQ(alloc(8 - i), at[i]);
	return true;
}

static bool coalesce_chunks(unsigned long nchunks)
{
	unsigned long i;

	add_chunks(nchunks);
	for (i = 0; i < nchunks; i++)
		EXPECT_EQ(alloc(CHUNK), i * CHUNK);
	for (i = 1; i < nchunks; i += 2)
		put(i * CHUNK, CHUNK);
	EXPECT_EQ(alloc(CHUNK + 1), NONE);
	for (i = 0; i < nchunks; i += 2)
		put(i * CHUNK, CHUNK);
	EXPECT_EQ(alloc(nchunks * CHUNK), 0);
	return true;
}

static bool free_in_pieces(unsigned long arg)
{
	(void)arg;
	add_chunks(4);
	EXPECT_EQ(alloc(4 * CHUNK), 0);
	put(100, 1000);
	put(1100, 4 * CHUNK - 1100);
	EXPECT_EQ(alloc(4 * CHUNK - 100), 100);
	put(100, 4 * CHUNK - 100);
	put(0, 100);
	EXPECT_EQ(alloc(4 * CHUNK), 0);
	return true;
}

/* Two grown blocks: block @second, with a wall below it, and the block before. */
static bool wall(unsigned long second)
{
	const unsigned long edge = second * BLOCK;

	add_blocks(second, true);
	add_blocks(1, false);
	grow((second - 1) * BLOCK_CHUNKS, BLOCK_CHUNKS);
	grow(second * BLOCK_CHUNKS, BLOCK_CHUNKS);
	EXPECT_EQ(alloc(BLOCK + 1), NONE);
	EXPECT_EQ(alloc(BLOCK - 10), edge - BLOCK);
	EXPECT_EQ(alloc(11), edge);
	EXPECT_EQ(alloc(10), edge - 10);
	put(edge - 10, 10);
	put(edge, 11);
	EXPECT_EQ(alloc(CHUNK), edge);
	put(edge, CHUNK);
	put(edge - BLOCK, BLOCK - 10);
	EXPECT_EQ(alloc(BLOCK + 1), NONE);
	EXPECT_EQ(alloc(BLOCK), edge - BLOCK);
	EXPECT_EQ(alloc(BLOCK), edge);
	return true;
}

/* The same two blocks without the wall. */
static bool no_wall(unsigned long second)
{
	const unsigned long edge = second * BLOCK;

	add_blocks(second + 1, true);
	grow((second - 1) * BLOCK_CHUNKS, BLOCK_CHUNKS);
	EXPECT_EQ(alloc(BLOCK - 10), edge - BLOCK);
	grow(second * BLOCK_CHUNKS, BLOCK_CHUNKS);
	EXPECT_EQ(alloc(11), edge - 10);
	put(edge - BLOCK, BLOCK - 10);
	put(edge - 10, 11);
	EXPECT_EQ(alloc(2 * BLOCK), edge - BLOCK);
	return true;
}

/* The last searches begin in the chunk that ends at the wall. */
static bool fill_up_to_wall(unsigned long length)
{
	unsigned long page;

	add_blocks(2, false);
	grow(0, BLOCK_CHUNKS);
	grow(BLOCK_CHUNKS, BLOCK_CHUNKS);
	for (page = 0; page + length <= BLOCK; page += length)
		EXPECT_EQ(twin_alloc(&steps, length), page);
	EXPECT_EQ(alloc(length), BLOCK);
	EXPECT_EQ(alloc(BLOCK - page), page);
	return true;
}

static bool wall_behind_run(unsigned long arg)
{
	(void)arg;
	add_blocks(2, true);
	add_blocks(2, false);
	grow(0, 2 * BLOCK_CHUNKS);
	grow(2 * BLOCK_CHUNKS, BLOCK_CHUNKS);
	grow(3 * BLOCK_CHUNKS, BLOCK_CHUNKS);
	EXPECT_EQ(alloc(2 * BLOCK + 1), NONE);
	EXPECT_EQ(alloc(2 * BLOCK), 0);
	EXPECT_EQ(alloc(BLOCK + 1), NONE);
	EXPECT_EQ(alloc(BLOCK), 2 * BLOCK);
	EXPECT_EQ(alloc(BLOCK), 3 * BLOCK);
	return true;
}

static bool aligned(unsigned long align)
{
	const unsigned long heap = 4 * BLOCK;

	add_chunks(4 * BLOCK_CHUNKS);
	EXPECT_EQ(alloc_aligned(3, align), 0);
	EXPECT_EQ(alloc_aligned(3, align), round_up(3UL, align));
	EXPECT_EQ(alloc_aligned(align + 1, align), 2 * round_up(3UL, align));
	EXPECT_EQ(alloc_aligned(heap, align), NONE);
	/* Call the twin itself: a full comparison after each step would take minutes. */
	while (twin_alloc_aligned(&steps, align, align) != NONE)
		;
	EXPECT(twin_verify(&steps));
	EXPECT_EQ(next_used(0), 0);
	return true;
}

/* There are more misaligned free runs, below the right one, than a search tries. */
static bool aligned_beyond_misfits(unsigned long align)
{
	unsigned long page;

	add_chunks(3 * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(3 * BLOCK), 0);
	for (page = 1; page < BLOCK; page += CHUNK / 2)
		put(page, 4);
	put(BLOCK, 2 * BLOCK);
	EXPECT_EQ(alloc_aligned(4, align), BLOCK);
	return true;
}

/* Neither the alignment nor the length may make the run cross a wall. */
static bool aligned_before_wall(unsigned long arg)
{
	(void)arg;
	add_blocks(2, false);
	grow(0, BLOCK_CHUNKS);
	grow(BLOCK_CHUNKS, BLOCK_CHUNKS);
	EXPECT_EQ(alloc(1), 0);
	EXPECT_EQ(alloc_aligned(BLOCK, CHUNK), BLOCK);
	EXPECT_EQ(alloc_aligned(BLOCK / 2 + 1, BLOCK / 2), NONE);
	EXPECT_EQ(alloc_aligned(BLOCK / 2, BLOCK / 2), BLOCK / 2);
	return true;
}

static bool table_grows(unsigned long nblocks)
{
	static const unsigned long more[] = { 1, 2, 7, 8, 64, 513 };
	unsigned long page, i;

	add_blocks(nblocks, false);
	for (i = 0; i < nblocks; i++)
		grow(i * BLOCK_CHUNKS, 1);
	for (i = 0; i < nblocks; i++)
		EXPECT_EQ(alloc(CHUNK), i * BLOCK);
	page = (nblocks - 1) * BLOCK;
	put(page + 7, 5);
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		set_table(nblocks + more[i]);
		EXPECT_EQ(prev_idle(NONE), page / CHUNK);
		EXPECT_EQ(alloc(6), NONE);
		EXPECT_EQ(alloc(5), page + 7);
		put(page + 7, 5);
	}
	add_blocks(1, true);
	grow(nblocks * BLOCK_CHUNKS, 2);
	EXPECT_EQ(alloc(2 * CHUNK), nblocks * BLOCK);
	return true;
}

static bool many_arenas(unsigned long nblocks)
{
	unsigned long i;

	for (i = 0; i < nblocks; i++)
		twin_add_block(&steps, false);
	for (i = 0; i < nblocks; i++)
		twin_grow(&steps, i * BLOCK_CHUNKS + i % BLOCK_CHUNKS, 1);
	EXPECT(twin_verify(&steps));
	for (i = 0; i < nblocks; i++)
		EXPECT_EQ(twin_alloc(&steps, CHUNK), i * BLOCK + i % BLOCK_CHUNKS * CHUNK);
	EXPECT_EQ(alloc(1), NONE);
	for (i = nblocks; i-- > 0;)
		twin_free(&steps, i * BLOCK + i % BLOCK_CHUNKS * CHUNK, CHUNK, 0);
	EXPECT_EQ(alloc(CHUNK + 1), NONE);
	EXPECT_EQ(alloc(1), 0);
	return true;
}

/* Runs longer than a packed summary can hold, in a heap of twice @npages. */
static bool huge_request(unsigned long npages)
{
	const unsigned long nblocks = 2 * DIV_ROUND_UP(npages, BLOCK);
	const unsigned long heap = nblocks * BLOCK;
	const unsigned long middle = heap / 2 - 1;
	unsigned long i;

	for (i = 0; i < nblocks; i++)
		twin_add_block(&steps, i > 0);
	grow(0, nblocks * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(heap + 1), NONE);
	EXPECT_EQ(alloc(heap), 0);
	put(0, middle);
	EXPECT_EQ(alloc(middle + 1), NONE);
	EXPECT_EQ(alloc(npages - 1), 0);
	put(middle + 1, heap - middle - 1);
	EXPECT_EQ(alloc(npages), middle + 1);
	put(0, npages - 1);
	put(middle, 1);
	EXPECT_EQ(alloc(middle + 1), 0);
	return true;
}

static bool huge_behind_wall(unsigned long nblocks)
{
	unsigned long i;

	for (i = 0; i < 2 * nblocks; i++)
		twin_add_block(&steps, i != nblocks);
	grow(0, nblocks * BLOCK_CHUNKS);
	grow(nblocks * BLOCK_CHUNKS, nblocks * BLOCK_CHUNKS);
	EXPECT_EQ(alloc(nblocks * BLOCK + 1), NONE);
	EXPECT_EQ(alloc(1), 0);
	EXPECT_EQ(alloc(nblocks * BLOCK), nblocks * BLOCK);
	EXPECT_EQ(alloc(nblocks * BLOCK), NONE);
	EXPECT_EQ(alloc(nblocks * BLOCK - 1), 1);
	return true;
}

/* The largest index: blocks that have not grown, all in the same memory, and the last one. */
static void make_largest(struct pageindex *idx, struct pageindex_block *blocks)
{
	unsigned long i;

	pageindex_init(idx);
	pageindex_set_table(idx, memory_zeroed(1, pageindex_table_bytes(PAGEINDEX_MAX_BLOCKS)),
			    PAGEINDEX_MAX_BLOCKS);
	pageindex_block_init(&blocks[0], false);
	pageindex_block_init(&blocks[1], false);
	for (i = 0; i + 1 < PAGEINDEX_MAX_BLOCKS; i++)
		pageindex_add_block(idx, &blocks[0]);
	pageindex_add_block(idx, &blocks[1]);
}

/* A search that fails sets hints to the end of the index, which has to fit into a hint. */
static bool end_of_largest(unsigned long arg)
{
	const unsigned long last = PAGEINDEX_MAX_BLOCKS * BLOCK - CHUNK;
	struct pageindex_block *blocks = memory_zeroed(2, sizeof(*blocks));
	struct pageindex_claim claim;
	struct pageindex idx;

	(void)arg;
	make_largest(&idx, blocks);
	pageindex_grow(&idx, last / CHUNK, 1);
	EXPECT(pageindex_alloc(&idx, CHUNK, &claim));
	EXPECT_EQ(claim.page, last);
	pageindex_free(&idx, last + 100, 1, 0);
	pageindex_free(&idx, last + 102, 1, 0);
	pageindex_free(&idx, last + 104, 1, 0);
	EXPECT(pageindex_alloc(&idx, 1, &claim));
	EXPECT(!pageindex_alloc(&idx, 2, &claim));
	pageindex_free(&idx, last, 2, 0);
	EXPECT(pageindex_alloc(&idx, 1, &claim));
	EXPECT_EQ(claim.page, last);
	free(idx.block);
	free(blocks);
	return true;
}

const struct step_case run_cases[] = {
	{ "an empty index has no runs", empty_index, 0 },
	{ "a block that has not grown has no runs", block_not_grown, 0 },
	{ "grow the first chunk", grow_one, 0 },
	{ "grow a chunk in the middle", grow_one, 13 },
	{ "grow the last chunk", grow_one, BLOCK_CHUNKS - 1 },
	{ "chunks grown one after the other join", grow_contiguous, 0 },
	{ "chunks with gaps between them do not join", grow_discontiguous, 0 },
	{ "grow a chunk below those in use", grow_below, 0 },
	{ "grow 2 chunks at once", grow_many, 2 },
	{ "grow 9 chunks at once", grow_many, 9 },
	{ "grow a block at once", grow_many, BLOCK_CHUNKS },
	{ "grow across blocks at once", grow_many, 3 * BLOCK_CHUNKS + 1 },
	{ "exhaust with 1 page", exhaust, 1 },
	{ "exhaust with 2 pages", exhaust, 2 },
	{ "exhaust with 5 pages", exhaust, 5 },
	{ "exhaust with 64 pages", exhaust, 64 },
	{ "exhaust with 65 pages", exhaust, 65 },
	{ "exhaust with 511 pages", exhaust, 511 },
	{ "exhaust with 512 pages", exhaust, 512 },
	{ "exhaust with 513 pages", exhaust, 513 },
	{ "exhaust with 1024 pages", exhaust, 1024 },
	{ "a run across words", straddle, 64 },
	{ "a run across chunks", straddle, CHUNK },
	{ "a run across groups of chunks", straddle, 8 * CHUNK },
	{ "a run across blocks", straddle, BLOCK },
	{ "the lowest run that is long enough wins", lowest_run_wins, 0 },
	{ "two free chunks coalesce", coalesce_chunks, 2 },
	{ "free chunks coalesce across groups", coalesce_chunks, 19 },
	{ "free chunks coalesce across blocks", coalesce_chunks, 2 * BLOCK_CHUNKS + 5 },
	{ "a span freed in pieces becomes one run", free_in_pieces, 0 },
	{ "no run crosses into block 1 behind a wall", wall, 1 },
	{ "no run crosses into block 7 behind a wall", wall, 7 },
	{ "no run crosses into block 8 behind a wall", wall, 8 },
	{ "no run crosses into block 64 behind a wall", wall, 64 },
	{ "runs of 11 pages fill a block up to a wall", fill_up_to_wall, 11 },
	{ "runs of 300 pages fill a block up to a wall", fill_up_to_wall, 300 },
	{ "runs cross into adjoining block 1", no_wall, 1 },
	{ "runs cross into adjoining block 8", no_wall, 8 },
	{ "runs cross into adjoining block 64", no_wall, 64 },
	{ "adjoining blocks join up to the wall behind them", wall_behind_run, 0 },
	{ "aligned to 1 page", aligned, 1 },
	{ "aligned to 2 pages", aligned, 2 },
	{ "aligned to 4 pages", aligned, 4 },
	{ "aligned to 8 pages", aligned, 8 },
	{ "aligned to 16 pages", aligned, 16 },
	{ "aligned to 32 pages", aligned, 32 },
	{ "aligned to 64 pages", aligned, 64 },
	{ "aligned to 128 pages", aligned, 128 },
	{ "aligned to 256 pages", aligned, 256 },
	{ "aligned to 512 pages", aligned, 512 },
	{ "aligned to 1024 pages", aligned, 1024 },
	{ "aligned to 2048 pages", aligned, 2048 },
	{ "aligned to 4096 pages", aligned, 4096 },
	{ "aligned to 8192 pages", aligned, 8192 },
	{ "aligned to 16384 pages", aligned, 16384 },
	{ "aligned to 2 pages, beyond many misfits", aligned_beyond_misfits, 2 },
	{ "aligned to 512 pages, beyond many misfits", aligned_beyond_misfits, 512 },
	{ "aligned to 16384 pages, beyond many misfits", aligned_beyond_misfits, 16384 },
	{ "aligned runs do not cross a wall", aligned_before_wall, 0 },
	{ "the table grows under 1 block", table_grows, 1 },
	{ "the table grows under 8 blocks", table_grows, 8 },
	{ "the table grows under 9 blocks", table_grows, 9 },
	{ "the table grows under 65 blocks", table_grows, 65 },
	{ "200 arenas of one chunk each", many_arenas, 200 },
	{ "a request of 2^21 - 1 pages", huge_request, (1UL << 21) - 1 },
	{ "a request of 2^21 pages", huge_request, 1UL << 21 },
	{ "a request of 2^21 + 1 pages", huge_request, (1UL << 21) + 1 },
	{ "a request of 5000000 pages", huge_request, 5000000 },
	{ "the end of the largest index", end_of_largest, 0 },
	{ "128 blocks on either side of a wall", huge_behind_wall, 128 },
	{ "200 blocks on either side of a wall", huge_behind_wall, 200 },
};

const unsigned int nr_run_cases = ARRAY_SIZE(run_cases);
