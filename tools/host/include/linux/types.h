/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_TYPES_H
#define HOST_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int64_t s64;
typedef int32_t s32;
/* As in the kernel, where a u64 prints with %llu on every architecture. */
typedef unsigned long long u64;

#endif /* HOST_LINUX_TYPES_H */
