/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results: what benchmarks measured, as a table and as JSON.
 */
#ifndef HOST_RESULTS_H
#define HOST_RESULTS_H

#include <stdio.h>
#include <linux/types.h>

#define RESULT_MAX_PARAMS	4
#define RESULT_MAX_SAMPLES	64

struct result_param {
	const char *name;
	const char *text;	/* NULL: it is a number */
	unsigned long number;
};

/**
 * struct result - one row: a benchmark, run on something, several times
 * @bench: name of the benchmark
 * @subject: what it was run on
 * @metric: what the samples are
 * @param: parameters by name
 * @nr_params: how many
 * @sample: measurements; sorted once results_finish() has been called
 * @nr_samples: how many
 * @base: the row that this one is compared with, or NULL
 */
struct result {
	const char *bench;
	const char *subject;
	const char *metric;
	struct result_param param[RESULT_MAX_PARAMS];
	unsigned int nr_params;
	double sample[RESULT_MAX_SAMPLES];
	unsigned int nr_samples;
	const struct result *base;
};

struct results {
	struct result **row;
	unsigned int nr_rows;
};

struct result *results_add(struct results *results, const char *bench, const char *subject);
void result_number(struct result *result, const char *name, unsigned long number);
void result_text(struct result *result, const char *name, const char *text);
void result_sample(struct result *result, double value);

void results_finish(struct results *results);
void results_print(const struct results *results, FILE *out);
void results_write_json(const struct results *results, FILE *out);
void results_drop(struct results *results);

#endif /* HOST_RESULTS_H */
