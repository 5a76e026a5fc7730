#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: accounted spans are charged to the memory cgroup of the task that
# allocates them, until they are freed. Their pages stay with the default heap, and the
# next spans with these pages are charged to another cgroup.
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

# hold CGROUP LONGEST: allocate spans of PAGES pages in all, inside the cgroup, and hold
# them. All spans are allocated and freed on one processor, so that they share its cache.
hold() {
	(enter_cgroup "$1" \
		taskset 1 insmod /modules/spanstress.ko account_pages="$PAGES" max_pages="$2")
}

let_go() {
	taskset 1 rmmod spanstress
}

# charged WHEN CGROUP PAGES: test that about PAGES pages are charged
charged() {
	local pages status=0
	pages=$(charged_pages "$2")
	near "$pages" "$3" || status=1
	report "$status" "$1 $2 is charged $pages pages, about $3"
}

# kernel_memory CGROUP PAGES: true if about PAGES pages are charged as kernel memory
kernel_memory() {
	grep '^kernel ' "$CGROUPS/$1/memory.stat"
	near "$(awk '$1 == "kernel" { printf "%d\n", $2 / 4096 }' "$CGROUPS/$1/memory.stat")" "$2"
}

# True if the spans are freed and their pages idle, so that the next spans can have them.
pages_stay() {
	echo "in use $(stat_of default in_use_pages), idle $(stat_of default idle_pages)"
	[ "$(stat_of default in_use_pages)" = 0 ] && [ "$(stat_of default idle_pages)" -ge "$PAGES" ]
}

# reused BACKED: true if most spans reuse pages, by the growth of backed_pages since it was
# BACKED. Spans that were split are cached as halves, and do not serve whole spans.
reused() {
	local fresh
	fresh=$(($(stat_of default backed_pages) - $1))
	echo "$fresh pages were allocated from the system"
	[ "$fresh" -le $((PAGES / 2)) ]
}

must "cgroups with a memory controller" prepare_cgroups
footprint > /tmp/before
# With this age no idle page is released during the test.
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko scavenge_age_ms=3600000
charged "before," first 0
charged "before," second 0

# Caches serve short spans. The heap serves most of the long spans.
for longest in 8 2048; do
	must "spans of 1 to $longest pages, allocated in first" hold first "$longest"
	charged "while the spans live," first $PAGES
	try "first is charged for kernel memory" kernel_memory first $PAGES
	charged "while the spans live," second 0
	must "spans of first are freed, from outside" let_go
	charged "after the free," first 0
	try "pages of first stay idle in the heap" pages_stay

	backed=$(stat_of default backed_pages)
	must "spans of 1 to $longest pages, allocated in second" hold second "$longest"
	try "most pages of second were in use by first" reused "$backed"
	charged "while the spans live," second $PAGES
	charged "while the spans live," first 0
	must "spans of second are freed, from outside" let_go
	charged "after the free," second 0
done

# The machine has enough memory, but the limit of the cgroup is half of PAGES.
refused=$(stat_of default fail_charge_count)
must "small cannot hold $PAGES pages" cannot_hold small 512
charged "after the failure," small 0
try "charges were refused" [ "$(stat_of default fail_charge_count)" -gt "$refused" ]

# Charges of a cgroup that is removed pass to its parent.
must "spans allocated in outer/inner" hold outer/inner 512
charged "while the spans live," outer $PAGES
must "rmdir outer/inner" rmdir "$CGROUPS/outer/inner"
charged "without inner," outer $PAGES
must "spans of outer/inner are freed" let_go
charged "after the free," outer 0

must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
try "the cgroups can be removed" remove_cgroups first second small outer
finish
