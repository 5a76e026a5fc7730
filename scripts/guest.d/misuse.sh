#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: mistakes of clients and of administrators. spanalloc refuses each of
# them with a line in the log that describes the mistake, and harms no other client.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

PARAMETERS=/sys/module/spanalloc/parameters

# Clear the kernel's log.
forget_log() {
	dmesg -c > /dev/null
}

# says PATTERN: true if spanalloc has printed such a line since forget_log
says() {
	dmesg | sed 's/^\[[^]]*\] //' | grep '^spanalloc: ' > /tmp/said || true
	cat /tmp/said
	grep -qE -- "^spanalloc: $1\$" /tmp/said
}

# makes MISTAKE: spanabuse makes the mistake, and finds its other spans intact
makes() {
	insmod /modules/spanabuse.ko mistake="$1" && rmmod spanabuse
}

# mistake NAME PATTERN: spanabuse makes a mistake, and the log has a line like PATTERN
mistake() {
	forget_log
	try "$1: the client's spans stay intact" makes "$1"
	try "$1: the log describes the mistake" says "$2"
	sed 's/^/# /' /tmp/said | head -n 3
}

# Messages name the place of the call in the client.
AT='[a-z_]+\+0x[0-9a-f]+/0x[0-9a-f]+ \[spanabuse\]'
ADDR='[0-9a-f]{16}'

mistakes() {
	mistake vfree "vfree\($ADDR\) from $AT: this is memory of heap default, which span_free\(\) frees; nothing is done"
	mistake kvfree "vfree\($ADDR\) from .*: this is memory of heap default, which span_free\(\) frees; nothing is done"
	mistake vunmap "vunmap\($ADDR\) from $AT: this is memory of heap default, which span_free\(\) frees; nothing is done"
	mistake double-free "span_free\($ADDR\) from $AT: no live span of heap default is there; freed already\?"
	mistake interior-free "span_free\($ADDR\) from $AT: 12288 bytes into a span of 8 pages \(heap\) of heap default, not its first byte"
	mistake vmalloc-free "span_free\($ADDR\) from $AT: in the vmalloc area, but not a heap's"
	mistake kmalloc-free "span_free\($ADDR\) from $AT: kmalloc\(\)'s or the page allocator's"
	mistake stack-free "span_free\($ADDR\) from $AT: on the stack"
	mistake user-free "span_free\($ADDR\) from $AT: a user's address, or none at all"
	mistake wild-free "span_free\($ADDR\) from $AT: not an address of memory"
	mistake split-at-end "span_split\($ADDR\) from $AT: the first part cannot keep 8 of the 8 pages of the span of heap default"
	mistake split-at-start "span_split\($ADDR\) from $AT: the first part cannot keep 0 of the 8 pages of the span of heap default"
	mistake split-inside "span_split\($ADDR\) from $AT: 8192 bytes into a span of 8 pages \(heap\) of heap default, not its first byte"
	mistake no-length "$AT asked heap default for a span of 0 pages; 1 to [0-9]+ are possible"
	mistake absurd-length "$AT asked heap default for a span of 1099511627776 pages; 1 to [0-9]+ are possible"
	mistake odd-alignment "$AT asked heap default for a span aligned to 3 pages; powers of two up to 16384 are possible"
	mistake no-such-kind "$AT asked heap default for a span of kind 99; 0 to 3 are possible"
	mistake no-such-node "$AT asked heap default for a span of node [0-9]+, which is not online"
	mistake no-heap-aligned "span_alloc_aligned\(\) from $AT: the heap is NULL"
	mistake unknown-flags "$AT asked heap default for a span with unknown flags 0x80000000"
	mistake dma-flags "$AT asked heap default for a span with flags GFP_DMA, which spans cannot have"
	mistake atomic-nofail "$AT asked heap default for a span with __GFP_NOFAIL, but it may not sleep"
	mistake no-heap "span_alloc\(\) from $AT: the heap is NULL"
	mistake failed-heap "span_heap_set_limit\(\) from $AT: the heap is an error, -ENOMEM"
	mistake no-stats "span_heap_stats\(\) from $AT: stats is NULL"
	mistake absurd-reserve "span_heap_reserve\(\) from $AT: more pages than the machine has"
	mistake no-params "$AT asked for a heap, but there are no parameters"
	mistake no-name "$AT asked for a heap, but it has no name"
	mistake bad-name "$AT asked for a heap, but its name is not 1 to 31 printable characters without '/' or leading '.'"
	mistake bad-node "$AT asked for a heap, but its node is not online"
	mistake bad-age "$AT asked for a heap, but its age is more than 604800000 ms, a week"
	mistake bad-flags "$AT asked for a heap, but it has unknown flags"
	mistake destroy-twice "span_heap_destroy\(\) from $AT: there is no such heap; destroyed already\?"
	mistake destroy-default "span_heap_destroy\(\) from $AT: the default heap cannot be destroyed"
	mistake destroy-live "span_heap_destroy\(\) from $AT: heap spanabuse-leaky still has 1 spans:"
	try "destroy-live: the log names the span" says "  $ADDR: 5 pages, heap, for [0-9]+ ms, owner $ADDR, from $AT"
	echo Y > $PARAMETERS/check_held_pages
	mistake held-page "span_free\($ADDR\) from $AT: others hold 1 of 40 pages, the first is page 33; heap default was made without SPAN_HEAP_SHARED_PAGES"
	echo N > $PARAMETERS/check_held_pages
}

# === Parameters ==============================================================

# refused NAME VALUE: true if the parameter refuses VALUE and keeps its value
refused() {
	local before after
	before=$(cat "$PARAMETERS/$1")
	! echo "$2" > "$PARAMETERS/$1" || return 1
	after=$(cat "$PARAMETERS/$1")
	echo "$1: $before before, $after after"
	[ "$before" = "$after" ]
}

# nonsense NAME VALUE RANGE: VALUE is refused, and the log names the range
nonsense() {
	forget_log
	try "$1=$2 is refused" refused "$1" "$2"
	try "$1=$2: the log names the range" says "parameter $1 cannot be \"$2\": $3"
}

# taken NAME VALUE: true if the parameter takes VALUE and reads as VALUE
taken() {
	echo "$2" > "$PARAMETERS/$1" && [ "$(cat "$PARAMETERS/$1")" = "$2" ]
}

parameters() {
	local range value
	while read -r name max; do
		range="[01] to $max are possible"
		for value in -1 $((max + 1)) 4294967295 4294967296 many ''; do
			nonsense "$name" "$value" "$range"
		done
		try "$name=$max is taken" taken "$name" "$max"
		try "$name=1 is taken" taken "$name" 1
	done <<- END
		cache_pages 1048576
		retain_floor_pages 1048576
		scavenge_age_ms 604800000
		scavenge_share 100
	END
	nonsense limit_pages many "a number of pages, or 0 for no limit"
	nonsense limit_pages 99999999999999999999999 "a number of pages, or 0 for no limit"
	for name in check_held_pages guard_vfree lock_timing; do
		nonsense "$name" perhaps "Y or N"
	done
	echo N > $PARAMETERS/guard_vfree
	try "guard_vfree=Y is taken after N" taken guard_vfree Y
	try "... and the guard works again" makes vfree
	try "limit_pages=100000 is taken" taken limit_pages 100000
	try "limit_pages=0 is taken" taken limit_pages 0
	try "cache_pages=0 is taken" taken cache_pages 0
	try "double-free without caches: the client's spans stay intact" makes double-free
	try "no more pages are cached" cached_no_more
	try "cache_pages=512 is taken" taken cache_pages 512
}

cached_no_more() {
	local before
	before=$(stat_of default cached_pages)
	insmod /modules/spanstress.ko account_pages=1024 max_pages=8 && rmmod spanstress
	echo "cached before $before, now $(stat_of default cached_pages)"
	[ "$(stat_of default cached_pages)" -le "$before" ]
}

cannot_load() {
	! insmod /modules/spanalloc.ko "$@"
}

# === Files ===================================================================

# written TEXT: write to the file scavenge of the default heap
written() {
	printf '%s' "$1" > "$DEBUGFS/default/scavenge"
}

not_written() {
	! written "$1"
}

cached() {
	stat_of default cached_pages
}

# Leave some pages idle and some cached, by a client that frees its spans and is unloaded.
leave_some() {
	taskset 1 insmod /modules/spanstress.ko account_pages=4096 max_pages=1024 &&
		taskset 1 rmmod spanstress
	echo "idle $(stat_of default idle_pages), cached $(cached)"
	[ "$(cached)" -gt 0 ] && [ "$(stat_of default idle_pages)" -gt $(($(cached) + 100)) ]
}

# releases TEXT PAGES: true if writing TEXT releases exactly PAGES pages
releases() {
	local before
	before=$(stat_of default released_forced_pages)
	written "$1" || return 1
	echo "released $(($(stat_of default released_forced_pages) - before))"
	[ $(($(stat_of default released_forced_pages) - before)) = "$2" ]
}

# backed_at_most PAGES: true if at most PAGES pages are in use or idle
backed_at_most() {
	echo "in use $(stat_of default in_use_pages), idle $(stat_of default idle_pages)"
	[ $(($(stat_of default in_use_pages) + $(stat_of default idle_pages))) -le "$1" ]
}

spans_are_shown() {
	cat "$DEBUGFS/default/spans" > /tmp/spans
	cat /tmp/spans
	[ "$(head -n 1 /tmp/spans)" = "base pages kind owner age_ms caller" ] &&
		[ "$(wc -l < /tmp/spans)" -gt 3 ] &&
		! tail -n +2 /tmp/spans |
			grep -vE '^0x[0-9a-f]{16} [0-9]+ (heap|work) 0x[0-9a-f]{16} [0-9]+ [^ ]+( \[[a-z]+\])?$'
}

# pointers PATTERN: true if all addresses in the file spans match
pointers() {
	! tail -n +2 "$DEBUGFS/default/spans" | cut -d' ' -f1 | grep -vE "$1"
}

files() {
	local before
	must "some pages are idle, some are cached" leave_some
	for text in ' ' x -1 0x10 '1 2' 99999999999999999999999 'all of them, please'; do
		try "\"$text\" is refused" not_written "$text"
	done
	forget_log
	try "nonsense is refused" not_written nonsense
	try "the log names the valid texts" says 'heap default: write a number of pages, or "all", to scavenge'
	before=$(cached)
	try "0 releases nothing" releases 0 0
	try "... and empties no cache" [ "$(cached)" = "$before" ]
	try "010 releases ten pages" releases 010 10
	try "... and empties no cache" [ "$(cached)" = "$before" ]
	try "7 with a newline releases seven pages" releases "7
" 7
	echo 200 > $PARAMETERS/limit_pages
	try "limit_pages=200 releases the pages above the limit" backed_at_most 200
	echo 0 > $PARAMETERS/limit_pages
	try "\"all\" is taken" written all
	try "... and no page is idle" [ "$(stat_of default idle_pages)" = 0 ]

	must "spans are held" insmod /modules/spanstress.ko account_pages=64 max_pages=8
	try "the file spans shows the spans" spans_are_shown
	echo 2 > /proc/sys/kernel/kptr_restrict
	try "with kptr_restrict=2 the file hides the addresses" pointers '^0x0{16}$'
	echo 1 > /proc/sys/kernel/kptr_restrict
	try "with kptr_restrict=1 root sees the addresses" pointers '^0xff[0-9a-f]{14}$'
	echo 0 > /proc/sys/kernel/kptr_restrict
	must "the spans are freed" rmmod spanstress
}

# === Suspend =================================================================

# The freezer must stop the scavenger while it works with no limit on its share.
freeze() {
	echo freezer > /sys/power/pm_test && echo mem > /sys/power/state
}

try_suspend() {
	[ -w /sys/power/pm_test ] || { report 0 "suspend # SKIP the kernel cannot try it"; return; }
	echo 100 > $PARAMETERS/scavenge_share
	echo 0 > $PARAMETERS/scavenge_age_ms
	insmod /modules/spanstress.ko account_pages=32768 max_pages=512 && rmmod spanstress
	try "suspend freezes the scavenger while it works" freeze
	echo none > /sys/power/pm_test
}

footprint > /tmp/before
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko
mistakes
parameters
try_suspend
must "rmmod spanalloc" rmmod spanalloc
forget_log
must "spanalloc does not load with scavenge_share=0" cannot_load scavenge_share=0
try "... and the log says why" says 'parameter scavenge_share cannot be "0": 1 to 100 are possible'

must "insmod spanalloc.ko scavenge_age_ms=3600000" \
	insmod /modules/spanalloc.ko scavenge_age_ms=3600000
files

forget_log
echo "# expected: heap default still has 1 spans"
must "a client that leaks is loaded and unloaded" makes leak
must "rmmod spanalloc" rmmod spanalloc
try "the leak is reported: a heap" says "heap spanabuse-leaky was never destroyed"
try "... its spans" says "heap spanabuse-leaky still has 20 spans:"
try "... that the list of spans is cut off" says "  and others"
try "the leak is reported: in the default heap" says "heap default still has 1 spans:"
try "... the span, its owner and its caller" says "  $ADDR: 7 pages, work, for [0-9]+ ms, owner 0000000000000000, from .*"
sed 's/^/# /' /tmp/said | head -n 4
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
finish
