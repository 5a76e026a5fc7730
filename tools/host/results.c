// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "json.h"
#include "memory.h"
#include "results.h"

struct result *results_add(struct results *results, const char *bench, const char *subject)
{
	struct result *result = memory_zeroed(1, sizeof(*result));

	result->bench = bench;
	result->subject = subject;
	result->metric = "ns_per_op";
	results->row = memory_enlarge(results->row,
				      (results->nr_rows + 1) * sizeof(*results->row));
	results->row[results->nr_rows++] = result;
	return result;
}

static struct result_param *add_param(struct result *result, const char *name)
{
	assert(result->nr_params < RESULT_MAX_PARAMS);
	result->param[result->nr_params].name = name;
	return &result->param[result->nr_params++];
}

void result_number(struct result *result, const char *name, unsigned long number)
{
	add_param(result, name)->number = number;
}

void result_text(struct result *result, const char *name, const char *text)
{
	add_param(result, name)->text = text;
}

void result_sample(struct result *result, double value)
{
	if (result->nr_samples < RESULT_MAX_SAMPLES)
		result->sample[result->nr_samples++] = value;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

void results_finish(struct results *results)
{
	unsigned int i;

	for (i = 0; i < results->nr_rows; i++)
		qsort(results->row[i]->sample, results->row[i]->nr_samples, sizeof(double),
		      compare_doubles);
}

/* The sample at rank @part of @parts. */
static double quantile(const struct result *result, unsigned int part, unsigned int parts)
{
	return result->nr_samples ? result->sample[(result->nr_samples - 1) * part / parts] : 0;
}

static double median(const struct result *result)
{
	return quantile(result, 1, 2);
}

static double ratio(const struct result *result)
{
	return median(result) / median(result->base);
}

static void format_params(const struct result *result, char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < result->nr_params && used < size; i++) {
		const struct result_param *param = &result->param[i];

		if (param->text)
			used += snprintf(text + used, size - used, "%s ", param->text);
		else
			used += snprintf(text + used, size - used, "%s=%lu ", param->name,
					 param->number);
	}
}

void results_print(const struct results *results, FILE *out)
{
	unsigned int i;

	fprintf(out, "%-7s %-10s %-38s %10s  %-21s %6s\n", "bench", "subject", "parameters",
		"ns/op", "middle half", "ratio");
	for (i = 0; i < results->nr_rows; i++) {
		const struct result *result = results->row[i];
		char params[64];

		format_params(result, params, sizeof(params));
		fprintf(out, "%-7s %-10s %-38s %10.2f  %9.2f ..%9.2f ", result->bench,
			result->subject, params, median(result), quantile(result, 1, 4),
			quantile(result, 3, 4));
		if (result->base)
			fprintf(out, "%6.2f", ratio(result));
		fputc('\n', out);
	}
}

static void write_row(const struct result *result, FILE *out)
{
	unsigned int i;

	fprintf(out, "  {\"bench\": \"%s\", \"subject\": \"%s\"", result->bench, result->subject);
	for (i = 0; i < result->nr_params; i++) {
		const struct result_param *param = &result->param[i];

		fprintf(out, ", \"%s\": ", param->name);
		if (param->text)
			json_string(out, param->text);
		else
			fprintf(out, "%lu", param->number);
	}
	fprintf(out, ", \"metric\": \"%s\", \"value\": %.3f, \"q1\": %.3f, \"q3\": %.3f",
		result->metric, median(result), quantile(result, 1, 4), quantile(result, 3, 4));
	fprintf(out, ", \"samples\": %u", result->nr_samples);
	if (result->base)
		fprintf(out, ", \"ratio\": %.3f", ratio(result));
	fputc('}', out);
}

void results_write_json(const struct results *results, FILE *out)
{
	unsigned int i;

	fputs("[\n", out);
	for (i = 0; i < results->nr_rows; i++) {
		write_row(results->row[i], out);
		fputs(i + 1 < results->nr_rows ? ",\n" : "\n", out);
	}
	fputs("]\n", out);
}

void results_drop(struct results *results)
{
	unsigned int i;

	for (i = 0; i < results->nr_rows; i++)
		free(results->row[i]);
	free(results->row);
}
