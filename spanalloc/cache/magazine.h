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
#ifndef SPANALLOC_MAGAZINE_H
#define SPANALLOC_MAGAZINE_H

#include <linux/minmax.h>
#include <linux/prefetch.h>

#include "cache/depot.h"
#include "heap/span.h"

/**
 * struct span_stack - parked short spans of one length
 * @top: chain in use, the last parked one first
 * @full: other chains, of chain_length() spans each; those are old that @low covers
 * @nr_top: spans in @top
 * @nr: spans in all
 * @low: how few there have been since the last sweep
 * @used: some have been taken since room was last looked for here
 */
struct span_stack {
	struct span *top;
	struct chain_list full;
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
		if (!stack->full.first)
			return NULL;
		stack->top = chain_list_pop(&stack->full);
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

/* The chain in use is full. If nobody has touched it, it is as old as those below. */
static inline void stack_close_top(struct span_stack *stack)
{
	unsigned int length = chain_length(stack->top->npages);

	chain_list_push(&stack->full, stack->top);
	if (stack->low >= stack->full.nr * length)
		chain_list_pass(&stack->full);
	stack->top = NULL;
	stack->nr_top = 0;
}

/**
 * stack_push() - park a span
 * @stack: where
 * @span: the span
 */
static __always_inline void stack_push(struct span_stack *stack, struct span *span)
{
	if (unlikely(stack->nr_top == chain_length(span->npages)))
		stack_close_top(stack);
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
	bool is_old = stack->full.first == stack->full.old;
	struct span *chain = chain_list_pop(&stack->full);
	unsigned int length = chain_length(chain->npages);

	stack->nr -= length;
	/* Those that @low counts beyond old chains are at the bottom of the chain above. */
	if (is_old)
		stack->low -= length;
	else if (stack->full.nr == stack->full.nr_old)
		stack->low = stack->full.nr_old * length;
	return chain;
}

/**
 * stack_take_all() - take everything out
 * @stack: where from
 * @haul: what it is added to
 */
static inline void stack_take_all(struct span_stack *stack, struct haul *haul)
{
	haul_add_chain(haul, stack->top);
	haul_add(haul, chain_list_take_all(&stack->full));
	stack->top = NULL;
	stack->nr_top = 0;
	stack->nr = 0;
	stack->low = 0;
}

/**
 * stack_take_old() - take out what nobody has needed since this was last called
 * @stack: where from
 * @npages: length of its spans
 * @haul: what it is added to
 *
 * That is @low spans, those parked first. Where full chains are left, what is less than
 * one stays. Walks the chain in use at most.
 */
static inline void stack_take_old(struct span_stack *stack, unsigned int npages,
				  struct haul *haul)
{
	unsigned int full = stack->full.nr_old * chain_length(npages);
	unsigned int nr = min(stack->low - full, stack->nr_top);
	struct span **link = &stack->top;

	haul_add(haul, chain_list_take_old(&stack->full));
	stack->nr -= full;
	if (!stack->full.first && nr) {
		stack->nr_top -= nr;
		stack->nr -= nr;
		for (nr = stack->nr_top; nr; nr--)
			link = &(*link)->next;
		haul_add_chain(haul, *link);
		*link = NULL;
	}
	chain_list_pass(&stack->full);
	stack->low = stack->nr;
}

#endif /* SPANALLOC_MAGAZINE_H */
