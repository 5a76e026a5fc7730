/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exercise: a heap of some shape, and arbitrary calls on it that are legal.
 *
 * The random comparison rolls the choices, the fuzzer makes them up.
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
	unsigned long next_chunk;	/* to be grown next, unless sparse */
};

void exercise_begin(struct exercise *ex, const struct shape *shape, struct dice *dice);

/* One action; false once index and model have differed. */
bool exercise_step(struct exercise *ex);

/* Compares everything a last time. */
bool exercise_end(struct exercise *ex);

#endif /* HOST_EXERCISE_H */
