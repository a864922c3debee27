/*
 * rd_ndjson.c - JSON objects as records: one a line (NDJSON), or the elements of one array, which
 * is cut into them (rd_json.c), so that it is read in the memory of one of them.
 */
#include "core/utf8.h"
#include "stream/block.h"
#include "stream/rd_impl.h"

/* ---- flat objects --------------------------------------------------------------------------- */

/*
 * The JSON objects nearly all records are: flat, their members known already. Several times faster
 * than yajl, which builds a tree first. Whatever is not plainly right, or new, or nested, is left
 * to it: it has the last word, and the messages.
 */

/*
 * The first byte from `p` on that ends a string, or its plain part: a quote, a backslash, a control
 * byte; not before `end` when there is none. May read IN_SLACK bytes behind the window.
 */
static inline const char *scan_text(const char *p, const char *end)
{
#ifdef BLOCKS
	for (; p < end; p += BLOCK) {
		unsigned where = block_bits(block_special(block_at(p)));

		if (where)
			return p + __builtin_ctz(where);
	}
	return end;
#else
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
#endif
}

/* \uXXXX, or two of them that are one character, at *p, which is behind the u. */
static bool unescape_code(const char **p, const char *end, char **dst)
{
	uint64_t code, low;

	if (end - *p < 4 || !num_hex((struct sl){ *p, 4 }, true, &code) || code == 0 ||
	    (code >= 0xdc00 && code <= 0xdfff))
		return false;
	*p += 4;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
			return false;
		if (!num_hex((struct sl){ *p + 2, 4 }, true, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		*p += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*dst += utf8_put(*dst, (uint32_t)code);
	return true;
}

/* One escape at *p, which is behind the backslash. */
static bool unescape(const char **p, const char *end, char **dst)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (*p >= end)
		return false;
	if (**p == 'u') {
		++*p;
		return unescape_code(p, end, dst);
	}
	at = memchr(from, **p, sizeof from - 1);
	if (!at)
		return false;
	*(*dst)++ = to[at - from];
	++*p;
	return true;
}

/* A string with escapes that begins at `p`; what is behind its closing quote, or NULL. */
static const char *take_escaped(struct rd *rd, const char *p, const char *end, struct field *f)
{
	const char *quote = p;
	char *text, *dst;

	while (quote < end && *quote != '"')
		quote += *quote == '\\' ? 2 : 1;
	/* no escape is shorter than what it stands for */
	text = dst = arena_alloc(&rd->arena, (size_t)(quote - p));
	for (;;) {
		const char *stop = scan_text(p, end);

		if (stop >= end)
			return NULL;
		memcpy(dst, p, (size_t)(stop - p));
		dst += stop - p;
		p = stop + 1;
		if (*stop == '"')
			break;
		if (*stop != '\\' || !unescape(&p, end, &dst))
			return NULL;
	}
	*f = field_str((struct sl){ text, (size_t)(dst - text) });
	return p;
}

/* Takes a value at `p`; what is behind it, or NULL where yajl has to look at it. */
static inline const char *take_value(struct rd *rd, const char *p, const char *end, struct field *f)
{
	const char *stop;

	if (*p == '"') {
		stop = scan_text(++p, end);
		if (stop >= end || *stop != '"')
			return stop < end && *stop == '\\' ? take_escaped(rd, p, end, f) : NULL;
		*f = field_str((struct sl){ p, (size_t)(stop - p) });
		return stop + 1;
	}
	for (stop = p; stop < end && *stop != ',' && *stop != '}' && *stop != ' ';)
		stop++;
	return field_word(f, (struct sl){ p, (size_t)(stop - p) }) ? stop : NULL;
}

/* The column of the member whose name begins at *p, behind the quote; *p is then behind it. */
static inline size_t take_name(struct rd *rd, const char **p, const char *end, size_t guess)
{
	const char *stop = scan_text(*p, end);
	struct sl name = { *p, (size_t)(stop - *p) };

	if (stop >= end || *stop != '"')
		return NAMES_NONE;
	*p = stop + 1;
	if (LIKELY(guess < rd->cols.n && sl_eq(rd->cols.name[guess], name)))
		return guess;
	return names_find(&rd->cols, name);
}

static inline const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* Takes `c` and the blanks around it; NULL where it is not. */
static inline const char *take_char(const char *p, const char *end, char c)
{
	p = skip_blanks(p, end);
	if (p >= end || *p != c)
		return NULL;
	return skip_blanks(p + 1, end);
}

/* False, and nothing but rd->fields touched, where it is anything else, or not plainly right. */
static bool take_flat(struct rd *rd, struct sl text)
{
	const char *end = text.p + text.n, *p = take_char(text.p, end, '{'), *more;
	size_t guess = 0;

	fields_clear(rd->fields, rd->cols.n);
	while (p && p < end && *p == '"') {
		size_t i;

		p++;
		i = take_name(rd, &p, end, guess);
		if (i == NAMES_NONE || rd->fields[i].kind != F_ABSENT)
			return false;
		guess = i + 1;
		p = take_char(p, end, ':');
		p = p && p < end ? take_value(rd, p, end, &rd->fields[i]) : NULL;
		if (!p)
			return false;
		more = take_char(p, end, ',');
		if (!more) {
			p = take_char(p, end, '}');
			return p == end;
		}
		p = more;
	}
	return false;
}

/* ---- records -------------------------------------------------------------------------------- */

static bool is_blank(struct sl s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r')
			return false;
	return true;
}

struct field rd_json_field(const struct json *j)
{
	static const uint8_t kinds[] = { [J_NULL] = F_NULL, [J_TRUE] = F_BOOL, [J_FALSE] = F_BOOL,
		[J_NUM] = F_NUM, [J_STR] = F_STR, [J_ARR] = F_JSON, [J_OBJ] = F_JSON };
	struct sl t = j->kind == J_NULL		       ? SL("")
		      : j->kind == J_TRUE	       ? SL("true")
		      : j->kind == J_FALSE	       ? SL("false")
		      : kinds[j->kind] == F_JSON ? j->raw
						       : j->text;

	return (struct field){ .p = t.p, .n = (uint32_t)t.n, .kind = kinds[j->kind] };
}

/* Sorts the members into columns. */
static void fill_fields(struct rd *rd, const struct json *object)
{
	size_t guess = 0, had = rd->cols.n;
	bool first = !rd->fields; /* columns come before all records, be it none */

	rd_need_fields(rd, had + object->n + 1);
	fields_clear(rd->fields, had + object->n);
	for (const struct json *m = object->child; m; m = m->next) {
		/* records of a stream tend to have their members in the same order */
		size_t i = guess;

		if (i >= rd->cols.n || !sl_eq(rd->cols.name[i], m->key))
			i = names_add(&rd->cols, m->key, NULL);
		rd->fields[i] = rd_json_field(m);
		guess = i + 1;
	}
	rd->have_row = first || rd->cols.n > had;
}

static const struct json *control_of(const struct json *object)
{
	const struct json *m = object->child;

	return object->n == 1 && sl_eq(m->key, SL(SEAL_COLUMN)) ? m : NULL;
}

static enum rd_event
control_line(struct rd *rd, const struct json *control, const struct rd_piece *p)
{
	bool first = rd->line == 0 && rd->records == 0 && rd->format == FMT_NDJSON;

	if (control->kind != J_OBJ || p->cut)
		rd_corrupt(rd, "a control record that is cut or no object");
	if (rd->sealed)
		return rd_control(rd, control->raw, p->text);
	if (!first || !json_get(control, "open"))
		rd_corrupt(rd, "a seal in a stream that was not opened as a sealed one");

	struct control c;
	const char *why = control_parse(&rd->seal_arena, control->raw, &c);

	if (why)
		rd_corrupt(rd, why);
	rd->sealed = true;
	rd_take(rd, p->len, p->lines);
	return rd_ndjson_next(rd);
}

static enum rd_event bad_object(struct rd *rd, size_t at, const char *why)
{
	/* columns count from the start of a line, where only NDJSON is sure to have its objects */
	return rd_bad(rd, rd->format == FMT_NDJSON ? at + 1 : 0, SL(""), SL(""), why);
}

static void begin_record(struct rd *rd, const struct rd_piece *p)
{
	rd_check_size(rd, p->text.n);
	rd->rec = (struct rec){ .f = rd->fields,
				.n = rd->cols.n,
				.record = ++rd->records,
				.line = rd->line + 1,
				.raw = p->text };
	rd_take(rd, p->len, p->lines);
}

static enum rd_event take_object(struct rd *rd, const struct rd_piece *p)
{
	const struct json *object = NULL;
	size_t at = 0;
	const char *why = utf8_fault(p->text, &at);

	if (LIKELY(!why && !p->cut && rd->cols.n && take_flat(rd, p->text))) {
		begin_record(rd, p);
		return RD_ROW;
	}
	if (!why)
		object = json_parse(&rd->arena, p->text, &why, &at);
	if (object && object->kind == J_OBJ && control_of(object))
		return control_line(rd, control_of(object), p);
	begin_record(rd, p);
	rd->cut = p->cut && !rd->conf.allow_no_newline;
	if (!object) {
		enum rd_event ev = bad_object(rd, at, why);

		/* jq prints it so, and most others for people */
		if (rd->format == FMT_NDJSON && sl_eq(sl_trim(p->text, " \t\r"), SL("{")))
			rd->fault.hint = rd->conf.has_options
				? N_("--input-format json reads objects of several lines")
				: N_("jq -c makes one line of each object");
		return ev;
	}
	if (object->kind != J_OBJ)
		return bad_object(rd, 0, "not a JSON object");
	if (rd->cut)
		return bad_object(rd, p->text.n,
				  "the last record has no line end (was the file cut? "
				  "--allow-no-newline takes it)");
	if (json_get(object, SEAL_COLUMN))
		return bad_object(rd, 0,
				  "a member named " SEAL_COLUMN ", which marks control records");
	fill_fields(rd, object);
	rd->rec.f = rd->fields;
	rd->rec.n = rd->cols.n;
	return rd->have_row ? RD_COLS : RD_ROW;
}

enum rd_event rd_ndjson_next(struct rd *rd)
{
	struct rd_piece p = { .lines = 1 };
	bool whole;

	for (;;) {
		whole = rd_line(rd, &p.text, &p.cut);
		if (!whole && (!p.cut || rd->sealed))
			return rd_finish(rd);
		p.len = p.text.n + whole;
		if (!is_blank(p.text) || rd->conf.blanks_count)
			return take_object(rd, &p);
		rd_take(rd, p.len, 1);
		if (!whole)
			return rd_finish(rd);
	}
}

static const char no_end[] = N_("the JSON array has no end (was the file cut?)");

/* Objects one behind the other, or the single one that --at leads to. */
static enum rd_event next_of_many(struct rd *rd)
{
	struct rd_piece p = { .lines = 0 };
	char c;

	if (rd->array_open && rd->conf.at) {
		rd_leave(rd);
		return rd_finish(rd);
	}
	if (!rd_skip_space(rd, &c))
		return rd_finish(rd);
	if (c != '{')
		rd_unfit(rd, NULL, "not a JSON object");
	rd->array_open = true;
	if (!rd_find_value(rd, &p))
		rd_unfit(rd, NULL, "the JSON object has no end (was the file cut?)");
	return take_object(rd, &p);
}

enum rd_event rd_array_next(struct rd *rd)
{
	struct rd_piece p = { .lines = 0 };
	bool first = !rd->array_open;
	char c;

	if (first && !rd->no_array && rd->conf.at)
		rd_enter(rd);
	if (first && rd_skip_space(rd, &c))
		rd->no_array = c == '{';
	if (rd->no_array)
		return next_of_many(rd);
	if (rd->array_open && rd_skip_space(rd, &c) && c == ']') {
		rd_take(rd, 1, 0);
		if (rd->conf.at)
			rd_leave(rd);
		if (rd_skip_space(rd, &c))
			rd_unfit(rd, NULL, "something follows the JSON array");
		return rd_finish(rd);
	}
	if (first && !rd_skip_space(rd, &c))
		rd_unfit(rd, NULL, "no JSON array");
	if (rd_need_char(rd, no_end) != (first ? '[' : ','))
		rd_unfit(rd, NULL, "%s", first ? "neither a JSON array nor objects"
					       : "a comma is missing in the JSON array");
	rd->array_open = true;
	rd_take(rd, 1, 0);
	if (first && rd_skip_space(rd, &c) && c == ']')
		return rd_array_next(rd);
	c = rd_need_char(rd, no_end);
	if (c == ',' || c == ']')
		rd_unfit(rd, NULL, "an element is missing in the JSON array");
	if (!rd_find_value(rd, &p))
		rd_unfit(rd, NULL, "%s", no_end);
	return take_object(rd, &p);
}
