// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/string.h>

#include "exercise.h"
#include "memory.h"

#define MAX_RUNS	(PAGEINDEX_CHUNK_PAGES / 2)
#define MAX_BATCH	24
#define NR_TAGS		TWIN_TAGS

static unsigned long pick(struct exercise *ex, unsigned long limit)
{
	return dice_below(ex->dice, limit);
}

/* Lengths are mostly short, often next to a boundary, and sometimes any up to the maximum. */
static unsigned long pick_npages(struct exercise *ex)
{
	static const unsigned short edges[] = { 63, 64, 65, 127, 128, 129, 511, 512, 513,
						1023, 1024, 1025 };
	unsigned long npages;

	switch (pick(ex, 8)) {
	case 0 ... 3:
		npages = 1 + pick(ex, 8);
		break;
	case 4:
	case 5:
		npages = 1 + pick(ex, 64);
		break;
	case 6:
		npages = edges[pick(ex, ARRAY_SIZE(edges))];
		break;
	default:
		npages = 1 + pick(ex, ex->shape->max_npages);
	}
	return min(npages, ex->shape->max_npages);
}

static void keep_span(struct exercise *ex, unsigned long page, unsigned long npages)
{
	if (!npages)
		return;
	if (ex->nr_spans == ex->max_spans) {
		ex->max_spans = 2 * ex->max_spans + 16;
		ex->spans = memory_enlarge(ex->spans, ex->max_spans * sizeof(*ex->spans));
	}
	ex->spans[ex->nr_spans].page = page;
	ex->spans[ex->nr_spans++].npages = npages;
}

static bool lose_span(struct exercise *ex, struct pageindex_run *span)
{
	unsigned long i;

	if (!ex->nr_spans)
		return false;
	i = pick(ex, ex->nr_spans);
	*span = ex->spans[i];
	ex->spans[i] = ex->spans[--ex->nr_spans];
	return true;
}

/* Set the tag of pages that are backed anew. The tag is the same for 64 steps. */
static void back(struct exercise *ex, unsigned long page, unsigned long npages)
{
	if (ex->twin.claim.released && !ex->twin.failed)
		twin_set_tag(&ex->twin, page, npages, 1 + ex->twin.steps / 64 % NR_TAGS);
}

static void do_alloc(struct exercise *ex)
{
	unsigned long npages = pick_npages(ex);
	unsigned long page = twin_alloc(&ex->twin, npages);

	if (page == TWIN_NONE)
		return;
	keep_span(ex, page, npages);
	back(ex, page, npages);
}

static void do_aligned(struct exercise *ex)
{
	unsigned long align = 1UL << pick(ex, PAGEINDEX_CHUNK_SHIFT + PAGEINDEX_BLOCK_SHIFT + 1);
	unsigned long npages = pick_npages(ex);
	unsigned long page = twin_alloc_aligned(&ex->twin, npages, align);

	if (page != TWIN_NONE)
		keep_span(ex, page, npages);
}

static unsigned int pick_flags(struct exercise *ex)
{
	switch (pick(ex, 8)) {
	case 0:
	case 1:
		return PAGEINDEX_FREE_CLEAN;
	case 2:
		return PAGEINDEX_FREE_OLD;
	case 3:
		return PAGEINDEX_FREE_CLEAN | PAGEINDEX_FREE_OLD;
	default:
		return 0;
	}
}

static void do_free(struct exercise *ex)
{
	struct pageindex_run span;

	if (lose_span(ex, &span))
		twin_free(&ex->twin, span.page, span.npages, pick_flags(ex));
}

/* Free a part of a span, as after a split, and keep the parts below and above it. */
static void do_free_part(struct exercise *ex)
{
	struct pageindex_run span;
	unsigned long from, to;

	if (!lose_span(ex, &span))
		return;
	from = pick(ex, span.npages);
	to = from + 1 + pick(ex, span.npages - from);
	twin_free(&ex->twin, span.page + from, to - from, pick_flags(ex));
	keep_span(ex, span.page, from);
	keep_span(ex, span.page + to, span.npages - to);
}

static void do_release(struct exercise *ex)
{
	struct pageindex_run span;

	if (lose_span(ex, &span))
		twin_release(&ex->twin, span.page, span.npages);
}

/*
 * Number of steps of a call. It depends on the steps made so far and not on the dice, so
 * that recorded inputs of the fuzzer keep their meaning.
 */
static unsigned int pick_steps(const struct exercise *ex)
{
	return ex->twin.steps % 3 ? UINT_MAX : 1 + ex->twin.steps % 40;
}

/* Choose a chunk at random, or the next one below that has idle pages. */
static bool pick_chunk(struct exercise *ex, unsigned long *chunk)
{
	unsigned long nr = twin_nr_chunks(&ex->twin);

	if (!nr)
		return false;
	*chunk = 1 + pick(ex, nr);
	if (!twin_prev_idle(&ex->twin, chunk, pick_steps(ex)))
		--*chunk;
	return true;
}

/* The most pages and the most runs that a call may take. */
struct most {
	unsigned long pages;
	unsigned int runs;
};

static struct most pick_most(struct exercise *ex)
{
	struct most most = { .pages = TWIN_NONE, .runs = MAX_RUNS };

	if (!pick(ex, 2))
		most.runs = 1 + pick(ex, 6);
	if (!pick(ex, 2))
		most.pages = pick(ex, 80);
	return most;
}

static void do_take(struct exercise *ex)
{
	struct most most = pick_most(ex);
	struct pageindex_run runs[MAX_RUNS];
	enum pageindex_age age;
	unsigned long chunk;
	unsigned int nr, i;

	if (!pick_chunk(ex, &chunk) || ex->twin.failed)
		return;
	age = pick(ex, PAGEINDEX_ANY + 1);
	nr = twin_take_idle(&ex->twin, chunk, age, most.pages, runs, most.runs);
	for (i = 0; i < nr && !ex->twin.failed; i++) {
		if (pick(ex, 8))
			twin_release(&ex->twin, runs[i].page, runs[i].npages);
		else
			keep_span(ex, runs[i].page, runs[i].npages);
	}
}

static void do_age(struct exercise *ex)
{
	unsigned long chunk;

	if (pick_chunk(ex, &chunk) && !ex->twin.failed)
		twin_age(&ex->twin, chunk);
}

/* Age and release idle pages in the order in which the module's scavenger does. */
static void do_pass(struct exercise *ex)
{
	unsigned long chunk = twin_nr_chunks(&ex->twin);
	struct pageindex_run runs[MAX_RUNS];
	unsigned int nr, i;

	twin_next_epoch(&ex->twin);
	while (twin_prev_idle(&ex->twin, &chunk, UINT_MAX) && !ex->twin.failed) {
		nr = twin_take_idle(&ex->twin, chunk, PAGEINDEX_OLD, TWIN_NONE, runs, MAX_RUNS);
		for (i = 0; i < nr && !ex->twin.failed; i++)
			twin_release(&ex->twin, runs[i].page, runs[i].npages);
		if (ex->twin.failed)
			return;
		twin_age(&ex->twin, chunk);
	}
}

static void do_next_used(struct exercise *ex)
{
	unsigned long span = model_span(&ex->twin.model);

	twin_next_used(&ex->twin, span ? pick(ex, span) : 0, pick_steps(ex));
}

static bool grown(const struct exercise *ex, unsigned long chunk)
{
	return model_state(&ex->twin.model, chunk << PAGEINDEX_CHUNK_SHIFT) != MODEL_NEVER;
}

static bool add_block(struct exercise *ex)
{
	if (ex->twin.model.nr_blocks == ex->shape->max_blocks)
		return false;
	twin_add_block(&ex->twin, pick(ex, 100) >= ex->shape->walls);
	return !ex->twin.failed;
}

static void grow_anywhere(struct exercise *ex)
{
	unsigned long nr = twin_nr_chunks(&ex->twin);
	unsigned long chunk;

	if (pick(ex, 4) == 0 && add_block(ex))
		nr = twin_nr_chunks(&ex->twin);
	if (ex->twin.failed || !nr)
		return;
	chunk = pick(ex, nr);
	if (!grown(ex, chunk))
		twin_grow(&ex->twin, chunk, 1);
}

/* Grow up to @nchunks where the last growth ended, but not across a wall. */
static void grow_next(struct exercise *ex, unsigned long nchunks)
{
	unsigned long first = ex->next_chunk;
	unsigned long nr = 1;

	if (first == twin_nr_chunks(&ex->twin) && !add_block(ex))
		return;
	while (nr < nchunks) {
		unsigned long next = first + nr;

		if (next == twin_nr_chunks(&ex->twin) && !add_block(ex))
			break;
		if (next % PAGEINDEX_BLOCK_CHUNKS == 0 &&
		    ex->twin.model.wall[next / PAGEINDEX_BLOCK_CHUNKS])
			break;
		nr++;
	}
	if (ex->twin.failed)
		return;
	twin_grow(&ex->twin, first, nr);
	ex->next_chunk = first + nr;
}

static void do_grow(struct exercise *ex)
{
	if (ex->shape->sparse)
		grow_anywhere(ex);
	else
		grow_next(ex, 1 + pick(ex, 40));
}

static void do_table(struct exercise *ex)
{
	struct pageindex *idx = &ex->twin.heap.index;

	/* Bound the table, since the cost of copying it grows with its size. */
	if (idx->max_blocks <= 4 * ex->shape->max_blocks)
		twin_set_table(&ex->twin, idx->max_blocks + 1 + pick(ex, 70));
}

static void do_idle(struct exercise *ex)
{
	unsigned long npages = pick_npages(ex);
	unsigned long page = twin_alloc_idle(&ex->twin, npages, 0);

	if (page != TWIN_NONE)
		keep_span(ex, page, npages);
}

/* Make released pages of a chunk idle, as a heap does to fill its reserve. */
static void do_reserve(struct exercise *ex)
{
	struct most most = pick_most(ex);
	struct pageindex_run runs[MAX_RUNS];
	unsigned long fresh;
	unsigned int nr, i;

	if (!twin_nr_chunks(&ex->twin))
		return;
	nr = twin_take_released(&ex->twin, pick(ex, twin_nr_chunks(&ex->twin)), most.pages, runs,
				most.runs, &fresh);
	for (i = 0; i < nr && !ex->twin.failed; i++) {
		if (pick(ex, 8))
			twin_free(&ex->twin, runs[i].page, runs[i].npages, pick_flags(ex));
		else
			keep_span(ex, runs[i].page, runs[i].npages);
	}
}

/*
 * Make a request with a limit close to the number of backed pages. After a refusal, repeat
 * it with a limit of one page less than its answer, then with a limit that suffices.
 */
static void do_limited(struct exercise *ex)
{
	unsigned long npages = pick_npages(ex);
	unsigned long align = pick(ex, 4) ? 1 : 1UL << pick(ex, PAGEINDEX_CHUNK_SHIFT);
	unsigned long limit = model_nr_backed(&ex->twin.model) + pick(ex, npages + 2);
	unsigned int round;

	if (pick(ex, 8) == 0)
		limit -= min(limit, pick(ex, 64));
	for (round = 0; round < 3 && !ex->twin.failed; round++) {
		unsigned long page;

		twin_set_limit(&ex->twin, limit);
		ex->twin.excess = 0;
		page = align > 1 ? twin_alloc_aligned(&ex->twin, npages, align) :
		       twin_alloc(&ex->twin, npages);
		if (page != TWIN_NONE)
			keep_span(ex, page, npages);
		if (!ex->twin.excess)
			break;
		limit += max(ex->twin.excess - 1, 1UL);
	}
	twin_set_limit(&ex->twin, ULONG_MAX);
}

/* Make an allocation whose backing fails at some page, and keep the pages below it. */
static void do_unbacked(struct exercise *ex)
{
	struct twin *twin = &ex->twin;
	unsigned long npages = pick_npages(ex);
	unsigned long page = twin_alloc(twin, npages);
	unsigned long kept;

	if (page == TWIN_NONE)
		return;
	kept = pick(ex, npages);
	keep_span(ex, page, kept);
	twin_release(twin, page + kept, npages - kept);
	if (twin->claim.fresh == npages && !twin->failed)
		twin_unback(twin, page + kept, npages - kept);
}

static void do_batch(struct exercise *ex)
{
	unsigned long pages[MAX_BATCH];
	unsigned int max = 1 + pick(ex, MAX_BATCH);
	unsigned long npages = pick_npages(ex);
	unsigned int nr, i;

	/* At times the limit is too low for the request. */
	if (pick(ex, 8) == 0)
		twin_set_limit(&ex->twin, model_nr_backed(&ex->twin.model) + pick(ex, npages));
	nr = twin_alloc_batch(&ex->twin, npages, max, pages);
	twin_set_limit(&ex->twin, ULONG_MAX);
	for (i = 0; i < nr; i++)
		keep_span(ex, pages[i], npages);
	if (nr == 1)
		back(ex, pages[0], npages);
}

static int compare_page(const void *left, const void *right)
{
	const struct pageindex_run *a = left, *b = right;

	return a->page < b->page ? -1 : a->page > b->page;
}

/* Free several spans in a call, some of which lie close together. Mostly they are sorted. */
static void do_free_runs(struct exercise *ex)
{
	struct pageindex_run runs[MAX_BATCH];
	unsigned int want = 1 + pick(ex, MAX_BATCH);
	unsigned int nr = 0;

	while (nr < want && ex->nr_spans) {
		unsigned long i = pick(ex, 4) ? ex->nr_spans - 1 : pick(ex, ex->nr_spans);

		runs[nr++] = ex->spans[i];
		ex->spans[i] = ex->spans[--ex->nr_spans];
	}
	if (pick(ex, 4))
		qsort(runs, nr, sizeof(runs[0]), compare_page);
	if (pick(ex, 3))
		twin_free_runs(&ex->twin, runs, nr, pick_flags(ex));
	else
		twin_release_runs(&ex->twin, runs, nr);
}

/* Allocate idle pages with a tag, and read the tag of some pages in use. */
static void do_tagged(struct exercise *ex)
{
	unsigned int tag = 1 + pick(ex, NR_TAGS);
	unsigned long npages = pick_npages(ex);
	unsigned long page = twin_alloc_idle(&ex->twin, npages, tag);

	if (page != TWIN_NONE)
		keep_span(ex, page, npages);
	if (!ex->nr_spans || ex->twin.failed)
		return;
	page = pick(ex, ex->nr_spans);
	twin_tag(&ex->twin, ex->spans[page].page, ex->spans[page].npages);
}

static void do_epoch(struct exercise *ex)
{
	twin_next_epoch(&ex->twin);
}

/* Do an operation of another caller between two pieces of a long run. */
static void do_between(struct exercise *ex)
{
	static void (*const others[])(struct exercise *ex) = {
		do_alloc, do_aligned, do_free, do_free_part, do_release, do_take, do_age, do_pass,
		do_next_used, do_grow, do_table, do_idle, do_reserve, do_batch, do_free_runs,
		do_tagged, do_epoch,
	};
	unsigned int times = pick(ex, 4);

	while (times-- && !ex->twin.failed)
		others[pick(ex, ARRAY_SIZE(others))](ex);
}

/* Claim a long run behind a fence, piece by piece. Give up at times. */
static void do_long(struct exercise *ex)
{
	unsigned long align = pick(ex, 4) ? 1 : 1UL << pick(ex, PAGEINDEX_CHUNK_SHIFT + 2);
	unsigned long npages = pick_npages(ex) + pick_npages(ex);
	unsigned long page = twin_fence(&ex->twin, npages, align);
	unsigned long at, nr;

	if (page == TWIN_NONE)
		return;
	for (at = 0; at < npages && !ex->twin.failed; at += nr) {
		do_between(ex);
		if (ex->twin.failed || !pick(ex, 32))
			break;
		nr = min(npages - at, 1 + pick(ex, PAGEINDEX_PIECE_PAGES));
		twin_claim_piece(&ex->twin, page + at, nr);
		keep_span(ex, page + at, nr);
		if (!ex->twin.failed)
			back(ex, page + at, nr);
	}
	twin_unfence(&ex->twin);
}

static void (*const action[])(struct exercise *ex) = {
	[EXERCISE_ALLOC] = do_alloc,
	[EXERCISE_ALIGNED] = do_aligned,
	[EXERCISE_FREE] = do_free,
	[EXERCISE_FREE_PART] = do_free_part,
	[EXERCISE_RELEASE] = do_release,
	[EXERCISE_TAKE] = do_take,
	[EXERCISE_AGE] = do_age,
	[EXERCISE_PASS] = do_pass,
	[EXERCISE_NEXT_USED] = do_next_used,
	[EXERCISE_GROW] = do_grow,
	[EXERCISE_TABLE] = do_table,
	[EXERCISE_IDLE] = do_idle,
	[EXERCISE_RESERVE] = do_reserve,
	[EXERCISE_LIMITED] = do_limited,
	[EXERCISE_UNBACKED] = do_unbacked,
	[EXERCISE_BATCH] = do_batch,
	[EXERCISE_FREE_RUNS] = do_free_runs,
	[EXERCISE_TAGGED] = do_tagged,
	[EXERCISE_EPOCH] = do_epoch,
	[EXERCISE_LONG] = do_long,
};

void exercise_begin(struct exercise *ex, const struct shape *shape, struct dice *dice)
{
	memset(ex, 0, sizeof(*ex));
	twin_init(&ex->twin);
	ex->shape = shape;
	ex->dice = dice;
	while (ex->twin.model.nr_blocks < shape->start_blocks && !ex->twin.failed)
		add_block(ex);
	while (!shape->sparse && ex->next_chunk < shape->start_chunks && !ex->twin.failed)
		grow_next(ex, shape->start_chunks - ex->next_chunk);
	while (shape->sparse && !ex->twin.failed &&
	       ex->twin.model.nr_pages >> PAGEINDEX_CHUNK_SHIFT < shape->start_chunks &&
	       !dice_spent(dice))
		grow_anywhere(ex);
}

bool exercise_step(struct exercise *ex)
{
	unsigned int total = 0;
	unsigned int i;
	unsigned long at;

	if (ex->twin.failed)
		return false;
	for (i = 0; i < EXERCISE_NR_ACTIONS; i++)
		total += ex->shape->weight[i];
	at = pick(ex, total);
	for (i = 0; at >= ex->shape->weight[i]; i++)
		at -= ex->shape->weight[i];
	action[i](ex);
	return !ex->twin.failed;
}

bool exercise_end(struct exercise *ex)
{
	bool same = twin_verify(&ex->twin);

	twin_destroy(&ex->twin);
	free(ex->spans);
	return same;
}
