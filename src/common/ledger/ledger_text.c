#include "ledger/ledger_internal.h"

#include "narrow/narrow.h"

const char *ledger_text_u64(struct ledger_text *t, uint64_t v)
{
	t->p[num_put_u64(t->p, v)] = '\0';
	return t->p;
}

struct pg_result *ledger_ask(struct pg *target, const char *sql, uint64_t id)
{
	return pg_ask(target, sql, ledger_u64(id));
}

const char *ledger_text_time(struct ledger_text *t, int64_t instant)
{
	if (instant == LEDGER_NO_TIME)
		return NULL;
	t->p[clock_put(t->p, instant, false)] = '\0';
	return t->p;
}

const char *ledger_text_interval(struct ledger_text *t, int64_t us)
{
	(void)snprintf(t->p, sizeof t->p, "%lld microseconds", (long long)us);
	return t->p;
}

const char *ledger_storable(const struct pg *target, struct str *s, const char *text)
{
	encoding_add_storable(pg_stores(target), s, sl_of(text));
	return str_z(s);
}

bool ledger_parse_time(struct sl text, int64_t *instant)
{
	*instant = NARROW_END_INSTANT;
	return sl_eq_str(text, "10000-01-01 00:00:00") ||
	       sl_eq_str(text, "010000-01-01 00:00:00") || clock_parse(text, instant);
}

int64_t ledger_get_time(const struct pg_result *r, size_t row, int col)
{
	struct sl text = pg_value(r, row, col);
	int64_t instant;

	if (!text.p)
		return LEDGER_NO_TIME;
	if (!ledger_parse_time(text, &instant))
		bug("not a time in the ledger: %s", msg_q(text));
	return instant;
}

const char *ledger_get_text(const struct pg_result *r, size_t row, int col, struct arena *a)
{
	return arena_dup(a, pg_value(r, row, col)).p;
}

const char *ledger_array(struct str *s, const struct sl *ships, size_t n)
{
	if (n == 0)
		return NULL;
	str_addc(s, '{');
	for (size_t i = 0; i < n; i++)
		pg_add_element(s, ships[i]);
	str_addc(s, '}');
	return str_z(s);
}

struct pg_result *ledger_ask_part(const struct ledger_part *of, const char *sql)
{
	AUTO_STR ships = { 0 };

	return pg_ask(of->target, sql, ledger_u64(of->job),
		ledger_array(&ships, of->only, of->n_only));
}
