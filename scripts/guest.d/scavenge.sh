#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: the scavenger in the background and under memory pressure. In the
# background it keeps to its age and to its share of a processor, and sleeps when it has
# nothing to do. For the test of pressure, half of the guest's memory is idle in the default
# heap, with an age of an hour. Then a task allocates all free memory.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

AGE_MS=500
PATIENCE_MS=300000
FLOOR=64
FEW_PAGES=16384
PAGES=131072
SPARE_PAGES=8192
HOG=/tmp/hog

# leave_idle PAGES: allocate and free spans of PAGES pages in all
leave_idle() {
	insmod /modules/spanstress.ko account_pages="$1" max_pages=512 && rmmod spanstress
}

is_idle() {
	echo "idle: $(stat_of default idle_pages)"
	[ "$(stat_of default idle_pages)" -ge "$1" ]
}

# Nanoseconds that the scavenger has run, and number of times that it has gone to sleep.
worked_ns() {
	cut -d' ' -f1 "/proc/$scavenger/schedstat"
}

sleeps() {
	awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "/proc/$scavenger/status"
}

uptime_ms() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# wait_for_scavenger PAGES: wait until at most PAGES pages are idle. A page is released
# after one to two ages; the share of a processor delays the release much further.
wait_for_scavenger() {
	local deadline=$(($(uptime_ms) + PATIENCE_MS))
	while [ "$(stat_of default idle_pages)" -gt "$1" ]; do
		[ "$(uptime_ms)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# The bound allows for a pause that is still to come, and for time that the host takes from
# a batch. A scavenger without pauses would use ten times as much.
keeps_its_share() {
	local ns=$(($(worked_ns) - worked)) ms=$(($(uptime_ms) - started))
	echo "$((ns / 1000)) us of work in $ms ms"
	[ "$ns" -gt 0 ] && [ $((ns / 10000)) -le $((3 * ms + 2000)) ]
}

# Once demand of the past is forgotten, and all pauses are over, nothing wakes the
# scavenger: wait until it sleeps for ten times its age.
rests() {
	local before after deadline=$(($(uptime_ms) + PATIENCE_MS))
	after=$(sleeps)
	while [ "$(uptime_ms)" -lt "$deadline" ]; do
		before=$after
		sleep 5
		after=$(sleeps)
		echo "sleeps: $before, then $after; idle pages: $(stat_of default idle_pages)"
		[ "$before" != "$after" ] || return 0
	done
	return 1
}

# The pass ends, and the tracepoint fires, only after the pause for the last batch.
traced() {
	local deadline=$(($(uptime_ms) + PATIENCE_MS))
	until grep 'spanalloc_pass: heap=default released=[1-9]' /sys/kernel/tracing/trace; do
		[ "$(uptime_ms)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# Free pages of the system, with those on per-CPU lists.
free_now() {
	free_memory | awk '{ sum += $2 } END { printf "%d\n", sum }'
}

# By default the kernel keeps 44 MiB of a guest of this size free, and at times twice as
# much more against fragmentation. Let tasks allocate most of these pages.
let_memory_run_out() {
	echo 4096 > /proc/sys/vm/min_free_kbytes && echo 0 > /proc/sys/vm/watermark_boost_factor
}

# Without this, the page cache would count as used memory, although it can be reclaimed.
drop_page_cache() {
	sync
	echo 1 > /proc/sys/vm/drop_caches
}

# Allocate all free and all idle pages but 32 MiB, on tmpfs. They cannot be reclaimed,
# since the guest has no swap.
hog() {
	local pages
	drop_page_cache
	pages=$(($(free_now) + $(stat_of default idle_pages) - SPARE_PAGES))
	echo "$pages pages"
	dd if=/dev/zero of="$HOG/it" bs=1M count=$((pages / 256)) 2>&1
}

killed() {
	awk '$1 == "oom_kill" { print $2 }' /proc/vmstat
}

no_task_was_killed() {
	echo "killed tasks: $(killed)"
	[ "$(killed)" = 0 ]
}

# given_back PERCENT: true if pressure has released PERCENT of the idle pages
given_back() {
	echo "idle before $before, now $(stat_of default idle_pages)"
	[ $(($(stat_of default idle_pages) * 100)) -le $((before * (100 - $1))) ] &&
		[ $(($(stat_of default released_pressure_pages) * 100)) -ge $((before * $1)) ]
}

# Make the kernel call all shrinkers.
drop_slab() {
	echo 2 > /proc/sys/vm/drop_caches
}

footprint > /tmp/before
mkdir -p "$HOG"
must "tracefs" mount -t tracefs tracefs /sys/kernel/tracing
must "insmod spanalloc.ko scavenge_age_ms=$AGE_MS" \
	insmod /modules/spanalloc.ko scavenge_age_ms=$AGE_MS
scavenger=$(ps -o pid,comm | awk '$2 == "spanalloc_scav" { print $1 }')
echo 1 > /sys/kernel/tracing/events/spanalloc/spanalloc_pass/enable
started=$(uptime_ms)
worked=$(worked_ns)
must "$FEW_PAGES pages are allocated and freed" leave_idle $FEW_PAGES
must "all idle pages but $FLOOR are released" wait_for_scavenger $FLOOR
try "the scavenger pauses, and uses about 1 % of a processor" keeps_its_share
sed 's/^/# /' /tmp/output
try "the tracepoint reports the pass" traced
sed 's/^/# /' /tmp/output
try "the scavenger sleeps while it has nothing to do" rests
sed 's/^/# /' /tmp/output
echo 0 > /sys/module/spanalloc/parameters/retain_floor_pages
try "the scavenger releases the rest when the floor is lowered" wait_for_scavenger 0
echo 0 > /sys/kernel/tracing/events/spanalloc/spanalloc_pass/enable
must "rmmod spanalloc" rmmod spanalloc

must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
must "$PAGES pages are allocated and freed" leave_idle $PAGES
must "$PAGES pages are idle" is_idle $PAGES
before=$(stat_of default idle_pages)
must "shrinkers are called" drop_slab
try "at least 95 % of the idle pages are released" given_back 95
must "rmmod spanalloc" rmmod spanalloc

must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
must "$PAGES pages are allocated and freed" leave_idle $PAGES
must "$PAGES pages are idle" is_idle $PAGES
before=$(stat_of default idle_pages)
must "the kernel keeps only 4 MiB free" let_memory_run_out
must "mount tmpfs" mount -t tmpfs -o size=100% tmpfs "$HOG"
try "a task allocates all memory but 32 MiB" hog
sed 's/^/# /' /tmp/output
try "no task was killed" no_task_was_killed
try "at least 95 % of the idle pages are released" given_back 95
sed 's/^/# /' /tmp/output
must "umount" umount "$HOG"
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
finish
