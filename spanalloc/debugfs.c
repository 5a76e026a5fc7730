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
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "internal.h"

static struct dentry *debugfs_root;

static int stats_show(struct seq_file *seq, void *unused)
{
	struct span_heap_stats stats;

	span_heap_stats(seq->private, &stats);
#define SHOW_STAT(name) seq_printf(seq, #name ": %llu\n", stats.name);
	SPAN_HEAP_STATS(SHOW_STAT)
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
	seq_printf(seq, "0x%lx %lu %s 0x%lx %u %pS\n", view->base, view->npages,
		   heap_kind_name(span_state_kind(view->state)), (unsigned long)view->owner,
		   jiffies_to_msecs(jiffies - origin.born), (void *)origin.caller);
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
	char text[24];
	ssize_t n;

	n = simple_write_to_buffer(text, sizeof(text) - 1, pos, buf, len);
	if (n < 0)
		return n;
	text[n] = 0;
	if (!sysfs_streq(text, "all") && kstrtoul(strim(text), 0, &npages))
		return -EINVAL;
	span_heap_scavenge(heap, npages);
	return len;
}

static const struct file_operations scavenge_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = scavenge_write,
	.llseek = no_llseek,
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
