/*
 * rd_iso.c - packages of ISO 19848 as records, in the memory of one data set.
 *
 * The package is walked by the table of its members below; what a record is made of is cut out
 * (rd_json.c) and parsed by itself. Members may come in any order, with two exceptions that
 * reading as it comes cannot do without: the header before the values, and the channels of a table
 * before its data sets.
 */
#include "core/clock.h"
#include "core/opt.h"
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
	bool done, columns_given;
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

static const char no_end[] = N_("the package has no end (was the file cut?)");

#define NARROW_COLUMNS 5

/* Columns of a list of channels: those that pg-narrow-schema writes first. */
static const char *const list_columns[] = {"ship_id", "data_channel_id", "value_format", "short_id",
	"name", "unit", "quantity", "range_low", "range_high", "channel_type", "update_cycle",
	"calculation_period", "quality_coding", "alert_priority", "remarks"};

/* Where each of them, from "short_id" on, stands in a DataChannel. */
static const char *const list_paths[][3] = {{"DataChannelID", "ShortID"}, {"Property", "Name"},
	{"Property", "Unit", "UnitSymbol"}, {"Property", "Unit", "QuantityName"},
	{"Property", "Range", "Low"}, {"Property", "Range", "High"},
	{"Property", "DataChannelType", "Type"}, {"Property", "DataChannelType", "UpdateCycle"},
	{"Property", "DataChannelType", "CalculationPeriod"}, {"Property", "QualityCoding"},
	{"Property", "AlertPriority"}, {"Property", "Remarks"}};

/* ---- columns -------------------------------------------------------------------------------- */

static enum rd_event give_columns(struct rd *rd, const char *const *names, size_t n)
{
	if (rd->iso->columns_given)
		rd_unfit(rd, NULL, "Package has both TimeSeriesData and DataChannelList");
	rd->iso->columns_given = true;
	for (size_t i = 0; i < n; i++) {
		bool added;

		(void)names_add(&rd->cols, sl_of(names[i]), &added);
		if (!added)
			opt_usage("two columns are named %s", msg_q(sl_of(names[i])));
	}
	rd_need_fields(rd, n);
	return RD_COLS;
}

static enum rd_event begin_values(struct rd *rd)
{
	const struct iso_opts *o = &rd->iso->opts;
	const char *names[NARROW_COLUMNS] = {o->by, o->key, o->name, o->value, o->quality};

	return give_columns(rd, names, o->shape == ISO_WIDE ? 2 : NARROW_COLUMNS);
}

/* The column of a channel in a wide stream. */
static size_t column_of(struct rd *rd, struct sl id)
{
	size_t i = names_add(&rd->cols, id, NULL);

	if (i < 2)
		rd_unfit(rd, "--by and --key name those columns",
			"a channel is named like the column of the ship or the time: %s",
			msg_q(id));
	return i;
}

static void take_ids(struct rd *rd, const struct json *list)
{
	struct rd_iso *iso = rd->iso;

	iso->have_ids = true;
	if (list->kind != J_ARR)
		rd_unfit(rd, NULL, "not an array: DataChannelID");
	mem_grow(&iso->col, &iso->col_cap, list->n, sizeof *iso->col);
	for (const struct json *e = list->child; e; e = e->next) {
		bool added;
		size_t i;

		if (e->kind != J_STR || e->text.n == 0)
			rd_unfit(rd, NULL, "DataChannelID has an element that names no channel");
		i = names_add(&iso->ids, e->text, &added);
		if (!added)
			rd_unfit(rd, NULL, "DataChannelID has a channel twice: %s", msg_q(e->text));
		if (iso->opts.shape == ISO_WIDE)
			iso->col[i] = column_of(rd, e->text);
	}
}

static void take_header(struct rd *rd, const struct json *header)
{
	struct rd_iso *iso = rd->iso;
	struct sl ship;

	if (header->kind != J_OBJ || !json_get_str(header, "ShipID", &ship) || ship.n == 0)
		rd_unfit(rd, NULL, "Header has no ShipID");
	if (!iso->opts.ship)
		str_add(&iso->ship, ship);
}

/* ---- records -------------------------------------------------------------------------------- */

static enum rd_event bad_set(struct rd *rd, const char *field, struct sl value, const char *why)
{
	rd->rec.record = ++rd->records;
	return rd_bad(rd, 0, sl_of(field), value, why);
}

static void need_ship(struct rd *rd)
{
	if (rd->iso->ship.n == 0)
		rd_unfit(rd, "--ship-id names the ship",
			"values come before a Header that names their ship");
}

static bool is_value(const struct json *j)
{
	return j->kind != J_ARR && j->kind != J_OBJ;
}

/* Of each data set first: its ship, and its instant as the streams write it; RD_BAD or RD_ROW. */
static enum rd_event begin_set(struct rd *rd, const struct json *set)
{
	struct rd_iso *iso = rd->iso;
	const char *why = NULL;
	struct sl text = SL("");
	int64_t instant;

	iso->sets++;
	need_ship(rd);
	if (!json_get_str(set, "TimeStamp", &text))
		why = "missing, or no text";
	else if (!clock_parse(text, &instant))
		why = "not an instant of at most six decimals (YYYY-MM-DDTHH:MM:SS.ffffffZ)";
	if (why)
		return bad_set(rd, "TimeStamp", text, why);
	iso->when = field_name((struct sl){iso->time, clock_put(iso->time, instant, true)});
	return RD_ROW;
}

static enum rd_event give_row(struct rd *rd, size_t n)
{
	rd->rec.f = rd->fields;
	rd->rec.n = n;
	rd->rec.record = ++rd->records;
	return RD_ROW;
}

/* A record of the wide shape: nothing but ship and time yet. */
static struct field *wide_row(struct rd *rd)
{
	rd_need_fields(rd, rd->cols.n);
	fields_clear(rd->fields + 2, rd->cols.n - 2);
	rd->fields[0] = field_name(str_sl(&rd->iso->ship));
	rd->fields[1] = rd->iso->when;
	(void)give_row(rd, rd->cols.n);
	return rd->fields;
}

static enum rd_event narrow_row(
	struct rd *rd, struct sl channel, const struct json *value, const struct json *quality)
{
	struct field *f = rd->fields;

	f[0] = field_name(str_sl(&rd->iso->ship));
	f[1] = rd->iso->when;
	f[2] = field_name(channel);
	f[3] = rd_json_field(value);
	f[4] = quality ? rd_json_field(quality) : FIELD_ABSENT;
	return give_row(rd, NARROW_COLUMNS);
}

/* The fault in a list of values or marks, or NULL. */
static const char *check_list(const struct rd *rd, const struct json *list)
{
	if (list->kind != J_ARR)
		return "not an array";
	if (list->n != rd->iso->ids.n)
		return "not as many elements as DataChannelID has";
	for (const struct json *e = list->child; e; e = e->next)
		if (!is_value(e))
			return "an element that is neither text nor number nor true or false";
	return NULL;
}

static enum rd_event next_of_set(struct rd *rd)
{
	struct rd_iso *iso = rd->iso;
	const struct json *value = iso->value, *quality = iso->quality;

	if (!value)
		return RD_END;
	iso->value = value->next;
	iso->quality = quality ? quality->next : NULL;
	rd->rec = iso->set;
	return narrow_row(rd, iso->ids.name[iso->next++], value, quality);
}

static enum rd_event table_set(struct rd *rd, const struct json *set)
{
	struct rd_iso *iso = rd->iso;
	const struct json *value = json_get(set, "Value"), *quality = json_get(set, "Quality");
	const char *why;
	size_t i = 0;

	if (begin_set(rd, set) == RD_BAD)
		return RD_BAD;
	why = value ? check_list(rd, value) : "missing";
	if (why)
		return bad_set(rd, "Value", SL(""), why);
	why = quality ? check_list(rd, quality) : NULL;
	if (why)
		return bad_set(rd, "Quality", SL(""), why);
	if (iso->opts.shape == ISO_WIDE) {
		struct field *f = wide_row(rd);

		for (const struct json *v = value->child; v; v = v->next)
			f[iso->col[i++]] = rd_json_field(v);
		iso->marks_left_out += quality ? quality->n : 0;
		return RD_ROW;
	}
	iso->value = value->child;
	iso->quality = quality ? quality->child : NULL;
	iso->next = 0;
	iso->set = rd->rec;
	return next_of_set(rd);
}

static enum rd_event event_set(struct rd *rd, const struct json *set)
{
	struct rd_iso *iso = rd->iso;
	const struct json *value = json_get(set, "Value"), *quality = json_get(set, "Quality");
	size_t had = rd->cols.n;
	struct sl id;

	if (begin_set(rd, set) == RD_BAD)
		return RD_BAD;
	if (!json_get_str(set, "DataChannelID", &id) || id.n == 0)
		return bad_set(rd, "DataChannelID", SL(""), "missing, or no text");
	if (!value || !is_value(value))
		return bad_set(rd, "Value", SL(""), "missing, or no single value");
	if (quality && !is_value(quality))
		return bad_set(rd, "Quality", SL(""), "no single value");
	if (iso->opts.shape != ISO_WIDE)
		return narrow_row(rd, id, value, quality);
	size_t i = column_of(rd, id);

	wide_row(rd)[i] = rd_json_field(value);
	iso->marks_left_out += quality != NULL;
	rd->have_row = rd->cols.n > had;
	return rd->have_row ? RD_COLS : RD_ROW;
}

static enum rd_event channel_of_list(struct rd *rd, const struct json *c)
{
	const struct json *id = json_get(json_get(c, "DataChannelID"), "LocalID");
	const struct json *format = json_get(json_get(json_get(c, "Property"), "Format"), "Type");
	struct field *f = rd->fields;

	need_ship(rd);
	if (!id || id->kind != J_STR || id->text.n == 0)
		return bad_set(rd, "LocalID", SL(""), "missing, or no text");
	if (!format || format->kind != J_STR)
		return bad_set(rd, "Format", SL(""), "missing, or without a Type");
	f[0] = field_name(str_sl(&rd->iso->ship));
	f[1] = rd_json_field(id);
	f[2] = rd_json_field(format);
	for (size_t i = 0; i < ARRAY_LEN(list_paths); i++) {
		const struct json *j = c;

		for (size_t k = 0; k < ARRAY_LEN(list_paths[i]) && list_paths[i][k]; k++)
			j = json_get(j, list_paths[i][k]);
		f[i + 3] = j ? rd_json_field(j) : FIELD_ABSENT;
	}
	return give_row(rd, ARRAY_LEN(list_columns));
}

/* ---- the members of a package ------------------------------------------------------------ */

/* The containers of a package. */
enum place {
	P_TOP,
	P_PACKAGE,
	P_SERIES_LIST, /* "TimeSeriesData": arrays are named by what their elements are in */
	P_SERIES,
	P_TABLES,
	P_TABLE,
	P_TABLE_SETS,
	P_EVENTS,
	P_EVENT_SETS,
	P_LIST,
	P_CHANNELS,
};

enum act {
	A_OPEN, /* an object or array that is walked: go on in `to` */
	A_SKIP,
	A_HEADER,
	A_SETS,  /* a number of data sets, to be compared at the end */
	A_WIDTH, /* a number of channels */
	A_IDS,   /* the channels of a table */
	A_TABLE_SET,
	A_EVENT,
	A_CHANNEL,
};

/* key NULL: any element of an array; "": any other member. */
static const struct member {
	enum place in;
	const char *key;
	enum act act;
	enum place to;
} members[] = {
	{P_TOP, "Package", A_OPEN, P_PACKAGE},
	{P_PACKAGE, "Header", A_HEADER, P_TOP},
	{P_PACKAGE, "TimeSeriesData", A_OPEN, P_SERIES_LIST},
	{P_PACKAGE, "DataChannelList", A_OPEN, P_LIST},
	{P_SERIES_LIST, NULL, A_OPEN, P_SERIES},
	{P_SERIES, "TabularData", A_OPEN, P_TABLES},
	{P_SERIES, "EventData", A_OPEN, P_EVENTS},
	{P_SERIES, "", A_SKIP, P_TOP},
	{P_TABLES, NULL, A_OPEN, P_TABLE},
	{P_TABLE, "NumberOfDataSet", A_SETS, P_TOP},
	{P_TABLE, "NumberOfDataChannel", A_WIDTH, P_TOP},
	{P_TABLE, "DataChannelID", A_IDS, P_TOP},
	{P_TABLE, "DataSet", A_OPEN, P_TABLE_SETS},
	{P_TABLE_SETS, NULL, A_TABLE_SET, P_TOP},
	{P_EVENTS, "NumberOfDataSet", A_SETS, P_TOP},
	{P_EVENTS, "DataSet", A_OPEN, P_EVENT_SETS},
	{P_EVENT_SETS, NULL, A_EVENT, P_TOP},
	{P_LIST, "DataChannel", A_OPEN, P_CHANNELS},
	{P_CHANNELS, NULL, A_CHANNEL, P_TOP},
};

static const struct container {
	const char *name;
	bool is_array;
} containers[] = {
	[P_TOP] = {"the package", false},
	[P_PACKAGE] = {"Package", false},
	[P_SERIES_LIST] = {"TimeSeriesData", true},
	[P_SERIES] = {"TimeSeriesData", false},
	[P_TABLES] = {"TabularData", true},
	[P_TABLE] = {"TabularData", false},
	[P_TABLE_SETS] = {"DataSet of TabularData", true},
	[P_EVENTS] = {"EventData", false},
	[P_EVENT_SETS] = {"DataSet of EventData", true},
	[P_LIST] = {"DataChannelList", false},
	[P_CHANNELS] = {"DataChannel", true},
};

#define NOT_SAID UINT64_MAX

static void need(struct rd *rd, char want, const char *where)
{
	if (rd_need_char(rd, no_end) != want)
		rd_unfit(rd, NULL, "'%c' is missing in %s", want, where);
	rd_take(rd, 1, 0);
}

/* Cuts out the value at hand and parses it; the text stays in the window. */
static const struct json *take_value(struct rd *rd, struct rd_piece *p)
{
	const struct json *j;
	const char *why;
	size_t at;

	*p = (struct rd_piece){.lines = 0};
	(void)rd_need_char(rd, no_end);
	if (!rd_find_value(rd, p))
		rd_unfit(rd, NULL, "%s", no_end);
	j = json_parse(&rd->iso->arena, p->text, &why, &at);
	if (!j)
		rd_unfit(rd, NULL, "malformed JSON: %s", why);
	rd->rec = (struct rec){.line = rd->line + 1, .raw = p->text};
	rd_take(rd, p->len, p->lines);
	return j;
}

static uint64_t number(struct rd *rd, const struct json *j, const char *key)
{
	uint64_t n;

	if (j->kind != J_NUM || !num_u64(j->text, &n))
		rd_unfit(rd, NULL, "not a whole number: %s", key);
	return n;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static void open_container(struct rd *rd, enum place at)
{
	struct rd_iso *iso = rd->iso;

	need(rd, containers[at].is_array ? '[' : '{', containers[at].name);
	if (iso->depth == RD_ISO_LEVELS)
		bug("a package of more levels than its table has");
	iso->level[iso->depth++] = (struct rd_iso_level){.at = (uint8_t)at};
	if (at == P_TABLE || at == P_EVENTS) {
		iso->sets = 0;
		iso->sets_said = iso->width_said = NOT_SAID;
		iso->have_ids = false;
		names_clear(&iso->ids);
	}
}

static void check_count(struct rd *rd, uint64_t said, uint64_t found, const char *name)
{
	if (said != NOT_SAID && said != found)
		rd_unfit(rd, NULL, "%s says %llu, there are %llu", name, (unsigned long long)said,
			(unsigned long long)found);
}

/* The end of a container: is it whole? */
static void close_container(struct rd *rd)
{
	struct rd_iso *iso = rd->iso;
	struct rd_iso_level *l = &iso->level[--iso->depth];
	char c;

	rd_take(rd, 1, 0);
	if (l->at == P_TABLE || l->at == P_EVENTS)
		check_count(rd, iso->sets_said, iso->sets, "NumberOfDataSet");
	if (l->at == P_TABLE)
		check_count(rd, iso->width_said, iso->ids.n, "NumberOfDataChannel");
	if (l->at == P_PACKAGE && !iso->columns_given)
		rd_unfit(rd, NULL, "Package has neither TimeSeriesData nor DataChannelList");
	if (iso->depth > 0)
		return;
	if (!l->any)
		rd_unfit(rd, NULL, "there is no Package");
	if (rd_skip_space(rd, &c))
		rd_unfit(rd, NULL, "something follows the package");
	iso->done = true;
	if (iso->marks_left_out > 0 && !iso->opts.names_only)
		msg_note("%zu quality marks are left out; --shape narrow keeps them",
			iso->marks_left_out);
}

/* The row of the table for what comes next in an object: its key. */
static const struct member *member_of(struct rd *rd, struct rd_iso_level *l)
{
	struct rd_piece p;
	const struct json *key = take_value(rd, &p);
	const struct member *m = NULL;

	if (key->kind != J_STR)
		rd_unfit(rd, NULL, "a member needs a name, in %s", containers[l->at].name);
	for (size_t i = 0; i < ARRAY_LEN(members) && !m; i++)
		if (members[i].in == l->at &&
			(sl_eq_str(key->text, members[i].key) || !*members[i].key)) {
			m = &members[i];
			if (*m->key && (l->seen & UINT32_C(1) << i))
				rd_unfit(rd, NULL, "a member stands there twice: %s", m->key);
			l->seen |= UINT32_C(1) << i;
		}
	if (!m)
		rd_unfit(rd, NULL, "%s has a member %s, which ISO 19848 does not know",
			containers[l->at].name, msg_q(key->text));
	need(rd, ':', containers[l->at].name);
	return m;
}

static const struct member *element_of(const struct rd_iso_level *l)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (members[i].in == l->at)
			return &members[i];
	bug("an array without elements");
}

/* ---- the next event ------------------------------------------------------------------------- */

/* Walks into a container; RD_END when there is nothing to be told of it. */
static enum rd_event go_into(struct rd *rd, const struct member *m)
{
	if (m->to == P_TABLE_SETS && !rd->iso->have_ids)
		rd_unfit(rd, "'jq -S . FILE' puts members in an order that can be read",
			"DataSet comes before DataChannelID");
	open_container(rd, m->to);
	if (m->to == P_SERIES_LIST)
		return begin_values(rd);
	if (m->to == P_LIST)
		return give_columns(rd, list_columns, ARRAY_LEN(list_columns));
	return RD_END;
}

static enum rd_event act(struct rd *rd, const struct member *m)
{
	struct rd_iso *iso = rd->iso;
	size_t had = rd->cols.n;
	struct rd_piece p;
	const struct json *j;

	if (m->act == A_OPEN)
		return go_into(rd, m);
	j = take_value(rd, &p);
	switch (m->act) {
	case A_HEADER:
		take_header(rd, j);
		break;
	case A_SETS:
		iso->sets_said = number(rd, j, m->key);
		break;
	case A_WIDTH:
		iso->width_said = number(rd, j, m->key);
		break;
	case A_IDS:
		take_ids(rd, j);
		return rd->cols.n > had ? RD_COLS : RD_END;
	case A_TABLE_SET:
		return table_set(rd, j);
	case A_EVENT:
		return event_set(rd, j);
	case A_CHANNEL:
		return channel_of_list(rd, j);
	case A_OPEN:
	case A_SKIP:
		break;
	}
	return RD_END;
}

/* One step of the walk; RD_END when it made no event. */
static enum rd_event step(struct rd *rd)
{
	struct rd_iso *iso = rd->iso;
	struct rd_iso_level *l = &iso->level[iso->depth - 1];
	bool is_array = containers[l->at].is_array;

	if (rd_need_char(rd, no_end) == (is_array ? ']' : '}')) {
		close_container(rd);
		return RD_END;
	}
	if (l->any)
		need(rd, ',', containers[l->at].name);
	l->any = true;
	return act(rd, is_array ? element_of(l) : member_of(rd, l));
}

static void begin(struct rd *rd)
{
	rd->iso = mem_zalloc(sizeof *rd->iso);
	if (rd->conf.iso)
		rd->iso->opts = *rd->conf.iso;
	iso_defaults(&rd->iso->opts);
	if (rd->iso->opts.ship)
		str_addz(&rd->iso->ship, rd->iso->opts.ship);
	open_container(rd, P_TOP);
}

enum rd_event rd_iso_next(struct rd *rd)
{
	enum rd_event ev;

	if (!rd->iso)
		begin(rd);
	ev = next_of_set(rd);
	while (ev == RD_END && !rd->iso->done) {
		arena_reset(&rd->iso->arena);
		ev = step(rd);
	}
	return ev == RD_END ? rd_finish(rd) : ev;
}

void rd_iso_release(struct rd *rd)
{
	if (!rd->iso)
		return;
	str_free(&rd->iso->ship);
	names_free(&rd->iso->ids);
	mem_free(rd->iso->col);
	arena_free(&rd->iso->arena);
	mem_free(rd->iso);
}
