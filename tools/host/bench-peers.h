/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peers: other allocators, each in a process of its own.
 */
#ifndef HOST_BENCH_PEERS_H
#define HOST_BENCH_PEERS_H

#include <stdio.h>
#include <sys/types.h>

#include "work.h"

#define PEERS_NR	4

/**
 * struct peer - a process that does page-run work with some malloc()
 * @name: name of the allocator
 * @libraries: file names of its library, NULL for the C library's own
 * @package: Debian package of the library
 * @pid: the process, 0 if it does not run
 * @orders: its standard input
 * @answers: its standard output
 */
struct peer {
	const char *name;
	const char *const *libraries;
	const char *package;
	pid_t pid;
	FILE *orders;
	FILE *answers;
};

extern struct peer peers[PEERS_NR];

/* Returns false, with a line on stderr, if the allocator is not installed. */
bool peer_start(struct peer *peer, const char *program, char **traces, int nr_traces);

/* Order "short" or "long" work. The answers are the times of its jobs. */
void peer_work(struct peer *peer, const char *order, double *answer, unsigned int nr_answers);
void peer_stop(struct peer *peer);

#endif /* HOST_BENCH_PEERS_H */
