# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the scripts here: folders, messages, help, and locks of the cache.

# shellcheck disable=SC2034  # read by the scripts that source this file
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${SPANALLOC_CACHE:-$HOME/.cache/spanalloc}
ME=${0##*/}

# depmod and other tools are in folders that an ordinary user's path may lack.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# The output of programs must not depend on the user's locale.
export LC_ALL=C.UTF-8

say() {
	printf '%s: %s\n' "$ME" "$*" >&2
}

die() {
	say "error: $*"
	exit 1
}

# Print the comment block under the script's licence line, which is its help text.
usage() {
	awk 'NR < 4 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
}

need_value() {
	[ "$#" -ge 2 ] || die "$1 needs a value; see $ME --help"
}

# cache_lock KEY: wait until no other run prepares this entry of the cache
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
