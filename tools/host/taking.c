// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking: calls that take pages of a chunk, compared with the pages of the model.
 */
#include <linux/kernel.h>

#include "compare.h"

/**
 * struct taking - a call, and the pages that it should take from a chunk
 * @due: the pages, in the order in which they should be taken
 * @nr_due: number of pages
 * @up: the order is from the lowest up, not from the highest down
 * @max_pages: most pages to take
 * @max_runs: most runs to take
 */
struct taking {
	unsigned long due[PAGEINDEX_CHUNK_PAGES];
	unsigned int nr_due;
	bool up;
	unsigned long max_pages;
	unsigned int max_runs;
};

static void taking_add(struct taking *taking, unsigned long page)
{
	taking->due[taking->nr_due++] = page;
}

/* Number of pages taken, up to the first wrong one. */
static unsigned long compare_runs(struct twin *twin, const struct taking *taking,
				  const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long total = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long j;

		for (j = 0; j < runs[i].npages; j++, total++) {
			unsigned long have = runs[i].page +
					     (taking->up ? j : runs[i].npages - 1 - j);
			unsigned long want = total < taking->nr_due ? taking->due[total] :
					     TWIN_NONE;

			if (have == want)
				continue;
			differ(twin, "took page %lu, should have taken %ld", have, (long)want);
			return total;
		}
	}
	return total;
}

static void compare_taken(struct twin *twin, const struct taking *taking,
			  const struct pageindex_run *runs, unsigned int nr, unsigned long chunk)
{
	unsigned long total;
	unsigned int i;

	if (nr > taking->max_runs) {
		differ(twin, "took %u runs, asked for %u", nr, taking->max_runs);
		return;
	}
	total = compare_runs(twin, taking, runs, nr);
	if (twin->failed)
		return;
	if (total > taking->max_pages)
		differ(twin, "took %lu pages, asked for %lu", total, taking->max_pages);
	if (nr < taking->max_runs && total < min(taking->max_pages, 0UL + taking->nr_due))
		differ(twin, "took %lu pages of chunk %lu, which has more", total, chunk);
	for (i = 0; i < nr; i++)
		model_set(&twin->model, runs[i].page, runs[i].npages, MODEL_USED, false);
	compare(twin, chunk << PAGEINDEX_CHUNK_SHIFT, PAGEINDEX_CHUNK_PAGES);
}

static bool is_due(const struct model *model, unsigned long page)
{
	const struct model_chunk *chunk = &model->chunk[page >> PAGEINDEX_CHUNK_SHIFT];

	return chunk->due[page % PAGEINDEX_CHUNK_PAGES / 64];
}

static bool is_aged(const struct model *model, unsigned long page, enum pageindex_age age)
{
	switch (model_state(model, page)) {
	case MODEL_YOUNG:
		return age == PAGEINDEX_ANY;
	case MODEL_OLD:
		return age != PAGEINDEX_DUE || is_due(model, page);
	default:
		return false;
	}
}

/* No pages are taken from a chunk that has fenced pages. */
static bool is_behind_fence(const struct twin *twin, unsigned long chunk)
{
	return model_is_fenced(&twin->model, chunk << PAGEINDEX_CHUNK_SHIFT,
			       PAGEINDEX_CHUNK_PAGES);
}

unsigned int twin_take_idle(struct twin *twin, unsigned long chunk, enum pageindex_age age,
			    unsigned long max_pages, struct pageindex_run *runs,
			    unsigned int max_runs)
{
	struct taking taking = { .max_pages = max_pages, .max_runs = max_runs };
	unsigned long page = (chunk + 1) << PAGEINDEX_CHUNK_SHIFT;
	unsigned int nr, i;

	for (i = 0; i < PAGEINDEX_CHUNK_PAGES; i++)
		if (is_aged(&twin->model, --page, age) && !is_behind_fence(twin, chunk))
			taking_add(&taking, page);
	twin->steps++;
	nr = pageindex_take_idle(twin_index(twin), chunk, age, max_pages, runs, max_runs);
	compare_taken(twin, &taking, runs, nr, chunk);
	return nr;
}

/* Runs of released pages must not end early, except at @max_pages. Runs of idle pages may. */
static void compare_released(struct twin *twin, const struct taking *taking,
			     const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long total = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long next = runs[i].page + runs[i].npages;

		total += runs[i].npages;
		if (total < min(taking->max_pages, 0UL + taking->nr_due) &&
		    taking->due[total] == next)
			differ(twin, "the run at page %lu is longer than %lu", runs[i].page,
			       runs[i].npages);
	}
}

unsigned int twin_take_released(struct twin *twin, unsigned long chunk, unsigned long max_pages,
				struct pageindex_run *runs, unsigned int max_runs,
				unsigned long *fresh)
{
	struct taking taking = { .up = true, .max_pages = max_pages, .max_runs = max_runs };
	unsigned long first = chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned long low = 0, high = 0;
	unsigned int nr, i;

	for (i = 0; i < PAGEINDEX_CHUNK_PAGES; i++)
		if (model_state(&twin->model, first + i) == MODEL_RELEASED &&
		    !is_behind_fence(twin, chunk))
			taking_add(&taking, first + i);
	twin->steps++;
	nr = pageindex_take_released(twin_index(twin), chunk, max_pages, runs, max_runs, fresh);
	for (i = 0; i < min(nr, max_runs); i++) {
		low += fresh_pages(&twin->model, runs[i].page, runs[i].npages);
		high += model_count_unbacked(&twin->model, runs[i].page, runs[i].npages);
	}
	compare_fresh(twin, *fresh, low, high);
	compare_taken(twin, &taking, runs, nr, chunk);
	if (!twin->failed)
		compare_released(twin, &taking, runs, nr);
	return nr;
}
