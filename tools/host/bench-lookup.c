// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

#include "index/lookup.h"
#include "bench-lookup.h"
#include "dice.h"
#include "memory.h"
#include "stopwatch.h"

const unsigned long lookup_arenas[LOOKUP_NR_MAPS] = { 1, 64, 4096 };

const char *const lookup_probe_names[LOOKUP_NR_PROBES] = {
	[LOOKUP_HIT] = "hit",
	[LOOKUP_INTERIOR] = "interior",
	[LOOKUP_MISS] = "miss",
};

/*
 * Least number of spans, a power of two; each arena has at least one. This number of spans
 * fits into a first-level cache together with their slots.
 */
#define MIN_SPANS	256UL

/* Distance in pages from one span to the next. A span covers half of it. */
#define SPAN_STRIDE	16UL
#define SPAN_PAGES	(SPAN_STRIDE / 2)

/* An address in the kernel's vmalloc area; no memory is mapped there. */
#define MAP_BASE	0xffffc90000000000UL

struct lookup {
	struct span_map map;
	unsigned long nr_arenas;
	unsigned long nr_spans;
	struct arena *arena;
	struct span *span;
	unsigned long *addr[LOOKUP_NR_PROBES];
};

static void make_map(struct lookup *lookup)
{
	unsigned long i;

	lookup->map.base = MAP_BASE;
	lookup->map.nr_leaves = DIV_ROUND_UP(lookup->nr_arenas, SPAN_MAP_LEAF_ARENAS);
	lookup->map.dir = memory_zeroed(lookup->map.nr_leaves, sizeof(*lookup->map.dir));
	for (i = 0; i < lookup->map.nr_leaves; i++)
		lookup->map.dir[i] = memory_zeroed(SPAN_MAP_LEAF_ARENAS,
						   sizeof(*lookup->map.dir[i]));
	/* Zeroed memory that is never touched gets no pages. */
	lookup->arena = memory_zeroed(lookup->nr_arenas, sizeof(*lookup->arena));
	for (i = 0; i < lookup->nr_arenas; i++) {
		lookup->arena[i].base = MAP_BASE + i * ARENA_BYTES;
		lookup->map.dir[i / SPAN_MAP_LEAF_ARENAS][i % SPAN_MAP_LEAF_ARENAS] =
			&lookup->arena[i];
	}
}

/* Consecutive spans are in consecutive arenas. */
static void make_span(struct lookup *lookup, unsigned long i, struct dice *dice)
{
	struct arena *arena = &lookup->arena[i % lookup->nr_arenas];
	/* Where arenas have few spans each, spans still lie at different offsets. */
	unsigned long place = i / lookup->nr_arenas + i % lookup->nr_arenas;
	unsigned long page = place * SPAN_STRIDE % ARENA_PAGES;
	struct span *span = &lookup->span[i];
	unsigned long at;

	span->base = arena->base + (page << PAGE_SHIFT);
	span->npages = SPAN_PAGES;
	span->state = SPAN_STATE_STEP | 1;
	for (at = page; at < page + SPAN_PAGES; at++)
		arena->slot[at] = span;
	lookup->addr[LOOKUP_HIT][i] = span->base;
	lookup->addr[LOOKUP_INTERIOR][i] =
		span->base + dice_below(dice, SPAN_PAGES << PAGE_SHIFT);
	lookup->addr[LOOKUP_MISS][i] = span->base + (SPAN_PAGES << PAGE_SHIFT) +
				       dice_below(dice, SPAN_PAGES << PAGE_SHIFT);
}

/* In random order, so that no prefetcher helps. */
static void shuffle(unsigned long *addr, unsigned long count, struct dice *dice)
{
	unsigned long i;

	for (i = count - 1; i > 0; i--) {
		unsigned long j = dice_below(dice, i + 1);
		unsigned long swap = addr[i];

		addr[i] = addr[j];
		addr[j] = swap;
	}
}

/* Out of line, as in the module, so that every lookup makes the whole copy. */
static noinline bool look(const struct span_map *map, unsigned long addr,
			  struct span_view *view)
{
	struct arena *arena = span_map_arena(map, addr);

	return arena && span_view_find(arena, addr, view);
}

/* Check the answers before they are timed. */
static void check(const struct lookup *lookup)
{
	struct span_view view;
	unsigned long i;

	for (i = 0; i < lookup->nr_spans; i++) {
		if (look(&lookup->map, lookup->addr[LOOKUP_HIT][i], &view) &&
		    look(&lookup->map, lookup->addr[LOOKUP_INTERIOR][i], &view) &&
		    !look(&lookup->map, lookup->addr[LOOKUP_MISS][i], &view))
			continue;
		fputs("bench: a lookup gave a wrong answer\n", stderr);
		exit(1);
	}
}

struct lookup *lookup_prepare(unsigned long arenas)
{
	struct lookup *lookup = memory_zeroed(1, sizeof(*lookup));
	struct dice dice;
	unsigned long i;

	dice_seed(&dice, arenas);
	lookup->nr_arenas = arenas;
	lookup->nr_spans = max(arenas, MIN_SPANS);
	lookup->span = memory_zeroed(lookup->nr_spans, sizeof(*lookup->span));
	for (i = 0; i < LOOKUP_NR_PROBES; i++)
		lookup->addr[i] = memory_zeroed(lookup->nr_spans, sizeof(*lookup->addr[i]));
	make_map(lookup);
	for (i = 0; i < lookup->nr_spans; i++)
		make_span(lookup, i, &dice);
	for (i = 0; i < LOOKUP_NR_PROBES; i++)
		shuffle(lookup->addr[i], lookup->nr_spans, &dice);
	check(lookup);
	return lookup;
}

u64 lookup_run(const struct lookup *lookup, enum lookup_probe probe, unsigned long ops)
{
	const unsigned long *addr = lookup->addr[probe];
	const unsigned long mask = lookup->nr_spans - 1;
	struct span_view view = {};
	unsigned long sum = 0;
	u64 start = stopwatch_ns();
	unsigned long i;

	for (i = 0; i < ops; i++)
		if (look(&lookup->map, addr[i & mask], &view))
			sum += view.npages;
	asm volatile("" : : "r" (sum));
	return stopwatch_ns() - start;
}

void lookup_drop(struct lookup *lookup)
{
	unsigned long i;

	for (i = 0; i < LOOKUP_NR_PROBES; i++)
		free(lookup->addr[i]);
	for (i = 0; i < lookup->map.nr_leaves; i++)
		free(lookup->map.dir[i]);
	free(lookup->map.dir);
	free(lookup->arena);
	free(lookup->span);
	free(lookup);
}
