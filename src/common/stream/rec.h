/*
 * rec.h - records and fields, the currency of every filter.
 *
 * A field is its text and its kind. Texts are never changed on the way: 007, 1e5 and
 * 9007199254740993 leave as they came. NULL and the empty string are different things.
 */
#pragma once

#include "core/str.h"

enum field_kind {
	F_ABSENT, /* the object has no such key; NULL in CSV, left out of NDJSON */
	F_NULL,	  /* CSV: unquoted and empty; NDJSON: null */
	F_STR,	  /* text; for NDJSON the decoded text of the string */
	F_NUM,	  /* NDJSON number, as written */
	F_BOOL,	  /* NDJSON true or false */
	F_JSON,	  /* NDJSON array or object, as written */
};

struct field {
	const char *p;
	uint32_t n;
	uint8_t kind;  /* enum field_kind */
	uint8_t plain; /* known to need no quotes in CSV: no comma, quote, CR, LF, not empty */
};

static inline struct sl field_sl(const struct field *f)
{
	return (struct sl){ f->p, f->n };
}

static inline bool field_is_null(const struct field *f)
{
	return f->kind <= F_NULL;
}

static inline struct field field_str(struct sl s)
{
	return (struct field){ .p = s.p, .n = (uint32_t)s.n, .kind = F_STR };
}

/*
 * Does a text need no quotes in CSV? What would need them is below '-' in ASCII, and few names and
 * numbers hold such bytes; so eight are looked at at once.
 */
static inline bool field_is_plain(struct sl s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t w;

		memcpy(&w, s.p + i, 8);
		if ((w - ones * '-') & ~w & ones * 0x80)
			break;
	}
	for (; i < s.n; i++)
		if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r')
			return false;
	return s.n > 0;
}

/* The same for a text that stands in many records: whether CSV must quote it is found out once. */
static inline struct field field_name(struct sl s)
{
	struct field f = field_str(s);

	f.plain = field_is_plain(s);
	return f;
}

/* A word of JSON that is no text: null, true, false or a number. False when it is none of them. */
bool field_word(struct field *f, struct sl word) NODISCARD;

#define FIELD_NULL ((struct field){ .p = "", .n = 0, .kind = F_NULL })

#define FIELD_ABSENT ((struct field){ .p = "", .n = 0, .kind = F_ABSENT })

/* Fields are in the order of the stream's columns; everything lives until the next rd_next(). */
struct rec {
	struct field *f;
	size_t n;	 /* NDJSON: grows with the columns */
	uint64_t record; /* number of this data record, from 1 */
	uint64_t line;	 /* line it starts at, from 1 */
	struct sl raw;	 /* its text, without the end of line */
};

/* A field, absent where the record ends before it (or it is NAMES_NONE, of no column). */
static inline struct field rec_field(const struct rec *rec, size_t i)
{
	return i < rec->n ? rec->f[i] : FIELD_ABSENT;
}

/* Makes n fields absent. */
static inline void fields_clear(struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f[i] = FIELD_ABSENT;
}

/* The text of a field; .p NULL when it is absent or NULL. */
static inline struct sl rec_text(const struct rec *rec, size_t i)
{
	if (i >= rec->n || field_is_null(&rec->f[i]))
		return (struct sl){ NULL, 0 };
	return field_sl(&rec->f[i]);
}

/* A copy of n fields with their texts; what both take is added to *bytes. */
struct arena;
struct field *fields_dup(struct arena *mem, const struct field *f, size_t n, size_t *bytes);

/*
 * Appends a field to a buffer; reads it back (its text then lives there) and returns what follows.
 */
void rec_pack(struct str *s, const struct field *f);
const char *rec_unpack(const char *p, struct field *f);

/* Why a record is bad, and where. Slices and strings live until the next rd_next(). */
struct fault {
	uint64_t record, line, column; /* column: byte from 1, 0 unknown */
	struct sl field;	       /* name of the field, may be empty */
	struct sl value;	       /* the offending text, may be empty */
	const char *why;	       /* "unterminated quote" */
	const char *hint;	       /* what helps beside keeping it; may be NULL */
	bool cut;		       /* the input ended within it */
};
