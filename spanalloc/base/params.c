// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters that have a range, and switches. A value that is not possible is refused,
 * with a line in the kernel's log that says which are; the parameter keeps its value.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "base/params.h"

static int param_range_set(const char *val, const struct kernel_param *kp)
{
	const struct param_range *range = kp->arg;
	unsigned int value;
	int ret = kstrtouint(val, 0, &value);

	if (!ret && (value < range->min || value > range->max))
		ret = -EINVAL;
	if (ret) {
		pr_warn("parameter %s cannot be \"%.*s\": %u to %u are possible\n", kp->name,
			(int)strcspn(val, "\n"), val, range->min, range->max);
		return -EINVAL;
	}
	WRITE_ONCE(*range->value, value);
	if (range->changed)
		range->changed();
	return 0;
}

/**
 * param_set_switch() - param_set_bool(), with a line in the log if the value is refused
 * @val: the string written; %NULL for a parameter without a value
 * @kp: the parameter
 *
 * Return: 0 or %-EINVAL
 */
int param_set_switch(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_bool(val, kp);

	if (ret)
		pr_warn("parameter %s cannot be \"%.*s\": Y or N\n", kp->name,
			(int)strcspn(val, "\n"), val);
	return ret;
}

static int param_range_get(char *buffer, const struct kernel_param *kp)
{
	const struct param_range *range = kp->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(*range->value));
}

const struct kernel_param_ops param_range_ops = {
	.set = param_range_set,
	.get = param_range_get,
};
