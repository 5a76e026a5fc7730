/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spanalloc_bench: declarations that its files share.
 *
 *	main		parameters, and the order of measurements
 *	measure		samples of all subjects, and their reports
 *	run		one thread's part in a job
 *	fill		allocations from idle pages when nothing is cached
 *	locks		holds of the heap's lock
 *	scavenge, load	effects of the scavenger on a load, and its cost
 *	vmrun, vmcases	the cases of the kernel's own test of vmalloc
 *	subjects	the allocators, each with its own copy of the timed loops
 *	crew		threads bound to CPUs that start together
 *	histogram	latencies
 *	results		rows, as a file in debugfs
 */
#ifndef SPANALLOC_BENCH_H
#define SPANALLOC_BENCH_H

#include <linux/mm.h>
#include <linux/types.h>

#include "clock.h"

#define MAX_THREADS	64
#define MAX_REPEATS	63

/* Number of random picks of a churn, after which the picks repeat. */
#define NR_PICKS	4096

/* Most live spans per thread, and slots of the ring that passes spans between threads. */
#define MAX_LIVE	512
#define RING_SIZE	(2 * MAX_LIVE)

struct span_heap;
extern struct span_heap *bench_heap;

/* === Results ============================================================ */

/**
 * struct row - one result with its parameters
 * @bench: name of the benchmark
 * @subject: name of the allocator
 * @metric: name of the metric, with its unit
 * @pages: length of an allocation, 0 if lengths are mixed
 * @threads: number of threads
 * @loops: operations per sample, 0 to leave it out
 * @value: median, in thousandths
 * @q1: lower quartile, likewise
 * @q3: upper quartile, likewise
 * @samples: number of samples, 0 if @value is not a median
 * @base: spanalloc's value of the same metric, 0 for spanalloc itself or if there is none
 * @at_ms: time of the value in milliseconds, plus 1; 0 if the value has no time
 */
struct row {
	const char *bench;
	const char *subject;
	const char *metric;
	unsigned long pages;
	unsigned int threads;
	unsigned long loops;
	u64 value;
	u64 q1;
	u64 q3;
	unsigned int samples;
	u64 base;
	unsigned int at_ms;
};

int results_begin(void);
void results_end(void);
void results_add(const struct row *row);

/* === Histogram ========================================================== */

#define HISTOGRAM_SUB_BITS	5
#define HISTOGRAM_BUCKETS	(64 << HISTOGRAM_SUB_BITS)

/**
 * struct histogram - distribution of values
 * @count: number of values in each bucket; a bucket is at most 3 % wide
 * @total: number of values
 * @max: the largest value, exact
 */
struct histogram {
	u32 count[HISTOGRAM_BUCKETS];
	u64 total;
	u64 max;
};

void histogram_clear(struct histogram *hist);
void histogram_merge(struct histogram *into, const struct histogram *from);
u64 histogram_at(const struct histogram *hist, unsigned int per_mille);

static inline unsigned int histogram_bucket(u64 value)
{
	unsigned int shift;

	if (value < 2 << HISTOGRAM_SUB_BITS)
		return value;
	shift = fls64(value) - HISTOGRAM_SUB_BITS - 1;
	return (shift << HISTOGRAM_SUB_BITS) + (value >> shift);
}

static inline void histogram_add(struct histogram *hist, u64 value)
{
	hist->count[histogram_bucket(value)]++;
	hist->total++;
	if (value > hist->max)
		hist->max = value;
}

/* === Crew =============================================================== */

/**
 * struct ring - spans on their way from one thread to another
 * @slot: the spans
 * @head: number of spans ever put in; written by the sender
 * @tail: number of spans ever taken out; written by the receiver
 */
struct ring {
	void *slot[RING_SIZE];
	unsigned long head ____cacheline_aligned_in_smp;
	unsigned long tail ____cacheline_aligned_in_smp;
};

/**
 * struct worker - a thread and its private data
 * @task: the thread
 * @id: its number
 * @slots: live spans of a churn
 * @picks: slots to replace, in order
 * @alloc_times: ticks per allocation
 * @free_times: ticks per free
 * @ring: spans that this thread sends
 * @failures: allocations that failed
 * @ns: time of its last job
 */
struct worker {
	struct task_struct *task;
	unsigned int id;
	void **slots;
	u16 *picks;
	struct histogram *alloc_times;
	struct histogram *free_times;
	struct ring *ring;
	unsigned long failures;
	u64 ns;
};

/**
 * struct job - a job of the crew
 * @run: called by all threads at the same time; returns the time in ns
 * @subject: the allocator
 * @npages: length of an allocation
 * @loops: operations per thread
 * @live: live spans per thread
 * @threads: number of threads
 */
struct job {
	u64 (*run)(const struct job *job, struct worker *worker);
	const struct subject *subject;
	unsigned long npages;
	unsigned long loops;
	unsigned long live;
	unsigned int threads;
};

int crew_gather(unsigned int threads);
void crew_dismiss(void);
struct worker *crew_worker(unsigned int id);
void crew_do(const struct job *job);
void crew_barrier(const struct job *job);

/* === Subjects =========================================================== */

/**
 * struct subject - an allocator, and the timed loops with its calls compiled in
 * @name: name in the results
 * @prepare: prepare for allocations of @npages; false if it has no such length
 * @finish: undo @prepare
 * @period: operations after which work that frees defer is done; NULL if frees defer
 *	no work
 * @alloc: allocate, by an indirect call, outside of timed loops
 * @free: free, likewise
 * @pair: allocate and free, @loops times
 * @churn: replace spans at random, @loops times
 * @exchange: allocate and send @loops spans, and free the spans received
 * @latency: as @churn, with each call timed
 */
struct subject {
	const char *name;
	bool (*prepare)(unsigned long npages);
	void (*finish)(void);
	unsigned long (*period)(unsigned long npages);
	void *(*alloc)(unsigned long npages);
	void (*free)(void *addr, unsigned long npages);
	void (*pair)(const struct job *job, struct worker *worker);
	void (*churn)(const struct job *job, struct worker *worker);
	void (*exchange)(const struct job *job, struct worker *worker, struct ring *in);
	void (*latency)(const struct job *job, struct worker *worker);
};

extern const struct subject bench_subjects[];
extern const unsigned int nr_bench_subjects;

/* The first subject is spanalloc, the base of comparisons; the last is the empty loop. */
#define SUBJECT_SPANALLOC	(&bench_subjects[0])
#define SUBJECT_EMPTY_LOOP	(&bench_subjects[nr_bench_subjects - 1])

bool subject_is_wanted(const struct subject *subject);

/* === Measuring ========================================================== */

/**
 * struct effort - number and size of samples
 * @loops: operations per sample, 0 to find a number that takes @sample_us
 * @sample_us: wanted duration of a sample
 * @repeats: samples per subject
 * @live_pages: most pages that a churn keeps live
 */
struct effort {
	unsigned long loops;
	unsigned int sample_us;
	unsigned int repeats;
	unsigned long live_pages;
};

extern struct effort effort;

void samples_sort(u64 *samples);
u64 samples_quartile(const u64 *samples, unsigned int quarter);

int measure_open(void);
void measure_close(void);
void measure_pair(unsigned long npages, unsigned int threads);
void measure_churn(unsigned long npages, unsigned int threads);
void measure_own(unsigned long npages);
void measure_cross(unsigned long npages);
void measure_latency(unsigned long npages, unsigned int threads);
void measure_report(const char *bench, const char *subject, unsigned long npages,
		    const struct histogram *allocs, const struct histogram *frees);

/* === Idle pages ========================================================= */

void measure_fill(unsigned long npages);

/* === The scavenger ====================================================== */

void measure_burst(void);
void measure_refault(void);
void measure_scavlat(unsigned long npages);

/* === The heap's lock ===================================================== */

void measure_lock_pair(unsigned long npages);
void measure_lock(void);

/* === The cases of the test of vmalloc =================================== */

/**
 * struct vm_subject - spans or vmalloc, with the same interface
 * @name: name in the results
 * @alloc: allocate @npages; NULL on failure
 * @alloc_noblock: allocate without sleeping; NULL if there is no such call
 * @alloc_aligned: allocate cleared pages at a multiple of @align bytes; NULL likewise
 * @free: free
 */
struct vm_subject {
	const char *name;
	void *(*alloc)(unsigned long npages);
	void *(*alloc_noblock)(unsigned long npages, gfp_t gfp);
	void *(*alloc_aligned)(unsigned long npages, unsigned long align);
	void (*free)(const void *addr);
};

/**
 * struct vm_case - a case of the kernel's test of vmalloc
 * @name: its name in that test
 * @mask: its bit in run_test_mask
 * @available: the subject has the calls that the case needs
 * @may_fail: an allocation may fail
 * @run: runs the case; returns 0 or a negative error code
 */
struct vm_case {
	const char *name;
	unsigned int mask;
	bool (*available)(const struct vm_subject *subject);
	bool may_fail;
	int (*run)(const struct vm_subject *subject);
};

extern const struct vm_case vm_cases[];
extern const unsigned int nr_vm_cases;
extern unsigned int test_loop_count;
extern unsigned int nr_pages;

int vmrun_check_params(void);
unsigned int vmrun_threads(void);
void vmrun_all(void);

/* vmalloc() with an alignment. valign_init() returns false if this kernel has none. */
bool valign_init(void);
void *valign_alloc(unsigned long npages, unsigned long align);

#endif /* SPANALLOC_BENCH_H */
