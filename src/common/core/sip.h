/*
 * sip.h - SipHash-2-4 with 128 bits (Aumasson, Bernstein), for sets that keep hashes only.
 *
 * Under a random key nobody can make two texts collide on purpose, and by accident n texts do with
 * a probability of n^2 / 2^129: 10^-21 for a thousand million.
 */
#pragma once

#include "core/base.h"

struct sip_key {
	uint64_t k0, k1;
};

struct hash128 {
	uint64_t lo, hi;
};

struct sip_key sip_random_key(void);
struct hash128 sip_hash(const struct sip_key *key, struct sl s);
