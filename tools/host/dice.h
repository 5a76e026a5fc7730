/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dice: choices from a seed, or from the bytes of a fuzzer.
 */
#ifndef HOST_DICE_H
#define HOST_DICE_H

#include <linux/types.h>

/**
 * struct dice - a source of choices
 * @state: state of the generator
 * @bytes: next byte to read choices from, or NULL to use the generator
 * @left: bytes that are left at @bytes
 */
struct dice {
	u64 state;
	const u8 *bytes;
	size_t left;
};

static inline void dice_seed(struct dice *dice, u64 seed)
{
	dice->state = seed;
	dice->bytes = NULL;
	dice->left = 0;
}

static inline void dice_from_bytes(struct dice *dice, const u8 *bytes, size_t size)
{
	dice->state = 0;
	dice->bytes = bytes;
	dice->left = size;
}

/* True once all bytes are used. All further choices are 0. */
static inline bool dice_spent(const struct dice *dice)
{
	return dice->bytes && !dice->left;
}

/* A counter put through a mixing function, so that similar seeds give unrelated choices. */
static inline u64 dice_mix(struct dice *dice)
{
	u64 z = dice->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline u64 dice_read(struct dice *dice, u64 limit)
{
	u64 value = 0;

	/* Use only as many bytes as @limit needs, so that short inputs make many choices. */
	for (limit--; limit && dice->left; limit >>= 8) {
		value = value << 8 | *dice->bytes++;
		dice->left--;
	}
	return value;
}

/* A number from 0 to @limit - 1. */
static inline unsigned long dice_below(struct dice *dice, unsigned long limit)
{
	return (dice->bytes ? dice_read(dice, limit) : dice_mix(dice) >> 16) % limit;
}

#endif /* HOST_DICE_H */
