// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "tap.h"

static unsigned int planned;
static unsigned int done;
static unsigned int failed;

void tap_plan(unsigned int nr_tests)
{
	/* After a crash, the results before it must have been printed. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	planned = nr_tests;
	printf("TAP version 13\n1..%u\n", nr_tests);
}

bool tap_result(bool passed, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", passed ? "" : "not ", ++done);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	failed += !passed;
	return passed;
}

void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

int tap_status(void)
{
	if (done != planned)
		tap_note("ran %u of %u tests", done, planned);
	return failed || done != planned;
}
