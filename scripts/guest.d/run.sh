#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: the stages named by the arguments, one after the other.

# Unload the modules that a failed stage has left loaded; the next stage loads its own.
clean_up() {
	local module
	umount /mnt /sys/fs/cgroup /tmp/hog
	for module in spanram hello_heap hello_span spanstress spancontexts spanabuse spanalloc_kunit \
		spanalloc; do
		[ ! -d /sys/module/$module ] || rmmod $module
	done
} > /dev/null 2>&1

status=0
for stage; do
	echo "# stage $stage"
	sh "/guest.d/$stage.sh" || { status=1; clean_up; }
	echo "# end of stage $stage"
done
exit "$status"
