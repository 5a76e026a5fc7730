# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What every script here shares: where things are, and how to speak.

# shellcheck disable=SC2034  # read by the scripts that source this file
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${SPANALLOC_CACHE:-$HOME/.cache/spanalloc}
ME=${0##*/}

# Minimal systems leave the administrator's tools off an ordinary user's path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# Sorting, dates and messages must not depend on the reader's language.
export LC_ALL=C.UTF-8

say() {
	printf '%s: %s\n' "$ME" "$*" >&2
}

die() {
	say "error: $*"
	exit 1
}

# The comment block under a script's licence line is its help text.
usage() {
	awk 'NR < 4 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
}

need_value() {
	[ "$#" -ge 2 ] || die "$1 needs a value; see $ME --help"
}

# One builder per cache entry: the rest wait, then find it ready.
cache_lock() {
	mkdir -p "$CACHE"
	exec 9> "$CACHE/$1.lock"
	if ! flock -n 9; then
		say "waiting for another run that is preparing $1"
		flock 9
	fi
}

cache_unlock() {
	exec 9>&-
}
