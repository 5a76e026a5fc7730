// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the cases of the kernel's test of vmalloc with the parameters of that test, first
 * for spans, then for vmalloc. Like that test, prints a line per case and thread.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

#include <spanalloc/spanalloc.h>

#include "bench.h"

#define MAX_CASES	8

static unsigned int nr_threads;
module_param(nr_threads, uint, 0444);
MODULE_PARM_DESC(nr_threads, "vmcases: threads (0, the default: one per CPU)");

static bool sequential_test_order;
module_param(sequential_test_order, bool, 0444);
MODULE_PARM_DESC(sequential_test_order, "vmcases: run the cases in order, not shuffled (default N)");

static unsigned int test_repeat_count = 1;
module_param(test_repeat_count, uint, 0444);
MODULE_PARM_DESC(test_repeat_count, "vmcases: repetitions of each case (default 1)");

unsigned int test_loop_count = 1000000;
module_param(test_loop_count, uint, 0444);
MODULE_PARM_DESC(test_loop_count, "vmcases: operations per case (default 1000000)");

unsigned int nr_pages;
module_param(nr_pages, uint, 0444);
MODULE_PARM_DESC(nr_pages, "vmcases: pages in fix_size_alloc_test (0, the default: 1)");

static bool use_huge;
module_param(use_huge, bool, 0444);
MODULE_PARM_DESC(use_huge, "vmcases: fix_size_alloc_test of vmalloc may use huge pages (default N)");

static unsigned int run_test_mask = 7;
module_param(run_test_mask, uint, 0444);
MODULE_PARM_DESC(run_test_mask, "vmcases: 1 fix_size, 2 full_fit, 4 long_busy_list, 8 random_size, 16 fix_align, 32 random_size_align, 2048 no_block (default 7)");

/* === Spans and vmalloc ================================================== */

static void *spans_alloc(unsigned long npages)
{
	return span_alloc(bench_heap, npages, GFP_KERNEL);
}

static void *spans_alloc_noblock(unsigned long npages, gfp_t gfp)
{
	return span_alloc(bench_heap, npages, gfp);
}

static void *spans_alloc_aligned(unsigned long npages, unsigned long align)
{
	return span_alloc_aligned(bench_heap, npages, max(align >> PAGE_SHIFT, 1UL),
				  GFP_KERNEL | __GFP_ZERO);
}

static void *plain_alloc(unsigned long npages)
{
	if (use_huge)
		return vmalloc_huge(npages << PAGE_SHIFT, GFP_KERNEL);
	return vmalloc(npages << PAGE_SHIFT);
}

static void *plain_alloc_noblock(unsigned long npages, gfp_t gfp)
{
	return __vmalloc(npages << PAGE_SHIFT, gfp);
}

static struct vm_subject vm_subjects[] = {
	{ "spanalloc", spans_alloc, spans_alloc_noblock, spans_alloc_aligned, span_free },
	{ "vmalloc", plain_alloc, NULL, NULL, vfree },
};

/* === Running ============================================================ */

/**
 * struct tally - results of a case in one thread
 * @passed: repetitions that passed
 * @failed: repetitions that failed
 * @xfailed: repetitions that failed, of a case that may fail
 * @ns: time of all repetitions
 */
struct tally {
	unsigned int passed;
	unsigned int failed;
	unsigned int xfailed;
	u64 ns;
};

static const struct vm_subject *subject_now;
static struct tally (*tallies)[MAX_CASES];
static u64 *cycles;

static void shuffle(unsigned int *order, unsigned int nr)
{
	unsigned int i;

	for (i = nr - 1; i > 0; i--)
		swap(order[i], order[get_random_u32() % (i + 1)]);
}

static void run_case(const struct vm_case *vm_case, struct tally *tally)
{
	unsigned int i;
	u64 start;

	if (!(run_test_mask & vm_case->mask) || !vm_case->available(subject_now))
		return;
	for (i = 0; i < test_repeat_count; i++) {
		start = ktime_get_ns();
		if (!vm_case->run(subject_now))
			tally->passed++;
		else if (vm_case->may_fail)
			tally->xfailed++;
		else
			tally->failed++;
		tally->ns += ktime_get_ns() - start;
	}
}

static u64 run_cases(const struct job *job, struct worker *worker)
{
	unsigned int order[MAX_CASES];
	unsigned int i;
	u64 start;

	for (i = 0; i < nr_vm_cases; i++)
		order[i] = i;
	if (!sequential_test_order)
		shuffle(order, nr_vm_cases);
	memset(tallies[worker->id], 0, sizeof(tallies[worker->id]));
	crew_barrier(job);
	start = clock_ticks();
	for (i = 0; i < nr_vm_cases; i++)
		run_case(&vm_cases[order[i]], &tallies[worker->id][order[i]]);
	cycles[worker->id] = clock_ticks() - start;
	return 0;
}

static void print_thread(unsigned int id)
{
	unsigned int i;

	for (i = 0; i < nr_vm_cases; i++) {
		const struct tally *tally = &tallies[id][i];

		if (!(tally->passed + tally->failed + tally->xfailed))
			continue;
		pr_info("%s: Summary: %s passed: %u failed: %u xfailed: %u repeat: %u loops: %u avg: %llu usec\n",
			subject_now->name, vm_cases[i].name, tally->passed, tally->failed,
			tally->xfailed, test_repeat_count, test_loop_count,
			div_u64(tally->ns, NSEC_PER_USEC * test_repeat_count));
	}
	pr_info("%s: All test took worker%u=%llu cycles\n", subject_now->name, id, cycles[id]);
}

/* Picoseconds per operation, averaged over threads; 0 if a repetition failed. */
static u64 average(unsigned int i, unsigned int threads)
{
	unsigned int id;
	u64 sum = 0;

	for (id = 0; id < threads; id++) {
		if (tallies[id][i].passed != test_repeat_count)
			return 0;
		sum += tallies[id][i].ns;
	}
	return div64_u64(div_u64(sum, threads) * 1000, (u64)test_repeat_count * test_loop_count);
}

int vmrun_check_params(void)
{
	if (test_loop_count && test_repeat_count && nr_threads <= MAX_THREADS)
		return 0;
	pr_err("test_loop_count and test_repeat_count must not be 0, nr_threads at most %u\n",
	       MAX_THREADS);
	return -EINVAL;
}

unsigned int vmrun_threads(void)
{
	return nr_threads ?: min_t(unsigned int, num_online_cpus(), MAX_THREADS);
}

void vmrun_all(void)
{
	const struct job job = { .run = run_cases, .threads = vmrun_threads() };
	u64 base[MAX_CASES] = {};
	unsigned int i, id;

	BUILD_BUG_ON(MAX_CASES > BITS_PER_TYPE(run_test_mask));
	if (WARN_ON(nr_vm_cases > MAX_CASES))
		return;
	if (VMALLOC_CAN_BE_ATOMIC)
		vm_subjects[1].alloc_noblock = plain_alloc_noblock;
	if (valign_init())
		vm_subjects[1].alloc_aligned = valign_alloc;
	else
		pr_notice("vmalloc: no aligned allocations: __vmalloc_node() is not found\n");
	tallies = kcalloc(job.threads, sizeof(*tallies), GFP_KERNEL);
	cycles = kcalloc(job.threads, sizeof(*cycles), GFP_KERNEL);
	if (!tallies || !cycles)
		goto out;

	for (subject_now = vm_subjects; subject_now < vm_subjects + ARRAY_SIZE(vm_subjects);
	     subject_now++) {
		crew_do(&job);
		for (id = 0; id < job.threads; id++)
			print_thread(id);
		for (i = 0; i < nr_vm_cases; i++) {
			struct row row = {
				.bench = vm_cases[i].name,
				.subject = subject_now->name,
				.metric = "ns_per_op",
				.threads = job.threads,
				.loops = test_loop_count,
				.value = average(i, job.threads),
				.base = base[i],
			};

			if (!row.value)
				continue;
			if (subject_now == vm_subjects)
				base[i] = row.value;
			results_add(&row);
		}
		span_heap_scavenge(bench_heap, ULONG_MAX);
	}
out:
	kfree(tallies);
	kfree(cycles);
}
