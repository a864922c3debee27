/* rd_impl.h - inside of rd.h, for rd.c, rd_csv.c and rd_ndjson.c only. */
#pragma once

#include "stream/in.h"
#include "stream/rd.h"

struct csv_lib; /* libcsv's parser, made when the first quote is met */

struct rd {
	struct in *in;
	struct rd_conf conf;
	const char *const *paths; /* of all files, when there are several */
	size_t n_paths, path;	  /* `path`: which of them is being read */
	size_t n_empty;		  /* how many had nothing; `empty`: the first one */
	const char *empty;
	char sep;		  /* CSV: the delimiter */
	uint32_t first_name;	  /* bytes of the first column's name */
	bool warned, told_null;	  /* of a header that came again, of a field that is \N */
	enum format format;
	bool started, sealed, ended; /* ended: a final seal was read */
	bool have_row;		     /* a row waits behind an RD_COLS event */
	bool cut;		     /* the input ended within the record, and may not */
	bool array_open;	     /* FMT_JSON: the opening bracket was read */
	bool no_array;		     /* FMT_JSON: objects one behind the other */
	size_t depth;		     /* FMT_JSON: objects around the array, see conf.at */
	struct names cols;
	struct field *fields;
	size_t fields_cap;
	struct arena arena; /* decoded texts of the current record */
	struct rec rec;
	uint64_t records, line; /* data records so far; lines consumed so far */
	struct str head;	/* how records begin, see rd_learn() */
	bool learned;

	/* since the previous seal */
	uint32_t crc;
	uint64_t bytes, rows;
	size_t crc_from; /* window offset up to which crc and bytes are up to date */

	struct seal seal;
	struct str chunk; /* what the beginning of the latest one said */
	bool begun;	  /* and its seal has not come yet */
	struct arena seal_arena;
	struct fault fault;
	struct csv_lib *lib;
	struct rd_iso *iso; /* FMT_ISO */
};

/* More bytes into the window, checksums kept; false at the end of input. */
bool rd_more(struct rd *rd) NODISCARD;

/*
 * The next line from the window, without its LF but with a CR; not consumed. False at the end of
 * input, or where the last line has no LF (*cut; `line` is then what there is). LFs among the
 * first `looked` bytes are passed over.
 */
bool rd_line_from(struct rd *rd, size_t looked, struct sl *line, bool *cut) NODISCARD;
#define rd_line(rd, line, cut) rd_line_from(rd, 0, line, cut)

/* Finishes with n bytes (and the lines in them) of the window. */
static inline void rd_take(struct rd *rd, size_t n, uint64_t lines)
{
	in_consume(rd->in, n);
	rd->line += lines;
}

/* Records a fault; the event to return. Ends the program with 76 when the stream is sealed. */
enum rd_event rd_bad(struct rd *rd, size_t column, struct sl field, struct sl value,
		    const char *why);

/* The stream is damaged: exit 76. */
void rd_corrupt(struct rd *rd, const char *why) NORETURN COLD;

/*
 * A control record was read: `text` is its JSON, `raw` the whole record as it stands in the window
 * (not yet consumed).
 */
enum rd_event rd_control(struct rd *rd, struct sl text, struct sl raw);

/* What reads a text that utf8_fault() calls bad; NULL where `why` is something else. */
const char *rd_encoding_hint(const struct rd *rd, const char *why);

/* The event after the last record; checks that a sealed stream may end here. */
enum rd_event rd_finish(struct rd *rd);
enum rd_event rd_finish_empty(struct rd *rd); /* likewise, of a file with nothing in it */

void rd_need_fields(struct rd *rd, size_t n);

/* What one call of a record reader found. */
struct rd_found {
	size_t n;	  /* fields */
	size_t len;	  /* bytes of the record, without its LF */
	uint64_t lines;
	bool cut;	  /* no LF behind it: the end of input */
	const char *why;  /* NULL, or the fault */
	size_t at;	  /* offset of the fault */
};

/* Reads a record that begins with `line` by libcsv; nothing is consumed. */
void rd_csv_lib_read(struct rd *rd, struct rd_found *r, struct sl line, bool cut);
void rd_csv_release(struct rd *rd);
extern const char rd_lone_cr[]; /* why a record is bad */

/* The text of a JSON value and what lies around it. */
struct rd_piece {
	struct sl text;
	size_t len;	/* bytes to consume */
	uint64_t lines; /* line ends in them */
	bool cut;	/* the end of input came before the end of line */
};

/*
 * What is read is not what it should be: exit 65, naming file and line; `hint` may be NULL. A text
 * that names no value is translated.
 */
void rd_unfit(const struct rd *rd, const char *hint, const char *fmt, ...) PRINTF_LIKE(3, 4)
	NORETURN COLD;

/* The next byte that is not white space; at the end of input dies, saying `no_end`. */
char rd_need_char(struct rd *rd, const char *no_end);

/* Drops white space; false at the end of input, else *c is the byte that follows. */
bool rd_skip_space(struct rd *rd, char *c) NODISCARD;

/*
 * The value at the front of the window: all up to the comma, colon or bracket that ends it, outside
 * of strings and of values nested in it. Line ends become blanks, so that a nested value, which may
 * be passed on as it is, fits into one line. Only json_parse() says whether it is valid. False
 * at the end of input.
 */
bool rd_find_value(struct rd *rd, struct rd_piece *p) NODISCARD;

/*
 * Goes to the value of conf.at in a document, whose first byte that is not white space is next;
 * rd_leave() goes from behind this value to the end. Both die with 65 where it is not so.
 */
void rd_enter(struct rd *rd);
void rd_leave(struct rd *rd);

struct rd_iso; /* where in a package reading is */
enum rd_event rd_iso_next(struct rd *rd);
void rd_iso_release(struct rd *rd);

/* Dies with 65 when a record of n bytes, the window's first, is more than --max-record allows. */
void rd_check_size(const struct rd *rd, size_t n);

/* Columns from the header, or instead of it; for a later file, the same ones. */
enum rd_event rd_csv_header(struct rd *rd);
enum rd_event rd_csv_next(struct rd *rd);
void rd_csv_nulls(struct rd *rd); /* in the record at hand */
enum rd_event rd_ndjson_next(struct rd *rd);
enum rd_event rd_array_next(struct rd *rd);
