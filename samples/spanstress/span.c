// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <spanalloc/spanalloc.h>

#include "call.h"
#include "span.h"
#include "stress.h"
#include "worker.h"

/* The mark at the start of a page. Its complement is at the end of the page. */
struct stress_mark {
	u64 addr;
	u64 tag;
};

static void check_found(const struct stress_span *s, const char *addr,
			const char *which)
{
	struct span_info info;

	if (!span_lookup(addr, &info)) {
		complain("%s of span %p+%lu is not found", which, s->base, s->npages);
		return;
	}
	if (info.base != s->base || info.npages != s->npages || info.heap != spanstress.heap ||
	    info.obj != s->base || info.obj_size != s->npages * PAGE_SIZE ||
	    info.owner != s->owner)
		complain("%s of span %p+%lu: found %p+%lu, object %p+%zu, owner %p, not %p",
			 which, s->base, s->npages, info.base, info.npages,
			 info.obj, info.obj_size, info.owner, s->owner);
}

/**
 * stress_span_check_lookup() - check that lookups of a span find this span
 * @w: the worker that checks
 * @s: the span
 *
 * Context: Any context.
 */
void stress_span_check_lookup(struct stress_worker *w, const struct stress_span *s)
{
	const unsigned long bytes = s->npages * PAGE_SIZE;
	const char *end = s->base + bytes;
	struct span_info info;

	check_found(s, s->base, "first byte");
	check_found(s, s->base + stress_below(w, bytes), "inner byte");
	check_found(s, end - 1, "last byte");

	/* If a span has the byte at @end, the span begins there. */
	if (span_lookup(end, &info) && info.base != end)
		complain("byte after span %p+%lu: found span %p+%lu", s->base,
			 s->npages, info.base, info.npages);
}

static struct stress_mark *mark_head(const struct stress_span *s, unsigned long page)
{
	return (struct stress_mark *)(s->base + page * PAGE_SIZE);
}

static struct stress_mark *mark_tail(const struct stress_span *s, unsigned long page)
{
	return mark_head(s, page) + PAGE_SIZE / sizeof(struct stress_mark) - 1;
}

/**
 * stress_span_write_marks() - write the marks of all pages of a span
 * @s: the span
 *
 * Context: Any context.
 */
void stress_span_write_marks(const struct stress_span *s)
{
	unsigned long i;

	for (i = 0; i < s->npages; i++) {
		u64 addr = (unsigned long)mark_head(s, i);

		*mark_head(s, i) = (struct stress_mark){ addr, s->tag };
		*mark_tail(s, i) = (struct stress_mark){ ~addr, ~s->tag };
	}
}

static void check_marks(const struct stress_span *s)
{
	unsigned long i;

	for (i = 0; i < s->npages; i++) {
		const struct stress_mark *head = mark_head(s, i);
		const struct stress_mark *tail = mark_tail(s, i);
		u64 addr = (unsigned long)head;

		if (head->addr == addr && head->tag == s->tag &&
		    tail->addr == ~addr && tail->tag == ~s->tag)
			continue;
		complain("page %lu of span %p+%lu: head %llx %llx, tail %llx %llx, tag %llx",
			 i, s->base, s->npages, head->addr, head->tag,
			 ~tail->addr, ~tail->tag, s->tag);
		return;
	}
}

/**
 * stress_span_check_new() - check a span that was allocated
 * @s: the span
 * @call: the call that allocated it
 *
 * Context: Any context.
 */
void stress_span_check_new(const struct stress_span *s, const struct stress_call *call)
{
	const void *dirt;

	if (!PAGE_ALIGNED(s->base) || !is_vmalloc_addr(s->base) ||
	    !vmalloc_to_page(s->base))
		complain("span %p+%lu is not a run of mapped pages", s->base, s->npages);
	if (call->align_pages &&
	    !IS_ALIGNED((unsigned long)s->base, call->align_pages << PAGE_SHIFT))
		complain("span %p+%lu is not aligned to %lu pages", s->base,
			 s->npages, call->align_pages);
	if (call->gfp & __GFP_ZERO) {
		dirt = memchr_inv(s->base, 0, s->npages * PAGE_SIZE);
		if (dirt)
			complain("span %p+%lu has %#x at %#lx instead of zero",
				 s->base, s->npages, *(const u8 *)dirt,
				 (unsigned long)dirt - (unsigned long)s->base);
	}
}

/**
 * stress_span_set_owner() - set the owner of a span
 * @s: the span
 * @owner: its owner
 *
 * Context: Any context.
 */
void stress_span_set_owner(struct stress_span *s, void *owner)
{
	int err = span_set_owner(s->base, owner);

	if (err)
		complain("owner of span %p+%lu cannot be set (%d)", s->base,
			 s->npages, err);
	else
		s->owner = owner;
}

static void stress_span_free(struct stress_worker *w, struct stress_span *s)
{
	struct stress_call call = { .base = s->base };

	stress_call_make(w, stress_below(w, NR_CONTEXTS), &call);
	w->counts.frees++;
	atomic_long_sub(s->npages, &spanstress.live_pages);
	kfree(s);
}

/* Split a span at a random page, check both parts, and free the second. */
static void stress_span_split(struct stress_worker *w, struct stress_span *s)
{
	struct stress_span *tail = kzalloc(sizeof(*tail), GFP_KERNEL);
	unsigned long keep;
	int err;

	if (!tail)
		return;

	keep = 1 + stress_below(w, s->npages - 1);
	err = span_split(s->base, keep);
	if (err) {
		complain("span %p+%lu cannot be split at %lu (%d)", s->base,
			 s->npages, keep, err);
		kfree(tail);
		return;
	}
	w->counts.splits++;

	tail->base = s->base + keep * PAGE_SIZE;
	tail->npages = s->npages - keep;
	tail->tag = s->tag;
	s->npages = keep;
	stress_span_set_owner(tail, tail);

	stress_span_check_lookup(w, tail);
	stress_span_check_lookup(w, s);
	check_marks(tail);
	stress_span_free(w, tail);
}

/**
 * stress_span_retire() - check a span, split it at times, and free it
 * @w: the worker that retires it
 * @s: the span; it is freed too
 *
 * Context: Process context. May sleep.
 */
void stress_span_retire(struct stress_worker *w, struct stress_span *s)
{
	stress_span_check_lookup(w, s);
	check_marks(s);

	if (s->npages > 1 && !stress_below(w, 8)) {
		stress_span_split(w, s);
		check_marks(s);
		stress_span_check_lookup(w, s);
	}
	stress_span_free(w, s);
}
