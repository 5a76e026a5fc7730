#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
set -euo pipefail

usage()
{
	cat <<'EOF'
Usage: test-spanreplay.sh SPANREPLAY
Test the command line of spanreplay: output, messages and exit status.
EOF
}

case ${1-} in
--help) usage && exit 0 ;;
"" | -*) usage >&2 && exit 2 ;;
esac
spanreplay=$(realpath "$1")
data=$(realpath "$(dirname "$0")/data")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

number=0
failed=0

# expect NAME STATUS PATTERN ARGUMENT...: check spanreplay's exit status and output
expect()
{
	local name=$1 want=$2 pattern=$3 have=0
	local text

	shift 3
	text=$("$spanreplay" "$@" 2>&1) || have=$?
	number=$((number + 1))
	if [[ $have -eq $want && $text =~ $pattern ]]; then
		echo "ok $number - spanreplay: $name"
		return
	fi
	echo "# spanreplay $*: status $have, should be $want and match: $pattern"
	while IFS= read -r line; do
		echo "# $line"
	done <<<"$text"
	echo "not ok $number - spanreplay: $name"
	failed=1
}

printf '# pages 512\na 2 0\na 2 2\nf 0 2\n' >good.txt
printf '# pages 512\na 2 0\na 2 7\n' >wrong.txt
printf '# pages 512\na 2 0\na two 7\n' >broken.txt
printf 'a 1 10\na 2 5\nf 1\na 3 4\n' >trace.txt
printf 'a 1 10\nf 2\n' >badtrace.txt
gzip -k good.txt trace.txt badtrace.txt
mkdir dir
{ head -c 40 "$data/traces/redis.txt.gz"; head -c 40 /dev/zero; } >damaged.gz
head -c 40 "$data/traces/redis.txt.gz" >cut.gz

{
	printf 'a 1 400\nf 1\n'
	for id in 2 3 4 5 6 7; do
		printf 'a %s 1\nf %s\n' "$id" "$id"
	done
} > passes.txt

echo "TAP version 13"
echo "1..19"
expect "help" 0 "Usage: spanreplay" --help
expect "no arguments" 2 "no files given"
expect "a file of no kind" 2 "--oracle or --trace" good.txt
expect "an unknown option" 2 "unknown option" --bogus
expect "an age that is no number" 2 "--age needs" --age x --trace trace.txt
expect "no age" 2 "--age needs" --trace trace.txt --age
expect "a good vector" 0 '^\{"file":"good.txt","ops":3,"mismatches":0\}$' --oracle good.txt
expect "a compressed vector" 0 '"ops":3,"mismatches":0' --oracle good.txt.gz
expect "a wrong answer" 1 '"mismatches":1.*wrong.txt:3: .*answer 2, should be 7' --oracle wrong.txt
expect "one wrong answer among good files" 1 '"good.txt","ops":3,"mismatches":0' \
	--oracle good.txt wrong.txt good.txt.gz
expect "a broken vector" 2 'broken.txt:3: number of pages' --oracle broken.txt
expect "a broken trace" 2 'badtrace.txt:2: id 2' --trace badtrace.txt
expect "a broken compressed trace" 2 'badtrace.txt.gz:2: id 2' --trace badtrace.txt.gz
expect "a compressed file that breaks off" 2 'cut.gz: .*breaks off' --trace cut.gz
expect "a damaged compressed file" 2 'damaged.gz: .*damaged' --trace damaged.gz
expect "a directory" 2 'dir: cannot' --trace dir
expect "a file that is not there" 2 'nowhere: cannot open: No such file' --trace nowhere
expect "a trace" 0 '"ops":4,"age":0,"peak_live_pages":15,"peak_backed_pages":15,"peak_span_pages":15,"frag":1.0000,"released_pages":0,"rebacked_pages":0,' \
	--age 0 --trace trace.txt.gz
# Once demand has forgotten the 400 pages, a pass releases all but the 64 of the floor.
expect "a trace with passes" 0 '"peak_backed_pages":400,.*"released_pages":336,"rebacked_pages":0,"ns_per_op":[0-9.]+,"metadata_bytes":[0-9]+\}' \
	--age 1 --trace passes.txt
exit "$failed"
