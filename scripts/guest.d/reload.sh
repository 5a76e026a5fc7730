#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: loads and unloads spanalloc, in every second round with three clients
# that use memory, and checks that nothing is left.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

ROUNDS=50
CHECK_EVERY=10

# Rounds until the kernel has the caches and page tables that it keeps.
SETTLED=10
LOSS_PAGES=256

use_client() {
	insmod /modules/hello_span.ko &&
		insmod /modules/hello_heap.ko &&
		insmod /modules/spanram.ko size_mb=64 &&
		dd if=/dev/zero of=/dev/spanram0 bs=1M count=8 2> /dev/null &&
		rmmod spanram &&
		rmmod hello_heap &&
		rmmod hello_span
}

one_round() {
	insmod /modules/spanalloc.ko &&
		{ [ $(($1 % 2)) = 0 ] || use_client; } &&
		rmmod spanalloc
}

rounds() {
	local round="$1"
	while [ "$round" -le "$2" ]; do
		one_round "$round" || { echo "round $round failed"; return 1; }
		round=$((round + 1))
	done
}

free_pages() {
	free_memory | awk '{ sum += $2 } END { print sum }'
}

no_loss() {
	local lost
	drop_caches
	lost=$((settled - $(free_pages)))
	echo "# $lost free pages fewer after $((ROUNDS - SETTLED)) more rounds"
	[ "$lost" -lt "$LOSS_PAGES" ]
}

footprint > /tmp/before
from=1
while [ "$from" -le "$ROUNDS" ]; do
	to=$((from + CHECK_EVERY - 1))
	must "load and unload, rounds $from to $to" rounds "$from" "$to"
	try "nothing is left after round $to" nothing_new /tmp/before
	if [ "$to" = "$SETTLED" ]; then
		drop_caches
		settled=$(free_pages)
	fi
	from=$((to + 1))
done
try "no memory is lost" no_loss
cat /tmp/output
finish
