/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Benchmark of the lookup: from an address to its span.
 */
#ifndef HOST_BENCH_LOOKUP_H
#define HOST_BENCH_LOOKUP_H

#include <linux/types.h>

#define LOOKUP_NR_MAPS	3

enum lookup_probe {
	LOOKUP_HIT,		/* first byte of a span */
	LOOKUP_INTERIOR,	/* any byte of a span */
	LOOKUP_MISS,		/* a page of an arena that belongs to no span */
	LOOKUP_NR_PROBES
};

/* Arenas of the maps on which lookups are timed. */
extern const unsigned long lookup_arenas[LOOKUP_NR_MAPS];
extern const char *const lookup_probe_names[LOOKUP_NR_PROBES];

struct lookup;

struct lookup *lookup_prepare(unsigned long arenas);

/* Returns the time of @ops lookups in ns. */
u64 lookup_run(const struct lookup *lookup, enum lookup_probe probe, unsigned long ops);
void lookup_drop(struct lookup *lookup);

#endif /* HOST_BENCH_LOOKUP_H */
