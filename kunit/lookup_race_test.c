// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookup while other CPUs allocate, free and split: a span that is found contains the
 * address, and a span that lives all the time is always found.
 */
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched/task.h>

#include "heap/span.h"
#include "heap/span_map.h"
#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

/* === Threads ============================================================ */

/**
 * struct worker - a thread that changes a heap
 * @task: the thread
 * @fn: its work
 * @heap: the heap that @fn changes
 * @addr: a span that it works on, if the test gives it one
 * @random: its random numbers
 * @errors: number of wrong results
 * @done: @fn has returned
 */
struct worker {
	struct task_struct *task;
	void (*fn)(struct worker *worker);
	struct span_heap *heap;
	void *addr;
	struct rnd_state random;
	unsigned long errors;
	bool done;
};

static int worker_thread(void *data)
{
	struct worker *worker = data;

	worker->fn(worker);
	WRITE_ONCE(worker->done, true);
	return 0;
}

static void start(struct kunit *test, struct worker *worker)
{
	worker->done = false;
	worker->task = kthread_create(worker_thread, worker, "kunit_worker");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, worker->task);
	get_task_struct(worker->task);
	wake_up_process(worker->task);
}

/* Wait until the thread has done its work, and end it. */
static void stop(struct worker *worker)
{
	while (!READ_ONCE(worker->done))
		cond_resched();
	kthread_stop(worker->task);
	put_task_struct(worker->task);
}

/* === Spans that come and go ============================================= */

#define WORKERS	2
#define OPS	4000
#define SLOTS	16
#define HELD	8

static bool finds(const void *addr, const void *base, unsigned long npages)
{
	struct span_info info;

	return span_lookup(addr, &info) && info.base == base && info.npages == npages;
}

/* Allocate, split and free at random. The thread's own spans are always found. */
static void churn(struct worker *worker)
{
	unsigned long npages[SLOTS];
	void *addr[SLOTS] = {};
	unsigned int op, i;

	for (op = 0; op < OPS; op++) {
		u32 random = prandom_u32_state(&worker->random);

		i = random % SLOTS;
		random /= SLOTS;
		if (!addr[i]) {
			npages[i] = 1 + random % (random & 0x10000 ? 16 : 2 * CHUNK);
			addr[i] = span_alloc(worker->heap, npages[i], GFP_KERNEL);
			if (!addr[i])
				worker->errors++;
			continue;
		}
		worker->errors += !finds(page_at(addr[i], npages[i]) - 1, addr[i], npages[i]);
		if (npages[i] > 1 && random % 2) {
			unsigned long first = 1 + random / 2 % (npages[i] - 1);

			worker->errors += !!span_split(addr[i], first);
			span_free(page_at(addr[i], first));
			npages[i] = first;
			continue;
		}
		span_free(addr[i]);
		addr[i] = NULL;
	}
	for (i = 0; i < SLOTS; i++)
		span_free(addr[i]);
}

/* Look up a random address of the heap. Returns 1 if the answer is wrong. */
static unsigned long look_anywhere(struct span_heap *heap, struct rnd_state *random)
{
	struct arena *arena = arena_of_page(&heap->index, 0);
	const void *addr = (void *)arena->base +
			   prandom_u32_state(random) % (8 * CHUNK_BYTES);
	struct span_info info;

	if (!span_lookup(addr, &info))
		return 0;
	return addr < info.base || addr >= (const void *)page_at(info.base, info.npages) ||
	       info.heap != heap || info.npages > 2 * CHUNK;
}

static void answers_are_right_while_spans_come_and_go(struct kunit *test)
{
	struct worker *workers = kunit_kcalloc(test, WORKERS, sizeof(*workers), GFP_KERNEL);
	struct span_heap *heap = test_heap(test);
	unsigned long looks = 0, wrong = 0, lost = 0;
	void *held[HELD], *gap[HELD];
	struct rnd_state random;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, workers);
	/* Spans of several lengths that stay, with free pages between them. */
	for (i = 0; i < HELD; i++) {
		held[i] = must_alloc(test, heap, 3UL << i);
		gap[i] = must_alloc(test, heap, 100);
	}
	for (i = 0; i < HELD; i++)
		span_free(gap[i]);
	prandom_seed_state(&random, 1);
	for (i = 0; i < WORKERS; i++) {
		workers[i].fn = churn;
		workers[i].heap = heap;
		prandom_seed_state(&workers[i].random, 2 + i);
	}
	for (i = 0; i < WORKERS; i++)
		start(test, &workers[i]);
	while (!READ_ONCE(workers[0].done) || !READ_ONCE(workers[1].done)) {
		for (i = 0; i < HELD; i++) {
			u32 at = prandom_u32_state(&random) % (3UL << i << PAGE_SHIFT);

			lost += !finds(held[i] + at, held[i], 3UL << i);
			wrong += look_anywhere(heap, &random);
		}
		looks += 2 * HELD;
		cond_resched();
	}
	for (i = 0; i < WORKERS; i++) {
		stop(&workers[i]);
		KUNIT_EXPECT_EQ(test, workers[i].errors, 0UL);
	}
	kunit_info(test, "%lu looks", looks);
	KUNIT_EXPECT_EQ(test, lost, 0UL);
	KUNIT_EXPECT_EQ(test, wrong, 0UL);
	for (i = 0; i < HELD; i++)
		span_free(held[i]);
}

/* === A span that is being split ========================================= */

#define SPLIT_PAGES	(2 * CHUNK + 40)
#define SPLIT_ROUNDS	20

static unsigned long up_to_40(struct worker *worker)
{
	return 1 + prandom_u32_state(&worker->random) % 40;
}

/* Each split cuts a little off the end. */
static void split_from_the_back(struct worker *worker)
{
	unsigned long npages = SPLIT_PAGES;

	while (npages > 1) {
		npages -= min(npages - 1, up_to_40(worker));
		worker->errors += !!span_split(worker->addr, npages);
	}
}

/* Each split cuts a little off the beginning; the rest becomes another span. */
static void split_from_the_front(struct worker *worker)
{
	unsigned long npages = SPLIT_PAGES;
	void *addr = worker->addr;

	while (npages > 1) {
		unsigned long first = min(npages - 1, up_to_40(worker));

		worker->errors += !!span_split(addr, first);
		addr = page_at(addr, first);
		npages -= first;
	}
}

/* Free the parts of the span. Each begins where the one below it ends. */
static void free_parts(struct kunit *test, void *addr)
{
	struct span_info info;
	unsigned long page;

	for (page = 0; page < SPLIT_PAGES; page += info.npages) {
		KUNIT_ASSERT_TRUE(test, span_lookup(page_at(addr, page), &info));
		KUNIT_ASSERT_PTR_EQ(test, info.base, (const void *)page_at(addr, page));
		span_free(info.base);
	}
}

static void a_span_is_found_while_it_is_split(struct kunit *test)
{
	struct worker *worker = kunit_kzalloc(test, sizeof(*worker), GFP_KERNEL);
	struct span_heap *heap = test_heap(test);
	unsigned long lost = 0, looks = 0;
	struct rnd_state random;
	struct span_info info;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, worker);
	prandom_seed_state(&random, 1);
	prandom_seed_state(&worker->random, 2);
	for (round = 0; round < SPLIT_ROUNDS; round++) {
		worker->fn = round % 2 ? split_from_the_back : split_from_the_front;
		worker->addr = must_alloc(test, heap, SPLIT_PAGES);
		start(test, worker);
		while (!READ_ONCE(worker->done)) {
			void *addr = worker->addr +
				prandom_u32_state(&random) % (SPLIT_PAGES << PAGE_SHIFT);

			looks++;
			lost += !span_lookup(addr, &info) || addr < info.base ||
				addr >= page_at(info.base, info.npages);
		}
		stop(worker);
		free_parts(test, worker->addr);
	}
	kunit_info(test, "%lu looks", looks);
	KUNIT_EXPECT_EQ(test, worker->errors, 0UL);
	KUNIT_EXPECT_EQ(test, lost, 0UL);
}

/* === Two frees of one span =============================================== */

#define FREE_SPANS	2000

static void free_all(struct worker *worker)
{
	void **addr = worker->addr;
	unsigned int i;

	for (i = 0; i < FREE_SPANS; i++)
		span_free(addr[i]);
}

static void of_two_frees_one_is_refused(struct kunit *test)
{
	void **addr = kunit_kcalloc(test, FREE_SPANS, sizeof(*addr), GFP_KERNEL);
	struct worker *worker = kunit_kzalloc(test, sizeof(*worker), GFP_KERNEL);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_NOT_NULL(test, worker);
	for (i = 0; i < FREE_SPANS; i++)
		addr[i] = must_alloc(test, heap, 1);
	span_heap_stats(heap, &before);
	worker->fn = free_all;
	worker->addr = addr;
	start(test, worker);
	for (i = 0; i < FREE_SPANS; i++)
		span_free(addr[i]);
	stop(worker);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -FREE_SPANS),
		       CHANGE(in_use_heap_pages, -FREE_SPANS), CHANGE(idle_pages, FREE_SPANS),
		       CHANGE(span_count, -FREE_SPANS), CHANGE(free_count, FREE_SPANS),
		       CHANGE(bad_free_count, FREE_SPANS));
}

/* === An owner that is stored while the span is freed ==================== */

#define OWNER_ROUNDS	20000

/* Store an owner at an address where the span may be live, dead or cached. */
static void store_owners(struct worker *worker)
{
	unsigned int i;

	for (i = 0; i < OWNER_ROUNDS; i++) {
		int ret = span_set_owner(worker->addr, (void *)0xdead000000000000);

		worker->errors += ret && ret != -EINVAL;
		if (!(i % 1000))
			cond_resched();
	}
}

/*
 * The link of a cached span has the storage of the owner. A store after the free would break the
 * link, or give the next span at the address an owner.
 */
static void an_owner_does_not_outlive_its_span(struct kunit *test)
{
	struct worker *worker = kunit_kzalloc(test, sizeof(*worker), GFP_KERNEL);
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned long lives = 0, late = 0;
	void *addr, *other;
	struct span_info info;

	KUNIT_ASSERT_NOT_NULL(test, worker);
	addr = must_alloc(test, heap, 1);
	worker->fn = store_owners;
	worker->addr = addr;
	start(test, worker);
	while (!READ_ONCE(worker->done)) {
		span_free(addr);
		other = must_alloc(test, heap, 1);
		late += other != addr;
		/* A new span has no owner until the worker stores one. */
		late += !span_lookup(other, &info) ||
			(info.owner && info.owner != (void *)0xdead000000000000);
		lives++;
		if (!(lives % 256))
			cond_resched();
	}
	stop(worker);
	kunit_info(test, "%lu lives", lives);
	KUNIT_EXPECT_EQ(test, worker->errors, 0UL);
	KUNIT_EXPECT_EQ(test, late, 0UL);
	span_free(addr);
	/* The links of cached spans are intact: one span is cached. */
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 1UL);
	KUNIT_EXPECT_EQ(test, span_set_owner(addr, test), -EINVAL);
}

/* Splits and stores of owners wait for each other, and all of them succeed. */
static void split_and_own(struct worker *worker)
{
	unsigned int i;

	for (i = 0; i < OWNER_ROUNDS / 4; i++)
		worker->errors += !!span_set_owner(worker->addr, worker);
}

static void owners_are_stored_while_spans_are_split(struct kunit *test)
{
	struct worker *worker = kunit_kzalloc(test, sizeof(*worker), GFP_KERNEL);
	struct span_heap *heap = test_heap(test);
	unsigned long npages = SPLIT_PAGES, wrong = 0;
	struct span_info info;
	void *addr;

	KUNIT_ASSERT_NOT_NULL(test, worker);
	addr = must_alloc(test, heap, npages);
	worker->fn = split_and_own;
	worker->addr = addr;
	start(test, worker);
	while (npages > 1) {
		wrong += !!span_split(addr, --npages);
		wrong += !!span_set_owner(page_at(addr, npages), test);
		wrong += !span_lookup(page_at(addr, npages), &info) || info.owner != test ||
			 info.npages != 1;
		span_free(page_at(addr, npages));
	}
	stop(worker);
	KUNIT_EXPECT_EQ(test, worker->errors, 0UL);
	KUNIT_EXPECT_EQ(test, wrong, 0UL);
	KUNIT_EXPECT_TRUE(test, span_lookup(addr, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.owner, (void *)worker);
	span_free(addr);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(answers_are_right_while_spans_come_and_go),
	KUNIT_CASE(a_span_is_found_while_it_is_split),
	KUNIT_CASE(of_two_frees_one_is_refused),
	KUNIT_CASE(an_owner_does_not_outlive_its_span),
	KUNIT_CASE(owners_are_stored_while_spans_are_split),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_lookup_race",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
