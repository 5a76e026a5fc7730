/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exercise: a heap of some shape, and arbitrary legal calls on it.
 *
 * Dice make the choices: random numbers in test-random, an input in the fuzzer.
 */
#ifndef HOST_EXERCISE_H
#define HOST_EXERCISE_H

#include "dice.h"
#include "shape.h"
#include "twin.h"

struct exercise {
	struct twin twin;
	struct dice *dice;
	const struct shape *shape;
	struct pageindex_run *spans;	/* runs in use */
	unsigned long nr_spans;
	unsigned long max_spans;
	unsigned long next_chunk;	/* chunk to grow next, unless sparse */
};

void exercise_begin(struct exercise *ex, const struct shape *shape, struct dice *dice);

/* Make one action. Returns false once index and model have differed. */
bool exercise_step(struct exercise *ex);

/* Compare everything a last time. Returns false if index and model differ. */
bool exercise_end(struct exercise *ex);

#endif /* HOST_EXERCISE_H */
