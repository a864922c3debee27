#include "pg/table.h"

#include "core/mem.h"
#include "core/msg.h"
#include "pg/copybuf.h"
#include "pg/relation.h"
#include "pg/stage.h"

#define ROWS_MAX ((size_t)100000)
#define SHAPES_MAX 32

/* Records with the same fields absent: their buffer. */
struct shape {
	struct copybuf buf;
	uint32_t *col; /* columns of the stream that are written, in the order of COPY */
	size_t n;
	struct str raw; /* texts of the records, when kept */
	size_t *raw_at; /* by row: where its text begins */
	size_t raw_cap;
};

struct table {
	struct pg *pg;
	struct table_conf conf;
	struct str ident;
	struct sl schema, name; /* in texts */
	struct arena texts;
	struct names columns; /* of the table */
	struct names keys;
	bool exists, created;
	const struct names *cols; /* of the stream */
	size_t n_cols;
	bool *wanted; /* by column of the stream: the table has it */
	size_t wanted_cap;
	size_t n_wanted;
	struct names shapes;
	struct shape *shape;
	size_t shapes_cap;
	struct names seen; /* keys of the buffered rows */
	struct place {     /* by number in seen: where its last row is */
		uint32_t shape, row;
	} * place;
	size_t places_cap;
	struct str scratch;
	struct stage stage;
	bool staged;
	struct shape *sending;
};

/* ---- opening -------------------------------------------------------------------------------- */

static void read_columns(struct table *t)
{
	const char *params[] = { t->schema.p, t->name.p };
	struct pg_result *res = pg_query(t->pg,
		"SELECT a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		" LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
		"  AND NOT a.attisdropped"
		" WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'f')"
		" ORDER BY a.attnum",
		2, params);

	t->exists = pg_rows(res) > 0;
	for (size_t i = 0; i < pg_rows(res); i++)
		if (!pg_is_null(res, i, 0))
			(void)names_add(&t->columns, pg_value(res, i, 0), NULL);
	pg_clear(res);
}

static void take_keys(struct table *t)
{
	const char *p = t->conf.keys;

	while (p && *p) {
		size_t n = strcspn(p, ",");

		if (n == 0)
			opt_usage("--key: an empty name: %s", msg_q(sl_of(t->conf.keys)));
		(void)names_add(&t->keys, (struct sl){ p, n }, NULL);
		p += n + (p[n] == ',');
	}
}

struct table *table_open(struct pg *pg, const struct table_conf *conf)
{
	struct table *t = mem_zalloc(sizeof *t);
	struct str schema = { 0 }, name = { 0 };

	t->pg = pg;
	t->conf = *conf;
	t->stage.number = 0; /* those of wide tables count from 1 */
	relation_split(conf->name, &schema, &name);
	t->schema = arena_dup(&t->texts, str_sl(&schema));
	t->name = arena_dup(&t->texts, str_sl(&name));
	relation_ident(pg, &t->ident, t->schema, t->name);
	str_free(&schema);
	str_free(&name);
	take_keys(t);
	read_columns(t);
	if (!t->exists && !conf->create)
		die_hint(EX_CONFIGURATION, "--create makes it", "no such table, target: %s",
			str_z(&t->ident));
	return t;
}

static void shape_free(struct shape *s)
{
	copybuf_free(&s->buf);
	mem_free(s->col);
	str_free(&s->raw);
	mem_free(s->raw_at);
}

void table_close(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->shapes.n; i++)
		shape_free(&t->shape[i]);
	mem_free(t->shape);
	mem_free(t->wanted);
	mem_free(t->place);
	names_free(&t->columns);
	names_free(&t->keys);
	names_free(&t->shapes);
	names_free(&t->seen);
	arena_free(&t->texts);
	str_free(&t->ident);
	str_free(&t->scratch);
	mem_free(t);
}

/* ---- columns -------------------------------------------------------------------------------- */

/* The type given for a column by --column-type NAME=TYPE, or text. */
static const char *type_of(const struct table *t, struct sl name)
{
	for (size_t i = 0; i < t->conf.types.n; i++) {
		const char *given = t->conf.types.v[i].p;

		if (strncmp(given, name.p, name.n) == 0 && given[name.n] == '=')
			return given + name.n + 1;
	}
	return "text";
}

/* TYPE goes into the statement as it is: so it must look like a type, and nothing else. */
static void check_types(const struct table *t)
{
	for (size_t i = 0; i < t->conf.types.n; i++) {
		const char *type = strrchr(t->conf.types.v[i].p, '=');
		static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789_ ,.()[]\"";

		if (!type || !type[1] || strspn(type + 1, letters) != strlen(type + 1))
			opt_usage("--column-type: not NAME=TYPE: %s", msg_q(t->conf.types.v[i]));
	}
}

static void create_table(struct table *t)
{
	struct str sql = { 0 };

	check_types(t);
	str_addf(&sql, "CREATE TABLE %s (", str_z(&t->ident));
	for (size_t i = 0; i < t->cols->n; i++) {
		str_addz(&sql, i ? ", " : "");
		pg_add_ident(t->pg, &sql, t->cols->name[i]);
		str_addf(&sql, " %s", type_of(t, t->cols->name[i]));
	}
	for (size_t i = 0; i < t->keys.n; i++) {
		str_addz(&sql, i ? ", " : ", PRIMARY KEY (");
		pg_add_ident(t->pg, &sql, t->keys.name[i]);
	}
	str_addz(&sql, t->keys.n ? "))" : ")");
	pg_exec(t->pg, str_z(&sql));
	str_free(&sql);
	t->exists = t->created = true;
	read_columns(t);
}

/* A table made in this run grows with the input: NDJSON may name a column late. */
static void add_column(struct table *t, struct sl name)
{
	struct str sql = { 0 };

	str_addf(&sql, "ALTER TABLE %s ADD COLUMN ", str_z(&t->ident));
	pg_add_ident(t->pg, &sql, name);
	str_addf(&sql, " %s", type_of(t, name));
	pg_exec(t->pg, str_z(&sql));
	str_free(&sql);
	(void)names_add(&t->columns, name, NULL);
}

static NORETURN void unknown_columns(struct table *t)
{
	struct str list = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < t->cols->n; i++)
		if (names_find(&t->columns, t->cols->name[i]) == NAMES_NONE && n++ < 5)
			str_addf(&list, "%s%s", list.n ? ", " : "", msg_q(t->cols->name[i]));
	die_hint(EX_DATA, "--ignore-unknown leaves them out; names are compared with their case",
		"%s has no column %s%s", str_z(&t->ident), str_z(&list), n > 5 ? ", …" : "");
}

void table_cols(struct table *t, const struct names *cols)
{
	t->cols = cols;
	if (!t->exists && cols->n > 0)
		create_table(t);
	mem_grow(&t->wanted, &t->wanted_cap, cols->n, sizeof *t->wanted);
	for (; t->n_cols < cols->n; t->n_cols++) {
		struct sl name = cols->name[t->n_cols];

		if (t->created && names_find(&t->columns, name) == NAMES_NONE)
			add_column(t, name);
		t->wanted[t->n_cols] = names_find(&t->columns, name) != NAMES_NONE;
		t->n_wanted += t->wanted[t->n_cols];
		if (!t->wanted[t->n_cols] && !t->conf.ignore_unknown)
			unknown_columns(t);
	}
	if (t->n_wanted == 0 && cols->n > 0)
		die(EX_DATA, "%s has none of the input's columns", str_z(&t->ident));
}

/* ---- sending -------------------------------------------------------------------------------- */

static bool copy_rows(struct table *t, bool staged, size_t lo, size_t hi)
{
	struct shape *s = t->sending;
	struct str sql = { 0 };
	bool ok;

	str_addz(&sql, "COPY ");
	if (staged)
		stage_add_name(&sql, &t->stage);
	else
		str_add(&sql, str_sl(&t->ident));
	for (size_t i = 0; i < s->n; i++) {
		str_addz(&sql, i ? ", " : " (");
		pg_add_ident(t->pg, &sql, t->cols->name[s->col[i]]);
	}
	str_addz(&sql, ") FROM STDIN");
	ok = copybuf_send(&s->buf, t->pg, str_z(&sql), lo, hi);
	str_free(&sql);
	return ok;
}

static bool merge_rows(struct table *t)
{
	struct shape *s = t->sending;
	struct sl *cols = mem_alloc(mem_mul(s->n, sizeof *cols));
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < s->n; i++)
		if (names_find(&t->keys, t->cols->name[s->col[i]]) == NAMES_NONE)
			cols[n++] = t->cols->name[s->col[i]];
	ok = stage_merge(t->pg, &t->stage, str_z(&t->ident), MERGE_REPLACE, t->keys.name, t->keys.n,
		cols, n);
	mem_free(cols);
	return ok;
}

/* One try, within a savepoint. */
static bool try_rows(struct table *t, bool staged, size_t lo, size_t hi)
{
	bool ok;

	if (staged)
		stage_prepare(t->pg, &t->stage, str_z(&t->ident), t->columns.n);
	pg_exec(t->pg, "SAVEPOINT ferry_rows");
	ok = copy_rows(t, staged, lo, hi) && (!staged || merge_rows(t));
	pg_exec(t->pg, ok ? "RELEASE SAVEPOINT ferry_rows"
			  : "ROLLBACK TO SAVEPOINT ferry_rows; RELEASE SAVEPOINT ferry_rows");
	return ok;
}

static bool load(void *ctx, size_t lo, size_t hi)
{
	struct table *t = ctx;
	struct str what = { 0 };

	if (!t->staged && try_rows(t, false, lo, hi))
		return true;
	if (!t->staged && t->keys.n > 0 && strcmp(pg_sqlstate(t->pg), "23505") == 0)
		t->staged = true;
	if (t->staged && try_rows(t, true, lo, hi))
		return true;
	if (copybuf_is_row_fault(pg_sqlstate(t->pg)))
		return false;
	str_addf(&what, "cannot load %s", str_z(&t->ident));
	pg_die(t->pg, str_z(&what));
}

/* The server's reason, without the value at its end, which is reported by itself. */
static char *reason(struct table *t, const struct str *value)
{
	char *why = mem_strdup(pg_error(t->pg));
	struct str tail = { 0 };
	size_t n = strlen(why);

	str_addf(&tail, ": \"%s\"", str_z(value));
	if (n > tail.n && strcmp(why + n - tail.n, tail.p) == 0)
		why[n - tail.n] = '\0';
	str_free(&tail);
	return why;
}

static void refuse_row(void *ctx, size_t row)
{
	struct table *t = ctx;
	struct shape *s = t->sending;
	struct fault f = { .record = s->buf.row[row].record, .line = s->buf.row[row].line };
	struct str column = { 0 }, value = { 0 };
	struct sl raw = { "", 0 };
	uint64_t line;
	char *why;

	(void)copybuf_stopped_at(pg_context(t->pg), &line, &column);
	for (size_t i = 0; i < s->n; i++)
		if (sl_eq(t->cols->name[s->col[i]], str_sl(&column)))
			(void)copybuf_field(&s->buf, row, i, &value);
	why = reason(t, &value);
	f.field = str_sl(&column);
	f.value = str_sl(&value);
	f.why = why;
	if (t->conf.keep_raw)
		raw = (struct sl){ s->raw.p + s->raw_at[row],
			(row + 1 < s->buf.n ? s->raw_at[row + 1] : s->raw.n) - s->raw_at[row] };
	t->conf.bad(t->conf.ctx, &f, raw);
	mem_free(why);
	str_free(&column);
	str_free(&value);
}

static void send_shape(struct table *t, struct shape *s)
{
	t->sending = s;
	if (s->buf.n_superseded > 0 && load(t, 0, s->buf.n))
		return;
	/* a replaced row counts after all when the one that replaced it is refused */
	s->buf.send_all = true;
	copybuf_load(t->pg, 0, s->buf.n, load, refuse_row, t);
}

/* Sends the buffers and empties them. */
static void send_all(struct table *t)
{
	for (size_t i = 0; i < t->shapes.n; i++) {
		struct shape *s = &t->shape[i];

		send_shape(t, s);
		copybuf_clear(&s->buf);
		str_clear(&s->raw);
	}
	names_clear(&t->seen);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool is_written(const struct table *t, const struct rec *rec, size_t i)
{
	return t->wanted[i] && rec->f[i].kind != F_ABSENT;
}

/* The buffer for a record: that of records with the same fields. */
static struct shape *find_shape(struct table *t, const struct rec *rec)
{
	struct shape *s;
	bool added;
	size_t i;
	char *bits;

	str_clear(&t->scratch);
	bits = str_room(&t->scratch, rec->n);
	for (i = 0; i < rec->n; i++)
		bits[i] = is_written(t, rec, i) ? '1' : '0';
	i = rec->n;
	while (i > 0 && bits[i - 1] == '0')
		i--; /* columns met later are absent here */
	i = names_add(&t->shapes, (struct sl){ bits, i }, &added);
	if (!added)
		return &t->shape[i];
	mem_grow(&t->shape, &t->shapes_cap, i + 1, sizeof *t->shape);
	s = &t->shape[i];
	*s = (struct shape){ .col = mem_alloc(mem_mul(rec->n, sizeof *s->col)) };
	for (uint32_t c = 0; c < rec->n; c++)
		if (is_written(t, rec, c))
			s->col[s->n++] = c;
	return s;
}

/* The number of the record's key among those of the buffered rows; *added when it is new. */
static size_t number_of_key(struct table *t, const struct rec *rec, bool *added)
{
	str_clear(&t->scratch);
	for (size_t i = 0; i < t->keys.n; i++) {
		size_t c = names_find(t->cols, t->keys.name[i]);
		uint32_t n = c < rec->n ? rec->f[c].n : 0;

		if (c == NAMES_NONE)
			die(EX_DATA, "the input has no column %s, a key", msg_q(t->keys.name[i]));
		str_add(&t->scratch, (struct sl){ (const char *)&n, sizeof n });
		if (n > 0)
			str_add(&t->scratch, field_sl(&rec->f[c]));
	}
	return names_add(&t->seen, str_sl(&t->scratch), added);
}

/*
 * Two rows of one key cannot be merged at once. One with the same fields replaces the one before;
 * with other fields both count, and the one before goes first.
 */
static void part_from_same_key(struct table *t, const struct rec *rec, const struct shape *s)
{
	uint32_t shape = (uint32_t)(s - t->shape);
	bool added;
	size_t i = number_of_key(t, rec, &added);

	if (!added && t->place[i].shape != shape) {
		send_all(t);
		i = number_of_key(t, rec, &added);
	}
	if (!added)
		copybuf_supersede(&t->shape[shape].buf, t->place[i].row);
	mem_grow(&t->place, &t->places_cap, i + 1, sizeof *t->place);
	t->place[i] = (struct place){ .shape = shape, .row = (uint32_t)s->buf.n };
}

static void put_row(struct table *t, struct shape *s, const struct rec *rec)
{
	char *p;

	copybuf_begin_row(&s->buf, rec->record, rec->line);
	p = str_room(&s->buf.text, 2 * rec->raw.n + 3 * s->n + 1);
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &rec->f[s->col[i]];

		if (i > 0)
			*p++ = '\t';
		if (f->kind == F_NULL) {
			*p++ = '\\';
			*p++ = 'N';
		} else {
			p = copybuf_escape(p, field_sl(f));
		}
	}
	s->buf.text.n = (size_t)(p - s->buf.text.p);
	copybuf_end_row(&s->buf);
	if (t->conf.keep_raw) {
		mem_grow(&s->raw_at, &s->raw_cap, s->buf.n, sizeof *s->raw_at);
		s->raw_at[s->buf.n - 1] = s->raw.n;
		str_add(&s->raw, rec->raw);
	}
}

void table_row(struct table *t, const struct rec *rec)
{
	struct shape *s = find_shape(t, rec);

	if (s->n == 0) {
		t->conf.bad(t->conf.ctx,
			&(struct fault){ .record = rec->record,
				.line = rec->line,
				.field = SL(""),
				.value = SL(""),
				.why = "no field of the table" },
			rec->raw);
		return;
	}
	if (t->keys.n > 0)
		part_from_same_key(t, rec, s);
	put_row(t, s, rec);
	if (s->buf.text.n >= t->conf.buffer || s->buf.n >= ROWS_MAX || t->shapes.n > SHAPES_MAX)
		table_flush(t);
}

void table_flush(struct table *t)
{
	send_all(t);
	if (t->shapes.n <= SHAPES_MAX)
		return;
	for (size_t i = 0; i < t->shapes.n; i++)
		shape_free(&t->shape[i]);
	names_clear(&t->shapes);
}
