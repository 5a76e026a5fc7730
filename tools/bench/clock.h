/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two clocks. Loops are timed with ktime_get(), which is exact, but a reading takes
 * as long as an allocation. Single calls are timed with the processor's counter. A
 * reading of the counter takes a few nanoseconds; two readings in a row measure them.
 */
#ifndef SPANALLOC_BENCH_CLOCK_H
#define SPANALLOC_BENCH_CLOCK_H

#include <linux/ktime.h>

/* Not get_cycles(), which returns 0 in user-mode Linux. */
static __always_inline u64 clock_ticks(void)
{
#ifdef CONFIG_X86_64
	u32 low, high;

	/* The fence waits for earlier instructions, which would be timed otherwise. */
	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
#else
	return ktime_get_ns();
#endif
}

#endif /* SPANALLOC_BENCH_CLOCK_H */
