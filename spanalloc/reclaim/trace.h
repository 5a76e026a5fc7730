/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: results of a pass, reported at its end.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM spanalloc

#if !defined(SPANALLOC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SPANALLOC_TRACE_H

#include <linux/tracepoint.h>

#include "heap/heap.h"

/*
 * A pass is over: the work done since the end of the previous pass, and the state of the heap.
 * In pages, except batches, which is a number, and spent_ns, which is CPU time.
 */
TRACE_EVENT(spanalloc_pass,

	TP_PROTO(const struct span_heap *heap, unsigned long idle, unsigned long taken,
		 unsigned long keep),

	TP_ARGS(heap, idle, taken, keep),

	TP_STRUCT__entry(
		__array(char, heap, SPAN_HEAP_NAME_SIZE)
		__field(unsigned long, released)
		__field(unsigned long, batches)
		__field(unsigned long, retained)
		__field(unsigned long, cached)
		__field(unsigned long, idle)
		__field(unsigned long, taken)
		__field(unsigned long, keep)
		__field(u64, spent_ns)
	),

	TP_fast_assign(
		memcpy(__entry->heap, heap->name, SPAN_HEAP_NAME_SIZE);
		__entry->released = heap->pass.released;
		__entry->batches = heap->pass.batches;
		__entry->retained = heap->pass.retained;
		__entry->cached = heap->pass.cached;
		__entry->idle = idle;
		__entry->taken = taken;
		__entry->keep = keep;
		__entry->spent_ns = heap->pass.spent_ns;
	),

	TP_printk("heap=%s released=%lu batches=%lu retained=%lu cached=%lu idle=%lu taken=%lu keep=%lu spent_ns=%llu",
		  __entry->heap, __entry->released, __entry->batches, __entry->retained,
		  __entry->cached, __entry->idle, __entry->taken, __entry->keep,
		  __entry->spent_ns)
);

#endif /* SPANALLOC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH reclaim
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
