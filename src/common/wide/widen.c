#include "wide/widen.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/stop.h"
#include "pg/relation.h"
#include "wide/widen.sql.h"

#define LOCK_TRIES_FOR (INT64_C(600) * CLOCK_US_PER_SEC)
#define ASK_AFTER (INT64_C(2) * CLOCK_US_PER_SEC)
#define SAY_AFTER (INT64_C(5) * CLOCK_US_PER_SEC)
#define BACKOFF_BASE (INT64_C(50) * 1000)
#define BACKOFF_CAP (INT64_C(1) * CLOCK_US_PER_SEC)

/*
 * Rows are wide and nearly all their values short: the toaster, which by default tries to bring
 * every row below 2 kB, would only search in vain, or move strings out that fit (measured: 3.7
 * times slower). Columns stay EXTENDED: what does not fit a page is still moved out.
 */
#define STORAGE " WITH (toast_tuple_target = 8160)"

struct making {
	struct registry *r;
	struct ship *s;
	struct pg *pg;
	struct str sql; /* what is to be sent, together */
	bool many;      /* ships, each of which is tried by itself when this fails */
	bool blocked;   /* a lock was not to be had */
	bool has_view;
};

static const char *table_of(struct making *m, struct sl table)
{
	return pg_table(m->pg, sl_of(registry_opts(m->r)->schema), table);
}

static NORETURN void die_making(struct making *m)
{
	struct str what = { 0 };

	/* the name was free a moment ago; run again, and another will be taken */
	if (pg_state_is(pg_sqlstate(m->pg), "42P07 23505"))
		die(EX_BUSY, "cannot make the tables of ship %s, others were made just now: %s",
			msg_q(m->s->id), pg_error(m->pg));
	str_addf(&what, "cannot make the tables of ship %s", msg_q(m->s->id));
	pg_die(m->pg, str_z(&what));
}

/* Nothing is done once a lock was not to be had. */
static void send_steps(struct making *m)
{
	if (m->sql.n > 0 && !m->blocked && !pg_try_exec(m->pg, str_z(&m->sql))) {
		m->blocked = m->many || pg_state_is(pg_sqlstate(m->pg), "55P03 40P01");
		if (!m->blocked)
			die_making(m);
	}
	str_clear(&m->sql);
}

/* ---- tables --------------------------------------------------------------------------------- */

static bool is_unmade(const struct making *m, size_t channel, uint32_t group)
{
	const struct channel *c = &m->s->channel[channel];

	return c->group == group && !c->made;
}

/* `column type`, each behind `before`; how many there were. */
static size_t add_columns(struct making *m, struct str *sql, uint32_t group, const char *before)
{
	size_t n = 0;

	for (size_t i = 0; i < m->s->channels.n; i++) {
		if (!is_unmade(m, i, group))
			continue;
		if (m->s->channel[i].stored)
			(void)names_add(&m->s->remade, m->s->channels.name[i], NULL);
		str_addf(sql, "%s%s%s %s", n++ ? ", " : "", before,
			pg_ident(m->pg, m->s->channel[i].column),
			column_type_sql(m->s->channel[i].type));
	}
	return n;
}

static void comment_columns(struct making *m, uint32_t group)
{
	const struct ship *s = m->s;
	AUTO_STR text = { 0 };

	for (size_t i = 0; i < s->channels.n; i++) {
		if (!is_unmade(m, i, group) || !registry_comment(s, i, &text))
			continue;
		str_addf(&m->sql, "COMMENT ON COLUMN %s.%s IS %s;",
			table_of(m, s->group[group - 1].table),
			pg_ident(m->pg, s->channel[i].column), pg_literal(m->pg, str_sl(&text)));
	}
}

static void create_table(struct making *m, uint32_t group)
{
	str_addf(&m->sql, "CREATE TABLE %s (%s %s, ", table_of(m, m->s->group[group - 1].table),
		registry_key_ident(m->r), registry_key_type(m->s));
	if (add_columns(m, &m->sql, group, "") > 0)
		str_addz(&m->sql, ", ");
	str_addf(&m->sql, "PRIMARY KEY (%s))" STORAGE ";", registry_key_ident(m->r));
}

static void add_to_table(struct making *m, uint32_t group)
{
	AUTO_STR columns = { 0 };

	if (add_columns(m, &columns, group, "ADD COLUMN ") > 0)
		str_addf(&m->sql, "ALTER TABLE %s %s;",
			table_of(m, m->s->group[group - 1].table), str_z(&columns));
}

/* ---- grants --------------------------------------------------------------------------------- */

/*
 * What may be done to the first group's table may be done to `relation`, so that readers go on
 * when a view takes its place. Owner and grants of single columns are copied too.
 */
static void copy_grants(struct making *m, struct sl from, struct sl relation, bool columns)
{
	AUTO_RESULT *res = NULL;

	send_steps(m);
	if (m->blocked)
		return;
	res = pg_ask(m->pg, rights_sql, registry_opts(m->r)->schema, from.p, table_of(m, relation),
		columns ? "t" : "f");
	for (size_t i = 0; i < pg_rows(res); i++)
		str_addf(&m->sql, "%s;", pg_valuez(res, i, 0));
}

/* ---- the view ------------------------------------------------------------------------------- */

/* Columns of a view in the order they must keep: as it has them, or the table before it. */
static void columns_so_far(struct making *m, struct names *cols)
{
	struct sl from = m->s->base_is == BASE_VIEW ? m->s->base : m->s->group[0].table;
	AUTO_RESULT *res = pg_ask(m->pg, columns_sql, registry_opts(m->r)->schema, from.p);

	(void)names_add(cols, registry_key(m->r), NULL);
	for (size_t i = 0; i < pg_rows(res); i++)
		(void)names_add(cols, pg_value(res, i, 0), NULL);
}

static void columns_of_all(struct making *m, struct names *cols)
{
	for (uint32_t g = 1; g <= m->s->n_groups; g++)
		for (size_t i = 0; i < m->s->channels.n; i++)
			if (m->s->channel[i].group == g)
				(void)names_add(cols, m->s->channel[i].column, NULL);
}

static void add_view_column(struct making *m, struct str *sql, struct sl name)
{
	size_t i = names_find(&m->s->columns, name);
	size_t channel = i == NAMES_NONE ? NAMES_NONE : m->s->owner[i];

	/* the key, and columns somebody else added to the first table, are found there */
	str_addf(sql, "g%u.%s", channel == NAMES_NONE ? 1 : m->s->channel[channel].group,
		pg_ident(m->pg, name));
}

static void replace_view(struct making *m, const struct names *cols)
{
	struct str *sql = &m->sql;

	str_addf(sql, "CREATE OR REPLACE VIEW %s AS SELECT ", table_of(m, m->s->base));
	for (size_t i = 0; i < cols->n; i++) {
		str_addz(sql, i ? ", " : "");
		add_view_column(m, sql, cols->name[i]);
	}
	str_addf(sql, " FROM %s AS g1", table_of(m, m->s->group[0].table));
	for (uint32_t g = 2; g <= m->s->n_groups; g++) {
		const char *key = registry_key_ident(m->r);

		if (m->s->group[g - 1].table.n > 0)
			str_addf(sql, " LEFT JOIN %s AS g%u ON g%u.%s = g1.%s",
				table_of(m, m->s->group[g - 1].table), g, g, key, key);
	}
	str_addc(sql, ';');
}

static void say_no_room(const struct making *m, size_t channels)
{
	const char *ship = msg_q(m->s->id), *first = msg_q(m->s->group[0].table);

	if (m->s->said_full)
		return;
	m->s->said_full = true;
	if (m->has_view)
		msg_warn("ship %s has %zu channels: the view %s keeps the columns it has, "
			 "further ones are only in the tables %s…",
			ship, channels, msg_q(m->s->base), first);
	else
		msg_warn("ship %s has %zu channels: no view can hold so many, "
			 "they are in the tables %s…",
			ship, channels, first);
}

static void make_view(struct making *m)
{
	AUTO_NAMES before = { 0 }, after = { 0 };
	bool had = m->s->base_is == BASE_VIEW, replaces_table = m->s->rename.n > 0, fits;

	columns_so_far(m, &before);
	columns_so_far(m, &after);
	columns_of_all(m, &after);
	fits = after.n <= REGISTRY_MAX_COLUMNS;
	/* a name that readers use stays, with the columns it had */
	m->has_view = had || replaces_table || fits;
	if (!fits)
		say_no_room(m, after.n - 1);
	if (fits ? !had || after.n > before.n : replaces_table)
		replace_view(m, fits ? &after : &before);
	if (m->has_view && !had)
		copy_grants(m, m->s->group[0].table, m->s->base, true);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void lock_what_is_there(struct making *m)
{
	if (m->s->base_is != BASE_NONE)
		str_addf(&m->sql, "LOCK TABLE %s;", table_of(m, m->s->base));
}

static void rename_first(struct making *m)
{
	struct group *g = &m->s->group[0];

	if (m->s->rename.n == 0 || !g->made)
		return;
	str_addf(&m->sql, "ALTER TABLE %s RENAME TO %s;", table_of(m, g->table),
		pg_ident(m->pg, m->s->rename));
	g->table = m->s->rename;
}

static void make_group(struct making *m, uint32_t number)
{
	struct group *g = &m->s->group[number - 1];

	if (g->table.n == 0)
		return; /* a --groups file none of whose channels has come */
	if (g->made) {
		add_to_table(m, number);
	} else {
		create_table(m, number);
		if (number > 1)
			copy_grants(m, m->s->group[0].table, g->table, false);
	}
	comment_columns(m, number);
}

static void mark_made(struct ship *s)
{
	for (size_t i = 0; i < s->n_groups; i++)
		s->group[i].made = s->group[i].table.n > 0;
	for (size_t i = 0; i < s->channels.n; i++)
		s->channel[i].made = s->channel[i].group != 0;
	s->unmade = 0;
}

static bool has_several(const struct ship *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_groups; i++)
		n += s->group[i].table.n > 0;
	return n > 1;
}

static void make_ship(struct making *m, struct ship *s)
{
	m->s = s;
	m->has_view = false;
	registry_name_tables(m->r, s);
	lock_what_is_there(m);
	rename_first(m);
	for (uint32_t g = 1; g <= s->n_groups; g++)
		make_group(m, g);
	if (has_several(s))
		send_steps(m);
	if (has_several(s) && !m->blocked)
		make_view(m);
	if (!has_several(s))
		s->base_is = BASE_TABLE;
	else if (m->has_view)
		s->base_is = BASE_VIEW;
}

bool widen_make(struct registry *r, struct ship *const *list, size_t n)
{
	struct making m = { .r = r, .pg = registry_pg(r), .many = n > 1 };

	for (size_t i = 0; i < n && !m.blocked; i++)
		make_ship(&m, list[i]);
	send_steps(&m);
	str_free(&m.sql);
	if (m.blocked)
		return false;
	registry_store(r, list, n);
	for (size_t i = 0; i < n; i++)
		mark_made(list[i]);
	return true;
}

/*
 * One try, in one transaction; false when a lock was not to be had, or for one of many ships.
 * Whoever has a ship's lock is making what we need, maybe with a whole chunk of rows: that is
 * waited for, and for `patience` (of lock_timeout) where others are not to wait, too.
 */
static bool try_ships(struct registry *r, const struct widen *of, size_t n, bool tables,
	const char *patience)
{
	struct pg *pg = registry_pg(r);
	AUTO_FREE struct ship **list = mem_alloc(mem_mul(n, sizeof *list));
	size_t n_unmade = 0;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		list[i] = of[i].ship;
	pg_execf(pg, "BEGIN; SET LOCAL lock_timeout = '%s'", patience);
	if (!registry_lock(r, list, n)) {
		pg_exec(pg, "ROLLBACK");
		return false;
	}
	pg_exec(pg, "SET LOCAL lock_timeout = '200ms'");
	registry_read_all(r, list, n);
	for (size_t i = 0; i < n; i++) {
		struct ship *s = of[i].ship;

		registry_want_fit(r, s);
		for (size_t k = 0; k < of[i].n; k++) {
			const struct widen_channel *c = &of[i].channel[k];
			size_t number = registry_assign(r, s, c->id, c->format);

			if (!s->channel[number].stored)
				s->channel[number].seen = c->seen;
		}
		if (!tables)
			registry_name_tables(r, s);
		if (!tables && s->group[0].made)
			s->rename = SL(""); /* when the second table is made */
		if (s->unmade > 0)
			list[n_unmade++] = s;
	}
	if (tables)
		ok = n_unmade == 0 || widen_make(r, list, n_unmade);
	else
		registry_store(r, list, n_unmade);
	pg_exec(pg, ok ? "COMMIT" : "ROLLBACK");
	return ok;
}

bool widen_holders(struct registry *r, const struct ship *s, const char *only, struct str *people,
	struct str *transactions)
{
	AUTO_RESULT *res = pg_ask(registry_pg(r), holders_sql, registry_opts(r)->schema, s->id.p,
		s->base.p, only);
	bool any = !pg_is_null(res, 0, 0);

	str_addz(people, any ? pg_valuez(res, 0, 0) : "nobody any more");
	if (any && transactions)
		str_addz(transactions, pg_valuez(res, 0, 1));
	return any;
}

bool widen_ship_unless(struct registry *r, const struct widen *of, bool tables,
	bool (*give_up)(void *ctx), void *ctx)
{
	int64_t began = clock_monotonic();
	bool said = false, asked = !give_up;
	struct ship *s = of->ship;

	for (unsigned tries = 0; !try_ships(r, of, 1, tables, asked ? "0" : "2s"); tries++) {
		int64_t waited = clock_monotonic() - began;
		AUTO_STR holders = { 0 };

		if (!asked && waited > ASK_AFTER) {
			asked = true;
			registry_read(r, s); /* what was assigned is not there */
			if (give_up(ctx))
				return false;
		}
		if (waited > LOCK_TRIES_FOR || (waited > SAY_AFTER && !said))
			(void)widen_holders(r, s, NULL, &holders, NULL);
		if (waited > LOCK_TRIES_FOR)
			die_hint(EX_BUSY, "end the transaction that holds them, then run again",
				"cannot widen the tables of ship %s: locked by server process %s",
				msg_q(s->id), str_z(&holders));
		if (holders.n > 0)
			msg_note("waiting to widen the tables of ship %s: "
				 "locked by server process %s",
				msg_q(s->id), str_z(&holders));
		said |= holders.n > 0;
		stop_check();
		clock_sleep(clock_backoff(tries, BACKOFF_BASE, BACKOFF_CAP));
	}
	return true;
}

#define AT_ONCE 100

static size_t tables_of(const struct registry *r, const struct widen *of)
{
	size_t n = of->n / registry_opts(r)->group_columns + 1;

	return of->ship->n_groups > n ? of->ship->n_groups : n;
}

void widen_ships(struct registry *r, const struct widen *of, size_t n, bool tables)
{
	size_t most = registry_tables_at_once(registry_pg(r));

	for (size_t i = 0, k; i < n; i += k) {
		size_t n_tables = tables_of(r, &of[i]);

		for (k = 1; i + k < n && k < AT_ONCE; k++)
			if ((n_tables += tables_of(r, &of[i + k])) > most)
				break;
		if (k > 1 && try_ships(r, &of[i], k, tables, "0"))
			continue;
		for (size_t j = i; j < i + k; j++)
			(void)!widen_ship_unless(r, &of[j], tables, NULL, NULL);
	}
}

void widen_views_of_others(
	struct registry *r, const struct ship *s, bool beside_names, struct str *list)
{
	AUTO_STR names = { 0 };
	AUTO_RESULT *res = NULL;

	str_addc(&names, '[');
	str_add_json(&names, s->base);
	for (size_t i = 0; i < s->n_groups; i++) {
		str_addc(&names, ',');
		str_add_json(&names, s->group[i].table);
	}
	str_addc(&names, ']');
	res = pg_ask(registry_pg(r), views_sql, registry_opts(r)->schema, str_z(&names),
		beside_names ? "t" : "f");
	for (size_t i = 0; i < pg_rows(res); i++)
		str_addf(list, "%s%s", list->n > 0 ? ", " : "", pg_valuez(res, i, 0));
}

void widen_drop(struct registry *r, struct ship *s, bool cascade)
{
	struct making m = { .r = r, .s = s, .pg = registry_pg(r) };
	const char *end = cascade ? " CASCADE;" : ";";
	AUTO_STR sql = { 0 }, why = { 0 };

	pg_exec(m.pg, "BEGIN");
	if (!registry_lock(r, &s, 1))
		pg_die(m.pg, "cannot drop the tables");
	registry_read(r, s);
	if (s->taken.n > 0 && !registry_fits(r, s, &why))
		msg_warn("%s", str_z(&why)); /* and stays */
	if (s->base_is == BASE_VIEW && !sl_eq(s->taken, s->base))
		str_addf(&sql, "DROP VIEW %s%s", table_of(&m, s->base), end);
	for (size_t i = 0; i < s->n_groups; i++)
		if (s->group[i].made)
			str_addf(&sql, "DROP TABLE %s%s", registry_table(r, s, i), end);
	pg_exec(m.pg, str_z(&sql));
	pg_exec(m.pg, "COMMIT");
	registry_read(r, s);
}
