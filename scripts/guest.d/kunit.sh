#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: the KUnit suites. They write their results to the kernel's log. The
# host counts the results between the lines "suites begin" and "suites end".
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh
# shellcheck source=scripts/guest.d/debug.sh
. /guest.d/debug.sh

run_suites() {
	insmod /modules/spanalloc_kunit.ko
}

# Suites allocate on both nodes.
two_nodes() {
	local file
	for file in online has_cpu has_memory; do
		echo "$file: $(cat /sys/devices/system/node/"$file")"
		[ "$(cat /sys/devices/system/node/"$file")" = 0-1 ] || return 1
	done
}

try "NUMA nodes 0 and 1 have processors and memory" two_nodes
footprint > /tmp/before
prepare_faults
forget_leaks
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko
echo "# suites begin"
must "insmod spanalloc_kunit.ko" run_suites
echo "# suites end: $(ls /sys/kernel/debug/kunit | wc -l)"
must "rmmod spanalloc_kunit" rmmod spanalloc_kunit
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
try "kmemleak finds nothing" no_leaks
finish
