#include "compare/recount.h"

#include "ledger/ledger.h"

struct chunks {
	struct ledger_done *list;
	size_t n;
	const struct cellsum *now; /* the narrow side of each; NULL: not known */
	bool alone; /* one, that is the range */
	struct arena arena;
};

static void find_chunks(const struct recount *r, struct chunks *c)
{
	*c = (struct chunks){ .n = 0 };
	c->n = ledger_done_chunks(registry_pg(r->target->r), r->job, r->ship->id, r->from, r->to,
		&c->arena, &c->list);
	c->alone = c->n == 1 && c->list[0].from == r->from && c->list[0].to == r->to;
}

/* One statement for all of them: without an index each would be a look at all rows. */
static void sum_chunks(const struct recount *r, struct chunks *c)
{
	int64_t *border = arena_alloc(&c->arena, mem_mul(2 * c->n + 1, sizeof *border));

	if (c->alone || c->n == 0) {
		c->now = r->now;
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		border[2 * i] = c->list[i].from;
		border[2 * i + 1] = c->list[i].to;
	}
	c->now = cellsum_narrow_pieces(r->source, border, c->n, r->ship->id, &c->arena);
}

static void keep(const struct recount *r, const struct ledger_done *chunk,
	const struct cellsum *now, uint64_t out, bool whole)
{
	ledger_recount(registry_pg(r->target->r), r->job,
		&(struct ledger_recount){ .ship = r->ship->id,
			.from = chunk->from,
			.to = chunk->to,
			.rows = now->rows - now->bad,
			.cells = now->values - out,
			.dropped = now->values - now->cells,
			.wide_rows = now->instants,
			.left_out = out,
			.first = now->instants ? now->first : LEDGER_NO_TIME,
			.last = now->instants ? now->last : LEDGER_NO_TIME,
			.whole = whole && now->bad == 0 });
}

/* What is not there was left out, or could not be repaired. */
static void keep_piece(const struct recount *r, const struct ledger_done *chunk,
	const struct cellsum *now, bool whole)
{
	struct cellsum wide;

	cellsum_wide(r->target, r->ship, chunk->from, chunk->to, &wide);
	whole &= chunk->from >= r->from && chunk->to <= r->to;
	keep(r, chunk, now, now->cells > wide.cells ? now->cells - wide.cells : 0,
		whole || cellsum_same(now, &wide));
}

void recount_mended(const struct recount *r, uint64_t left_out, bool whole)
{
	struct chunks c;

	find_chunks(r, &c);
	sum_chunks(r, &c);
	if (c.alone)
		keep(r, &c.list[0], r->now, left_out, whole);
	for (size_t i = 0; i < c.n && !c.alone; i++)
		keep_piece(r, &c.list[i], &c.now[i], whole);
	arena_free(&c.arena);
}

void recount_late(const struct recount *r)
{
	struct chunks c;
	uint64_t known = 0;
	bool within = true;

	find_chunks(r, &c);
	for (size_t i = 0; i < c.n; i++) {
		known += c.list[i].rejects;
		within &= c.list[i].from >= r->from && c.list[i].to <= r->to;
	}
	if (known < r->now->bad || !within)
		sum_chunks(r, &c);
	for (size_t i = 0; i < c.n && c.now; i++)
		if (c.now[i].bad > c.list[i].rejects)
			ledger_late_rejects(registry_pg(r->target->r), r->job, r->ship->id,
				c.list[i].from, c.list[i].to, c.now[i].bad);
	arena_free(&c.arena);
}
