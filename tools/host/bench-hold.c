// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-hold: how long the work under one hold of a heap's lock takes.
 *
 * holds.c has the work of every hold of the heap's lock. It runs on indexes of 64 MiB to
 * 1 TiB in states that make holds long (hold-index.c). Before each try the whole index is
 * flushed from the CPU's caches. The result for an index and a state is the least of
 * several tries, since other load on the machine only adds time. The result for a hold is
 * the largest over all indexes and states. Under callgrind instructions are counted.
 */
#include <getopt.h>
#include <valgrind/callgrind.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "heap/hold.h"
#include "hold-index.h"
#include "holds.h"
#include "memory.h"
#include "results.h"
#include "stopwatch.h"

#define TRIES		9

static const char usage[] =
"Usage: bench-hold [--max-mib N] [--tries N] [--output FILE]\n"
"Time the work under one hold of a heap's lock, with cold caches, on page indexes of up to\n"
"N MiB (1048576, which is 1 TiB). A time is the least of N tries (9). Prints a table with\n"
"the worst state of each hold, and writes FILE as JSON with all states. Under callgrind it\n"
"counts instructions: see count-insn.sh.\n";

static struct pageindex *const idx = &hold_heap.index;

/* === Growing ============================================================ */

/* The heap prepares a block and a table without the lock; the hold adds them to the index. */
static u64 grow_block(bool table)
{
	unsigned long nr = idx->nr_blocks;
	struct pageindex_block *block;
	void *old = NULL, *new = NULL;
	unsigned long room = 0;
	u64 start, table_ns = 0, ns;

	if (nr == idx->max_blocks) {
		room = nr < 512 ? 512 : PAGEINDEX_MAX_BLOCKS;
		new = memory_zeroed(1, pageindex_table_bytes(room));
	}
	block = memory_must(aligned_alloc(64, round_up(sizeof(*block), 64UL)));
	pageindex_block_init(block, nr > 0);
	hold_make_cold();
	if (new) {
		start = stopwatch_ns();
		old = pageindex_set_table(idx, new, room);
		table_ns = stopwatch_ns() - start;
		free(old);
	}
	start = stopwatch_ns();
	pageindex_add_block(idx, block);
	ns = stopwatch_ns() - start;
	return table ? table_ns : ns;
}

static u64 grow_chunks(void)
{
	u64 start;

	hold_make_cold();
	start = stopwatch_ns();
	pageindex_grow(idx, hold_heap.grown, HOLD_GROW_CHUNKS);
	hold_heap.grown += HOLD_GROW_CHUNKS;
	return stopwatch_ns() - start;
}

/* === Measuring ========================================================== */

static struct results results;
static unsigned int tries = TRIES;

static u64 measure_once(const struct hold *hold)
{
	u64 start, ns;

	hold_clear(hold);
	if (!hold->prepare())
		return ULLONG_MAX;
	hold_make_cold();
	if (hold->fetch)
		hold->fetch();
	start = stopwatch_ns();
	hold->run();
	ns = stopwatch_ns() - start;
	if (hold->undo)
		hold->undo();
	return ns;
}

static struct result *add_row(const char *name, unsigned long npages, unsigned long mib,
			      const char *state)
{
	struct result *row = results_add(&results, name, "hold");

	row->metric = RUNNING_ON_VALGRIND ? "insn" : "ns";
	result_number(row, "pages", npages);
	result_number(row, "mib", mib);
	result_text(row, "state", state);
	return row;
}

/* Add a row with the least of several tries, unless the hold cannot happen in this state. */
static void measure(const struct hold *hold, unsigned long mib, const char *state)
{
	u64 least = ULLONG_MAX;
	unsigned int i;

	for (i = 0; i < tries; i++)
		least = min(least, measure_once(hold));
	if (least != ULLONG_MAX)
		result_sample(add_row(hold->name, hold->npages, mib, state), least);
}

/* Count the instructions of one try; callgrind dumps the count under the name of the row. */
static void count(const struct hold *hold, unsigned long mib, const char *state)
{
	char row[128];

	hold_clear(hold);
	if (!hold->prepare())
		return;
	snprintf(row, sizeof(row), "%s ops=1 pages=%lu mib=%lu state=%s", hold->name, hold->npages,
		 mib, state);
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
	hold->run();
	CALLGRIND_DUMP_STATS_AT(row);
	CALLGRIND_STOP_INSTRUMENTATION;
	if (hold->undo)
		hold->undo();
}

static void measure_growth(unsigned long blocks)
{
	struct result *add = add_row("grow-arena", 0, blocks * 64, "growing");
	struct result *grow = add_row("grow-chunks", 0, blocks * 64, "growing");
	u64 add_ns = ULLONG_MAX, grow_ns = ULLONG_MAX, table_ns = ULLONG_MAX, ns;
	unsigned int i;

	pageheap_init(&hold_heap);
	while (idx->nr_blocks < blocks)
		pageheap_add_block(&hold_heap, true);
	for (i = 0; i < tries; i++) {
		if (idx->nr_blocks == idx->max_blocks) {
			ns = grow_block(true);
			table_ns = min(table_ns, ns);
			continue;
		}
		add_ns = min(add_ns, grow_block(false));
		grow_ns = min(grow_ns, grow_chunks());
	}
	result_sample(add, add_ns);
	result_sample(grow, grow_ns);
	pageheap_destroy(&hold_heap);
}

/* The table is copied only when it is full, which it is at these sizes. */
static void measure_table(unsigned long blocks)
{
	u64 least = ULLONG_MAX;
	unsigned int i;

	for (i = 0; i < tries; i++) {
		pageheap_init(&hold_heap);
		free(pageindex_set_table(idx, memory_zeroed(1, pageindex_table_bytes(blocks)),
					 blocks));
		while (idx->nr_blocks < blocks)
			pageheap_add_block(&hold_heap, true);
		least = min(least, grow_block(true));
		pageheap_destroy(&hold_heap);
	}
	result_sample(add_row("grow-table", 0, blocks * 64, "growing"), least);
}

static void measure_state(const struct hold_state *state, unsigned long blocks)
{
	const struct hold *hold;

	pageheap_init(&hold_heap);
	pageheap_grow(&hold_heap, blocks * PAGEINDEX_BLOCK_CHUNKS);
	state->make();
	for (hold = holds; hold->name; hold++) {
		if (RUNNING_ON_VALGRIND)
			count(hold, blocks * 64, state->name);
		else
			measure(hold, blocks * 64, state->name);
	}
	pageheap_destroy(&hold_heap);
}

/* === Results ============================================================ */

static bool same_hold(const struct result *a, const struct result *b)
{
	return !strcmp(a->bench, b->bench) && a->param[0].number == b->param[0].number;
}

/* One line per hold, with its worst index. */
static void print_worst(void)
{
	const struct result *worst = NULL, *row, *first;
	unsigned int i, j;

	printf("%-20s %8s %8s  %9s %s\n", "hold", "pages", "ns", "MiB", "state");
	for (i = 0; i < results.nr_rows; i++) {
		first = results.row[i];
		for (j = 0; j < i && !same_hold(results.row[j], first); j++)
			;
		if (j < i)
			continue;
		row = first;
		for (j = i; j < results.nr_rows; j++)
			if (same_hold(results.row[j], first) &&
			    results.row[j]->sample[0] > row->sample[0])
				row = results.row[j];
		printf("%-20s %8lu %8.0f  %9lu %s\n", row->bench, row->param[0].number,
		       row->sample[0], row->param[1].number, row->param[2].text);
		if (!worst || row->sample[0] > worst->sample[0])
			worst = row;
	}
	if (worst)
		printf("the longest: %.0f ns, %s of %lu pages\n", worst->sample[0], worst->bench,
		       worst->param[0].number);
}

int main(int argc, char **argv)
{
	static const unsigned long sizes[] = { 1, 16, 256, 1024, 4096, 16384 };
	static const struct option options[] = {
		{ "max-mib", required_argument, NULL, 'm' },
		{ "tries", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	unsigned long max_blocks = 16384;
	const char *output = NULL;
	const struct hold_state *state;
	unsigned int i;
	FILE *out;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			max_blocks = strtoul(optarg, NULL, 10) / 64;
			break;
		case 't':
			tries = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			output = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= max_blocks; i++) {
		fprintf(stderr, "bench-hold: indexes of %lu MiB\n", sizes[i] * 64);
		for (state = hold_states; state->name; state++)
			measure_state(state, sizes[i]);
		if (!RUNNING_ON_VALGRIND)
			measure_growth(sizes[i]);
	}
	if (RUNNING_ON_VALGRIND)
		return 0;
	measure_table(8);
	if (max_blocks >= 512)
		measure_table(512);
	print_worst();
	if (!output)
		return 0;
	out = fopen(output, "w");
	if (!out) {
		perror(output);
		return 1;
	}
	results_write_json(&results, out);
	return fclose(out) ? 1 : 0;
}
