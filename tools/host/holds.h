/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The work that the module does on the page index under each hold of a heap's lock, with
 * the same bounds.
 */
#ifndef HOLDS_H
#define HOLDS_H

#include <linux/types.h>

/**
 * struct hold - the work under one hold of the lock
 * @name: its name; %NULL at the end of the array
 * @npages: length of the run that it works on, in pages
 * @align: the run's alignment, in pages
 * @prepare: work before the hold; false if this hold cannot happen in this state
 * @fetch: prefetches as the heap does before it takes its lock, or %NULL
 * @run: the work under the hold
 * @undo: brings the index back to a similar state, or %NULL
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

/* Clear the arguments and results of the try before. */
void hold_clear(const struct hold *hold);

#endif /* HOLDS_H */
