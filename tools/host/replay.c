// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/string.h>

#include "index/demand.h"
#include "memory.h"
#include "pageheap.h"
#include "replay.h"
#include "stopwatch.h"

/* === Oracle vectors ===================================================== */

/**
 * struct rival - an index, and the state of its pages according to the oracle
 * @heap: the index
 * @used: for each page, 1 if it is in use in the oracle
 * @pages: number of pages
 */
struct rival {
	struct pageheap heap;
	u8 *used;
	unsigned long pages;
};

/* Make a new index, in which the pages that the oracle uses are in use. */
static void rival_rebuild(struct rival *rival)
{
	unsigned long nchunks = DIV_ROUND_UP(rival->pages, PAGEINDEX_CHUNK_PAGES);
	unsigned long from = 0;
	struct pageindex_claim all;

	pageheap_destroy(&rival->heap);
	pageheap_init(&rival->heap);
	pageheap_grow(&rival->heap, nchunks);
	pageheap_alloc(&rival->heap, nchunks << PAGEINDEX_CHUNK_SHIFT, &all);
	while (from < rival->pages) {
		const u8 *free = memchr(rival->used + from, 0, rival->pages - from);
		const u8 *end = rival->used + rival->pages;
		const u8 *used;

		if (!free)
			break;
		used = memchr(free, 1, end - free);
		if (!used)
			used = end;
		pageindex_free(&rival->heap.index, free - rival->used, used - free, 0);
		from = used - rival->used;
	}
}

static void rival_init(struct rival *rival, unsigned long pages)
{
	pageheap_init(&rival->heap);
	rival->used = memory_zeroed(pages, 1);
	rival->pages = pages;
	rival_rebuild(rival);
}

static void rival_destroy(struct rival *rival)
{
	pageheap_destroy(&rival->heap);
	free(rival->used);
}

/* A valid oracle allocates only free pages, and frees only pages in use. */
static bool rival_believes(const struct rival *rival, const struct oracle_op *op)
{
	u8 wrong = op->is_free ? 0 : 1;

	return op->page < 0 || !memchr(rival->used + op->page, wrong, op->npages);
}

static bool rival_answers(struct rival *rival, const struct oracle_op *op, s64 *answer)
{
	struct pageindex_claim claim;

	if (op->is_free) {
		pageindex_free(&rival->heap.index, op->page, op->npages, 0);
		return true;
	}
	*answer = -1;
	if (pageindex_alloc(&rival->heap.index, op->npages, &claim))
		*answer = claim.page;
	return *answer == op->page;
}

static bool rival_replay(struct rival *rival, const struct oracle *oracle,
			 struct oracle_result *result, struct reader_error *error)
{
	size_t i;

	for (i = 0; i < oracle->nr_ops; i++) {
		const struct oracle_op *op = &oracle->op[i];
		s64 answer = 0;
		bool same;

		if (!rival_believes(rival, op)) {
			error->line = op->line;
			snprintf(error->text, sizeof(error->text), "%s pages that are %s",
				 op->is_free ? "frees" : "allocates",
				 op->is_free ? "not in use" : "in use");
			return false;
		}
		same = rival_answers(rival, op, &answer);
		if (op->page >= 0)
			memset(rival->used + op->page, !op->is_free, op->npages);
		if (same)
			continue;
		if (!result->mismatches++) {
			result->first = op;
			result->answer = answer;
		}
		/* Go on as if the index had given the oracle's answer. */
		rival_rebuild(rival);
	}
	return true;
}

bool oracle_replay(const struct oracle *oracle, struct oracle_result *result,
		   struct reader_error *error)
{
	struct rival rival;
	bool valid;

	memset(result, 0, sizeof(*result));
	rival_init(&rival, oracle->pages);
	valid = rival_replay(&rival, oracle, result, error);
	rival_destroy(&rival);
	return valid;
}

/* Default of the module's parameter retain_floor_pages. */
#define FLOOR_PAGES	64

/* === Traces ============================================================= */

struct span {
	unsigned long page;
	unsigned long npages;
};

static void replay_alloc(struct pageheap *heap, struct span *span, unsigned long npages,
			 struct trace_result *result)
{
	struct pageindex_claim claim;
	unsigned long live;

	pageheap_alloc(heap, npages, &claim);
	span->page = claim.page;
	span->npages = npages;
	live = pageheap_live(heap);
	result->allocs++;
	result->rebacked += claim.released - claim.fresh;
	result->peak_live = max(result->peak_live, live);
	result->peak_backed = max(result->peak_backed, live + heap->index.nr_idle);
	result->peak_span = max(result->peak_span, claim.page + npages);
}

/* Number of pages that the module's scavenger would keep backed. */
static unsigned long keep_pages(const struct pageheap *heap, const struct demand *demand)
{
	return max(demand_keep(demand), pageheap_live(heap) + FLOOR_PAGES);
}

static void replay_calls(const struct trace *trace, unsigned long age, struct pageheap *heap,
			 struct span *spans, struct trace_result *result)
{
	unsigned long till_pass = age;
	struct demand demand;
	size_t i;

	demand_init(&demand, 0, 2 * age / DEMAND_BUCKETS);
	for (i = 0; i < trace->nr_ops; i++) {
		const struct trace_op *op = &trace->op[i];
		struct span *span = &spans[op->slot];

		demand_roll(&demand, i, pageheap_live(heap));
		if (op->npages)
			replay_alloc(heap, span, op->npages, result);
		else
			pageindex_free(&heap->index, span->page, span->npages, 0);
		demand_peak(&demand, pageheap_live(heap));
		if (age && !--till_pass) {
			result->released += pageheap_pass(heap, keep_pages(heap, &demand));
			till_pass = age;
		}
	}
}

void trace_replay(const struct trace *trace, unsigned long age, struct trace_result *result)
{
	struct span *spans = memory_zeroed(trace->nr_slots + 1, sizeof(*spans));
	struct pageheap heap;
	u64 start;

	memset(result, 0, sizeof(*result));
	start = stopwatch_ns();
	pageheap_init(&heap);
	replay_calls(trace, age, &heap, spans, result);
	result->ns = stopwatch_ns() - start;
	result->metadata_bytes = pageheap_metadata_bytes(&heap);
	pageheap_destroy(&heap);
	free(spans);
}
