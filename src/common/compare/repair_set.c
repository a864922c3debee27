/*
 * repair_set.c - values of one channel, each set under the lock of its row.
 *
 * The order is what makes it safe: lock, ask the source, set. A live writer's change of the source
 * that this reading does not show is applied later than this transaction, since it needs the row.
 */
#include "compare/repair_internal.h"

#include "core/kp.h"

/* What is there, and what is to be there. */
struct value {
	int64_t at;
	struct sl seen, wanted; /* .p NULL: NULL */
	bool locked;
};

struct setting {
	struct repair *r;
	struct ship *ship;
	size_t channel;
	bool extra; /* the source had none when it was compared */
	struct value *v; /* in the order of instants */
	size_t n;
	struct arena arena;
};

static const char *column_of(struct setting *s)
{
	return pg_ident(registry_pg(s->r->target->r), s->ship->channel[s->channel].column);
}

static size_t group_of(const struct setting *s)
{
	return s->ship->channel[s->channel].group - 1;
}

static struct value *find(struct setting *s, struct sl instant)
{
	size_t low = 0, high = s->n;
	int64_t at;

	if (!clock_parse(instant, &at))
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->v[low].at == at ? &s->v[low] : NULL;
}

/* Locks the rows; false when another holds one. */
static bool lock(struct setting *s, const char *instants)
{
	struct registry *r = s->r->target->r;
	const char *key = registry_key_ident(r);
	AUTO_STR sql = { 0 };
	AUTO_RESULT *rows = NULL;

	str_addf(&sql,
		"SELECT %s, %s::text FROM %s WHERE %s = ANY ($1::%s[]) ORDER BY 1 FOR UPDATE", key,
		column_of(s), registry_table(r, s->ship, group_of(s)), key,
		registry_key_type(s->ship));
	rows = pg_try_query(registry_pg(r), str_z(&sql), 1, &instants);
	if (!rows)
		return false;
	for (size_t i = 0; i < pg_rows(rows); i++) {
		struct value *v = find(s, pg_value(rows, i, 0));

		if (!v)
			continue;
		v->locked = true;
		if (!pg_is_null(rows, i, 1))
			v->seen = arena_dup(&s->arena, pg_value(rows, i, 1));
	}
	return true;
}

static void ask_source(struct setting *s)
{
	struct cellsum_source *source = s->r->source;
	int64_t *at = arena_alloc(&s->arena, mem_mul(s->n, sizeof *at));
	AUTO_STR sql = { 0 };
	AUTO_RESULT *rows = NULL;

	for (size_t i = 0; i < s->n; i++)
		at[i] = s->v[i].at;
	cellsum_add_narrow_cells_at(
		source, &sql, at, s->n, s->ship->id, s->ship->channels.name[s->channel]);
	rows = pg_query(source->pg, str_z(&sql), 0, NULL);
	for (size_t i = 0; i < pg_rows(rows); i++) {
		struct value *v = find(s, pg_value(rows, i, 0));

		if (v && !pg_is_null(rows, i, 1))
			v->wanted = arena_dup(&s->arena, pg_value(rows, i, 1));
	}
}

/* Is the row's value to be changed? A value that the column cannot hold is none. */
static bool is_due(struct setting *s, struct value *v)
{
	enum column_type type = s->ship->channel[s->channel].type;
	bool fits = true;

	if (!v->locked)
		return false;
	if (v->wanted.p && celldiff_same(v->wanted, v->seen.p ? v->seen : SL(""), type, &fits) &&
		v->seen.p)
		return false;
	if (v->wanted.p &&
		(!fits || !pg_can_store(registry_pg(s->r->target->r), v->wanted)))
		v->wanted = (struct sl){ NULL, 0 };
	else if (!v->wanted.p && !s->r->remove && !(s->extra && s->r->job))
		return false;
	return v->wanted.p || v->seen.p;
}

static void put_arrays(struct setting *s, struct str *instants, struct str *values)
{
	char text[CLOCK_TEXT_MAX];

	str_clear(instants);
	str_addc(instants, '{');
	str_addc(values, '{');
	for (size_t i = 0; i < s->n; i++) {
		if (!is_due(s, &s->v[i]))
			continue;
		pg_add_element(instants, (struct sl){ text, clock_put(text, s->v[i].at, true) });
		pg_add_element(values, s->v[i].wanted);
	}
	str_addc(instants, '}');
	str_addc(values, '}');
}

static bool set(struct setting *s, struct str *instants)
{
	struct pg *pg = registry_pg(s->r->target->r);
	const char *type = column_type_sql(s->ship->channel[s->channel].type);
	AUTO_STR sql = { 0 }, values = { 0 };
	AUTO_RESULT *r = NULL;

	put_arrays(s, instants, &values);
	str_addf(&sql,
		"UPDATE %s AS t SET %s = f.v::%s FROM unnest($1::%s[], $2::text[]) AS f (at, v)"
		" WHERE t.%s = f.at",
		registry_table(s->r->target->r, s->ship, group_of(s)), column_of(s), type,
		registry_key_type(s->ship), registry_key_ident(s->r->target->r));
	if (s->extra)
		repair_add_license(s->r, &sql, s->ship);
	r = pg_try_query(pg, str_z(&sql), 2, (const char *[]){ str_z(instants), str_z(&values) });
	s->r->set += r ? pg_affected(r) : 0;
	return r;
}

void repair_set(struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	struct setting s = { .r = r, .ship = ship, .extra = list->what == CELL_EXTRA };
	AUTO_STR instants = { 0 };
	bool done;

	s.channel = names_find(&ship->channels, list->channel);
	if (s.channel == NAMES_NONE || !ship->channel[s.channel].made ||
		ship->channel[s.channel].type == COLUMN_OTHER)
		return;
	s.v = arena_alloc(&s.arena, mem_mul(n, sizeof *s.v));
	for (size_t i = 0; i < n; i++) {
		s.v[s.n] = (struct value){ .seen = { NULL, 0 } };
		s.n += clock_parse(list[i].instant, &s.v[s.n].at);
	}
	if (s.n > 0) {
		repair_begin(r);
		done = lock(&s, repair_instants(&instants, ship, list, n));
		if (done) {
			KP("repair_locked");
			ask_source(&s);
			KP("repair_read");
			done = set(&s, &instants);
		}
		if (done)
			pg_exec(registry_pg(r->target->r), "COMMIT");
		else
			repair_give_way(r, n);
	}
	arena_free(&s.arena);
}
