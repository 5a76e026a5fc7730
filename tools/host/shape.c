// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

#include "index/pageindex.h"
#include "shape.h"

const struct shape shapes[] = {
	{
		.name = "tiny heap",
		.start_blocks = 1, .start_chunks = 1, .max_blocks = 1,
		.max_npages = 600,
		.weight = { 30, 6, 24, 8, 2, 6, 3, 2, 2, 1, 1, 3, 3, 4, 2 },
	},
	{
		.name = "full heap",
		.start_blocks = 1, .start_chunks = 6, .max_blocks = 1,
		.max_npages = 700,
		.weight = { 60, 8, 16, 8, 2, 3, 1, 1, 1, 0, 0, 2, 1, 4, 2 },
	},
	{
		.name = "one huge arena",
		.start_blocks = 18, .start_chunks = 18 * PAGEINDEX_BLOCK_CHUNKS, .max_blocks = 20,
		.max_npages = 9 * PAGEINDEX_BLOCK_PAGES,
		.weight = { 30, 5, 26, 8, 2, 5, 2, 1, 1, 1, 1, 2, 2, 2, 1 },
	},
	{
		.name = "many arenas",
		.start_blocks = 24, .start_chunks = 24, .max_blocks = 80, .walls = 100,
		.sparse = true,
		.max_npages = 2000,
		.weight = { 32, 5, 22, 8, 2, 4, 2, 1, 1, 4, 1, 2, 3, 3, 2 },
	},
	{
		.name = "growing heap",
		.start_blocks = 0, .start_chunks = 0, .max_blocks = 12, .walls = 30,
		.max_npages = 5000,
		.weight = { 40, 6, 26, 6, 2, 3, 2, 1, 1, 6, 1, 2, 2, 3, 2 },
	},
	{
		.name = "heap with holes",
		.start_blocks = 3, .start_chunks = 20, .max_blocks = 9, .walls = 40,
		.sparse = true,
		.max_npages = 3000,
		.weight = { 36, 8, 24, 10, 2, 3, 2, 1, 1, 2, 1, 2, 2, 3, 1 },
	},
	{
		.name = "heap under scavenging",
		.start_blocks = 2, .start_chunks = 40, .max_blocks = 4, .walls = 50,
		.max_npages = 1500,
		.weight = { 30, 3, 24, 6, 6, 14, 8, 8, 1, 1, 0, 6, 6, 3, 2 },
	},
	{
		.name = "aligned requests",
		.start_blocks = 2, .start_chunks = 64, .max_blocks = 6, .walls = 50,
		.max_npages = 4096,
		.weight = { 8, 34, 24, 6, 2, 2, 1, 1, 1, 1, 0, 1, 1, 4, 1 },
	},
	{
		.name = "small heap in batches",
		.start_blocks = 1, .start_chunks = 3, .max_blocks = 2, .walls = 50,
		.max_npages = 300,
		.weight = { 12, 2, 8, 6, 4, 6, 4, 4, 1, 1, 1, 2, 2, 4, 2, 24, 18, 6, 4 },
	},
	{
		.name = "large heap in batches",
		.start_blocks = 4, .start_chunks = 60, .max_blocks = 12, .walls = 40,
		.max_npages = 2000,
		.weight = { 16, 3, 8, 6, 4, 6, 4, 4, 1, 2, 1, 2, 3, 2, 2, 20, 18, 6, 4 },
	},
	{
		.name = "long runs in pieces",
		.start_blocks = 8, .start_chunks = 200, .max_blocks = 16, .walls = 20,
		.max_npages = 30000,
		.weight = { 12, 3, 20, 8, 4, 5, 4, 4, 2, 4, 1, 3, 3, 2, 2, 4, 8, 4, 3, 30 },
	},
	{
		.name = "small heap with fences",
		.start_blocks = 1, .start_chunks = 6, .max_blocks = 2, .walls = 50,
		.max_npages = 900,
		.weight = { 16, 6, 20, 8, 4, 6, 4, 4, 2, 2, 1, 4, 4, 2, 2, 6, 6, 4, 3, 30 },
	},
};

const unsigned int nr_shapes = ARRAY_SIZE(shapes);
