// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: one directory for each heap.
 *
 *	spanalloc/<heap>/stats		"name: value", one statistic a line
 *	spanalloc/<heap>/spans		live spans, one a line
 *	spanalloc/<heap>/scavenge	write a number of pages, or "all"
 *
 * Files are read-only where possible, since a locked-down kernel does not let
 * any task open writable ones. Errors of debugfs are ignored: without debugfs the
 * module works, and shows no numbers.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/debugfs.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include <spanalloc/spanalloc.h>

#include "api/debugfs.h"
#include "heap/heap.h"
#include "heap/heap_walk.h"
#include "heap/release.h"
#include "heap/report.h"
#include "heap/span.h"
#include "index/lookup.h"

static struct dentry *debugfs_root;

#define STAT(member)	{ #member, offsetof(struct span_heap_stats, member) }

const struct span_debugfs_stat span_debugfs_stats[] = {
	STAT(grown_pages),
	STAT(in_use_pages),
	STAT(in_use_heap_pages),
	STAT(in_use_stack_pages),
	STAT(in_use_bits_pages),
	STAT(in_use_work_pages),
	STAT(idle_pages),
	STAT(cached_pages),
	STAT(released_pages),
	STAT(peak_backed_pages),
	STAT(limit_pages),
	STAT(soft_limit_pages),
	STAT(reserve_target_pages),
	STAT(pool_low_pages),
	STAT(pool_high_pages),
	STAT(demand_pages),
	STAT(arena_count),
	STAT(span_count),
	STAT(alloc_count),
	STAT(free_count),
	STAT(split_count),
	STAT(fail_invalid_count),
	STAT(fail_limit_count),
	STAT(fail_space_count),
	STAT(fail_backing_count),
	STAT(fail_metadata_count),
	STAT(fail_charge_count),
	STAT(bad_free_count),
	STAT(cache_hit_count),
	STAT(cache_miss_count),
	STAT(pool_refill_count),
	STAT(grow_count),
	STAT(backed_pages),
	STAT(rebacked_pages),
	STAT(released_age_pages),
	STAT(released_pressure_pages),
	STAT(released_limit_pages),
	STAT(released_forced_pages),
	STAT(released_node_pages),
	STAT(released_shared_pages),
	STAT(deferred_count),
	STAT(refault_pages),
	STAT(refault_count),
	STAT(pass_count),
	STAT(retained_pages),
	STAT(scavenge_ns),
	STAT(release_batch_count),
	STAT(tlb_flush_count),
	STAT(zeroed_pages),
	STAT(zero_skipped_pages),
	STAT(lock_acquire_count),
	STAT(lock_contend_count),
	STAT(lock_hold_max_ns),
	STAT(metadata_bytes),
	STAT(page_table_bytes),
};

static_assert(ARRAY_SIZE(span_debugfs_stats) * sizeof(u64) == sizeof(struct span_heap_stats));

static int stats_show(struct seq_file *seq, void *unused)
{
	struct span_heap_stats stats;
	unsigned int i;

	span_heap_stats(seq->private, &stats);
	for (i = 0; i < ARRAY_SIZE(span_debugfs_stats); i++)
		seq_printf(seq, "%s: %llu\n", span_debugfs_stats[i].name,
			   *(u64 *)((char *)&stats + span_debugfs_stats[i].offset));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* Iterator over live spans; the search for the next one begins at @page. *pos is @page + 1. */
struct spans_iter {
	struct span_heap *heap;
	unsigned long page;
	struct span_view view;
};

static void *spans_start(struct seq_file *seq, loff_t *pos)
{
	struct spans_iter *iter = seq->private;

	iter->page = *pos ? *pos - 1 : 0;
	if (!*pos)
		return SEQ_START_TOKEN;
	return heap_next_span(iter->heap, &iter->page, &iter->view) ? iter : NULL;
}

static void *spans_next(struct seq_file *seq, void *unused, loff_t *pos)
{
	struct spans_iter *iter = seq->private;

	*pos = iter->page + 1;
	return heap_next_span(iter->heap, &iter->page, &iter->view) ? iter : NULL;
}

static void spans_stop(struct seq_file *seq, void *unused)
{
}

static int spans_show(struct seq_file *seq, void *v)
{
	const struct spans_iter *iter = seq->private;
	const struct span_view *view = &iter->view;
	struct span_origin origin;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "base pages kind owner age_ms caller\n");
		return 0;
	}
	if (!span_origin(view, &origin))
		return SEQ_SKIP;
	/* As in /proc/vmallocinfo: kptr_restrict decides which readers see addresses. */
	seq_printf(seq, "0x%pK %lu %s 0x%pK %llu %pS\n", (void *)view->base, view->npages,
		   heap_kind_name(span_state_kind(view->state)), view->owner, origin.age_ms,
		   (void *)origin.caller);
	return 0;
}

static const struct seq_operations spans_ops = {
	.start = spans_start,
	.next = spans_next,
	.stop = spans_stop,
	.show = spans_show,
};

static int spans_open(struct inode *inode, struct file *file)
{
	struct spans_iter *iter = __seq_open_private(file, &spans_ops, sizeof(*iter));

	if (!iter)
		return -ENOMEM;
	iter->heap = inode->i_private;
	return 0;
}

static const struct file_operations spans_fops = {
	.owner = THIS_MODULE,
	.open = spans_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static ssize_t scavenge_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct span_heap *heap = file->private_data;
	unsigned long npages = ULONG_MAX;
	char text[24] = "";

	/* Every write is one command, whatever the file position is. */
	if (copy_from_user(text, buf, min(len, sizeof(text) - 1)))
		return -EFAULT;
	if (len >= sizeof(text) ||
	    (!sysfs_streq(text, "all") && kstrtoul(strim(text), 10, &npages))) {
		pr_warn_ratelimited("heap %s: write a number of pages, or \"all\", to scavenge\n",
				    heap->name);
		return -EINVAL;
	}
	span_heap_scavenge(heap, npages);
	return len;
}

static const struct file_operations scavenge_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = scavenge_write,
	.llseek = noop_llseek,
};

/**
 * span_debugfs_init() - make the module's directory
 */
void __init span_debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("spanalloc", NULL);
}

/**
 * span_debugfs_exit() - remove the module's directory
 */
void span_debugfs_exit(void)
{
	debugfs_remove(debugfs_root);
}

/**
 * span_debugfs_add_heap() - make the directory of a heap
 * @heap: the heap
 */
void span_debugfs_add_heap(struct span_heap *heap)
{
	heap->debugfs = debugfs_create_dir(heap->name, debugfs_root);
	debugfs_create_file("stats", 0444, heap->debugfs, heap, &stats_fops);
	debugfs_create_file("spans", 0400, heap->debugfs, heap, &spans_fops);
	debugfs_create_file("scavenge", 0200, heap->debugfs, heap, &scavenge_fops);
}

/**
 * span_debugfs_remove_heap() - remove the directory of a heap; waits for readers of its files
 * @heap: the heap
 */
void span_debugfs_remove_heap(struct span_heap *heap)
{
	debugfs_remove(heap->debugfs);
}
