/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The holds of a heap's lock: what is done to the page index in each, with its bounds.
 */
#ifndef HOLDS_H
#define HOLDS_H

#include <linux/types.h>

/**
 * struct hold - what is done in one hold of the lock
 * @name: its name; %NULL behind the last one
 * @npages: the length of the run that it is about, in pages
 * @align: the run's alignment, in pages
 * @prepare: what comes before; false if this hold cannot happen in this state
 * @fetch: what the heap fetches into the CPU's caches before it takes its lock, or %NULL
 * @run: the hold
 * @undo: brings the index back to about what it was, or %NULL
 */
struct hold {
	const char *name;
	unsigned long npages;
	unsigned long align;
	bool (*prepare)(void);
	void (*fetch)(void);
	void (*run)(void);
	void (*undo)(void);
};

extern const struct hold holds[];

/* Forget the last try. */
void hold_clear(const struct hold *hold);

#endif /* HOLDS_H */
