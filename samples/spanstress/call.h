/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of the allocator, made in one of several contexts.
 */
#ifndef SPANSTRESS_CALL_H
#define SPANSTRESS_CALL_H

#include <linux/gfp.h>

#include <spanalloc/spanalloc.h>

struct irq_work;
struct stress_worker;

enum stress_context {
	IN_THREAD,
	IRQS_OFF,
	IN_IRQ,
	NR_CONTEXTS
};

/**
 * struct stress_call - one call of the allocator, to be made in any context
 * @base: span to free; if %NULL, a span is allocated and stored here
 * @npages: length of the span to allocate
 * @align_pages: its alignment, or 0
 * @kind: its kind
 * @gfp: flags of the allocation
 */
struct stress_call {
	void *base;
	unsigned long npages;
	unsigned long align_pages;
	enum span_kind kind;
	gfp_t gfp;
};

void stress_call_make(struct stress_worker *w, enum stress_context context,
		      struct stress_call *call);
void stress_call_irq_work(struct irq_work *work);

#endif /* SPANSTRESS_CALL_H */
