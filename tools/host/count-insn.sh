#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
set -euo pipefail

usage()
{
	cat <<'EOF'
Usage: bench-insn.sh PROGRAM FILE
Count the instructions of one allocation plus its free, and of one lookup, with
callgrind. Runs PROGRAM (bench-insn), prints a table and writes FILE as JSON.
The counts are of the code that is timed by bench, less the loop around it, and
repeat exactly.
EOF
}

[[ ${1-} == --help ]] && usage && exit 0
[[ $# -eq 2 ]] || { usage >&2 && exit 2; }
program=$1
json=$2

command -v valgrind >/dev/null || {
	echo "bench-insn.sh: valgrind is missing; to install it: apt-get install valgrind" >&2
	exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

valgrind --quiet --tool=callgrind --instr-atstart=no --combine-dumps=no \
	--callgrind-out-file="$work/out" "$program"

dumps=()
for ((i = 1; ; i++)); do
	[[ -e $work/out.$i ]] || break
	dumps+=("$work/out.$i")
done

# One file per row: its words behind "Client Request:", its count behind "totals:".
awk '
	/^desc: Trigger: Client Request: / {
		sub(/^desc: Trigger: Client Request: /, "")
		row = $0
	}
	/^(totals|summary): / && row != "" {
		print $2, row
		row = ""
		nextfile
	}
' "${dumps[@]}" >"$work/rows"

awk -v json="$json" '
	function quoted(value)
	{
		return value ~ /^[0-9]+$/ ? value : "\"" value "\""
	}
	{
		params = ""
		fields = ""
		for (i = 3; i <= NF; i++) {
			split($i, pair, "=")
			if (pair[1] == "ops") {
				ops = pair[2]
				continue
			}
			params = params " " $i
			fields = fields ", \"" pair[1] "\": " quoted(pair[2])
		}
		per_op = $1 / ops
		if ($2 == "nothing") {
			loop = per_op
			next
		}
		# A lookup is called in a loop of its own, which stays in its count.
		if ($2 != "lookup")
			per_op -= loop
		rows = rows (rows == "" ? "" : ",\n") sprintf("  {\"bench\": \"%s\", " \
			"\"subject\": \"spanalloc\"%s, \"metric\": \"insn_per_op\", " \
			"\"value\": %.3f}", $2, fields, per_op)
		printf "%-7s%-42s %9.2f\n", $2, params, per_op
		count++
	}
	BEGIN {
		printf "%-7s%-42s %9s\n", "bench", " parameters", "insn/op"
	}
	END {
		printf "[\n%s\n]\n", rows >json
		exit count == 0
	}
' "$work/rows"
echo "Written to $json."
