#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest, with the benchmark's parameters as arguments: loads it, and
# prints the results, which the host finds in the console by the mark before
# each line.
insmod /modules/spanalloc.ko || exit 1
insmod /modules/spanalloc_bench.ko "$@" || exit 1
sed 's/^/result: /' /sys/kernel/debug/spanalloc_bench/results
rmmod spanalloc_bench
rmmod spanalloc
