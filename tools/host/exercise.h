/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exercise: a heap of some shape, and arbitrary calls on it that are legal.
 *
 * The random comparison rolls the choices, the fuzzer makes them up.
 */
#ifndef HOST_EXERCISE_H
#define HOST_EXERCISE_H

#include "dice.h"
#include "twin.h"

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

struct exercise {
	struct twin twin;
	struct dice *dice;
	const struct shape *shape;
	struct pageindex_run *spans;	/* runs in use */
	unsigned long nr_spans;
	unsigned long max_spans;
	unsigned long next_chunk;	/* to be grown next, unless sparse */
};

void exercise_begin(struct exercise *ex, const struct shape *shape, struct dice *dice);

/* One action; false once index and model have differed. */
bool exercise_step(struct exercise *ex);

/* Compares everything a last time. */
bool exercise_end(struct exercise *ex);

#endif /* HOST_EXERCISE_H */
