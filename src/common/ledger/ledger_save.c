#include "ledger/ledger_save.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_save.sql.h"

/* In the order in which they can be filled again. */
static const struct table {
	const char *name, *save, *load;
} tables[] = {
	{ "job", save_job_sql, load_job_sql },
	{ "channel", save_channel_sql, load_channel_sql },
	{ "chunk", save_chunk_sql, load_chunk_sql },
	{ "reject", save_reject_sql, load_reject_sql },
	{ "follower", save_follower_sql, load_follower_sql },
	{ "follow_ship", save_follow_ship_sql, load_follow_ship_sql },
	{ "doubt", save_doubt_sql, load_doubt_sql },
};

/* ---- out ------------------------------------------------------------------------------------ */

static uint64_t save_table(
	struct pg *target, const struct table *t, const char *const *params, struct out *out)
{
	AUTO_STR line = { 0 };
	AUTO_RESULT *r = pg_query(target, t->save, 4, params);
	uint64_t n = pg_rows(r);

	for (size_t i = 0; i < n; i++) {
		str_clear(&line);
		str_addf(&line, "{\"table\":\"%s\",\"row\":", t->name);
		str_add(&line, pg_value(r, i, 0));
		str_addz(&line, "}\n");
		out_put(out, str_sl(&line));
	}
	return n;
}

void ledger_save(struct pg *target, const char *schema, const char *prefix, const char *table,
	const struct sl *ships, size_t n_ships, struct out *out)
{
	AUTO_STR list = { 0 }, end = { 0 };
	const char *params[] = { schema, prefix, table, ledger_array(&list, ships, n_ships) };
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
	AUTO_RESULT *r = pg_ask(l->target, other_job_sql, str_z(&l->rows));

	if (pg_rows(r) > 0)
		die_hint(EX_CONFIGURATION, "roll that one back first, or restore elsewhere",
			"job %s of the backup: its number or its tables are another job's here",
			pg_valuez(r, 0, 0));
}

static void flush(struct load *l)
{
	if (l->n == 0)
		return;
	str_addc(&l->rows, ']');
	pg_run(l->target, l->table->load, str_z(&l->rows));
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

static void finish(struct load *l)
{
	flush(l);
	/* what was planned anew for the same tables would share them with what comes back */
	if (pg_is_yes(pg_query(l->target, shared_sql, 0, NULL)))
		die_hint(EX_CONFIGURATION, "roll that back first",
			"another job was planned for the same tables or ships since");
	pg_exec(l->target, restored_sql);
}

/* Whoever rolls back, and drops them, waits for us; or was first. */
static void hold_tables(struct pg *target, const char *restoring)
{
	if (pg_knows(target, "SELECT to_regclass('ferry.restoring') IS NOT NULL AND $1 <> ''",
		    restoring)) {
		pg_exec(target, "LOCK TABLE ferry.restoring IN SHARE ROW EXCLUSIVE MODE");
		if (pg_knows(target, "SELECT true FROM ferry.restoring WHERE digest = $1",
			    restoring))
			return;
	}
	die(EX_TEMP, "the tables of the backup were rolled back meanwhile");
}

uint64_t ledger_load(struct pg *target, const char *restoring)
{
	struct load l = { .target = target };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	bool whole = false;

	pg_exec(target, "BEGIN");
	if (restoring)
		hold_tables(target, restoring);
	while (!whole && (n = getline(&line, &cap, stdin)) > 0) {
		struct sl text = { line, (size_t)n - (line[n - 1] == '\n') };

		whole = line[n - 1] == '\n' && is_end(&l, text);
		if (!whole)
			take_line(&l, text);
	}
	if (!whole)
		die(EX_STREAM, "the saved ledger was cut: nothing of it was taken");
	finish(&l);
	/* it was made with the others: from here on they are the ledger's */
	pg_exec(target, restoring ? "DROP TABLE ferry.restoring; COMMIT" : "COMMIT");
	free(line);
	str_free(&l.rows);
	return l.all;
}
