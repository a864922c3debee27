/* rd_iso.h - inside of reading packages of ISO 19848: rd_iso.c walks, rd_iso_set.c makes records.
 */
#ifndef FERRY_RD_ISO_H
#define FERRY_RD_ISO_H

#include "core/clock.h"
#include "stream/json.h"
#include "stream/rd_impl.h"

#define RD_ISO_LEVELS 8

struct rd_iso {
	struct iso_opts opts;
	struct rd_iso_level {
		uint8_t at;    /* enum place */
		bool any;      /* an element was read: a comma comes before the next */
		uint32_t seen; /* members that were met, by number in the table */
	} level[RD_ISO_LEVELS];
	size_t depth;
	bool begun, done, columns_given;
	struct str ship;
	uint64_t sets, sets_said, width_said; /* of the open table or list of events */
	bool have_ids;
	struct names ids; /* channels of the open table */
	size_t *col;      /* wide: channel of the table -> column */
	size_t col_cap;
	struct arena arena; /* of the data set at hand */
	/* a data set of a table on its way as narrow records */
	const struct json *value, *quality;
	size_t next, marks_left_out;
	struct rec set;
	char time[CLOCK_TEXT_MAX];
	struct field when;
};

/* The package is malformed: exit 65, naming file and line; `hint` may be NULL. */
void rd_iso_bad(
	const struct rd *rd, const char *hint, const char *why, const char *what) NORETURN COLD;

/* The columns of a package of values, of a list of channels: an event. */
enum rd_event rd_iso_begin_values(struct rd *rd);
enum rd_event rd_iso_begin_list(struct rd *rd);

/* Parts of it: the header, the channels of a table. */
void rd_iso_header(struct rd *rd, const struct json *header);
void rd_iso_ids(struct rd *rd, const struct json *list);

/* A data set, whose text is rd->rec.raw: its first record, or the fault. */
enum rd_event rd_iso_table_set(struct rd *rd, const struct json *set);
enum rd_event rd_iso_event(struct rd *rd, const struct json *set);
enum rd_event rd_iso_channel(struct rd *rd, const struct json *c);

/* The next record of the data set at hand; RD_END at its end. */
enum rd_event rd_iso_next_of_set(struct rd *rd);

#endif
