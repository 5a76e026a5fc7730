/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accounted spans that are held until the module is unloaded.
 */
#ifndef SPANSTRESS_ACCOUNT_H
#define SPANSTRESS_ACCOUNT_H

extern unsigned long account_pages;

int account_hold(unsigned int max_pages);
void account_release(void);

#endif /* SPANSTRESS_ACCOUNT_H */
