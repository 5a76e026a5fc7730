// SPDX-License-Identifier: GPL-2.0-only
#include <linux/container_of.h>
#include <linux/irq_work.h>
#include <linux/spinlock.h>

#include "call.h"
#include "stress.h"
#include "worker.h"

static void call_make(struct stress_call *call)
{
	if (call->base)
		span_free(call->base);
	else if (call->align_pages)
		call->base = span_alloc_aligned(spanstress.heap, call->npages,
						call->align_pages, call->gfp);
	else if (call->kind != SPAN_KIND_HEAP)
		call->base = span_alloc_kind(spanstress.heap, call->npages, call->kind, call->gfp);
	else
		call->base = span_alloc(spanstress.heap, call->npages, call->gfp);
}

/**
 * stress_call_irq_work() - make the call that a worker has put into its @irq_call
 * @work: the worker's irq_work
 *
 * Context: Interrupt.
 */
void stress_call_irq_work(struct irq_work *work)
{
	struct stress_worker *w = container_of(work, struct stress_worker, irq_work);

	call_make(w->irq_call);
}

/**
 * stress_call_make() - make a call of the allocator in some context
 * @w: the worker that makes it
 * @context: the context of the call
 * @call: the call
 *
 * Context: Process context. May sleep.
 */
void stress_call_make(struct stress_worker *w, enum stress_context context,
		      struct stress_call *call)
{
	unsigned long flags;

	switch (context) {
	case IRQS_OFF:
		spin_lock_irqsave(&w->lock, flags);
		call_make(call);
		spin_unlock_irqrestore(&w->lock, flags);
		break;
	case IN_IRQ:
		w->irq_call = call;
		irq_work_queue(&w->irq_work);
		irq_work_sync(&w->irq_work);
		break;
	default:
		call_make(call);
	}
	w->counts.by_context[context]++;
}
