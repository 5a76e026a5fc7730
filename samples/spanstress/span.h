/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Live spans of the stress test, and the checks of a span.
 */
#ifndef SPANSTRESS_SPAN_H
#define SPANSTRESS_SPAN_H

#include <linux/llist.h>
#include <linux/types.h>

struct stress_call;
struct stress_worker;

/**
 * struct stress_span - a live span
 * @inbox: entry in the inbox of the worker that is to retire the span
 * @base: first byte
 * @npages: length
 * @tag: tag in the marks of its pages: worker and serial number
 * @owner: owner that span_set_owner() has set, or %NULL
 */
struct stress_span {
	struct llist_node inbox;
	char *base;
	unsigned long npages;
	u64 tag;
	void *owner;
};

void stress_span_check_new(const struct stress_span *s, const struct stress_call *call);
void stress_span_check_lookup(struct stress_worker *w, const struct stress_span *s);
void stress_span_write_marks(const struct stress_span *s);
void stress_span_set_owner(struct stress_span *s, void *owner);
void stress_span_retire(struct stress_worker *w, struct stress_span *s);

#endif /* SPANSTRESS_SPAN_H */
