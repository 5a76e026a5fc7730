/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of spanstress share.
 */
#ifndef SPANSTRESS_H
#define SPANSTRESS_H

extern unsigned long account_pages;

int account_hold(unsigned int max_pages);
void account_release(void);

#endif /* SPANSTRESS_H */
