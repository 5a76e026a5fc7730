# SPDX-License-Identifier: GPL-2.0-only
#
# Every target is one script or one tool's own makefile; "make help" lists them.
# Kbuild, not this file, says what the modules are made of.

MAKEFLAGS += --no-print-directory
HOST := $(MAKE) -C tools/host

# The kernel to build for: stock, debug, or the path of a prepared kernel tree.
KDIR ?= stock

.DEFAULT_GOAL := help
.PHONY: help modules demo shell gdb compile_commands check check-host check-kunit check-stock lint fuzz \
	bench bench-insn bench-hold bench-kernel bench-qemu bench-scavenger docs clean distclean

##@ Use

modules: ## build the modules for the distribution's kernel, in build/stock
	@scripts/modules $(KDIR)

demo: ## the main job: a real tree on a block device of spans, in QEMU
	@scripts/demo

shell: ## a prompt in a guest with the modules loaded, on the stock kernel
	@scripts/shell

##@ Test

check: ## every test, in user space and in QEMU; ends with "N passed, N failed"
	@scripts/check

check-host: ## the tests that run in user space
	@scripts/deps host
	@$(HOST) check

check-kunit: ## the KUnit suites and the stress test, and both while CPUs come and go
	@scripts/check kunit stress hotplug

check-stock: ## all that runs on the stock kernel: clients, limits, reclaim, mistakes
	@scripts/check reload demo memcg scavenge misuse reclaim big contexts

fuzz: ## libFuzzer on the page index and the parsers
	@scripts/deps host
	@$(HOST) fuzz

##@ Measure

bench: ## time the page index beside other allocators; build/bench/host.json
	@scripts/deps host bench
	@$(HOST) bench

bench-insn: ## the same in instructions, which repeat exactly
	@scripts/deps host bench
	@$(HOST) bench-insn

bench-hold: ## how long one hold of a heap's lock is, on heaps of up to 1 TiB
	@scripts/deps host bench
	@$(HOST) bench-hold

bench-kernel: ## time spanalloc beside the kernel's allocators, in user-mode Linux
	@scripts/bench-kernel

bench-qemu: ## the same in QEMU, on the stock kernel; and in instructions
	@scripts/bench-qemu

bench-scavenger: ## what the scavenger does for a load, and costs; in user-mode Linux
	@scripts/bench-scavenger

##@ Develop

gdb: ## gdb, attached to a guest with the modules loaded, with their symbols
	@scripts/gdb

compile_commands: ## compile_commands.json for editors, from the build for KDIR
	@scripts/compile-commands $(KDIR)

lint: ## checkpatch, sparse, W=1, kernel-doc, shellcheck, layers
	@scripts/lint

docs: ## the documentation as HTML, in build/docs/html
	@scripts/docs

help: ## list these targets
	@echo 'spanalloc: a page-span allocator for Linux kernel modules'
	@awk '/^##@/ { sub(/^##@ */, ""); printf "\n%s:\n", $$0 } \
		/^[a-z_-]+:.*## / { name = $$1; sub(/:.*/, "", name); sub(/.*## /, ""); \
			printf "  make %-17s %s\n", name, $$0 }' Makefile
	@echo
	@echo '  make modules KDIR=/lib/modules/$$(uname -r)/build   for another kernel'

clean: ## remove what was built here
	@rm -rf build

distclean: clean ## and the cached kernels too
	@rm -rf "$${SPANALLOC_CACHE:-$$HOME/.cache/spanalloc}"
