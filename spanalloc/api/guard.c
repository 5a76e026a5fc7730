// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guard: vfree(), kvfree() and vunmap() of a span are reported, and do nothing.
 *
 * is_vmalloc_addr() is true of a span, so that kvfree() of a span calls vfree(). vfree()
 * frees the area that contains an address: the whole range that the heap has reserved. It
 * would unmap every span in that range, those of other clients too, without a report.
 *
 * A kprobe at the first instruction of vfree() and one of vunmap() check whether the address
 * lies in a heap. If it does, the probe replaces the argument by NULL, which both functions
 * ignore. The probe costs each vfree() of other memory about 200 instructions: see
 * Documentation/performance.rst. A kernel without kprobes, and architectures other than
 * x86-64 and arm64, have no guard.
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

/* Runs with preemption off, in any context that vfree() and vunmap() are called in. */
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

/* register_kprobe() sets addr and flags even if it fails: clear them for the next attempt. */
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

/* Register or remove the probes as guard_vfree says. If registering fails, clear guard_vfree. */
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
 * guard_start() - begin to guard spans, if guard_vfree is set
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
