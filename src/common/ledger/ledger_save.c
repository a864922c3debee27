#include "ledger/ledger_save.h"

#include "core/num.h"
#include "ledger/ledger_internal.h"
#include "ledger/ledger_save.sql.h"
#include "wide/registry.h"

#define OF_JOBS \
	"t.job_id IN (SELECT job_id FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2)"
#define OF_SHIPS "($3::text[] IS NULL OR t.ship = ANY ($3::text[]))"
/* a parameter that a statement does not use has no type */
#define NO_SHIPS "($3::text[] IS NULL OR true)"

/* In the order in which they can be filled again. Numbers that a sequence gives are left out. */
static const struct table {
	const char *name, *columns, *where;
} tables[] = {
	{ "job",
		"job_id, source, source_table, target_schema, target_prefix, types, chunk_us, "
		"since,"
		" cutoff, encoding, columns, created_at, updated_at",
		OF_JOBS " AND " NO_SHIPS },
	{ "channel",
		"target_schema, ship, channel, grp, table_name, column_name, type, format, about,"
		" first_seen, last_seen, samples, created_at",
		"t.target_schema = $1 AND " REGISTRY_OF_PREFIX " AND " OF_SHIPS },
	{ "chunk",
		"job_id, ship, chunk_from, chunk_to, state, attempt, failures, weight, rows, cells,"
		" digest, dropped, wide_rows, rejects, first_time, last_time, started_at,"
		" finished_at, checked_at, error",
		OF_JOBS " AND " OF_SHIPS },
	{ "reject", "job_id, ship, chunk_from, attempt, worker, record, why, at",
		OF_JOBS " AND " OF_SHIPS },
	{ "follower",
		"job_id, kind, slot, publication, consistent_point, attempt, upto, newest_commit,"
		" at, chunks, rows, cells, wide_rows, deleted, rejects",
		OF_JOBS " AND $3::text[] IS NULL" },
	{ "follow_ship",
		"job_id, ship, rows, cells, wide_rows, dropped, deleted, rejects, first_time,"
		" last_time, newest_commit, at",
		OF_JOBS " AND " OF_SHIPS },
	{ "doubt", "job_id, ship, time_from, time_to, why, at, instants",
		OF_JOBS " AND (t.ship IS NULL OR " OF_SHIPS ")" },
};

/* ---- out ------------------------------------------------------------------------------------ */

static uint64_t save_table(
	struct pg *target, const struct table *t, const char *const *params, struct out *out)
{
	AUTO_STR sql = { 0 }, line = { 0 };
	AUTO_RESULT *r = NULL;
	uint64_t n;

	str_addf(&sql,
		"SELECT to_jsonb(x) FROM (SELECT %s FROM ferry.%s AS t WHERE %s) AS x ORDER BY 1",
		t->columns, t->name, t->where);
	r = pg_query(target, str_z(&sql), 3, params);
	n = pg_rows(r);
	for (size_t i = 0; i < n; i++) {
		str_clear(&line);
		str_addf(&line, "{\"table\":\"%s\",\"row\":", t->name);
		str_add(&line, pg_value(r, i, 0));
		str_addz(&line, "}\n");
		out_put(out, str_sl(&line));
	}
	return n;
}

void ledger_save(struct pg *target, const char *schema, const char *prefix, const struct sl *ships,
	size_t n_ships, struct out *out)
{
	AUTO_STR list = { 0 }, end = { 0 };
	const char *params[] = { schema, prefix, ledger_array(&list, ships, n_ships) };
	uint64_t n = 0;

	pg_exec(target, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		n += save_table(target, &tables[i], params, out);
	pg_exec(target, "COMMIT");
	str_addf(&end, "{\"end\":%llu}\n", (unsigned long long)n);
	out_put(out, str_sl(&end));
}

/* ---- and back ------------------------------------------------------------------------------- */

#define AT_ONCE 1000 /* rows of one statement */

struct load {
	struct pg *target;
	const struct table *table; /* of the rows at hand */
	struct str rows;
	size_t n;
	uint64_t all;
};

/* A number is the same job's where that was made at the same moment; elsewhere it is another's. */
static void check_numbers(struct load *l)
{
	AUTO_RESULT *r = pg_ask(l->target,
		"SELECT job_id FROM jsonb_populate_recordset(NULL::ferry.job, $1::jsonb) AS b"
		" WHERE (job_id, created_at) NOT IN (SELECT job_id, created_at FROM ferry.job)",
		str_z(&l->rows));

	if (pg_rows(r) > 0)
		die_hint(EX_CONFIGURATION, "roll that one back first, or restore elsewhere",
			"job %s of the backup: its number or its tables are another job's here",
			pg_valuez(r, 0, 0));
}

static void flush(struct load *l)
{
	AUTO_STR sql = { 0 };

	if (l->n == 0)
		return;
	str_addc(&l->rows, ']');
	str_addf(&sql,
		"INSERT INTO ferry.%s (%s) SELECT %s FROM"
		" jsonb_populate_recordset(NULL::ferry.%s, $1::jsonb) ON CONFLICT DO NOTHING",
		l->table->name, l->table->columns, l->table->columns, l->table->name);
	pg_run(l->target, str_z(&sql), str_z(&l->rows));
	if (l->table == &tables[0])
		check_numbers(l);
	str_clear(&l->rows);
	l->n = 0;
}

static const struct table *table_of(struct sl line, struct sl *row)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		char head[64];
		size_t n = (size_t)snprintf(
			head, sizeof head, "{\"table\":\"%s\",\"row\":", tables[i].name);

		if (line.n > n + 1 && memcmp(line.p, head, n) == 0) {
			*row = (struct sl){ line.p + n, line.n - n - 1 };
			return &tables[i];
		}
	}
	return NULL;
}

/* The line that ends it says how many there were before. */
static bool is_end(const struct load *l, struct sl line)
{
	static const struct sl head = SL_INIT("{\"end\":");
	uint64_t n;

	return line.n > head.n + 1 && memcmp(line.p, head.p, head.n) == 0 &&
	       num_u64((struct sl){ line.p + head.n, line.n - head.n - 1 }, &n) && n == l->all;
}

static void take_line(struct load *l, struct sl line)
{
	const struct table *table;
	struct sl row;

	table = table_of(line, &row);
	if (!table)
		die(EX_DATA, "line %llu is not one of a saved ledger",
			(unsigned long long)l->all + 1);
	if (table != l->table || l->n == AT_ONCE)
		flush(l);
	l->table = table;
	str_addc(&l->rows, l->n++ ? ',' : '[');
	str_add(&l->rows, row);
	l->all++;
}

/* What was planned anew for the same tables would share them with what comes back. */
static void check_jobs(struct pg *target)
{
	AUTO_RESULT *r = pg_query(target, shared_sql, 0, NULL);

	if (pg_rows(r) > 0)
		die_hint(EX_CONFIGURATION, "roll that back first",
			"another job was planned for the same tables or ships since");
}

static void finish(struct load *l)
{
	flush(l);
	check_jobs(l->target);
	pg_exec(l->target,
		"UPDATE ferry.chunk SET state = 'pending'"
		" WHERE state = 'running' AND worker IS NULL;"
		"SELECT setval('ferry.job_job_id_seq', max(job_id)) FROM ferry.job;"
		/* made with the tables: from here on they are the ledger's */
		"DROP TABLE IF EXISTS ferry.restoring;"
		"COMMIT");
}

uint64_t ledger_load(struct pg *target)
{
	struct load l = { .target = target };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	bool whole = false;

	pg_exec(target, "BEGIN");
	while (!whole && (n = getline(&line, &cap, stdin)) > 0) {
		struct sl text = { line, (size_t)n - (line[n - 1] == '\n') };

		whole = line[n - 1] == '\n' && is_end(&l, text);
		if (!whole)
			take_line(&l, text);
	}
	if (!whole)
		die(EX_STREAM, "the saved ledger was cut: nothing of it was taken");
	finish(&l);
	free(line);
	str_free(&l.rows);
	return l.all;
}
