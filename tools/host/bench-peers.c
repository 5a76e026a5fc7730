// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "bench-peers.h"
#include "memory.h"

static const char *const jemalloc[] = { "libjemalloc.so.2", NULL };
static const char *const gperftools[] = { "libtcmalloc.so.4", "libtcmalloc_minimal.so.4", NULL };
static const char *const mimalloc[] = { "libmimalloc.so.2", "libmimalloc.so.2.0", NULL };

struct peer peers[PEERS_NR] = {
	{ .name = "glibc" },
	{ .name = "jemalloc", .libraries = jemalloc, .package = "libjemalloc2" },
	{ .name = "gperftools", .libraries = gperftools, .package = "libgoogle-perftools4" },
	{ .name = "mimalloc", .libraries = mimalloc, .package = "libmimalloc2.0" },
};

static const char *const folders[] = {
	"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
};

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static bool find_library(const struct peer *peer, char *path, size_t size)
{
	unsigned int folder, i;

	for (i = 0; peer->libraries[i]; i++)
		for (folder = 0; folder < ARRAY_SIZE(folders); folder++) {
			snprintf(path, size, "%s/%s", folders[folder], peer->libraries[i]);
			if (!access(path, R_OK))
				return true;
		}
	return false;
}

static void become_peer(const char *library, const char *program, char **traces, int nr_traces,
			const int orders[2], const int answers[2])
{
	char **argv = memory_zeroed(nr_traces + 2, sizeof(*argv));

	argv[0] = (char *)program;
	memcpy(argv + 1, traces, nr_traces * sizeof(*argv));
	dup2(orders[0], STDIN_FILENO);
	dup2(answers[1], STDOUT_FILENO);
	close(orders[0]);
	close(orders[1]);
	close(answers[0]);
	close(answers[1]);
	if (library)
		setenv("LD_PRELOAD", library, 1);
	else
		unsetenv("LD_PRELOAD");
	execv(program, argv);
	fail(program);
}

static void next_answer(struct peer *peer, char *line, int size)
{
	if (!fgets(line, size, peer->answers)) {
		fprintf(stderr, "bench: the peer process for %s ended early\n", peer->name);
		exit(2);
	}
	line[strcspn(line, "\n")] = '\0';
}

/* Check the preload: without it the wrong allocator would be timed. */
static void check_library(struct peer *peer, const char *library)
{
	char used[256];

	next_answer(peer, used, sizeof(used));
	if (strcmp(used, library)) {
		fprintf(stderr, "bench: wanted malloc() of %s, got that of %s\n", library, used);
		exit(2);
	}
}

bool peer_start(struct peer *peer, const char *program, char **traces, int nr_traces)
{
	int orders[2], answers[2];
	char library[256];
	char libc[256];

	if (peer->libraries && !find_library(peer, library, sizeof(library))) {
		fprintf(stderr, "bench: no %s; to compare with it: apt-get install %s\n",
			peer->name, peer->package);
		return false;
	}
	/* Peers that are started later must not inherit these pipes. */
	if (pipe2(orders, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		fail("pipe");
	peer->pid = fork();
	if (peer->pid < 0)
		fail("fork");
	if (!peer->pid)
		become_peer(peer->libraries ? library : NULL, program, traces, nr_traces, orders,
			    answers);
	close(orders[0]);
	close(answers[1]);
	peer->orders = fdopen(orders[1], "w");
	peer->answers = fdopen(answers[0], "r");
	if (!peer->orders || !peer->answers)
		fail("fdopen");
	if (peer->libraries)
		check_library(peer, library);
	else
		next_answer(peer, libc, sizeof(libc));
	return true;
}

void peer_work(struct peer *peer, const char *order, double *answer, unsigned int nr_answers)
{
	char line[64];
	unsigned int i;

	fprintf(peer->orders, "%s\n", order);
	fflush(peer->orders);
	for (i = 0; i < nr_answers; i++) {
		next_answer(peer, line, sizeof(line));
		answer[i] = strtod(line, NULL);
	}
}

void peer_stop(struct peer *peer)
{
	if (!peer->pid)
		return;
	fclose(peer->orders);
	fclose(peer->answers);
	waitpid(peer->pid, NULL, 0);
	peer->pid = 0;
}
