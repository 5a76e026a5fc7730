#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: a tree of files on ext4 on spanram. Half of the files are deleted, and
# the heap releases their memory to the system.
#
# The folder /demo has tree.tar, manifest (SHA-256 of every file, made by the host), keep
# (the lines of manifest for the files that stay), drop (the files to delete), bytes and
# size_mb.
# shellcheck source=scripts/guest.d/tap.sh
. /guest.d/tap.sh

AGE_MS=5000
HEAP=spanram0
ROWS='in_use_pages idle_pages released_pages grown_pages MemFree cpu_lists'

# note MOMENT: save the values of one column of the table, in pages
note() {
	{
		free_memory
		cat "$DEBUGFS/$HEAP/stats"
	} > "/tmp/$1.stats"
}

noted() {
	awk -v name="$2:" '$1 == name { print $2 }' "/tmp/$1.stats"
}

show_table() {
	printf '# %-16s %10s %10s %10s %10s\n' '4 KiB pages' \
		'empty' 'tree on it' 'half gone' 'scavenged'
	for name in $ROWS; do
		printf '# %-16s %10s %10s %10s %10s\n' "$name" \
			"$(noted empty "$name")" "$(noted full "$name")" \
			"$(noted half "$name")" "$(noted after "$name")"
	done
}

sums_agree() {
	[ "$(noted "$1" grown_pages)" = $(($(noted "$1" in_use_pages) +
		$(noted "$1" idle_pages) + $(noted "$1" released_pages))) ]
}

unpack() {
	tar -xf /demo/tree.tar -C /mnt && rm /demo/tree.tar
}

# Compare number and total size of the files with the manifest.
right_amount() {
	local files bytes
	files=$(find /mnt -type f | wc -l)
	bytes=$(find /mnt -type f -exec stat -c %s {} + | awk '{ sum += $1 } END { print sum }')
	echo "# $files files, $((bytes / 1000)) kB"
	[ "$files" = "$(wc -l < /demo/manifest)" ] && [ "$bytes" = "$(cat /demo/bytes)" ]
}

# verify NAME MANIFEST: read every file from the device, and compare its SHA-256
verify() {
	local total good
	total=$(wc -l < "$2")
	drop_caches
	(cd /mnt && sha256sum -c "$2" 2>&1) | awk -v total="$total" '
		/: OK$/ {
			if (++good % 2000 == 0)
				print "#   " good " of " total " files verified"
			next
		}
		{ print "#   " $0 }
		END { print good + 0 > "/tmp/good" }'
	good=$(cat /tmp/good)
	[ "$good" = "$total" ]
	report $? "$1: SHA-256 of $good of $total files"
}

# Call rm by its path: busybox's xargs runs an applet that is called by name inside its own
# process, where rm garbles the list of names.
delete_half() {
	(cd /mnt && xargs /bin/rm < /demo/drop) &&
		[ "$(find /mnt -type f | wc -l)" = "$(wc -l < /demo/keep)" ]
}

# The scavenger keeps idle pages of a sixteenth of the pages in use, or 64 pages.
few_are_idle() {
	local few=$(($(stat_of "$HEAP" in_use_pages) / 16))
	[ "$few" -ge 64 ] || few=64
	[ "$(stat_of "$HEAP" idle_pages)" -le "$few" ]
}

# The scavenger needs twice the age, and the pauses that keep it to its share of a CPU.
# Pauses are long if the host runs the guest's processors late.
wait_for_scavenger() {
	local deadline=$(($(cut -d. -f1 /proc/uptime) + 2 * AGE_MS / 1000 + 300))
	until few_are_idle; do
		if [ "$(cut -d. -f1 /proc/uptime)" -gt "$deadline" ]; then
			cat "$DEBUGFS/$HEAP/stats"
			return 1
		fi
		sleep 0.2
	done
}

free_pages() {
	echo $(($(noted "$1" MemFree) + $(noted "$1" cpu_lists)))
}

# The system's free memory must grow by the released pages, less the pages that the system
# takes itself. After "half" it takes fewer, since only the scavenger is active.
memory_came_back() {
	local given gained released regained
	given=$(($(noted full in_use_pages) - $(noted after in_use_pages)))
	gained=$(($(free_pages after) - $(free_pages full)))
	released=$(($(noted after released_pages) - $(noted half released_pages)))
	regained=$(($(free_pages after) - $(free_pages half)))
	echo "# since the tree was complete: $given fewer pages in use, $gained more pages free"
	echo "# since half was deleted: $released pages released, $regained more pages free"
	[ "$given" -gt 0 ] && [ $((gained + 1024)) -ge "$given" ] &&
		[ $((regained * 10)) -ge $((released * 9)) ]
}

released_by_age() {
	[ "$(stat_of "$HEAP" released_age_pages)" -gt 0 ]
}

heap_is_gone() {
	[ ! -e "$DEBUGFS/$HEAP" ]
}

mkdir -p /mnt
footprint > /tmp/before
must "insmod spanalloc.ko scavenge_age_ms=$AGE_MS" \
	insmod /modules/spanalloc.ko scavenge_age_ms=$AGE_MS
size_mb=$(cat /demo/size_mb)
must "insmod spanram.ko size_mb=$size_mb" insmod /modules/spanram.ko size_mb="$size_mb"
must "the heap has its statistics" stat_of "$HEAP" grown_pages
must "mkfs.ext4 /dev/spanram0" \
	/programs/mke2fs -q -F -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 /dev/spanram0
must "mount" mount -t ext4 /dev/spanram0 /mnt
drop_caches
note empty
echo "# unpacking $(wc -l < /demo/manifest) files"
must "unpack a real tree" unpack
must "number and size of the files" right_amount
cat /tmp/output
drop_caches
note full
echo "# reading them back"
verify "all files" /demo/manifest
must "delete $(wc -l < /demo/drop) files" delete_half
# Drop caches before fstrim: dropping them calls all shrinkers, including the heap's.
drop_caches
must "fstrim" fstrim -v /mnt
sed 's/^/# /' /tmp/output
note half
echo "# waiting for the scavenger"
must "no more than a sixteenth of what is in use stays idle" wait_for_scavenger
try "pages were released for their age" released_by_age
drop_caches
note after
try "the system's free memory has grown by the released pages" memory_came_back
cat /tmp/output
verify "the other half" /demo/keep
for moment in empty full half after; do
	try "grown = in use + idle + released: $moment" sums_agree "$moment"
done
show_table
echo "# all statistics of $HEAP at the end:"
sed 's/^/#   /' "$DEBUGFS/$HEAP/stats"
must "umount" umount /mnt
try "e2fsck finds nothing" /programs/e2fsck -f -n /dev/spanram0
must "rmmod spanram" rmmod spanram
try "the heap $HEAP is gone" heap_is_gone
must "rmmod spanalloc" rmmod spanalloc
try "nothing is left: slab, vmalloc, debugfs, disks, threads, modules" nothing_new /tmp/before
finish
