// SPDX-License-Identifier: GPL-2.0-only
/*
 * Depot: what the caches of several CPUs hand to one another.
 *
 * Where one CPU allocates what another frees, the cache of the one is always
 * empty and that of the other always full. Chains then go through here and never
 * see the page index. (The depot of J. Bonwick and J. Adams, "Magazines and
 * Vmem", 2001.)
 *
 * As in the caches, what has not been touched between two sweeps goes at the
 * second: of each length as many chains as there always were.
 *
 * The lock may be held with interrupts on. So an interrupt handler only tries
 * it, and does without the depot where that fails; only tasks wait for it.
 */
#include <linux/irqflags.h>
#include <linux/preempt.h>

#include "depot.h"

/**
 * depot_init() - make an empty depot
 * @depot: the depot
 */
void depot_init(struct span_depot *depot)
{
	memset(depot, 0, sizeof(*depot));
	spin_lock_init(&depot->lock);
}

/* Whoever holds the lock may have interrupts on: only tasks wait for it. */
static bool may_wait(void)
{
	return in_task() && !irqs_disabled();
}

static struct span *get_short(struct span_depot *depot, unsigned int npages)
{
	unsigned int i = npages - 1;
	struct span *top = depot->chains[i].top;

	lockdep_assert_held(&depot->lock);
	if (!top)
		return NULL;
	depot->chains[i].top = top->next_chain;
	depot->chains[i].nr--;
	depot->chains[i].low = min(depot->chains[i].low, depot->chains[i].nr);
	depot->pages -= npages * chain_length(npages);
	return top;
}

/* Take a chain of long spans out, and close the gap. */
static struct span *remove_long(struct span_depot *depot, unsigned int at)
{
	struct depot_chain *chain = &depot->longs[at];
	struct span *top = chain->top;

	lockdep_assert_held(&depot->lock);
	depot->pages -= chain->npages * chain->nr;
	depot->nr_longs--;
	depot->low_longs = min(depot->low_longs, at);
	memmove(chain, chain + 1, (depot->nr_longs - at) * sizeof(*chain));
	return top;
}

static struct span *get_long(struct span_depot *depot, unsigned int npages)
{
	unsigned int at = depot->nr_longs;

	lockdep_assert_held(&depot->lock);
	while (at--) {
		if (depot->longs[at].npages == npages)
			return remove_long(depot, at);
	}
	return NULL;
}

/**
 * depot_get() - take parked spans
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

	/* Racy, and no harm: it saves the lock where there is nothing. */
	if (!data_race(depot->pages))
		return NULL;
	if (may_wait())
		spin_lock(&depot->lock);
	else if (!spin_trylock(&depot->lock))
		return NULL;
	if (npages <= PARK_MAX_SHORT)
		chain = get_short(depot, npages);
	else
		chain = get_long(depot, npages);
	spin_unlock(&depot->lock);
	return chain;
}

static unsigned int count(const struct span *chain)
{
	unsigned int nr = 0;

	for (; chain; chain = chain->next)
		nr++;
	return nr;
}

/**
 * depot_put() - park spans
 * @depot: where
 * @chain: a chain, of chain_length() spans if they are short
 * @max_pages: how many pages the depot may have
 *
 * Context: Any but NMI.
 *
 * Return: false if there is no room, or no getting in
 */
bool depot_put(struct span_depot *depot, struct span *chain, unsigned long max_pages)
{
	unsigned int npages = chain->npages;
	bool is_short = npages <= PARK_MAX_SHORT;
	unsigned int nr = is_short ? chain_length(npages) : count(chain);
	unsigned long pages = nr * npages;
	unsigned int i = npages - 1;
	bool room;

	/* Racy, and no harm: as above; it is looked at again under the lock. */
	if (data_race(depot->pages) + pages > max_pages)
		return false;
	if (may_wait())
		spin_lock(&depot->lock);
	else if (!spin_trylock(&depot->lock))
		return false;
	room = depot->pages + pages <= max_pages &&
	       (is_short || depot->nr_longs < PARK_DEPOT_CHAINS);
	if (room && is_short) {
		chain->next_chain = depot->chains[i].top;
		depot->chains[i].top = chain;
		depot->chains[i].nr++;
	} else if (room) {
		depot->longs[depot->nr_longs++] = (struct depot_chain) {
			.top = chain,
			.npages = npages,
			.nr = nr,
		};
	}
	if (room)
		depot->pages += pages;
	spin_unlock(&depot->lock);
	return room;
}

static struct span *empty_chains(struct span_depot *depot, unsigned int i, bool sweep,
				 struct span *list)
{
	unsigned int nr = depot->chains[i].nr;
	unsigned int keep = sweep ? nr - depot->chains[i].low : 0;

	depot->chains[i].nr = keep;
	depot->chains[i].low = keep;
	depot->pages -= (nr - keep) * (i + 1) * chain_length(i + 1);
	return chains_cut(&depot->chains[i].top, keep, list);
}

/**
 * depot_empty() - take everything out, or what nobody has missed
 * @depot: where from
 * @sweep: only what has not been touched since the last sweep
 * @wait: wait for the lock if need be; otherwise there may be nothing
 *
 * Context: Any but NMI; process context to @wait.
 *
 * Return: the spans, linked, in no order
 */
struct span *depot_empty(struct span_depot *depot, bool sweep, bool wait)
{
	struct span *list = NULL;
	unsigned int i, nr;

	/* Racy, and no harm: what is parked just now is not what this is about. */
	if (!data_race(depot->pages))
		return NULL;
	if (wait && may_wait())
		spin_lock(&depot->lock);
	else if (!spin_trylock(&depot->lock))
		return NULL;
	for (i = 0; i < PARK_MAX_SHORT; i++)
		list = empty_chains(depot, i, sweep, list);
	for (nr = sweep ? depot->low_longs : depot->nr_longs; nr; nr--)
		list = chain_join(remove_long(depot, 0), list);
	depot->low_longs = depot->nr_longs;
	spin_unlock(&depot->lock);
	return list;
}
