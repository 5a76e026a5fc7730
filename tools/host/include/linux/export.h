/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_EXPORT_H
#define HOST_LINUX_EXPORT_H

/* Programs export no symbols. The macro expands to a declaration, which takes a semicolon. */
#define EXPORT_SYMBOL_GPL(symbol) \
	extern __typeof__(symbol) symbol
#define EXPORT_SYMBOL_NS_GPL(symbol, namespace) \
	extern __typeof__(symbol) symbol

#endif /* HOST_LINUX_EXPORT_H */
