// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: parse any text as a trace or a vector, and replay it if it is valid.
 *
 * The first byte of an input selects trace or vector.
 */
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "memory.h"
#include "replay.h"

/* Bounds of a replay, so that an input does not take too long. */
#define MAX_REPLAY_PAGES	100000UL

/* The longest line: letter, two numbers, blanks, newline. */
#define LINE_BYTES		48

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void insist(bool condition)
{
	if (!condition)
		abort();
}

/* A parsed oracle, written out again, must parse to the same operations. */
static void oracle_again(const struct oracle *oracle)
{
	char *text = memory_zeroed(oracle->nr_ops + 1, LINE_BYTES);
	size_t size = sprintf(text, "# pages %lu\n", oracle->pages);
	struct reader_error error;
	struct oracle again;
	size_t i;

	for (i = 0; i < oracle->nr_ops; i++) {
		const struct oracle_op *op = &oracle->op[i];
		long long page = op->page;

		if (op->is_free)
			size += sprintf(text + size, "f %lld %lu\n", page, op->npages);
		else
			size += sprintf(text + size, "a %lu %lld\n", op->npages, page);
	}
	insist(oracle_parse(&again, text, size, &error));
	insist(again.pages == oracle->pages && again.nr_ops == oracle->nr_ops);
	for (i = 0; i < again.nr_ops; i++)
		insist(again.op[i].page == oracle->op[i].page &&
		       again.op[i].npages == oracle->op[i].npages &&
		       again.op[i].is_free == oracle->op[i].is_free);
	oracle_drop(&again);
	free(text);
}

static void fuzz_oracle(const char *text, size_t size)
{
	struct oracle_result result;
	struct reader_error error;
	struct oracle oracle;

	if (!oracle_parse(&oracle, text, size, &error)) {
		insist(error.line && error.text[0]);
		return;
	}
	oracle_again(&oracle);
	if (oracle.pages <= MAX_REPLAY_PAGES && oracle_replay(&oracle, &result, &error))
		insist(result.mismatches <= oracle.nr_ops);
	oracle_drop(&oracle);
}

/* Every slot is allocated and freed in turn. Returns all pages ever allocated. */
static unsigned long check_slots(const struct trace *trace)
{
	bool *live = memory_zeroed(trace->nr_slots + 1, sizeof(*live));
	unsigned long pages = 0;
	size_t i;

	for (i = 0; i < trace->nr_ops; i++) {
		const struct trace_op *op = &trace->op[i];

		insist(op->slot < trace->nr_slots && live[op->slot] == !op->npages);
		live[op->slot] = op->npages;
		pages += op->npages;
	}
	free(live);
	return pages;
}

static void fuzz_trace(const char *text, size_t size)
{
	struct trace_result result;
	struct reader_error error;
	struct trace trace;

	if (!trace_parse(&trace, text, size, &error)) {
		insist(error.line && error.text[0]);
		return;
	}
	if (check_slots(&trace) <= MAX_REPLAY_PAGES) {
		trace_replay(&trace, 1 + size % 8, &result);
		insist(result.peak_live <= result.peak_backed);
		insist(result.peak_backed <= result.peak_span);
		insist(result.rebacked <= result.released);
	}
	trace_drop(&trace);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] % 2)
		fuzz_oracle((const char *)data + 1, size - 1);
	else
		fuzz_trace((const char *)data + 1, size - 1);
	return 0;
}
