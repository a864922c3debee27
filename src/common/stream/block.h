/*
 * block.h - sixteen bytes at a time, where the machine can (BLOCKS is defined then: SSE2, which
 * every x86-64 has). Elsewhere readers go the long way, so nothing but speed may depend on it.
 *
 * Blocks are read as a whole: up to IN_SLACK bytes (in.h) behind the text must be readable.
 */
#pragma once

#include "core/base.h"

#ifdef __SSE2__
#include <emmintrin.h>

#define BLOCKS
#define BLOCK ((size_t)16)

typedef __m128i block;

static inline block block_at(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline block block_none(void)
{
	return _mm_setzero_si128();
}

/* Blocks of 0xff where the byte is c, below c as a signed one, up to c as an unsigned one. */
static inline block block_is(block b, char c)
{
	return _mm_cmpeq_epi8(b, _mm_set1_epi8(c));
}

static inline block block_below(block b, signed char c)
{
	return _mm_cmplt_epi8(b, _mm_set1_epi8(c));
}

static inline block block_upto(block b, unsigned char c)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(b, _mm_set1_epi8((char)c)), b);
}

static inline block block_or(block a, block b)
{
	return _mm_or_si128(a, b);
}

/* The highest bit of every byte, the first byte's lowest. */
static inline unsigned block_bits(block b)
{
	return (unsigned)_mm_movemask_epi8(b);
}

/* 0xff where JSON text does not stand for itself: a quote, a backslash, a control byte. */
static inline block block_special(block b)
{
	return block_or(
		block_or(block_is(b, '"'), block_is(b, '\\')), block_upto(b, 0x1f));
}

static inline block block_move(char *dst, const char *p)
{
	block b = block_at(p);

	_mm_storeu_si128((block *)(void *)dst, b);
	return block_special(b);
}

static inline bool block_same(const char *a, const char *b)
{
	return block_bits(_mm_cmpeq_epi8(block_at(a), block_at(b))) == 0xffff;
}
#endif

/* Copies a text; true if all of it stands for itself in JSON. Reads and writes nothing behind. */
static inline bool copy_plain(char *dst, const char *p, size_t n)
{
	bool plain = true;

#ifdef BLOCKS
	if (n >= BLOCK) {
		block special = block_move(dst + n - BLOCK, p + n - BLOCK);

		for (size_t i = 0; i + BLOCK < n; i += BLOCK)
			special = block_or(special, block_move(dst + i, p + i));
		return block_bits(special) == 0;
	}
#endif
	for (size_t i = 0; i < n; i++) {
		plain &= p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= 0x20;
		dst[i] = p[i];
	}
	return plain;
}

/* memcmp() == 0 without a call, n may be 0. Reads nothing behind: the last block overlaps. */
static inline bool same_bytes(const char *a, const char *b, size_t n)
{
#ifdef BLOCKS
	if (n < BLOCK)
		return n == 0 || memcmp(a, b, n) == 0;
	for (size_t i = 0; i + BLOCK < n; i += BLOCK)
		if (!block_same(a + i, b + i))
			return false;
	return block_same(a + n - BLOCK, b + n - BLOCK);
#else
	return n == 0 || memcmp(a, b, n) == 0;
#endif
}
