// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histograms of latencies. There are 32 buckets per power of two.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "bench.h"

void histogram_clear(struct histogram *hist)
{
	memset(hist, 0, sizeof(*hist));
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
	into->total += from->total;
	into->max = max(into->max, from->max);
}

/* The smallest value of a bucket. */
static u64 bucket_start(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 << HISTOGRAM_SUB_BITS)
		return bucket;
	shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	return (u64)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
}

/* The value that @per_mille of all values do not exceed, as exact as a bucket. */
u64 histogram_at(const struct histogram *hist, unsigned int per_mille)
{
	u64 rank = DIV_ROUND_UP_ULL(hist->total * per_mille, 1000);
	u64 seen = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += hist->count[i];
		if (seen >= rank)
			break;
	}
	return min((bucket_start(i) + bucket_start(i + 1)) / 2, hist->max);
}
