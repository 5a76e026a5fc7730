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
 * longs_remove() - take a long span out
 * @longs: where from
 * @at: its place
 *
 * Return: the span
 */
struct span *longs_remove(struct span_longs *longs, unsigned int at)
{
	struct span *span = longs->span[at];
	unsigned int i;

	longs->nr--;
	longs->low = min(longs->low, at);
	for (i = at; i < longs->nr; i++) {
		longs->span[i] = longs->span[i + 1];
		longs->npages[i] = longs->npages[i + 1];
	}
	return span;
}

/**
 * longs_evict() - take out the long span that was parked first
 * @longs: where from; not empty
 *
 * Return: the span
 */
struct span *longs_evict(struct span_longs *longs)
{
	unsigned int untouched = longs->low - min(longs->low, 1U);
	struct span *span = longs_remove(longs, 0);

	longs->low = untouched;
	/* A list of one, for whoever takes it for a chain. */
	span->next = NULL;
	return span;
}

/**
 * longs_take() - take the span of a length that was parked last
 * @longs: where from
 * @npages: the length
 *
 * Return: the span or NULL
 */
struct span *longs_take(struct span_longs *longs, unsigned int npages)
{
	unsigned int at = longs->nr;

	while (at--) {
		if (longs->npages[at] == npages)
			return longs_remove(longs, at);
	}
	return NULL;
}

/**
 * longs_add() - put a long span in; there is room
 * @longs: where
 * @span: the span
 */
void longs_add(struct span_longs *longs, struct span *span)
{
	longs->npages[longs->nr] = span->npages;
	longs->span[longs->nr++] = span;
}

/**
 * depot_init() - make an empty depot
 * @depot: the depot
 */
void depot_init(struct span_depot *depot)
{
	memset(depot, 0, sizeof(*depot));
	spin_lock_init(&depot->lock);
	depot->longs.max = PARK_DEPOT_LONGS;
}

static bool lock_depot(struct span_depot *depot, bool wait)
{
	if (wait && in_task() && !irqs_disabled()) {
		spin_lock(&depot->lock);
		return true;
	}
	return spin_trylock(&depot->lock);
}

/**
 * depot_get() - take parked spans
 * @depot: where from
 * @npages: their length
 *
 * Context: Any but NMI.
 *
 * Return: a chain of chain_length() spans if they are short, a single one if they
 * are long, or NULL
 */
struct span *depot_get(struct span_depot *depot, unsigned int npages)
{
	unsigned int i = npages - 1;
	struct span *span;

	/* Racy, and no harm: it saves the lock where there is nothing. */
	if (!data_race(depot->pages) || !lock_depot(depot, true))
		return NULL;
	if (npages > PARK_MAX_SHORT) {
		span = longs_take(&depot->longs, npages);
		if (span)
			depot->pages -= npages;
	} else {
		span = depot->chains[i].top;
		if (span) {
			depot->chains[i].top = span->next_chain;
			depot->chains[i].nr--;
			depot->chains[i].low = min(depot->chains[i].low, depot->chains[i].nr);
			depot->pages -= npages * chain_length(npages);
		}
	}
	spin_unlock(&depot->lock);
	return span;
}

/**
 * depot_put() - park spans
 * @depot: where
 * @chain: a chain of chain_length() short spans, or a long one
 * @max_pages: how many pages the depot may have
 *
 * Context: Any but NMI.
 *
 * Return: false if there is no room, or no getting in
 */
bool depot_put(struct span_depot *depot, struct span *chain, unsigned long max_pages)
{
	unsigned int npages = chain->npages;
	unsigned int i = npages - 1;
	unsigned long pages = npages;
	bool room;

	if (npages <= PARK_MAX_SHORT)
		pages *= chain_length(npages);
	if (data_race(depot->pages) + pages > max_pages || !lock_depot(depot, true))
		return false;
	room = depot->pages + pages <= max_pages;
	if (npages > PARK_MAX_SHORT) {
		room = room && depot->longs.nr < depot->longs.max;
		if (room)
			longs_add(&depot->longs, chain);
	} else if (room) {
		chain->next_chain = depot->chains[i].top;
		depot->chains[i].top = chain;
		depot->chains[i].nr++;
	}
	if (room)
		depot->pages += pages;
	spin_unlock(&depot->lock);
	return room;
}

/* Put a chain in front of a list; they are linked alike. */
static struct span *join(struct span *chain, struct span *list)
{
	struct span *last = chain;

	while (last->next)
		last = last->next;
	last->next = list;
	return chain;
}

static struct span *empty_chains(struct span_depot *depot, unsigned int i, bool sweep,
				 struct span *list)
{
	struct span **link = &depot->chains[i].top;
	unsigned int keep = sweep ? depot->chains[i].nr - depot->chains[i].low : 0;
	struct span *chain, *next;

	depot->chains[i].nr = keep;
	depot->chains[i].low = keep;
	while (keep--)
		link = &(*link)->next_chain;
	chain = *link;
	*link = NULL;
	for (; chain; chain = next) {
		next = chain->next_chain;
		depot->pages -= (i + 1) * chain_length(i + 1);
		list = join(chain, list);
	}
	return list;
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

	if (!data_race(depot->pages) || !lock_depot(depot, wait))
		return NULL;
	for (i = 0; i < PARK_MAX_SHORT; i++)
		list = empty_chains(depot, i, sweep, list);
	for (nr = sweep ? depot->longs.low : depot->longs.nr; nr; nr--) {
		struct span *span = longs_evict(&depot->longs);

		depot->pages -= span->npages;
		span->next = list;
		list = span;
	}
	depot->longs.low = depot->longs.nr;
	spin_unlock(&depot->lock);
	return list;
}
