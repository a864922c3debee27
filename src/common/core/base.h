/*
 * base.h - what every module starts from: slices, attributes, banned functions; and memory,
 * messages and numbers as text, which it brings along.
 *
 * A slice is a pointer and a length into memory that somebody else owns; it is not terminated and
 * may hold any byte. Unless a header says otherwise, a slice passed to a function is only read
 * during the call, and a slice handed out lives until the next call on the object it came from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FERRY_VERSION "0.1.0"

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NODISCARD __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define COLD __attribute__((cold))
#define UNUSED __attribute__((unused)) /* a parameter that the type of a callback asks for */
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct sl {
	const char *p;
	size_t n;
};

/* A slice of a string literal, for expressions and for static tables. */
#define SL(lit) ((struct sl){ "" lit, sizeof(lit) - 1 })
#define SL_INIT(lit) { "" lit, sizeof(lit) - 1 }

static inline bool sl_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct sl sl_of(const char *cstr)
{
	return (struct sl){ cstr, strlen(cstr) };
}

static inline bool sl_eq(struct sl a, struct sl b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool sl_eq_str(struct sl a, const char *cstr)
{
	return sl_eq(a, sl_of(cstr));
}

/* The same but for the case of ASCII's letters. */
static inline bool sl_alike(struct sl a, struct sl b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* Takes the first n bytes off. */
static inline void sl_skip(struct sl *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Cuts off what stands before the next `sep`, and that, or all of it; false: it is empty. */
static inline bool sl_cut(struct sl *s, char sep, struct sl *piece)
{
	const char *end;

	if (s->n == 0)
		return false;
	end = memchr(s->p, sep, s->n);
	*piece = (struct sl){ s->p, end ? (size_t)(end - s->p) : s->n };
	sl_skip(s, piece->n + (end != NULL));
	return true;
}

/* Without the bytes at both ends that are among `blanks`. */
static inline struct sl sl_trim(struct sl s, const char *blanks)
{
	while (s.n && *s.p && strchr(blanks, *s.p))
		sl_skip(&s, 1);
	while (s.n && s.p[s.n - 1] && strchr(blanks, s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Bytewise order, a prefix before the longer one: the order of LC_ALL=C and COLLATE "C". */
static inline int sl_cmp(struct sl a, struct sl b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The place of a text among n words, of which some may be NULL; or -1. */
static inline int sl_index(struct sl s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] && sl_eq_str(s, words[i]))
			return (int)i;
	return -1;
}

/* sl_cmp() for qsort(3). */
static inline int sl_cmp_at(const void *a, const void *b)
{
	return sl_cmp(*(const struct sl *)a, *(const struct sl *)b);
}

/* These lose data or overrun by design; gcc refuses them (their headers come first; to clang some
 * of them are macros of these). */
#ifndef __clang__
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atoll system popen
#endif

#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
