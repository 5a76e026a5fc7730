/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Id map: the live ids of a trace.
 */
#ifndef HOST_IDMAP_H
#define HOST_IDMAP_H

#include <linux/types.h>

struct idmap_entry {
	u64 id;
	u32 slot;
	u32 npages;
	bool live;
};

/**
 * struct idmap - hash table with open addressing; a deletion moves later entries back
 * @entry: the table
 * @room: its size, a power of two, or 0
 * @used: live entries
 */
struct idmap {
	struct idmap_entry *entry;
	size_t room;
	size_t used;
};

/* Returns the live entry of @id, or NULL. */
struct idmap_entry *idmap_find(const struct idmap *map, u64 id);

/* @id must not be live. */
void idmap_add(struct idmap *map, u64 id, u32 slot, u32 npages);
void idmap_delete(struct idmap *map, struct idmap_entry *entry);
void idmap_drop(struct idmap *map);

#endif /* HOST_IDMAP_H */
