#include "offline.h"

#include "core/clock.h"
#include "core/hash.h"
#include "crypt.h"
#include "exchange.h"
#include "pack.h"
#include "pg/conn.h"
#include "s3_store.h"
#include "trino.h"

#include <ctype.h>
#include <strings.h>
#include <time.h>

#define SETTLE_AT 8192 /* waiting rows of a group that are written without being asked for */

struct waiting_row {
	char *values; /* cells of the features, as COPY has them, each with a tab behind it */
	size_t cells; /* how many: features may be added while it waits */
	bool deleted;
	int64_t called; /* api_invocation_time */
	int64_t event;  /* seconds */
};

static struct {
	struct pg *pg;
	int64_t delay;
	struct offline **v;
	size_t n, cap;
} store;

/* Rows of one settling that go into the same object. */
struct partition {
	int64_t latest;
	struct sl key;
	struct str content;
};

void offline_start(const char *conninfo)
{
	store.pg = pg_connect(conninfo, "sandbox");
	pg_set(store.pg, "client_min_messages", "warning");
	pg_exec(store.pg, "DROP SCHEMA IF EXISTS " OFFLINE_SCHEMA " CASCADE;"
			  "CREATE SCHEMA " OFFLINE_SCHEMA);
	pg_exec(store.pg, trino_functions);
}

void offline_set_delay(int64_t us)
{
	store.delay = us;
}

struct pg *offline_pg(void)
{
	return store.pg;
}

void offline_add(struct offline *o)
{
	char name[64];
	int n = snprintf(name, sizeof name, OFFLINE_SCHEMA ".t%zu", store.n);

	o->pg_table = arena_dup(&o->mem, (struct sl){ name, (size_t)n });
	mem_grow(&store.v, &store.cap, store.n + 1, sizeof(struct offline *));
	store.v[store.n++] = o;
}

void offline_add_column(struct offline *o, struct sl name, enum column_type type)
{
	char *lower = arena_alloc(&o->mem, name.n + 1);

	for (size_t i = 0; i < name.n; i++)
		lower[i] = (char)tolower((unsigned char)name.p[i]);
	mem_grow(&o->columns, &o->columns_cap, o->n_columns + 1, sizeof *o->columns);
	o->columns[o->n_columns++] =
		(struct offline_column){ .name = { lower, name.n }, .type = type };
}

/* The table with all columns there are by now, at once: a statement for each takes longer. */
static void make_table(struct offline *o)
{
	static const char *const types[] = { "bigint", "double precision", "text COLLATE \"C\"" };
	bool fresh = o->made == 0;
	char *name = mem_sldup(o->pg_table);
	struct str cells = { 0 };

	for (; o->made < o->n_columns; o->made++) {
		struct place at = pack_place(o->made);

		if (at.element <= 1)
			str_addf(&cells, "%s%sc%zu %s", cells.n ? ", " : "",
				fresh ? "" : "ADD COLUMN ", at.cell,
				at.element ? "text[]" : types[o->columns[o->made].type]);
	}
	if (cells.n && fresh)
		pg_execf(store.pg,
			"CREATE UNLOGGED TABLE %s (write_time timestamp(3), api_invocation_time "
			"timestamp(3), is_deleted boolean, " OFFLINE_OBJECT_COLUMN " text, %s);"
			"CREATE INDEX ON %s (" OFFLINE_OBJECT_COLUMN ")",
			name, str_z(&cells), name);
	else if (cells.n)
		pg_execf(store.pg, "ALTER TABLE %s %s", name, str_z(&cells));
	str_free(&cells);
	mem_free(name);
}

/* A value in the text form of COPY. */
static void add_copy_value(struct str *s, struct sl v)
{
	if (!v.p) {
		str_addz(s, "\\N");
		return;
	}
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '\\')
			str_addz(s, "\\\\");
		else if (c == '\t')
			str_addz(s, "\\t");
		else if (c == '\n')
			str_addz(s, "\\n");
		else if (c == '\r')
			str_addz(s, "\\r");
		else
			str_addc(s, c);
	}
}

static void add_timestamp(struct str *s, int64_t unix_us)
{
	s->n += clock_put(str_room(s, CLOCK_TEXT_MAX), unix_us + CLOCK_UNIX_EPOCH, false);
	s->p[s->n] = '\0';
}

/* The cells of a record's features, each with a tab behind it. */
static void add_features(struct str *line, const struct sl *values, size_t n)
{
	struct str array = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (pack_place(i).element == 0) {
			add_copy_value(line, values[i]);
			str_addc(line, '\t');
			continue;
		}
		pack_add(&array, i, n, values[i]);
		if (pack_ends(i, n)) {
			add_copy_value(line, str_sl(&array));
			str_addc(line, '\t');
			str_clear(&array);
		}
	}
	str_free(&array);
}

static void settle(struct offline *o, int64_t now);

void offline_append(struct offline *o, const struct sl *values, struct event_time t, bool deleted)
{
	struct str line = { 0 };
	int64_t now = unix_now();

	add_features(&line, values, o->n_columns);
	mem_grow(&o->rows, &o->rows_cap, o->n_rows + 1, sizeof *o->rows);
	o->rows[o->n_rows++] = (struct waiting_row){ .values = line.p,
		.cells = pack_cells(o->n_columns),
		.called = now,
		.deleted = deleted,
		.event = t.seconds };
	if (o->n_rows % SETTLE_AT == 0)
		settle(o, now);
}

/* `year=2024/month=01/day=01/hour=00`, or what Iceberg has instead. */
static size_t put_partition(const struct offline *o, char *dst, size_t cap, int64_t event)
{
	time_t t = (time_t)event;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	if (o->iceberg)
		return (size_t)snprintf(dst, cap, "%.*s_trunc=%04d-%02d-%02d", (int)o->event_time.n,
			o->event_time.p, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	return (size_t)snprintf(dst, cap, "year=%04d/month=%02d/day=%02d/hour=%02d",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour);
}

static struct sl object_key(
	const struct offline *o, struct arena *mem, struct sl partition, int64_t latest)
{
	char id[17] = "", random[9] = "", stamp[24];
	time_t t = (time_t)latest;
	struct tm tm;
	struct str key = { 0 };
	struct sl kept;

	(void)gmtime_r(&t, &tm);
	(void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	crypt_random_name(id, 16);
	crypt_random_name(random, 8);
	str_addf(&key, "%.*s/%s%s%.*s/%s_%s.parquet", (int)o->prefix.n, o->prefix.p,
		o->iceberg ? random : "", o->iceberg ? "/" : "", (int)partition.n, partition.p,
		stamp, id);
	kept = arena_dup(mem, str_sl(&key));
	str_free(&key);
	return kept;
}

static size_t count_due(const struct offline *o, int64_t now)
{
	size_t n = 0;

	while (n < o->n_rows && o->rows[n].called + store.delay <= now)
		n++;
	return n;
}

/* The partition of each of the first `n` rows, and the latest event in each. */
static struct partition *divide(const struct offline *o, size_t n, struct names *names, size_t *of)
{
	struct partition *parts = NULL;
	size_t cap = 0;
	char name[256];

	for (size_t i = 0; i < n; i++) {
		int64_t event = o->rows[i].event;
		size_t len = put_partition(o, name, sizeof name, event);
		bool added;

		of[i] = names_add(names, (struct sl){ name, len }, &added);
		if (added) {
			mem_grow(&parts, &cap, of[i] + 1, sizeof *parts);
			parts[of[i]] = (struct partition){ .latest = event };
		}
		if (event > parts[of[i]].latest)
			parts[of[i]].latest = event;
	}
	return parts;
}

static void copy_rows(
	struct offline *o, size_t n, struct partition *parts, const size_t *of, int64_t now)
{
	struct str sql = { 0 }, line = { 0 };
	size_t cells = pack_cells(o->n_columns);
	uint64_t rows = 0;

	str_addf(&sql, "COPY %.*s (", (int)o->pg_table.n, o->pg_table.p);
	for (size_t i = 0; i < cells; i++)
		str_addf(&sql, "c%zu, ", i);
	str_addz(&sql, "api_invocation_time, is_deleted, write_time, " OFFLINE_OBJECT_COLUMN
		       ") FROM STDIN");
	if (!pg_copy_in(store.pg, str_z(&sql)))
		pg_die(store.pg, "offline store");
	for (size_t i = 0; i < n; i++) {
		struct waiting_row *w = &o->rows[i];
		struct partition *p = &parts[of[i]];

		str_clear(&line);
		str_addz(&line, w->values);
		for (size_t have = w->cells; have < cells; have++)
			str_addz(&line, "\\N\t");
		add_timestamp(&line, w->called / CLOCK_US_PER_SEC * CLOCK_US_PER_SEC);
		str_addz(&line, w->deleted ? "\tt\t" : "\tf\t");
		add_timestamp(&line, now / 1000 * 1000);
		str_add(&p->content, str_sl(&line));
		str_addc(&p->content, '\n');
		str_addf(&line, "\t%.*s\n", (int)p->key.n, p->key.p);
		pg_copy_put(store.pg, str_sl(&line));
		mem_free(w->values);
	}
	if (!pg_copy_end(store.pg, &rows))
		pg_die(store.pg, "offline store");
	o->settled += rows;
	str_free(&sql);
	str_free(&line);
}

static void settle(struct offline *o, int64_t now)
{
	size_t n = count_due(o, now);
	struct names names = { 0 };
	struct partition *parts;
	struct arena mem = { 0 };
	size_t *of;

	if (n == 0)
		return;
	make_table(o);
	of = mem_alloc(mem_mul(n, sizeof *of));
	parts = divide(o, n, &names, of);
	for (size_t i = 0; i < names.n; i++) {
		parts[i].key = object_key(o, &mem, names.name[i], parts[i].latest);
		str_addz(&parts[i].content, "PAR1\n");
	}
	copy_rows(o, n, parts, of, now);
	for (size_t i = 0; i < names.n; i++) {
		str_addz(&parts[i].content, "PAR1");
		s3_store_put(s3_bucket_get(o->bucket, o->account, o->region), parts[i].key,
			str_sl(&parts[i].content));
		str_free(&parts[i].content);
	}
	o->n_rows -= n;
	memmove(o->rows, o->rows + n, o->n_rows * sizeof *o->rows);
	mem_free(parts);
	mem_free(of);
	names_free(&names);
	arena_free(&mem);
}

void offline_settle(void)
{
	for (size_t i = 0; i < store.n; i++) {
		make_table(store.v[i]);
		settle(store.v[i], unix_now());
	}
}

static bool same_name(struct sl a, struct sl b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

struct offline *offline_find(
	struct sl account, struct sl region, struct sl database, struct sl table)
{
	for (size_t i = 0; i < store.n; i++) {
		struct offline *o = store.v[i];

		if (!o->dropped && o->table.n && same_name(o->table, table) &&
			same_name(o->database, database) && sl_eq(o->account, account) &&
			sl_eq(o->region, region))
			return o;
	}
	return NULL;
}

bool offline_has_database(struct sl account, struct sl region, struct sl database)
{
	for (size_t i = 0; i < store.n; i++)
		if (same_name(store.v[i]->database, database) &&
			sl_eq(store.v[i]->account, account) && sl_eq(store.v[i]->region, region))
			return true;
	return false;
}

static void delete_rows(const struct offline *o, struct sl key)
{
	char *object = mem_sldup(key);
	const char *param[] = { object };
	struct str sql = { 0 };

	str_addf(&sql, "DELETE FROM %.*s WHERE " OFFLINE_OBJECT_COLUMN " = $1", (int)o->pg_table.n,
		o->pg_table.p);
	pg_clear(pg_query(store.pg, str_z(&sql), 1, param));
	str_free(&sql);
	mem_free(object);
}

void offline_object_deleted(struct sl bucket, struct sl key)
{
	for (size_t i = 0; i < store.n; i++) {
		struct offline *o = store.v[i];

		if (!sl_eq(o->bucket, bucket) || key.n <= o->prefix.n ||
			memcmp(key.p, o->prefix.p, o->prefix.n) != 0 || key.p[o->prefix.n] != '/')
			continue;
		if (o->iceberg)
			o->missing = arena_dup(&o->mem, key);
		else if (o->made)
			delete_rows(o, key);
	}
}
