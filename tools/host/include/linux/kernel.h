/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_KERNEL_H
#define HOST_LINUX_KERNEL_H

#include <assert.h>
#include <limits.h>
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define round_up(n, align)	((((n) - 1) | ((__typeof__(n))(align) - 1)) + 1)
#define round_down(n, align)	((n) & ~((__typeof__(n))(align) - 1))
#define ALIGN(n, align)		round_up(n, align)
#define ALIGN_DOWN(n, align)	round_down(n, align)
#define IS_ALIGNED(n, align)	(((n) & ((__typeof__(n))(align) - 1)) == 0)

#define noinline		__attribute__((__noinline__))
#define fallthrough		__attribute__((__fallthrough__))
#define __maybe_unused		__attribute__((__unused__))

#endif /* HOST_LINUX_KERNEL_H */
