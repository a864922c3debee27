#include "dual/sync.h"

#include "compare/celldiff.h"
#include "pg/copybuf.h"

#define CELLS "pg_temp.ferry_sync"
#define DIFFERENCES_MAX 1000 /* looked at by us: texts that differ, though types say the same */

struct sync {
	struct registry *r;
	struct pg *pg;
	const struct narrow *n;
	struct cellsum_source source; /* for the narrow table's value in SQL */
	struct copybuf buf;
	uint64_t limit;
	struct names ships;
	struct noted {
		const struct ship *ship;
		bool group[REGISTRY_MAX_COLUMNS]; /* has values of this one */
	} * noted;
	size_t noted_cap;
	bool made;
};

struct sync *sync_open(struct registry *r, const struct narrow *n, uint64_t limit)
{
	struct sync *s = mem_zalloc(sizeof *s);

	s->r = r;
	s->pg = registry_pg(r);
	s->n = n;
	s->limit = limit;
	cellsum_source_open(&s->source, s->pg, n, CELLSUM_FAST);
	return s;
}

void sync_close(struct sync *s)
{
	if (!s)
		return;
	cellsum_source_close(&s->source);
	copybuf_free(&s->buf);
	names_free(&s->ships);
	mem_free(s->noted);
	mem_free(s);
}

bool sync_reads_narrow(const struct sync *s)
{
	return s->n->by_time || s->n->by_channel;
}

static void put(struct str *s, struct sl text)
{
	char *p = str_room(s, 2 * text.n + 1);

	p = copybuf_escape(p, text);
	*p++ = '\t';
	s->n = (size_t)(p - s->p);
}

void sync_note(
	struct sync *s, const struct ship *ship, size_t channel, struct sl time, struct sl value)
{
	uint32_t group = ship->channel[channel].group;
	bool added;
	size_t i;

	if (s->buf.n >= s->limit)
		return;
	i = names_add(&s->ships, ship->id, &added);
	mem_grow(&s->noted, &s->noted_cap, i + 1, sizeof *s->noted);
	if (added)
		s->noted[i] = (struct noted){.ship = ship};
	s->noted[i].group[group - 1] = true;
	copybuf_begin_row(&s->buf, 0, 0);
	put(&s->buf.text, ship->id);
	put(&s->buf.text, ship->channels.name[channel]);
	put(&s->buf.text, time);
	put(&s->buf.text, value);
	str_addf(&s->buf.text, "%u\t%zu", group, channel);
	copybuf_end_row(&s->buf);
}

static void send_cells(struct sync *s)
{
	if (!s->made)
		pg_execf(s->pg,
			/* another collation than the narrow table's could not use its index */
			"CREATE TEMP TABLE ferry_sync (ship text, channel text, at %s,"
			" value text COLLATE \"C\", grp int, col int) ON COMMIT DELETE ROWS",
			s->n->zone ? "timestamptz" : "timestamp");
	s->made = true;
	if (!copybuf_send(&s->buf, s->pg, "COPY " CELLS " FROM STDIN", 0, s->buf.n, NULL))
		pg_die(s->pg, "cannot check what was written");
}

static NORETURN void differs(const char *table, const struct pg_result *r, size_t row)
{
	die_hint(EX_REFUSED, "does a trigger or rule change what is written?",
		"the %s table does not say what was written: ship %s, %s, channel %s: %s instead "
		"of "
		"%s; nothing of this chunk is kept",
		table, msg_q(pg_value(r, row, 0)), pg_valuez(r, row, 1), msg_q(pg_value(r, row, 2)),
		pg_is_null(r, row, 4) ? "nothing" : msg_q(pg_value(r, row, 4)),
		msg_q(pg_value(r, row, 3)));
}

/* Cells of a group whose column does not have the text that was sent. */
static void add_wide(struct sync *s, struct str *sql, const struct ship *ship, uint32_t group)
{
	str_addz(sql, "SELECT ship, at::text, channel, value, v, col FROM (SELECT s.*, CASE s.col");
	for (size_t i = 0; i < ship->channels.n; i++) {
		if (ship->channel[i].group != group || !ship->channel[i].made)
			continue;
		str_addf(sql, " WHEN %zu THEN w.%s::text", i,
			pg_ident(s->pg, ship->channel[i].column));
	}
	str_addf(sql,
		" END AS v FROM " CELLS " AS s LEFT JOIN %s AS w ON w.%s = s.at::%s"
		" WHERE s.grp = %u AND s.ship = %s) AS x"
		" WHERE v COLLATE \"C\" IS DISTINCT FROM value LIMIT %d",
		registry_table(s->r, ship, group - 1), registry_key_ident(s->r),
		registry_key_type(ship), group, pg_literal(s->pg, ship->id), DIFFERENCES_MAX);
}

static void check_wide(struct sync *s, const struct ship *ship, uint32_t group)
{
	AUTO_STR sql = {0};
	AUTO_RESULT *r = NULL;

	add_wide(s, &sql, ship, group);
	r = pg_query(s->pg, str_z(&sql), 0, NULL);
	for (size_t i = 0; i < pg_rows(r); i++) {
		size_t channel = registry_find(ship, pg_value(r, i, 2));
		bool fits;

		if (pg_is_null(r, i, 4) || channel == NAMES_NONE ||
			!celldiff_same(pg_value(r, i, 3), pg_value(r, i, 4),
				ship->channel[channel].type, &fits))
			differs("wide", r, i);
	}
}

/*
 * Cells of which the narrow table has no row with that value, found by its index on ship, channel
 * and time, one by one, which is the faster way however large it is; or by that on the time, at all
 * instants at once.
 */
static void add_narrow(const struct sync *s, struct str *sql)
{
	const struct narrow_column *c = s->n->col;

	str_addf(sql,
		"SELECT s.ship, s.at::text, s.channel, s.value, NULL FROM " CELLS
		" AS s LEFT JOIN%s (SELECT %s AS x_ship, %s AS x_channel, %s AS x_at, (%s)"
		" AS x_value FROM %s WHERE ",
		s->n->by_channel ? " LATERAL" : "", c[NARROW_SHIP].ident, c[NARROW_CHANNEL].ident,
		c[NARROW_TIME].ident, s->source.value, s->n->ident);
	if (s->n->by_channel)
		str_addf(sql, "%s = s.ship AND %s = s.channel AND %s = s.at OFFSET 0) AS x",
			c[NARROW_SHIP].ident, c[NARROW_CHANNEL].ident, c[NARROW_TIME].ident);
	else
		str_addf(sql, "%s = ANY (ARRAY(SELECT DISTINCT at FROM " CELLS "))) AS x",
			c[NARROW_TIME].ident);
	str_addz(sql, " ON x_ship = s.ship AND x_channel = s.channel AND x_at = s.at"
		      " AND x_value COLLATE \"C\" = s.value WHERE x_ship IS NULL LIMIT 1");
}

static void check_narrow(struct sync *s)
{
	AUTO_STR sql = {0};
	AUTO_RESULT *r = NULL;

	/* to the end of this transaction, of which this is the end: an index is to be used */
	pg_exec(s->pg, "SET LOCAL enable_seqscan = off; SET LOCAL jit = off");
	add_narrow(s, &sql);
	r = pg_query(s->pg, str_z(&sql), 0, NULL);
	if (pg_rows(r) > 0)
		differs("narrow", r, 0);
}

uint64_t sync_check(struct sync *s)
{
	uint64_t n = s->buf.n;

	if (n == 0)
		return 0;
	send_cells(s);
	for (size_t i = 0; i < s->ships.n; i++)
		for (uint32_t g = 1; g <= s->noted[i].ship->n_groups; g++)
			if (s->noted[i].group[g - 1])
				check_wide(s, s->noted[i].ship, g);
	if (sync_reads_narrow(s))
		check_narrow(s);
	copybuf_clear(&s->buf);
	names_clear(&s->ships);
	return n;
}
