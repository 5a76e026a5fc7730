/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shapes: heaps to exercise, and how often each action is chosen on them.
 */
#ifndef HOST_SHAPE_H
#define HOST_SHAPE_H

#include <linux/types.h>

enum exercise_action {
	EXERCISE_ALLOC,
	EXERCISE_ALIGNED,
	EXERCISE_FREE,
	EXERCISE_FREE_PART,
	EXERCISE_RELEASE,
	EXERCISE_TAKE,
	EXERCISE_AGE,
	EXERCISE_PASS,
	EXERCISE_NEXT_USED,
	EXERCISE_GROW,
	EXERCISE_TABLE,
	EXERCISE_IDLE,
	EXERCISE_RESERVE,
	EXERCISE_LIMITED,
	EXERCISE_UNBACKED,
	EXERCISE_BATCH,
	EXERCISE_FREE_RUNS,
	EXERCISE_TAGGED,
	EXERCISE_EPOCH,
	EXERCISE_LONG,
	EXERCISE_NR_ACTIONS
};

/**
 * struct shape - a kind of heap, and the actions on it
 * @name: name in the results
 * @start_blocks: number of blocks at the start
 * @start_chunks: number of chunks at the start
 * @max_blocks: most blocks
 * @walls: percentage of blocks that do not adjoin the block before
 * @sparse: chunks grow at random places, not one after the other
 * @max_npages: the longest request
 * @weight: relative frequency of each action
 */
struct shape {
	const char *name;
	unsigned long start_blocks;
	unsigned long start_chunks;
	unsigned long max_blocks;
	unsigned int walls;
	bool sparse;
	unsigned long max_npages;
	unsigned char weight[EXERCISE_NR_ACTIONS];
};

extern const struct shape shapes[];
extern const unsigned int nr_shapes;

/* Number of shapes, from the first on, that recorded inputs of the fuzzer may select. */
#define NR_PLAIN_SHAPES	8U

#endif /* HOST_SHAPE_H */
