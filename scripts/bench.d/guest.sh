#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest, with the benchmark's parameters as arguments: loads the
# benchmark, and prints the results. "result:" before each line marks them on the
# console for the host. Parameters of spanalloc itself begin with its name.
own=
for parameter; do
	shift
	case $parameter in
	spanalloc.*) own="$own ${parameter#spanalloc.}" ;;
	*) set -- "$@" "$parameter" ;;
	esac
done
# shellcheck disable=SC2086  # a list of words
insmod /modules/spanalloc.ko $own || exit 1
# bench-qemu checks in this line that memory is cleared when it is allocated.
dmesg | grep "mem auto-init"
insmod /modules/spanalloc_bench.ko "$@" || exit 1
sed 's/^/result: /' /sys/kernel/debug/spanalloc_bench/results
rmmod spanalloc_bench
rmmod spanalloc
