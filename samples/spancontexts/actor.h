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
 * @random: source of its choices
 * @task: its thread, if it is one
 * @timer: its timer, if it is one
 * @steps: steps it has taken; written by itself alone
 * @allocs: spans it has allocated
 * @frees: spans it has freed
 * @nulls: times that it got none
 * @seen: @steps when the watching thread last saw a change
 * @seen_at: when that was, in jiffies
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
