/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_COMPILER_H
#define HOST_LINUX_COMPILER_H

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), value, __ATOMIC_RELAXED)

/* As in <asm/barrier.h>. Barriers are paired where they are used. */
#define smp_load_acquire(ptr)	__atomic_load_n(ptr, __ATOMIC_ACQUIRE)	/* a load */
#define smp_store_release(ptr, value) \
	__atomic_store_n(ptr, value, __ATOMIC_RELEASE)			/* a store */
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)	/* a fence */

/* As in <asm/page.h>. */
#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)

#endif /* HOST_LINUX_COMPILER_H */
