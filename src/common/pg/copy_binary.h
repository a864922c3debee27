/*
 * copy_binary.h - what binary COPY sends, taken apart: a header before the first row, then rows of
 * fields, then a trailer. A message that is none of these is a bug (70).
 */
#pragma once

#include "core/base.h"

static inline uint16_t copy_load16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}

static inline uint32_t copy_load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}

static inline uint64_t copy_load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}

static inline double copy_load_double(const char *p)
{
	uint64_t bits = copy_load64(p);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/*
 * Takes off *m what is before the fields of a row, which has n of them; false for the trailer.
 * *begun, false at first: was the header seen?
 */
bool copy_row(bool *begun, struct sl *m, size_t n) NODISCARD;

void copy_too_short(void) NORETURN COLD;

/* Takes the next field off *m; .p is NULL for NULL. */
static inline struct sl copy_field(struct sl *m)
{
	struct sl f = { NULL, 0 };
	uint32_t len;

	if (UNLIKELY(m->n < 4))
		copy_too_short();
	len = copy_load32(m->p);
	sl_skip(m, 4);
	if (len == UINT32_MAX)
		return f;
	if (UNLIKELY(len > m->n))
		copy_too_short();
	f = (struct sl){ m->p, len };
	sl_skip(m, len);
	return f;
}
