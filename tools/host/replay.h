/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay: run the calls of oracle vectors and traces on a page index.
 */
#ifndef HOST_REPLAY_H
#define HOST_REPLAY_H

#include "reader.h"

/*
 * Default number of operations from one pass to the next. A page is released after it
 * has been idle for one to two such periods.
 */
#define REPLAY_DEFAULT_AGE	64UL

/**
 * struct oracle_result - how an index compares with the oracle
 * @mismatches: number of answers that differ
 * @first: the first call with a different answer, or NULL
 * @answer: the index's answer to @first, -1 for no room
 */
struct oracle_result {
	size_t mismatches;
	const struct oracle_op *first;
	s64 answer;
};

/**
 * struct trace_result - results of the replay of a trace
 * @allocs: allocations among the calls
 * @peak_live: most pages in live spans at any time
 * @peak_backed: most pages with backing: in live spans or idle
 * @peak_span: highest page ever used, plus one
 * @released: pages released by passes
 * @rebacked: pages backed again after their release
 * @metadata_bytes: index, its table and a page table for lookups
 * @ns: time of the whole replay
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

/* Make a pass every @age operations, or none if @age is 0. */
void trace_replay(const struct trace *trace, unsigned long age, struct trace_result *result);

#endif /* HOST_REPLAY_H */
