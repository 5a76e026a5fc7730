# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sourced by the stages that need the debug kernel's facilities.

KMEMLEAK=/sys/kernel/debug/kmemleak

# Suites inject faults with current->fail_nth: let them hit every allocation,
# sleeping ones and single pages too, and not fill the log with traces.
prepare_faults() {
	echo N > /sys/kernel/debug/failslab/ignore-gfp-wait
	echo N > /sys/kernel/debug/fail_page_alloc/ignore-gfp-wait
	echo 0 > /sys/kernel/debug/fail_page_alloc/min-order
	echo 0 > /sys/kernel/debug/failslab/verbose
	echo 0 > /sys/kernel/debug/fail_page_alloc/verbose
}

forget_leaks() {
	echo clear > "$KMEMLEAK"
}

# Only objects older than five seconds count, and one scan may be misled by a
# pointer that is on the move.
no_leaks() {
	sleep 6
	echo scan > "$KMEMLEAK"
	echo scan > "$KMEMLEAK"
	cat "$KMEMLEAK"
	[ -z "$(cat "$KMEMLEAK")" ]
}
