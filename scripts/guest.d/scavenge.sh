#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: the scavenger by itself, and under pressure. By itself it keeps to
# its age and to its share of a processor, and rests when there is nothing to do. Under
# pressure half of the guest's memory is idle in the default heap, which has no reason
# of its own to give it back; then somebody else wants all there is.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

AGE_MS=500
PATIENCE_MS=300000
FLOOR=64
FEW_PAGES=16384
PAGES=131072
SPARE_PAGES=8192
HOG=/tmp/hog

# leave_idle PAGES: allocated, and freed again, by a client that is gone then
leave_idle() {
	insmod /modules/spanstress.ko account_pages="$1" max_pages=512 && rmmod spanstress
}

is_idle() {
	echo "idle: $(stat_of default idle_pages)"
	[ "$(stat_of default idle_pages)" -ge "$1" ]
}

# Nanoseconds on a processor, and how often it has gone to sleep.
worked_ns() {
	cut -d' ' -f1 "/proc/$scavenger/schedstat"
}

sleeps() {
	awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "/proc/$scavenger/status"
}

uptime_ms() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# The page index first notes what is idle, then waits for as long again. A slow guest
# may take longer than that, and the share makes it take much longer.
# wait_for_scavenger PAGES: until no more than so many are idle
wait_for_scavenger() {
	local deadline=$(($(uptime_ms) + PATIENCE_MS))
	while [ "$(stat_of default idle_pages)" -gt "$1" ]; do
		[ "$(uptime_ms)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# The pause for the last batch may be still to come. Where the host takes the processor away
# in the middle of a batch, that time looks like work; without any pause there would be ten
# times as much of it.
keeps_its_share() {
	local ns=$(($(worked_ns) - worked)) ms=$(($(uptime_ms) - started))
	echo "$((ns / 1000)) us of work in $ms ms"
	[ "$ns" -gt 0 ] && [ $((ns / 10000)) -le $((3 * ms + 2000)) ]
}

# It has settled when what it remembers has passed: two ages and a pass, and the pauses
# that it owes. Then there is nothing to wake it: ten times its age pass in its sleep.
rests() {
	local before after deadline=$(($(uptime_ms) + PATIENCE_MS))
	after=$(sleeps)
	while [ "$(uptime_ms)" -lt "$deadline" ]; do
		before=$after
		sleep 5
		after=$(sleeps)
		echo "it has slept $before times, then $after; idle: $(stat_of default idle_pages)"
		[ "$before" != "$after" ] || return 0
	done
	return 1
}

# The last batch is followed by a pause, too, before the pass is over.
traced() {
	local deadline=$(($(uptime_ms) + PATIENCE_MS))
	until grep 'spanalloc_pass: heap=default released=[1-9]' /sys/kernel/tracing/trace; do
		[ "$(uptime_ms)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# Free pages of the system, wherever it keeps them.
free_now() {
	free_memory | awk '{ sum += $2 } END { printf "%d\n", sum }'
}

# By default the kernel keeps 44 MiB of a guest of this size free, and at times twice
# as much on top against fragmentation. None of that could be had.
let_memory_run_out() {
	echo 4096 > /proc/sys/vm/min_free_kbytes && echo 0 > /proc/sys/vm/watermark_boost_factor
}

# Pages of the page cache could be had as well, and would be counted as used.
drop_page_cache() {
	sync
	echo 1 > /proc/sys/vm/drop_caches
}

# Memory that cannot be reclaimed: there is no swap. All that is free, and all
# that is idle, but for 32 MiB.
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

nobody_was_killed() {
	echo "killed: $(killed)"
	[ "$(killed)" = 0 ]
}

# given_back PERCENT: of what was idle
given_back() {
	echo "idle before $before, now $(stat_of default idle_pages)"
	[ $(($(stat_of default idle_pages) * 100)) -le $((before * (100 - $1))) ] &&
		[ $(($(stat_of default released_pressure_pages) * 100)) -ge $((before * $1)) ]
}

# What the kernel offers to try shrinkers with.
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
must "$FEW_PAGES pages are used and left" leave_idle $FEW_PAGES
must "all of them but $FLOOR are given back" wait_for_scavenger $FLOOR
try "in the background it pauses for 1 % of a processor" keeps_its_share
sed 's/^/# /' /tmp/output
try "a tracepoint says so" traced
sed 's/^/# /' /tmp/output
try "there are no wake-ups while there is nothing to do" rests
sed 's/^/# /' /tmp/output
echo 0 > /sys/module/spanalloc/parameters/retain_floor_pages
try "it looks again when the floor is lowered" wait_for_scavenger 0
echo 0 > /sys/kernel/tracing/events/spanalloc/spanalloc_pass/enable
must "rmmod spanalloc" rmmod spanalloc

must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
must "$PAGES pages are used and left" leave_idle $PAGES
must "they are idle" is_idle $PAGES
before=$(stat_of default idle_pages)
must "a shrinker is called" drop_slab
try "at least 95 % of them are back with the system" given_back 95
must "rmmod spanalloc" rmmod spanalloc

must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
must "$PAGES pages are used and left" leave_idle $PAGES
must "they are idle" is_idle $PAGES
before=$(stat_of default idle_pages)
must "the system keeps 4 MiB to itself" let_memory_run_out
must "a file system in memory" mount -t tmpfs -o size=100% tmpfs "$HOG"
try "a hog takes all memory but 32 MiB" hog
sed 's/^/# /' /tmp/output
try "nobody was killed for it" nobody_was_killed
try "at least 95 % of the idle pages are back with the system" given_back 95
sed 's/^/# /' /tmp/output
must "umount" umount "$HOG"
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
finish
