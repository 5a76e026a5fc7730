// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "memory.h"
#include "model.h"

void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

void model_destroy(struct model *model)
{
	unsigned long i;

	for (i = 0; i < model->nr_blocks << PAGEINDEX_BLOCK_SHIFT; i++) {
		free(model->chunk[i].claimed);
		free(model->chunk[i].released);
	}
	free(model->page);
	free(model->free);
	free(model->chunk);
	free(model->wall);
	model_init(model);
}

void model_add_block(struct model *model, bool adjoining)
{
	unsigned long pages = model_span(model);
	unsigned long chunks = pages >> PAGEINDEX_CHUNK_SHIFT;

	model->page = memory_enlarge(model->page, pages + PAGEINDEX_BLOCK_PAGES);
	model->free = memory_enlarge(model->free, (chunks + PAGEINDEX_BLOCK_CHUNKS) * sizeof(u16));
	model->chunk = memory_enlarge(model->chunk, (chunks + PAGEINDEX_BLOCK_CHUNKS) *
				      sizeof(*model->chunk));
	model->wall = memory_enlarge(model->wall, model->nr_blocks + 1);
	memset(model->page + pages, MODEL_NEVER, PAGEINDEX_BLOCK_PAGES);
	memset(model->free + chunks, 0, PAGEINDEX_BLOCK_CHUNKS * sizeof(u16));
	memset(model->chunk + chunks, 0, PAGEINDEX_BLOCK_CHUNKS * sizeof(*model->chunk));
	model->wall[model->nr_blocks++] = !adjoining;
	model->count[MODEL_NEVER] += PAGEINDEX_BLOCK_PAGES;
}

void model_grow(struct model *model, unsigned long chunk, unsigned long nchunks)
{
	unsigned long npages = nchunks << PAGEINDEX_CHUNK_SHIFT;
	unsigned long i;

	memset(model->page + (chunk << PAGEINDEX_CHUNK_SHIFT), MODEL_RELEASED, npages);
	for (i = chunk; i < chunk + nchunks; i++) {
		model->free[i] = PAGEINDEX_CHUNK_PAGES;
		memset(model->chunk[i].due, 0, sizeof(model->chunk[i].due));
	}
	model->nr_pages += npages;
	model->count[MODEL_NEVER] -= npages;
	model->count[MODEL_RELEASED] += npages;
}

/* Number of pages from @page on, up to @end and in its chunk, whose bytes are the same. */
static unsigned long alike(const struct model *model, unsigned long page, unsigned long end)
{
	unsigned long i = page;

	end = min(end, round_up(page + 1, PAGEINDEX_CHUNK_PAGES));
	while (i < end && model->page[i] == model->page[page])
		i++;
	return i - page;
}

/* A chunk without backed pages has no sources. */
static void forget_sources(struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long last = (page + npages - 1) >> PAGEINDEX_CHUNK_SHIFT;
	unsigned long chunk;

	for (chunk = page >> PAGEINDEX_CHUNK_SHIFT; chunk <= last; chunk++)
		if (model_is(model, chunk << PAGEINDEX_CHUNK_SHIFT, PAGEINDEX_CHUNK_PAGES,
			     MODEL_RELEASED))
			model->chunk[chunk].sources = 0;
}

void model_set(struct model *model, unsigned long page, unsigned long npages,
	       enum model_state state, bool dirty)
{
	unsigned long first = page, end = page + npages;
	unsigned long n;

	for (; page < end; page += n) {
		enum model_state was = model_state(model, page);
		u8 keep = model->page[page] & (MODEL_TOUCHED | MODEL_BACKED);

		n = alike(model, page, end);
		if (model_is_free(was))
			model->free[page >> PAGEINDEX_CHUNK_SHIFT] -= n;
		if (model_is_free(state))
			model->free[page >> PAGEINDEX_CHUNK_SHIFT] += n;
		if (state == MODEL_USED)
			keep = MODEL_TOUCHED | MODEL_BACKED;
		model->count[was] -= n;
		memset(model->page + page, state | keep | (dirty ? MODEL_DIRTY : 0), n);
	}
	model->count[state] += npages;
	if (state == MODEL_RELEASED)
		forget_sources(model, first, npages);
}

void model_unback(struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long i;

	for (i = page; i < page + npages; i++)
		model->page[i] &= ~MODEL_BACKED;
}

bool model_is(const struct model *model, unsigned long page, unsigned long npages,
	      enum model_state state)
{
	return model_count(model, page, npages, state) == npages;
}

/* Is there a wall between @page - 1 and @page? */
static bool walled(const struct model *model, unsigned long page)
{
	return page % PAGEINDEX_BLOCK_PAGES == 0 && model->wall[page / PAGEINDEX_BLOCK_PAGES];
}

bool model_run_free(const struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long i;

	if (page >= model_span(model) || npages > model_span(model) - page)
		return false;
	if (model_is_fenced(model, page, npages))
		return false;
	for (i = page; i < page + npages; i++) {
		if (!model_is_free(model_state(model, i)))
			return false;
		if (i > page && walled(model, i))
			return false;
	}
	return true;
}

/* Number of pages at @i that are all free or all not, which a scan may step over. */
static unsigned long step_over(const struct model *model, unsigned long i)
{
	unsigned int free = model->free[i / PAGEINDEX_CHUNK_PAGES];

	if (i % PAGEINDEX_CHUNK_PAGES || (free && free < PAGEINDEX_CHUNK_PAGES))
		return alike(model, i, model_span(model));
	return PAGEINDEX_CHUNK_PAGES;
}

unsigned long model_find(const struct model *model, unsigned long npages)
{
	unsigned long run = 0;
	unsigned long i = 0;

	while (i < model_span(model)) {
		unsigned long step = step_over(model, i);

		if (model_is_fenced(model, i, 1)) {
			i = model->fence_end;
			run = 0;
			continue;
		}
		if (model_is_fenced(model, i, step))
			step = model->fence_start - i;
		if (walled(model, i))
			run = 0;
		run = model_is_free(model_state(model, i)) ? run + step : 0;
		i += step;
		if (run >= npages)
			return i - run;
	}
	return MODEL_NONE;
}

/* The lowest run of idle pages from @page on that lies in the chunk of @page. */
unsigned long model_find_idle_from(const struct model *model, unsigned long page,
				   unsigned long npages)
{
	unsigned long end = round_up(page + 1, PAGEINDEX_CHUNK_PAGES);
	unsigned long run = 0;
	unsigned long i;

	if (!model->free[page >> PAGEINDEX_CHUNK_SHIFT] ||
	    model_is_fenced(model, end - PAGEINDEX_CHUNK_PAGES, PAGEINDEX_CHUNK_PAGES))
		return MODEL_NONE;
	for (i = page; i < end; i++) {
		run = model_is_idle(model_state(model, i)) ? run + 1 : 0;
		if (run == npages)
			return i + 1 - run;
	}
	return MODEL_NONE;
}

/* The lowest run of idle pages that lies in @chunk. */
unsigned long model_find_idle(const struct model *model, unsigned long chunk,
			      unsigned long npages)
{
	return model_find_idle_from(model, chunk << PAGEINDEX_CHUNK_SHIFT, npages);
}

unsigned long model_next_used(const struct model *model, unsigned long page)
{
	for (; page < model_span(model); page++)
		if (model_state(model, page) == MODEL_USED)
			return page;
	return MODEL_NONE;
}

/* The highest chunk below @chunk that has idle pages. */
unsigned long model_prev_idle_chunk(const struct model *model, unsigned long chunk)
{
	unsigned long page = min(chunk << PAGEINDEX_CHUNK_SHIFT, model_span(model));

	while (page) {
		if (page % PAGEINDEX_CHUNK_PAGES == 0 &&
		    !model->free[(page >> PAGEINDEX_CHUNK_SHIFT) - 1])
			page -= PAGEINDEX_CHUNK_PAGES;
		else if (model_is_idle(model_state(model, --page)))
			return page >> PAGEINDEX_CHUNK_SHIFT;
	}
	return MODEL_NONE;
}

unsigned long model_count(const struct model *model, unsigned long page, unsigned long npages,
			  enum model_state state)
{
	unsigned long found = 0;
	unsigned long i;

	for (i = page; i < page + npages; i++)
		found += model_state(model, i) == state;
	return found;
}

unsigned long model_count_unbacked(const struct model *model, unsigned long page,
				   unsigned long npages)
{
	unsigned long found = 0;
	unsigned long i;

	for (i = page; i < page + npages; i++)
		found += !(model->page[i] & MODEL_BACKED);
	return found;
}

/* === History ============================================================ */

/* The history of the chunk of @page, with room for the current epoch. */
static struct model_chunk *history(struct model *model, unsigned long page)
{
	struct model_chunk *chunk = &model->chunk[page >> PAGEINDEX_CHUNK_SHIFT];
	unsigned long nr = model->epoch + 1;

	if (nr > chunk->nr_epochs) {
		size_t more = (nr - chunk->nr_epochs) * sizeof(u32);

		chunk->claimed = memory_enlarge(chunk->claimed, nr * sizeof(u32));
		chunk->released = memory_enlarge(chunk->released, nr * sizeof(u32));
		memset(chunk->claimed + chunk->nr_epochs, 0, more);
		memset(chunk->released + chunk->nr_epochs, 0, more);
		chunk->nr_epochs = nr;
	}
	return chunk;
}

static unsigned long chunk_end(unsigned long page, unsigned long end)
{
	return min(end, round_up(page + 1, PAGEINDEX_CHUNK_PAGES));
}

unsigned long model_note_claim(struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages;
	unsigned long refault = 0;
	unsigned long next;

	for (; page < end; page = next) {
		struct model_chunk *chunk = history(model, page);
		u32 *now = &chunk->claimed[model->epoch];
		unsigned long released, epoch;

		next = chunk_end(page, end);
		*now = min_t(unsigned long, *now + next - page, MODEL_MOST);
		released = model_count(model, page, next - page, MODEL_RELEASED);
		for (epoch = model->epoch ? model->epoch - 1 : 0; epoch <= model->epoch; epoch++) {
			unsigned long n = min_t(unsigned long, released, chunk->released[epoch]);

			chunk->released[epoch] -= n;
			released -= n;
			refault += n;
		}
	}
	return refault;
}

void model_note_release(struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages;
	unsigned long next;

	for (; page < end; page = next) {
		u32 *now = &history(model, page)->released[model->epoch];

		next = chunk_end(page, end);
		*now = min_t(unsigned long, *now + next - page, MODEL_MOST);
	}
}

unsigned int model_recent(const struct model *model, unsigned long chunk)
{
	const struct model_chunk *past = &model->chunk[chunk];
	unsigned int recent = 0;
	unsigned long epoch;

	for (epoch = model->epoch ? model->epoch - 1 : 0; epoch <= model->epoch; epoch++)
		if (epoch < past->nr_epochs)
			recent += past->claimed[epoch];
	return recent;
}

void model_set_tag(struct model *model, unsigned long page, unsigned long npages,
		   unsigned int tag)
{
	unsigned long i;

	for (i = page; i < page + npages; i++)
		model->chunk[i >> PAGEINDEX_CHUNK_SHIFT].sources |= BIT(tag);
}

unsigned int model_tag(const struct model *model, unsigned long chunk)
{
	u32 sources = model->chunk[chunk].sources;

	if (hweight64(sources) > 1)
		return PAGEINDEX_TAG_MIXED;
	return sources ? __ffs(sources) : 0;
}

/* Idle pages of the chunks that may have memory with this tag. */
unsigned long model_idle_of(const struct model *model, unsigned int tag)
{
	unsigned long chunk, idle = 0;

	for (chunk = 0; chunk < model_span(model) >> PAGEINDEX_CHUNK_SHIFT; chunk++) {
		unsigned int have = model_tag(model, chunk);
		unsigned long page = chunk << PAGEINDEX_CHUNK_SHIFT;

		if (have && have != PAGEINDEX_TAG_MIXED && have != tag)
			continue;
		idle += model_count(model, page, PAGEINDEX_CHUNK_PAGES, MODEL_YOUNG) +
			model_count(model, page, PAGEINDEX_CHUNK_PAGES, MODEL_OLD);
	}
	return idle;
}
