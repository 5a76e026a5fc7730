# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sourced by the stages that charge spans to memory cgroups.

CGROUPS=/sys/fs/cgroup

# Pages by which a charge may be off: each processor takes up to 64 pages from a cgroup in
# advance, and a cgroup is charged for the memory of the insmod that runs in it.
SLACK=256

# make_cgroups NAME...: mount the hierarchy, and make cgroups with a memory controller
make_cgroups() {
	local name
	mount -t cgroup2 cgroup2 "$CGROUPS" &&
		echo +memory > "$CGROUPS/cgroup.subtree_control" || return 1
	for name; do
		mkdir "$CGROUPS/$name" || return 1
	done
}

remove_cgroups() {
	local name
	for name; do
		rmdir "$CGROUPS/$name" || return 1
	done
	umount "$CGROUPS"
}

# limit_cgroup NAME PAGES
limit_cgroup() {
	echo $(($2 * 4096)) > "$CGROUPS/$1/memory.max"
}

# enter_cgroup NAME COMMAND...: become COMMAND, in the cgroup; for a subshell
enter_cgroup() {
	local name="$1"
	shift
	echo 0 > "$CGROUPS/$name/cgroup.procs" && exec "$@"
}

# charged_pages NAME: pages that are charged to the cgroup
charged_pages() {
	echo $(($(cat "$CGROUPS/$1/memory.current") / 4096))
}

# near PAGES PAGES
near() {
	[ $(($1 - $2)) -le $SLACK ] && [ $(($2 - $1)) -le $SLACK ]
}

# Stages define hold themselves: spans in a cgroup, held until spanstress is unloaded.
cannot_hold() {
	! hold "$@"
}
