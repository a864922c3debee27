/*
 * wide_clear.c - cells that are to be NULL, and rows that have nothing left.
 *
 * COPY and the merge behind it cannot say "make it NULL": a NULL there leaves a cell alone. So the
 * cells of a lane's buffers wait beside them, and behind the rows one table on the server gets, for
 * each row and group, a bit per column; one UPDATE per group applies it.
 */
#include "wide/wide_internal.h"

#include "core/clock.h"

#define STAGE "pg_temp.ferry_clear"

static bool is_explicit(const struct rec *rec, uint32_t col)
{
	return col < rec->n && rec->f[col].kind == F_NULL;
}

bool wide_has_values(const struct wide *w, const struct rec *rec)
{
	for (size_t i = 0; i < rec->n; i++)
		if (!field_is_null(&rec->f[i]) && i != w->in_by && i != w->in_key)
			return true;
	return false;
}

/* ---- noting ---------------------------------------------------------------------------------- */

bool wide_look_for_nulls(struct wide *w, struct lane *l, const struct rec *rec)
{
	bool any = false, loose = !lane_is_ready(l);

	for (uint32_t i = 0; i < rec->n && !any; i++)
		any = is_explicit(rec, i);
	for (size_t i = 0; any && !loose && i < l->n_loose; i++)
		loose = is_explicit(rec, l->loose[i].col);
	/* somebody else may have made the column, and put there what is to go */
	if (any && loose && !l->own && !l->looked) {
		registry_read(w->r, l->ship);
		wide_sort_loose(w, l);
		l->looked = true;
	}
	return any;
}

/* A note: length of the key and number of cells, the key, the numbers of the rack's columns. */
void wide_note_nulls(struct wide *w, struct lane *l, const struct rec *rec, int64_t instant)
{
	char text[CLOCK_TEXT_MAX];
	struct sl key = { text, clock_put(text, instant, l->ship->zoned) };

	for (size_t i = 0; i < l->n_racks; i++) {
		struct rack *k = &l->rack[i];
		size_t at = k->clears.n;
		uint32_t head[2] = { (uint32_t)key.n, 0 };

		str_add(&k->clears, (struct sl){ (const char *)head, sizeof head });
		str_add(&k->clears, key);
		for (uint32_t c = 0; c < k->n; c++) {
			if (!is_explicit(rec, k->column[c].col))
				continue;
			str_add(&k->clears, (struct sl){ (const char *)&c, sizeof c });
			head[1]++;
		}
		if (head[1] == 0) {
			k->clears.n = at;
			continue;
		}
		memcpy(k->clears.p + at, head, sizeof head);
		w->buffered += k->clears.n - at;
	}
}

/* ---- sending --------------------------------------------------------------------------------- */

static void prepare(struct wide *w)
{
	pg_exec(w->pg, w->has_clears ? "TRUNCATE " STAGE
				     : "CREATE TEMP TABLE ferry_clear (grp int, key text,"
				       " cells varbit) ON COMMIT DELETE ROWS");
	w->has_clears = true;
	if (!pg_copy_in(w->pg, "COPY " STAGE " FROM STDIN"))
		pg_die(w->pg, "cannot clear cells");
}

/* The notes of a rack as lines of COPY; marks the columns that occur. */
static void put_notes(struct wide *w, const struct rack *k, size_t group, bool *occurs)
{
	const char *p = k->clears.p, *end = p + k->clears.n;
	AUTO_STR lines = { 0 };

	while (p < end) {
		uint32_t head[2], c;
		char *bits;

		memcpy(head, p, sizeof head);
		p += sizeof head;
		str_addf(&lines, "%zu\t%.*s\t", group, (int)head[0], p);
		p += head[0];
		bits = str_room(&lines, k->n + 1);
		memset(bits, '0', k->n);
		bits[k->n] = '\n';
		for (uint32_t i = 0; i < head[1]; i++, p += sizeof c) {
			memcpy(&c, p, sizeof c);
			bits[c] = '1';
			occurs[c] = true;
		}
		lines.n += k->n + 1;
		pg_copy_put(w->pg, str_sl(&lines));
		str_clear(&lines);
	}
}

/* ` WHERE t.key = n.key` in the type of the key, so that its index is used. */
static void add_match(struct wide *w, const struct lane *l, struct str *sql)
{
	str_addf(sql, " WHERE t.%s = n.key::%s", registry_key_ident(w->r),
		registry_key_type(l->ship));
}

/* Adds how many rows it changed; false when the server refused. */
static bool change(struct wide *w, struct str *sql, uint64_t *sum)
{
	AUTO_RESULT *r = pg_try_query(w->pg, str_z(sql), 0, NULL);

	*sum += r ? pg_affected(r) : 0;
	return r != NULL;
}

static bool clear_cells(struct wide *w, const struct lane *l, size_t group, const bool *occurs)
{
	const struct rack *k = &l->rack[group];
	AUTO_STR sql = { 0 }, names = { 0 }, before = { 0 }, after = { 0 };

	for (size_t i = 0; i < k->n; i++) {
		const char *comma = names.n ? ", " : "", *name;

		if (!occurs[i])
			continue;
		name = pg_ident(w->pg, l->ship->channel[k->column[i].channel].column);
		str_addf(&names, "%s%s", comma, name);
		str_addf(&before, "%st.%s", comma, name);
		str_addf(&after, "%sCASE get_bit(n.cells, %zu) WHEN 0 THEN t.%s END", comma, i,
			name);
	}
	str_addf(&sql, "UPDATE %s AS t SET (%s) = ROW(%s) FROM " STAGE " AS n",
		registry_table(w->r, l->ship, group), str_z(&names), str_z(&after));
	add_match(w, l, &sql);
	str_addf(&sql, " AND n.grp = %zu AND ROW(%s)::record *<> ROW(%s)::record", group,
		str_z(&before), str_z(&after));
	return change(w, &sql, &w->pending.updated);
}

/* Of rows that have no value in any column, also not in one that somebody else has just added. */
static void add_delete(struct wide *w, const struct lane *l, struct str *sql, size_t group)
{
	str_addf(sql, "DELETE FROM %s AS t USING (SELECT DISTINCT key FROM " STAGE ") AS n",
		registry_table(w->r, l->ship, group));
	add_match(w, l, sql);
	str_addf(sql,
		" AND NOT EXISTS (SELECT FROM jsonb_each(to_jsonb(t) - %s) AS e"
		" WHERE e.value <> 'null')",
		pg_literal(w->pg, registry_key(w->r)));
}

/* Rows of the other groups go first: the first group's row of an instant carries them. */
static bool remove_empty(struct wide *w, const struct lane *l)
{
	AUTO_STR sql = { 0 };
	bool ok = true;

	for (size_t g = l->ship->n_groups; ok && g-- > 0;) {
		if (!l->ship->group[g].made)
			continue;
		str_clear(&sql);
		add_delete(w, l, &sql, g);
		for (size_t other = 1; g == 0 && other < l->ship->n_groups; other++) {
			const char *key = registry_key_ident(w->r);

			if (l->ship->group[other].made)
				str_addf(&sql,
					" AND NOT EXISTS (SELECT FROM %s AS o WHERE o.%s = t.%s)",
					registry_table(w->r, l->ship, other), key, key);
		}
		ok = change(w, &sql, &w->pending.removed);
	}
	return ok;
}

/*
 * Whoever brings values of these instants needs the first group's rows, and before those of the
 * others: so what is found empty below, by statements that begin later, stays so.
 */
static bool lock_first(struct wide *w, const struct lane *l)
{
	const char *key = registry_key_ident(w->r);
	AUTO_STR sql = { 0 };

	if (!l->ship->group[0].made)
		return true;
	str_addf(&sql,
		"SELECT FROM %s AS t WHERE t.%s IN (SELECT key::%s FROM " STAGE ")"
		" ORDER BY t.%s FOR UPDATE",
		registry_table(w->r, l->ship, 0), key, registry_key_type(l->ship), key);
	return pg_try_exec(w->pg, str_z(&sql));
}

static void clear_lane(struct wide *w, struct lane *l)
{
	bool **occurs = mem_zalloc(mem_mul(l->n_racks, sizeof *occurs)), ok;

	wide_begin(w);
	if (!l->own)
		registry_read(w->r, l->ship);
	prepare(w);
	for (size_t i = 0; i < l->n_racks; i++) {
		occurs[i] = mem_zalloc(l->rack[i].n + 1);
		put_notes(w, &l->rack[i], i, occurs[i]);
	}
	if (!pg_copy_end(w->pg, NULL))
		pg_die(w->pg, "cannot clear cells");
	pg_exec(w->pg, "ANALYZE " STAGE);
	pg_exec(w->pg, "SAVEPOINT ferry_rows");
	ok = lock_first(w, l);
	for (size_t i = 0; i < l->n_racks; i++) {
		ok = ok && (l->rack[i].clears.n == 0 || clear_cells(w, l, i, occurs[i]));
		mem_free(occurs[i]);
	}
	mem_free(occurs);
	ok = ok && remove_empty(w, l);
	pg_exec(w->pg, ok ? "RELEASE SAVEPOINT ferry_rows" : "ROLLBACK TO SAVEPOINT ferry_rows");
	if (!ok && !wide_is_broken(w, l))
		pg_die(w->pg, "cannot clear cells");
	l->sent = true;
}

void wide_clear(struct wide *w, struct lane *l)
{
	size_t noted = 0;

	for (size_t i = 0; i < l->n_racks; i++)
		noted += l->rack[i].clears.n;
	if (noted == 0)
		return;
	w->merged = true;
	if (w->conf.how == MERGE_OVERLAY && !w->conf.dry_run && !l->broken)
		clear_lane(w, l);
	for (size_t i = 0; i < l->n_racks; i++)
		str_clear(&l->rack[i].clears);
	w->buffered -= noted;
}
