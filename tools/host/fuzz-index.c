// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: the bytes of an input choose calls of the page index and its model.
 */
#include <stdlib.h>

#include <linux/kernel.h>

#include "exercise.h"

/* Large heaps take longer to set up than to exercise. */
#define START_CHUNKS	4UL

/*
 * Bounds of small heaps, which are fast and show nearly every defect. Only first bytes from
 * LARGE_FIRST on, which fuzzers rarely choose, select a large heap.
 */
#define SMALL_BLOCKS	2UL
#define SMALL_NPAGES	1100UL
#define LARGE_FIRST	200UL

/* First bytes that select shapes beyond the plain ones, which recorded inputs do not use. */
#define BATCH_FIRST	208UL
#define BATCH_LAST	223UL

/* Steps from one full comparison, which is slow, to the next. Every result is compared. */
#define VERIFY_STEPS	16

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
const char *__asan_default_options(void);

/* A large quarantine would keep freed memory from reuse, and cost page faults. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

static struct shape pick_shape(struct dice *dice)
{
	unsigned long roll = dice_below(dice, 256);
	struct shape shape = shapes[roll % NR_PLAIN_SHAPES];

	if (roll >= BATCH_FIRST && roll <= BATCH_LAST)
		shape = shapes[NR_PLAIN_SHAPES + roll % (nr_shapes - NR_PLAIN_SHAPES)];
	shape.start_blocks = min(shape.start_blocks, 1UL);
	shape.start_chunks = min(shape.start_chunks, START_CHUNKS);
	if (roll < LARGE_FIRST || roll >= LARGE_FIRST + NR_PLAIN_SHAPES) {
		shape.max_blocks = min(shape.max_blocks, SMALL_BLOCKS);
		shape.max_npages = min(shape.max_npages, SMALL_NPAGES);
	}
	return shape;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct exercise ex;
	struct shape shape;
	struct dice dice;
	unsigned int step;

	dice_from_bytes(&dice, data, size);
	shape = pick_shape(&dice);
	exercise_begin(&ex, &shape, &dice);
	for (step = 1; !dice_spent(&dice) && exercise_step(&ex); step++)
		if (step % VERIFY_STEPS == 0 && !twin_verify(&ex.twin))
			break;
	if (!exercise_end(&ex))
		abort();
	return 0;
}
