// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: page-run work through the malloc() that is preloaded into this program.
 *
 * Usage: bench-peer [TRACE]...
 *
 * Prints the library of malloc(), then reads orders, one per line: "short" for
 * pairs and churn, "long" for the traces. For each order it prints ns per
 * operation, one line per job, in the order of work_pairs, churn, traces. The
 * memory is not touched, so that only allocation and free are timed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "memory.h"
#include "work.h"

#define PAGE_BYTES	4096

static struct work_churn churn;

static inline unsigned long peer_get(void *heap, unsigned long npages)
{
	void *memory = malloc(npages * PAGE_BYTES);

	(void)heap;
	/* Keeps the compiler from removing the pair. */
	asm volatile("" : "+r" (memory));
	return (unsigned long)memory;
}

static inline void peer_put(void *heap, unsigned long token, unsigned long npages)
{
	(void)heap;
	(void)npages;
	free((void *)token);
}

static double time_pair(unsigned long npages)
{
	unsigned long ops = 100;
	u64 ns = work_pair(NULL, peer_get, peer_put, npages, ops);

	ops = work_enough(ops, ns);
	return (double)work_pair(NULL, peer_get, peer_put, npages, ops) / ops;
}

static void do_short(void)
{
	unsigned int i;

	for (i = 0; i < WORK_NR_PAIRS; i++)
		printf("%.3f\n", time_pair(work_pairs[i]));
	printf("%.3f\n", (double)work_churn(&churn, NULL, peer_get, peer_put) / WORK_CHURN_OPS);
}

static void do_trace(const struct trace *trace)
{
	struct work_span *span = memory_zeroed(trace->nr_slots + 1, sizeof(*span));
	u64 ns = work_trace(trace, span, NULL, peer_get, peer_put);

	free(span);
	printf("%.3f\n", (double)ns / work_trace_ops(trace));
}

static void say_library(void)
{
	Dl_info info;

	if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info))
		exit(2);
	printf("%s\n", info.dli_fname);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int nr_traces = argc - 1;
	struct trace *trace = memory_zeroed(nr_traces + 1, sizeof(*trace));
	struct reader_error error;
	char order[16];
	int i;

	say_library();
	for (i = 0; i < nr_traces; i++)
		if (!trace_load(&trace[i], argv[i + 1], &error))
			return 2;
	work_churn_roll(&churn);
	work_churn_begin(&churn, NULL, peer_get);
	while (fgets(order, sizeof(order), stdin)) {
		if (!strcmp(order, "short\n"))
			do_short();
		else
			for (i = 0; i < nr_traces; i++)
				do_trace(&trace[i]);
		fflush(stdout);
	}
	for (i = 0; i < WORK_CHURN_SPANS; i++)
		free((void *)churn.span[i].token);
	for (i = 0; i < nr_traces; i++)
		trace_drop(&trace[i]);
	free(trace);
	return 0;
}
