# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sourced by the stages that run in the guest: results as TAP, statistics, and
# what a module may leave behind.

DEBUGFS=/sys/kernel/debug/spanalloc
number=0
failures=0

report() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failures=$((failures + 1))
	fi
}

# try NAME COMMAND...: one test; what the command prints is shown if it fails.
try() {
	local name="$1" status=0
	shift
	"$@" > /tmp/output 2>&1 || status=$?
	[ "$status" = 0 ] || sed -n '1,40s/^/#   /p' /tmp/output
	report "$status" "$name"
	return "$status"
}

# must NAME COMMAND...: as try, but nothing after it makes sense if it fails.
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

# MemFree lacks what the kernel keeps in stock for each processor, which can be
# tens of megabytes: free memory is the sum. All in pages.
mem_free() {
	cat /proc/sys/vm/stat_refresh
	awk '$1 == "MemFree:" { print $2 / 4 }' /proc/meminfo
}

cpu_lists() {
	awk '$1 == "count:" { sum += $2 } END { print sum + 0 }' /proc/zoneinfo
}

# Both at one moment: pages that move from the lists to the buddy allocator
# between the two looks would be seen in neither, or twice.
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

# Inodes and the like are freed a grace period after they are dropped.
drop_caches() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	sleep 1
	echo 3 > /proc/sys/vm/drop_caches
}

# Everything that unloading has to take away, one line each. Thread stacks and
# percpu areas come and go with the kernel's own work.
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

# nothing_new FILE: true once there is nothing that was not in the footprint
# FILE. The kernel frees some of what a module was made of a little later.
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
