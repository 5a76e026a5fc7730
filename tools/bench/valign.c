// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmalloc() with an alignment.
 *
 * The kernel's own test calls __vmalloc_node(), which the kernel exports to that test
 * only. A kprobe that is registered disabled gives a module its address, and the
 * module calls it by a static call, as spanalloc does with its symbols.
 */
#include <linux/kprobes.h>
#include <linux/static_call.h>
#include <linux/stringify.h>
#include <linux/vmalloc.h>

#include "bench.h"

#ifdef MODULE

/* With allocation profiling, __vmalloc_node is a macro around this function. */
#ifdef __vmalloc_node
#define VALIGN_FUNCTION	__vmalloc_node_noprof
#else
#define VALIGN_FUNCTION	__vmalloc_node
#endif

void *bench_type_vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node,
			      const void *caller);
static_assert(__same_type(VALIGN_FUNCTION, bench_type_vmalloc_node));

DEFINE_STATIC_CALL_NULL(bench_vmalloc_node, bench_type_vmalloc_node);

bool valign_init(void)
{
	struct kprobe probe = {
		.symbol_name = __stringify(VALIGN_FUNCTION),
		.flags = KPROBE_FLAG_DISABLED,
	};

	if (register_kprobe(&probe))
		return false;
	static_call_update(bench_vmalloc_node, (void *)probe.addr);
	unregister_kprobe(&probe);
	return true;
}

#define valign_call	static_call(bench_vmalloc_node)

#else

bool valign_init(void)
{
	return true;
}

#define valign_call	__vmalloc_node

#endif

void *valign_alloc(unsigned long npages, unsigned long align)
{
	return valign_call(npages << PAGE_SHIFT, align, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE,
			   __builtin_return_address(0));
}
