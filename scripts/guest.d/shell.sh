#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest before the prompt of scripts/shell.
insmod /modules/spanalloc.ko
cat << 'END'

spanalloc is loaded. Its numbers: cat /sys/kernel/debug/spanalloc/default/stats
Its parameters:                   grep . /sys/module/spanalloc/parameters/*
Clients to load with insmod:      ls /modules
Its messages:                     dmesg | grep spanalloc
END
