// SPDX-License-Identifier: GPL-2.0-only
/*
 * Crew: threads, each bound to a CPU, that do the same job at the same time. If there
 * are more threads than CPUs, threads share CPUs.
 *
 * Threads sleep between jobs. The threads of a job spin at a barrier before they start
 * it, since a wake-up takes longer than some jobs.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "bench.h"

static struct worker *crew;
static unsigned int crew_size;
static DECLARE_WAIT_QUEUE_HEAD(crew_wait);
static DECLARE_COMPLETION(crew_done);
static const struct job *crew_job;
static unsigned long crew_job_number;
static atomic_t crew_busy;
static atomic_t crew_arrived;

struct worker *crew_worker(unsigned int id)
{
	return &crew[id];
}

/* Wait until all threads of @job have reached the barrier. */
void crew_barrier(const struct job *job)
{
	int round = (atomic_inc_return(&crew_arrived) - 1) / job->threads + 1;

	while (atomic_read(&crew_arrived) < round * (int)job->threads) {
		cpu_relax();
		cond_resched();
	}
}

static int work(void *data)
{
	struct worker *worker = data;
	unsigned long done = 0;

	while (!kthread_should_stop()) {
		const struct job *job;

		wait_event_interruptible(crew_wait, READ_ONCE(crew_job_number) != done ||
					 kthread_should_stop());
		/* Pairs with the release in crew_do(): crew_job is of this number. */
		if (smp_load_acquire(&crew_job_number) == done)
			continue;
		done = crew_job_number;
		job = crew_job;
		if (worker->id < job->threads)
			worker->ns = job->run(job, worker);
		if (atomic_dec_and_test(&crew_busy))
			complete(&crew_done);
	}
	return 0;
}

/* Let the first job->threads of the crew do a job, and wait until all are done. */
void crew_do(const struct job *job)
{
	atomic_set(&crew_arrived, 0);
	atomic_set(&crew_busy, crew_size);
	crew_job = job;
	/* Pairs with the acquire in work(). */
	smp_store_release(&crew_job_number, crew_job_number + 1);
	wake_up_all(&crew_wait);
	wait_for_completion(&crew_done);
}

static int hire(struct worker *worker, unsigned int id, int cpu)
{
	worker->id = id;
	worker->slots = kvcalloc(NR_PICKS, sizeof(*worker->slots), GFP_KERNEL);
	worker->picks = kvcalloc(NR_PICKS, sizeof(*worker->picks), GFP_KERNEL);
	worker->alloc_times = kvzalloc(sizeof(*worker->alloc_times), GFP_KERNEL);
	worker->free_times = kvzalloc(sizeof(*worker->free_times), GFP_KERNEL);
	worker->ring = kvzalloc(sizeof(*worker->ring), GFP_KERNEL);
	if (!worker->slots || !worker->picks || !worker->alloc_times || !worker->free_times ||
	    !worker->ring)
		return -ENOMEM;

	worker->task = kthread_create(work, worker, "span_bench/%u", id);
	if (IS_ERR(worker->task)) {
		int ret = PTR_ERR(worker->task);

		worker->task = NULL;
		return ret;
	}
	kthread_bind(worker->task, cpu);
	wake_up_process(worker->task);
	return 0;
}

void crew_dismiss(void)
{
	unsigned int id;

	for (id = 0; id < crew_size; id++) {
		struct worker *worker = &crew[id];

		if (worker->task)
			kthread_stop(worker->task);
		kvfree(worker->slots);
		kvfree(worker->picks);
		kvfree(worker->alloc_times);
		kvfree(worker->free_times);
		kvfree(worker->ring);
	}
	kfree(crew);
	crew = NULL;
	crew_size = 0;
}

int crew_gather(unsigned int threads)
{
	int cpu = -1;
	int ret;

	crew = kcalloc(threads, sizeof(*crew), GFP_KERNEL);
	if (!crew)
		return -ENOMEM;
	while (crew_size < threads) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		ret = hire(&crew[crew_size], crew_size, cpu);
		crew_size++;
		if (ret) {
			crew_dismiss();
			return ret;
		}
	}
	return 0;
}
