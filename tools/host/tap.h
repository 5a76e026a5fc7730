/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test results as TAP, the Test Anything Protocol.
 */
#ifndef HOST_TAP_H
#define HOST_TAP_H

#include <stdbool.h>

void tap_plan(unsigned int nr_tests);
bool tap_result(bool passed, const char *format, ...) __attribute__((__format__(printf, 2, 3)));
void tap_note(const char *format, ...) __attribute__((__format__(printf, 1, 2)));

/* Exit status of the program: 0 if all planned tests ran and passed. */
int tap_status(void);

/* For tests that return bool: on failure print the expectation and return false. */
#define EXPECT(condition)							\
	do {									\
		if (!(condition)) {						\
			tap_note("%s:%d: expected %s", __FILE__, __LINE__,	\
				 #condition);					\
			return false;						\
		}								\
	} while (0)

#define EXPECT_EQ(left, right)							\
	do {									\
		unsigned long __left = (left), __right = (right);		\
										\
		if (__left != __right) {					\
			tap_note("%s:%d: expected %s == %s, have %lu and %lu",	\
				 __FILE__, __LINE__, #left, #right,		\
				 __left, __right);				\
			return false;						\
		}								\
	} while (0)

#endif /* HOST_TAP_H */
