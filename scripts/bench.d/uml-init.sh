#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# The first process of the user-mode Linux that runs the benchmark: takes the
# results out. By then everything has been measured, at boot. The host's files
# are there, read-only, but for the directory named on the kernel's command line.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug
out=$(sed -n 's/.* span_out=\([^ ]*\).*/\1/p' /proc/cmdline)
mount -t hostfs -o "$out" hostfs /mnt
cp /sys/kernel/debug/spanalloc_bench/results /mnt/results.tmp &&
	mv /mnt/results.tmp /mnt/results.json
busybox poweroff -f
