# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sourced by the stages that use fault injection and kmemleak of the debug kernel.

KMEMLEAK=/sys/kernel/debug/kmemleak

# Let faults hit all allocations, also of single pages and with GFP_KERNEL, of the tasks
# that ask for them (current->fail_nth, current->make_it_fail), and log no traces.
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

# kmemleak reports objects older than five seconds only. A single scan may miss a pointer
# that moves during the scan.
no_leaks() {
	sleep 6
	echo scan > "$KMEMLEAK"
	echo scan > "$KMEMLEAK"
	cat "$KMEMLEAK"
	[ -z "$(cat "$KMEMLEAK")" ]
}
