/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads of the stress test.
 */
#ifndef SPANSTRESS_WORKER_H
#define SPANSTRESS_WORKER_H

#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "call.h"

#define SLOTS		64	/* live spans per thread */

struct stress_span;

struct stress_counts {
	u64 allocs;
	u64 frees;
	u64 splits;
	u64 nulls;
	u64 handed;
	u64 zeroed;
	u64 by_context[NR_CONTEXTS];
};

/**
 * struct stress_worker - a thread and its private data
 * @task: the thread
 * @id: its number
 * @serial: number of its next span
 * @quota: number of spans that it allocates
 * @rnd: its random numbers
 * @live: its live spans
 * @inbox: spans that other workers have posted for this worker to retire
 * @lock: held, with interrupts off, during calls in IRQS_OFF; protects no data
 * @irq_work: makes calls in an interrupt
 * @irq_call: the call that @irq_work makes
 * @counts: its calls and their results
 */
struct stress_worker {
	struct task_struct *task;
	unsigned int id;
	u32 serial;
	unsigned int quota;
	struct rnd_state rnd;
	struct stress_span *live[SLOTS];
	struct llist_head inbox;
	spinlock_t lock;
	struct irq_work irq_work;
	struct stress_call *irq_call;
	struct stress_counts counts;
};

/* A random number from 0 to @bound - 1. */
static inline u32 stress_below(struct stress_worker *w, u32 bound)
{
	return (u64)prandom_u32_state(&w->rnd) * bound >> 32;
}

int stress_workers_create(unsigned long seed);
void stress_workers_run(struct stress_counts *sum);

#endif /* SPANSTRESS_WORKER_H */
