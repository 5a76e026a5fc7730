# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sourced by the stages that run in the guest: results as TAP, statistics, and checks
# that modules leave nothing behind.

DEBUGFS=/sys/kernel/debug/spanalloc
number=0
failures=0

# report STATUS NAME: the result of one test
report() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failures=$((failures + 1))
	fi
}

# try NAME COMMAND...: one test. If the command fails, its output is shown.
try() {
	local name="$1" status=0
	shift
	"$@" > /tmp/output 2>&1 || status=$?
	[ "$status" = 0 ] || sed -n '1,40s/^/#   /p' /tmp/output
	report "$status" "$name"
	return "$status"
}

# must NAME COMMAND...: as try, but ends the stage if the command fails
must() {
	try "$@" || {
		echo "Bail out! $1"
		exit 1
	}
}

finish() {
	echo "1..$number"
	exit "$((failures > 0))"
}

# stat_of HEAP NAME: one number from the heap's statistics
stat_of() {
	awk -v name="$2:" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$DEBUGFS/$1/stats"
}

# Free memory is MemFree and the pages on the per-CPU lists, which can be tens of
# megabytes. Both are in pages.
mem_free() {
	cat /proc/sys/vm/stat_refresh
	awk '$1 == "MemFree:" { print $2 / 4 }' /proc/meminfo
}

cpu_lists() {
	awk '$1 == "count:" { sum += $2 } END { print sum + 0 }' /proc/zoneinfo
}

# Repeat the reading until MemFree is stable, since pages that move between the per-CPU
# lists and the buddy allocator would be counted twice or not at all.
free_memory() {
	local before lists after tries=50
	while [ "$tries" -gt 0 ]; do
		before=$(mem_free)
		lists=$(cpu_lists)
		after=$(mem_free)
		[ $((after - before)) -gt 32 ] || [ $((before - after)) -gt 32 ] || break
		tries=$((tries - 1))
	done
	echo "MemFree: $after"
	echo "cpu_lists: $lists"
}

# The second drop frees slabs of inodes, which are freed a grace period after the first.
drop_caches() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	sleep 1
	echo 3 > /proc/sys/vm/drop_caches
}

# Print everything that unloading has to remove, one line each. Thread stacks and percpu
# areas are left out, since the kernel itself allocates and frees them.
footprint() {
	{
		awk 'NR > 2 { print "slab cache", $1 }' /proc/slabinfo
		awk '!/unpurged|dup_task_struct|alloc_thread_stack|pcpu_/ \
			{ print "vmalloc area of", $2, "bytes by", $3 }' /proc/vmallocinfo
		awk '{ print "module", $1 }' /proc/modules
		ls /sys/kernel/debug | sed 's/^/debugfs entry /'
		ls /sys/block | sed 's/^/disk /'
		ps -o comm | grep span | sed 's/^/thread /'
		[ ! -d /sys/kernel/debug/shrinker ] ||
			ls /sys/kernel/debug/shrinker | grep span | sed 's/^/shrinker /'
	} | sort
}

# nothing_new FILE: true once everything in the footprint is in FILE too. Waits, since the
# kernel frees some parts of a module a little after its unloading.
nothing_new() {
	local tries=20
	while :; do
		footprint > /tmp/footprint
		comm -13 "$1" /tmp/footprint > /tmp/new
		[ -s /tmp/new ] || return 0
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.5
	done
	cat /tmp/new
	return 1
}
