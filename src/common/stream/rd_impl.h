/* rd_impl.h - inside of rd.h, for rd.c, rd_csv.c and rd_ndjson.c only. */
#ifndef FERRY_RD_IMPL_H
#define FERRY_RD_IMPL_H

#include "core/mem.h"
#include "stream/in.h"
#include "stream/rd.h"

struct csv_lib; /* libcsv's parser, made when the first quote is met */

struct rd {
	struct in *in;
	struct rd_conf conf;
	enum format format;
	bool started, sealed, ended; /* ended: a final seal was read */
	bool have_row;		     /* a row waits behind an RD_COLS event */
	bool array_open;	     /* FMT_JSON: the opening bracket was read */
	struct names cols;
	struct field *fields;
	size_t fields_cap;
	struct arena arena; /* decoded texts of the current record */
	struct rec rec;
	uint64_t records, line; /* data records so far; lines consumed so far */

	/* since the previous seal */
	uint32_t crc;
	uint64_t bytes, rows;
	size_t crc_from; /* window offset up to which crc and bytes are up to date */

	struct seal seal;
	struct arena seal_arena;
	struct fault fault;
	struct csv_lib *lib;
};

/* More bytes into the window, checksums kept; false at the end of input. */
bool rd_more(struct rd *rd) NODISCARD;

/*
 * The next line from the window, without its LF but with a CR; not consumed. False at the end of
 * input, or where the last line has no LF (*cut; `line` is then what there is).
 */
bool rd_line(struct rd *rd, struct sl *line, bool *cut) NODISCARD;

/* Finishes with n bytes (and the lines in them) of the window. */
void rd_take(struct rd *rd, size_t n, uint64_t lines);

/* Records a fault; the event to return. Ends the program with 76 when the stream is sealed. */
enum rd_event rd_bad(struct rd *rd, size_t column, struct sl field, struct sl value,
		    const char *why);

/* The stream is damaged: exit 76. */
void rd_corrupt(struct rd *rd, const char *why) NORETURN COLD;

/* NULL, or what is wrong with the bytes of a record (NUL, not UTF-8), and where. */
const char *rd_check_text(const struct rd *rd, struct sl s, size_t *at);

/*
 * A control record was read: `text` is its JSON, `raw` the whole record as it stands in the window
 * (not yet consumed).
 */
enum rd_event rd_control(struct rd *rd, struct sl text, struct sl raw);

/* The event after the last record; checks that a sealed stream may end here. */
enum rd_event rd_finish(struct rd *rd);

void rd_need_fields(struct rd *rd, size_t n);

enum rd_event rd_csv_header(struct rd *rd);
enum rd_event rd_csv_next(struct rd *rd);
void rd_csv_release(struct rd *rd);
enum rd_event rd_ndjson_next(struct rd *rd);
enum rd_event rd_array_next(struct rd *rd);

#endif
