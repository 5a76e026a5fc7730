/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The data that the actors and the test share.
 */
#ifndef SPANCONTEXTS_CONTEXTS_H
#define SPANCONTEXTS_CONTEXTS_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "../common/complain.h"

struct span_heap;

/**
 * struct spancontexts - data that all actors share
 * @heap: the heap under test
 * @complaints: checks that have failed
 * @stopping: the test is ending: timers are not armed again
 */
struct spancontexts {
	struct span_heap *heap;
	atomic_t complaints;
	bool stopping;
};

extern struct spancontexts spancontexts;

#define complain(...)	complain_to(&spancontexts.complaints, __VA_ARGS__)

#endif /* SPANCONTEXTS_CONTEXTS_H */
