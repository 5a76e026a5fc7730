// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: any bytes are calls on the page index and on its model.
 */
#include <stdlib.h>

#include <linux/kernel.h>

#include "exercise.h"

/* Setting up a large heap would take longer than all that is done to it. */
#define START_CHUNKS	4UL

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct shape pick_shape(struct dice *dice)
{
	struct shape shape = shapes[dice_below(dice, nr_shapes)];

	shape.start_blocks = min(shape.start_blocks, 1UL);
	shape.start_chunks = min(shape.start_chunks, START_CHUNKS);
	return shape;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct exercise ex;
	struct shape shape;
	struct dice dice;

	dice_from_bytes(&dice, data, size);
	shape = pick_shape(&dice);
	exercise_begin(&ex, &shape, &dice);
	while (!dice_spent(&dice) && exercise_step(&ex))
		;
	if (!exercise_end(&ex))
		abort();
	return 0;
}
