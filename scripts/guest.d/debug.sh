# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sourced by the stages that need the debug kernel's facilities.

KMEMLEAK=/sys/kernel/debug/kmemleak

# Suites inject faults into themselves, with current->fail_nth and
# current->make_it_fail: let them hit every allocation, sleeping ones and single
# pages too, of no task but those that ask for it, with no trace in the log.
prepare_faults() {
	local kind
	for kind in /sys/kernel/debug/failslab /sys/kernel/debug/fail_page_alloc; do
		echo Y > $kind/task-filter
		echo N > $kind/ignore-gfp-wait
		echo 0 > $kind/verbose
		echo -1 > $kind/times
		echo 100 > $kind/probability
	done
	echo 0 > /sys/kernel/debug/fail_page_alloc/min-order
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
