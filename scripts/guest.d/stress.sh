#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: spanstress on four processors, against a scavenger with
# an age of 10 ms.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh
# shellcheck source=scripts/guest.d/debug.sh
. /guest.d/debug.sh

footprint > /tmp/before
forget_leaks
must "insmod spanalloc.ko" insmod /modules/spanalloc.ko
echo "# 40000 spans of 1 to 512 pages from 4 threads"
must "spanstress: every check held, every counter is exact" \
	insmod /modules/spanstress.ko threads=4 ops=40000 max_pages=512 age_ms=10
must "rmmod spanstress" rmmod spanstress
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
try "kmemleak finds nothing" no_leaks
finish
