/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Budget: the limit on all heaps together.
 */
#ifndef SPANALLOC_BUDGET_H
#define SPANALLOC_BUDGET_H

#include <linux/spinlock.h>

extern unsigned long total_limit;
extern spinlock_t total_lock;

unsigned long total_room_locked(void);
unsigned long total_room(void);
void total_take(unsigned long npages);
void total_give_back(unsigned long npages);
unsigned long total_backed(void);

#endif /* SPANALLOC_BUDGET_H */
