// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferred: spans that have been freed, and need work before their pages are idle.
 *
 *	in use --free--> deferred --deferred_finish()--> idle, and released
 *
 * A free may run with interrupts off, where it can neither wait for a TLB flush nor clear
 * gigabytes. It leaves such a span to the scavenger's thread, or to an allocation or a
 * release that needs the pages earlier. There are two reasons:
 *
 *	shared pages		in heaps made with %SPAN_HEAP_SHARED_PAGES. Pages with further
 *				references are unmapped, and freed with the last reference
 *	clearing		with init_on_free, of spans longer than
 *				@deferred_clear_pages
 *
 * Until the span is finished it is dead, and the heap counts its pages as moving.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include <spanalloc/spanalloc.h>

#include "heap/deferred.h"
#include "heap/heap.h"
#include "heap/inflight.h"
#include "heap/putback.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"
#include "vm/backing.h"
#include "vm/vm.h"

/* Pages looked at together: one bit of a u64 each. */
#define DEFERRED_BATCH	64

/* Pages that a caller takes from a deferred span at a time. */
#define DEFERRED_PIECE	512UL

unsigned long deferred_clear_pages = 512;

/* Does a page have further references, or is it poisoned? */
static bool deferred_is_held(struct page *page)
{
	return page_count(page) != 1 || PageHWPoison(page);
}

static u64 deferred_held_pages(unsigned long addr, struct page **pages, unsigned int nr)
{
	u64 held = 0;
	unsigned int i;

	vm_pages_expected(addr, pages, nr);
	for (i = 0; i < nr; i++)
		if (pages[i] && deferred_is_held(pages[i]))
			held |= BIT_ULL(i);
	/*
	 * The page counts before later writes to the pages, so that a CPU that has just
	 * dropped its reference cannot have read these writes. Pairs with the full barrier
	 * of put_page().
	 */
	smp_acquire__after_ctrl_dep();
	return held;
}

/**
 * deferred_count_held() - count pages of a span that are poisoned or have further references
 * @addr: first byte of a span that has just died
 * @npages: its length
 * @first: set to the number of the first page counted, if there is one
 *
 * Context: Any but NMI.
 *
 * Return: how many
 */
unsigned long deferred_count_held(unsigned long addr, unsigned long npages, unsigned long *first)
{
	struct page *pages[DEFERRED_BATCH];
	unsigned long at, held = 0;

	for (at = 0; at < npages; at += DEFERRED_BATCH) {
		unsigned int nr = min(npages - at, 0UL + DEFERRED_BATCH);
		u64 mask = deferred_held_pages(addr + (at << PAGE_SHIFT), pages, nr);

		if (mask && !held)
			*first = at + __ffs64(mask);
		held += hweight64(mask);
	}
	return held;
}

/**
 * deferred_add() - leave a span to be finished later
 * @heap: the heap
 * @span: the span, which has died
 * @kind: what its pages were for
 *
 * Context: Any but NMI.
 */
void deferred_add(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	unsigned long flags;

	/* From here on span->base and span->npages describe the part not yet finished. */
	span_leave(span);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	heap->in_use[kind] -= span->npages;
	heap->spans--;
	heap->count.free_count++;
	heap->count.deferred_count++;
	heap->moving += span->npages;
	span->next = heap->deferred;
	/* Looked at without the lock, where a stale value is acceptable. */
	WRITE_ONCE(heap->deferred, span);
	heap_unlock(heap, flags);
	scavenger_wake(WAKE_DEFERRED);
}

/* Unmap the pages in @held, which have further references, and drop the heap's own. */
static void deferred_unmap_shared(struct span_heap *heap, unsigned long addr,
				  struct page **pages, u64 held)
{
	unsigned long flags;
	u64 left;

	for (left = held; left; left &= left - 1)
		vm_unmap(addr + (__ffs64(left) << PAGE_SHIFT), 1);
	vm_flush(addr + (__ffs64(held) << PAGE_SHIFT),
		 addr + ((__fls(held) + 1UL) << PAGE_SHIFT));
	for (left = held; left; left &= left - 1)
		put_page(pages[__ffs64(left)]);
	flags = heap_lock(heap);
	heap->count.released_shared_pages += hweight64(held);
	heap->count.tlb_flush_count++;
	heap_unlock(heap, flags);
}

/* Finish @nr pages at @addr, of which @page is the first. */
static void deferred_finish_pages(struct putback *putback, unsigned long addr, unsigned long page,
				  unsigned int nr)
{
	enum putback_state free = want_init_on_free() ? PUTBACK_CLEAN : PUTBACK_IDLE;
	struct page *pages[DEFERRED_BATCH];
	unsigned int from, to;
	u64 held = 0;

	if (putback->heap->flags & SPAN_HEAP_SHARED_PAGES)
		held = deferred_held_pages(addr, pages, nr);
	if (held)
		deferred_unmap_shared(putback->heap, addr, pages, held);
	for (from = 0; from < nr; from = to) {
		bool gone = held >> from & 1;
		u64 other = gone ? ~(held >> from) : held >> from;

		to = min_t(unsigned int, nr, from + (other ? __ffs64(other) : 64));
		if (!gone && want_init_on_free())
			backing_clear(addr + ((unsigned long)from << PAGE_SHIFT), to - from, true);
		putback_add(putback, page + from, to - from, gone ? PUTBACK_RELEASED : free);
	}
}

/**
 * struct deferred_piece - a part of a deferred span
 * @base: its first byte
 * @npages: its length
 * @last: the descriptor, if no part of the span is left
 */
struct deferred_piece {
	unsigned long base;
	unsigned long npages;
	struct span *last;
};

static bool deferred_take_piece(struct span_heap *heap, struct deferred_piece *piece)
{
	unsigned long flags = heap_lock(heap);
	struct span *span = heap->deferred;

	if (span) {
		piece->base = span->base;
		piece->npages = min(span->npages, DEFERRED_PIECE);
		span->base += piece->npages << PAGE_SHIFT;
		span->npages -= piece->npages;
		piece->last = span->npages ? NULL : span;
		if (piece->last)
			WRITE_ONCE(heap->deferred, span->next);
		inflight_begin_locked(heap);
	}
	heap_unlock(heap, flags);
	return span;
}

static void deferred_finish_piece(struct span_heap *heap, const struct deferred_piece *piece)
{
	struct putback putback = { .heap = heap };
	unsigned long page = heap_page_of(piece->base);
	unsigned long at;

	for (at = 0; at < piece->npages; at += DEFERRED_BATCH) {
		deferred_finish_pages(&putback, piece->base + (at << PAGE_SHIFT), page + at,
				      min(piece->npages - at, 0UL + DEFERRED_BATCH));
		cond_resched();
	}
	putback_flush(&putback);
	if (piece->last)
		span_delete(piece->last);
	inflight_end(heap);
}

/**
 * deferred_finish() - finish deferred spans of a heap
 * @heap: the heap
 * @npages: pages after which the caller has enough; %ULONG_MAX for all
 *
 * Concurrent callers share the work, piece by piece. Pieces that other callers have taken
 * may not be finished on return; inflight_wait() waits for them.
 *
 * Context: Process context. May sleep, in reclaim too; allocates nothing.
 *
 * Return: whether this call finished anything
 */
bool deferred_finish(struct span_heap *heap, unsigned long npages)
{
	struct deferred_piece piece;
	unsigned long flags, done = 0;

	if (likely(!READ_ONCE(heap->deferred)))
		return false;
	might_sleep();
	if (!deferred_take_piece(heap, &piece))
		return false;
	do {
		deferred_finish_piece(heap, &piece);
		done += piece.npages;
	} while (done < npages && deferred_take_piece(heap, &piece));
	/* putback_flush() does not wake the scavenger; this unlock does, for all pieces. */
	flags = heap_lock(heap);
	heap_unlock_and_wake(heap, flags);
	return true;
}
