// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the page index.
 */
#include "steps.h"
#include "tap.h"

static bool run_case(const struct step_case *test)
{
	bool passed;

	twin_init(&steps);
	passed = test->run(test->arg) && !steps.failed;
	twin_destroy(&steps);
	return passed;
}

static void run_cases_of(const struct step_case *cases, unsigned int nr_cases)
{
	unsigned int i;

	for (i = 0; i < nr_cases; i++)
		tap_result(run_case(&cases[i]), "index: %s", cases[i].name);
}

int main(void)
{
	tap_plan(nr_run_cases + nr_backing_cases + nr_reserve_cases + nr_batch_cases +
		 nr_recent_cases);
	run_cases_of(run_cases, nr_run_cases);
	run_cases_of(backing_cases, nr_backing_cases);
	run_cases_of(reserve_cases, nr_reserve_cases);
	run_cases_of(batch_cases, nr_batch_cases);
	run_cases_of(recent_cases, nr_recent_cases);
	return tap_status();
}
