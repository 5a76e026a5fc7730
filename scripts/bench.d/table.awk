# SPDX-License-Identifier: GPL-2.0-only
#
# Prints results of spanalloc_bench, one JSON object a line, as tables: a row per
# benchmark, length and number of threads, a column per allocator. The number in
# brackets is the ratio to spanalloc's. Results with at_ms are left out.

function field(name, text) {
	if (!match($0, "\"" name "\": (\"[^\"]*\"|[0-9.]+)"))
		return ""
	text = substr($0, RSTART, RLENGTH)
	sub(/^"[^"]*": /, "", text)
	gsub(/"/, "", text)
	return text
}

function shown(value) {
	value += 0
	return sprintf(value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value)
}

/"bench"/ {
	subject = field("subject")
	if (subject == "empty_loop" || field("at_ms") != "")
		next
	what = field("metric")
	if (field("init_on_alloc") != "")
		what = what ", init_on_alloc=" field("init_on_alloc")
	key = sprintf("%-28s %5s %7s", field("bench"), field("pages"), field("threads"))
	if (!(what in seen)) {
		seen[what] = 1
		whats[++nr_whats] = what
	}
	if (!(subject in columns)) {
		columns[subject] = ++nr_columns
		names[nr_columns] = subject
	}
	if (!((what, key) in rows)) {
		rows[what, key] = 1
		keys[what, ++nr_keys[what]] = key
	}
	value[what, key, subject] = field("value")
	ratio[what, key, subject] = field("ratio")
}

END {
	for (w = 1; w <= nr_whats; w++) {
		what = whats[w]
		printf "\n%s; in brackets: ratio to spanalloc's\n", what
		printf "%-28s %5s %7s", "bench", "pages", "threads"
		for (c = 1; c <= nr_columns; c++)
			printf " %20s", names[c]
		print ""
		for (k = 1; k <= nr_keys[what]; k++) {
			key = keys[what, k]
			printf "%s", key
			for (c = 1; c <= nr_columns; c++) {
				cell = ""
				if ((what, key, names[c]) in value) {
					cell = shown(value[what, key, names[c]])
					if (ratio[what, key, names[c]] != "")
						cell = cell sprintf(" [%.2f]", \
							ratio[what, key, names[c]])
				}
				printf " %20s", cell
			}
			print ""
		}
	}
}
