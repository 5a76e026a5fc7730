// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-hold: what happens in one hold of a heap's lock, and how long it takes.
 *
 * Every kind of hold that the heap has is done on indexes of 64 MiB to 1 TiB in states
 * that make it long. Before each try the whole index is flushed from the CPU's caches. Each
 * hold is tried several times on each index; what counts is the least of these, since a
 * machine that others use can only add to it, and of all indexes and states the worst.
 * Under callgrind the same holds are counted in instructions.
 */
#include <getopt.h>
#include <valgrind/callgrind.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "../../spanalloc/hold.h"
#include "dice.h"
#include "memory.h"
#include "pageheap.h"
#include "results.h"
#include "stopwatch.h"

#define TRIES		9
#define CHUNK		PAGEINDEX_CHUNK_PAGES
#define CHUNKS		PAGEINDEX_BLOCK_CHUNKS
#define PIECE		PAGEINDEX_PIECE_PAGES
#define LONG_PAGES	(8 * PIECE)
#define CACHE_LINE	64

static const char usage[] =
"Usage: bench-hold [--max-mib N] [--tries N] [--output FILE]\n"
"Time what is done in one hold of a heap's lock, cold, on page indexes of up to N MiB\n"
"(1048576, which is 1 TiB). Prints a table, of each hold the worst state, and writes FILE\n"
"as JSON, with all of them. Under callgrind it counts instructions; see bench-hold.sh.\n";

/* === Indexes ============================================================ */

static struct pageheap heap;
static struct pageindex *const idx = &heap.index;
static u64 random_state = 1;

static unsigned long roll(unsigned long limit)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % limit;
}

static unsigned long nr_pages(void)
{
	return pageheap_nr_chunks(&heap) << PAGEINDEX_CHUNK_SHIFT;
}

static void take_all(void)
{
	struct pageindex_claim claim;

	pageindex_alloc(idx, nr_pages(), &claim);
}

/* Nothing but released pages. */
static void make_fresh(void)
{
}

/* Nothing but idle pages. */
static void make_idle(void)
{
	take_all();
	pageindex_free(idx, 0, nr_pages(), 0);
}

/* Every second page in use, the others idle, or released; the last chunk is free. */
static void make_board(bool idle)
{
	unsigned long page, end = nr_pages() - CHUNK;

	take_all();
	for (page = 1; page < end; page += 2) {
		if (idle)
			pageindex_free(idx, page, 1, 0);
		else
			pageindex_release(idx, page, 1);
	}
	pageindex_release(idx, end, CHUNK);
}

static void make_idle_board(void)
{
	make_board(true);
}

static void make_released_board(void)
{
	make_board(false);
}

/* All free, idle and released by turns. */
static void make_stripes(void)
{
	unsigned long page;

	take_all();
	for (page = 0; page < nr_pages(); page += 2) {
		pageindex_free(idx, page, 1, 0);
		pageindex_release(idx, page + 1, 1);
	}
}

/* In use up to the last chunk. */
static void make_full(void)
{
	take_all();
	pageindex_release(idx, nr_pages() - CHUNK, CHUNK);
}

/* One idle page in each chunk, somewhere; the last chunk is free. */
static void make_scattered(void)
{
	unsigned long chunk;

	make_full();
	for (chunk = 0; chunk + 1 < pageheap_nr_chunks(&heap); chunk++)
		pageindex_free(idx, (chunk << PAGEINDEX_CHUNK_SHIFT) + roll(CHUNK), 1, 0);
}

/* In use, but the index has not noticed that no block has idle pages any more. */
static void make_unnoticed(void)
{
	struct pageindex_claim claim;
	unsigned long page;

	make_full();
	for (page = 0; page < nr_pages() - CHUNK; page += PAGEINDEX_BLOCK_PAGES)
		pageindex_free(idx, page, 1, 0);
	for (page = 0; page < nr_pages() - CHUNK; page += PAGEINDEX_BLOCK_PAGES)
		pageindex_alloc(idx, 1, &claim);
}

static const struct state {
	const char *name;
	void (*make)(void);
	bool cheap;	/* to make, with many blocks */
} states[] = {
	{ "fresh", make_fresh, true },
	{ "idle", make_idle, true },
	{ "idle-board", make_idle_board, false },
	{ "released-board", make_released_board, false },
	{ "stripes", make_stripes, false },
	{ "full", make_full, true },
	{ "scattered", make_scattered, true },
	{ "unnoticed", make_unnoticed, true },
};

/* === Cold caches ======================================================== */

static void flush(const void *start, size_t bytes)
{
	const char *at = start, *end = at + bytes;

	for (; at < end; at += CACHE_LINE)
		__builtin_ia32_clflush(at);
}

static void make_cold(void)
{
	unsigned long i;

	for (i = 0; i < idx->nr_blocks; i++)
		flush(idx->block[i], sizeof(*idx->block[i]));
	flush(idx->block, pageindex_table_bytes(idx->max_blocks));
	flush(idx, sizeof(*idx));
	__builtin_ia32_mfence();
}

/* === Holds ============================================================== */

/**
 * struct work - what a hold works on
 * @npages: length of a run
 * @align: its alignment
 * @claim: what was taken
 * @runs: runs
 * @nr: how many
 * @chunk: a chunk
 * @pages: first pages of runs
 * @block: memory for another block
 * @found: it was possible
 */
struct work {
	unsigned long npages;
	unsigned long align;
	struct pageindex_claim claim;
	struct pageindex_run runs[HOLD_RELEASE_CHUNKS * CHUNK];
	unsigned int nr;
	unsigned long chunk;
	unsigned long pages[16];
	struct pageindex_block *block;
	bool found;
};

static struct work work;

static bool nothing(void)
{
	return true;
}

/* Deceive the index: chunks that seem to have room for a long run, and have none. */
static bool deceive(void)
{
	struct pageindex_claim claim;
	unsigned int i, nr = 0;
	unsigned long chunk;

	for (i = 0; i < PAGEINDEX_NR_STALE; i++) {
		chunk = roll(pageheap_nr_chunks(&heap) - 1) / PAGEINDEX_NR_STALE *
			PAGEINDEX_NR_STALE + i;
		if (chunk >= pageheap_nr_chunks(&heap) || pageindex_used(idx, chunk) != CHUNK)
			continue;
		nr++;
		pageindex_free(idx, chunk << PAGEINDEX_CHUNK_SHIFT, CHUNK, 0);
	}
	while (nr--) {
		/* All of it is taken again, which is noted for later. */
		pageindex_alloc(idx, CHUNK / 2, &claim);
		pageindex_alloc(idx, CHUNK / 2, &claim);
	}
	return true;
}

static void alloc(void)
{
	idx->look_once = true;
	work.found = work.align > 1 ?
		     pageindex_alloc_aligned(idx, work.npages, work.align, &work.claim) :
		     pageindex_alloc(idx, work.npages, &work.claim);
}

/* To what it was; where it was idle and released by turns, to idle. */
static void undo_alloc(void)
{
	if (!work.found)
		return;
	if (work.claim.released == work.npages)
		pageindex_release(idx, work.claim.page, work.npages);
	else
		pageindex_free(idx, work.claim.page, work.npages, 0);
}

/* As claim_run() does when a search has been deceived. */
static bool deceived_first(void)
{
	deceive();
	alloc();
	return idx->deceived;
}

static void settle(void)
{
	pageindex_settle(idx);
}

/* After which the search goes on without a limit. */
static void undo_deceived(void)
{
	idx->look_once = false;
	work.found = pageindex_alloc(idx, work.npages, &work.claim);
	undo_alloc();
}

static void alloc_atomic(void)
{
	idx->look_once = true;
	work.found = pageindex_alloc_idle(idx, work.npages, 0, &work.claim) ||
		     pageindex_alloc(idx, work.npages, &work.claim);
}

static bool alloc_first(void)
{
	alloc();
	return work.found;
}

static void free_one(void)
{
	pageindex_free(idx, work.claim.page, work.npages, 0);
}

/* Pages in use, each in another chunk. */
static bool pick_used(void)
{
	unsigned int steps;

	for (work.nr = 0; work.nr < HOLD_SPAN_CHUNKS; work.nr++) {
		unsigned long page = roll(nr_pages());

		steps = UINT_MAX;
		if (!pageindex_next_used(idx, &page, &steps))
			return false;
		work.runs[work.nr] = (struct pageindex_run) { .page = page, .npages = 1 };
	}
	return true;
}

static int compare_page(const void *left, const void *right)
{
	const struct pageindex_run *a = left, *b = right;

	return a->page < b->page ? -1 : a->page > b->page;
}

static bool pick_sorted(void)
{
	unsigned int i;

	if (!pick_used())
		return false;
	qsort(work.runs, work.nr, sizeof(work.runs[0]), compare_page);
	for (i = 1; i < work.nr; i++)
		if (work.runs[i].page == work.runs[i - 1].page)
			return false;
	return true;
}

static void fetch_runs(void)
{
	unsigned int i;

	for (i = 0; i < work.nr; i++)
		pageindex_prefetch(idx, idx->block[work.runs[i].page / PAGEINDEX_BLOCK_PAGES],
				   work.runs[i].page);
}

static void free_runs(void)
{
	pageindex_free_runs(idx, work.runs, work.nr, 0);
}

/* Runs of one claim, which lie side by side. */
static bool pick_claim(void)
{
	unsigned int i;

	alloc();
	if (!work.found)
		return false;
	work.nr = HOLD_PUTBACK_RUNS;
	for (i = 0; i < work.nr; i++)
		work.runs[i] = (struct pageindex_run) {
			.page = work.claim.page + i * work.npages / work.nr,
			.npages = work.npages / work.nr,
		};
	return true;
}

static void put_back(void)
{
	unsigned int i;

	for (i = 0; i < work.nr; i++)
		pageindex_release(idx, work.runs[i].page, work.runs[i].npages);
}

/* Another page of each chunk is taken instead. */
static void undo_runs(void)
{
	struct pageindex_run run;
	unsigned int i;

	for (i = 0; i < work.nr; i++) {
		unsigned long fresh;

		if (!pageindex_take_idle(idx, work.runs[i].page >> PAGEINDEX_CHUNK_SHIFT,
					 PAGEINDEX_ANY, 1, &run, 1))
			pageindex_take_released(idx, work.runs[i].page >> PAGEINDEX_CHUNK_SHIFT, 1,
						&run, 1, &fresh);
	}
}

static void fetch_one(void)
{
	pageindex_prefetch(idx, idx->block[work.claim.page / PAGEINDEX_BLOCK_PAGES],
			   work.claim.page);
}

static void take_more(void)
{
	work.nr = pageindex_take_more(idx, work.claim.page + work.npages, work.npages, 16,
				      work.pages);
}

static void undo_more(void)
{
	while (work.nr--)
		pageindex_free(idx, work.pages[work.nr], work.npages, 0);
	pageindex_free(idx, work.claim.page, work.npages, 0);
}

static bool pick_chunk(void)
{
	work.chunk = 1 + roll(pageheap_nr_chunks(&heap));
	return true;
}

/* As take_some() of release.c. */
static void release_take(void)
{
	unsigned int budget = HOLD_RELEASE_CHUNKS, steps = HOLD_RELEASE_STEPS;

	work.nr = 0;
	while (budget-- && steps && work.nr < HOLD_RELEASE_RUNS) {
		if (!pageindex_prev_idle(idx, &work.chunk, &steps))
			break;
		if (pageindex_used(idx, work.chunk) > CHUNK ||
		    pageindex_recent(idx, work.chunk) == UINT_MAX)
			continue;
		work.nr += pageindex_take_idle(idx, work.chunk, PAGEINDEX_ANY, 1024,
					       work.runs + work.nr, HOLD_RELEASE_RUNS - work.nr);
	}
}

static void undo_take(void)
{
	pageindex_free_runs(idx, work.runs, work.nr, 0);
}

static bool release_begin(void)
{
	pick_chunk();
	release_take();
	return work.nr;
}

static void release_end(void)
{
	pageindex_release_runs(idx, work.runs, work.nr);
}

/* The same pages, as far as possible, become idle again. */
static void undo_release(void)
{
	struct pageindex_run runs[CHUNK];
	unsigned long fresh;
	unsigned int i, j, nr;

	for (i = 0; i < work.nr; i++) {
		nr = pageindex_take_released(idx, work.runs[i].page >> PAGEINDEX_CHUNK_SHIFT,
					     work.runs[i].npages, runs, CHUNK, &fresh);
		for (j = 0; j < nr; j++)
			pageindex_free(idx, runs[j].page, runs[j].npages, 0);
	}
}

/* As age_some() of sweep.c. */
static void age(void)
{
	unsigned int budget = HOLD_AGE_CHUNKS, steps = HOLD_AGE_STEPS;

	while (budget-- && steps && pageindex_prev_idle(idx, &work.chunk, &steps))
		pageindex_age(idx, work.chunk);
}

static bool pick_low_chunk(void)
{
	pick_chunk();
	work.chunk = min(work.chunk, pageheap_nr_chunks(&heap) - HOLD_FILL_CHUNKS);
	return true;
}

/* As take_lacking_locked() of reserve.c. */
static void fill_take(void)
{
	unsigned int tries = HOLD_FILL_CHUNKS;
	unsigned long fresh;

	work.nr = 0;
	while (tries-- && !work.nr)
		work.nr = pageindex_take_released(idx, work.chunk++, 512, work.runs,
						  HOLD_FILL_RUNS, &fresh);
}

static void look(void)
{
	unsigned long page = work.chunk << PAGEINDEX_CHUNK_SHIFT;
	unsigned int steps = HOLD_LOOK_CHUNKS;

	pageindex_next_used(idx, &page, &steps);
}

static void fence(void)
{
	work.found = pageindex_fence(idx, LONG_PAGES, 1, &work.claim.page);
}

static void undo_fence(void)
{
	pageindex_unfence(idx);
}

static bool fence_first(void)
{
	work.claim = (struct pageindex_claim) {};
	fence();
	return work.found;
}

static void claim_piece(void)
{
	pageindex_claim_piece(idx, work.claim.page + PIECE, PIECE, &work.claim);
}

static void undo_piece(void)
{
	if (work.claim.released == PIECE)
		pageindex_release(idx, work.claim.page + PIECE, PIECE);
	else
		pageindex_free(idx, work.claim.page + PIECE, PIECE, 0);
	pageindex_unfence(idx);
}

static bool piece_first(void)
{
	if (!fence_first())
		return false;
	claim_piece();
	return true;
}

static void free_piece(void)
{
	pageindex_free(idx, work.claim.page + PIECE, PIECE, 0);
}

static void undo_free_piece(void)
{
	/* Which leaves them idle. */
	pageindex_unfence(idx);
}

static void count_piece(void)
{
	work.found = pageindex_count_released(idx, work.claim.page + PIECE, PIECE);
}

static const struct hold {
	const char *name;
	unsigned long npages;
	unsigned long align;
	bool (*prepare)(void);
	void (*fetch)(void);	/* as the heap does before it takes its lock */
	void (*run)(void);
	void (*undo)(void);
} holds[] = {
{ "claim", 1, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 4, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 16, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 64, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim", 512, 1, nothing, NULL, alloc, undo_alloc },
	{ "claim-aligned-64", 64, 64, nothing, NULL, alloc, undo_alloc },
	{ "claim-aligned-512", 512, 512, nothing, NULL, alloc, undo_alloc },
	{ "claim-deceived", 512, 1, deceive, NULL, alloc, undo_deceived },
	{ "settle", 512, 1, deceived_first, NULL, settle, undo_deceived },
	{ "claim-atomic", 2, 1, nothing, NULL, alloc_atomic, undo_alloc },
	{ "claim-atomic", 512, 1, nothing, NULL, alloc_atomic, undo_alloc },
	{ "free", 1, 1, alloc_first, fetch_one, free_one, NULL },
	{ "free", 16, 1, alloc_first, fetch_one, free_one, NULL },
	{ "free", 512, 1, alloc_first, fetch_one, free_one, NULL },
	{ "free-cached", 1, 1, pick_sorted, fetch_runs, free_runs, undo_runs },
	{ "undo-claim", 512, 1, pick_claim, fetch_runs, put_back, NULL },
	{ "fill-cache", 4, 1, alloc_first, NULL, take_more, undo_more },
	{ "release-take", 1, 1, pick_chunk, NULL, release_take, undo_take },
	{ "release-end", 1, 1, release_begin, fetch_runs, release_end, undo_release },
	{ "age", 1, 1, pick_chunk, NULL, age, NULL },
	{ "fill-take", 1, 1, pick_low_chunk, NULL, fill_take, put_back },
	{ "look", 1, 1, pick_low_chunk, NULL, look, NULL },
	{ "long-search", LONG_PAGES, 1, nothing, NULL, fence, undo_fence },
	{ "long-count", LONG_PAGES, 1, fence_first, NULL, count_piece, undo_fence },
	{ "long-claim", LONG_PAGES, 1, fence_first, NULL, claim_piece, undo_piece },
	{ "long-free", LONG_PAGES, 1, piece_first, NULL, free_piece, undo_free_piece },
};

/* === Growing ============================================================ */

/* The index is told of what has been made ready without the lock. */
static u64 grow_block(bool table)
{
	unsigned long nr = idx->nr_blocks;
	void *old = NULL, *new = NULL;
	unsigned long room = 0;
	u64 start, table_ns = 0, ns;

	if (nr == idx->max_blocks) {
		room = nr < 512 ? 512 : PAGEINDEX_MAX_BLOCKS;
		new = memory_zeroed(1, pageindex_table_bytes(room));
	}
	work.block = memory_must(aligned_alloc(CACHE_LINE, round_up(sizeof(*work.block), 64UL)));
	pageindex_block_init(work.block, nr > 0);
	make_cold();
	if (new) {
		start = stopwatch_ns();
		old = pageindex_set_table(idx, new, room);
		table_ns = stopwatch_ns() - start;
		free(old);
	}
	start = stopwatch_ns();
	pageindex_add_block(idx, work.block);
	ns = stopwatch_ns() - start;
	return table ? table_ns : ns;
}

static u64 grow_chunks(void)
{
	u64 start;

	make_cold();
	start = stopwatch_ns();
	pageindex_grow(idx, heap.grown, HOLD_GROW_CHUNKS);
	heap.grown += HOLD_GROW_CHUNKS;
	return stopwatch_ns() - start;
}

/* === Measuring ========================================================== */

static struct results results;
static unsigned int tries = TRIES;

static u64 measure_once(const struct hold *hold)
{
	u64 start, ns;

	memset(&work, 0, sizeof(work));
	work.npages = hold->npages;
	work.align = hold->align;
	if (!hold->prepare())
		return ULLONG_MAX;
	make_cold();
	if (hold->fetch)
		hold->fetch();
	start = stopwatch_ns();
	hold->run();
	ns = stopwatch_ns() - start;
	if (hold->undo)
		hold->undo();
	return ns;
}

static struct result *add_row(const char *name, unsigned long npages, unsigned long mib,
			      const char *state)
{
	struct result *row = results_add(&results, name, "hold");

	row->metric = RUNNING_ON_VALGRIND ? "insn" : "ns";
	result_number(row, "pages", npages);
	result_number(row, "mib", mib);
	result_text(row, "state", state);
	return row;
}

/* The least of several tries; none if it cannot be done in this state. */
static void measure(const struct hold *hold, unsigned long mib, const char *state)
{
	u64 least = ULLONG_MAX;
	unsigned int i;

	for (i = 0; i < tries; i++)
		least = min(least, measure_once(hold));
	if (least != ULLONG_MAX)
		result_sample(add_row(hold->name, hold->npages, mib, state), least);
}

/* Instructions of one try, which are dumped under the name of the row. */
static void count(const struct hold *hold, unsigned long mib, const char *state)
{
	char row[128];

	memset(&work, 0, sizeof(work));
	work.npages = hold->npages;
	work.align = hold->align;
	if (!hold->prepare())
		return;
	snprintf(row, sizeof(row), "%s ops=1 pages=%lu mib=%lu state=%s", hold->name, hold->npages,
		 mib, state);
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
	hold->run();
	CALLGRIND_DUMP_STATS_AT(row);
	CALLGRIND_STOP_INSTRUMENTATION;
	if (hold->undo)
		hold->undo();
}

static void measure_growth(unsigned long blocks)
{
	struct result *add = add_row("grow-arena", 0, blocks * 64, "growing");
	struct result *grow = add_row("grow-chunks", 0, blocks * 64, "growing");
	u64 add_ns = ULLONG_MAX, grow_ns = ULLONG_MAX, table_ns = ULLONG_MAX, ns;
	unsigned int i;

	pageheap_init(&heap);
	while (idx->nr_blocks < blocks)
		pageheap_add_block(&heap, true);
	for (i = 0; i < tries; i++) {
		if (idx->nr_blocks == idx->max_blocks) {
			ns = grow_block(true);
			table_ns = min(table_ns, ns);
			continue;
		}
		add_ns = min(add_ns, grow_block(false));
		grow_ns = min(grow_ns, grow_chunks());
	}
	result_sample(add, add_ns);
	result_sample(grow, grow_ns);
	pageheap_destroy(&heap);
}

/* Only at these sizes the table is copied. */
static void measure_table(unsigned long blocks)
{
	u64 least = ULLONG_MAX;
	unsigned int i;

	for (i = 0; i < tries; i++) {
		pageheap_init(&heap);
		free(pageindex_set_table(idx, memory_zeroed(1, pageindex_table_bytes(blocks)),
					 blocks));
		while (idx->nr_blocks < blocks)
			pageheap_add_block(&heap, true);
		least = min(least, grow_block(true));
		pageheap_destroy(&heap);
	}
	result_sample(add_row("grow-table", 0, blocks * 64, "growing"), least);
}

static void measure_state(const struct state *state, unsigned long blocks)
{
	unsigned int i;

	pageheap_init(&heap);
	pageheap_grow(&heap, blocks * CHUNKS);
	state->make();
	for (i = 0; i < ARRAY_SIZE(holds); i++) {
		if (RUNNING_ON_VALGRIND)
			count(&holds[i], blocks * 64, state->name);
		else
			measure(&holds[i], blocks * 64, state->name);
	}
	pageheap_destroy(&heap);
}

/* === Results ============================================================ */

static bool same_hold(const struct result *a, const struct result *b)
{
	return !strcmp(a->bench, b->bench) && a->param[0].number == b->param[0].number;
}

/* Of each hold the worst index. */
static void print_worst(void)
{
	const struct result *worst = NULL, *row, *first;
	unsigned int i, j;

	printf("%-20s %8s %8s  %9s %s\n", "hold", "pages", "ns", "MiB", "state");
	for (i = 0; i < results.nr_rows; i++) {
		first = results.row[i];
		for (j = 0; j < i && !same_hold(results.row[j], first); j++)
			;
		if (j < i)
			continue;
		row = first;
		for (j = i; j < results.nr_rows; j++)
			if (same_hold(results.row[j], first) &&
			    results.row[j]->sample[0] > row->sample[0])
				row = results.row[j];
		printf("%-20s %8lu %8.0f  %9lu %s\n", row->bench, row->param[0].number,
		       row->sample[0], row->param[1].number, row->param[2].text);
		if (!worst || row->sample[0] > worst->sample[0])
			worst = row;
	}
	if (worst)
		printf("the longest: %.0f ns, %s of %lu pages\n", worst->sample[0], worst->bench,
		       worst->param[0].number);
}

int main(int argc, char **argv)
{
	static const unsigned long sizes[] = { 1, 16, 256, 1024, 4096, 16384 };
	static const struct option options[] = {
		{ "max-mib", required_argument, NULL, 'm' },
		{ "tries", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	unsigned long max_blocks = 16384;
	const char *output = NULL;
	unsigned int i, s;
	FILE *out;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			max_blocks = strtoul(optarg, NULL, 10) / 64;
			break;
		case 't':
			tries = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			output = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= max_blocks; i++) {
		fprintf(stderr, "bench-hold: indexes of %lu MiB\n", sizes[i] * 64);
		for (s = 0; s < ARRAY_SIZE(states); s++)
			measure_state(&states[s], sizes[i]);
		if (!RUNNING_ON_VALGRIND)
			measure_growth(sizes[i]);
	}
	if (RUNNING_ON_VALGRIND)
		return 0;
	measure_table(8);
	if (max_blocks >= 512)
		measure_table(512);
	print_worst();
	if (!output)
		return 0;
	out = fopen(output, "w");
	if (!out) {
		perror(output);
		return 1;
	}
	results_write_json(&results, out);
	return fclose(out) ? 1 : 0;
}
