/* rd_ndjson.c - NDJSON records: one JSON object a line. */
#include "core/msg.h"
#include "stream/rd_impl.h"

static bool is_blank(struct sl s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r')
			return false;
	return true;
}

static struct field field_of(const struct json *j)
{
	struct field f = { .p = "", .n = 0, .kind = F_NULL };
	struct sl t = { "", 0 };

	switch (j->kind) {
	case J_NULL:
		return f;
	case J_TRUE:
		t = SL("true");
		f.kind = F_BOOL;
		break;
	case J_FALSE:
		t = SL("false");
		f.kind = F_BOOL;
		break;
	case J_NUM:
		t = j->text;
		f.kind = F_NUM;
		break;
	case J_STR:
		t = j->text;
		f.kind = F_STR;
		break;
	case J_ARR:
	case J_OBJ:
		t = j->raw;
		f.kind = F_JSON;
		break;
	}
	f.p = t.p;
	f.n = (uint32_t)t.n;
	return f;
}

/* Sorts the members into columns; true when there was a new one. */
static bool fill_fields(struct rd *rd, const struct json *object)
{
	size_t guess = 0, had = rd->cols.n;

	rd_need_fields(rd, had + object->n);
	for (size_t i = 0; i < had + object->n; i++)
		rd->fields[i] = (struct field){ .p = "", .n = 0, .kind = F_ABSENT };
	for (const struct json *m = object->child; m; m = m->next) {
		/* records of a stream tend to have their members in the same order */
		size_t i = guess;

		if (i >= rd->cols.n || !sl_eq(rd->cols.name[i], m->key))
			i = names_add(&rd->cols, m->key, NULL);
		rd->fields[i] = field_of(m);
		guess = i + 1;
	}
	return rd->cols.n > had;
}

static const struct json *control_of(const struct json *object)
{
	const struct json *m = object->child;

	return object->n == 1 && sl_eq(m->key, SL(SEAL_COLUMN)) ? m : NULL;
}

static enum rd_event control_line(struct rd *rd, const struct json *control, struct sl raw)
{
	bool first = rd->line == 0 && rd->records == 0;

	if (control->kind != J_OBJ)
		rd_corrupt(rd, "a control record that is no object");
	if (rd->sealed)
		return rd_control(rd, control->raw, raw);
	if (!first || !json_get(control, "open"))
		rd_corrupt(rd, "a seal in a stream that was not opened as a sealed one");

	struct control c;
	const char *why = control_parse(&rd->seal_arena, control->raw, &c);

	if (why)
		rd_corrupt(rd, why);
	rd->sealed = true;
	rd_take(rd, raw.n + 1, 1);
	return rd_ndjson_next(rd);
}

static enum rd_event bad_line(struct rd *rd, size_t at, const char *why)
{
	return rd_bad(rd, at + 1, SL(""), SL(""), why);
}

enum rd_event rd_ndjson_next(struct rd *rd)
{
	const struct json *object = NULL;
	const char *why = NULL;
	struct sl line;
	size_t at = 0;
	bool cut, whole;

	for (;;) {
		whole = rd_line(rd, &line, &cut);
		if (!whole && (!cut || rd->sealed))
			return rd_finish(rd);
		if (!is_blank(line))
			break;
		rd_take(rd, line.n + whole, 1);
		if (!whole)
			return rd_finish(rd);
	}
	why = rd_check_text(rd, line, &at);
	if (!why)
		object = json_parse(&rd->arena, line, &why, &at);
	if (object && object->kind == J_OBJ && whole && control_of(object))
		return control_line(rd, control_of(object), line);
	rd->rec = (struct rec){ .record = ++rd->records, .line = rd->line + 1, .raw = line };
	rd_take(rd, line.n + whole, 1);
	if (why)
		return bad_line(rd, at, why);
	if (object->kind != J_OBJ)
		return bad_line(rd, 0, "not a JSON object");
	if (!whole && !rd->conf.allow_no_newline)
		return bad_line(rd, line.n, "the last record has no line end (was the file cut? "
					    "--allow-no-newline takes it)");
	rd->have_row = fill_fields(rd, object);
	rd->rec.f = rd->fields;
	rd->rec.n = rd->cols.n;
	return rd->have_row ? RD_COLS : RD_ROW;
}
