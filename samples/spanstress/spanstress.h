/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of spanstress share.
 */
#ifndef SPANSTRESS_H
#define SPANSTRESS_H

extern unsigned long account_pages;
extern unsigned int steady_seconds;

int account_hold(unsigned int max_pages);
void account_release(void);
int steady_run(unsigned int threads);

#endif /* SPANSTRESS_H */
