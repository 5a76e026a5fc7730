// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page indexes for tests, without a heap.
 */
#include <linux/slab.h>

#include "index/pageindex.h"

#include "pageindex_make.h"

void test_index_set_table(struct kunit *test, struct pageindex *idx, unsigned long max_blocks)
{
	void *table = kunit_kzalloc(test, pageindex_table_bytes(max_blocks), GFP_KERNEL);
	void *old;

	KUNIT_ASSERT_NOT_NULL(test, table);
	old = pageindex_set_table(idx, table, max_blocks);
	if (old)
		kunit_kfree(test, old);
}

/* The block is filled with garbage, which pageindex_block_init() has to overwrite. */
void test_index_add_block(struct kunit *test, struct pageindex *idx, bool adjoining)
{
	struct pageindex_block *block = kunit_kmalloc(test, sizeof(*block), GFP_KERNEL);
	unsigned long nr = idx->nr_blocks;

	KUNIT_ASSERT_NOT_NULL(test, block);
	memset(block, 0x5a, sizeof(*block));
	pageindex_block_init(block, adjoining);
	KUNIT_ASSERT_EQ(test, pageindex_add_block(idx, block), nr);
}

/* An index of @blocks blocks, of whose chunks the first @chunks are grown. */
struct pageindex *test_index_make(struct kunit *test, unsigned int blocks, bool adjoining,
				  unsigned long chunks)
{
	struct pageindex *idx = kunit_kzalloc(test, sizeof(*idx), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, idx);
	pageindex_init(idx);
	test_index_set_table(test, idx, blocks);
	for (i = 0; i < blocks; i++)
		test_index_add_block(test, idx, i && adjoining);
	for (i = 0; i < chunks; i += PAGEINDEX_BLOCK_CHUNKS)
		pageindex_grow(idx, i, min(chunks - i, PAGEINDEX_BLOCK_CHUNKS));
	return idx;
}
