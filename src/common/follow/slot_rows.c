#include "follow/slot_rows.h"

#define NO_ROLE 0xff

struct relation {
	uint32_t id;
	bool ours;
	size_t n;
	uint8_t *role; /* of each column: enum narrow_role, or NO_ROLE */
	bool *key;     /* is it of the replica identity? */
};

struct slot_rows {
	struct slot_rows_conf conf;
	struct narrow_reader reader;
	struct str ship, channel; /* of a cell: the reader has them only up to its next row */
	bool after_table; /* the message before told of the table: a part's comes behind it */
	uint32_t table; /* OID of the narrow table: its name may be another one's by now */
	struct relation *relation;
	size_t n, cap;
};

/* What stands for a text that was not sent; it is known by its place. */
static const char unchanged[] = "(unchanged)";

struct slot_rows *slot_rows_open(const struct slot_rows_conf *conf)
{
	struct slot_rows *s = mem_zalloc(sizeof *s);
	uint64_t oid = 0;

	s->conf = *conf;
	(void)!num_u64(sl_of(conf->narrow->oid), &oid);
	s->table = (uint32_t)oid;
	narrow_reader_init_text(&s->reader, conf->narrow);
	return s;
}

static void free_relation(struct relation *r)
{
	mem_free(r->role);
	mem_free(r->key);
}

void slot_rows_forget(struct slot_rows *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_relation(&s->relation[i]);
	s->n = 0;
}

void slot_rows_close(struct slot_rows *s)
{
	if (!s)
		return;
	slot_rows_forget(s);
	mem_free(s->relation);
	str_free(&s->ship);
	str_free(&s->channel);
	mem_free(s);
}

/* ---- relations ------------------------------------------------------------------------------- */

static struct relation *find(const struct slot_rows *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->relation[i].id == id)
			return &s->relation[i];
	return NULL;
}

static uint8_t role_of(const struct narrow *n, struct sl column)
{
	for (int role = 0; role < NARROW_ROLES; role++)
		if (narrow_is_column(n, (enum narrow_role)role, column))
			return (uint8_t)role;
	return NO_ROLE;
}

static void check_columns(const struct slot_rows *s, const struct relation *r)
{
	for (int role = 0; role < NARROW_ROLES; role++) {
		bool there = s->conf.narrow->col[role].name.n == 0 || role == NARROW_ID;

		for (size_t i = 0; i < r->n; i++)
			there |= r->role[i] == role;
		if (!there)
			die_hint(EX_TEMP, "run the same command again",
				"the columns of the table have changed, source: %s has no %s now",
				s->conf.narrow->table, msg_q(s->conf.narrow->col[role].name));
	}
}

/* It replaces what was known of the relation: its columns may be others now. */
static void take_relation(struct slot_rows *s, const struct pgo_message *m)
{
	struct relation *r = find(s, m->relid);

	if (!r) {
		mem_grow(&s->relation, &s->cap, s->n + 1, sizeof *s->relation);
		r = &s->relation[s->n++];
	} else {
		free_relation(r);
	}
	*r = (struct relation){ .id = m->relid, .n = m->n_columns };
	r->ours = m->relid == s->table ||
		  s->conf.is_part(s->conf.ctx, m->relid, s->after_table);
	s->after_table = m->relid == s->table;
	r->role = mem_alloc(r->n + 1);
	r->key = mem_alloc(r->n + 1);
	for (size_t i = 0; i < r->n; i++) {
		r->role[i] = role_of(s->conf.narrow, m->column[i].name);
		r->key[i] = m->column[i].key;
	}
	if (r->ours)
		check_columns(s, r);
}

bool slot_rows_truncates(const struct slot_rows *s, const struct pgo_message *m)
{
	for (size_t i = 0; i < m->n_relids; i++) {
		const struct relation *r = find(s, m->relids[i]);

		if (r && r->ours)
			return true;
	}
	return false;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void fill(struct slot_rows *s, const struct relation *r, const struct pgo_value *v,
	const struct pgo_value *before)
{
	for (int role = 0; role < NARROW_ROLES; role++)
		s->reader.raw[role] = (struct sl){ NULL, 0 };
	for (size_t i = 0; i < r->n; i++) {
		struct sl *raw;

		if (r->role[i] == NO_ROLE)
			continue;
		raw = &s->reader.raw[r->role[i]];
		if (v[i].kind == PGO_TEXT)
			*raw = v[i].text;
		else if (v[i].kind == PGO_UNCHANGED && before && before[i].kind == PGO_TEXT)
			*raw = before[i].text;
		else if (v[i].kind == PGO_UNCHANGED)
			*raw = (struct sl){ unchanged, sizeof unchanged - 1 };
	}
}

static bool is_wanted(const struct slot_rows *s, const struct narrow_row *row)
{
	if (s->conf.n_ships == 0 || !row->ship.p)
		return true;
	for (size_t i = 0; i < s->conf.n_ships; i++)
		if (sl_eq(s->conf.ships[i], row->ship))
			return true;
	return false;
}

/* Has the row a place in a wide table? One that was not carried over leaves no cell behind. */
static bool has_cell(const struct narrow_row *row)
{
	return row->ship.p && row->channel.p &&
	       (!row->why || (row->bad != NARROW_TIME && row->bad != NARROW_SHIP &&
				     row->bad != NARROW_CHANNEL));
}

static bool same_cell(const struct narrow_row *a, const struct narrow_row *b)
{
	return a->time == b->time && sl_eq(a->ship, b->ship) && sl_eq(a->channel, b->channel);
}

/* Does the identity of the relation say which cell a row is about? */
static bool key_has_cell(const struct relation *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->role[i] <= NARROW_TIME && r->key[i];
	return n == NARROW_TIME + 1;
}

static NORETURN void die_unknown(const struct slot_rows *s)
{
	die_hint(EX_CONFIGURATION,
		"ALTER TABLE … REPLICA IDENTITY FULL, or a publication of inserts only",
		"a row of %s was changed or deleted, and its replica identity does not say of "
		"which ship, channel and time it was",
		s->conf.narrow->table);
}

/* What says of which cell the row is; a NULL stays one. */
static void keep_cell(struct slot_rows *s, struct narrow_row *row)
{
	str_set(&s->ship, row->ship);
	str_set(&s->channel, row->channel);
	row->ship = row->ship.p ? str_sl(&s->ship) : row->ship;
	row->channel = row->channel.p ? str_sl(&s->channel) : row->channel;
}

/* The row before, of which the cell is wanted; false when it does not say that. */
static bool read_before(struct slot_rows *s, const struct relation *r, const struct pgo_message *m,
	struct narrow_row *row)
{
	if (m->before_is_key && !key_has_cell(r)) {
		if (!s->conf.unknown(s->conf.ctx))
			die_unknown(s);
		return false;
	}
	fill(s, r, m->before, NULL);
	narrow_read_text(&s->reader, row);
	keep_cell(s, row);
	return true;
}

static void erase(struct slot_rows *s, const struct narrow_row *row)
{
	if (!has_cell(row) || !is_wanted(s, row))
		return;
	if (s->conf.narrow->unique)
		s->conf.erase(s->conf.ctx, row);
	else
		s->conf.fetch(s->conf.ctx, row);
}

static void read_now(struct slot_rows *s, const struct relation *r, const struct pgo_message *m,
	struct narrow_row *row)
{
	fill(s, r, m->now, m->before_is_key ? NULL : m->before);
	narrow_read_text(&s->reader, row);
}

/* The row as it is now; `moved`: it was in another cell. */
static void put_now(struct slot_rows *s, const struct relation *r, const struct pgo_message *m,
	const struct narrow_row *before, bool update)
{
	struct narrow_row row;
	bool moved;

	read_now(s, r, m, &row);
	moved = before && !(has_cell(&row) && same_cell(before, &row));
	if (moved) {
		erase(s, before);
		read_now(s, r, m, &row); /* other rows may have been read meanwhile */
	}
	if (!is_wanted(s, &row))
		return;
	/* where a cell may have several rows this one need not be the one that counts */
	if (update && !s->conf.narrow->unique && has_cell(&row)) {
		if (row.why)
			s->conf.put(s->conf.ctx, &s->reader, &row);
		keep_cell(s, &row);
		s->conf.fetch(s->conf.ctx, &row);
		return;
	}
	/* in the same cell it is there already, unless only the format says now that it counts */
	if (!row.why && row.value.p == unchanged) {
		keep_cell(s, &row);
		if (moved || s->conf.narrow->col[NARROW_VALUE].name.n == 0)
			s->conf.fetch(s->conf.ctx, &row);
		return;
	}
	if (update && (row.why || field_is_null(&row.value)) && has_cell(&row))
		s->conf.erase(s->conf.ctx, &row);
	s->conf.put(s->conf.ctx, &s->reader, &row);
}

static void check_shape(const struct relation *r, const struct pgo_message *m)
{
	if ((m->n_now && m->n_now != r->n) || (m->n_before && m->n_before != r->n))
		die(EX_STREAM, "the source sent a row of %zu columns for a relation of %zu",
			m->n_now ? m->n_now : m->n_before, r->n);
}

void slot_rows_take(struct slot_rows *s, const struct pgo_message *m)
{
	struct narrow_row before;
	const struct relation *r;

	if (m->kind == PGO_RELATION) {
		take_relation(s, m);
		return;
	}
	s->after_table = false;
	r = find(s, m->relid);
	if (!r)
		die(EX_STREAM, "the source sent a row of a relation it never described: %u",
			(unsigned)m->relid);
	if (!r->ours)
		return;
	check_shape(r, m);
	if (m->n_before > 0 && !read_before(s, r, m, &before))
		return;
	/* without a row before its identity is as it was, which may say nothing of the cell */
	if (m->kind == PGO_UPDATE && m->n_before == 0 && !key_has_cell(r) &&
		!s->conf.unknown(s->conf.ctx))
		die_unknown(s);
	if (m->kind == PGO_DELETE)
		erase(s, &before);
	else
		put_now(s, r, m, m->n_before > 0 ? &before : NULL, m->kind == PGO_UPDATE);
}
