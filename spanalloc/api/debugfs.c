// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: one directory for each heap.
 *
 *	spanalloc/<heap>/stats		"name: value", one statistic a line
 *	spanalloc/<heap>/spans		live spans, one a line
 *	spanalloc/<heap>/scavenge	write a number of pages, or "all"
 *
 * Files are read-only where that is enough, since a locked-down kernel lets
 * nobody read others. Nothing here can fail in a way that matters: a kernel
 * without debugfs has no numbers to show.
 */
#define pr_fmt(fmt) "spanalloc: " fmt

#include <linux/debugfs.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include <spanalloc/spanalloc.h>

#include "api/debugfs.h"
#include "heap/heap.h"
#include "heap/locktime.h"
#include "heap/release.h"
#include "heap/report.h"
#include "heap/span.h"
#include "index/lookup.h"

static struct dentry *debugfs_root;

/* In the order of struct span_heap_stats. */
static const char * const stat_names[] = {
	"reserved_pages",
	"in_use_pages",
	"in_use_heap_pages",
	"in_use_stack_pages",
	"in_use_bits_pages",
	"in_use_work_pages",
	"idle_pages",
	"cached_pages",
	"released_pages",
	"peak_backed_pages",
	"limit_pages",
	"soft_limit_pages",
	"reserve_pages",
	"atomic_low_pages",
	"atomic_high_pages",
	"demand_pages",
	"arena_count",
	"span_count",
	"alloc_count",
	"free_count",
	"split_count",
	"fail_invalid_count",
	"fail_limit_count",
	"fail_space_count",
	"fail_backing_count",
	"fail_metadata_count",
	"fail_charge_count",
	"bad_free_count",
	"cache_hit_count",
	"cache_miss_count",
	"atomic_refill_count",
	"grow_count",
	"backed_pages",
	"rebacked_pages",
	"released_age_pages",
	"released_pressure_pages",
	"released_limit_pages",
	"released_forced_pages",
	"released_node_pages",
	"released_shared_pages",
	"deferred_count",
	"regret_pages",
	"regret_count",
	"sweep_count",
	"restrained_pages",
	"scavenge_ns",
	"release_batch_count",
	"tlb_flush_count",
	"zeroed_pages",
	"zero_skipped_pages",
	"lock_acquire_count",
	"lock_contend_count",
	"lock_hold_max_ns",
	"metadata_bytes",
	"page_table_bytes",
};

static_assert(ARRAY_SIZE(stat_names) * sizeof(u64) == sizeof(struct span_heap_stats));

static int stats_show(struct seq_file *seq, void *unused)
{
	union {
		struct span_heap_stats stats;
		u64 values[ARRAY_SIZE(stat_names)];
	} all;
	unsigned int i;

	span_heap_stats(seq->private, &all.stats);
	for (i = 0; i < ARRAY_SIZE(stat_names); i++)
		seq_printf(seq, "%s: %llu\n", stat_names[i], all.values[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* The iterator is the page of the index that the next span is looked for at. */
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
	/* As in /proc/vmallocinfo: kptr_restrict decides who sees addresses. */
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

	/* Every write is a command of its own, wherever the file position is. */
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
 * debugfs_init() - make the module's directory
 */
void __init debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("spanalloc", NULL);
}

/**
 * debugfs_exit() - remove it
 */
void debugfs_exit(void)
{
	debugfs_remove(debugfs_root);
}

/**
 * debugfs_add_heap() - show a heap
 * @heap: the heap
 */
void debugfs_add_heap(struct span_heap *heap)
{
	heap->debugfs = debugfs_create_dir(heap->name, debugfs_root);
	debugfs_create_file("stats", 0444, heap->debugfs, heap, &stats_fops);
	debugfs_create_file("spans", 0400, heap->debugfs, heap, &spans_fops);
	debugfs_create_file("scavenge", 0200, heap->debugfs, heap, &scavenge_fops);
}

/**
 * debugfs_remove_heap() - stop showing a heap; waits for readers to be done
 * @heap: the heap
 */
void debugfs_remove_heap(struct span_heap *heap)
{
	debugfs_remove(heap->debugfs);
}
