#include "dual/narrow_feed.h"

/* What a narrow stream calls the columns of the key, and the format. */
static const struct sl stream_names[NARROW_ROLES] = {
	[NARROW_SHIP] = SL_INIT("ship_id"),
	[NARROW_CHANNEL] = SL_INIT("data_channel_id"),
	[NARROW_TIME] = SL_INIT("created_time"),
	[NARROW_FORMAT] = SL_INIT("value_format"),
};

void narrow_feed_open(struct narrow_feed *f, const struct narrow *n)
{
	*f = (struct narrow_feed){.n = n};
	for (int role = 0; role < NARROW_ROLES; role++) {
		f->column[role] = NAMES_NONE;
		if (n->col[role].name.n > 0 && role != NARROW_ID)
			f->column[role] = names_add(&f->columns, n->col[role].name, NULL);
	}
}

void narrow_feed_close(struct narrow_feed *f)
{
	names_free(&f->columns);
	mem_free(f->extra);
}

static size_t find_role(const struct narrow_feed *f, const struct names *cols, int role)
{
	size_t i = NAMES_NONE;

	if (f->n->col[role].name.n > 0)
		i = names_find(cols, f->n->col[role].name);
	if (i == NAMES_NONE && stream_names[role].n > 0)
		i = names_find(cols, stream_names[role]);
	if (i == NAMES_NONE && role <= NARROW_TIME)
		die(EX_DATA, "the feed has no column %s", msg_q(stream_names[role]));
	return i;
}

static bool is_taken(const struct narrow_feed *f, size_t col)
{
	for (int role = 0; role < NARROW_ROLES; role++)
		if (f->in[role] == col)
			return true;
	return col == f->in_value || col == f->in_op;
}

void narrow_feed_cols(struct narrow_feed *f, const struct names *cols)
{
	for (int role = 0; role < NARROW_ROLES; role++)
		f->in[role] = find_role(f, cols, role);
	f->in_value = f->in[NARROW_VALUE];
	if (f->in_value == NAMES_NONE)
		f->in_value = names_find(cols, SL("value"));
	f->in_op = names_find(cols, SL("op"));
	f->n_extra = 0;
	for (size_t i = 0; i < cols->n; i++) {
		/* an id that was given is one like any other column of the table */
		if (is_taken(f, i) && i != f->in[NARROW_ID])
			continue;
		mem_grow(&f->extra, &f->extra_cap, f->n_extra + 1, sizeof *f->extra);
		f->extra[f->n_extra++] = i;
		(void)names_add(&f->columns, cols->name[i], NULL);
	}
}

struct sl narrow_feed_ship(const struct narrow_feed *f, const struct rec *rec)
{
	struct sl s = rec_text(rec, f->in[NARROW_SHIP]);

	return s.p ? s : SL("");
}

struct sl narrow_feed_channel(const struct narrow_feed *f, const struct rec *rec)
{
	struct sl s = rec_text(rec, f->in[NARROW_CHANNEL]);

	return s.p ? s : SL("");
}

static const char *take_double(struct narrow_feed *f, struct narrow_feed_row *row)
{
	double v;

	if (!num_double(field_sl(&row->value), &v))
		return "not a double precision number";
	row->value = field_str((struct sl){f->text, num_put_double(f->text, v)});
	return NULL;
}

static const char *take_integer(
	struct narrow_feed *f, struct narrow_feed_row *row, enum narrow_wire wire)
{
	int64_t v;

	if (!num_i64(field_sl(&row->value), &v) || (wire == NARROW_W_I4 && v != (int32_t)v) ||
		(wire == NARROW_W_I2 && v != (int16_t)v))
		return "not an integer, or out of range";
	row->value = field_str((struct sl){f->text, num_put_i64(f->text, v)});
	return NULL;
}

static const char *take_boolean(struct narrow_feed_row *row)
{
	struct sl s = field_sl(&row->value);
	bool yes = sl_eq(s, SL("true")) || sl_eq(s, SL("t"));

	if (!yes && !sl_eq(s, SL("false")) && !sl_eq(s, SL("f")))
		return "neither true nor false";
	row->value = field_str(yes ? SL("true") : SL("false"));
	return NULL;
}

/* The value as its column will give it back: 1.50 in a column of doubles is 1.5. */
static const char *take_value(struct narrow_feed *f, struct narrow_feed_row *row)
{
	enum narrow_wire wire = f->n->col[row->role].wire;

	if (row->value.kind == F_JSON)
		return "an array or object";
	switch (wire) {
	case NARROW_W_F8:
		return take_double(f, row);
	case NARROW_W_I8:
	case NARROW_W_I4:
	case NARROW_W_I2:
		return take_integer(f, row, wire);
	case NARROW_W_BOOL:
		return take_boolean(row);
	case NARROW_W_TEXT:
		row->value.kind = F_STR;
		break;
	}
	return NULL;
}

/* The column that the format names; or the only one there is. */
static const char *find_role_of_value(const struct narrow_feed *f, struct narrow_feed_row *row)
{
	if (f->n->col[NARROW_VALUE].name.n > 0) {
		row->role = NARROW_VALUE;
		return NULL;
	}
	if (row->format.n == 0)
		return "no format, and none is known of this channel";
	for (int i = 0; i < NARROW_FORMATS; i++)
		if (sl_eq(row->format, narrow_format_names[i]))
			row->role = NARROW_DOUBLE + (enum narrow_role)i;
	if (row->role == NARROW_ROLES)
		return "unknown format";
	return f->n->col[row->role].name.n > 0 ? NULL : "the table has no column for this format";
}

/* Finds the value: in the column `value`, or in the one of its format and in no other. */
static const char *find_value(const struct narrow_feed *f, const struct rec *rec,
	struct narrow_feed_row *row, size_t *bad)
{
	enum narrow_role role = row->role;

	*bad = f->in_value;
	row->value = FIELD_NULL;
	if (f->in_value != NAMES_NONE) {
		if (rec_text(rec, f->in_value).p)
			row->value = rec->f[f->in_value];
	} else {
		for (int i = NARROW_DOUBLE; i < NARROW_VALUE; i++) {
			if (!rec_text(rec, f->in[i]).p)
				continue;
			*bad = f->in[i];
			if (i != (int)role)
				return "the value is not in the column of its format";
			row->value = rec->f[f->in[i]];
		}
	}
	if (field_is_null(&row->value))
		row->role = NARROW_ROLES;
	return NULL;
}

const char *narrow_feed_row(struct narrow_feed *f, const struct rec *rec, struct sl format,
	struct narrow_feed_row *row, size_t *bad)
{
	struct sl given = rec_text(rec, f->in[NARROW_FORMAT]), time, op;
	const char *why;

	*row = (struct narrow_feed_row){.ship = narrow_feed_ship(f, rec),
		.channel = narrow_feed_channel(f, rec),
		.format = given.p ? given : format,
		.role = NARROW_ROLES};
	*bad = f->in[row->ship.n ? NARROW_CHANNEL : NARROW_SHIP];
	if (row->ship.n == 0 || row->channel.n == 0)
		return "is empty";
	*bad = f->in_op;
	op = rec_text(rec, f->in_op);
	if (op.p && sl_eq(op, SL("d")))
		return "deletions are not taken";
	*bad = f->in[NARROW_TIME];
	time = rec_text(rec, *bad);
	if (!time.p || !clock_parse(time, &row->time))
		return "not an instant (YYYY-MM-DD HH:MM:SS.ffffff)";
	row->time_text = (struct sl){f->time, clock_put(f->time, row->time, f->n->zone)};
	*bad = f->in[NARROW_FORMAT];
	why = find_role_of_value(f, row);
	if (!why)
		why = find_value(f, rec, row, bad);
	return why || row->role == NARROW_ROLES ? why : take_value(f, row);
}

/*
 * Of a row without a value the value's columns are not written: one that is there keeps what it
 * has, as the wide table does.
 */
void narrow_feed_put(const struct narrow_feed *f, const struct rec *rec,
	const struct narrow_feed_row *row, struct field *out)
{
	uint8_t other = row->role == NARROW_ROLES ? F_ABSENT : F_NULL;

	for (size_t i = 0; i < f->columns.n; i++)
		out[i] = (struct field){.p = "", .kind = F_ABSENT};
	for (int role = NARROW_DOUBLE; role < NARROW_ROLES; role++)
		if (f->column[role] != NAMES_NONE)
			out[f->column[role]].kind = other;
	if (row->role != NARROW_ROLES)
		out[f->column[row->role]] = row->value;
	out[f->column[NARROW_SHIP]] = field_str(row->ship);
	out[f->column[NARROW_CHANNEL]] = field_str(row->channel);
	out[f->column[NARROW_TIME]] = field_str(row->time_text);
	if (f->column[NARROW_FORMAT] != NAMES_NONE && row->format.n > 0)
		out[f->column[NARROW_FORMAT]] = field_str(row->format);
	for (size_t i = 0; i < f->n_extra; i++) {
		size_t col = f->extra[i], to = f->columns.n - f->n_extra + i;

		if (rec_text(rec, col).p)
			out[to] = rec->f[col];
		else
			out[to].kind = F_ABSENT; /* the table's default */
	}
}
