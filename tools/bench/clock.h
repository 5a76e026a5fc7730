/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two clocks. ktime_get() for loops: exact, but reading it takes as long as what
 * is measured here. The processor's own counter for single calls: it takes a few
 * nanoseconds, and what they are is found out by reading it twice in a row.
 */
#ifndef SPANALLOC_BENCH_CLOCK_H
#define SPANALLOC_BENCH_CLOCK_H

#include <linux/ktime.h>

/* User-mode Linux has no get_cycles() worth the name, on a processor that has. */
static __always_inline u64 clock_ticks(void)
{
#ifdef CONFIG_X86_64
	u32 low, high;

	/* The fence keeps what comes before from being timed as what comes after. */
	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
#else
	return ktime_get_ns();
#endif
}

#endif /* SPANALLOC_BENCH_CLOCK_H */
