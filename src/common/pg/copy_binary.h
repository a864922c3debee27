/*
 * copy_binary.h - what binary COPY sends, taken apart: a header before the first row, then rows of
 * fields, then a trailer. A message that is none of these is a bug (70).
 */
#ifndef FERRY_PG_COPY_BINARY_H
#define FERRY_PG_COPY_BINARY_H

#include "core/base.h"
#include "core/msg.h"

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
static inline bool NODISCARD copy_row(bool *begun, struct sl *m, size_t n)
{
	/* PGCOPY, newline, 0xff, CR, LF, NUL; four bytes of flags; four: length of an extension */
	static const char header[19] = "PGCOPY\n\377\r\n";

	if (UNLIKELY(!*begun)) {
		if (m->n < sizeof header || memcmp(m->p, header, sizeof header) != 0)
			bug("not the header of a binary COPY");
		m->p += sizeof header;
		m->n -= sizeof header;
		*begun = true;
	}
	if (m->n < 2)
		bug("a message of COPY is too short");
	if (UNLIKELY(copy_load16(m->p) != n)) {
		if (copy_load16(m->p) == UINT16_MAX)
			return false;
		bug("COPY sent %u columns, not %zu", copy_load16(m->p), n);
	}
	m->p += 2;
	m->n -= 2;
	return true;
}

/* Takes the next field off *m; .p is NULL for NULL. */
static inline struct sl copy_field(struct sl *m)
{
	struct sl f = { NULL, 0 };
	uint32_t len;

	if (UNLIKELY(m->n < 4))
		bug("a message of COPY is too short");
	len = copy_load32(m->p);
	m->p += 4;
	m->n -= 4;
	if (len == UINT32_MAX)
		return f;
	if (UNLIKELY(len > m->n))
		bug("a message of COPY is too short");
	f = (struct sl){ m->p, len };
	m->p += len;
	m->n -= len;
	return f;
}

#endif
