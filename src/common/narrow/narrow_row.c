#include "narrow/narrow_row.h"

#include "core/utf8.h"
#include "pg/copy_binary.h"

static const char no_text[] = "bytes that are no text in the encoding of the source";
#define ODD_TIME_MAX (CLOCK_TEXT_MAX + 8) /* a year of six digits, or BC */
#define JSON_TEXT_MAX 10000 /* of a column of a reject: enough to know it again */

/* ---- encodings ------------------------------------------------------------------------------- */

struct narrow_texts {
	struct recode *reader;
	struct str text[NARROW_ROLES];
	bool bad[NARROW_ROLES];
};

struct narrow_texts *narrow_texts_new(const struct encoding *e)
{
	struct narrow_texts *t = mem_zalloc(sizeof *t);

	t->reader = encoding_reader(e);
	return t;
}

void narrow_texts_free(struct narrow_texts *t)
{
	if (!t)
		return;
	for (int role = 0; role < NARROW_ROLES; role++)
		str_free(&t->text[role]);
	recode_free(t->reader);
	mem_free(t);
}

bool narrow_is_column(const struct narrow *n, enum narrow_role role, struct sl name)
{
	struct str *text = n->texts ? &n->texts->text[role] : NULL;

	if (n->col[role].name.n == 0)
		return false;
	if (text)
		str_clear(text);
	if (text && recode_text(n->texts->reader, name, text))
		name = str_sl(text);
	return sl_eq(n->col[role].name, name);
}

bool narrow_text_is_good(const struct narrow_reader *r, enum narrow_role role)
{
	return !r->n->texts || !r->n->texts->bad[role];
}

/* Those of r->raw[] that are texts, in UTF-8 where they can be. */
static void read_texts(struct narrow_reader *r)
{
	struct narrow_texts *t = r->n->texts;

	for (int role = 0; role < NARROW_ROLES; role++) {
		struct sl *raw = &r->raw[role];

		t->bad[role] = false;
		if (role == NARROW_TIME || r->n->col[role].wire != NARROW_W_TEXT || !raw->p ||
			role == NARROW_XMIN || recode_is_ascii(*raw))
			continue;
		if (role == NARROW_SHIP && !r->text && r->role[0] != NARROW_SHIP)
			continue; /* it was asked for by name */
		str_clear(&t->text[role]);
		t->bad[role] = !recode_text(t->reader, *raw, &t->text[role]);
		if (!t->bad[role])
			*raw = str_sl(&t->text[role]);
	}
}

void narrow_add_hex(struct str *s, struct sl bytes)
{
	str_addz(s, "\\x");
	for (size_t i = 0; i < bytes.n; i++)
		str_addf(s, "%02x", (unsigned char)bytes.p[i]);
}

void narrow_add_bytes(struct str *s, struct sl bytes)
{
	str_addz(s, "pg_catalog.convert_from('");
	narrow_add_hex(s, bytes);
	str_addz(s, "'::bytea, pg_catalog.getdatabaseencoding())");
}

/* ---- fields ---------------------------------------------------------------------------------- */

void narrow_reader_copy(struct narrow_reader *r, const struct narrow *n, struct pg *pg,
	const struct narrow_part *part)
{
	*r = (struct narrow_reader){ .n = n };
	for (int role = 0; role < NARROW_ROLES; role++)
		if (narrow_selects(n, part, (enum narrow_role)role))
			r->role[r->n_fields++] = (enum narrow_role)role;
	if (!narrow_selects(n, part, NARROW_SHIP))
		r->raw[NARROW_SHIP] = part->ships[0];
	narrow_copy(n, pg, part);
}

void narrow_reader_init_text(struct narrow_reader *r, const struct narrow *n)
{
	*r = (struct narrow_reader){ .n = n, .text = true };
}

/* The fields of a message into r->raw; false for the trailer. */
static bool split(struct narrow_reader *r, struct sl m)
{
	if (!copy_row(&r->begun, &m, r->n_fields))
		return false;
	for (size_t i = 0; i < r->n_fields; i++)
		r->raw[r->role[i]] = copy_field(&m);
	return true;
}

static void refuse(struct narrow_row *row, enum narrow_role role, const char *why)
{
	row->why = why;
	row->bad = role;
}

static size_t width_of(enum narrow_wire wire)
{
	static const size_t width[] = { [NARROW_W_F8] = 8, [NARROW_W_I8] = 8, [NARROW_W_I4] = 4,
		[NARROW_W_I2] = 2, [NARROW_W_BOOL] = 1 };

	return width[wire];
}

/* The text of a value that is not NULL, as the server writes it; `true` is `t` when it prints. */
static struct sl put_text(const struct narrow_reader *r, enum narrow_wire wire, struct sl raw,
	char *dst)
{
	if (r->text && wire == NARROW_W_BOOL)
		return sl_eq(raw, SL("t")) ? SL("true") : SL("false");
	if (wire == NARROW_W_TEXT || r->text)
		return raw;
	if (UNLIKELY(raw.n != width_of(wire)))
		bug("COPY sent a value of %zu bytes", raw.n);
	switch (wire) {
	case NARROW_W_F8:
		return (struct sl){ dst, num_put_double(dst, copy_load_double(raw.p)) };
	case NARROW_W_I8:
		return (struct sl){ dst, num_put_i64(dst, (int64_t)copy_load64(raw.p)) };
	case NARROW_W_I4:
		return (struct sl){ dst, num_put_i64(dst, (int32_t)copy_load32(raw.p)) };
	case NARROW_W_I2:
		return (struct sl){ dst, num_put_i64(dst, (int16_t)copy_load16(raw.p)) };
	case NARROW_W_BOOL:
		return *raw.p ? SL("true") : SL("false");
	case NARROW_W_TEXT:
		break;
	}
	return raw;
}

/* What it is in JSON. NaN and the infinities are no numbers there; a decimal may be one. */
static void take_value(struct narrow_reader *r, enum narrow_role role, struct narrow_row *row)
{
	const struct narrow_column *c = &r->n->col[role];
	struct sl text = put_text(r, c->wire, r->raw[role], r->number);
	uint8_t kind = F_STR;

	if (UNLIKELY(!narrow_text_is_good(r, role))) {
		refuse(row, role, no_text);
		return;
	}
	if (UNLIKELY(text.n > NARROW_VALUE_MAX)) {
		refuse(row, role, "a value of more than 16 MB");
		return;
	}
	if (c->wire == NARROW_W_BOOL)
		kind = F_BOOL;
	else if (c->wire == NARROW_W_F8)
		kind = text.p[text.n - 1] <= '9' ? F_NUM : F_STR; /* NaN, Infinity */
	else if (c->number && (c->wire != NARROW_W_TEXT || num_is_json(text)))
		kind = F_NUM;
	row->value = (struct field){ .p = text.p, .n = (uint32_t)text.n, .kind = kind,
		.plain = c->wire != NARROW_W_TEXT };
}

/* NARROW_FORMATS when the text names none. */
static enum narrow_format format_of(struct sl text)
{
	for (int f = 0; f < NARROW_FORMATS; f++)
		if (sl_eq(text, narrow_format_names[f]))
			return (enum narrow_format)f;
	return NARROW_FORMATS;
}

/* The only value column that is not NULL, NARROW_ROLES when all are. */
static enum narrow_role only_value(const struct narrow_reader *r, bool *several)
{
	enum narrow_role found = NARROW_ROLES;

	*several = false;
	for (int role = NARROW_DOUBLE; role <= NARROW_VALUE; role++) {
		if (!r->raw[role].p)
			continue;
		*several = found != NARROW_ROLES;
		found = (enum narrow_role)role;
	}
	return found;
}

/* Where the format says, or where there is no format, where a value is. */
static void find_value(struct narrow_reader *r, struct narrow_row *row)
{
	enum narrow_role role;
	bool several;

	row->value = FIELD_NULL;
	if (LIKELY(r->n->col[NARROW_FORMAT].name.n > 0)) {
		struct sl text = r->raw[NARROW_FORMAT];
		enum narrow_format format = text.p ? format_of(text) : NARROW_FORMATS;

		if (UNLIKELY(format == NARROW_FORMATS)) {
			refuse(row, NARROW_FORMAT, text.p ? "unknown format" : "no format");
			return;
		}
		role = NARROW_DOUBLE + (enum narrow_role)format;
		if (LIKELY(r->raw[role].p))
			take_value(r, role, row);
		else if (only_value(r, &several) != NARROW_ROLES)
			refuse(row, NARROW_FORMAT, "the value is not in the column of its format");
		return;
	}
	role = only_value(r, &several);
	if (several)
		refuse(row, role, "values in several columns, and no format that says which");
	else if (role != NARROW_ROLES)
		take_value(r, role, row);
}

/* The time is known, or why it is not; the rest follows from r->raw[]. */
static void read_columns(struct narrow_reader *r, struct narrow_row *row, bool is_time)
{
	struct sl time = r->raw[NARROW_TIME];

	row->why = NULL;
	if (UNLIKELY(r->n->texts != NULL))
		read_texts(r);
	row->ship = r->raw[NARROW_SHIP];
	row->channel = r->raw[NARROW_CHANNEL];
	if (UNLIKELY(!time.p || !row->ship.p || !row->channel.p)) {
		refuse(row, !time.p ? NARROW_TIME : !row->ship.p ? NARROW_SHIP : NARROW_CHANNEL,
			"no value in a column of the key");
		return;
	}
	if (UNLIKELY(!narrow_text_is_good(r, NARROW_SHIP) ||
		    !narrow_text_is_good(r, NARROW_CHANNEL))) {
		refuse(row, narrow_text_is_good(r, NARROW_SHIP) ? NARROW_CHANNEL : NARROW_SHIP,
			no_text);
		return;
	}
	if (UNLIKELY(!is_time || row->time < NARROW_FIRST_INSTANT ||
		    row->time >= NARROW_END_INSTANT)) {
		row->time = 0;
		refuse(row, NARROW_TIME, "not a time of the years 0001-9999");
		return;
	}
	if (UNLIKELY(row->ship.n == 0 || row->channel.n == 0)) {
		refuse(row, row->ship.n == 0 ? NARROW_SHIP : NARROW_CHANNEL, "an empty name");
		return;
	}
	if (UNLIKELY(row->ship.n > NARROW_NAME_MAX || row->channel.n > NARROW_NAME_MAX)) {
		refuse(row, row->ship.n > NARROW_NAME_MAX ? NARROW_SHIP : NARROW_CHANNEL,
			"a name of more than 1000 bytes");
		return;
	}
	if (UNLIKELY(!narrow_can_store(r->n, row->ship))) {
		refuse(row, NARROW_SHIP, PG_NOT_STORED);
		return;
	}
	find_value(r, row);
}

bool narrow_read(struct narrow_reader *r, struct sl message, struct narrow_row *row)
{
	struct sl time;

	if (!split(r, message))
		return false;
	time = r->raw[NARROW_TIME];
	if (UNLIKELY(time.p && time.n != 8))
		bug("COPY sent a time of %zu bytes", time.n);
	row->time = time.p ? (int64_t)copy_load64(time.p) : 0;
	read_columns(r, row, true);
	return true;
}

bool narrow_reader_next(struct narrow_reader *r, struct pg *pg, struct narrow_row *row)
{
	struct sl message;

	while (pg_copy_row(pg, &message))
		if (narrow_read(r, message, row))
			return true;
	return false;
}

void narrow_read_text(struct narrow_reader *r, struct narrow_row *row)
{
	struct sl time = r->raw[NARROW_TIME];

	row->time = 0;
	read_columns(r, row, time.p && clock_parse(time, &row->time));
}

#define CYCLE (INT64_C(146097) * CLOCK_US_PER_DAY) /* 400 years, after which dates are the same */

/* One of another year than 0001-9999, as PostgreSQL writes it. */
static size_t put_odd_time(char dst[ODD_TIME_MAX], int64_t instant, bool zone)
{
	char text[CLOCK_TEXT_MAX];
	int64_t cycles = instant / CYCLE, year = 0;
	size_t n = clock_put(text, instant - cycles * CYCLE, zone);

	for (size_t i = 0; i < 4; i++)
		year = year * 10 + text[i] - '0';
	year += 400 * cycles;
	return (size_t)snprintf(dst, ODD_TIME_MAX, "%04lld%.*s%s",
		(long long)(year > 0 ? year : 1 - year), (int)n - 4, text + 4,
		year > 0 ? "" : " BC");
}

static struct sl time_text(const struct narrow_reader *r, struct sl raw, char *dst)
{
	int64_t instant;

	if (r->text)
		return raw;
	instant = (int64_t)copy_load64(raw.p);
	if (instant == INT64_MAX)
		return SL("infinity");
	if (instant == INT64_MIN)
		return SL("-infinity");
	if (instant < NARROW_FIRST_INSTANT || instant >= NARROW_END_INSTANT)
		return (struct sl){ dst, put_odd_time(dst, instant, r->n->zone) };
	return (struct sl){ dst, clock_put(dst, instant, r->n->zone) };
}

void narrow_row_put_json(const struct narrow_reader *r, bool whole, struct str *s)
{
	char lead = '{';
	AUTO_STR hex = { 0 };

	for (int role = 0; role < NARROW_ROLES; role++) {
		const struct narrow_column *c = &r->n->col[role];
		struct sl raw = r->raw[role];
		char text[ODD_TIME_MAX];

		if (!c->name.n || role == NARROW_ID)
			continue; /* the id is not read */
		str_addc(s, lead);
		lead = ',';
		str_add_json(s, c->name);
		str_addc(s, ':');
		if (!raw.p) {
			str_addz(s, "null");
			continue;
		}
		raw = role == NARROW_TIME ? time_text(r, raw, text)
					  : put_text(r, c->wire, raw, text);
		if (!whole && raw.n > JSON_TEXT_MAX)
			raw.n = utf8_cut(raw, JSON_TEXT_MAX);
		if (!narrow_text_is_good(r, (enum narrow_role)role)) {
			str_clear(&hex);
			narrow_add_hex(&hex, raw);
			raw = str_sl(&hex);
		}
		str_add_json(s, raw);
	}
	str_addc(s, '}');
}
