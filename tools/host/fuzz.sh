#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
set -euo pipefail

usage()
{
	cat <<'EOF'
Usage: fuzz.sh [--tap] [--seconds N] DIR
Run the fuzz targets that were built in DIR: first on the inputs in the tree
(seeds and regressions), then on new inputs. Inputs that reach new code are kept
in DIR/corpus, where a later run begins. Inputs that fail are kept in
DIR/crashes.

  --seconds N  time for new inputs, all targets together (default: 60)
  --tap        print test results only
  --help       show this text
EOF
}

fail()
{
	echo "fuzz.sh: $*" >&2
	exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
seconds=60
tap=false
while [[ ${1-} == -* ]]; do
	case $1 in
	--tap) tap=true ;;
	--seconds)
		seconds=${2-}
		shift
		[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "--seconds needs a number above 0"
		;;
	--help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done
[[ $# -eq 1 ]] || { usage >&2 && exit 2; }
out=$1

# The parsers are small: they get a fifth of the time.
parser_seconds=$(((seconds + 4) / 5))
index_seconds=$((seconds - parser_seconds))
((index_seconds > 0)) || index_seconds=1

failed=0
number=0

result()
{
	local verdict=$1 text=$2

	number=$((number + 1))
	echo "$verdict $number - $text"
	[[ $verdict == ok ]] || failed=1
}

# executions LOG: number of inputs that a finished run has tried
executions()
{
	sed -n 's/^stat::number_of_executed_units: *//p' "$1"
}

# Show libFuzzer's lines about progress, unless with --tap.
progress()
{
	if $tap; then
		cat >/dev/null
	else
		grep --line-buffered -E '^#[0-9]+[[:space:]]+(INITED|pulse|RELOAD|DONE)' || true
	fi
}

run()
{
	local log=$1

	shift
	# Show the log, with the sanitizer's report, only if the run fails.
	if "$@" -print_final_stats=1 2>&1 | tee "$log" | progress; then
		return 0
	fi
	grep -vE '^#[0-9]' "$log" | sed 's/^/# /'
	return 1
}

explain()
{
	local name=$1

	cat <<EOF
# The inputs that failed are in $out/crashes. To run one again:
#	$out/fuzz-$name $out/crashes/FILE
# Once the failure is understood, copy the input to tools/host/corpus/regressions/$name.
EOF
}

fuzz()
{
	local name=$1 time=$2 longest=$3 count
	local log=$out/fuzz-$name.log
	local known=("$here/corpus/$name")
	local common=("-artifact_prefix=$out/crashes/$name-" -timeout=10 -rss_limit_mb=1500)

	[[ ! -d $here/corpus/regressions/$name ]] || known+=("$here/corpus/regressions/$name")
	[[ -x $out/fuzz-$name ]] || fail "no $out/fuzz-$name; build it with: make check"
	mkdir -p "$out/corpus/$name" "$out/crashes"
	count=$(find "${known[@]}" -type f | wc -l)
	if run "$log" "$out/fuzz-$name" "${common[@]}" -runs=0 "${known[@]}"; then
		result ok "fuzz: $name: $count known inputs"
	else
		result "not ok" "fuzz: $name: $count known inputs"
		explain "$name"
	fi
	$tap || echo "fuzz $name: new inputs for $time s"
	if run "$log" "$out/fuzz-$name" "${common[@]}" "-max_len=$longest" "-max_total_time=$time" \
	       "$out/corpus/$name" "${known[@]}"; then
		result ok "fuzz: $name: new inputs, $(executions "$log") in $time s"
	else
		result "not ok" "fuzz: $name: new inputs"
		explain "$name"
	fi
}

echo "TAP version 13"
echo "1..4"
# Longer inputs of more calls find no more defects, and take longer.
fuzz index "$index_seconds" 256
fuzz parser "$parser_seconds" 2048
exit "$failed"
