/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scavenger: the thread that releases idle pages.
 */
#ifndef SPANALLOC_SCAVENGER_H
#define SPANALLOC_SCAVENGER_H

#include <linux/types.h>

struct span_heap;

/* Longest age, in milliseconds: a week. */
#define SCAVENGE_AGE_MS_MAX	604800000U

extern unsigned int scavenge_age_ms;

int scavenger_start(void);
void scavenger_stop(void);
void scavenger_add(struct span_heap *heap);
void scavenger_remove(struct span_heap *heap);
unsigned long scavenger_step(void);
unsigned long scavenger_run(void);
unsigned long scavenger_pause(u64 *owed_ns);
u64 scavenger_work_ns(u64 clock_ns, u64 cpu_ns);
void scavenger_set_clock(unsigned long (*clock)(void));

#endif /* SPANALLOC_SCAVENGER_H */
