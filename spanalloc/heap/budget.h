/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Budget: the limit on all heaps together.
 */
#ifndef SPANALLOC_BUDGET_H
#define SPANALLOC_BUDGET_H

#include <linux/spinlock.h>

extern unsigned long budget_limit;
/* Held from reading the room until the pages claimed are counted. */
extern spinlock_t budget_lock;

unsigned long budget_room_locked(void);
unsigned long budget_room(void);
void budget_take(unsigned long npages);
void budget_give_back(unsigned long npages);
unsigned long budget_backed(void);

#endif /* SPANALLOC_BUDGET_H */
