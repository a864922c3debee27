#include "ledger/ledger_internal.h"

#include "ledger/ledger_facts.sql.h"
#include "stream/digest.h"
#include "stream/json.h"

/* ---- writing --------------------------------------------------------------------------------- */

static void put_counts(
	struct str *s, uint64_t rows, uint64_t cells, uint64_t digest, uint64_t rejects)
{
	char hex[DIGEST_TEXT_LEN];

	digest_put(hex, digest);
	str_addf(s, "\"rows\":%llu,\"cells\":%llu,\"digest\":\"%.*s\",\"rejects\":%llu",
		(unsigned long long)rows, (unsigned long long)cells, DIGEST_TEXT_LEN, hex,
		(unsigned long long)rejects);
}

/* Appends the member `,"key":"time"`, or nothing for LEDGER_NO_TIME. */
static void put_time(struct str *s, const char *key, int64_t instant)
{
	if (instant != LEDGER_NO_TIME)
		str_addf(s, ",\"%s\":\"%s\"", key, ledger_time(instant));
}

void ledger_put_claimed(struct str *s, bool more, struct sl ship, uint64_t attempt)
{
	str_addz(s, more ? ",{\"ship\":" : "{\"ship\":");
	str_add_json(s, ship);
	str_addf(s, ",\"attempt\":%llu", (unsigned long long)attempt);
}

void ledger_put_ships(struct str *s, const struct ledger_facts *f, bool all)
{
	str_addc(s, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct ledger_facts_ship *ship = &f->ships[i];

		ledger_put_claimed(s, i > 0, ship->ship, ship->attempt);
		str_addc(s, ',');
		put_counts(s, ship->rows, ship->cells, ship->digest, ship->rejects);
		put_time(s, "first", ship->first);
		put_time(s, "last", ship->last);
		if (ship->deleted || all)
			str_addf(s, ",\"deleted\":%llu", (unsigned long long)ship->deleted);
		if (all)
			str_addf(s, ",\"dropped\":%llu,\"wide_rows\":%llu,\"bytes\":%llu",
				(unsigned long long)ship->dropped,
				(unsigned long long)ship->wide_rows,
				(unsigned long long)ship->bytes);
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

const char *const ledger_follow_kinds[] = { "", "slot", "poll", "kafka" };

static void put_follow(struct str *s, const struct ledger_follow *f)
{
	str_addf(s, ",\"follow\":{\"kind\":\"%s\",\"upto\":", ledger_follow_kinds[f->kind]);
	str_add_json(s, f->upto);
	if (f->worker.n > 0) {
		str_add_member(s, "worker", f->worker);
		str_addf(s, ",\"attempt\":%llu", (unsigned long long)f->attempt);
	}
	put_time(s, "commit", f->commit);
	if (f->truncated)
		str_addf(s, ",\"truncated\":%llu", (unsigned long long)f->truncated);
	str_addc(s, '}');
}

void ledger_put_facts(struct str *s, const struct ledger_facts *f)
{
	str_addf(s, "{\"from\":\"%s\",\"to\":\"%s\",", ledger_time(f->from),
		ledger_time(f->to));
	put_counts(s, f->rows, f->cells, f->digest, f->rejects);
	str_addz(s, ",\"ships\":");
	ledger_put_ships(s, f, false);
	if (f->job) {
		str_addf(s, ",\"job\":%llu,\"worker\":", (unsigned long long)f->job);
		str_add_json(s, f->worker);
	}
	if (f->follow.kind != LEDGER_FOLLOW_NONE)
		put_follow(s, &f->follow);
	if (f->offsets.n > 0) {
		str_addz(s, ",\"offsets\":");
		str_add(s, f->offsets);
	}
	str_addc(s, '}');
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool get_time(const struct json *o, const char *key, int64_t *instant)
{
	struct sl text;

	return json_get_str(o, key, &text) && ledger_parse_time(text, instant);
}

/* `via` takes cells and digest out: the command it ran may have changed values. */
static bool get_counts(
	const struct json *o, uint64_t *rows, uint64_t *cells, uint64_t *digest, uint64_t *rejects)
{
	bool of_values = json_get(o, "cells") || json_get(o, "digest");
	struct sl hex;

	if (of_values && !(json_get_u64(o, "cells", cells) && json_get_str(o, "digest", &hex) &&
				 digest_parse(hex, digest)))
		return false;
	return json_get_u64(o, "rows", rows) &&
	       (!json_get(o, "rejects") || json_get_u64(o, "rejects", rejects));
}

static bool get_ship(const struct json *o, struct ledger_facts_ship *ship)
{
	*ship = (struct ledger_facts_ship){ .first = LEDGER_NO_TIME, .last = LEDGER_NO_TIME };
	return json_get_str(o, "ship", &ship->ship) &&
	       get_counts(o, &ship->rows, &ship->cells, &ship->digest, &ship->rejects) &&
	       (!json_get(o, "attempt") || json_get_u64(o, "attempt", &ship->attempt)) &&
	       (!json_get(o, "first") || get_time(o, "first", &ship->first)) &&
	       (!json_get(o, "last") || get_time(o, "last", &ship->last)) &&
	       (!json_get(o, "deleted") || json_get_u64(o, "deleted", &ship->deleted));
}

static bool get_follow(const struct json *o, struct ledger_follow *f)
{
	struct sl kind;

	*f = (struct ledger_follow){ .commit = LEDGER_NO_TIME };
	if (!json_get_str(o, "kind", &kind) || !json_get_str(o, "upto", &f->upto))
		return false;
	for (int i = LEDGER_FOLLOW_SLOT; i <= LEDGER_FOLLOW_KAFKA; i++)
		if (sl_eq_str(kind, ledger_follow_kinds[i]))
			f->kind = (enum ledger_follow_kind)i;
	(void)!json_get_u64(o, "truncated", &f->truncated);
	return f->kind != LEDGER_FOLLOW_NONE &&
	       (!json_get(o, "commit") || get_time(o, "commit", &f->commit)) &&
	       (!json_get(o, "worker") || (json_get_str(o, "worker", &f->worker) &&
						  json_get_u64(o, "attempt", &f->attempt)));
}

/* Do the ships add up to the whole? */
static bool adds_up(const struct ledger_facts *f)
{
	struct ledger_facts sum = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		sum.rows += f->ships[i].rows;
		sum.cells += f->ships[i].cells;
		sum.digest += f->ships[i].digest;
	}
	return sum.rows == f->rows && sum.cells == f->cells && sum.digest == f->digest;
}

const char *ledger_parse_facts(struct arena *a, struct sl src, struct ledger_facts *f)
{
	const char *why = NULL;
	size_t at;
	const struct json *root = json_parse(a, src, &why, &at), *ships = json_get(root, "ships");

	*f = (struct ledger_facts){ 0 };
	if (!root)
		return why;
	if (!get_time(root, "from", &f->from) || !get_time(root, "to", &f->to) || f->from >= f->to)
		return "no range of time in the facts";
	if (!get_counts(root, &f->rows, &f->cells, &f->digest, &f->rejects))
		return "no counts in the facts";
	f->of_values = json_get(root, "digest") != NULL;
	if (!ships || ships->kind != J_ARR)
		return "no ships in the facts";
	f->ships = arena_alloc(a, mem_mul(ships->n, sizeof *f->ships));
	for (const struct json *o = ships->child; o; o = o->next)
		if (!get_ship(o, &f->ships[f->n++]))
			return "a ship without its counts in the facts";
	if (!adds_up(f))
		return "the facts of the ships do not add up";
	if (json_get(root, "job") &&
		(!json_get_u64(root, "job", &f->job) || !json_get_str(root, "worker", &f->worker)))
		return "a job without a worker in the facts";
	if (json_get(root, "follow") && !get_follow(json_get(root, "follow"), &f->follow))
		return "no follower in the facts";
	if (f->follow.kind != LEDGER_FOLLOW_NONE && f->job && f->follow.worker.n == 0)
		return "a job without its follower in the facts";
	return NULL;
}

/* ---- finishing ------------------------------------------------------------------------------- */

/* Whose they are, without what is counted of them: once a transaction, maybe of many. */
static void put_claims(struct str *s, const struct ledger_facts *f)
{
	str_addc(s, '[');
	for (size_t i = 0; i < f->n; i++) {
		ledger_put_claimed(s, i > 0, f->ships[i].ship, f->ships[i].attempt);
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

/* Runs one of them; true when every ship of the facts was hit. */
static bool run_fenced(struct pg *target, const char *sql, int n, const struct ledger_facts *f)
{
	AUTO_FREE char *worker = mem_sldup(f->worker);
	AUTO_STR ships = { 0 };

	if (sql == hold_sql)
		put_claims(&ships, f);
	else
		ledger_put_ships(&ships, f, true);
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
	if (n > 0)
		(void)!run_fenced(target, same_rejects_sql, 4, f);
}

void ledger_fail_met(
	struct pg *target, const struct ledger_facts *f, struct sl ship, const char *error)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_STR text = { 0 };

	pg_run(target, fail_met_sql, ledger_u64(f->job), name, ledger_time(f->from),
		ledger_time(f->to), ledger_storable(target, &text, error));
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
