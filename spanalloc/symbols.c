// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the kernel functions that are not exported to modules.
 *
 * A kprobe that is registered disabled, and so never touches kernel text,
 * reveals the address of kallsyms_lookup_name(), which reveals the rest. All of
 * it happens once, at load; if anything is missing the module says what, and
 * does not load. Calls go through static_call(), which is a direct call.
 *
 * No header shows most of these prototypes to modules, and nothing checks them
 * at link time. Those that a header does show are checked here at compile time;
 * for the others compat.h refuses kernels that have not been looked at.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/string.h>

#include "symbols.h"

typedef unsigned long kallsyms_lookup_name_fn(const char *name);

extern kallsyms_lookup_name_fn span_type_kallsyms_lookup_name;
DEFINE_STATIC_CALL_NULL(span_kallsyms_lookup_name, span_type_kallsyms_lookup_name);

#define SPAN_SYMBOL_DEFINE(name) DEFINE_STATIC_CALL_NULL(span_##name, span_type_##name);
SPAN_SYMBOLS(SPAN_SYMBOL_DEFINE)

static_assert(__same_type(&get_vm_area_caller, (get_vm_area_caller_fn *)NULL));

struct mm_struct *span_init_mm;

/* Is @addr the very first byte of function @name? */
static bool __init starts_function(unsigned long addr, const char *name)
{
	char have[KSYM_SYMBOL_LEN];
	char want[64];

	sprint_symbol(have, addr);
	snprintf(want, sizeof(want), "%s+0x0/", name);
	return strstarts(have, want);
}

static unsigned long __init find_kallsyms_lookup_name(void)
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

	/* Where functions begin with ENDBR, the probe sits behind it. */
	if (!starts_function(addr, probe.symbol_name))
		addr -= 4;
	if (!starts_function(addr, probe.symbol_name)) {
		pr_err("kallsyms_lookup_name does not begin where a kprobe says\n");
		return 0;
	}
	return addr;
}

/**
 * span_symbols_init() - find all functions and make them callable
 *
 * Context: Process context, once, before anything else of the vm layer.
 *
 * Return: 0, or %-EOPNOTSUPP after saying what is missing
 */
int __init span_symbols_init(void)
{
	unsigned long lookup = find_kallsyms_lookup_name();
	unsigned long addr;
	int missing = 0;

	if (!lookup)
		return -EOPNOTSUPP;
	static_call_update(span_kallsyms_lookup_name, (kallsyms_lookup_name_fn *)lookup);

#define SPAN_SYMBOL_FIND(name)							\
	do {									\
		addr = static_call(span_kallsyms_lookup_name)(#name);		\
		if (addr)							\
			static_call_update(span_##name, (name##_fn *)addr);	\
		else								\
			missing++, pr_err("this kernel has no " #name "()\n");	\
	} while (0);
	SPAN_SYMBOLS(SPAN_SYMBOL_FIND)

	span_init_mm = (struct mm_struct *)static_call(span_kallsyms_lookup_name)("init_mm");
	if (!span_init_mm) {
		missing++;
		pr_err("this kernel has no init_mm, or no CONFIG_KALLSYMS_ALL to find it\n");
	}
	return missing ? -EOPNOTSUPP : 0;
}
