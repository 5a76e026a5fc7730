/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reader: oracle vectors and traces, from memory or from plain or gzip files.
 *
 * Both are text with one call per line; empty lines and lines that begin with
 * '#' are skipped, except for an oracle's header.
 *
 *	oracle			trace
 *	# pages N		a ID NPAGES	allocate, call it ID
 *	a N IDX			f ID		free
 *	f IDX N
 */
#ifndef HOST_READER_H
#define HOST_READER_H

#include <linux/types.h>

/* Number of pages that a page index can number. */
#define READER_MAX_PAGES	(1UL << 32)

/* Half of the pages of an index may be live, so that there is room for holes. */
#define READER_MAX_LIVE		(READER_MAX_PAGES / 2)

/**
 * struct reader_error - why a file cannot be used
 * @line: number of the offending line, 0 if the error is not in a line
 * @text: description of the error
 */
struct reader_error {
	unsigned long line;
	char text[120];
};

/**
 * struct oracle_op - a call and its answer
 * @page: first page: the answer to an allocation, or -1 for none; or the page to free
 * @npages: length; at most READER_MAX_PAGES
 * @line: number of its line in the file
 * @is_free: the call is a free
 */
struct oracle_op {
	s64 page;
	unsigned long npages;
	u32 line;
	bool is_free;
};

struct oracle {
	unsigned long pages;
	struct oracle_op *op;
	size_t nr_ops;
};

/**
 * struct trace_op - a call
 * @slot: number of the span; numbers of freed spans are used again
 * @npages: length of an allocation, 0 for a free
 */
struct trace_op {
	u32 slot;
	u32 npages;
};

struct trace {
	struct trace_op *op;
	size_t nr_ops;
	size_t nr_slots;
};

/* On failure these fill in @error, and the caller has nothing to free. */
bool reader_load(const char *path, char **text, size_t *size, struct reader_error *error);
bool oracle_parse(struct oracle *oracle, const char *text, size_t size,
		  struct reader_error *error);
bool trace_parse(struct trace *trace, const char *text, size_t size, struct reader_error *error);
bool oracle_load(struct oracle *oracle, const char *path, struct reader_error *error);
bool trace_load(struct trace *trace, const char *path, struct reader_error *error);

void oracle_drop(struct oracle *oracle);
void trace_drop(struct trace *trace);

#endif /* HOST_READER_H */
