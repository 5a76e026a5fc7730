// SPDX-License-Identifier: GPL-2.0-only
/*
 * Depot: chains of cached spans that the CPUs of a node exchange.
 *
 * If one CPU allocates the spans that another CPU frees, the cache of the first is
 * always empty, and the cache of the second always full. Chains of spans then move
 * through the depot, and the page index is not involved. (The depot of J. Bonwick and
 * J. Adams, "Magazines and Vmem", 2001.)
 *
 * Chains that no CPU touches between two calls of cache_pass() become idle at the second
 * call, as in the caches.
 *
 * The lock is taken with interrupts off, so that every context but NMI may wait for it; on
 * PREEMPT_RT it sleeps. It is held for a bounded number of steps: chains are linked, never
 * walked.
 */
#include <linux/export.h>
#include <linux/minmax.h>

#include "cache/depot.h"

/**
 * depot_init() - make an empty depot
 * @depot: the depot
 */
void depot_init(struct span_depot *depot)
{
	memset(depot, 0, sizeof(*depot));
	spin_lock_init(&depot->lock);
}

static struct span *depot_get_short_locked(struct span_depot *depot, unsigned int npages)
{
	struct chain_list *list = &depot->chains[npages - 1];

	lockdep_assert_held(&depot->lock);
	if (!list->first)
		return NULL;
	depot->pages -= npages * chain_length(npages);
	return chain_list_pop(list);
}

/* Take out the chain of large spans at place @at, and close the gap. */
static struct span *depot_remove_large_locked(struct span_depot *depot, unsigned int at)
{
	struct depot_chain *chain = &depot->large[at];
	struct span *top = chain->top;

	lockdep_assert_held(&depot->lock);
	depot->pages -= chain->npages * chain->nr;
	depot->nr_large--;
	depot->low_large = min(depot->low_large, at);
	memmove(chain, chain + 1, (depot->nr_large - at) * sizeof(*chain));
	return top;
}

static struct span *depot_get_large_locked(struct span_depot *depot, unsigned int npages)
{
	unsigned int at = depot->nr_large;

	lockdep_assert_held(&depot->lock);
	while (at--) {
		if (depot->large[at].npages == npages)
			return depot_remove_large_locked(depot, at);
	}
	return NULL;
}

/**
 * depot_get() - take cached spans
 * @depot: where from
 * @npages: their length
 *
 * Context: Any but NMI.
 *
 * Return: a chain, of chain_length() spans if they are short, or NULL
 */
struct span *depot_get(struct span_depot *depot, unsigned int npages)
{
	struct span *chain;
	unsigned long flags;

	/* Unlocked: a stale answer costs a miss or an empty visit. */
	if (!data_race(depot->pages))
		return NULL;
	spin_lock_irqsave(&depot->lock, flags);
	if (npages <= CACHE_MAX_SHORT)
		chain = depot_get_short_locked(depot, npages);
	else
		chain = depot_get_large_locked(depot, npages);
	spin_unlock_irqrestore(&depot->lock, flags);
	return chain;
}

/**
 * depot_put() - cache spans
 * @depot: where
 * @chain: a chain, of chain_length() spans if they are short
 * @nr: spans in it
 * @max_pages: how many pages the depot may have
 *
 * Context: Any but NMI.
 *
 * Return: false if there is no room
 */
bool depot_put(struct span_depot *depot, struct span *chain, unsigned int nr,
	       unsigned long max_pages)
{
	unsigned int npages = chain->npages;
	bool is_short = npages <= CACHE_MAX_SHORT;
	unsigned long pages = nr * npages;
	unsigned long flags;
	bool room;

	/* Unlocked: checked again under the lock. */
	if (data_race(depot->pages) + pages > max_pages)
		return false;
	spin_lock_irqsave(&depot->lock, flags);
	room = depot->pages + pages <= max_pages &&
	       (is_short || depot->nr_large < DEPOT_LARGE_CHAINS);
	if (room && is_short) {
		chain_list_push(&depot->chains[npages - 1], chain);
	} else if (room) {
		depot->large[depot->nr_large++] = (struct depot_chain) {
			.top = chain,
			.npages = npages,
			.nr = nr,
		};
	}
	if (room)
		depot->pages += pages;
	spin_unlock_irqrestore(&depot->lock, flags);
	return room;
}

/* Take out the @nr chains of large spans that were put first. */
static void depot_take_large_locked(struct span_depot *depot, unsigned int nr,
				    struct haul *haul)
{
	unsigned int i;

	lockdep_assert_held(&depot->lock);
	for (i = 0; i < nr; i++) {
		depot->pages -= depot->large[i].npages * depot->large[i].nr;
		haul_add_chain(haul, depot->large[i].top);
	}
	depot->nr_large -= nr;
	memmove(depot->large, depot->large + nr, depot->nr_large * sizeof(depot->large[0]));
	depot->low_large = depot->nr_large;
}

/**
 * depot_take_all() - take everything out
 * @depot: where from
 * @haul: what it is added to
 *
 * Context: Any but NMI.
 */
void depot_take_all(struct span_depot *depot, struct haul *haul)
{
	unsigned long flags;
	unsigned int i;

	/* A chain that another CPU adds meanwhile need not be drained. */
	if (!data_race(depot->pages))
		return;
	spin_lock_irqsave(&depot->lock, flags);
	for (i = 0; i < CACHE_MAX_SHORT; i++)
		haul_add(haul, chain_list_take_all(&depot->chains[i]));
	depot_take_large_locked(depot, depot->nr_large, haul);
	depot->pages = 0;
	spin_unlock_irqrestore(&depot->lock, flags);
}

/**
 * depot_take_old() - take out the chains that no CPU has touched since the last call
 * @depot: where from
 * @haul: what it is added to
 *
 * Context: Any but NMI.
 */
void depot_take_old(struct span_depot *depot, struct haul *haul)
{
	unsigned long flags;
	unsigned int i;

	/* Spans that another CPU is adding are not old. */
	if (!data_race(depot->pages))
		return;
	spin_lock_irqsave(&depot->lock, flags);
	for (i = 0; i < CACHE_MAX_SHORT; i++) {
		struct chain_list *list = &depot->chains[i];

		depot->pages -= list->nr_old * (i + 1) * chain_length(i + 1);
		haul_add(haul, chain_list_take_old(list));
		chain_list_pass(list);
	}
	depot_take_large_locked(depot, depot->low_large, haul);
	spin_unlock_irqrestore(&depot->lock, flags);
}

/**
 * depot_spans() - count the spans of a depot
 * @depot: the depot
 *
 * Return: how many; exact while no CPU exchanges chains
 */
unsigned int depot_spans(const struct span_depot *depot)
{
	unsigned int i, nr_large, nr = 0;

	/* Other CPUs may be exchanging chains; a stale sum is acceptable. */
	for (i = 0; i < CACHE_MAX_SHORT; i++)
		nr += READ_ONCE(depot->chains[i].nr) * chain_length(i + 1);
	nr_large = min(READ_ONCE(depot->nr_large), 0U + DEPOT_LARGE_CHAINS);
	for (i = 0; i < nr_large; i++)
		nr += READ_ONCE(depot->large[i].nr);
	return nr;
}
