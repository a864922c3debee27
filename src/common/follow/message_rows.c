#include "follow/message_rows.h"

#include "stream/rd.h"

/* By shape. The narrow table has a column for each kind of value, and one of them is not null. */
static const char *const names[][4] = {
	{ "ship", "t", "ch", "v" },
	{ "ship", "ts", "", "values" },
	{ "ship_id", "created_time", "data_channel_id", "double_v,long_v,str_v,bool_v" },
};

struct run {
	const char *ship, *time, *channel, *value;
	const struct message_opts *opts;
	const struct json *before; /* of a change, where it tells that */
	struct arena *a;
	struct message_row *rows;
	size_t n, cap;
	bool clears; /* null is a statement: the cell has no value from now on */
	struct sl field;
};

/* The member of that name; of several, NAME,NAME, the first that is not null. */
static const struct json *member(struct run *r, const struct json *o, const char *name)
{
	const struct json *found = NULL;

	r->field = sl_of(name);
	while (*name && (!found || found->kind == J_NULL)) {
		const char *end = name + strcspn(name, ",");
		const struct json *each;

		each = json_get(o, arena_dup(r->a, (struct sl){ name, (size_t)(end - name) }).p);
		found = each ? each : found;
		name = end + (*end == ',');
	}
	return found;
}

static bool get_instant(const struct json *j, int unit, int64_t *instant)
{
	static const int64_t per_second[] = { 0, 1, 1000, 1000000, 1000000000 };
	int64_t n, per;
	double d;

	if (j && j->kind == J_STR)
		return clock_parse(j->text, instant);
	if (!j || j->kind != J_NUM)
		return false;
	if (!num_i64(j->text, &n)) { /* with decimals, of which a double has enough */
		if (unit > 1 || !num_double(j->text, &d) || d < 1e8 || d >= 1e11)
			return false;
		*instant = CLOCK_UNIX_EPOCH + (int64_t)(d * 1e6 + 0.5);
		return true;
	}
	/* without a unit: the one that makes it a time behind 1973 */
	for (per = per_second[unit]; !per && ++unit < (int)ARRAY_LEN(per_second);)
		if (n / per_second[unit] >= 100000000 && n / per_second[unit] < 100000000000)
			per = per_second[unit];
	if (!per || (per > 1000000 && n % 1000) || n / per > 253402300799 || n / per < -62135596800)
		return false;
	*instant = CLOCK_UNIX_EPOCH +
		   (per > 1000000 ? n / 1000 : n * (CLOCK_US_PER_SEC / per));
	return true;
}

static const char *add(struct run *r, const struct narrow_row *row, struct sl channel,
	const struct json *value, bool erased)
{
	struct message_row *out;

	if (r->n == r->cap) { /* in the arena, which keeps the smaller one, too */
		out = arena_alloc(r->a, mem_mul(2 * r->cap + 4, sizeof *out));
		if (r->n > 0)
			memcpy(out, r->rows, r->n * sizeof *out);
		r->rows = out;
		r->cap = 2 * r->cap + 4;
	}
	out = &r->rows[r->n++];
	*out = (struct message_row){ .row = *row, .erased = erased };
	out->row.channel = channel;
	out->row.value = erased ? FIELD_NULL : rd_json_field(value);
	return out->row.value.n > NARROW_VALUE_MAX ? "the value is too long" : NULL;
}

/* A text, or a number as it is written. */
static bool get_name(const struct json *j, struct sl *out)
{
	if (j && (j->kind == J_STR || j->kind == J_NUM))
		*out = j->kind == J_STR ? j->text : j->raw;
	return j && (j->kind == J_STR || j->kind == J_NUM) && out->n > 0;
}

/* Debezium's word for a long value that was not changed, which PostgreSQL does not tell then. */
static bool is_untold(const struct json *value)
{
	return value && value->kind == J_STR &&
	       sl_eq(value->text, SL("__debezium_unavailable_value"));
}

/* A change that does not tell the value: the one before, or the cell stays as it is. */
static const char *add_untold(struct run *r, const struct narrow_row *row, struct sl channel)
{
	const struct json *had = r->before ? member(r, r->before, r->value) : NULL;
	struct message_row *gone = r->before && r->n > 0 ? &r->rows[r->n - 1] : NULL;
	const char *why;

	if (had && had->kind != J_NULL && !is_untold(had))
		return add(r, row, channel, had, false);
	if (gone && (gone->row.time != row->time || !sl_eq(gone->row.ship, row->ship) ||
			    !sl_eq(gone->row.channel, channel)))
		return "the row has moved, and the message does not tell its value";
	r->n -= gone != NULL;
	why = add(r, row, channel, NULL, true);
	r->rows[r->n - 1].kept = true;
	return why;
}

static const char *read_object(struct run *r, const struct json *o, bool erased)
{
	struct narrow_row row = { .why = NULL };
	const struct json *value;
	const char *why = NULL;
	struct sl channel;

	if (!get_name(member(r, o, r->ship), &row.ship))
		return "names no ship";
	if (!get_instant(member(r, o, r->time), r->opts->unit, &row.time))
		return "no time, or of an unknown unit, or finer than microseconds";
	if (r->opts->shape != MESSAGE_WIDE && !get_name(member(r, o, r->channel), &channel))
		return "names no channel";
	value = member(r, o, r->value);
	if (!value && !erased)
		return "no value";
	if (r->opts->shape == MESSAGE_DEBEZIUM && !erased && is_untold(value))
		return add_untold(r, &row, channel);
	if (r->opts->shape != MESSAGE_WIDE)
		return add(r, &row, channel, value, erased || (r->clears && value->kind == J_NULL));
	if (value->kind != J_OBJ)
		return "not an object of values";
	for (const struct json *each = value->child; each && !why; each = each->next)
		why = add(r, &row, each->key, each, false);
	return why;
}

/* A change of a table, {"op":"u","before":{…},"after":{…}}, with its schema beside it or not. */
static const char *read_change(struct run *r, const struct json *o)
{
	const struct json *payload = json_get(o, "payload"), *before, *after;
	struct sl op = SL("");
	const char *why = NULL;

	o = payload ? payload : o;
	before = json_get(o, "before");
	before = before && before->kind == J_OBJ ? before : NULL;
	after = json_get(o, "after");
	(void)!json_get_str(o, "op", &op);
	r->field = SL("op");
	r->before = NULL;
	if (op.n != 1 || !strchr("crud", *op.p))
		return "not an insert, update or deletion";
	/* first what was there: the row may have moved to another time, ship or channel */
	if (*op.p == 'd' || (*op.p == 'u' && before))
		why = read_object(r, before, true);
	r->before = *op.p == 'u' ? before : NULL;
	r->clears = *op.p == 'u';
	return why || *op.p == 'd' ? why : read_object(r, after, false);
}

static const char *read_any(struct run *r, const struct json *j)
{
	const char *why = NULL;

	if (!j || (j->kind != J_ARR && j->kind != J_OBJ))
		return "neither an object nor an array";
	if (j->kind == J_OBJ)
		return r->opts->shape == MESSAGE_DEBEZIUM ? read_change(r, j)
							  : read_object(r, j, false);
	for (const struct json *each = j->child; each && !why; each = each->next)
		why = read_any(r, each);
	return why;
}

const char *message_rows(const struct message_opts *opts, struct arena *a, struct sl text,
	struct message_row **rows, size_t *n, struct sl *field)
{
	const char *const *otherwise = names[opts->shape], *why = "empty";
	struct run r = { .a = a,
		.opts = opts,
		.clears = opts->shape == MESSAGE_FLAT,
		.ship = opts->ship ? opts->ship : otherwise[0],
		.time = opts->time ? opts->time : otherwise[1],
		.channel = opts->channel ? opts->channel : otherwise[2],
		.value = opts->value ? opts->value : otherwise[3] };
	size_t place;
	const struct json *j = text.n > 0 ? json_parse(a, text, &why, &place) : NULL;

	*field = r.field;
	if (!j)
		return why;
	for (const char *at = opts->at, *end; at && *at; at = end + (*end == '.')) {
		end = at + strcspn(at, ".");
		r.field = sl_of(at);
		j = json_get(j, arena_dup(a, (struct sl){ at, (size_t)(end - at) }).p);
	}
	why = read_any(&r, j);
	*rows = r.rows;
	*n = r.n;
	*field = r.field;
	return why;
}
