/*
 * seal.h - sealed streams, version 1: the control records and their checksum.
 *
 * A control record is one JSON object. In CSV it stands in the last field, `@seal`, the others
 * being empty; in NDJSON it is the value of the only key `@seal`:
 *
 *	{"v":1,"open":1}                                   first record of a sealed NDJSON stream
 *	{"v":1,"begin":{…}}                                a chunk begins: what is known for `src`
 *	{"v":1,"cols":["a","b"]}                           columns from here on (commits nothing)
 *	{"v":1,"seal":"CHUNK","rows":N,"bytes":N,"src":{…},"final":1,"crc":"0a1b2c3d"}
 *	{"v":1,"abort":75,"by":"pg-narrow-dump","msg":"…"}
 *
 * `bytes` counts, and `crc` (CRC-32, eight lower-case hex digits, always the last field) covers,
 * every byte since the previous seal's line end: header, data and control records; `crc` also
 * covers the seal's own record up to the comma before "crc". `src`, `drop` and `final` may be left
 * out. `drop` ({"cells":N,"digest":"…"}) is what pivot-wide left out of the facts in `src`: values
 * that lost against a later one of the same cell. `begin` comes before the first record of a chunk,
 * or not at all: with it, whoever fails before the seal comes can say which chunk that was.
 */
#pragma once

#include "stream/json.h"

#define SEAL_COLUMN "@seal"

enum control_kind { CONTROL_OPEN, CONTROL_BEGIN, CONTROL_COLS, CONTROL_SEAL, CONTROL_ABORT };

struct seal {
	struct sl chunk; /* name of the chunk; any text */
	uint64_t rows;	 /* data records of this chunk */
	uint64_t bytes;
	struct sl src;	 /* the extractor's facts as JSON text, passed on unchanged; empty = none */
	uint64_t drop_cells, drop_sum; /* digest.h */
	bool final;	 /* nothing may follow */
	uint32_t crc;
};

/* That of a stream without a chunk of its own at the end. */
#define SEAL_END ((struct seal){ .chunk = SL("end"), .src = SL(""), .final = true })

struct control {
	enum control_kind kind;
	struct seal seal;	  /* CONTROL_SEAL */
	struct sl begin;	  /* CONTROL_BEGIN: JSON text */
	const struct json *cols;  /* CONTROL_COLS: array of strings */
	int code;		  /* CONTROL_ABORT */
	struct sl by, msg;
};

/*
 * Reads the text of a control record. NULL when it is one, else the reason why not, for a message
 * ("unknown version"). Slices and nodes live in the arena.
 */
const char *control_parse(struct arena *a, struct sl text, struct control *out) NODISCARD;

/*
 * For a program that may have changed values: the source's count of cells and its digest are left
 * out, so that no loader compares them. The other facts say where the data is from, and stay. The
 * new text is in the arena.
 */
void seal_forget_values(struct seal *seal, struct arena *a);

/*
 * Writes the JSON of a seal up to the comma before "crc" (seal_put_head) and the rest
 * (seal_put_tail: `,"crc":"0a1b2c3d"}`), as plain JSON text; the caller quotes it for CSV.
 */
void seal_put_head(struct str *s, const struct seal *seal);
void seal_put_tail(struct str *s, uint32_t crc);

void control_put_open(struct str *s);
void control_put_cols(struct str *s, const struct sl *names, size_t n);
void control_put_abort(struct str *s, int code, struct sl by, struct sl msg);
