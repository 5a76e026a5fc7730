/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The timed loops. Each loop is compiled once per subject, with direct calls in
 * place of the two function arguments, so that no indirect call is timed.
 */
#ifndef SPANALLOC_BENCH_LOOPS_H
#define SPANALLOC_BENCH_LOOPS_H

#include <linux/sched.h>

#include "bench.h"

typedef void *(*alloc_fn)(unsigned long npages);
typedef void (*free_fn)(void *addr, unsigned long npages);

static __always_inline void pair_loop(const struct job *job, struct worker *worker,
				      alloc_fn alloc, free_fn free)
{
	unsigned long npages = job->npages;
	unsigned long i;
	void *addr;

	for (i = 0; i < job->loops; i++) {
		addr = alloc(npages);
		if (unlikely(!addr)) {
			worker->failures++;
			return;
		}
		free(addr, npages);
	}
}

static __always_inline void churn_loop(const struct job *job, struct worker *worker,
				       alloc_fn alloc, free_fn free)
{
	unsigned long npages = job->npages;
	void **slots = worker->slots;
	unsigned long i;
	void **slot;

	for (i = 0; i < job->loops; i++) {
		slot = &slots[worker->picks[i % NR_PICKS]];
		free(*slot, npages);
		*slot = alloc(npages);
		if (unlikely(!*slot)) {
			worker->failures++;
			return;
		}
	}
}

/*
 * Send spans in batches, as in a queue between two CPUs, so that the queue itself costs
 * little. A failed allocation is sent as NULL.
 */
static __always_inline void exchange_loop(const struct job *job, struct worker *worker,
					  struct ring *in, alloc_fn alloc, free_fn free)
{
	unsigned long npages = job->npages;
	unsigned long batch = job->live;
	struct ring *out = worker->ring;
	unsigned long made = 0, freed = 0, until;
	void **slot;

	while (made < job->loops || freed < job->loops) {
		/* Pairs with the release of the receiver's tail: slots below it are empty. */
		until = smp_load_acquire(&out->tail);
		if (made < job->loops && made + batch <= until + 2 * batch) {
			until = min(made + batch, job->loops);
			for (; made < until; made++) {
				slot = &out->slot[made % RING_SIZE];
				*slot = alloc(npages);
				worker->failures += unlikely(!*slot);
			}
			/* Pairs with the acquire below, in the receiver. */
			smp_store_release(&out->head, made);
		}
		/* Pairs with the release above, in the sender. */
		until = smp_load_acquire(&in->head);
		if (until == freed) {
			cpu_relax();
			cond_resched();
			continue;
		}
		for (; freed < until; freed++) {
			slot = &in->slot[freed % RING_SIZE];
			if (likely(*slot))
				free(*slot, npages);
		}
		/* Pairs with the acquire at the top, in the sender. */
		smp_store_release(&in->tail, freed);
	}
}

static __always_inline void latency_loop(const struct job *job, struct worker *worker,
					 alloc_fn alloc, free_fn free)
{
	unsigned long npages = job->npages;
	u64 start, middle, end;
	unsigned long i;
	void **slot;

	for (i = 0; i < job->loops; i++) {
		slot = &worker->slots[worker->picks[i % NR_PICKS]];
		start = clock_ticks();
		free(*slot, npages);
		middle = clock_ticks();
		*slot = alloc(npages);
		end = clock_ticks();
		histogram_add(worker->free_times, middle - start);
		histogram_add(worker->alloc_times, end - middle);
		if (unlikely(!*slot)) {
			worker->failures++;
			return;
		}
	}
}

/* Define the loops of subject @name with its functions @name_alloc and @name_free. */
#define DEFINE_LOOPS(name)								\
static void name##_pair(const struct job *job, struct worker *worker)			\
{											\
	pair_loop(job, worker, name##_alloc, name##_free);				\
}											\
											\
static void name##_churn(const struct job *job, struct worker *worker)			\
{											\
	churn_loop(job, worker, name##_alloc, name##_free);				\
}											\
											\
static void name##_exchange(const struct job *job, struct worker *worker,		\
			    struct ring *in)						\
{											\
	exchange_loop(job, worker, in, name##_alloc, name##_free);			\
}											\
											\
static void name##_latency(const struct job *job, struct worker *worker)		\
{											\
	latency_loop(job, worker, name##_alloc, name##_free);				\
}											\
static_assert(true)

#define USE_LOOPS(name)		\
	.alloc = name##_alloc,	\
	.free = name##_free,	\
	.pair = name##_pair,	\
	.churn = name##_churn,	\
	.exchange = name##_exchange, \
	.latency = name##_latency

#endif /* SPANALLOC_BENCH_LOOPS_H */
