/*
 * wr_iso.c - records as a TimeSeriesData package, in the memory of one record.
 *
 * Narrow records are written as EventData. Wide ones are TabularData: a block holds records that
 * have values of the same channels, since the format knows no missing value; where that changes, a
 * new block begins. What is known only at the end, the number of data sets, stands behind them.
 */
#include "core/clock.h"
#include "stream/iso.h"
#include "stream/namelist.h"
#include "stream/out.h"

void iso_defaults(struct iso_opts *o)
{
	o->by = o->by ? o->by : "ship_id";
	o->key = o->key ? o->key : "created_time";
	o->name = o->name ? o->name : "data_channel_id";
	o->value = o->value ? o->value : "value";
	o->quality = o->quality ? o->quality : "quality";
}

struct wr_iso {
	struct out *out;
	struct iso_opts opts;
	const struct names *cols;
	size_t by, key, name, value, quality; /* columns; NAMES_NONE where there is none */
	bool wide, known, begun;
	struct str ship;
	uint64_t rows, sets, valueless;
	struct str has, open_has; /* by column: does this record, the open block, have a value? */
	struct str row, time, time_text; /* time_text is written as `time` */
};

struct wr_iso *wr_iso_new(struct out *out, const struct iso_opts *opts)
{
	struct wr_iso *w = mem_zalloc(sizeof *w);

	w->out = out;
	if (opts)
		w->opts = *opts;
	iso_defaults(&w->opts);
	return w;
}

static size_t column(const struct wr_iso *w, const char *name)
{
	return names_find(w->cols, namelist_resolve(w->cols, sl_of(name)));
}

static size_t need_column(const struct wr_iso *w, const char *name)
{
	size_t i = column(w, name);

	if (i == NAMES_NONE)
		die_hint(EX_DATA, "--key, --name, --value and --by say which columns to use",
			"there is no column %s, which a package of ISO 19848 needs",
			msg_q(sl_of(name)));
	return i;
}

/* What each column is. They only ever become more, at the end. */
static void find_columns(struct wr_iso *w)
{
	const struct iso_opts *o = &w->opts;
	bool is_narrow = column(w, o->name) != NAMES_NONE && column(w, o->value) != NAMES_NONE;

	w->wide = o->shape == ISO_WIDE || (o->shape == ISO_AUTO && !is_narrow);
	w->key = need_column(w, o->key);
	w->name = w->wide ? NAMES_NONE : need_column(w, o->name);
	w->value = w->wide ? NAMES_NONE : need_column(w, o->value);
	w->known = true;
}

void wr_iso_cols(struct wr_iso *w, const struct names *cols)
{
	w->cols = cols;
	w->by = column(w, w->opts.by);
	w->quality = column(w, w->opts.quality);
}

static void put(struct wr_iso *w, const char *text)
{
	out_put(w->out, sl_of(text));
}

static void begin(struct wr_iso *w)
{
	w->begun = true;
	str_set(&w->row, SL("{\"Package\":{"));
	if (w->ship.n > 0) {
		str_addz(&w->row, "\"Header\":{");
		str_add_member(&w->row, "ShipID", str_sl(&w->ship));
		if (w->opts.author)
			str_add_member(&w->row, "Author", sl_of(w->opts.author));
		str_addz(&w->row, "},");
	}
	str_addz(&w->row, "\"TimeSeriesData\":[");
	out_put(w->out, str_sl(&w->row));
}

static NORETURN void bad_row(const struct wr_iso *w, size_t col, struct sl value, const char *why)
{
	die(EX_DATA, "record %llu: field %s: %s: %s", (unsigned long long)w->rows,
		msg_q(w->cols->name[col]), why, msg_q(value));
}

/* A package is of one ship, which its header names before all values. */
static void check_ship(struct wr_iso *w, const struct field *f, size_t n)
{
	struct sl ship = {"", 0};

	if (w->by < n && !field_is_null(&f[w->by]))
		ship = field_sl(&f[w->by]);
	else if (w->opts.ship)
		ship = sl_of(w->opts.ship);
	if (ship.n == 0)
		die_hint(EX_DATA, "--ship-id names it, --by its column",
			"record %llu names no ship", (unsigned long long)w->rows);
	if (!w->begun) {
		str_add(&w->ship, ship);
		begin(w);
	} else if (!sl_eq(ship, str_sl(&w->ship))) {
		die_hint(EX_DATA, "write a package for each ship",
			"record %llu is of ship %s: a package holds one ship, this one %s",
			(unsigned long long)w->rows, msg_q(ship), msg_q(str_sl(&w->ship)));
	}
}

/* The text of the record's instant; many records have that of the one before. */
static struct sl time_of(struct wr_iso *w, const struct field *f, size_t n)
{
	struct sl text = w->key < n ? field_sl(&f[w->key]) : SL("");
	char buf[CLOCK_TEXT_MAX];
	int64_t instant;
	size_t len;

	if (w->time.n > 0 && sl_eq(text, str_sl(&w->time_text)))
		return str_sl(&w->time);
	if (!clock_parse(text, &instant))
		bad_row(w, w->key, text, "not an instant (YYYY-MM-DD HH:MM:SS.ffffff)");
	len = clock_put(buf, instant, false);
	buf[10] = 'T';
	str_set(&w->time_text, text);
	str_set(&w->time, (struct sl){buf, len});
	str_addc(&w->time, 'Z');
	return str_sl(&w->time);
}

static void put_event(struct wr_iso *w, const struct field *f, size_t n)
{
	if (w->value >= n || field_is_null(&f[w->value])) {
		w->valueless++;
		return;
	}
	if (w->name >= n || field_is_null(&f[w->name]))
		bad_row(w, w->name, SL(""), "no channel");
	put(w, w->sets == 0 ? "{\"EventData\":{\"DataSet\":[\n" : ",\n");
	str_set(&w->row, SL("{"));
	str_add_member(&w->row, "TimeStamp", time_of(w, f, n));
	str_add_member(&w->row, "DataChannelID", field_sl(&f[w->name]));
	str_add_member(&w->row, "Value", field_sl(&f[w->value]));
	if (w->quality < n && !field_is_null(&f[w->quality]))
		str_add_member(&w->row, "Quality", field_sl(&f[w->quality]));
	str_addc(&w->row, '}');
	out_put(w->out, str_sl(&w->row));
	w->sets++;
}

static void end_block(struct wr_iso *w)
{
	str_clear(&w->row);
	str_addf(&w->row, "\n],\"NumberOfDataSet\":%llu}", (unsigned long long)w->sets);
	out_put(w->out, str_sl(&w->row));
	w->sets = 0;
}

static void begin_block(struct wr_iso *w, bool first)
{
	const char *comma = "";
	size_t n = 0;

	put(w, first ? "{\"TabularData\":[\n" : ",\n");
	str_set(&w->open_has, str_sl(&w->has));
	for (size_t i = 0; i < w->has.n; i++)
		n += w->has.p[i] == '1';
	str_clear(&w->row);
	str_addf(&w->row, "{\"NumberOfDataChannel\":%zu,\"DataChannelID\":[", n);
	for (size_t i = 0; i < w->has.n; i++)
		if (w->has.p[i] == '1') {
			str_addz(&w->row, comma);
			str_add_json(&w->row, w->cols->name[i]);
			comma = ",";
		}
	str_addz(&w->row, "],\"DataSet\":[\n");
	out_put(w->out, str_sl(&w->row));
}

static void put_table_row(struct wr_iso *w, const struct field *f, size_t n)
{
	const char *comma = "";
	size_t used = 0;
	char *has;

	str_clear(&w->has);
	has = str_room(&w->has, n);
	for (size_t i = 0; i < n; i++) {
		bool value = i != w->by && i != w->key && !field_is_null(&f[i]);

		has[i] = value ? '1' : '0';
		used = value ? i + 1 : used;
	}
	w->has.n = used; /* so a column that joins later does not end a block */
	if (w->sets > 0 && !sl_eq(str_sl(&w->has), str_sl(&w->open_has))) {
		end_block(w);
		begin_block(w, false);
	} else if (w->sets == 0) {
		begin_block(w, true);
	} else {
		put(w, ",\n");
	}
	str_clear(&w->row);
	str_addz(&w->row, "{\"TimeStamp\":\"");
	str_add(&w->row, time_of(w, f, n));
	str_addz(&w->row, "\",\"Value\":[");
	for (size_t i = 0; i < used; i++)
		if (has[i] == '1') {
			str_addz(&w->row, comma);
			str_add_json(&w->row, field_sl(&f[i]));
			comma = ",";
		}
	str_addz(&w->row, "]}");
	out_put(w->out, str_sl(&w->row));
	w->sets++;
}

void wr_iso_row(struct wr_iso *w, const struct field *f, size_t n)
{
	w->rows++;
	if (!w->known)
		find_columns(w);
	check_ship(w, f, n);
	if (w->wide)
		put_table_row(w, f, n);
	else
		put_event(w, f, n);
}

/* Columns of narrow records that EventData have no place for: said once, when all are known. */
static void note_left_out(const struct wr_iso *w)
{
	const size_t used[] = { w->by, w->key, w->name, w->value, w->quality };
	AUTO_STR list = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < w->cols->n; i++)
		if (!column_among(used, ARRAY_LEN(used), i) && n++ < 10)
			str_addf(&list, "%s%s", list.n ? ", " : "", msg_q(w->cols->name[i]));
	if (n)
		msg_note("%zu column%s left out: %s%s", n, n == 1 ? "" : "s", list.p,
			 n > 10 ? ", …" : "");
}

void wr_iso_close(struct wr_iso *w)
{
	if (w->known && !w->wide)
		note_left_out(w);
	if (!w->begun) {
		if (w->opts.ship)
			str_add(&w->ship, sl_of(w->opts.ship));
		begin(w);
	}
	if (w->sets > 0) {
		end_block(w);
		put(w, w->wide ? "]}" : "}");
	}
	put(w, "]}}\n");
	if (w->valueless > 0)
		msg_note("%llu records have no value and are left out",
			(unsigned long long)w->valueless);
	str_free(&w->ship);
	str_free(&w->has);
	str_free(&w->open_has);
	str_free(&w->row);
	str_free(&w->time);
	str_free(&w->time_text);
	mem_free(w);
}
