#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: the KUnit suites and spanstress, while all processors but the first
# are taken offline and online again, over and over.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh
# shellcheck source=scripts/guest.d/debug.sh
. /guest.d/debug.sh

CPUS=/sys/devices/system/cpu
loop=''

# switch STATE CPU...: 0 takes the processors offline, 1 online
switch() {
	local state="$1" cpu
	shift
	for cpu; do
		echo "$state" > "$CPUS/cpu$cpu/online" || refused=$((refused + 1))
		switched=$((switched + 1))
	done
}

# Switch single processors, both of the second node, and all but the first. After each turn
# all processors are online for a moment and fill their caches.
come_and_go() {
	local switched=0 refused=0 turn
	while :; do
		for turn in 1 2 3 '2 3' '1 2 3'; do
			# shellcheck disable=SC2086  # a list of words
			switch 0 $turn
			sleep 0.05
			# shellcheck disable=SC2086
			switch 1 $turn
			sleep 0.2
			[ ! -e /tmp/stop ] || break 2
		done
	done
	echo "$switched $refused" > /tmp/switched
}

start() {
	rm -f /tmp/stop /tmp/switched
	come_and_go 2> /tmp/refused &
	loop=$!
}

# Stop the loop. Also called at exit, so that no processor stays offline.
stop() {
	[ -n "$loop" ] || return 0
	touch /tmp/stop
	wait "$loop"
	loop=''
}

# stop_and_report WHILE: fails if no processor was switched, or if a switch failed
stop_and_report() {
	local switched=0 refused=0
	stop
	read -r switched refused < /tmp/switched
	try "processors were switched $switched times while $1, $refused switches failed" \
		came_back "$switched" "$refused"
}

came_back() {
	cat /tmp/refused
	echo "on: $(cat "$CPUS/online"), at first: $online"
	[ "$1" -gt 0 ] && [ "$2" = 0 ] && [ "$(cat "$CPUS/online")" = "$online" ]
}

# Switching a processor stops all of them, and the host may run emulated processors late.
# Watchdogs wait three times as long as by default, so that they report only real hangs.
be_patient() {
	echo 30 > /proc/sys/kernel/watchdog_thresh
	echo 63 > /sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
}

trap stop EXIT
online=$(cat "$CPUS/online")
footprint > /tmp/before
prepare_faults
forget_leaks
be_patient

must "insmod spanalloc.ko" insmod /modules/spanalloc.ko
start
echo "# suites begin"
must "insmod spanalloc_kunit.ko" insmod /modules/spanalloc_kunit.ko
echo "# suites end: $(ls /sys/kernel/debug/kunit | wc -l)"
stop_and_report "the suites ran"
must "rmmod spanalloc_kunit" rmmod spanalloc_kunit

echo "# 20000 spans of 1 to 512 pages from 4 threads"
start
must "spanstress: every check held, every counter is exact" \
	insmod /modules/spanstress.ko threads=4 ops=20000 max_pages=512 age_ms=10
stop_and_report "spanstress ran"
must "rmmod spanstress" rmmod spanstress
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
try "kmemleak finds nothing" no_leaks
finish
