/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_STOPWATCH_H
#define HOST_STOPWATCH_H

#include <time.h>
#include <linux/types.h>

static inline u64 stopwatch_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

#endif /* HOST_STOPWATCH_H */
