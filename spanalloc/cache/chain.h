/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains of cached spans, lists of chains, and hauls: lists that a drain has taken out.
 *
 * Spans are linked into a chain, chains into a list, lists into a haul, all through the
 * descriptors. Only large_take_first() and cache_shed() mix lengths in a chain:
 *
 *	list->first --> span -> span -> span	one chain, linked by next
 *	                 | next_chain
 *	list->old ---->  v
 *	                span -> span -> span	not touched since the last pass
 *	                 | next_chain
 *	                 v
 *	                ...
 *
 *	haul->first --> list --next_list--> list --next_list--> ...
 *
 * Every operation here takes a fixed number of steps, however many spans it moves, since
 * callers have preemption or interrupts off. cache_uncache_haul() walks a haul later, in
 * process context.
 *
 * No locks: the caller owns what it passes.
 */
#ifndef SPANALLOC_CHAIN_H
#define SPANALLOC_CHAIN_H

#include "index/lookup.h"

/**
 * struct chain_list - chains of one length, the last one added first
 * @first: the chain added last
 * @old: the newest chain that has stayed in the list since the last chain_list_pass(), or
 *	NULL
 * @above: the chain just above @old, while @first is not @old
 * @nr: chains
 * @nr_old: chains from @old on
 */
struct chain_list {
	struct span *first;
	struct span *old;
	struct span *above;
	unsigned int nr;
	unsigned int nr_old;
};

/**
 * struct haul - lists of chains on their way out
 * @first: first list
 * @last: last list; undefined while @first is NULL
 */
struct haul {
	struct span *first;
	struct span *last;
};

/**
 * chain_list_push() - add a chain
 * @list: to what
 * @chain: the chain
 */
static inline void chain_list_push(struct chain_list *list, struct span *chain)
{
	if (list->first == list->old)
		list->above = chain;
	chain->next_chain = list->first;
	list->first = chain;
	list->nr++;
}

/**
 * chain_list_pop() - take out the chain added last; there is one
 * @list: from what
 *
 * Return: the chain
 */
static inline struct span *chain_list_pop(struct chain_list *list)
{
	struct span *chain = list->first;

	list->first = chain->next_chain;
	list->nr--;
	if (chain == list->old) {
		list->old = list->first;
		list->nr_old--;
	}
	return chain;
}

/**
 * chain_list_pass() - mark all chains old
 * @list: the list
 */
static inline void chain_list_pass(struct chain_list *list)
{
	list->old = list->first;
	list->nr_old = list->nr;
}

/**
 * chain_list_take_old() - take out the chains that have stayed since the last pass
 * @list: from what
 *
 * Return: the first of them, linked, or NULL
 */
static inline struct span *chain_list_take_old(struct chain_list *list)
{
	struct span *taken = list->old;

	if (!taken)
		return NULL;
	if (list->first == taken)
		list->first = NULL;
	else
		list->above->next_chain = NULL;
	list->nr -= list->nr_old;
	list->old = NULL;
	list->nr_old = 0;
	return taken;
}

/**
 * chain_list_take_all() - take out all chains
 * @list: from what
 *
 * Return: the first of them, linked, or NULL
 */
static inline struct span *chain_list_take_all(struct chain_list *list)
{
	struct span *taken = list->first;

	*list = (struct chain_list) {};
	return taken;
}

/**
 * haul_add() - add a list of chains
 * @haul: to what
 * @list: the first chain, linked by next_chain, or NULL
 */
static inline void haul_add(struct haul *haul, struct span *list)
{
	if (!list)
		return;
	if (!haul->first)
		haul->last = list;
	list->next_list = haul->first;
	haul->first = list;
}

/**
 * haul_add_chain() - add a single chain
 * @haul: to what
 * @chain: the chain, or NULL
 */
static inline void haul_add_chain(struct haul *haul, struct span *chain)
{
	if (!chain)
		return;
	chain->next_chain = NULL;
	haul_add(haul, chain);
}

/**
 * haul_join() - move all of one haul to another
 * @haul: the haul to add to
 * @other: the haul to move from; empty afterwards
 */
static inline void haul_join(struct haul *haul, struct haul *other)
{
	if (!other->first)
		return;
	other->last->next_list = haul->first;
	if (!haul->first)
		haul->last = other->last;
	haul->first = other->first;
	other->first = NULL;
}

/**
 * haul_next_chain() - take out one chain
 * @haul: from what
 *
 * Return: the chain, linked by next, or NULL if the haul is empty
 */
static inline struct span *haul_next_chain(struct haul *haul)
{
	struct span *chain = haul->first;
	struct span *rest;

	if (!chain)
		return NULL;
	rest = chain->next_chain;
	if (!rest) {
		haul->first = chain->next_list;
		return chain;
	}
	rest->next_list = chain->next_list;
	if (haul->last == chain)
		haul->last = rest;
	haul->first = rest;
	return chain;
}

#endif /* SPANALLOC_CHAIN_H */
