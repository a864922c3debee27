#include "ledger/ledger_internal.h"

#include "ledger/ledger_finish.sql.h"
#include "stream/digest.h"

void ledger_put_time(struct str *s, const char *key, int64_t instant)
{
	if (instant != LEDGER_NO_TIME)
		str_addf(s, ",\"%s\":\"%s\"", key, ledger_time(instant));
}

void ledger_put_ships(struct str *s, const struct ledger_facts *f)
{
	str_addc(s, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct ledger_facts_ship *ship = &f->ships[i];
		char hex[DIGEST_TEXT_LEN];

		digest_put(hex, ship->digest);
		str_addz(s, i ? ",{\"ship\":" : "{\"ship\":");
		str_add_json(s, ship->ship);
		str_addf(s, ",\"attempt\":%llu,\"rows\":%llu,\"cells\":%llu,\"digest\":\"%.*s\"",
			(unsigned long long)ship->attempt, (unsigned long long)ship->rows,
			(unsigned long long)ship->cells, DIGEST_TEXT_LEN, hex);
		str_addf(s, ",\"dropped\":%llu,\"wide_rows\":%llu,\"rejects\":%llu",
			(unsigned long long)ship->dropped, (unsigned long long)ship->wide_rows,
			(unsigned long long)ship->rejects);
		str_addf(s, ",\"bytes\":%llu", (unsigned long long)ship->bytes);
		ledger_put_time(s, "first", ship->first);
		ledger_put_time(s, "last", ship->last);
		str_addf(s, ",\"deleted\":%llu", (unsigned long long)ship->deleted);
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

/* Runs one of them; true when every ship of the facts was hit. */
static bool run_fenced(struct pg *target, const char *sql, int n, const struct ledger_facts *f)
{
	AUTO_FREE char *worker = mem_sldup(f->worker);
	AUTO_STR ships = { 0 };

	ledger_put_ships(&ships, f);
	return pg_is_yes(pg_query(target, sql, n,
		(const char *[]){ ledger_u64(f->job), ledger_time(f->from),
			str_z(&ships), worker, ledger_time(f->to) }));
}

bool ledger_hold(struct pg *target, const struct ledger_facts *f)
{
	return run_fenced(target, hold_sql, 4, f);
}

bool ledger_finish(struct pg *target, const struct ledger_facts *f)
{
	return run_fenced(target, finish_sql, 5, f);
}

void ledger_same_rejects(struct pg *target, const struct ledger_facts *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->ships[i].rejects;
	if (n > 0 && ledger_has_table(target, "follow_ship"))
		(void)!run_fenced(target, same_rejects_sql, 4, f);
}

void ledger_fail_met(
	struct pg *target, const struct ledger_facts *f, struct sl ship, const char *error)
{
	AUTO_FREE char *name = mem_sldup(ship);

	pg_run(target,
		"INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, attempt,"
		" failures, error) VALUES ($1, $2, $3, $4, 'failed', 0, 1, $5)"
		" ON CONFLICT DO NOTHING",
		ledger_u64(f->job), name, ledger_time(f->from), ledger_time(f->to), error);
	ledger_event(target, LEDGER_CRITICAL, f->job, ship, f->from, error);
}

void ledger_fail_facts(
	struct pg *target, const struct ledger_facts *f, bool permanent, const char *error)
{
	AUTO_FREE char *worker = mem_sldup(f->worker);
	struct ledger_claim claim = {
		.job = f->job, .worker = worker, .from = f->from, .to = f->to
	};

	claim.ships = mem_alloc(mem_mul(f->n + 1, sizeof *claim.ships));
	for (size_t i = 0; i < f->n; i++)
		if (f->ships[i].attempt > 0)
			claim.ships[claim.n++] =
				(struct ledger_claim_ship){ f->ships[i].ship, f->ships[i].attempt };
	ledger_fail(target, &claim, permanent, error);
	mem_free(claim.ships);
}

/* ---- rejects --------------------------------------------------------------------------------- */

#define REJECTS_AT_ONCE 1000
#define REJECT_BYTES_AT_ONCE (1 << 20)

void ledger_reject(struct ledger_rejects *r, struct sl ship, int64_t chunk_from, uint64_t attempt,
	struct sl record, struct sl why)
{
	str_addz(&r->rows, r->n ? ",{\"ship\":" : "[{\"ship\":");
	str_add_json(&r->rows, ship);
	str_addf(&r->rows,
		",\"chunk_from\":\"%s\",\"attempt\":%llu,\"why\":", ledger_time(chunk_from),
		(unsigned long long)attempt);
	str_add_json(&r->rows, why);
	str_addz(&r->rows, ",\"record\":");
	str_add(&r->rows, record);
	str_addc(&r->rows, '}');
	r->n++;
	if (r->n >= REJECTS_AT_ONCE || r->rows.n >= REJECT_BYTES_AT_ONCE)
		ledger_reject_flush(r);
}

void ledger_reject_flush(struct ledger_rejects *r)
{
	if (r->n == 0)
		return;
	str_addc(&r->rows, ']');
	if (pg_stores(r->target)) {
		AUTO_STR rows = r->rows;

		r->rows = (struct str){ 0 };
		encoding_add_storable(pg_stores(r->target), &r->rows, str_sl(&rows));
	}
	pg_run(r->target, reject_sql, ledger_u64(r->job), ledger_worker(), str_z(&r->rows),
		r->once ? "t" : "f", r->counted ? "t" : "f");
	str_clear(&r->rows);
	r->n = 0;
}
