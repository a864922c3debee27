/*
 * rd.h - records in: CSV or NDJSON, gzip or not, sealed or not, behind one interface.
 *
 *	while ((ev = rd_next(rd, &rec)) != RD_END)
 *		switch (ev) {
 *		case RD_COLS: the columns are known or have grown: rd_cols()
 *		case RD_ROW:  rec holds a data record, in the order of the columns
 *		case RD_BEGIN: a chunk begins that has a name: rd_chunk(); to be passed on
 *		case RD_SEAL: a chunk ended and is proven whole: rd_seal()
 *		case RD_BAD:  a malformed record of an unsealed stream: rd_fault()
 *		case RD_END:  the end, proven whole if the stream is sealed
 *		}
 *
 * Fails closed: a sealed stream that is cut, changed, glued or of an unknown version ends the
 * program with 76; an abort record with the code it carries. I/O errors end it with 74.
 * CSV columns are matched by name by the callers; a repeated or empty name is refused (65).
 */
#pragma once

#include "stream/iso.h"
#include "stream/seal.h"

/*
 * FMT_JSON is one array of objects or, when read, objects one behind the other, FMT_ISO a package
 * of ISO 19848 (iso.h): never told by themselves, never sealed.
 */
enum format {
	FMT_AUTO,
	FMT_CSV,
	FMT_NDJSON,
	FMT_TSV, /* CSV whose delimiter is a tab; rd_format() and wr_format() say FMT_CSV */
	FMT_JSON,
	FMT_TABLE,    /* aligned text, out only */
	FMT_MARKDOWN, /* out only */
	FMT_ISO,
};

enum rd_event { RD_END, RD_ROW, RD_COLS, RD_BEGIN, RD_SEAL, RD_BAD };

struct rd_conf {
	enum format format;	/* FMT_AUTO: '{' first means NDJSON, anything else CSV */
	size_t max_record;	/* bytes; 0 = 64 MiB */
	bool allow_no_newline;	/* the last record may lack its end of line (unsealed only) */
	const char *encoding;	/* as iconv(3) names it; NULL: UTF-8, or UTF-16 by its mark */
	char delimiter;		/* CSV: 0 is a comma */
	bool no_header;		/* CSV: the first line is data; its columns: `columns`, or 1, 2 … */
	const struct names *columns;
	bool ragged;		/* rows may have fewer fields: what a bare writer made */
	uint64_t skip_lines;	/* lines before all else */
	const char *comment;	/* CSV: lines that begin so are no records; NULL: none */
	const char *null;	/* CSV: a field of this text is NULL; NULL: none is */
	bool lenient_quotes;	/* CSV: a quote within an unquoted field is text */
	bool blanks_count;	/* an empty line is a record: it may be all that a command prints */
	bool rename_columns;	/* CSV: names that are empty or there already are made up */
	const char *at;		/* FMT_JSON: names, with dots between, of where the array is */
	bool has_options;	/* all of these can be set by the user: messages may name options */
	const struct iso_opts *iso; /* for FMT_ISO; may be NULL */
};

/* What is true of a format. */
struct format_traits {
	const char *name;
	bool document;	/* one value or text as a whole: never sealed */
	bool header;	/* names its columns once, before all records */
	enum format as; /* what auto writes for it */
};
const struct format_traits *format_traits(enum format f);

static inline bool format_is_document(enum format f)
{
	return format_traits(f)->document;
}

struct rd;

/* Opens `path` ("-" or NULL: standard input). Nothing is read yet. Dies with 66. */
struct rd *rd_open(const char *path, const struct rd_conf *conf) NODISCARD;

/*
 * Several files as one input: each has the header of the first (65 otherwise), and none is sealed.
 * Then `paths` must stay; with none, it is standard input.
 */
struct rd *rd_open_all(const char *const *paths, size_t n, const struct rd_conf *conf) NODISCARD;
struct rd *rd_from_fd(int fd, const char *name, const struct rd_conf *conf) NODISCARD;

/*
 * How many files had nothing, not even a header, where they need one (at RD_END); *name is that of
 * the first, *all whether there was no other.
 */
size_t rd_empty(const struct rd *rd, const char **name, bool *all);

/* Would a header whose first name is this one, not in quotes, be taken for another thing? */
bool rd_mistakes(struct sl name);

enum rd_event rd_next(struct rd *rd, struct rec *rec) NODISCARD;

/*
 * A faster way for those who can guess. rd_learn() takes note of how the record of the last RD_ROW
 * begins, up to its last field but one; false where nothing can be made of it. Then, as long as
 * there was no other event than RD_ROW, rd_next_like() may be called instead of rd_next(): if the
 * next record begins like that, has just `name` there, and a last field of ASCII without blanks and
 * quotes, the record is done with and *last is this field. False: nothing was read, call rd_next().
 * `name` must be plain (rec.h), or one field would be taken for two.
 */
bool rd_learn(struct rd *rd, const struct rec *rec);
bool rd_next_like(struct rd *rd, struct sl name, struct field *last) NODISCARD;

/*
 * Columns without `@seal`, in order. RD_COLS comes first in every CSV stream that has any, even an
 * empty one with a header, and again when a sealed stream gets new ones: columns are only ever
 * added at the end, so numbers stay valid. NDJSON columns grow as keys are met (RD_COLS before
 * the first row, and the one that has a new one). An input of zero bytes gives RD_END at once.
 */
const struct names *rd_cols(const struct rd *rd);

/* Of the latest chunk that has one, what its beginning said (JSON text); empty: nothing. */
struct sl rd_chunk(const struct rd *rd);
const struct seal *rd_seal(const struct rd *rd);   /* of the last RD_SEAL */
const struct fault *rd_fault(const struct rd *rd); /* of the last RD_BAD */
bool rd_is_sealed(const struct rd *rd);	   /* known from the first event on */
void rd_header_is_data(struct rd *rd); /* so nothing is said of a record that is like it */
enum format rd_format(const struct rd *rd);	   /* likewise */
char rd_delimiter(const struct rd *rd);		   /* likewise, of CSV */
struct json;
struct field rd_json_field(const struct json *j);  /* a value as a field */
struct in *rd_in(struct rd *rd);		   /* for progress: bytes read, name */

/* Are all files regular ones, which are what they are, and can be read again? */
bool rd_is_regular(const struct rd *rd);

/* The same input once more, where rd_is_regular(), from the file at hand on. Dies with 74. */
struct rd *rd_again(struct rd *rd, const struct iso_opts *iso) NODISCARD;
void rd_close(struct rd *rd);
