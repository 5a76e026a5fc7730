/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failing allocations, by the kernel's own fault injection: the Nth from now of
 * this task, and, if wanted, all that follow.
 *
 * Which allocations can be hit is set in debugfs, where only user space can
 * write; scripts/guest.d/debug.sh does. Tests are skipped if it has not.
 */
#ifndef SPANALLOC_KUNIT_FAULTS_H
#define SPANALLOC_KUNIT_FAULTS_H

#include <linux/types.h>

struct kunit;

enum fault {
	FAULT_ONCE,	/* the Nth allocation, as if memory were short for a moment */
	FAULT_FOR_GOOD	/* the Nth and every later allocation, as if no memory were left */
};

void faults_require(struct kunit *test, enum fault fault);
void faults_begin(enum fault fault, unsigned int nth);
bool faults_end(void);

#endif /* SPANALLOC_KUNIT_FAULTS_H */
