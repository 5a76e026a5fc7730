/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A steady load on the default heap.
 */
#ifndef SPANSTRESS_STEADY_H
#define SPANSTRESS_STEADY_H

extern unsigned int steady_seconds;

int steady_run(unsigned int threads);

#endif /* SPANSTRESS_STEADY_H */
