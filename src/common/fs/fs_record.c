#include "fs/fs_record.h"

#include "core/clock.h"

/* What a column can be besides a feature. */
#define IGNORED (SIZE_MAX - 1)
#define DELETED (SIZE_MAX - 2)

void fs_coder_init(
	struct fs_coder *c, const struct fs_group *group, enum fs_when when, bool deletions)
{
	*c = (struct fs_coder){ .group = group,
		.when = when,
		.deletions = deletions,
		.id = SIZE_MAX,
		.time = SIZE_MAX,
		.deleted = SIZE_MAX };
	c->lead = mem_zalloc(mem_mul(group->n, sizeof *c->lead));
	for (size_t i = 0; i < group->n; i++) {
		bool list = group->features[i].collection != FS_SCALAR;

		str_addz(&c->lead[i], "{\"FeatureName\":");
		str_add_json(&c->lead[i], group->features[i].name);
		str_addz(&c->lead[i], list ? ",\"ValueAsStringList\":[" : ",\"ValueAsString\":");
	}
}

/* The store's own columns come along when a history is replayed: is_deleted says what to do. */
static size_t classify(const struct fs_coder *c, struct sl name)
{
	size_t f = fs_group_feature(c->group, name);

	if (f != SIZE_MAX)
		return c->deletions && f != c->group->id && f != c->group->time ? IGNORED : f;
	if (sl_eq(name, SL("is_deleted")))
		return DELETED;
	if (fs_is_store_column(name) || sl_eq(name, SL(FS_FAILED_COLUMN)) || c->pass_unknown ||
		c->deletions)
		return IGNORED;
	return SIZE_MAX;
}

static const char *take_column(struct fs_coder *c, size_t i, struct sl name)
{
	size_t f = classify(c, name);

	if (f == SIZE_MAX)
		return "is no feature of the group";
	for (size_t j = 0; j < i && f < c->group->n; j++)
		if (c->feature[j] == f)
			return "is a second column for one feature";
	c->feature[i] = f;
	if (f == c->group->id)
		c->id = i;
	else if (f == c->group->time)
		c->time = i;
	else if (f == DELETED)
		c->deleted = i;
	return NULL;
}

const char *fs_coder_cols(
	struct fs_coder *c, const struct names *cols, bool complete, struct sl *column)
{
	*column = SL("");
	mem_grow(&c->feature, &c->cap, cols->n, sizeof *c->feature);
	for (; c->n < cols->n; c->n++) {
		const char *why = take_column(c, c->n, cols->name[c->n]);

		*column = cols->name[c->n];
		if (why)
			return why;
	}
	*column = SL("");
	if (complete && c->id == SIZE_MAX)
		return "the column of the record identifier is missing";
	if (complete && c->time == SIZE_MAX &&
		(c->when == FS_WHEN_KEEP || c->when == FS_WHEN_NEXT))
		return "the column of the event time is missing";
	return NULL;
}

static const char *add_element(struct str *s, const struct fs_feature *f, const struct json *v)
{
	struct sl text = v->kind == J_TRUE    ? SL("true")
			 : v->kind == J_FALSE ? SL("false")
					      : v->text;
	const char *why;

	if (v->kind == J_NULL || v->kind == J_ARR || v->kind == J_OBJ)
		return "has an element that is no text or number";
	why = fs_value_check(f->type, text);
	if (!why)
		str_add_json(s, text);
	return why;
}

/* Lists, sets and vectors come as a JSON array, in CSV as its text. */
static const char *add_list(struct str *s, const struct fs_feature *f, struct sl text)
{
	AUTO_ARENA mem = { 0 };
	const char *why = NULL;
	const struct json *list = json_read(&mem, text);

	if (!list || list->kind != J_ARR)
		why = "is not a JSON array (the feature is a collection)";
	else if (f->collection == FS_VECTOR && list->n != f->dimension)
		why = "has not as many elements as the vector has dimensions";
	for (const struct json *v = why ? NULL : list->child; v && !why; v = v->next) {
		why = add_element(s, f, v);
		if (v->next)
			str_addc(s, ',');
	}
	str_addc(s, ']');
	return why;
}

/* Of the JSON text of a collection, whatever its blanks; of a Set, whatever its order. */
static uint64_t list_hash(enum fs_type type, enum fs_collection collection, struct sl text)
{
	AUTO_ARENA mem = {0};
	const struct json *list = json_read(&mem, text);
	uint64_t sum = list ? list->n + 1 : 0, i = 0;
	double d;

	for (const struct json *v = list ? list->child : NULL; v; v = v->next, i++) {
		struct sl one = v->text;

		if (type != FS_STRING && num_double(v->text, &d))
			one = (struct sl){(const char *)&d, sizeof d};
		sum += hash64(one, collection == FS_SET ? 0 : i);
	}
	return sum;
}

uint64_t fs_value_hash(const struct fs_feature *f, struct sl text)
{
	double d;
	int64_t i;

	if (f->collection != FS_SCALAR)
		return list_hash(f->type, f->collection, text);
	if (f->type == FS_INTEGRAL && num_i64(text, &i))
		text = (struct sl){(const char *)&i, sizeof i};
	else if (f->type == FS_FRACTIONAL && num_double(text, &d))
		text = (struct sl){(const char *)&d, sizeof d};
	return hash64(text, 11);
}

static const char *add_value(struct fs_coder *c, struct fs_item *item, size_t f, struct sl text)
{
	const struct fs_feature *feature = &c->group->features[f];
	const char *why;

	c->bytes += feature->name.n + text.n;
	if (c->sums && f != c->group->time &&
		(!c->but || names_find(c->but, feature->name) == NAMES_NONE))
		*(feature->collection == FS_SCALAR ? &item->sum : &item->lists) +=
			fs_value_hash(feature, text) * (2 * f + 1);
	if (item->values.n)
		str_addc(&item->values, ',');
	str_add(&item->values, str_sl(&c->lead[f]));
	if (feature->collection != FS_SCALAR) {
		why = add_list(&item->values, feature, text);
	} else {
		why = fs_value_check(feature->type, text);
		str_add_json(&item->values, text);
	}
	str_addc(&item->values, '}');
	return why;
}

/* The event time to send, from the record's own, which may be empty. */
static const char *set_time(struct fs_coder *c, struct fs_item *item, struct sl own)
{
	enum fs_type type = fs_time_type(c->group);
	int64_t now, stored;
	const char *why;

	if (c->when == FS_WHEN_KEEP || (c->when == FS_WHEN_MISSING && own.n)) {
		why = fs_event_time_check(type, own);
		str_add(&item->time, own);
		return why;
	}
	if (c->when == FS_WHEN_NEXT)
		return fs_event_time_next(&item->time, type, own);
	now = clock_now();
	/* beyond what cutting to milliseconds takes away */
	if (c->when == FS_WHEN_LATER && fs_event_time_parse(type, own, &stored) &&
		stored + 1000 >= now)
		now = stored + 2000;
	fs_event_time_put(&item->time, type, now);
	return NULL;
}

static const char *set_id(struct fs_coder *c, struct fs_item *item, struct sl id)
{
	if (id.n == 0)
		return "is empty, but identifies the record";
	if (id.n > FS_MAX_ID)
		return "is longer than 2048 bytes, the most for a record identifier";
	str_add(&item->id, id);
	item->hash = hash64(id, 3);
	return fs_value_check(c->group->features[c->group->id].type, id);
}

static struct sl text_at(const struct rec *rec, size_t column)
{
	return column < rec->n && !field_is_null(&rec->f[column]) ? field_sl(&rec->f[column])
								  : SL("");
}

static bool is_true(struct sl s)
{
	return sl_eq(s, SL("true")) || sl_eq(s, SL("t")) || sl_eq(s, SL("1")) ||
	       sl_eq(s, SL("True"));
}

static const char *add_values(
	struct fs_coder *c, const struct rec *rec, struct fs_item *item, size_t *column)
{
	const char *why = NULL;

	c->bytes = 0;
	for (size_t i = 0; i < rec->n && i < c->n && !why; i++) {
		size_t f = c->feature[i];

		if (f >= c->group->n || f == c->group->time || field_is_null(&rec->f[i]))
			continue;
		*column = i;
		why = add_value(c, item, f, field_sl(&rec->f[i]));
	}
	if (!why)
		why = add_value(c, item, c->group->time, str_sl(&item->time));
	if (!why && c->bytes > FS_MAX_RECORD)
		why = "the record is larger than 350 KB";
	return why;
}

const char *fs_coder_put(
	struct fs_coder *c, const struct rec *rec, struct fs_item *item, size_t *column)
{
	const char *why;

	str_clear(&item->id);
	str_clear(&item->time);
	str_clear(&item->values);
	item->record = rec->record;
	item->tries = 0;
	item->sum = item->lists = 0;
	item->online_only = false;
	item->alone = item->resent = false;
	item->deletion = c->deletions || is_true(text_at(rec, c->deleted));
	*column = c->id;
	if (c->id == SIZE_MAX)
		return "the record identifier is missing";
	why = set_id(c, item, text_at(rec, c->id));
	if (why)
		return why;
	*column = c->time;
	why = set_time(c, item, text_at(rec, c->time));
	if (why || item->deletion)
		return why;
	return add_values(c, rec, item, column);
}

void fs_coder_free(struct fs_coder *c)
{
	for (size_t i = 0; c->lead && i < c->group->n; i++)
		str_free(&c->lead[i]);
	mem_free(c->lead);
	mem_free(c->feature);
	*c = (struct fs_coder){ 0 };
}

void fs_item_free(struct fs_item *item)
{
	if (!item)
		return;
	str_free(&item->id);
	str_free(&item->time);
	str_free(&item->values);
	mem_free(item);
}
