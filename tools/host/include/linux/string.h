/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_STRING_H
#define HOST_LINUX_STRING_H

#include <string.h>
#include <linux/types.h>

static inline void *memset64(u64 *dst, u64 value, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		dst[i] = value;
	return dst;
}

#endif /* HOST_LINUX_STRING_H */
