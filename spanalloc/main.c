// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Layers
 *
 * The folders of spanalloc/ are layers. A file calls and includes its own layer and those
 * below it; ``make lint`` fails on an include that goes up (scripts/includes). Each layer
 * exports the client functions of its subject. The module starts its layers from the lowest
 * to the highest, but the guard last. It stops them from the highest to the lowest. From the
 * highest to the lowest::
 *
 *	main, registry	the module; heaps made, named and ended
 *	api		allocate, free and split: checks, then caches, else heap; statistics
 *			and debugfs; the guard against vfree() of a span
 *	reclaim		when idle pages go back: the scavenger and its passes, pressure,
 *			limits, span_heap_scavenge()
 *	cache		spans kept ready for each CPU and node
 *	heap		claim, back and free pages; descriptors of spans, arenas and the map;
 *			lookups and owners; deferred frees, reserve and atomic pool, release;
 *			reports of mistakes
 *	vm		address space, page tables, physical pages behind a run, memory cgroups
 *	index		which pages are free and which are backed; demand; the lookup. Pure C,
 *			which user space builds too: calls no other layer
 *	base		parameters with a range, allocation flags, NUMA nodes
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/module.h>

#include "api/debugfs.h"
#include "api/guard.h"
#include "cache/cache.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "reclaim/pressure.h"
#include "reclaim/scavenger.h"
#include "vm/vm.h"
#include "registry.h"

static int __init spanalloc_init(void)
{
	int ret;

	ret = vm_init();
	if (ret)
		return ret;
	ret = span_map_init();
	if (ret)
		return ret;
	ret = span_init();
	if (ret)
		goto no_span;
	ret = cache_init();
	if (ret)
		goto no_cache;
	ret = pressure_start();
	if (ret)
		goto no_pressure;
	ret = scavenger_start();
	if (ret)
		goto no_scavenger;
	span_debugfs_init();
	ret = registry_init();
	if (ret)
		goto no_registry;
	guard_start();
	return 0;

no_registry:
	span_debugfs_exit();
	scavenger_stop();
no_scavenger:
	pressure_stop();
no_pressure:
	cache_exit();
no_cache:
	span_exit();
no_span:
	span_map_exit();
	return ret;
}

static void __exit spanalloc_exit(void)
{
	registry_exit();
	guard_stop();
	span_debugfs_exit();
	scavenger_stop();
	pressure_stop();
	cache_exit();
	span_exit();
	span_map_exit();
}

module_init(spanalloc_init);
module_exit(spanalloc_exit);

MODULE_DESCRIPTION("Page-span allocator for kernel modules");
MODULE_AUTHOR("The spanalloc authors");
MODULE_LICENSE("GPL");
