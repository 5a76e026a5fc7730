// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: runs of idle pages, and the sources of the memory behind pages.
 *
 * There is no summary of idle pages: a search looks at the lowest few chunks that have
 * free pages, and at runs within one chunk alone.
 */
#include "index/pageindex_state.h"

/*
 * Bound of a search for idle pages, in steps. To skip a chunk, or a block without idle
 * pages, takes one step; to search the bits of a chunk takes IDLE_LOOK more.
 */
#define IDLE_STEPS	32
#define IDLE_LOOK	8

/* === Runs of idle pages ================================================= */

/* May @chunk have a run of @npages idle pages? */
static bool may_have_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
			  unsigned int tag)
{
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);

	if (chunk_is_fenced(idx, chunk))
		return false;
	/* A summary may be too high, but is never too low. */
	return meta->idle >= npages && (tag == PAGEINDEX_TAG_ANY || meta->tag == tag) &&
	       sum_max(*sum_at(idx, 0, chunk)) >= npages;
}

/* Lowest run of @npages idle pages of @chunk that starts at its page @from or later. */
static bool pageindex_find_idle(const struct pageindex *idx, unsigned long chunk,
				unsigned long npages, unsigned int from, unsigned long *found)
{
	unsigned int tail;
	int at = chunk_find(chunk_words(idx, chunk), true, npages, from, &tail);

	if (at < 0)
		return false;
	*found = (chunk << CHUNK_SHIFT) + at;
	return true;
}

/* First run of idle pages in the lowest chunks with exactly @tag, or %PAGEINDEX_TAG_ANY. */
static bool pageindex_search_idle(const struct pageindex *idx, unsigned long npages,
				  unsigned int tag, unsigned long *page)
{
	unsigned long chunk;
	int steps = IDLE_STEPS;

	if (npages > idx->nr_idle || npages > CHUNK_PAGES)
		return false;
	for (chunk = idx->hint[0] >> CHUNK_SHIFT; chunk < nr_chunks(idx) && steps > 0; chunk++) {
		unsigned long block = chunk >> PAGEINDEX_BLOCK_SHIFT;

		steps--;
		if (!(idx->idle_map[block / 64] & BIT_ULL(block % 64))) {
			chunk |= PAGEINDEX_BLOCK_CHUNKS - 1;
			continue;
		}
		if (!may_have_idle(idx, chunk, npages, tag))
			continue;
		steps -= IDLE_LOOK;
		if (pageindex_find_idle(idx, chunk, npages, 0, page))
			return true;
	}
	return false;
}

/**
 * pageindex_alloc_idle() - allocate a run of idle pages
 * @idx: the index
 * @npages: length of the run, not 0
 * @tag: look only at chunks with exactly this tag; or %PAGEINDEX_TAG_ANY
 * @claim: filled in on success
 *
 * Return: false if no such run was found
 */
bool pageindex_alloc_idle(struct pageindex *idx, unsigned long npages, unsigned int tag,
			  struct pageindex_claim *claim)
{
	unsigned long page;

	if (!pageindex_search_idle(idx, npages, tag, &page))
		return false;
	*claim = (struct pageindex_claim) { .page = page };
	pageindex_alloc_run(idx, page, npages, claim);
	return true;
}

/**
 * pageindex_has_idle() - look for a run of idle pages
 * @idx: the index
 * @npages: length of the run, not 0
 *
 * Return: true if pageindex_alloc_idle() would find a run with %PAGEINDEX_TAG_ANY
 */
bool pageindex_has_idle(const struct pageindex *idx, unsigned long npages)
{
	unsigned long page;

	return pageindex_search_idle(idx, npages, PAGEINDEX_TAG_ANY, &page);
}

/**
 * pageindex_take_more() - take runs of idle pages close to one that has been allocated
 * @idx: the index
 * @end: first page after the run that has been allocated
 * @npages: length of each run, not 0
 * @max: how many are wanted
 * @pages: room for @max page numbers; set to the first page of each run taken
 *
 * Takes wholly idle runs from @end up, in the chunk that the page before @end lies
 * in. The runs do not count as allocated, because no caller has asked for them yet.
 *
 * Return: number of runs taken
 */
unsigned int pageindex_take_more(struct pageindex *idx, unsigned long end,
				 unsigned long npages, unsigned int max, unsigned long *pages)
{
	unsigned long chunk = (end - 1) >> CHUNK_SHIFT;
	unsigned long page = end;
	unsigned int nr = 0;

	if (chunk_is_fenced(idx, chunk))
		return 0;
	while (nr < max && page >> CHUNK_SHIFT == chunk &&
	       chunk_meta(idx, chunk)->idle >= npages &&
	       pageindex_find_idle(idx, chunk, npages, page % CHUNK_PAGES, &page)) {
		unsigned int from = page % CHUNK_PAGES;

		pages[nr++] = page;
		chunk_take(idx, chunk, from, from + npages);
		page += npages;
	}
	if (nr)
		pageindex_mark_stale(idx, chunk);
	return nr;
}

/* === Tags =============================================================== */

/**
 * pageindex_set_tag() - set the source of the memory that pages will be backed with
 * @idx: the index
 * @page: first page
 * @npages: how many, all in use
 * @tag: of the source; neither %PAGEINDEX_TAG_NONE nor %PAGEINDEX_TAG_MIXED
 *
 * A chunk has one tag for all of its pages, and keeps it until all of them are released. A
 * chunk with memory of several sources has the tag %PAGEINDEX_TAG_MIXED.
 */
void pageindex_set_tag(struct pageindex *idx, unsigned long page, unsigned long npages,
		       unsigned int tag)
{
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned long chunk;

	for (chunk = page >> CHUNK_SHIFT; chunk <= last; chunk++) {
		struct pageindex_meta *meta = chunk_meta(idx, chunk);
		unsigned int idle = meta->idle;

		if (meta->tag == tag || meta->tag == PAGEINDEX_TAG_MIXED)
			continue;
		if (idle)
			idle_sub(idx, chunk, idle);
		meta->tag = meta->tag == PAGEINDEX_TAG_NONE ? tag : PAGEINDEX_TAG_MIXED;
		if (idle)
			idle_add(idx, chunk, idle);
	}
}

/**
 * pageindex_idle_of() - count idle pages by source
 * @idx: an index that counts them, with @idle_of
 * @tag: of the source
 *
 * Return: idle pages of chunks that have @tag, %PAGEINDEX_TAG_MIXED or %PAGEINDEX_TAG_NONE
 */
unsigned long pageindex_idle_of(const struct pageindex *idx, unsigned int tag)
{
	return idx->idle_of[tag] + idx->idle_of[0];
}

/**
 * pageindex_tag() - find the source of the memory behind a run of pages
 * @idx: the index
 * @page: first page
 * @npages: how many, not 0
 *
 * Return: the tag that all chunks of the run have, %PAGEINDEX_TAG_NONE if none of them has
 * memory; %PAGEINDEX_TAG_MIXED if their tags differ, or if it is their tag
 */
unsigned int pageindex_tag(const struct pageindex *idx, unsigned long page,
			   unsigned long npages)
{
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned long chunk = page >> CHUNK_SHIFT;
	unsigned int tag = chunk_meta(idx, chunk)->tag;

	while (chunk++ < last)
		if (chunk_meta(idx, chunk)->tag != tag)
			return PAGEINDEX_TAG_MIXED;
	return tag;
}
