/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Actors: sources of calls of the allocator, each in one context on one CPU.
 */
#ifndef SPANCONTEXTS_ACTOR_H
#define SPANCONTEXTS_ACTOR_H

#include <linux/hrtimer.h>
#include <linux/prandom.h>
#include <linux/sched.h>

enum actor_kind {
	ACTOR_TASK,
	ACTOR_BH,
	ACTOR_SOFTIRQ,
	ACTOR_IRQOFF,
	ACTOR_HARDIRQ,
	NR_ACTORS
};

/**
 * struct actor - a source of calls in one context on one CPU
 * @kind: the context
 * @cpu: the CPU
 * @random: its random numbers
 * @task: its thread; %NULL for an actor with a timer
 * @timer: its timer, for the kinds softirq and hardirq
 * @steps: steps taken; written by the actor alone
 * @allocs: spans allocated
 * @frees: spans freed
 * @nulls: allocations that failed
 * @seen: @steps when the watching thread last saw it change
 * @seen_at: time of the last change seen, in jiffies
 */
struct actor {
	enum actor_kind kind;
	unsigned int cpu;
	struct rnd_state random;
	struct task_struct *task;
	struct hrtimer timer;
	unsigned long steps;
	unsigned long allocs;
	unsigned long frees;
	unsigned long nulls;
	unsigned long seen;
	unsigned long seen_at;
};

extern const char * const actor_names[NR_ACTORS];

int actor_start(struct actor *actor);
void actor_stop(struct actor *actor);
void actor_empty_places(struct actor *actor);

#endif /* SPANCONTEXTS_ACTOR_H */
