/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Short spans that a CPU keeps, of one length: a chain that spans are pushed on and
 * popped from, and any number of full ones, the last filled one first.
 *
 *	top -> span -> span
 *	full -> span -> ... -> span
 *		 | next_chain
 *		 v
 *		span -> ... -> span	those parked first
 */
#ifndef SPANALLOC_STACK_H
#define SPANALLOC_STACK_H

#include <linux/minmax.h>
#include <linux/prefetch.h>

#include "depot.h"

/**
 * struct span_stack - parked short spans of one length
 * @top: chain in use, the last parked one first
 * @full: other chains, of chain_length() spans each
 * @nr_top: spans in @top
 * @nr: spans in all
 * @low: how few there have been since the last sweep
 * @used: some have been taken since room was last looked for here
 */
struct span_stack {
	struct span *top;
	struct span *full;
	unsigned int nr_top;
	unsigned int nr;
	unsigned int low;
	bool used;
};

/**
 * stack_pop() - take the span that was parked last
 * @stack: where from
 *
 * Return: the span or NULL
 */
static __always_inline struct span *stack_pop(struct span_stack *stack)
{
	struct span *span;

	if (unlikely(!stack->nr_top)) {
		if (!stack->full)
			return NULL;
		stack->top = stack->full;
		stack->full = stack->top->next_chain;
		stack->nr_top = chain_length(stack->top->npages);
	}
	span = stack->top;
	stack->top = span->next;
	/* It may have last been written by another CPU, and is next. */
	prefetchw(stack->top);
	stack->nr_top--;
	stack->nr--;
	stack->low = min(stack->low, stack->nr);
	stack->used = true;
	return span;
}

/**
 * stack_push() - park a span
 * @stack: where
 * @span: the span
 */
static __always_inline void stack_push(struct span_stack *stack, struct span *span)
{
	if (unlikely(stack->nr_top == chain_length(span->npages))) {
		stack->top->next_chain = stack->full;
		stack->full = stack->top;
		stack->top = NULL;
		stack->nr_top = 0;
	}
	span->next = stack->top;
	stack->top = span;
	stack->nr_top++;
	stack->nr++;
}

/**
 * stack_evict() - take a full chain out; there is one
 * @stack: where from
 *
 * Return: the chain
 */
static inline struct span *stack_evict(struct span_stack *stack)
{
	struct span *chain = stack->full;

	stack->full = chain->next_chain;
	stack->nr -= chain_length(chain->npages);
	stack->low = min(stack->low, stack->nr);
	return chain;
}

/**
 * stack_take() - take out those that were parked first
 * @stack: where from
 * @npages: their length
 * @nr: how many at most; where a full chain is left, what is less than one stays, too
 *
 * Return: a list of them, %NULL if there are none
 */
static inline struct span *stack_take(struct span_stack *stack, unsigned int npages,
				      unsigned int nr)
{
	unsigned int length = chain_length(npages);
	unsigned int full = (stack->nr - stack->nr_top) / length;
	unsigned int chains = min(full, nr / length);
	struct span *list = chains_cut(&stack->full, full - chains, NULL);
	struct span **link = &stack->top;

	stack->nr -= chains * length;
	nr -= chains * length;
	if (stack->full || !nr)
		return list;
	stack->nr_top -= nr;
	stack->nr -= nr;
	for (nr = stack->nr_top; nr; nr--)
		link = &(*link)->next;
	list = chain_join(*link, list);
	*link = NULL;
	return list;
}

#endif /* SPANALLOC_STACK_H */
