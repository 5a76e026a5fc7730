#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: calls from every context that may call the allocator, on all processors
# at the same time, first with caches of the default size, then with small caches, which
# spans keep overflowing into the depots. /contexts/seconds is the time of both together.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

HALF=$(($(cat /contexts/seconds) / 2))

contexts() {
	must "insmod spanalloc.ko $1" insmod /modules/spanalloc.ko "$1"
	must "every context, $HALF s: no stall, every page and every counter is right" \
		insmod /modules/spancontexts.ko seconds=$HALF
	must "rmmod spancontexts" rmmod spancontexts
	must "rmmod spanalloc" rmmod spanalloc
}

footprint > /tmp/before
contexts ''
contexts cache_pages=64
try "nothing is left: slab, vmalloc, debugfs, threads, modules" nothing_new /tmp/before
finish
