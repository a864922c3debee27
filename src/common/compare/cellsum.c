#include "compare/cellsum_internal.h"

#include "compare/cellsum.sql.h"
#include "narrow/narrow_row.h"

/* ---- hashes ---------------------------------------------------------------------------------- */

void cellsum_add_hash(struct str *s, enum cellsum_hash hash, const char *text, const char *seed)
{
	if (hash == CELLSUM_FAST)
		str_addf(s, "hashtextextended(%s, %s)", text, seed);
	else
		str_addf(s,
			"('x' || substr(md5((%s)::text || ':' || (%s)), 1, 16))::bit(64)::bigint",
			seed, text);
}

void cellsum_add_time_hash(struct str *s, enum cellsum_hash hash, const char *timestamp)
{
	if (hash == CELLSUM_FAST) {
		str_addf(s, "timestamp_hash_extended(%s, 0)", timestamp);
	} else {
		AUTO_STR text = { 0 };

		str_addf(&text, "(%s)::text", timestamp);
		cellsum_add_hash(s, hash, str_z(&text), "0");
	}
}

void cellsum_add_bound(struct str *s, int64_t instant, bool zone)
{
	char text[CLOCK_TEXT_MAX];
	size_t n = instant == CELLSUM_ALWAYS ? 0 : clock_put(text, instant, zone);

	str_addf(s, "'%.*s'::%s", (int)(n ? n : 10), n ? text : "0001-01-01",
		zone ? "timestamptz" : "timestamp");
}

uint64_t cellsum_mod64(struct sl numeric)
{
	bool negative = numeric.p && numeric.n > 0 && numeric.p[0] == '-';
	uint64_t v = 0;

	for (size_t i = negative; numeric.p && i < numeric.n; i++)
		v = v * 10 + (uint64_t)(numeric.p[i] - '0');
	return negative ? -v : v;
}

bool cellsum_same(const struct cellsum *narrow, const struct cellsum *wide)
{
	return narrow->cells == wide->cells && narrow->cell_sum == wide->cell_sum &&
	       narrow->instants == wide->instants && narrow->instant_sum == wide->instant_sum &&
	       wide->orphans == 0;
}

void cellsum_add(struct cellsum *to, const struct cellsum *s)
{
	to->rows += s->rows;
	to->bad += s->bad;
	to->values += s->values;
	to->cells += s->cells;
	to->instants += s->instants;
}

void cellsum_leave_out(struct cellsum *s, uint64_t n)
{
	n = n < s->cells ? n : s->cells; /* a source in use may have more of them by now */
	s->bad += n;
	s->values -= n;
	s->cells -= n;
}

enum cellsum_hash cellsum_choose(struct pg *source, struct pg *target)
{
	/* what is asked has texts that a source of another encoding may not know */
	const char *probe = pg_encoding(source) ? "SELECT ''" : probe_sql;
	AUTO_RESULT *a = pg_try_query(source, probe, 0, NULL);
	AUTO_RESULT *b = pg_try_query(target, probe_sql, 0, NULL);
	bool same = a && b && sl_eq(pg_value(a, 0, 0), pg_value(b, 0, 0));

	return same ? CELLSUM_FAST : CELLSUM_PORTABLE;
}

/* ---- the value of a narrow row --------------------------------------------------------------- */

static bool has(const struct cellsum_source *s, enum narrow_role role)
{
	return s->n->col[role].name.n > 0;
}

/* Is it of type character(n)? A cast to text would strip its blanks. */
static bool is_padded(struct cellsum_source *s, enum narrow_role role)
{
	return pg_knows(s->pg,
		"SELECT atttypid = 'bpchar'::regtype FROM pg_attribute"
		" WHERE attrelid = $1::regclass AND attname = $2",
		s->n->ident, s->n->col[role].computed ? NULL : s->n->col[role].name.p);
}

static void add_text_of(struct cellsum_source *s, struct str *sql, enum narrow_role role)
{
	const char *ident = s->n->col[role].ident;

	if (is_padded(s, role))
		str_addf(sql, "CASE WHEN %s IS NOT NULL THEN concat(%s) END", ident, ident);
	else
		str_addf(sql, "%s::text", ident);
}

/* `num_nonnulls(double_v, …)`: how many value columns are filled. */
static void add_filled(struct cellsum_source *s, struct str *sql)
{
	const char *before = "num_nonnulls(";

	for (int role = NARROW_DOUBLE; role <= NARROW_VALUE; role++) {
		if (!has(s, (enum narrow_role)role))
			continue;
		str_addf(sql, "%s%s", before, s->n->col[role].ident);
		before = ", ";
	}
	str_addc(sql, ')');
}

/* `CASE format WHEN 'Decimal' THEN … END`, of the value's text or of its presence. */
static void add_by_format(struct cellsum_source *s, struct str *sql, bool text)
{
	str_addf(sql, "CASE %s", s->n->col[NARROW_FORMAT].expr);
	for (int f = 0; f < NARROW_FORMATS; f++) {
		enum narrow_role role = NARROW_DOUBLE + (enum narrow_role)f;

		if (!has(s, role))
			continue;
		str_addf(sql, " WHEN '%s' THEN ", narrow_format_names[f].p);
		if (text)
			add_text_of(s, sql, role);
		else
			str_addf(sql, "%s IS NOT NULL", s->n->col[role].ident);
	}
	str_addz(sql, text ? " END" : " ELSE false END");
}

static void add_value(struct cellsum_source *s, struct str *sql)
{
	const char *before = "coalesce(";

	if (has(s, NARROW_FORMAT)) {
		add_by_format(s, sql, true);
		return;
	}
	str_addz(sql, "CASE WHEN ");
	add_filled(s, sql);
	str_addz(sql, " = 1 THEN ");
	for (int role = NARROW_DOUBLE; role <= NARROW_VALUE; role++) {
		if (!has(s, (enum narrow_role)role))
			continue;
		str_addz(sql, before);
		add_text_of(s, sql, (enum narrow_role)role);
		before = ", ";
	}
	str_addz(sql, ") END");
}

static void add_present(struct cellsum_source *s, struct str *sql)
{
	if (has(s, NARROW_FORMAT)) {
		add_by_format(s, sql, false);
	} else {
		add_filled(s, sql);
		str_addz(sql, " = 1");
	}
}

static void add_bad(struct cellsum_source *s, struct str *sql)
{
	const char *format = s->n->col[NARROW_FORMAT].expr;

	if (!has(s, NARROW_FORMAT)) {
		add_filled(s, sql);
		str_addz(sql, " > 1");
		return;
	}
	/* most rows have a value: this is asked first */
	str_addf(sql, "NOT (%s) AND (%s IS NULL OR %s NOT IN (", s->present, format, format);
	for (int f = 0; f < NARROW_FORMATS; f++)
		str_addf(sql, "%s'%s'", f ? ", " : "", narrow_format_names[f].p);
	str_addz(sql, ") OR ");
	add_filled(s, sql);
	str_addz(sql, " > 0)");
}

/* ` AND (text NOT IN (…)) IS NOT FALSE`, of what is known to be no text; a server hashes it. */
static void add_text(const struct cellsum_source *s, struct str *sql, const char *text)
{
	if (s->no_text.n == 0)
		return;
	str_addf(sql,
		" AND (%s::text NOT IN (SELECT convert_from(b, getdatabaseencoding())"
		" FROM unnest('{",
		text);
	for (size_t i = 0; i < s->no_text.n; i++) {
		str_addz(sql, i ? ",\"\\" : "\"\\");
		narrow_add_hex(sql, s->no_text.name[i]);
		str_addc(sql, '"');
	}
	str_addz(sql, "}'::bytea[]) AS b)) IS NOT FALSE");
}

static void add_channel(struct cellsum_source *s, struct str *sql)
{
	str_addz(sql, s->n->col[NARROW_CHANNEL].expr);
}

/* Appends whether the channel is a name, and a text not too long: other rows are rejects. */
static void add_fits(struct cellsum_source *s, struct str *sql)
{
	static const enum narrow_role texts[] = { NARROW_STRING, NARROW_VALUE };

	str_addf(sql, "octet_length(%s) BETWEEN 1 AND %d", s->n->col[NARROW_CHANNEL].expr,
		NARROW_NAME_MAX);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct narrow_column *c = &s->n->col[texts[i]];

		if (c->name.n == 0 || c->wire != NARROW_W_TEXT)
			continue;
		str_addf(sql, " AND (octet_length(%s) <= %zu) IS NOT FALSE", c->expr,
			NARROW_VALUE_MAX);
		add_text(s, sql, c->expr);
	}
	add_text(s, sql, s->n->col[NARROW_CHANNEL].expr);
}

/* Keeps what `make` appends, for rows that fit; others are always bad. */
static const char *keep(struct cellsum_source *s,
	void (*make)(struct cellsum_source *, struct str *), const char *otherwise)
{
	AUTO_STR sql = { 0 };

	str_addz(&sql, "CASE WHEN ");
	add_fits(s, &sql);
	str_addz(&sql, " THEN ");
	make(s, &sql);
	str_addf(&sql, " ELSE %s END", otherwise);
	str_addc(&sql, '\0');
	return arena_dup(&s->arena, str_sl(&sql)).p;
}

static void make_all(struct cellsum_source *s)
{
	s->value = keep(s, add_value, "NULL");
	s->present = keep(s, add_present, "false");
	s->bad = keep(s, add_bad, "true");
	s->channel = s->n->encoding ? keep(s, add_channel, "NULL")
				    : s->n->col[NARROW_CHANNEL].expr;
}

void cellsum_source_open(
	struct cellsum_source *s, struct pg *pg, const struct narrow *n, enum cellsum_hash hash)
{
	*s = (struct cellsum_source){ .pg = pg, .n = n, .hash = hash };
	if (pg_server_version(pg) < 120000)
		die(EX_CONFIGURATION, "source: validation needs PostgreSQL 12 or newer");
	make_all(s);
}

/* Was the row left out because of a text that is none, and was that not known? */
static bool gather(struct cellsum_source *s, const struct narrow_reader *reader,
	const struct narrow_row *row)
{
	bool added = false;

	if (row->why && row->bad != NARROW_SHIP && !narrow_text_is_good(reader, row->bad))
		(void)names_add(&s->no_text, reader->raw[row->bad], &added);
	return added;
}

bool cellsum_source_learn(struct cellsum_source *s, int64_t from, int64_t to,
	const struct sl *ships, size_t n_ships)
{
	struct narrow_part part = { .from = from == CELLSUM_ALWAYS ? NARROW_FIRST_INSTANT : from,
		.to = to, .ships = ships, .n_ships = n_ships };
	struct narrow_reader reader;
	struct narrow_row row;
	bool any = false;

	narrow_begin(s->n, s->pg);
	narrow_reader_copy(&reader, s->n, s->pg, &part);
	while (narrow_reader_next(&reader, s->pg, &row))
		any |= gather(s, &reader, &row);
	pg_exec(s->pg, "COMMIT");
	if (any)
		make_all(s);
	return any;
}

void cellsum_source_close(struct cellsum_source *s)
{
	names_free(&s->no_text);
	arena_free(&s->arena);
}
