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
 * struct stress_worker - a thread and what is its own
 * @task: the thread
 * @id: its number
 * @serial: number of its next span
 * @quota: how many spans it is to allocate
 * @rnd: source of its choices
 * @live: its live spans
 * @inbox: spans of other workers that this worker is to free
 * @lock: stands for the lock that a caller with interrupts off would hold
 * @irq_work: makes calls in an interrupt
 * @irq_call: the call to make there
 * @counts: what it has done
 */
struct stress_worker {
	struct task_struct *task;
	unsigned int id;
	u32 serial;
	unsigned int quota;
	struct rnd_state rnd;
	struct stress_span *live[SLOTS];
	struct llist_head inbox;
	spinlock_t lock; /* guards nothing, see above */
	struct irq_work irq_work;
	struct stress_call *irq_call;
	struct stress_counts counts;
};

static inline u32 stress_below(struct stress_worker *w, u32 bound)
{
	return (u64)prandom_u32_state(&w->rnd) * bound >> 32;
}

int stress_workers_create(unsigned long seed);
void stress_workers_run(struct stress_counts *sum);

#endif /* SPANSTRESS_WORKER_H */
