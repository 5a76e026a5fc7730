#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# The init of the user-mode Linux that runs the benchmark, which the kernel runs
# during boot. Copies the results to the directory of the host that span_out= names
# on the kernel's command line. All other files of the host are read-only.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug
out=$(sed -n 's/.* span_out=\([^ ]*\).*/\1/p' /proc/cmdline)
mount -t hostfs -o "$out" hostfs /mnt
cp /sys/kernel/debug/spanalloc_bench/results /mnt/results.tmp &&
	mv /mnt/results.tmp /mnt/results.json
busybox poweroff -f
