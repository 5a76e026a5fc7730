// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: recent use of chunks, refault, and tags.
 */
#include <linux/kernel.h>

#include "steps.h"
#include "tap.h"

#define MIXED	PAGEINDEX_TAG_MIXED

/* === Epochs ============================================================= */

static bool recent_use_is_counted(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(recent(0), 0);
	EXPECT_EQ(alloc(100), 0);
	put(0, 100);
	EXPECT_EQ(alloc(30), 0);
	EXPECT_EQ(alloc(CHUNK), 30);
	EXPECT_EQ(recent(0), 100 + CHUNK);
	EXPECT_EQ(recent(1), 30);
	return true;
}

static bool recent_use_is_forgotten(unsigned long epochs)
{
	unsigned long i;

	add_chunks(1);
	EXPECT_EQ(alloc(7), 0);
	next_epoch();
	EXPECT_EQ(recent(0), 7);
	EXPECT_EQ(alloc(20), 7);
	EXPECT_EQ(recent(0), 27);
	next_epoch();
	EXPECT_EQ(recent(0), 20);
	for (i = 0; i < epochs; i++)
		next_epoch();
	EXPECT_EQ(recent(0), 0);
	EXPECT_EQ(alloc(1), 27);
	EXPECT_EQ(recent(0), 1);
	return true;
}

/* Passes, and filling the reserve, do not count as use. */
static bool passes_are_no_use(unsigned long arg)
{
	struct pageindex_run runs[4];
	unsigned long fresh;

	(void)arg;
	add_chunks(1);
	EXPECT_EQ(take_released(0, 40, runs, 4, &fresh), 1);
	put(0, 40);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, runs, 4), 1);
	release(0, 40);
	EXPECT_EQ(recent(0), 0);
	return true;
}

static bool recent_use_saturates(unsigned long arg)
{
	unsigned int i;

	(void)arg;
	add_chunks(1);
	for (i = 0; i < 130; i++) {
		EXPECT_EQ(alloc(CHUNK), 0);
		put(0, CHUNK);
	}
	EXPECT_EQ(recent(0), 65535);
	next_epoch();
	EXPECT_EQ(alloc(3), 0);
	EXPECT_EQ(recent(0), 65538);
	return true;
}

/* A chunk that has just grown has no recent use, whatever the epoch. */
static bool recent_of_a_new_chunk(unsigned long arg)
{
	(void)arg;
	add_blocks(1, false);
	next_epoch();
	next_epoch();
	next_epoch();
	EXPECT_EQ(recent(0), 0);
	grow(0, 1);
	EXPECT_EQ(recent(0), 0);
	EXPECT_EQ(alloc(9), 0);
	EXPECT_EQ(steps.claim.refault, 0);
	EXPECT_EQ(recent(0), 9);
	return true;
}

static bool epochs_wrap(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	steps.heap.index.epoch = ~0U;
	EXPECT_EQ(alloc(5), 0);
	next_epoch();
	EXPECT_EQ(steps.heap.index.epoch, 0);
	EXPECT_EQ(recent(0), 5);
	EXPECT_EQ(alloc(6), 5);
	EXPECT_EQ(recent(0), 11);
	next_epoch();
	EXPECT_EQ(recent(0), 6);
	return true;
}

/* === Refault ============================================================= */

static bool released_too_soon(unsigned long epochs)
{
	unsigned long i;

	add_chunks(1);
	EXPECT_EQ(alloc(100), 0);
	EXPECT_EQ(steps.claim.refault, 0);
	release(0, 100);
	for (i = 0; i < epochs; i++)
		next_epoch();
	EXPECT_EQ(alloc(60), 0);
	EXPECT_EQ(steps.claim.refault, epochs < 2 ? 60 : 0);
	/* Fresh pages cannot be told from released pages, but only 40 released pages are left. */
	EXPECT_EQ(alloc(60), 60);
	EXPECT_EQ(steps.claim.refault, epochs < 2 ? 40 : 0);
	return true;
}

static bool a_page_is_refaulted_once(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	release(0, 10);
	EXPECT_EQ(alloc(10), 0);
	EXPECT_EQ(steps.claim.refault, 10);
	put(0, 10);
	EXPECT_EQ(alloc(10), 0);
	EXPECT_EQ(steps.claim.refault, 0);
	release(0, 10);
	EXPECT_EQ(alloc(10), 0);
	EXPECT_EQ(steps.claim.refault, 10);
	return true;
}

/* Pages were released in two epochs. Refaults are counted for the earlier one first. */
static bool refault_is_oldest_first(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	release(0, 30);
	next_epoch();
	release(30, 50);
	EXPECT_EQ(alloc(40), 0);
	EXPECT_EQ(steps.claim.refault, 40);
	next_epoch();
	EXPECT_EQ(alloc(40), 40);
	EXPECT_EQ(steps.claim.refault, 40);
	return true;
}

static bool refault_is_by_chunks(unsigned long arg)
{
	(void)arg;
	add_chunks(3);
	EXPECT_EQ(alloc(3 * CHUNK), 0);
	put(0, 3 * CHUNK);
	EXPECT_EQ(alloc(3 * CHUNK), 0);
	release(CHUNK - 20, 20);
	next_epoch();
	next_epoch();
	release(CHUNK, CHUNK + 10);
	EXPECT_EQ(alloc(CHUNK + 30), CHUNK - 20);
	EXPECT_EQ(steps.claim.released, CHUNK + 30);
	EXPECT_EQ(steps.claim.refault, CHUNK + 10);
	return true;
}

static bool idle_is_not_refaulted(unsigned long arg)
{
	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(CHUNK), 0);
	put(0, 50);
	release(50, 10);
	EXPECT_EQ(alloc(50), 0);
	EXPECT_EQ(steps.claim.refault, 0);
	put(0, 50);
	EXPECT_EQ(alloc(60), 0);
	EXPECT_EQ(steps.claim.refault, 10);
	return true;
}

static bool runs_are_refaulted(unsigned long arg)
{
	const struct pageindex_run runs[] = { { 0, 10 }, { 20, 30 }, { CHUNK + 5, 5 } };

	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc(2 * CHUNK), 0);
	release_runs(runs, ARRAY_SIZE(runs));
	EXPECT_EQ(alloc(30), 20);
	EXPECT_EQ(steps.claim.refault, 30);
	EXPECT_EQ(alloc(10), 0);
	EXPECT_EQ(steps.claim.refault, 10);
	EXPECT_EQ(alloc(5), CHUNK + 5);
	EXPECT_EQ(steps.claim.refault, 5);
	return true;
}

/* === Tags =============================================================== */

static bool tag_of_a_chunk(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(tag(0, 1), 0);
	EXPECT_EQ(alloc(10), 0);
	EXPECT_EQ(tag(0, 10), 0);
	set_tag(0, 10, 2);
	EXPECT_EQ(tag(0, 10), 2);
	EXPECT_EQ(tag(100, 10), 2);
	EXPECT_EQ(tag(CHUNK, 1), 0);
	EXPECT_EQ(alloc(10), 10);
	set_tag(10, 10, 2);
	EXPECT_EQ(tag(0, CHUNK), 2);
	set_tag(10, 10, 1);
	EXPECT_EQ(tag(0, 1), MIXED);
	set_tag(10, 10, 1);
	EXPECT_EQ(tag(0, 1), MIXED);
	return true;
}

static bool tag_of_many_chunks(unsigned long nchunks)
{
	add_chunks(nchunks + 1);
	EXPECT_EQ(alloc(nchunks * CHUNK + 1), 0);
	set_tag(0, nchunks * CHUNK, 7);
	EXPECT_EQ(tag(0, nchunks * CHUNK), 7);
	EXPECT_EQ(tag(0, nchunks * CHUNK + 1), MIXED);
	set_tag(nchunks * CHUNK, 1, 8);
	EXPECT_EQ(tag(0, nchunks * CHUNK + 1), MIXED);
	EXPECT_EQ(tag(nchunks * CHUNK, 1), 8);
	return true;
}

static bool tag_goes_with_backing(unsigned long arg)
{
	const struct pageindex_run runs[] = { { 0, 5 }, { 5, 5 } };

	(void)arg;
	add_chunks(1);
	EXPECT_EQ(alloc(30), 0);
	set_tag(0, 30, 4);
	put(10, 20);
	release_runs(runs, 2);
	EXPECT_EQ(tag(0, 1), 4);
	EXPECT_EQ(take(0, PAGEINDEX_ANY, NONE, (struct pageindex_run [2]) {}, 2), 1);
	release(20, 10);
	EXPECT_EQ(tag(0, 1), 4);
	release(10, 10);
	EXPECT_EQ(tag(0, 1), 0);
	EXPECT_EQ(alloc(10), 0);
	set_tag(0, 10, 5);
	EXPECT_EQ(tag(0, 1), 5);
	release_runs(runs, 2);
	EXPECT_EQ(tag(0, 1), 0);
	return true;
}

/* The backing fails in a chunk that has other memory, and in a chunk that has none. */
static bool tag_goes_if_unbacked(unsigned long arg)
{
	(void)arg;
	add_chunks(2);
	EXPECT_EQ(alloc(10), 0);
	set_tag(0, 10, 1);
	EXPECT_EQ(alloc(CHUNK), 10);
	set_tag(10, CHUNK, 2);
	unback(10, CHUNK);
	EXPECT_EQ(tag(0, 1), MIXED);
	EXPECT_EQ(tag(CHUNK, 1), 0);
	return true;
}

static bool idle_by_tag(unsigned long arg)
{
	(void)arg;
	add_chunks(3);
	EXPECT_EQ(alloc(3 * CHUNK), 0);
	set_tag(0, CHUNK, 1);
	set_tag(CHUNK, CHUNK, 2);
	set_tag(2 * CHUNK, CHUNK, 1);
	put(5, 10);
	put(CHUNK + 5, 10);
	put(2 * CHUNK + 5, 20);
	EXPECT_EQ(alloc_tagged(4, 2), CHUNK + 5);
	EXPECT_EQ(alloc_tagged(4, 3), NONE);
	EXPECT_EQ(alloc_tagged(4, MIXED), NONE);
	EXPECT_EQ(alloc_tagged(11, 1), 2 * CHUNK + 5);
	EXPECT_EQ(alloc_tagged(4, 1), 5);
	EXPECT_EQ(alloc_tagged(4, 0), 9);
	set_tag(CHUNK, 1, 1);
	EXPECT_EQ(alloc_tagged(4, 2), NONE);
	EXPECT_EQ(alloc_tagged(4, 1), 2 * CHUNK + 16);
	EXPECT_EQ(alloc_tagged(4, 0), CHUNK + 9);
	return true;
}

const struct step_case recent_cases[] = {
	{ "recent use is counted", recent_use_is_counted, 0 },
	{ "recent use is forgotten after two epochs", recent_use_is_forgotten, 1 },
	{ "recent use is forgotten after many epochs", recent_use_is_forgotten, 5 },
	{ "passes and the reserve do not count as use", passes_are_no_use, 0 },
	{ "the count of recent use saturates", recent_use_saturates, 0 },
	{ "a new chunk has no recent use", recent_of_a_new_chunk, 0 },
	{ "the number of the epoch wraps around", epochs_wrap, 0 },
	{ "pages released in this epoch are refaulted", released_too_soon, 0 },
	{ "pages released in the last epoch are refaulted", released_too_soon, 1 },
	{ "pages released two epochs ago are not refaulted", released_too_soon, 2 },
	{ "pages released long ago are not refaulted", released_too_soon, 9 },
	{ "a page that was released once is refaulted once", a_page_is_refaulted_once, 0 },
	{ "pages released first are refaulted first", refault_is_oldest_first, 0 },
	{ "refaults are counted per chunk", refault_is_by_chunks, 0 },
	{ "idle pages are not refaulted", idle_is_not_refaulted, 0 },
	{ "pages released in several runs are refaulted", runs_are_refaulted, 0 },
	{ "the tag of a chunk", tag_of_a_chunk, 0 },
	{ "the tag of 3 chunks", tag_of_many_chunks, 3 },
	{ "the tag of a block and more", tag_of_many_chunks, BLOCK_CHUNKS + 1 },
	{ "the release of the last page clears the tag", tag_goes_with_backing, 0 },
	{ "the failure of the backing clears the tag", tag_goes_if_unbacked, 0 },
	{ "idle pages by their tag", idle_by_tag, 0 },
};

const unsigned int nr_recent_cases = ARRAY_SIZE(recent_cases);
