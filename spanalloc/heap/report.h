/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports of clients' mistakes.
 */
#ifndef SPANALLOC_REPORT_H
#define SPANALLOC_REPORT_H

#include <linux/err.h>
#include <linux/types.h>

#include <spanalloc/spanalloc.h>

struct span;
struct span_request;

void report_call(const char *what, const char *why, unsigned long caller);
bool report_heap(const struct span_heap *heap, const char *what, unsigned long caller);
__printf(2, 3) bool report_request(const struct span_request *req, const char *fmt, ...);
void report_bad_free(const void *addr, unsigned long caller);
void report_bad_split(const void *addr, unsigned long npages, unsigned long caller);
void report_held_pages(const struct span *span, unsigned long held, unsigned long first,
		       unsigned long caller);

/* Check a heap that a client passed to @what; false, after a diagnostic, if it is none. */
static __always_inline bool heap_is_ok(const struct span_heap *heap, const char *what,
				       unsigned long caller)
{
	return !IS_ERR_OR_NULL(heap) || report_heap(heap, what, caller);
}

const char *heap_kind_name(enum span_kind kind);

#endif /* SPANALLOC_REPORT_H */
