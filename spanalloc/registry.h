/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registry: all heaps.
 */
#ifndef SPANALLOC_REGISTRY_H
#define SPANALLOC_REGISTRY_H

int registry_init(void);
void registry_exit(void);

#endif /* SPANALLOC_REGISTRY_H */
