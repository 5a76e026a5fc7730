// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measuring: each round takes one sample of every subject, so that a disturbance of
 * the machine affects all subjects alike. The results are the median and the
 * quartiles over all rounds.
 *
 * A trial, which also warms up, finds the number of operations of a sample for each
 * subject. The empty loop is measured in the same rounds, and its median is
 * subtracted from pairs and churn. The time of reading the clock is subtracted from
 * latencies.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "bench.h"
#include "run.h"

#define MAX_SUBJECTS	8
#define MAX_LOOPS	(1UL << 24)

/* Fewest live spans of a churn, so that the random choice has spans to choose from. */
#define MIN_LIVE	4

/*
 * Factor by which a sample of an exchange is longer: in a virtual machine, a thread may
 * wait until the host runs the CPU of the other thread.
 */
#define TWO_FACTOR	5

/**
 * struct cell - a cell of the table of results, for one subject
 * @job: the job that is timed
 * @usable: the subject can do the job
 * @sample: the samples, in picoseconds per operation and thread
 * @empty: median of the empty loop, which is subtracted from the samples
 */
struct cell {
	struct job job;
	bool usable;
	u64 sample[MAX_REPEATS];
	u64 empty;
};

/* Variants: one thread alone; two that free each other's spans; two that free their own. */
enum { OWN_1, CROSS_2, OWN_2, NR_TWO };

static struct cell *cells;
static struct histogram *alloc_times;
static struct histogram *free_times;

/* Length of a tick of clock_ticks(), in 2^-20 picoseconds, and ticks that a reading takes. */
static u64 ps_per_tick_20;
static u64 tick_cost;

static struct cell *cell_of(const struct subject *subject, unsigned int variant)
{
	return &cells[variant * MAX_SUBJECTS + (subject - bench_subjects)];
}

/* === Samples ============================================================ */

static int compare_samples(const void *left, const void *right)
{
	u64 a = *(const u64 *)left, b = *(const u64 *)right;

	return a < b ? -1 : a > b;
}

/* Sorts effort.repeats samples, one for each round. */
void samples_sort(u64 *samples)
{
	sort(samples, effort.repeats, sizeof(*samples), compare_samples, NULL);
}

/* The lower quartile, the median or the upper quartile of sorted samples: @quarter 1 to 3. */
u64 samples_quartile(const u64 *samples, unsigned int quarter)
{
	return samples[(effort.repeats - 1) * quarter / 4];
}

/* A quartile of the cell's samples, less the time of the empty loop. */
static u64 quartile(const struct cell *cell, unsigned int quarter)
{
	u64 sample = samples_quartile(cell->sample, quarter);

	return sample - min(sample, cell->empty);
}

static void say_failed(const struct job *job)
{
	pr_notice("%s: %lu pages, %u threads: an allocation failed\n", job->subject->name,
		  job->npages, job->threads);
}

static void clear_times(unsigned int threads)
{
	unsigned int id;

	for (id = 0; id < threads; id++) {
		histogram_clear(crew_worker(id)->alloc_times);
		histogram_clear(crew_worker(id)->free_times);
		crew_worker(id)->failures = 0;
	}
}

/* Do the job once. Returns the threads' average time in ns, or 0 if an allocation failed. */
static u64 do_once(const struct job *job)
{
	unsigned int id;
	u64 sum = 0;

	clear_times(job->threads);
	crew_do(job);
	cond_resched();
	for (id = 0; id < job->threads; id++) {
		if (crew_worker(id)->failures)
			return 0;
		sum += crew_worker(id)->ns;
	}
	return max(div_u64(sum, job->threads), 1ULL);
}

/* Factor by which a sample of several threads may be longer than wanted. */
#define PATIENCE	8

/*
 * Find the number of operations of a sample. The trial runs one thread, which waits for
 * no other. If several threads take much longer for as many operations, use fewer.
 */
static bool find_loops(struct job *job, u64 want)
{
	struct job trial = *job;
	u64 ns;

	trial.threads = 1;
	if (trial.run == run_cross)
		trial.run = run_own;
	trial.loops = effort.loops ?: 1;
	for (;;) {
		ns = do_once(&trial);
		/* Repeat the trial, since an interruption may have made it slow. */
		if (ns >= want / 4)
			ns = min(ns, do_once(&trial));
		if (!ns)
			return false;
		if (effort.loops || ns >= want / 4 || trial.loops >= MAX_LOOPS)
			break;
		trial.loops *= 4;
	}
	if (effort.loops) {
		job->loops = effort.loops;
		return true;
	}
	job->loops = clamp(div64_u64(trial.loops * want, ns), 1ULL, (u64)MAX_LOOPS);
	if (job->threads > 1) {
		ns = do_once(job);
		if (ns > want * PATIENCE)
			job->loops = max(div64_u64(job->loops * want * PATIENCE, ns), 1ULL);
	}
	/* A sample has at least two periods, so that it includes its share of deferred work. */
	if (job->subject->period)
		job->loops = max(job->loops, 2 * job->subject->period(job->npages));
	return true;
}

static void set_up(const struct subject *subject, unsigned int variant, const struct job *job)
{
	struct cell *cell = cell_of(subject, variant);
	u64 want = effort.sample_us * (u64)NSEC_PER_USEC;

	if (job->run == run_own || job->run == run_cross)
		want *= TWO_FACTOR;
	cell->job = *job;
	cell->job.subject = subject;
	cell->empty = 0;
	cell->usable = find_loops(&cell->job, want);
	if (!cell->usable)
		say_failed(&cell->job);
}

static const struct subject *first_subject(void)
{
	const struct subject *subject = bench_subjects;

	while (!subject_is_wanted(subject))
		subject++;
	return subject;
}

static const struct subject *next_subject(const struct subject *subject)
{
	do {
		subject++;
	} while (subject <= SUBJECT_EMPTY_LOOP && !subject_is_wanted(subject));
	return subject;
}

#define for_each_wanted(subject)						\
	for ((subject) = first_subject(); (subject) <= SUBJECT_EMPTY_LOOP;	\
	     (subject) = next_subject(subject))

static void keep_times(const struct subject *subject, unsigned int threads)
{
	unsigned int id;

	for (id = 0; id < threads; id++) {
		histogram_merge(&alloc_times[subject - bench_subjects],
				crew_worker(id)->alloc_times);
		histogram_merge(&free_times[subject - bench_subjects],
				crew_worker(id)->free_times);
	}
}

static void take_sample(const struct subject *subject, unsigned int variant, unsigned int round)
{
	struct cell *cell = cell_of(subject, variant);
	u64 ns;

	if (!cell->usable)
		return;
	ns = do_once(&cell->job);
	if (!ns) {
		cell->usable = false;
		say_failed(&cell->job);
		return;
	}
	cell->sample[round] = div64_u64(ns * 1000, cell->job.loops);
	if (cell->job.run == run_latency)
		keep_times(subject, cell->job.threads);
}

/* Take all samples of all subjects for @jobs, whose allocations have the same length. */
static void take_samples(const struct job *jobs, unsigned int nr_jobs)
{
	const struct subject *subject;
	bool ready[MAX_SUBJECTS];
	unsigned int round, i;

	for_each_wanted(subject) {
		bool ok = subject->prepare(jobs[0].npages);

		ready[subject - bench_subjects] = ok;
		if (!ok)
			pr_notice("%s: cannot allocate %lu pages\n", subject->name, jobs[0].npages);
		for (i = 0; i < nr_jobs; i++) {
			cell_of(subject, i)->usable = false;
			if (ok && jobs[i].run &&
			    !(jobs[i].run == run_cross && subject == SUBJECT_EMPTY_LOOP))
				set_up(subject, i, &jobs[i]);
		}
	}
	for (round = 0; round < effort.repeats; round++) {
		for_each_wanted(subject) {
			for (i = 0; i < nr_jobs; i++)
				take_sample(subject, i, round);
		}
	}
	for_each_wanted(subject) {
		for (i = 0; i < nr_jobs; i++)
			samples_sort(cell_of(subject, i)->sample);
		if (ready[subject - bench_subjects])
			subject->finish();
	}
}

/* === Reports ============================================================ */

static unsigned long live_spans(unsigned long npages, unsigned int threads)
{
	return clamp(effort.live_pages / npages / threads, (unsigned long)MIN_LIVE,
		     (unsigned long)MAX_LIVE);
}

static bool is_peer(const struct subject *subject)
{
	return subject != SUBJECT_SPANALLOC && subject != SUBJECT_EMPTY_LOOP;
}

/* Report time per operation, the empty loop subtracted from all but itself. */
static void report_times(const char *bench)
{
	u64 empty = quartile(cell_of(SUBJECT_EMPTY_LOOP, 0), 2);
	const struct subject *subject;
	u64 base = 0;

	for_each_wanted(subject) {
		struct cell *cell = cell_of(subject, 0);
		struct row row = {
			.bench = bench,
			.subject = subject->name,
			.metric = "ns_per_op",
			.pages = cell->job.npages,
			.threads = cell->job.threads,
			.loops = cell->job.loops,
			.samples = effort.repeats,
		};

		if (!cell->usable)
			continue;
		if (subject != SUBJECT_EMPTY_LOOP)
			cell->empty = empty;
		row.q1 = quartile(cell, 1);
		row.value = quartile(cell, 2);
		row.q3 = quartile(cell, 3);
		if (subject == SUBJECT_SPANALLOC)
			base = row.value;
		if (is_peer(subject))
			row.base = base;
		results_add(&row);
	}
}

void measure_pair(unsigned long npages, unsigned int threads)
{
	const struct job job = { .run = run_pair, .npages = npages, .threads = threads };

	take_samples(&job, 1);
	report_times("pair");
}

void measure_churn(unsigned long npages, unsigned int threads)
{
	const struct job job = {
		.run = run_churn,
		.npages = npages,
		.threads = threads,
		.live = live_spans(npages, threads),
	};

	take_samples(&job, 1);
	report_times("churn");
}

/* Operations per millisecond of all threads together, in thousandths. */
static u64 throughput(const struct cell *cell, unsigned int quarter)
{
	u64 ps = quartile(cell, quarter);

	return ps ? div64_u64(cell->job.threads * 1000 * (u64)NSEC_PER_SEC, ps) : 0;
}

/*
 * Report the throughput, and its ratio to the throughput of one thread, which is measured
 * in the same rounds.
 */
static void report_throughput(const struct subject *subject, unsigned int variant,
			      const char *name)
{
	const struct cell *cell = cell_of(subject, variant);
	u64 alone = throughput(cell_of(subject, OWN_1), 2);
	struct row row = {
		.bench = name,
		.subject = subject->name,
		.metric = "kop_per_s",
		.pages = cell->job.npages,
		.threads = cell->job.threads,
		.loops = cell->job.loops,
		.samples = effort.repeats,
		.q1 = throughput(cell, 3),
		.value = throughput(cell, 2),
		.q3 = throughput(cell, 1),
	};

	results_add(&row);
	if (variant == OWN_1 || !alone)
		return;
	row.metric = "speedup";
	row.value = div64_u64(row.value * 1000, alone);
	row.samples = 0;
	results_add(&row);
}

/* Measure the jobs that have a run, and report the variants that have a name. */
static void measure_jobs(const struct job *jobs, const char * const names[NR_TWO])
{
	const struct subject *subject;
	unsigned int variant;

	take_samples(jobs, NR_TWO);
	for_each_wanted(subject) {
		if (subject == SUBJECT_EMPTY_LOOP)
			break;
		for (variant = 0; variant < NR_TWO; variant++) {
			if (names[variant] && cell_of(subject, OWN_1)->usable &&
			    cell_of(subject, variant)->usable)
				report_throughput(subject, variant, names[variant]);
		}
	}
}

void measure_own(unsigned long npages)
{
	static const char * const names[NR_TWO] = { [OWN_1] = "own", [OWN_2] = "own" };
	unsigned long live = live_spans(npages, 8);
	const struct job jobs[NR_TWO] = {
		[OWN_1] = { .run = run_own, .npages = npages, .threads = 1, .live = live },
		[OWN_2] = { .run = run_own, .npages = npages, .threads = 2, .live = live },
	};

	measure_jobs(jobs, names);
}

/*
 * Measure the exchange and, alternating with it, two threads that free their own spans,
 * after each has got spans of the other.
 */
void measure_cross(unsigned long npages)
{
	static const char * const names[NR_TWO] = {
		[CROSS_2] = "cross", [OWN_2] = "own_after_cross"
	};
	unsigned long live = live_spans(npages, 8);
	const struct job jobs[NR_TWO] = {
		[OWN_1] = { .run = run_own, .npages = npages, .threads = 1, .live = live },
		[CROSS_2] = { .run = run_cross, .npages = npages, .threads = 2, .live = live },
		[OWN_2] = { .run = run_own, .npages = npages, .threads = 2, .live = live },
	};

	measure_jobs(jobs, names);
}

/* Convert ticks to picoseconds, less the time of reading the clock. */
static u64 ticks_to_ps(u64 ticks)
{
	return mul_u64_u64_shr(ticks - min(ticks, tick_cost), ps_per_tick_20, 20);
}

static void report_histogram(struct row *row, const struct histogram *hist,
			     const char * const *metrics)
{
	static const unsigned int per_mille[] = { 500, 990, 999 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(per_mille); i++) {
		row->metric = metrics[i];
		row->value = ticks_to_ps(histogram_at(hist, per_mille[i]));
		results_add(row);
	}
	row->metric = metrics[i];
	row->value = ticks_to_ps(hist->max);
	results_add(row);
}

static const char * const alloc_metrics[] = {
	"alloc_p50_ns", "alloc_p99_ns", "alloc_p99.9_ns", "alloc_max_ns"
};

static const char * const free_metrics[] = {
	"free_p50_ns", "free_p99_ns", "free_p99.9_ns", "free_max_ns"
};

/* Report latencies that another file has measured with clock_ticks(). */
void measure_report(const char *bench, const char *subject, unsigned long npages,
		    const struct histogram *allocs, const struct histogram *frees)
{
	struct row row = {
		.bench = bench,
		.subject = subject,
		.pages = npages,
		.threads = 1,
	};

	report_histogram(&row, allocs, alloc_metrics);
	report_histogram(&row, frees, free_metrics);
}

void measure_latency(unsigned long npages, unsigned int threads)
{
	const struct job job = {
		.run = run_latency,
		.npages = npages,
		.threads = threads,
		.live = live_spans(npages, threads),
	};
	const struct subject *subject;

	for_each_wanted(subject) {
		histogram_clear(&alloc_times[subject - bench_subjects]);
		histogram_clear(&free_times[subject - bench_subjects]);
	}
	take_samples(&job, 1);
	for_each_wanted(subject) {
		const struct cell *cell = cell_of(subject, 0);
		struct row row = {
			.bench = "latency",
			.subject = subject->name,
			.pages = npages,
			.threads = threads,
			.loops = cell->job.loops * effort.repeats,
		};

		if (!cell->usable)
			continue;
		report_histogram(&row, &alloc_times[subject - bench_subjects], alloc_metrics);
		report_histogram(&row, &free_times[subject - bench_subjects], free_metrics);
	}
}

/* === Opening and closing ================================================ */

static void calibrate_ticks(void)
{
	struct histogram *hist = &alloc_times[0];
	u64 ns, ticks, start;
	unsigned int i;

	ns = ktime_get_ns();
	ticks = clock_ticks();
	msleep(50);
	ticks = clock_ticks() - ticks;
	ns = ktime_get_ns() - ns;
	ps_per_tick_20 = div64_u64(ns * 1000 << 20, max(ticks, 1ULL));

	histogram_clear(hist);
	for (i = 0; i < 1000; i++) {
		start = clock_ticks();
		histogram_add(hist, clock_ticks() - start);
	}
	tick_cost = histogram_at(hist, 500);
	pr_info("clock of single calls: %llu ticks per us, %llu ticks to read\n",
		div64_u64(ticks * 1000, ns), tick_cost);
}

/* The caller calls measure_close() even if this fails. */
int measure_open(void)
{
	BUILD_BUG_ON(MAX_LIVE > NR_PICKS);
	if (WARN_ON(nr_bench_subjects > MAX_SUBJECTS))
		return -EINVAL;
	cells = kvcalloc(NR_TWO * MAX_SUBJECTS, sizeof(*cells), GFP_KERNEL);
	alloc_times = kvcalloc(MAX_SUBJECTS, sizeof(*alloc_times), GFP_KERNEL);
	free_times = kvcalloc(MAX_SUBJECTS, sizeof(*free_times), GFP_KERNEL);
	if (!cells || !alloc_times || !free_times)
		return -ENOMEM;
	calibrate_ticks();
	return 0;
}

void measure_close(void)
{
	kvfree(cells);
	kvfree(alloc_times);
	kvfree(free_times);
}
