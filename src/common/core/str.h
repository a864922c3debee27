/*
 * str.h - a growing byte buffer. Always followed by a NUL that is not counted, so .p can be handed
 * to C functions. A zeroed struct is an empty buffer; str_free() releases it and makes it so again.
 */
#pragma once

#include "core/base.h"

struct str {
	char *p;
	size_t n;
	size_t cap;
};

/* Makes room for `more` further bytes and returns where they go; the length does not change. */
char *str_room(struct str *s, size_t more);

void str_add(struct str *s, struct sl t);
void str_set(struct str *s, struct sl t); /* instead of what it holds, which `t` is no part of */
void str_addz(struct str *s, const char *cstr);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_addu(struct str *s, uint64_t v); /* decimal */

/* Appends `t` as a JSON string with its quotes (RFC 8259 section 7); `t` must be valid UTF-8. */
void str_add_json(struct str *s, struct sl t);

/* Appends `t` as a member of a JSON object: behind a comma, unless the object has just begun. */
void str_add_member(struct str *s, const char *name, struct sl t);

/* 1234567 as 1,234,567; of a text, whose digits before a point count, `least` of them or more. */
void str_add_grouped(struct str *s, uint64_t v);
void str_add_digits(struct str *s, struct sl digits, size_t least);

/* Appends `t` as one CSV field: quoted when it must be, an empty one as "" (RFC 4180). */
void str_add_csv(struct str *s, struct sl t);

/* Appends `t` within quotes, those in it doubled: as CSV and SQL want it. */
void str_add_quoted(struct str *s, struct sl t, char quote);

static inline void str_clear(struct str *s)
{
	s->n = 0;
	if (s->p)
		s->p[0] = '\0';
}

static inline struct sl str_sl(const struct str *s)
{
	return (struct sl){ s->p ? s->p : "", s->n };
}

/* The contents as a C string; never NULL. */
static inline const char *str_z(const struct str *s)
{
	return s->p ? s->p : "";
}

void str_free(struct str *s);

/* A buffer that is freed at the end of the block it is declared in; to be initialised there. */
#define AUTO_STR __attribute__((cleanup(str_free))) struct str
