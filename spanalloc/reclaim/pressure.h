/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pressure: what heaps release when the system is short of memory.
 */
#ifndef SPANALLOC_PRESSURE_H
#define SPANALLOC_PRESSURE_H

#include <linux/types.h>

#include "heap/release.h"

struct notifier_block;
struct shrink_control;
struct shrinker;
struct span_heap;
struct zone;

/* How short of memory the system is. The table in pressure.c says what each level releases. */
enum pressure_level {
	PRESSURE_LIGHT,
	PRESSURE_HEAVY,
	PRESSURE_LAST
};

int pressure_start(void);
void pressure_stop(void);
void pressure_add(struct span_heap *heap);
void pressure_remove(struct span_heap *heap);
unsigned long pressure_count(int node);
unsigned long pressure_scan(int node, unsigned long npages, unsigned long asked,
			    unsigned long freeable, bool short_of_memory);
unsigned long pressure_release(unsigned long npages, enum release_reason reason);
void pressure_relieve(void);
bool pressure_is_progress(unsigned long released, unsigned long now, unsigned long *last);
bool pressure_zone_is_short(const struct zone *zone, unsigned long free);
unsigned long pressure_shrink_count(struct shrinker *shrink, struct shrink_control *sc);
unsigned long pressure_shrink_scan(struct shrinker *shrink, struct shrink_control *sc);
int pressure_oom_notify(struct notifier_block *nb, unsigned long action, void *freed);
bool pressure_wait(void);

#endif /* SPANALLOC_PRESSURE_H */
