/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results of benchmarks, as a table and as JSON.
 */
#ifndef HOST_RESULTS_H
#define HOST_RESULTS_H

#include <stdio.h>
#include <linux/types.h>

#define RESULT_MAX_PARAMS	4
#define RESULT_MAX_SAMPLES	64

struct result_param {
	const char *name;
	const char *text;	/* NULL for a number */
	unsigned long number;
};

/**
 * struct result - one row: the samples of a benchmark with its parameters
 * @bench: name of the benchmark
 * @subject: name of the allocator
 * @metric: metric and unit of the samples
 * @param: parameters by name
 * @nr_params: number of parameters
 * @sample: the samples; results_finish() sorts them
 * @nr_samples: number of samples
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
