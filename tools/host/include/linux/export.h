/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_EXPORT_H
#define HOST_LINUX_EXPORT_H

/* A program has no symbol table to add to; what remains is a declaration. */
#define EXPORT_SYMBOL_GPL(symbol) \
	extern __typeof__(symbol) symbol
#define EXPORT_SYMBOL_NS_GPL(symbol, namespace) \
	extern __typeof__(symbol) symbol

#endif /* HOST_LINUX_EXPORT_H */
