// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guard: vfree(), kvfree() and vunmap() of a span do nothing, and say so.
 *
 * A span is in the vmalloc area, and is_vmalloc_addr() is true of it. So kvfree() takes it
 * for vmalloc()'s and calls vfree(), which takes the whole range that the heap has reserved
 * for the area to be freed: it would unmap every span in it, and forget the range. Such a
 * call would destroy the spans of other clients without a report.
 *
 * A kprobe at the first instruction of either function looks whether the address is a
 * heap's. If it is, the probe replaces the argument by NULL, which the function ignores. The
 * probe costs each vfree() of other memory some hundred nanoseconds, and nothing elsewhere:
 * see Documentation/performance.rst. Where there are no kprobes, or the module is built into
 * a kernel without them, there is no guard.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/kprobes.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>

#include <spanalloc/spanalloc.h>

#include "api/guard.h"
#include "base/params.h"
#include "heap/heap.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "index/lookup.h"

static bool guard_vfree = true;

#if IS_ENABLED(CONFIG_KPROBES) && (defined(CONFIG_X86_64) || defined(CONFIG_ARM64))

static DEFINE_MUTEX(guard_lock);
static bool guard_is_ready;

#ifdef CONFIG_X86_64
static unsigned long *first_argument(struct pt_regs *regs)
{
	return &regs->di;
}

/* At the first instruction of a function the return address is on top of the stack. */
static unsigned long return_address(const struct pt_regs *regs)
{
	return *(unsigned long *)regs->sp;
}
#else
static unsigned long *first_argument(struct pt_regs *regs)
{
	return (unsigned long *)&regs->regs[0];
}

static unsigned long return_address(const struct pt_regs *regs)
{
	return regs->regs[30];
}
#endif

/* Runs with preemption off, in any context that vfree() or vunmap() is called in. */
static int guard_check(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long *addr = first_argument(regs);
	struct arena *arena;

	rcu_read_lock();
	arena = arena_of(*addr);
	if (unlikely(arena)) {
		atomic_long_inc(&arena->heap->stray_frees);
		pr_warn_ratelimited("%s(%p) from %pS: this is memory of heap %s, which span_free() frees; nothing is done\n",
				    probe->symbol_name, (void *)*addr,
				    (void *)return_address(regs), arena->heap->name);
		*addr = 0;
	}
	rcu_read_unlock();
	return 0;
}

NOKPROBE_SYMBOL(guard_check);

/* The functions that free a range of the vmalloc area as a whole. */
static struct kprobe guard_probes[] = {
	{ .symbol_name = "vfree", .pre_handler = guard_check },
	{ .symbol_name = "vunmap", .pre_handler = guard_check },
};

static bool guard_is_on;

/* register_kprobe() fills in @addr and @flags, also if it fails: clear them for the next. */
static void guard_forget_locked(void)
{
	unsigned int i;

	lockdep_assert_held(&guard_lock);
	for (i = 0; i < ARRAY_SIZE(guard_probes); i++) {
		guard_probes[i].addr = NULL;
		guard_probes[i].flags = 0;
	}
}

static void guard_off_locked(void)
{
	unsigned int i;

	lockdep_assert_held(&guard_lock);
	if (!guard_is_on)
		return;
	for (i = 0; i < ARRAY_SIZE(guard_probes); i++)
		unregister_kprobe(&guard_probes[i]);
	guard_forget_locked();
	guard_is_on = false;
}

static int guard_on_locked(void)
{
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&guard_lock);
	if (guard_is_on)
		return 0;
	for (i = 0; i < ARRAY_SIZE(guard_probes) && !ret; i++)
		ret = register_kprobe(&guard_probes[i]);
	if (!ret) {
		guard_is_on = true;
		return 0;
	}
	pr_warn("no kprobe on %s: error %d; vfree() of a span will not be noticed\n",
		guard_probes[i - 1].symbol_name, ret);
	for (i--; i--;)
		unregister_kprobe(&guard_probes[i]);
	guard_forget_locked();
	return ret;
}

/* Set or remove the probes as guard_vfree says. If they cannot be set, guard_vfree becomes N. */
static int guard_update(void)
{
	int ret = 0;

	mutex_lock(&guard_lock);
	if (guard_is_ready && guard_vfree)
		ret = guard_on_locked();
	else
		guard_off_locked();
	if (ret)
		guard_vfree = false;
	mutex_unlock(&guard_lock);
	return ret;
}

/**
 * guard_start() - guard spans from now on, if guard_vfree is set
 */
void __init guard_start(void)
{
	guard_is_ready = true;
	guard_update();
}

/**
 * guard_stop() - remove the probes; no heap is left
 */
void guard_stop(void)
{
	guard_is_ready = false;
	guard_update();
}

#else

static int guard_update(void)
{
	return 0;
}

void __init guard_start(void)
{
}

void guard_stop(void)
{
}

#endif

static int set_guard_vfree(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_switch(val, kp);

	return ret ?: guard_update();
}

static const struct kernel_param_ops guard_vfree_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_guard_vfree,
	.get = param_get_bool,
};

module_param_cb(guard_vfree, &guard_vfree_ops, &guard_vfree, 0644);
MODULE_PARM_DESC(guard_vfree, "vfree(), kvfree() and vunmap() of a span do nothing, and say so (default Y)");
