/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page indexes for tests, without a heap.
 */
#ifndef SPANALLOC_KUNIT_PAGEINDEX_MAKE_H
#define SPANALLOC_KUNIT_PAGEINDEX_MAKE_H

#include <kunit/test.h>

struct pageindex;

void test_index_set_table(struct kunit *test, struct pageindex *idx, unsigned long max_blocks);
void test_index_add_block(struct kunit *test, struct pageindex *idx, bool adjoining);
struct pageindex *test_index_make(struct kunit *test, unsigned int blocks, bool adjoining,
				  unsigned long chunks);

#endif /* SPANALLOC_KUNIT_PAGEINDEX_MAKE_H */
