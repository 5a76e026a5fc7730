// SPDX-License-Identifier: GPL-2.0-only
#include <linux/string.h>

#include "idmap.h"
#include "memory.h"

static size_t home(const struct idmap *map, u64 id)
{
	return (id * 0x9e3779b97f4a7c15ULL >> 32) & (map->room - 1);
}

static size_t next(const struct idmap *map, size_t i)
{
	return (i + 1) & (map->room - 1);
}

struct idmap_entry *idmap_find(const struct idmap *map, u64 id)
{
	size_t i;

	if (!map->room)
		return NULL;
	for (i = home(map, id); map->entry[i].live; i = next(map, i))
		if (map->entry[i].id == id)
			return &map->entry[i];
	return NULL;
}

static void place(struct idmap *map, const struct idmap_entry *entry)
{
	size_t i = home(map, entry->id);

	while (map->entry[i].live)
		i = next(map, i);
	map->entry[i] = *entry;
	map->used++;
}

static void enlarge(struct idmap *map)
{
	struct idmap larger = { .room = map->room ? 2 * map->room : 64 };
	size_t i;

	larger.entry = memory_zeroed(larger.room, sizeof(*larger.entry));
	for (i = 0; i < map->room; i++)
		if (map->entry[i].live)
			place(&larger, &map->entry[i]);
	free(map->entry);
	*map = larger;
}

void idmap_add(struct idmap *map, u64 id, u32 slot, u32 npages)
{
	const struct idmap_entry entry = {
		.id = id, .slot = slot, .npages = npages, .live = true,
	};

	if (2 * (map->used + 1) > map->room)
		enlarge(map);
	place(map, &entry);
}

/* Is @at on the probe sequence from @from to @to, which may wrap around? */
static bool passes(size_t from, size_t at, size_t to)
{
	return from <= to ? from <= at && at <= to : from <= at || at <= to;
}

void idmap_delete(struct idmap *map, struct idmap_entry *entry)
{
	size_t hole = entry - map->entry;
	size_t i;

	/* Move entries whose probe sequence would stop at the hole into the hole. */
	for (i = next(map, hole); map->entry[i].live; i = next(map, i)) {
		if (!passes(home(map, map->entry[i].id), hole, i))
			continue;
		map->entry[hole] = map->entry[i];
		hole = i;
	}
	map->entry[hole].live = false;
	map->used--;
}

void idmap_drop(struct idmap *map)
{
	free(map->entry);
	memset(map, 0, sizeof(*map));
}
