// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random comparison of the page index with its model.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "exercise.h"
#include "tap.h"

#define DEFAULT_OPS	2000000UL

/* Operations on one heap; then the test goes on with a new heap. */
#define HEAP_OPS	20000UL

/* Pages compared per step, on average: a full comparison compares all pages of the heap. */
#define VERIFY_PAGES	16UL

static const char usage[] =
"Usage: test-random [--seed N] [--ops N]\n"
"Compare the page index with a naive model over random operations.\n"
"\n"
"  --seed N  seed of the choices (default: the time)\n"
"  --ops N   operations over all shapes of heap (default: 2000000)\n"
"  --help    show this text\n";

/* Full comparisons are rarer on large heaps, but each heap has at least one. */
static bool due(const struct exercise *ex, unsigned long step)
{
	unsigned long every = model_span(&ex->twin.model) / VERIFY_PAGES;

	return step % clamp(every, 64UL, HEAP_OPS / 2) == 0;
}

static bool run_heap(const struct shape *shape, struct dice *dice, unsigned long ops)
{
	struct exercise ex;
	unsigned long i;

	exercise_begin(&ex, shape, dice);
	for (i = 1; i <= ops; i++)
		if (!exercise_step(&ex) || (due(&ex, i) && !twin_verify(&ex.twin)))
			break;
	return exercise_end(&ex);
}

static void run_shape(unsigned int nr, u64 seed, unsigned long ops)
{
	const struct shape *shape = &shapes[nr];
	struct dice dice;
	unsigned long done;
	bool same = true;

	dice_seed(&dice, seed + nr);
	for (done = 0; done < ops && same; done += HEAP_OPS)
		same = run_heap(shape, &dice, min(HEAP_OPS, ops - done));
	tap_result(same, "random: %s answers as its model, %lu operations, seed %llu",
		   shape->name, ops, seed);
}

static unsigned long long parse_number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (*end || end == text) {
		fprintf(stderr, "test-random: '%s' is not a number\n%s", text, usage);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	unsigned long ops = DEFAULT_OPS;
	u64 seed = time(NULL);
	unsigned int i;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = parse_number(optarg);
			break;
		case 'o':
			ops = parse_number(optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	tap_plan(nr_shapes);
	for (i = 0; i < nr_shapes; i++)
		run_shape(i, seed, ops / nr_shapes);
	return tap_status();
}
