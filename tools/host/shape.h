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
 * struct shape - what a heap looks like and what happens to it
 * @name: for people
 * @start_blocks: blocks it begins with
 * @start_chunks: chunks it begins with
 * @max_blocks: blocks it may grow to
 * @walls: of 100 blocks, how many do not adjoin the one before
 * @sparse: chunks are grown anywhere, not one after the other
 * @max_npages: the longest request
 * @weight: how often each action is chosen
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

/* Number of shapes, from the first on, without actions newer than the recorded fuzz inputs. */
#define NR_PLAIN_SHAPES	8U

#endif /* HOST_SHAPE_H */
