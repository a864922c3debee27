/*
 * rd_iso.c - packages of ISO 19848 as records, in the memory of one data set.
 *
 * The package is walked by the table of its members below; what a record is made of is cut out
 * (rd_json.c) and parsed by itself. Members may come in any order, with two exceptions that
 * reading as it comes cannot do without: the header before the values, and the channels of a table
 * before its data sets.
 */
#include "stream/rd_iso.h"

#include "core/msg.h"
#include "core/num.h"

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

/* ---- faults --------------------------------------------------------------------------------- */

void rd_iso_bad(const struct rd *rd, const char *hint, const char *why, const char *what)
{
	die_hint(EX_DATA, hint, "%s:%llu: %s%s", in_name(rd->in), (unsigned long long)rd->line + 1,
		why, what);
}

static NORETURN COLD void cut(const struct rd *rd)
{
	rd_iso_bad(rd, NULL, "the package has no end (was the file cut?)", "");
}

/* ---- texts ---------------------------------------------------------------------------------- */

static char need_char(struct rd *rd)
{
	char c;

	if (!rd_skip_space(rd, &c))
		cut(rd);
	return c;
}

static void need(struct rd *rd, char want, const char *where)
{
	char what[] = {'\'', want, '\'', '\0'};

	if (need_char(rd) != want) {
		struct str s = {0};

		str_addf(&s, "%s is missing in ", what);
		rd_iso_bad(rd, NULL, str_z(&s), where);
	}
	rd_take(rd, 1, 0);
}

/* Cuts out the value at hand and parses it; the text stays in the window. */
static const struct json *take_value(struct rd *rd, struct rd_piece *p)
{
	const struct json *j;
	const char *why;
	size_t at;

	*p = (struct rd_piece){.lines = 0};
	(void)need_char(rd);
	if (!rd_find_value(rd, p))
		cut(rd);
	j = json_parse(&rd->iso->arena, p->text, &why, &at);
	if (!j)
		rd_iso_bad(rd, NULL, "malformed JSON: ", why);
	rd->rec = (struct rec){.line = rd->line + 1, .raw = p->text};
	rd_take(rd, p->len, p->lines);
	return j;
}

static uint64_t number(struct rd *rd, const struct json *j, const char *key)
{
	uint64_t n;

	if (j->kind != J_NUM || !num_u64(j->text, &n))
		rd_iso_bad(rd, NULL, "not a whole number: ", key);
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
	struct str why = {0};

	if (said == NOT_SAID || said == found)
		return;
	str_addf(&why, "%s says %llu, there are ", name, (unsigned long long)said);
	str_addu(&why, found);
	rd_iso_bad(rd, NULL, str_z(&why), "");
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
		rd_iso_bad(rd, NULL, "Package has neither TimeSeriesData nor DataChannelList", "");
	if (iso->depth > 0)
		return;
	if (!l->any)
		rd_iso_bad(rd, NULL, "there is no Package", "");
	if (rd_skip_space(rd, &c))
		rd_iso_bad(rd, NULL, "something follows the package", "");
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
		rd_iso_bad(rd, NULL, "a member needs a name, in ", containers[l->at].name);
	for (size_t i = 0; i < ARRAY_LEN(members) && !m; i++)
		if (members[i].in == l->at &&
			(sl_eq_str(key->text, members[i].key) || !*members[i].key)) {
			m = &members[i];
			if (*m->key && (l->seen & UINT32_C(1) << i))
				rd_iso_bad(rd, NULL, "a member stands there twice: ", m->key);
			l->seen |= UINT32_C(1) << i;
		}
	if (!m) {
		struct str why = {0};

		str_addf(&why, "%s has a member %s, which ISO 19848 does not know",
			containers[l->at].name, msg_q(key->text));
		rd_iso_bad(rd, NULL, str_z(&why), "");
	}
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
		rd_iso_bad(rd, "'jq -S . FILE' puts members in an order that can be read",
			"DataSet comes before DataChannelID", "");
	open_container(rd, m->to);
	if (m->to == P_SERIES_LIST)
		return rd_iso_begin_values(rd);
	return m->to == P_LIST ? rd_iso_begin_list(rd) : RD_END;
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
		rd_iso_header(rd, j);
		break;
	case A_SETS:
		iso->sets_said = number(rd, j, m->key);
		break;
	case A_WIDTH:
		iso->width_said = number(rd, j, m->key);
		break;
	case A_IDS:
		rd_iso_ids(rd, j);
		return rd->cols.n > had ? RD_COLS : RD_END;
	case A_TABLE_SET:
		return rd_iso_table_set(rd, j);
	case A_EVENT:
		return rd_iso_event(rd, j);
	case A_CHANNEL:
		return rd_iso_channel(rd, j);
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

	if (need_char(rd) == (is_array ? ']' : '}')) {
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
	ev = rd_iso_next_of_set(rd);
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
