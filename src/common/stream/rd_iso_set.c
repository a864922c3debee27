/* rd_iso_set.c - columns and records of packages of ISO 19848. */
#include "stream/rd_iso.h"

#include "core/msg.h"
#include "core/opt.h"

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

static void give_columns(struct rd *rd, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool added;

		(void)names_add(&rd->cols, sl_of(names[i]), &added);
		if (!added)
			opt_usage("two columns are named %s", msg_q(sl_of(names[i])));
	}
	rd_need_fields(rd, n);
}

enum rd_event rd_iso_begin_values(struct rd *rd)
{
	const struct iso_opts *o = &rd->iso->opts;
	const char *names[NARROW_COLUMNS] = {o->by, o->key, o->name, o->value, o->quality};

	if (rd->iso->columns_given)
		rd_iso_bad(rd, NULL, "Package has both TimeSeriesData and DataChannelList", "");
	rd->iso->columns_given = true;
	give_columns(rd, names, o->shape == ISO_WIDE ? 2 : NARROW_COLUMNS);
	return RD_COLS;
}

enum rd_event rd_iso_begin_list(struct rd *rd)
{
	if (rd->iso->columns_given)
		rd_iso_bad(rd, NULL, "Package has both TimeSeriesData and DataChannelList", "");
	rd->iso->columns_given = true;
	give_columns(rd, list_columns, ARRAY_LEN(list_columns));
	return RD_COLS;
}

/* The column of a channel in a wide stream. */
static size_t column_of(struct rd *rd, struct sl id)
{
	size_t i = names_add(&rd->cols, id, NULL);

	if (i < 2)
		rd_iso_bad(rd, "--by and --key name those columns",
			"a channel is named like the column of the ship or the time: ", msg_q(id));
	return i;
}

void rd_iso_ids(struct rd *rd, const struct json *list)
{
	struct rd_iso *iso = rd->iso;

	iso->have_ids = true;
	if (list->kind != J_ARR)
		rd_iso_bad(rd, NULL, "not an array: ", "DataChannelID");
	mem_grow(&iso->col, &iso->col_cap, list->n, sizeof *iso->col);
	for (const struct json *e = list->child; e; e = e->next) {
		bool added;
		size_t i;

		if (e->kind != J_STR || e->text.n == 0)
			rd_iso_bad(
				rd, NULL, "DataChannelID has an element that names no channel", "");
		i = names_add(&iso->ids, e->text, &added);
		if (!added)
			rd_iso_bad(rd, NULL, "DataChannelID has a channel twice: ", msg_q(e->text));
		if (iso->opts.shape == ISO_WIDE)
			iso->col[i] = column_of(rd, e->text);
	}
}

void rd_iso_header(struct rd *rd, const struct json *header)
{
	struct rd_iso *iso = rd->iso;
	struct sl ship;

	if (header->kind != J_OBJ || !json_get_str(header, "ShipID", &ship) || ship.n == 0)
		rd_iso_bad(rd, NULL, "Header has no ShipID", "");
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
		rd_iso_bad(rd, "--ship-id names the ship",
			"values come before a Header that names their ship", "");
}

static bool is_value(const struct json *j)
{
	return j->kind != J_ARR && j->kind != J_OBJ;
}

/* The instant of a data set, as ferry's streams write it; the fault, or NULL. */
static const char *read_time(struct rd *rd, const struct json *set, struct sl *text)
{
	struct rd_iso *iso = rd->iso;
	int64_t instant;

	if (!json_get_str(set, "TimeStamp", text))
		return "missing, or no text";
	if (!clock_parse(*text, &instant))
		return "not an instant of at most six decimals (YYYY-MM-DDTHH:MM:SS.ffffffZ)";
	iso->when = field_name((struct sl){iso->time, clock_put(iso->time, instant, true)});
	return NULL;
}

/* A record of the wide shape: nothing but ship and time yet. */
static struct field *wide_row(struct rd *rd)
{
	rd_need_fields(rd, rd->cols.n);
	for (size_t i = 2; i < rd->cols.n; i++)
		rd->fields[i] = (struct field){.p = "", .kind = F_ABSENT};
	rd->fields[0] = field_name(str_sl(&rd->iso->ship));
	rd->fields[1] = rd->iso->when;
	rd->rec.f = rd->fields;
	rd->rec.n = rd->cols.n;
	rd->rec.record = ++rd->records;
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
	f[4] = quality ? rd_json_field(quality) : (struct field){.p = "", .kind = F_ABSENT};
	rd->rec.f = f;
	rd->rec.n = NARROW_COLUMNS;
	rd->rec.record = ++rd->records;
	return RD_ROW;
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

enum rd_event rd_iso_next_of_set(struct rd *rd)
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

enum rd_event rd_iso_table_set(struct rd *rd, const struct json *set)
{
	struct rd_iso *iso = rd->iso;
	const struct json *value = json_get(set, "Value"), *quality = json_get(set, "Quality");
	struct sl text = {"", 0};
	const char *why;
	size_t i = 0;

	iso->sets++;
	need_ship(rd);
	why = read_time(rd, set, &text);
	if (why)
		return bad_set(rd, "TimeStamp", text, why);
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
	return rd_iso_next_of_set(rd);
}

enum rd_event rd_iso_event(struct rd *rd, const struct json *set)
{
	struct rd_iso *iso = rd->iso;
	const struct json *value = json_get(set, "Value"), *quality = json_get(set, "Quality");
	size_t had = rd->cols.n;
	struct sl id, text = {"", 0};
	const char *why;

	iso->sets++;
	need_ship(rd);
	why = read_time(rd, set, &text);
	if (why)
		return bad_set(rd, "TimeStamp", text, why);
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

enum rd_event rd_iso_channel(struct rd *rd, const struct json *c)
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
		f[i + 3] = j ? rd_json_field(j) : (struct field){.p = "", .kind = F_ABSENT};
	}
	rd->rec.f = f;
	rd->rec.n = ARRAY_LEN(list_columns);
	rd->rec.record = ++rd->records;
	return RD_ROW;
}
