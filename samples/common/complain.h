/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failed checks of a sample that tests the allocator.
 */
#ifndef SAMPLES_COMPLAIN_H
#define SAMPLES_COMPLAIN_H

#include <linux/atomic.h>
#include <linux/printk.h>

/* Failed checks that a module describes in the log; it only counts the further ones. */
#define MAX_COMPLAINTS	10

/**
 * complain_to() - count a failed check, and describe it in the log
 * @complaints: the module's counter, an atomic_t
 * @fmt: format of the description, then its arguments
 *
 * Context: Any context.
 */
#define complain_to(complaints, fmt, ...)					\
do {										\
	if (atomic_inc_return(complaints) <= MAX_COMPLAINTS)			\
		pr_err("wrong: " fmt "\n", ##__VA_ARGS__);			\
} while (0)

#endif /* SAMPLES_COMPLAIN_H */
