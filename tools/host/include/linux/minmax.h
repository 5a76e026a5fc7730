/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_MINMAX_H
#define HOST_LINUX_MINMAX_H

#define min_t(type, a, b) ({			\
	type __min_a = (a);			\
	type __min_b = (b);			\
	__min_a < __min_b ? __min_a : __min_b; })

#define max_t(type, a, b) ({			\
	type __max_a = (a);			\
	type __max_b = (b);			\
	__max_a > __max_b ? __max_a : __max_b; })

/* Comparing the addresses gives a warning for mixed types, as in the kernel. */
#define min(a, b) ({				\
	__typeof__(a) __min_l = (a);		\
	__typeof__(b) __min_r = (b);		\
	(void)(&__min_l == &__min_r);		\
	__min_l < __min_r ? __min_l : __min_r; })

#define max(a, b) ({				\
	__typeof__(a) __max_l = (a);		\
	__typeof__(b) __max_r = (b);		\
	(void)(&__max_l == &__max_r);		\
	__max_l > __max_r ? __max_l : __max_r; })

#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define clamp(val, lo, hi)	min(max(val, lo), hi)

#endif /* HOST_LINUX_MINMAX_H */
