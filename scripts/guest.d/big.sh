#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: spans of 4 GiB. The kernel's counters of charges have 32 bits for
# bytes: a single charge of 4 GiB would count as 0. A task that is killed while it
# allocates such a span stops at once, and its pages become idle.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh
# shellcheck source=scripts/guest.d/cgroup.sh
. /guest.d/cgroup.sh

PAGES=1048576

prepare_cgroups() {
	make_cgroups big small && limit_cgroup small $((PAGES / 2))
}

# enter_and_hold CGROUP: become an insmod that allocates one span of 4 GiB; for a subshell
enter_and_hold() {
	enter_cgroup "$1" insmod /modules/spanstress.ko account_pages="$PAGES" max_pages="$PAGES"
}

# hold CGROUP
hold() {
	(enter_and_hold "$1")
}

# charged CGROUP PAGES: true if about PAGES pages are charged
charged() {
	local pages
	pages=$(charged_pages "$1")
	echo "$pages pages are charged"
	near "$pages" "$2"
}

one_span() {
	cat "$DEBUGFS/default/spans"
	[ "$(awk -v pages="$PAGES" '$2 == pages' "$DEBUGFS/default/spans" | wc -l)" = 1 ]
}

release_all() {
	echo all > "$DEBUGFS/default/scavenge" && [ "$(stat_of default idle_pages)" = 0 ]
}

nothing_in_use() {
	echo "in use: $(stat_of default in_use_pages)"
	[ "$(stat_of default in_use_pages)" = 0 ]
}

free_mb() {
	awk '$1 == "MemFree:" { printf "%d\n", $2 / 1024 }' /proc/meminfo
}

# Kill an insmod once it has allocated 64 MiB. Try again if it ended before.
kill_one() {
	local tries free client
	release_all || return 1
	for tries in 1 2 3 4 5; do
		free=$(free_mb)
		enter_and_hold big &
		client=$!
		while [ $((free - $(free_mb))) -lt 64 ] && [ -d "/proc/$client" ]; do
			:
		done
		kill -9 "$client" 2> /dev/null
		wait "$client"
		if [ ! -d /sys/module/spanstress ]; then
			echo "killed at try $tries"
			return 0
		fi
		rmmod spanstress && release_all || return 1
	done
	echo "insmod ended before it was killed, every time"
	return 1
}

must "a cgroup with a memory controller" prepare_cgroups
footprint > /tmp/before
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko
must "an accounted span of $PAGES pages" hold big
try "the heap has one span of $PAGES pages" one_span
try "all pages are charged" charged big $PAGES
sed 's/^/# /' /tmp/output
must "the span is freed" rmmod spanstress
try "no page is charged" charged big 0
sed 's/^/# /' /tmp/output
must "a cgroup with half the limit cannot hold such a span" cannot_hold small
try "nothing is charged to small" charged small 0

must "a task is killed while it allocates" kill_one
sed 's/^/# /' /tmp/output
try "nothing is charged to big" charged big 0
try "nothing is in use" nothing_in_use
try "all idle pages can be released" release_all

must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
try "the cgroups can be removed" remove_cgroups big small
finish
