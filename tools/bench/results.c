// SPDX-License-Identifier: GPL-2.0-only
/*
 * Results: rows in the order in which they were added. The file
 * spanalloc_bench/results in debugfs shows them as one JSON array.
 */
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "bench.h"

struct entry {
	struct list_head list;
	struct row row;
};

static LIST_HEAD(entries);
static DEFINE_MUTEX(entries_lock);
static struct dentry *dir;

static void show_thousandths(struct seq_file *file, const char *name, u64 value)
{
	u32 rest;
	u64 whole = div_u64_rem(value, 1000, &rest);

	seq_printf(file, ", \"%s\": %llu.%03u", name, whole, rest);
}

static void show_row(struct seq_file *file, const struct row *row)
{
	seq_printf(file, "  {\"bench\": \"%s\", \"subject\": \"%s\"", row->bench, row->subject);
	if (row->pages)
		seq_printf(file, ", \"pages\": %lu", row->pages);
	seq_printf(file, ", \"threads\": %u", row->threads);
	if (row->at_ms)
		seq_printf(file, ", \"at_ms\": %u", row->at_ms - 1);
	if (row->loops)
		seq_printf(file, ", \"loops\": %lu", row->loops);
	seq_printf(file, ", \"metric\": \"%s\"", row->metric);
	show_thousandths(file, "value", row->value);
	if (row->samples) {
		show_thousandths(file, "q1", row->q1);
		show_thousandths(file, "q3", row->q3);
		seq_printf(file, ", \"samples\": %u", row->samples);
	}
	if (row->base)
		show_thousandths(file, "ratio", div64_u64(row->value * 1000, row->base));
	seq_puts(file, "}");
}

static int results_show(struct seq_file *file, void *data)
{
	const struct entry *entry;

	mutex_lock(&entries_lock);
	seq_puts(file, "[\n");
	list_for_each_entry(entry, &entries, list) {
		show_row(file, &entry->row);
		seq_puts(file, list_is_last(&entry->list, &entries) ? "\n" : ",\n");
	}
	seq_puts(file, "]\n");
	mutex_unlock(&entries_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

void results_add(const struct row *row)
{
	struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

	/* kmalloc() has warned; the results lack this row. */
	if (!entry)
		return;
	entry->row = *row;
	mutex_lock(&entries_lock);
	list_add_tail(&entry->list, &entries);
	mutex_unlock(&entries_lock);
}

int results_begin(void)
{
	dir = debugfs_create_dir("spanalloc_bench", NULL);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	debugfs_create_file("results", 0444, dir, NULL, &results_fops);
	return 0;
}

void results_end(void)
{
	struct entry *entry, *next;

	debugfs_remove(dir);
	list_for_each_entry_safe(entry, next, &entries, list)
		kfree(entry);
}
