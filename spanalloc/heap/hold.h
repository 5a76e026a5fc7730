/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounds of the work that is done in one hold of a heap's lock.
 *
 * During a hold interrupts are off and other CPUs spin. Each bound keeps one kind of hold
 * below two microseconds on a heap of any size, even if none of the heap's data is in the
 * CPU's caches. tools/host/bench-hold.c measures holds with these numbers. Skipping a chunk, or
 * a word of the index's idle_map, is a step. %PAGEINDEX_PIECE_PAGES bounds the pages of a long
 * run that one hold changes.
 */
#ifndef SPANALLOC_HOLD_H
#define SPANALLOC_HOLD_H

/* Cached spans that become idle, and chunks in which their last pages lie. */
#define HOLD_SPANS		16
#define HOLD_SPAN_CHUNKS	2

/* Runs of a claim, or of a span whose free was deferred, that are given back. */
#define HOLD_PUTBACK_RUNS	4

/* Chunks, and steps between them, that a release looks at, and runs that it takes. */
#define HOLD_RELEASE_CHUNKS	1
#define HOLD_RELEASE_STEPS	32
#define HOLD_RELEASE_RUNS	8

/* Chunks made old, and steps between them. */
#define HOLD_AGE_CHUNKS		8
#define HOLD_AGE_STEPS		32

/* Chunks looked at for released pages, and runs that are taken to be made idle. */
#define HOLD_FILL_CHUNKS	8
#define HOLD_FILL_RUNS		8

/* Chunks added to the page index. */
#define HOLD_GROW_CHUNKS	4UL

/* Chunks looked at for a page in use. */
#define HOLD_LOOK_CHUNKS	16

#endif /* SPANALLOC_HOLD_H */
