/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dice: where choices come from, a seed or the bytes that a fuzzer made up.
 */
#ifndef HOST_DICE_H
#define HOST_DICE_H

#include <linux/types.h>

/**
 * struct dice - a source of choices
 * @state: of the generator
 * @bytes: if not NULL, choices are read from here
 * @left: bytes not yet used
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

/* True once all bytes are used; choices are all 0 from then on. */
static inline bool dice_spent(const struct dice *dice)
{
	return dice->bytes && !dice->left;
}

/* A counter through a mixing function: every seed is as good as another. */
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

	/* As few bytes as the choice needs, so that small inputs go far. */
	for (limit--; limit && dice->left; limit >>= 8) {
		value = value << 8 | *dice->bytes++;
		dice->left--;
	}
	return value;
}

/* One of 0..@limit - 1. */
static inline unsigned long dice_below(struct dice *dice, unsigned long limit)
{
	return (dice->bytes ? dice_read(dice, limit) : dice_mix(dice) >> 16) % limit;
}

#endif /* HOST_DICE_H */
