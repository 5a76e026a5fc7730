// SPDX-License-Identifier: GPL-2.0-only
#include "work.h"

const unsigned long work_pairs[WORK_NR_PAIRS] = { 1, 4, 16, 64, 512 };

/* The same choices for every allocator, in every run. */
void work_churn_roll(struct work_churn *churn)
{
	struct dice dice;
	unsigned int i;

	dice_seed(&dice, 1);
	for (i = 0; i < WORK_CHURN_OPS; i++) {
		churn->slot[i] = dice_below(&dice, WORK_CHURN_SPANS);
		churn->npages[i] = 1 + dice_below(&dice, WORK_CHURN_PAGES);
	}
}
