# SPDX-License-Identifier: GPL-2.0-only
#
# Compares results of bench=burst,refault,scavlat with the wanted values.

function field(name, text) {
	if (!match($0, "\"" name "\": (\"[^\"]*\"|[0-9.]+)"))
		return ""
	text = substr($0, RSTART, RLENGTH)
	sub(/^"[^"]*": /, "", text)
	gsub(/"/, "", text)
	return text
}

function judge(what, value, wanted, good) {
	printf "%-58s %10.2f   %-12s %s\n", what, value, wanted, good ? "met" : "NOT MET"
	missed += !good
}

/"bench"/ && !/"at_ms"/ {
	key = field("bench") " " field("subject") " " field("metric")
	if (field("pages") != "") {
		key = key " " field("pages")
		if (!(field("pages") in seen)) {
			seen[field("pages")] = 1
			pages[++nr] = field("pages")
		}
	}
	value[key] = field("value") + 0
	there[field("bench")] = 1
}

function refault(bench, name, here, alone) {
	if (!(bench in there))
		return
	here = value[bench " default refault_per_mille"]
	alone = value[bench " age_alone refault_per_mille"]
	judge("refault, per mille: " name, here, "< 10", here < 10)
	judge("  by age alone, with as much memory", alone, ">= 5 times", alone >= 5 * here)
}

function latency(which, name, i, off, on) {
	if (!(("scavlat" which "_on") in there))
		return
	for (i = 1; i <= nr; i++) {
		off = value["scavlat" which "_off spanalloc alloc_p99_ns " pages[i]]
		on = value["scavlat" which "_on spanalloc alloc_p99_ns " pages[i]]
		judge("p99 of an allocation of " pages[i] " pages" name ", on/off", on / off, \
			"<= 2", on <= 2 * off)
	}
}

END {
	printf "%-58s %10s   %s\n", "", "measured", "wanted"
	if ("burst" in there) {
		ages = value["burst default fall_ages"]
		work = value["burst default work_ages"]
		judge("ages from a burst to live pages, 10 % and the floor", ages, \
			sprintf("<= 2 + %.2f", work), ages > 0 && ages <= 2.01 + work)
		printf "  (at most two ages, a tick, and the time of the pass itself)\n"
	}
	refault("refault_slow", "5 spans a second")
	refault("refault", "50 spans a second")
	refault("refault_waves", "50 spans a second, in waves")
	latency("", "")
	latency("_uncached", ", no cache")
}
