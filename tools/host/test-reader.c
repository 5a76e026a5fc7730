// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the reader: files that it accepts, and lines that it reports.
 */
#include <stdio.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "idmap.h"
#include "replay.h"
#include "tap.h"

struct text_case {
	const char *name;
	const char *text;
	unsigned long line;	/* line of the error, or number of calls if @valid */
	bool valid;
};

static const struct text_case trace_cases[] = {
	{ "nothing", "", 0, true },
	{ "comments and empty lines", "# x\n\n \t\na 1 2\n# y\nf 1\n", 2, true },
	{ "no newline at the end", "a 1 2\nf 1", 2, true },
	{ "carriage returns and tabs", "a\t1  2\r\nf \t1\r\n", 2, true },
	{ "an id used again after its free", "a 1 2\nf 1\na 1 3\n", 3, true },
	{ "ids of 64 bits", "a 18446744073709551615 1\na 0 1\nf 18446744073709551615\n", 3, true },
	{ "an unknown call", "a 1 1\nx 1\n", 2, false },
	{ "a word that begins like a call", "alloc 1 1\n", 1, false },
	{ "a call and nothing else", "a", 1, false },
	{ "no length", "a 1\n", 1, false },
	{ "length 0", "a 1 0\n", 1, false },
	{ "a negative length", "a 1 -5\n", 1, false },
	{ "a length that is no number", "a 1 5x\n", 1, false },
	{ "a length beyond all indexes", "a 1 4294967296\n", 1, false },
	{ "a length that overflows", "a 1 99999999999999999999\n", 1, false },
	{ "an id that overflows", "a 18446744073709551616 1\n", 1, false },
	{ "more live pages than an index can have", "a 1 2147483648\n# x\na 2 1\n", 3, false },
	{ "an id allocated twice", "a 1 1\na 2 1\na 1 1\n", 3, false },
	{ "a free of an id that was never allocated", "a 1 1\nf 2\n", 2, false },
	{ "a free of an id that was freed", "a 1 1\nf 1\nf 1\n", 3, false },
	{ "too much on a line", "a 1 1\nf 1 1\n", 2, false },
};

static const struct text_case oracle_cases[] = {
	{ "a header alone", "# pages 512\n", 0, true },
	{ "all kinds of calls", "# pages 512\na 1 0\nf 0 1\na 513 -1\n", 3, true },
	{ "comments after the header", "# pages 512\n# x\n\na 1 0\n", 1, true },
	{ "nothing at all", "", 1, false },
	{ "no header", "a 1 0\n", 1, false },
	{ "a header without a number", "# pages\n", 1, false },
	{ "a header with 0 pages", "# pages 0\n", 1, false },
	{ "a header beyond all indexes", "# pages 4294967297\n", 1, false },
	{ "an unknown call in a vector", "# pages 512\nb 1 0\n", 2, false },
	{ "an allocation without its answer", "# pages 512\na 1\n", 2, false },
	{ "an answer that is no number", "# pages 512\na 1 -2\n", 2, false },
	{ "an answer beyond the end", "# pages 512\na 1 0\na 1 512\n", 3, false },
	{ "an answer beyond an only page", "# pages 1\na 1 8\n", 2, false },
	{ "a run beyond the end", "# pages 512\na 2 511\n", 2, false },
	{ "a free beyond the end", "# pages 512\nf 511 2\n", 2, false },
	{ "a free of nothing", "# pages 512\nf 0 0\n", 2, false },
	{ "too much on a vector's line", "# pages 512\na 1 0 0\n", 2, false },
};

static bool as_expected(const struct text_case *test, bool valid, size_t nr_ops,
			const struct reader_error *error)
{
	EXPECT_EQ(valid, test->valid);
	if (valid)
		EXPECT_EQ(nr_ops, test->line);
	else
		EXPECT_EQ(error->line, test->line);
	EXPECT(valid || error->text[0]);
	return true;
}

static bool run_trace_case(const struct text_case *test)
{
	struct reader_error error = {};
	struct trace trace;
	bool valid = trace_parse(&trace, test->text, strlen(test->text), &error);
	bool passed = as_expected(test, valid, trace.nr_ops, &error);

	trace_drop(&trace);
	return passed;
}

static bool run_oracle_case(const struct text_case *test)
{
	struct reader_error error = {};
	struct oracle oracle;
	bool valid = oracle_parse(&oracle, test->text, strlen(test->text), &error);
	bool passed = as_expected(test, valid, oracle.nr_ops, &error);

	oracle_drop(&oracle);
	return passed;
}

/* Ids are allocated and freed. Two live ids never have the same slot. */
static bool slots_are_distinct(void)
{
	enum { IDS = 3000 };
	static char text[IDS * 40];
	static bool live[IDS];
	struct reader_error error;
	struct trace trace;
	size_t size = 0, i;

	for (i = 0; i < IDS; i++) {
		size += sprintf(text + size, "a %zu 1\n", i * 1000003 % 65537);
		if (i >= 100)
			size += sprintf(text + size, "f %zu\n", (i - 100) * 1000003 % 65537);
	}
	EXPECT(trace_parse(&trace, text, size, &error));
	EXPECT_EQ(trace.nr_slots, 101);
	for (i = 0; i < trace.nr_ops; i++) {
		u32 slot = trace.op[i].slot;

		EXPECT(slot < trace.nr_slots);
		EXPECT_EQ(live[slot], !trace.op[i].npages);
		live[slot] = trace.op[i].npages;
	}
	trace_drop(&trace);
	return true;
}

/* Ids with the same hash are deleted out of order. */
static bool idmap_keeps_ids(void)
{
	enum { IDS = 5000 };
	struct idmap map = {};
	u64 id;

	for (id = 0; id < IDS; id++)
		idmap_add(&map, id << 30, id, 1);
	for (id = 0; id < IDS; id += 3)
		idmap_delete(&map, idmap_find(&map, id << 30));
	for (id = 0; id < IDS; id++) {
		struct idmap_entry *entry = idmap_find(&map, id << 30);

		EXPECT_EQ(!entry, id % 3 == 0);
		if (entry)
			EXPECT_EQ(entry->slot, id);
	}
	idmap_drop(&map);
	return true;
}

static bool parse_and_replay(const char *text, struct oracle_result *result,
			     struct reader_error *error)
{
	struct oracle oracle;
	bool valid;

	if (!oracle_parse(&oracle, text, strlen(text), error))
		return false;
	valid = oracle_replay(&oracle, result, error);
	if (result->mismatches)
		error->line = result->first->line;
	oracle_drop(&oracle);
	return valid;
}

/* After a wrong answer the replay goes on with the right state: it is one mismatch. */
static bool wrong_answers_are_found(void)
{
	struct reader_error error = {};
	struct oracle_result result;

	EXPECT(parse_and_replay("# pages 512\na 5 0\na 5 100\na 5 5\na 5 10\nf 100 5\na 500 -1\n",
				&result, &error));
	EXPECT_EQ(result.mismatches, 1);
	EXPECT_EQ(error.line, 3);
	EXPECT_EQ(result.answer, 5);
	EXPECT(parse_and_replay("# pages 700\na 700 -1\na 700 0\n", &result, &error));
	EXPECT_EQ(result.mismatches, 1);
	EXPECT_EQ(error.line, 2);
	return true;
}

static bool contradictions_are_found(void)
{
	struct reader_error error = {};
	struct oracle_result result;

	EXPECT(!parse_and_replay("# pages 512\na 5 0\nf 0 6\n", &result, &error));
	EXPECT_EQ(error.line, 3);
	EXPECT(!parse_and_replay("# pages 512\na 5 0\na 5 4\n", &result, &error));
	EXPECT_EQ(error.line, 3);
	return true;
}

int main(void)
{
	unsigned int i;

	tap_plan(ARRAY_SIZE(trace_cases) + ARRAY_SIZE(oracle_cases) + 4);
	for (i = 0; i < ARRAY_SIZE(trace_cases); i++)
		tap_result(run_trace_case(&trace_cases[i]), "reader: trace with %s",
			   trace_cases[i].name);
	for (i = 0; i < ARRAY_SIZE(oracle_cases); i++)
		tap_result(run_oracle_case(&oracle_cases[i]), "reader: vector with %s",
			   oracle_cases[i].name);
	tap_result(slots_are_distinct(), "reader: live ids have slots of their own");
	tap_result(idmap_keeps_ids(), "reader: ids are found after other ids were deleted");
	tap_result(wrong_answers_are_found(), "replay: wrong answers are found");
	tap_result(contradictions_are_found(), "replay: vectors that contradict themselves");
	return tap_status();
}
