// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports: one line in the kernel's log for each bad call of a client.
 *
 * A line is written for a reader who knows neither this code nor the client's. It names the
 * call, its caller, what was passed, what is wrong, and the heap. All lines are
 * rate-limited, because a client can repeat its mistake in a loop.
 *
 * Context: any but NMI. Callers hold no lock; report_bad_free() takes a heap's lock.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>

#include <spanalloc/spanalloc.h>

#include "heap/heap.h"
#include "heap/report.h"
#include "heap/request.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "index/lookup.h"

/**
 * heap_kind_name() - name a kind of span
 * @kind: the kind
 *
 * Return: one word
 */
const char *heap_kind_name(enum span_kind kind)
{
	static const char * const names[] = { "heap", "stack", "bits", "work" };

	static_assert(ARRAY_SIZE(names) == SPAN_NR_KINDS);
	return names[kind];
}

/**
 * report_request() - say what is wrong with a request for a span
 * @req: the request
 * @fmt: what was asked for: the end of a sentence, for printf()
 *
 * Return: false
 */
bool report_request(const struct span_request *req, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	pr_warn_ratelimited("%pS asked heap %s for a span %pV\n", (void *)req->caller,
			    req->heap->name, &vaf);
	va_end(args);
	return false;
}

/* Describe an address that is in no heap. */
static const char *report_kind_of_memory(const void *addr)
{
	if ((unsigned long)addr < TASK_SIZE)
		return "a user's address, or none at all";
	if (object_is_on_stack(addr))
		return "on the stack";
	if (is_vmalloc_addr(addr))
		return "in the vmalloc area, but not a heap's";
	if (virt_addr_valid(addr))
		return "kmalloc()'s or the page allocator's";
	return "not an address of memory";
}

/* Say what is at an address, where the base of a live span should have been. */
static void report_address(const char *call, const void *addr, unsigned long caller)
{
	void *from = (void *)caller;
	struct span_view view;
	struct arena *arena;

	arena = arena_of((unsigned long)addr);
	if (!arena)
		pr_warn_ratelimited("%s(%p) from %pS: %s\n", call, addr, from,
				    report_kind_of_memory(addr));
	else if (!span_at(addr, &view))
		pr_warn_ratelimited("%s(%p) from %pS: no live span of heap %s is there; freed already?\n",
				    call, addr, from, arena->heap->name);
	else if (view.base != (unsigned long)addr)
		pr_warn_ratelimited("%s(%p) from %pS: %lu bytes into a span of %lu pages (%s) of heap %s, not its first byte\n",
				    call, addr, from, (unsigned long)addr - view.base, view.npages,
				    heap_kind_name(span_state_kind(view.state)),
				    arena->heap->name);
	else
		pr_warn_ratelimited("%s(%p) from %pS: the span of %lu pages of heap %s is being split or freed by another caller\n",
				    call, addr, from, view.npages, arena->heap->name);
}

/**
 * report_bad_free() - say what is wrong with a free, and count it
 * @addr: what was to be freed
 * @caller: return address of the client's call
 */
void report_bad_free(const void *addr, unsigned long caller)
{
	struct arena *arena;
	unsigned long flags;

	/* The heap stays as long as the arena is found. */
	rcu_read_lock();
	report_address("span_free", addr, caller);
	arena = arena_of((unsigned long)addr);
	if (arena) {
		flags = heap_lock(arena->heap);
		arena->heap->count.bad_free_count++;
		heap_unlock(arena->heap, flags);
	}
	rcu_read_unlock();
}

/**
 * report_bad_split() - say what is wrong with a split
 * @addr: what was to be split
 * @npages: how many pages the first part should have kept
 * @caller: return address of the client's call
 */
void report_bad_split(const void *addr, unsigned long npages, unsigned long caller)
{
	struct span_view view;

	rcu_read_lock();
	if (span_at(addr, &view) && view.base == (unsigned long)addr &&
	    (!npages || npages >= view.npages))
		pr_warn_ratelimited("span_split(%p) from %pS: the first part cannot keep %lu of the %lu pages of the span of heap %s\n",
				    addr, (void *)caller, npages, view.npages, view.heap->name);
	else
		report_address("span_split", addr, caller);
	rcu_read_unlock();
}

/**
 * report_held_pages() - say that pages of a freed span have further references
 * @span: the span, which is dead
 * @held: number of these pages
 * @first: number of the first of them within the span
 * @caller: return address of the client's call
 */
void report_held_pages(const struct span *span, unsigned long held, unsigned long first,
		       unsigned long caller)
{
	pr_warn_ratelimited("span_free(%p) from %pS: others hold %lu of %u pages, the first is page %lu; heap %s was made without SPAN_HEAP_SHARED_PAGES\n",
			    (void *)span->base, (void *)caller, held, span->npages, first,
			    span->heap->name);
}

/**
 * report_call() - say what is wrong with a call
 * @what: the function
 * @why: what is wrong, a sentence
 * @caller: return address of the client's call
 */
void report_call(const char *what, const char *why, unsigned long caller)
{
	pr_warn_ratelimited("%s() from %pS: %s\n", what, (void *)caller, why);
}

/**
 * report_heap() - say that what a client passed is no heap
 * @heap: what it passed
 * @what: the function it called
 * @caller: return address of the client's call
 *
 * Return: false
 */
bool report_heap(const struct span_heap *heap, const char *what, unsigned long caller)
{
	if (!heap)
		report_call(what, "the heap is NULL", caller);
	else
		pr_warn_ratelimited("%s() from %pS: the heap is an error, %pe\n", what,
				    (void *)caller, heap);
	return false;
}
