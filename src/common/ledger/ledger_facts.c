#include "ledger/ledger_internal.h"

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

static void put_ship(struct str *s, const struct ledger_facts_ship *ship)
{
	str_addz(s, "{\"ship\":");
	str_add_json(s, ship->ship);
	str_addf(s, ",\"attempt\":%llu,", (unsigned long long)ship->attempt);
	put_counts(s, ship->rows, ship->cells, ship->digest, ship->rejects);
	ledger_put_time(s, "first", ship->first);
	ledger_put_time(s, "last", ship->last);
	if (ship->deleted)
		str_addf(s, ",\"deleted\":%llu", (unsigned long long)ship->deleted);
	str_addc(s, '}');
}

static const char *const follow_kinds[] = { "", "slot", "poll", "kafka" };

const char *ledger_follow_text(enum ledger_follow_kind kind)
{
	return follow_kinds[kind];
}

static void put_follow(struct str *s, const struct ledger_follow *f)
{
	str_addf(s, ",\"follow\":{\"kind\":\"%s\",\"upto\":", follow_kinds[f->kind]);
	str_add_json(s, f->upto);
	if (f->worker.n > 0) {
		str_add_member(s, "worker", f->worker);
		str_addf(s, ",\"attempt\":%llu", (unsigned long long)f->attempt);
	}
	ledger_put_time(s, "commit", f->commit);
	if (f->truncated)
		str_addf(s, ",\"truncated\":%llu", (unsigned long long)f->truncated);
	str_addc(s, '}');
}

void ledger_put_facts(struct str *s, const struct ledger_facts *f)
{
	str_addf(s, "{\"from\":\"%s\",\"to\":\"%s\",", ledger_time(f->from),
		ledger_time(f->to));
	put_counts(s, f->rows, f->cells, f->digest, f->rejects);
	str_addz(s, ",\"ships\":[");
	for (size_t i = 0; i < f->n; i++) {
		if (i)
			str_addc(s, ',');
		put_ship(s, &f->ships[i]);
	}
	str_addc(s, ']');
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
		if (sl_eq_str(kind, follow_kinds[i]))
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
