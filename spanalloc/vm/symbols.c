// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the kernel functions that are not exported to modules.
 *
 * A kprobe that is registered disabled, and so never touches kernel text, gives
 * the address of kallsyms_lookup_name(), which finds the other functions. This
 * happens once, at load; if a function is missing, the module logs its name and
 * does not load. Calls go through static_call(), which is a direct call.
 *
 * Nothing checks the prototypes of these functions at link time. Functions that a header of
 * the kernel declares are checked here at compile time; for the other functions, compat.h
 * refuses kernels whose sources have not been compared.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/string.h>

#include "vm/symbols.h"

unsigned long span_type_kallsyms_lookup_name(const char *name);

DEFINE_STATIC_CALL_NULL(span_kallsyms_lookup_name, span_type_kallsyms_lookup_name);
DEFINE_STATIC_CALL_NULL(span_get_vm_area_caller, span_type_get_vm_area_caller);
DEFINE_STATIC_CALL_NULL(span___vmap_pages_range_noflush, span_type___vmap_pages_range_noflush);
DEFINE_STATIC_CALL_NULL(span_vunmap_range_noflush, span_type_vunmap_range_noflush);
DEFINE_STATIC_CALL_NULL(span_flush_tlb_kernel_range, span_type_flush_tlb_kernel_range);

static_assert(__same_type(kallsyms_lookup_name, span_type_kallsyms_lookup_name));
static_assert(__same_type(get_vm_area_caller, span_type_get_vm_area_caller));

#ifdef CHARGE_MEMCG
DEFINE_STATIC_CALL_NULL(span_current_objcg, span_type_current_objcg);
DEFINE_STATIC_CALL_NULL(span_obj_cgroup_charge, span_type_obj_cgroup_charge);
DEFINE_STATIC_CALL_NULL(span_obj_cgroup_uncharge, span_type_obj_cgroup_uncharge);

static_assert(__same_type(current_objcg, span_type_current_objcg));
static_assert(__same_type(obj_cgroup_charge, span_type_obj_cgroup_charge));
static_assert(__same_type(obj_cgroup_uncharge, span_type_obj_cgroup_uncharge));
#endif

struct mm_struct *span_init_mm;

/* Length of ENDBR64; the kernel's ENDBR_INSN_SIZE is 0 in kernels without IBT. */
#define ENDBR_BYTES	4

/* Is @addr the very first byte of function @name? */
static bool __init symbols_starts_function(unsigned long addr, const char *name)
{
	char have[KSYM_SYMBOL_LEN];
	char want[64];

	sprint_symbol(have, addr);
	snprintf(want, sizeof(want), "%s+0x0/", name);
	return strstarts(have, want);
}

static unsigned long __init symbols_find_lookup(void)
{
	struct kprobe probe = {
		.symbol_name = "kallsyms_lookup_name",
		.flags = KPROBE_FLAG_DISABLED,
	};
	unsigned long addr;
	int ret;

	ret = register_kprobe(&probe);
	if (ret) {
		pr_err("no kprobe on kallsyms_lookup_name: error %d\n", ret);
		return 0;
	}
	addr = (unsigned long)probe.addr;
	unregister_kprobe(&probe);

	/* Where functions begin with ENDBR, the probe sits behind that instruction. */
	if (!symbols_starts_function(addr, probe.symbol_name))
		addr -= ENDBR_BYTES;
	if (!symbols_starts_function(addr, probe.symbol_name)) {
		pr_err("kallsyms_lookup_name does not begin where a kprobe says\n");
		return 0;
	}
	return addr;
}

static void *__init symbols_find(const char *name, bool *missing)
{
	unsigned long addr = static_call(span_kallsyms_lookup_name)(name);

	if (!addr) {
		*missing = true;
		pr_err("this kernel has no symbol %s\n", name);
	}
	return (void *)addr;
}

#ifdef CHARGE_MEMCG
static bool __init symbols_find_charging(void)
{
	void *current_group, *charge, *uncharge;
	bool missing = false;

	current_group = symbols_find(CURRENT_OBJCG_NAME, &missing);
	charge = symbols_find("obj_cgroup_charge", &missing);
	uncharge = symbols_find("obj_cgroup_uncharge", &missing);
	if (missing)
		return false;
	static_call_update(span_current_objcg, current_group);
	static_call_update(span_obj_cgroup_charge, charge);
	static_call_update(span_obj_cgroup_uncharge, uncharge);
	return true;
}
#else
static bool __init symbols_find_charging(void)
{
	return true;
}
#endif

/**
 * span_symbols_init() - find all functions and make them callable
 *
 * Context: Process context, once, before anything else of the vm layer.
 *
 * Return: 0, or %-EOPNOTSUPP after saying what is missing
 */
int __init span_symbols_init(void)
{
	unsigned long lookup = symbols_find_lookup();
	void *reserve, *map, *unmap, *flush;
	bool missing = false;

	if (!lookup)
		return -EOPNOTSUPP;
	static_call_update(span_kallsyms_lookup_name, (void *)lookup);

	reserve = symbols_find("get_vm_area_caller", &missing);
	map = symbols_find("__vmap_pages_range_noflush", &missing);
	unmap = symbols_find("vunmap_range_noflush", &missing);
	flush = symbols_find("flush_tlb_kernel_range", &missing);
	span_init_mm = symbols_find("init_mm", &missing);
	if (missing || !symbols_find_charging())
		return -EOPNOTSUPP;

	static_call_update(span_get_vm_area_caller, reserve);
	static_call_update(span___vmap_pages_range_noflush, map);
	static_call_update(span_vunmap_range_noflush, unmap);
	static_call_update(span_flush_tlb_kernel_range, flush);
	return 0;
}
