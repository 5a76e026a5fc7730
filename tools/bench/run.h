/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs: one thread's part in a job. A run sets up, times its loop, and cleans up. It
 * returns the time of the loop in nanoseconds.
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
