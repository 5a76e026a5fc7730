// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookup in an NMI, which may come while the interrupted CPU holds any lock of the module.
 *
 * A thread bound to one CPU allocates, splits and frees spans without a pause. The test
 * runs on another CPU and sends NMIs to the first one. The handler looks up addresses of
 * which the answer is known: a span that stays, an inner byte of it, and the byte after
 * the heap's end; and addresses of spans that come and go, whose answer has to be a span
 * that the address is in.
 */
#include "heap/report.h"
#include "heap/span.h"
#include "index/lookup.h"

#include "common.h"

#ifdef CONFIG_X86_64
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched/task.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#define HELD_PAGES	3
#define CHURN_PAGES	16
#define NMIS		2000

/* How long one NMI may take to arrive before the test gives up, in jiffies. */
#define NMI_TIMEOUT	(10 * HZ)

/**
 * struct nmi_look - what the handler looks at and finds
 * @cpu: the CPU that NMIs are sent to
 * @wanted: an NMI has been sent and is not handled yet
 * @heap: the heap
 * @held: a span of %HELD_PAGES pages that lives all the time
 * @coming: a page in which spans come and go
 * @handled: NMIs that have been handled
 * @busy: of these, NMIs that interrupted a holder of the heap's lock
 * @wrong: wrong answers
 */
struct nmi_look {
	int cpu;
	bool wanted;
	struct span_heap *heap;
	const void *held;
	const void *coming;
	unsigned long handled;
	unsigned long busy;
	unsigned long wrong;
};

static struct nmi_look nmi_look;

static bool nmi_finds_held(const void *addr)
{
	struct span_info info;

	return span_lookup(addr, &info) && info.base == nmi_look.held &&
	       info.npages == HELD_PAGES && info.heap == nmi_look.heap;
}

static bool nmi_is_sound(const void *addr)
{
	struct span_info info;

	return !span_lookup(addr, &info) ||
	       (addr >= info.base && addr < (const void *)page_at(info.base, info.npages));
}

/* Does any CPU hold the heap's lock? */
static bool nmi_lock_is_held(void)
{
	return spin_is_locked(&nmi_look.heap->lock);
}

static int nmi_handler(unsigned int type, struct pt_regs *regs)
{
	unsigned int i;

	if (raw_smp_processor_id() != nmi_look.cpu || !READ_ONCE(nmi_look.wanted))
		return NMI_DONE;
	nmi_look.wrong += !nmi_finds_held(nmi_look.held);
	nmi_look.wrong += !nmi_finds_held(nmi_look.held + HELD_PAGES * PAGE_SIZE - 1);
	nmi_look.wrong += !span_lookup(nmi_look.held, NULL);
	nmi_look.wrong += span_lookup(&nmi_look, NULL);
	for (i = 0; i < CHURN_PAGES; i++)
		nmi_look.wrong += !nmi_is_sound(page_at(nmi_look.coming, i));
	nmi_look.busy += nmi_lock_is_held();
	nmi_look.handled++;
	/* Pairs with the acquire in nmi_send(), after which the CPU sees the counts above. */
	smp_store_release(&nmi_look.wanted, false);
	return NMI_HANDLED;
}

static bool nmi_send(void)
{
	unsigned long end = jiffies + NMI_TIMEOUT;

	WRITE_ONCE(nmi_look.wanted, true);
	apic->send_IPI_mask(cpumask_of(nmi_look.cpu), NMI_VECTOR);
	/* Pairs with the release in nmi_handler(). */
	while (smp_load_acquire(&nmi_look.wanted)) {
		if (time_after(jiffies, end))
			return false;
		cond_resched();
	}
	return true;
}

/* Allocates, splits and frees spans at one address until it is stopped. */
static int nmi_churn(void *unused)
{
	while (!kthread_should_stop()) {
		void *addr = span_alloc(nmi_look.heap, CHURN_PAGES, GFP_KERNEL);

		if (addr && !span_split(addr, CHURN_PAGES / 2))
			span_free(page_at(addr, CHURN_PAGES / 2));
		span_free(addr);
		cond_resched();
	}
	return 0;
}

/* Send NMIS NMIs, or up to 100 times as many until one has interrupted a holder of the lock. */
static void nmi_interrupt_churn(struct kunit *test)
{
	struct task_struct *task = kthread_create_on_cpu(nmi_churn, NULL, nmi_look.cpu,
							 "kunit_nmi/%u");
	unsigned int i;

	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, task);
	if (IS_ERR_OR_NULL(task))
		return;
	get_task_struct(task);
	KUNIT_EXPECT_EQ(test, 0, register_nmi_handler(NMI_LOCAL, nmi_handler, 0,
						      "kunit_spanalloc"));
	wake_up_process(task);
	for (i = 0; i < (nmi_look.busy ? NMIS : 100 * NMIS) && nmi_send(); i++)
		cond_resched();
	unregister_nmi_handler(NMI_LOCAL, "kunit_spanalloc");
	kthread_stop(task);
	put_task_struct(task);
}

static void a_lookup_works_in_an_nmi(struct kunit *test)
{
	nmi_look = (struct nmi_look) { .heap = test_heap(test) };
	nmi_look.held = must_alloc(test, nmi_look.heap, HELD_PAGES);
	nmi_look.coming = must_alloc(test, nmi_look.heap, CHURN_PAGES);
	span_free(nmi_look.coming);

	/* An NMI that is sent to a CPU that goes offline is lost. */
	cpus_read_lock();
	nmi_look.cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (nmi_look.cpu < nr_cpu_ids)
		nmi_interrupt_churn(test);
	cpus_read_unlock();
	span_free(nmi_look.held);
	if (nmi_look.cpu >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");

	kunit_info(test, "%lu NMIs, %lu of them while the heap's lock was held", nmi_look.handled,
		   nmi_look.busy);
	KUNIT_EXPECT_GE(test, nmi_look.handled, (unsigned long)NMIS);
	KUNIT_EXPECT_GT(test, nmi_look.busy, 0UL);
	KUNIT_EXPECT_EQ(test, nmi_look.wrong, 0UL);
}
#else
static void a_lookup_works_in_an_nmi(struct kunit *test)
{
	kunit_skip(test, "NMIs are sent on x86-64 only");
}
#endif

static struct kunit_case nmi_cases[] = {
	KUNIT_CASE(a_lookup_works_in_an_nmi),
	{}
};

static struct kunit_suite nmi_suite = {
	.name = "spanalloc_nmi",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = nmi_cases,
};

kunit_test_suite(nmi_suite);
