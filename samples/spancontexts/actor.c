// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include <spanalloc/spanalloc.h>

#include "actor.h"
#include "contexts.h"

#define PLACES			512
#define SOFTIRQ_PERIOD_US	200
#define HARDIRQ_PERIOD_US	500
#define STEPS_IN_A_ROW		64
#define STEPS_IN_A_TURN		128

/* The mark at the start of a page. Its complement is at the end of the page. */
struct mark {
	u64 addr;
	u64 npages;
};

/* Lengths in pages. Some are longer than spans that caches keep in magazines. */
static const unsigned int lengths[] = { 1, 1, 2, 1, 5, 1, 16, 24 };

const char * const actor_names[NR_ACTORS] = {
	"task", "bh", "softirq", "irqoff", "hardirq"
};

static void *places[PLACES];

static DEFINE_SPINLOCK(bh_lock);
static DEFINE_SPINLOCK(irq_lock);

/* === One step =========================================================== */

static struct mark *mark_head(void *base, unsigned long page)
{
	return base + (page << PAGE_SHIFT);
}

static struct mark *mark_tail(void *base, unsigned long page)
{
	return mark_head(base, page + 1) - 1;
}

static void write_marks(void *base, unsigned long npages)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		u64 addr = (unsigned long)mark_head(base, i);

		*mark_head(base, i) = (struct mark) { addr, npages };
		*mark_tail(base, i) = (struct mark) { ~addr, ~(u64)npages };
	}
}

static void check_marks(const struct actor *actor, void *base, unsigned long npages)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		const struct mark *head = mark_head(base, i);
		const struct mark *tail = mark_tail(base, i);
		u64 addr = (unsigned long)head;

		if (head->addr == addr && head->npages == npages && tail->addr == ~addr &&
		    tail->npages == ~(u64)npages)
			continue;
		complain("%s on CPU %u: page %lu of span %p+%lu has %llx %llx ... %llx %llx",
			 actor_names[actor->kind], actor->cpu, i, base, npages, head->addr,
			 head->npages, ~tail->addr, ~tail->npages);
		return;
	}
}

static void take_away(struct actor *actor, void *base)
{
	struct span_info info;

	if (!span_lookup(base + PAGE_SIZE / 2, &info) || info.base != base ||
	    info.heap != spancontexts.heap) {
		complain("%s on CPU %u: span %p is not found", actor_names[actor->kind],
			 actor->cpu, base);
		return;
	}
	check_marks(actor, base, info.npages);
	span_free(base);
	actor->frees++;
}

static void put_nothing(struct actor *actor, void **place)
{
	void *base = xchg(place, NULL);

	if (base)
		take_away(actor, base);
}

/* Put a span into a place. Free the span that another actor has put there, if any. */
static void put_there(struct actor *actor, void **place, unsigned long npages, gfp_t gfp)
{
	void *base = span_alloc(spancontexts.heap, npages, gfp | __GFP_NOWARN);

	if (!base) {
		actor->nulls++;
		return;
	}
	actor->allocs++;
	write_marks(base, npages);
	base = xchg(place, base);
	if (base)
		take_away(actor, base);
}

/*
 * Turns of many allocations of one length alternate with turns of many frees. If
 * cache_pages is small, the spans overflow a CPU's cache into the depots.
 */
static void actor_step(struct actor *actor, gfp_t gfp)
{
	unsigned long turn = actor->steps / STEPS_IN_A_TURN + actor->cpu + actor->kind;
	void **place = &places[prandom_u32_state(&actor->random) % PLACES];

	if (turn % 2)
		put_there(actor, place, lengths[turn / 2 % ARRAY_SIZE(lengths)], gfp);
	else
		put_nothing(actor, place);
	WRITE_ONCE(actor->steps, actor->steps + 1);
}

/* === The contexts ======================================================= */

static void actor_step_in_thread(struct actor *actor)
{
	unsigned long flags;

	switch (actor->kind) {
	case ACTOR_BH:
		spin_lock_bh(&bh_lock);
		actor_step(actor, GFP_ATOMIC);
		spin_unlock_bh(&bh_lock);
		break;
	case ACTOR_IRQOFF:
		spin_lock_irqsave(&irq_lock, flags);
		actor_step(actor, GFP_ATOMIC);
		spin_unlock_irqrestore(&irq_lock, flags);
		break;
	default:
		actor_step(actor, GFP_KERNEL);
	}
}

static int actor_thread(void *data)
{
	struct actor *actor = data;

	while (!kthread_should_stop()) {
		actor_step_in_thread(actor);
		/* Sleep at times: threads that spin for a lock would starve the tasks. */
		if (actor->kind == ACTOR_TASK || actor->steps % STEPS_IN_A_ROW)
			cond_resched();
		else
			schedule_timeout_interruptible(1);
	}
	return 0;
}

/* Count the period from now on, so that a slow machine does not run timers only. */
static enum hrtimer_restart timer_again(struct hrtimer *timer, unsigned int period_us)
{
	if (READ_ONCE(spancontexts.stopping))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(period_us * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart actor_softirq(struct hrtimer *timer)
{
	struct actor *actor = container_of(timer, struct actor, timer);

	spin_lock(&bh_lock);
	actor_step(actor, GFP_ATOMIC);
	spin_unlock(&bh_lock);
	return timer_again(timer, SOFTIRQ_PERIOD_US);
}

static enum hrtimer_restart actor_hardirq(struct hrtimer *timer)
{
	struct actor *actor = container_of(timer, struct actor, timer);
	unsigned long flags;

	/* With PREEMPT_RT this runs in a softirq, and the lock may sleep. */
	spin_lock_irqsave(&irq_lock, flags);
	actor_step(actor, GFP_ATOMIC);
	spin_unlock_irqrestore(&irq_lock, flags);
	return timer_again(timer, HARDIRQ_PERIOD_US);
}

/* === Starting and stopping ============================================== */

static int actor_start_thread(struct actor *actor)
{
	actor->task = kthread_create(actor_thread, actor, "spanctx/%s%u",
				     actor_names[actor->kind], actor->cpu);
	if (IS_ERR(actor->task)) {
		int err = PTR_ERR(actor->task);

		actor->task = NULL;
		return err;
	}
	kthread_bind(actor->task, actor->cpu);
	wake_up_process(actor->task);
	return 0;
}

/* Runs on the actor's CPU, since a pinned timer stays on the CPU that started it. */
static void actor_start_timer(void *data)
{
	struct actor *actor = data;
	bool hard = actor->kind == ACTOR_HARDIRQ && !IS_ENABLED(CONFIG_PREEMPT_RT);
	enum hrtimer_mode mode = hard ? HRTIMER_MODE_REL_PINNED_HARD :
					HRTIMER_MODE_REL_PINNED_SOFT;

	hrtimer_init(&actor->timer, CLOCK_MONOTONIC, mode);
	actor->timer.function = actor->kind == ACTOR_HARDIRQ ? actor_hardirq : actor_softirq;
	hrtimer_start(&actor->timer, ms_to_ktime(1), mode);
}

/**
 * actor_start() - start the thread or the timer of an actor
 * @actor: the actor
 *
 * Context: Process context. May sleep.
 *
 * Return: 0 or a negative error code
 */
int actor_start(struct actor *actor)
{
	if (actor->kind == ACTOR_SOFTIRQ || actor->kind == ACTOR_HARDIRQ)
		return smp_call_function_single(actor->cpu, actor_start_timer, actor, 1);
	return actor_start_thread(actor);
}

/**
 * actor_stop() - stop an actor and wait for its last step
 * @actor: the actor
 *
 * Timers stop only once spancontexts.stopping is set.
 *
 * Context: Process context. May sleep.
 */
void actor_stop(struct actor *actor)
{
	if (actor->task)
		kthread_stop(actor->task);
	else
		hrtimer_cancel(&actor->timer);
}

/**
 * actor_empty_places() - check and free the spans in all places
 * @actor: the actor in whose name they are freed; all actors have stopped
 *
 * Context: Process context. May sleep.
 */
void actor_empty_places(struct actor *actor)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (places[i])
			take_away(actor, places[i]);
}
