#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
set -euo pipefail

usage()
{
	cat <<'END'
Usage: count-insn.sh [--worst] --output FILE PROGRAM [ARGUMENT...]
Count instructions with callgrind. PROGRAM dumps its counts under names of the form
"BENCH ops=N PARAMETER=VALUE...". The count of BENCH "nothing" is the cost of the loop
itself, and is subtracted from all others. Prints a table and writes FILE as JSON. Counts
repeat exactly.

  --worst        print only the largest count of rows with the same BENCH and pages=
  --output FILE  JSON file for the counts of all rows
END
}

worst=0 json=''
while [[ $# -gt 0 ]]; do
	case $1 in
	--help) usage; exit 0 ;;
	--worst) worst=1 ;;
	--output) json=${2-}; shift ;;
	*) break ;;
	esac
	shift
done
[[ $# -ge 1 && -n $json ]] || { usage >&2 && exit 2; }

command -v valgrind >/dev/null || {
	echo "count-insn.sh: valgrind is missing; to install it: apt-get install valgrind" >&2
	exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

valgrind --quiet --tool=callgrind --instr-atstart=no --combine-dumps=no \
	--callgrind-out-file="$work/out" "$@"

# Each file is a row: its name follows "Client Request:", its count follows "totals:".
# shellcheck disable=SC2016  # a program of awk
find "$work" -name 'out.*' | sort -V | xargs awk '
	/^desc: Trigger: Client Request: / {
		sub(/^desc: Trigger: Client Request: /, "")
		row = $0
	}
	/^(totals|summary): / && row != "" {
		print $2, row
		row = ""
		nextfile
	}
' >"$work/rows"

awk -v json="$json" -v worst="$worst" '
	function quoted(value)
	{
		return value ~ /^[0-9]+$/ ? value : "\"" value "\""
	}
	function show(bench, params, value)
	{
		printf "%-18s%-42s %9.2f\n", bench, params, value
	}
	{
		params = ""
		fields = ""
		kind = $2
		for (i = 3; i <= NF; i++) {
			split($i, pair, "=")
			if (pair[1] == "ops") {
				ops = pair[2]
				continue
			}
			if (pair[1] == "pages")
				kind = kind " " pair[2]
			params = params " " $i
			fields = fields ", \"" pair[1] "\": " quoted(pair[2])
		}
		per_op = $1 / ops
		if ($2 == "nothing") {
			loop = per_op
			next
		}
		# Lookups run in a loop of their own, which is not subtracted.
		if ($2 != "lookup")
			per_op -= loop
		rows = rows (rows == "" ? "" : ",\n") sprintf("  {\"bench\": \"%s\", " \
			"\"subject\": \"spanalloc\"%s, \"metric\": \"insn_per_op\", " \
			"\"value\": %.3f}", $2, fields, per_op)
		count++
		if (!worst) {
			show($2, params, per_op)
			next
		}
		if (!(kind in most))
			order[++kinds] = kind
		if (!(kind in most) || per_op > most[kind]) {
			most[kind] = per_op
			bench[kind] = $2
			where[kind] = params
		}
	}
	BEGIN {
		printf "%-18s%-42s %9s\n", "bench", " parameters", "insn/op"
	}
	END {
		for (i = 1; i <= kinds; i++)
			show(bench[order[i]], where[order[i]], most[order[i]])
		printf "[\n%s\n]\n", rows >json
		exit count == 0
	}
' "$work/rows"
echo "Written to $json."
