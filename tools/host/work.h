/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work: the timed loops, which are the same for the page index and its peers.
 *
 * The loops are inlined into their callers together with the functions that they
 * call, so that no indirect call is timed.
 */
#ifndef HOST_WORK_H
#define HOST_WORK_H

#include "dice.h"
#include "reader.h"
#include "stopwatch.h"

#define WORK_NR_PAIRS		5
#define WORK_CHURN_SPANS	2048
#define WORK_CHURN_PAGES	32
#define WORK_CHURN_OPS		100000

/* Lengths of pairs, in pages. */
extern const unsigned long work_pairs[WORK_NR_PAIRS];

/* An allocation returns a word, which the free takes. */
typedef unsigned long (*work_get)(void *heap, unsigned long npages);
typedef void (*work_put)(void *heap, unsigned long token, unsigned long npages);

struct work_span {
	unsigned long token;
	unsigned long npages;
};

/**
 * struct work_churn - random replacement among live spans
 * @span: the spans
 * @slot: the spans to replace, in order
 * @npages: lengths of the replacements
 */
struct work_churn {
	struct work_span span[WORK_CHURN_SPANS];
	u16 slot[WORK_CHURN_OPS];
	u8 npages[WORK_CHURN_OPS];
};

void work_churn_roll(struct work_churn *churn);

/* Number of operations that take about 2 ms, given that @ops operations took @ns. */
static inline unsigned long work_enough(unsigned long ops, u64 ns)
{
	return 2000000.0 * ops / (ns + 1) + 1;
}

static inline __attribute__((__always_inline__))
u64 work_pair(void *heap, work_get get, work_put put, unsigned long npages, unsigned long ops)
{
	u64 start = stopwatch_ns();
	unsigned long i;

	for (i = 0; i < ops; i++)
		put(heap, get(heap, npages), npages);
	return stopwatch_ns() - start;
}

static inline __attribute__((__always_inline__))
void work_churn_begin(struct work_churn *churn, void *heap, work_get get)
{
	unsigned int i;

	for (i = 0; i < WORK_CHURN_SPANS; i++) {
		churn->span[i].npages = churn->npages[i];
		churn->span[i].token = get(heap, churn->span[i].npages);
	}
}

static inline __attribute__((__always_inline__))
u64 work_churn(struct work_churn *churn, void *heap, work_get get, work_put put)
{
	u64 start = stopwatch_ns();
	unsigned int i;

	for (i = 0; i < WORK_CHURN_OPS; i++) {
		struct work_span *span = &churn->span[churn->slot[i]];

		put(heap, span->token, span->npages);
		span->npages = churn->npages[i];
		span->token = get(heap, span->npages);
	}
	return stopwatch_ns() - start;
}

/* Spans that are still live at the end are freed after the clock has stopped. */
static inline __attribute__((__always_inline__))
u64 work_trace(const struct trace *trace, struct work_span *span, void *heap, work_get get,
	       work_put put)
{
	u64 start = stopwatch_ns();
	u64 ns;
	size_t i;

	for (i = 0; i < trace->nr_ops; i++) {
		struct work_span *at = &span[trace->op[i].slot];

		if (trace->op[i].npages) {
			at->npages = trace->op[i].npages;
			at->token = get(heap, at->npages);
		} else {
			put(heap, at->token, at->npages);
			at->npages = 0;
		}
	}
	ns = stopwatch_ns() - start;
	for (i = 0; i < trace->nr_slots; i++) {
		if (span[i].npages)
			put(heap, span[i].token, span[i].npages);
		span[i].npages = 0;
	}
	return ns;
}

/* One operation is an allocation together with its free. */
static inline unsigned long work_trace_ops(const struct trace *trace)
{
	unsigned long ops = 0;
	size_t i;

	for (i = 0; i < trace->nr_ops; i++)
		ops += trace->op[i].npages > 0;
	return ops;
}

#endif /* HOST_WORK_H */
