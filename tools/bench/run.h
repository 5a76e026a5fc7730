/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs: one thread's part in a job, set up, timed and cleaned up. They return
 * the time in nanoseconds.
 */
#ifndef SPANALLOC_BENCH_RUN_H
#define SPANALLOC_BENCH_RUN_H

#include <linux/types.h>

struct job;
struct worker;

u64 run_pair(const struct job *job, struct worker *worker);
u64 run_churn(const struct job *job, struct worker *worker);
u64 run_latency(const struct job *job, struct worker *worker);
u64 run_own(const struct job *job, struct worker *worker);
u64 run_cross(const struct job *job, struct worker *worker);

#endif /* SPANALLOC_BENCH_RUN_H */
