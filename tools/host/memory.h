/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory: allocation that ends the program when it fails.
 */
#ifndef HOST_MEMORY_H
#define HOST_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/* Returns @memory. If it is NULL, ends the program. */
static inline void *memory_must(void *memory)
{
	if (!memory) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

static inline void *memory_enlarge(void *memory, size_t bytes)
{
	return memory_must(realloc(memory, bytes));
}

static inline void *memory_zeroed(size_t count, size_t bytes)
{
	return memory_must(calloc(count, bytes));
}

#endif /* HOST_MEMORY_H */
