// SPDX-License-Identifier: GPL-2.0-only
/*
 * spanreplay: replay oracle vectors and traces on the page index.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "json.h"
#include "replay.h"

enum status {
	STATUS_OK,
	STATUS_MISMATCH,
	STATUS_UNUSABLE
};

static const char usage[] =
"Usage: spanreplay [--age N] --oracle FILE... | --trace FILE...\n"
"Replay recorded calls through the page index; print one line of JSON per file.\n"
"Files may be compressed with gzip.\n"
"\n"
"  --oracle FILE...  compare every answer with the recorded one. The file begins\n"
"                    with '# pages N'; then 'a N IDX' allocates N pages, and page\n"
"                    IDX (-1: none) was the answer; 'f IDX N' frees.\n"
"                    Prints: file, ops, mismatches.\n"
"  --trace FILE...   replay page runs, 'a ID NPAGES' and 'f ID', on a heap that\n"
"                    grows as needed and releases idle pages; backing is only\n"
"                    counted. Prints: file, ops (calls), age, peak_live_pages,\n"
"                    peak_backed_pages (live or idle), peak_span_pages (highest\n"
"                    page used, plus one), frag (peak_backed/peak_live),\n"
"                    released_pages, rebacked_pages (backed again after release),\n"
"                    ns_per_op (per call), metadata_bytes (index and page table).\n"
"  --age N           make a pass every N calls of the traces that follow. A page\n"
"                    is released after it has been idle for N to 2N calls,\n"
"                    unless recent demand covers it (Documentation/tuning.rst).\n"
"                    0: never. Default: %lu, which keeps frag below 1.05 on\n"
"                    programs that free and allocate all the time. A longer age\n"
"                    re-backs fewer pages and keeps more pages idle.\n"
"  --help            show this text\n"
"\n"
"Exit status: 0 if all answers agree, 1 if an answer differs, 2 if a file or the\n"
"command line is unusable.\n";

static enum status unusable(const char *path, const struct reader_error *error)
{
	fprintf(stderr, "spanreplay: %s:", path);
	if (error->line)
		fprintf(stderr, "%lu:", error->line);
	fprintf(stderr, " %s\n", error->text);
	return STATUS_UNUSABLE;
}

static enum status report_oracle(const char *path, const struct oracle *oracle,
				 const struct oracle_result *result)
{
	const struct oracle_op *op = result->first;

	printf("{\"file\":");
	json_string(stdout, path);
	printf(",\"ops\":%zu,\"mismatches\":%zu}\n", oracle->nr_ops, result->mismatches);
	if (!op)
		return STATUS_OK;
	fflush(stdout);
	fprintf(stderr, "spanreplay: %s:%u: %lu pages: answer %lld, should be %lld\n", path,
		op->line, op->npages, (long long)result->answer, (long long)op->page);
	return STATUS_MISMATCH;
}

static enum status run_oracle(const char *path, unsigned long age)
{
	struct oracle_result result;
	struct reader_error error;
	struct oracle oracle;
	enum status status;

	(void)age;
	if (!oracle_load(&oracle, path, &error))
		return unusable(path, &error);
	if (oracle_replay(&oracle, &result, &error))
		status = report_oracle(path, &oracle, &result);
	else
		status = unusable(path, &error);
	oracle_drop(&oracle);
	return status;
}

static double ratio(double a, double b)
{
	return b ? a / b : 0;
}

static enum status run_trace(const char *path, unsigned long age)
{
	struct trace_result result;
	struct reader_error error;
	struct trace trace;

	if (!trace_load(&trace, path, &error))
		return unusable(path, &error);
	trace_replay(&trace, age, &result);
	printf("{\"file\":");
	json_string(stdout, path);
	printf(",\"ops\":%zu,\"age\":%lu,\"peak_live_pages\":%lu,\"peak_backed_pages\":%lu,",
	       trace.nr_ops, age, result.peak_live, result.peak_backed);
	printf("\"peak_span_pages\":%lu,\"frag\":%.4f,\"released_pages\":%lu,", result.peak_span,
	       ratio(result.peak_backed, result.peak_live), result.released);
	printf("\"rebacked_pages\":%lu,\"ns_per_op\":%.1f,\"metadata_bytes\":%zu}\n",
	       result.rebacked, ratio(result.ns, trace.nr_ops), result.metadata_bytes);
	trace_drop(&trace);
	return STATUS_OK;
}

static bool parse_age(const char *text, unsigned long *age)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*age = strtoul(text, &end, 10);
	return !*end && !errno;
}

static enum status wrong_usage(const char *why)
{
	fprintf(stderr, "spanreplay: %s; see spanreplay --help\n", why);
	return STATUS_UNUSABLE;
}

int main(int argc, char **argv)
{
	enum status (*run)(const char *path, unsigned long age) = NULL;
	unsigned long age = REPLAY_DEFAULT_AGE;
	enum status worst = STATUS_OK;
	unsigned int files = 0;
	int i;

	for (i = 1; i < argc; i++) {
		enum status status;

		if (!strcmp(argv[i], "--help")) {
			printf(usage, REPLAY_DEFAULT_AGE);
			return STATUS_OK;
		}
		if (!strcmp(argv[i], "--oracle")) {
			run = run_oracle;
			continue;
		}
		if (!strcmp(argv[i], "--trace")) {
			run = run_trace;
			continue;
		}
		if (!strcmp(argv[i], "--age")) {
			if (!parse_age(argv[++i], &age))
				return wrong_usage("--age needs a number of operations");
			continue;
		}
		if (argv[i][0] == '-')
			return wrong_usage("unknown option");
		if (!run)
			return wrong_usage("say --oracle or --trace before the files");
		files++;
		status = run(argv[i], age);
		fflush(stdout);
		worst = max(worst, status);
	}
	return files ? worst : wrong_usage("no files given");
}
