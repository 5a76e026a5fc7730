/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_PREFETCH_H
#define HOST_LINUX_PREFETCH_H

#define prefetchw(addr)	__builtin_prefetch(addr, 1)

#endif /* HOST_LINUX_PREFETCH_H */
