/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module parameters that have a range, and switches. A refused value leaves a line in the log.
 */
#ifndef SPANALLOC_PARAMS_H
#define SPANALLOC_PARAMS_H

#include <linux/moduleparam.h>

/**
 * struct param_range - a parameter and the values that it may have
 * @value: the parameter
 * @min: smallest value
 * @max: largest value
 * @changed: called after each accepted write, also before the module's init function has run;
 *	or NULL
 */
struct param_range {
	unsigned int *value;
	unsigned int min;
	unsigned int max;
	void (*changed)(void);
};

extern const struct kernel_param_ops param_range_ops;

int param_set_switch(const char *val, const struct kernel_param *kp);

/* Declare the module parameter @name, described by @range, a struct param_range. */
#define module_param_range(name, range, perm) \
	module_param_cb(name, &param_range_ops, (void *)&(range), perm)

#endif /* SPANALLOC_PARAMS_H */
