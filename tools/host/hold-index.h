/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page indexes whose state makes holds of a heap's lock long, and a cold cache for them.
 */
#ifndef HOLD_INDEX_H
#define HOLD_INDEX_H

#include "pageheap.h"

/**
 * struct hold_state - a state of a page index
 * @name: its name; %NULL at the end of the array
 * @make: brings &hold_heap, which has just grown, into this state
 */
struct hold_state {
	const char *name;
	void (*make)(void);
};

extern const struct hold_state hold_states[];

/* The heap that states and holds work on. */
extern struct pageheap hold_heap;

unsigned long hold_pages(void);
unsigned long hold_random(unsigned long limit);
void hold_make_cold(void);

#endif /* HOLD_INDEX_H */
