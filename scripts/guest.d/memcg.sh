#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: accounted spans are charged to the memory cgroup of whoever
# allocates them, for as long as they live and no longer. Their pages stay with
# the default heap, and the next to have them is in another cgroup.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh
# shellcheck source=scripts/guest.d/cgroup.sh
. /guest.d/cgroup.sh

PAGES=8192

prepare_cgroups() {
	make_cgroups first second small outer &&
		limit_cgroup small $((PAGES / 2)) &&
		echo +memory > "$CGROUPS/outer/cgroup.subtree_control" &&
		mkdir "$CGROUPS/outer/inner"
}

# hold CGROUP LONGEST: spans of PAGES pages in all, allocated inside the cgroup. All
# on one processor, since what one has in its cache is not for others.
hold() {
	(enter_cgroup "$1" \
		taskset 1 insmod /modules/spanstress.ko account_pages="$PAGES" max_pages="$2")
}

let_go() {
	taskset 1 rmmod spanstress
}

# charged WHEN CGROUP PAGES: a test
charged() {
	local pages status=0
	pages=$(charged_pages "$2")
	near "$pages" "$3" || status=1
	report "$status" "$1 $2 is charged $pages pages, about $3"
}

# kernel_memory CGROUP PAGES: what of it is the kernel's
kernel_memory() {
	grep '^kernel ' "$CGROUPS/$1/memory.stat"
	near "$(awk '$1 == "kernel" { printf "%d\n", $2 / 4096 }' "$CGROUPS/$1/memory.stat")" "$2"
}

# Else there is nothing to hand on, and the rest proves nothing.
pages_stay() {
	echo "in use $(stat_of default in_use_pages), idle $(stat_of default idle_pages)"
	[ "$(stat_of default in_use_pages)" = 0 ] && [ "$(stat_of default idle_pages)" -ge "$PAGES" ]
}

# reused SINCE: since so many pages had been backed, most came from those before. Not
# all: what was split is in the cache as halves.
reused() {
	local fresh
	fresh=$(($(stat_of default backed_pages) - $1))
	echo "$fresh pages are fresh from the system"
	[ "$fresh" -le $((PAGES / 2)) ]
}

must "cgroups with a memory controller" prepare_cgroups
footprint > /tmp/before
# Idle pages stay where they are for as long as this takes.
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
charged "before," first 0
charged "before," second 0

# Short spans are passed on by the caches; of long ones, the heap passes on most.
for longest in 8 2048; do
	must "spans of 1 to $longest pages, allocated in first" hold first "$longest"
	charged "while they live," first $PAGES
	try "it is the kernel's memory" kernel_memory first $PAGES
	charged "while they live," second 0
	must "they are freed, from outside" let_go
	charged "afterwards," first 0
	try "their pages stay with the heap" pages_stay

	backed=$(stat_of default backed_pages)
	must "spans of 1 to $longest pages, allocated in second" hold second "$longest"
	try "most of their pages were in use by first" reused "$backed"
	charged "while they live," second $PAGES
	charged "while they live," first 0
	must "they are freed, from outside" let_go
	charged "afterwards," second 0
done

# There is memory enough, but it is not theirs.
refused=$(stat_of default fail_charge_count)
must "small may not have as much" cannot_hold small 512
charged "afterwards," small 0
try "charging was refused" [ "$(stat_of default fail_charge_count)" -gt "$refused" ]

# What is charged to a cgroup that is removed passes to the one above it.
must "spans allocated in outer/inner" hold outer/inner 512
charged "while they live," outer $PAGES
must "rmdir outer/inner" rmdir "$CGROUPS/outer/inner"
charged "without inner," outer $PAGES
must "they are freed" let_go
charged "afterwards," outer 0

must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
try "the cgroups can be removed" remove_cgroups first second small outer
finish
