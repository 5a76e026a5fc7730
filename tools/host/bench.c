// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench: time the page index and the lookup, beside other allocators.
 *
 * Each round measures each row once, so that a disturbance of the machine hits
 * all rows alike. A row's result is the median of its rounds.
 */
#include <getopt.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "bench-index.h"
#include "bench-lookup.h"
#include "bench-peers.h"
#include "memory.h"
#include "replay.h"
#include "results.h"

#define ROUNDS		15U

/* Traces run only in one round of LONG_EVERY, since they take long and vary little. */
#define LONG_EVERY	3U

/* Ratios of the peers' pairs are to pairs on this heap. */
#define PEER_CHUNKS	1024UL

#define MAX_TRACES	8
#define STATES		2

static const char usage[] =
"Usage: bench --peer PROGRAM --output FILE [TRACE]...\n"
"Time the page index: one allocation plus its free (\"pair\"), random replacement\n"
"among 2048 live spans (\"churn\"), TRACEs, and lookups; and the same page-run work\n"
"through the malloc() of glibc, jemalloc, gperftools and mimalloc as far as they\n"
"are installed. Prints a table and writes FILE as JSON.\n"
"\n"
"  --peer PROGRAM  bench-peer\n"
"  --output FILE   where the JSON goes\n"
"  --help          show this text\n";

static const char *const state_names[STATES] = { "empty", "checkerboard" };

/* The heaps, traces and peers that are timed, and the rows of their samples. */
static struct bench {
	struct results results;

	struct pageheap heap[BENCH_NR_HEAPS][STATES];
	struct result *pair[BENCH_NR_HEAPS][STATES][WORK_NR_PAIRS];

	struct pageheap churn_heap;
	struct work_churn churn_work;
	struct result *churn;

	struct trace trace[MAX_TRACES];
	char *trace_name[MAX_TRACES];
	struct result *traced[MAX_TRACES];
	int nr_traces;

	struct lookup *lookup[LOOKUP_NR_MAPS];
	struct result *looked[LOOKUP_NR_MAPS][LOOKUP_NR_PROBES];

	struct result *peer[PEERS_NR][WORK_NR_PAIRS + 1 + MAX_TRACES];

	struct result nothing;
} bench;

/* === Setting up ========================================================= */

static void prepare_pairs(void)
{
	unsigned int heap, state, pair;

	for (heap = 0; heap < BENCH_NR_HEAPS; heap++) {
		fprintf(stderr, "bench: preparing heaps of %lu chunks\n", bench_chunks[heap]);
		bench_heap_empty(&bench.heap[heap][0], bench_chunks[heap]);
		bench_heap_checkerboard(&bench.heap[heap][1], bench_chunks[heap]);
		for (state = 0; state < STATES; state++)
			for (pair = 0; pair < WORK_NR_PAIRS; pair++) {
				struct result *row = results_add(&bench.results, "pair",
								 "spanalloc");

				result_number(row, "pages", work_pairs[pair]);
				result_number(row, "chunks", bench_chunks[heap]);
				result_text(row, "state", state_names[state]);
				bench.pair[heap][state][pair] = row;
			}
	}
}

static struct result *churn_row(const char *subject)
{
	struct result *row = results_add(&bench.results, "churn", subject);

	result_number(row, "live", WORK_CHURN_SPANS);
	result_number(row, "max_pages", WORK_CHURN_PAGES);
	return row;
}

static void prepare_churn(void)
{
	bench_heap_empty(&bench.churn_heap, BENCH_CHURN_CHUNKS);
	work_churn_roll(&bench.churn_work);
	bench_churn_begin(&bench.churn_heap, &bench.churn_work);
	bench.churn = churn_row("spanalloc");
	result_number(bench.churn, "chunks", BENCH_CHURN_CHUNKS);
}

static struct result *trace_row(const char *subject, int i)
{
	struct result *row = results_add(&bench.results, "trace", subject);

	result_text(row, "trace", bench.trace_name[i]);
	return row;
}

/* The file's name, without its folders and from the first dot on. */
static char *short_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	path = slash ? slash + 1 : path;
	return memory_must(strndup(path, strcspn(path, ".")));
}

static void prepare_trace(const char *path)
{
	struct reader_error error;
	int i = bench.nr_traces++;

	if (!trace_load(&bench.trace[i], path, &error)) {
		fprintf(stderr, "bench: %s:%lu: %s\n", path, error.line, error.text);
		exit(2);
	}
	bench.trace_name[i] = short_name(path);
	bench.traced[i] = trace_row("spanalloc", i);
	result_number(bench.traced[i], "age", REPLAY_DEFAULT_AGE);
}

static void prepare_lookups(void)
{
	unsigned int map, probe;

	for (map = 0; map < LOOKUP_NR_MAPS; map++) {
		bench.lookup[map] = lookup_prepare(lookup_arenas[map]);
		for (probe = 0; probe < LOOKUP_NR_PROBES; probe++) {
			struct result *row = results_add(&bench.results, "lookup", "spanalloc");

			result_number(row, "arenas", lookup_arenas[map]);
			result_text(row, "probe", lookup_probe_names[probe]);
			bench.looked[map][probe] = row;
		}
	}
}

static const struct result *pair_base(unsigned int pair)
{
	unsigned int heap = 0;

	while (bench_chunks[heap] != PEER_CHUNKS)
		heap++;
	return bench.pair[heap][0][pair];
}

static void prepare_peer(unsigned int nr, const char *program, char **traces)
{
	struct result **row = bench.peer[nr];
	unsigned int pair;
	int i;

	if (!peer_start(&peers[nr], program, traces, bench.nr_traces))
		return;
	for (pair = 0; pair < WORK_NR_PAIRS; pair++, row++) {
		*row = results_add(&bench.results, "pair", peers[nr].name);
		result_number(*row, "pages", work_pairs[pair]);
		(*row)->base = pair_base(pair);
	}
	*row = churn_row(peers[nr].name);
	(*row++)->base = bench.churn;
	for (i = 0; i < bench.nr_traces; i++, row++) {
		*row = trace_row(peers[nr].name, i);
		(*row)->base = bench.traced[i];
	}
}

/* === Measuring ========================================================== */

static void measure_pair(struct pageheap *heap, unsigned long npages, struct result *row)
{
	unsigned long ops = 1000;

	ops = work_enough(ops, bench_pair(heap, npages, ops));
	result_sample(row, (double)bench_pair(heap, npages, ops) / ops);
}

static void measure_pairs(void)
{
	unsigned int heap, state, pair;

	for (heap = 0; heap < BENCH_NR_HEAPS; heap++)
		for (state = 0; state < STATES; state++)
			for (pair = 0; pair < WORK_NR_PAIRS; pair++)
				measure_pair(&bench.heap[heap][state], work_pairs[pair],
					     bench.pair[heap][state][pair]);
}

static void measure_lookups(void)
{
	unsigned int map, probe;

	for (map = 0; map < LOOKUP_NR_MAPS; map++)
		for (probe = 0; probe < LOOKUP_NR_PROBES; probe++) {
			unsigned long ops = 10000;

			ops = work_enough(ops, lookup_run(bench.lookup[map], probe, ops));
			result_sample(bench.looked[map][probe],
				      (double)lookup_run(bench.lookup[map], probe, ops) / ops);
		}
}

static void measure_traces(void)
{
	struct trace_result result;
	int i;

	for (i = 0; i < bench.nr_traces; i++) {
		trace_replay(&bench.trace[i], REPLAY_DEFAULT_AGE, &result);
		result_sample(bench.traced[i], (double)result.ns / result.allocs);
	}
}

static void measure_peer(unsigned int nr, bool traces)
{
	double answer[WORK_NR_PAIRS + 1 + MAX_TRACES];
	unsigned int nr_short = WORK_NR_PAIRS + 1;
	unsigned int nr_answers = nr_short;
	unsigned int i;

	if (!peers[nr].pid)
		return;
	peer_work(&peers[nr], "short", answer, nr_short);
	if (traces) {
		peer_work(&peers[nr], "long", answer + nr_short, bench.nr_traces);
		nr_answers += bench.nr_traces;
	}
	for (i = 0; i < nr_answers; i++)
		result_sample(bench.peer[nr][i], answer[i]);
}

static void measure_nothing(void)
{
	const unsigned long ops = 1000000;

	result_sample(&bench.nothing, (double)bench_nothing(ops) / ops);
}

static void measure_round(unsigned int round)
{
	bool traces = round % LONG_EVERY == 0;
	unsigned int i;

	fprintf(stderr, "bench: round %u of %u\n", round + 1, ROUNDS);
	measure_nothing();
	measure_pairs();
	result_sample(bench.churn,
		      (double)bench_churn(&bench.churn_heap, &bench.churn_work) / WORK_CHURN_OPS);
	measure_lookups();
	if (traces)
		measure_traces();
	for (i = 0; i < PEERS_NR; i++)
		measure_peer(i, traces);
}

/* === Reporting ========================================================== */

static void report(const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out) {
		perror(path);
		exit(2);
	}
	results_finish(&bench.results);
	results_print(&bench.results, stdout);
	printf("\nMedians of %u interleaved rounds (traces: %u). Ratios are to spanalloc's row,\n"
	       "and for pairs to the row of the empty heap of %lu chunks. One operation is an\n"
	       "allocation and its free, or a lookup. Times of pairs include %.1f ns for the loop.\n",
	       ROUNDS, DIV_ROUND_UP(ROUNDS, LONG_EVERY), PEER_CHUNKS, bench.nothing.sample[0]);
	results_write_json(&bench.results, out);
	if (fclose(out)) {
		perror(path);
		exit(2);
	}
	printf("Written to %s.\n", path);
}

static void clean_up(void)
{
	unsigned int i, state;

	for (i = 0; i < PEERS_NR; i++)
		peer_stop(&peers[i]);
	for (i = 0; i < BENCH_NR_HEAPS; i++)
		for (state = 0; state < STATES; state++)
			pageheap_destroy(&bench.heap[i][state]);
	for (i = 0; i < LOOKUP_NR_MAPS; i++)
		lookup_drop(bench.lookup[i]);
	for (i = 0; i < (unsigned int)bench.nr_traces; i++) {
		trace_drop(&bench.trace[i]);
		free(bench.trace_name[i]);
	}
	pageheap_destroy(&bench.churn_heap);
	results_drop(&bench.results);
}

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "peer", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *program = NULL, *output = NULL;
	unsigned int i;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			program = optarg;
			break;
		case 'o':
			output = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return wrong_usage();
		}
	}
	if (!program || !output || argc - optind > MAX_TRACES)
		return wrong_usage();
	prepare_pairs();
	prepare_churn();
	for (i = optind; i < (unsigned int)argc; i++)
		prepare_trace(argv[i]);
	prepare_lookups();
	for (i = 0; i < PEERS_NR; i++)
		prepare_peer(i, program, argv + optind);
	for (i = 0; i < ROUNDS; i++)
		measure_round(i);
	report(output);
	clean_up();
	return 0;
}
