#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest before the prompt of scripts/gdb: tells where modules and functions lie.
insmod /modules/spanalloc.ko
insmod /modules/hello_span.ko
stty -onlcr 2> /dev/null
echo "begin of kernel"
awk 'NF == 3 && $2 ~ /[tT]/' /proc/kallsyms | gzip | base64
echo "end of kernel"
for module in spanalloc hello_span; do
	cd "/sys/module/$module/sections" || continue
	# A small module may have all of its code in .init.text and .exit.text.
	line=$module
	[ -f .text ] && line="$line $(cat .text)"
	for section in .data .bss .rodata .init.text .exit.text; do
		[ -f "$section" ] && line="$line -s $section $(cat "$section")"
	done
	echo "sections of $line"
done
cd /
echo "end of symbols"
printf "\nspanalloc and hello_span are loaded. More clients: ls /modules\n"
