/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guard: vfree() and vunmap() of a span are reported, and do nothing.
 */
#ifndef SPANALLOC_GUARD_H
#define SPANALLOC_GUARD_H

void guard_start(void);
void guard_stop(void);

#endif /* SPANALLOC_GUARD_H */
