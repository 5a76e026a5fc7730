// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the page index on Go's recorded answers and on traces of real programs.
 *
 * Usage: test-replay --oracle FILE... --trace FILE...
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "replay.h"
#include "tap.h"

/* Bound of peak_backed, in percent of peak_live. */
#define MAX_BACKED_PERCENT	105

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool unusable(const char *path, const struct reader_error *error)
{
	tap_note("%s:%lu: %s", path, error->line, error->text);
	return false;
}

static void test_oracle(const char *path)
{
	struct oracle_result result = {};
	struct reader_error error;
	struct oracle oracle;
	bool valid;

	if (!oracle_load(&oracle, path, &error)) {
		tap_result(unusable(path, &error), "oracle: %s", base_name(path));
		return;
	}
	valid = oracle_replay(&oracle, &result, &error) || unusable(path, &error);
	if (result.first)
		tap_note("%s:%u: answer %lld, should be %lld", path, result.first->line,
			 (long long)result.answer, (long long)result.first->page);
	tap_result(valid && oracle.nr_ops && !result.mismatches,
		   "oracle: %s: %zu calls, answers as Go's", base_name(path), oracle.nr_ops);
	oracle_drop(&oracle);
}

static void test_trace(const char *path)
{
	struct trace_result result;
	struct reader_error error;
	struct trace trace;

	if (!trace_load(&trace, path, &error)) {
		tap_result(unusable(path, &error), "trace: %s", base_name(path));
		return;
	}
	trace_replay(&trace, REPLAY_DEFAULT_AGE, &result);
	tap_note("%s: %lu pages live, %lu backed at the most", base_name(path),
		 result.peak_live, result.peak_backed);
	tap_result(result.peak_live && result.peak_backed * 100 <=
		   result.peak_live * MAX_BACKED_PERCENT,
		   "trace: %s: %zu calls, at most %d %% of peak backed", base_name(path),
		   trace.nr_ops, MAX_BACKED_PERCENT);
	trace_drop(&trace);
}

int main(int argc, char **argv)
{
	void (*test)(const char *path) = NULL;
	unsigned int nr_files = 0;
	int i;

	for (i = 1; i < argc; i++)
		nr_files += argv[i][0] != '-';
	tap_plan(nr_files);
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--oracle"))
			test = test_oracle;
		else if (!strcmp(argv[i], "--trace"))
			test = test_trace;
		else if (test)
			test(argv[i]);
	}
	/* Fail if there are no files. */
	return tap_status() || !nr_files;
}
