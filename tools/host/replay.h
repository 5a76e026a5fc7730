/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay: oracle vectors and traces, put to a page index.
 */
#ifndef HOST_REPLAY_H
#define HOST_REPLAY_H

#include "reader.h"

/*
 * Operations between two passes unless said otherwise. A page is released when
 * it has been idle for one to two of these.
 */
#define REPLAY_DEFAULT_AGE	64UL

/**
 * struct oracle_result - how an index compares with the oracle
 * @mismatches: answers that differ
 * @first: the first call that was answered differently; NULL if none was
 * @answer: what the index answered to it, -1 for no room
 */
struct oracle_result {
	size_t mismatches;
	const struct oracle_op *first;
	s64 answer;
};

/**
 * struct trace_result - what a trace did to a heap
 * @allocs: allocations among the calls
 * @peak_live: most pages in live spans at any time
 * @peak_backed: most pages with backing: in live spans or idle
 * @peak_span: highest page ever used, plus one
 * @released: pages released by passes
 * @rebacked: pages backed again after that
 * @metadata_bytes: index, its table and a page table for lookups
 * @ns: time that all of it took
 */
struct trace_result {
	size_t allocs;
	unsigned long peak_live;
	unsigned long peak_backed;
	unsigned long peak_span;
	unsigned long released;
	unsigned long rebacked;
	size_t metadata_bytes;
	u64 ns;
};

/* Fails, with @error, if the vector contradicts itself. */
bool oracle_replay(const struct oracle *oracle, struct oracle_result *result,
		   struct reader_error *error);

/* Passes every @age operations; never if that is 0. */
void trace_replay(const struct trace *trace, unsigned long age, struct trace_result *result);

#endif /* HOST_REPLAY_H */
