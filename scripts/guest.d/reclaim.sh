#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: a heap beside a page cache that fills all memory. A null_blk disk is
# read over and over, which keeps kswapd busy. The default heap has a steady load and idle
# pages. While kswapd finds enough pages in the page cache, reclaim must leave the per-CPU
# caches and the idle pages alone. /reclaim/seconds is the time of the load.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

SECONDS_BUSY=$(cat /reclaim/seconds)
IDLE_PAGES=32768
ENOUGH=100000
DISK=/dev/nullb0

leave_idle() {
	insmod /modules/spanstress.ko account_pages="$IDLE_PAGES" max_pages=512 &&
		rmmod spanstress && [ "$(stat_of default idle_pages)" -ge "$IDLE_PAGES" ]
}

vmstat() {
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

read_on() {
	while [ ! -e /tmp/stop ]; do
		dd if="$DISK" of=/dev/null bs=1M count=1024 2> /dev/null
	done
}

stolen() {
	echo $(($(vmstat pgsteal_kswapd) - began))
}

# Run the load and the reads together until kswapd has reclaimed ENOUGH pages.
busy() {
	local status=0 round
	rm -f /tmp/stop
	read_on &
	for round in 1 2 3 4 5 6; do
		insmod /modules/spanstress.ko threads=2 steady_seconds="$SECONDS_BUSY" || status=$?
		[ "$(stolen)" -lt "$ENOUGH" ] && [ "$round" -lt 6 ] || break
		rmmod spanstress
	done
	touch /tmp/stop
	wait
	return "$status"
}

# With an idle kswapd the test would prove nothing.
kswapd_was_busy() {
	echo "kswapd reclaimed $(stolen) pages"
	[ "$(stolen)" -ge "$ENOUGH" ]
}

hit_rate() {
	dmesg | sed -n 's/^.*spanstress: steady: \([0-9]*\) hits, \([0-9]*\) misses.*/\1 \2/p' |
		awk '{ hits += $1; misses += $2 }
			END { print hits " hits, " misses " misses"; exit hits * 5 < misses * 95 || !hits }'
}

idle_pages_stay() {
	local released
	released=$(stat_of default released_pressure_pages)
	echo "reclaim released $released of $idle idle pages"
	[ $((released * 20)) -le "$idle" ]
}

footprint > /tmp/before
must "a null_blk disk" [ -b $DISK ]
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko
must "$IDLE_PAGES pages are allocated and freed" leave_idle
idle=$(stat_of default idle_pages)
began=$(vmstat pgsteal_kswapd)
must "a steady load beside a busy page cache, $SECONDS_BUSY s" busy
try "kswapd was busy" kswapd_was_busy
sed 's/^/# /' /tmp/output
try "the caches served at least 95 % of the load" hit_rate
sed 's/^/# /' /tmp/output
try "reclaim took no more than 5 % of the idle pages" idle_pages_stay
sed 's/^/# /' /tmp/output
must "rmmod spanstress" rmmod spanstress
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
finish
