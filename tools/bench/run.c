// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/prandom.h>

#include "bench.h"
#include "run.h"

u64 run_pair(const struct job *job, struct worker *worker)
{
	u64 start;

	crew_barrier(job);
	start = ktime_get_ns();
	job->subject->pair(job, worker);
	return ktime_get_ns() - start;
}

/* Choose the picks, which are the same for every subject, and allocate the live spans. */
static void run_fill(const struct job *job, struct worker *worker)
{
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, worker->id + 1);
	for (i = 0; i < NR_PICKS; i++)
		worker->picks[i] = prandom_u32_state(&rnd) % job->live;
	for (i = 0; i < job->live; i++) {
		worker->slots[i] = job->subject->alloc(job->npages);
		worker->failures += !worker->slots[i];
	}
}

static void run_empty(const struct job *job, struct worker *worker)
{
	unsigned long i;

	for (i = 0; i < job->live; i++) {
		if (worker->slots[i])
			job->subject->free(worker->slots[i], job->npages);
	}
}

u64 run_churn(const struct job *job, struct worker *worker)
{
	u64 start, ns;

	run_fill(job, worker);
	crew_barrier(job);
	start = ktime_get_ns();
	if (!worker->failures)
		job->subject->churn(job, worker);
	ns = ktime_get_ns() - start;
	run_empty(job, worker);
	return ns;
}

u64 run_latency(const struct job *job, struct worker *worker)
{
	u64 start, ns;

	run_fill(job, worker);
	crew_barrier(job);
	start = ktime_get_ns();
	if (!worker->failures)
		job->subject->latency(job, worker);
	ns = ktime_get_ns() - start;
	run_empty(job, worker);
	return ns;
}

static u64 run_exchange(const struct job *job, struct worker *worker, struct ring *in)
{
	u64 start;

	worker->ring->head = 0;
	worker->ring->tail = 0;
	crew_barrier(job);
	start = ktime_get_ns();
	job->subject->exchange(job, worker, in);
	return ktime_get_ns() - start;
}

u64 run_own(const struct job *job, struct worker *worker)
{
	return run_exchange(job, worker, worker->ring);
}

u64 run_cross(const struct job *job, struct worker *worker)
{
	return run_exchange(job, worker, crew_worker(!worker->id)->ring);
}
