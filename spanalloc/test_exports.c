// SPDX-License-Identifier: GPL-2.0-only
/*
 * Internal functions and variables that the KUnit suites use, partly through inline
 * functions. Built only for kernels that have KUnit; in a namespace of its own, so that no
 * other module uses them by accident.
 */
#include <linux/export.h>

#include "api/debugfs.h"
#include "cache/cache.h"
#include "heap/arena.h"
#include "heap/budget.h"
#include "heap/deferred.h"
#include "heap/heap.h"
#include "heap/heap_walk.h"
#include "heap/inflight.h"
#include "heap/locktime.h"
#include "heap/release.h"
#include "heap/span.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "reclaim/pressure.h"
#include "reclaim/scavenger.h"
#include "vm/backing.h"
#include "vm/vm.h"

#define EXPORT_FOR_TESTS(sym) EXPORT_SYMBOL_NS_GPL(sym, "SPANALLOC_TEST")

EXPORT_FOR_TESTS(arena_grow);
EXPORT_FOR_TESTS(backing_drop);
EXPORT_FOR_TESTS(locktime_begin_locked);
EXPORT_FOR_TESTS(locktime_end_locked);
EXPORT_FOR_TESTS(cache_max_pages);
EXPORT_FOR_TESTS(cache_shed);
EXPORT_FOR_TESTS(span_debugfs_stats);
EXPORT_FOR_TESTS(deferred_clear_pages);
EXPORT_FOR_TESTS(deferred_finish);
EXPORT_FOR_TESTS(heap_next_span);
EXPORT_FOR_TESTS(heap_test_clock);
EXPORT_FOR_TESTS(release_any);
EXPORT_FOR_TESTS(release_step);
EXPORT_FOR_TESTS(locktime_clock);
EXPORT_FOR_TESTS(locktime_key);
EXPORT_FOR_TESTS(pageindex_add_block);
EXPORT_FOR_TESTS(pageindex_age);
EXPORT_FOR_TESTS(pageindex_alloc);
EXPORT_FOR_TESTS(pageindex_alloc_aligned);
EXPORT_FOR_TESTS(pageindex_alloc_idle);
EXPORT_FOR_TESTS(pageindex_block_init);
EXPORT_FOR_TESTS(pageindex_check);
EXPORT_FOR_TESTS(pageindex_claim_piece);
EXPORT_FOR_TESTS(pageindex_count_released);
EXPORT_FOR_TESTS(pageindex_fence);
EXPORT_FOR_TESTS(pageindex_free);
EXPORT_FOR_TESTS(pageindex_free_runs);
EXPORT_FOR_TESTS(pageindex_grow);
EXPORT_FOR_TESTS(pageindex_has_idle);
EXPORT_FOR_TESTS(pageindex_init);
EXPORT_FOR_TESTS(pageindex_next_epoch);
EXPORT_FOR_TESTS(pageindex_next_used);
EXPORT_FOR_TESTS(pageindex_prev_idle);
EXPORT_FOR_TESTS(pageindex_recent);
EXPORT_FOR_TESTS(pageindex_release);
EXPORT_FOR_TESTS(pageindex_release_runs);
EXPORT_FOR_TESTS(pageindex_set_table);
EXPORT_FOR_TESTS(pageindex_set_tag);
EXPORT_FOR_TESTS(pageindex_table_bytes);
EXPORT_FOR_TESTS(pageindex_tag);
EXPORT_FOR_TESTS(pageindex_take_idle);
EXPORT_FOR_TESTS(pageindex_take_more);
EXPORT_FOR_TESTS(pageindex_take_released);
EXPORT_FOR_TESTS(pageindex_unfence);
EXPORT_FOR_TESTS(pageindex_used);
EXPORT_FOR_TESTS(pressure_oom_notify);
EXPORT_FOR_TESTS(pressure_count);
EXPORT_FOR_TESTS(pressure_is_progress);
EXPORT_FOR_TESTS(pressure_release);
EXPORT_FOR_TESTS(pressure_relieve);
EXPORT_FOR_TESTS(pressure_scan);
EXPORT_FOR_TESTS(pressure_shrink_count);
EXPORT_FOR_TESTS(pressure_shrink_scan);
EXPORT_FOR_TESTS(pressure_zone_is_short);
EXPORT_FOR_TESTS(scavenge_age_ms);
EXPORT_FOR_TESTS(scavenger_pause);
EXPORT_FOR_TESTS(scavenger_run);
EXPORT_FOR_TESTS(scavenger_set_clock);
EXPORT_FOR_TESTS(scavenger_step);
EXPORT_FOR_TESTS(scavenger_work_ns);
EXPORT_FOR_TESTS(span_at);
EXPORT_FOR_TESTS(span_bytes);
EXPORT_FOR_TESTS(span_end_slowly);
EXPORT_FOR_TESTS(span_trylock);
EXPORT_FOR_TESTS(span_map);
EXPORT_FOR_TESTS(span_origin);
EXPORT_FOR_TESTS(span_retire);
EXPORT_FOR_TESTS(span_unlock);
EXPORT_FOR_TESTS(budget_backed);
EXPORT_FOR_TESTS(budget_limit);
EXPORT_FOR_TESTS(vm_flush);
EXPORT_FOR_TESTS(vm_map);
EXPORT_FOR_TESTS(vm_missing);
EXPORT_FOR_TESTS(vm_pages);
EXPORT_FOR_TESTS(vm_inconsistencies);
EXPORT_FOR_TESTS(vm_inconsistency_is_expected);
EXPORT_FOR_TESTS(vm_populate);
EXPORT_FOR_TESTS(vm_reserve);
EXPORT_FOR_TESTS(vm_unmap);
EXPORT_FOR_TESTS(vm_unreserve);
