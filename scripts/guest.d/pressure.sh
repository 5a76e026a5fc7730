#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: half of its memory is idle in the default heap, which has no
# reason of its own to give it back. Then somebody else wants all there is.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

PAGES=131072
SPARE_PAGES=8192
HOG=/tmp/hog

# Allocated, and freed again, by a client that is gone then.
leave_idle() {
	insmod /modules/spanstress.ko account_pages="$PAGES" max_pages=512 && rmmod spanstress &&
		[ "$(stat_of default idle_pages)" -ge "$PAGES" ]
}

# Free pages of the system, wherever it keeps them.
free_now() {
	free_memory | awk '{ sum += $2 } END { printf "%d\n", sum }'
}

# Memory that cannot be reclaimed: there is no swap. All that is free, and all
# that is idle, but for 32 MiB.
hog() {
	local pages=$(($(free_now) + $(stat_of default idle_pages) - SPARE_PAGES))
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
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
must "$PAGES pages are idle" leave_idle
before=$(stat_of default idle_pages)
must "a shrinker is called" drop_slab
try "at least 95 % of them are back with the system" given_back 95
must "rmmod spanalloc" rmmod spanalloc

must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
must "$PAGES pages are idle" leave_idle
before=$(stat_of default idle_pages)
must "a file system in memory" mount -t tmpfs -o size=100% tmpfs "$HOG"
try "a hog takes all memory but 32 MiB" hog
sed 's/^/# /' /tmp/output
try "nobody was killed for it" nobody_was_killed
try "at least 95 % of the idle pages are back with the system" given_back 95
sed 's/^/# /' /tmp/output
echo "# $(grep -c . "$DEBUGFS/default/stats") statistics; batches $(stat_of default release_batch_count)"
must "umount" umount "$HOG"
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
finish
