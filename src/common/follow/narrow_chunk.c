#include "follow/narrow_chunk.h"

#include "stream/digest.h"

/* What is remembered of a ship while a chunk lasts. */
struct narrow_ship {
	struct field field; /* its name as a field of the output */
	int64_t time;	    /* of its latest row */
	uint64_t row_hash;  /* digest_row() of the ship and that time */
};

void narrow_chunk_begin(struct narrow_chunk *c, int64_t from, int64_t to)
{
	struct ledger_facts_ship *ships = c->facts.ships;

	c->facts = (struct ledger_facts){ .from = from, .to = to, .ships = ships };
	names_clear(&c->names);
	c->current = 0;
	c->outcasts = false;
	c->time = LEDGER_NO_TIME;
}

size_t narrow_chunk_ship(struct narrow_chunk *c, struct sl name)
{
	bool added;
	size_t i = names_add(&c->names, name, &added);
	struct sl kept = c->names.name[i];

	if (!added)
		return i;
	mem_grow(&c->facts.ships, &c->facts_cap, i + 1, sizeof *c->facts.ships);
	mem_grow(&c->ships, &c->ships_cap, i + 1, sizeof *c->ships);
	c->facts.ships[i] = (struct ledger_facts_ship){ .ship = kept,
		.first = LEDGER_NO_TIME,
		.last = LEDGER_NO_TIME };
	c->facts.n = i + 1;
	c->ships[i] = (struct narrow_ship){ .field = field_name(kept), .time = LEDGER_NO_TIME };
	return i;
}

/* Is the row of the ship of the row before? */
static bool is_current(const struct narrow_chunk *c, struct sl ship)
{
	return c->current < c->facts.n && sl_eq(ship, c->facts.ships[c->current].ship);
}

/* A row of another ship or another time than the one before. */
static void turn_to(struct narrow_chunk *c, const struct narrow_row *row)
{
	struct ledger_facts_ship *facts;
	struct narrow_ship *ship;

	if (!is_current(c, row->ship))
		c->current = narrow_chunk_ship(c, row->ship);
	if (row->time != c->time) {
		c->time = row->time;
		c->time_field = field_str((struct sl){ c->time_text,
			clock_put(c->time_text, row->time, c->zone) });
		c->time_field.plain = true;
	}
	ship = &c->ships[c->current];
	if (ship->time == row->time)
		return;
	facts = &c->facts.ships[c->current];
	if (facts->first == LEDGER_NO_TIME)
		facts->first = row->time;
	facts->last = ship->time = row->time;
	ship->row_hash = digest_row(facts->ship, field_sl(&c->time_field));
}

static void write_row(const struct narrow_chunk *c, struct wr *wr, struct sl channel,
	const struct field *value, struct field op)
{
	struct field f[5] = { c->ships[c->current].field, c->time_field, field_name(channel),
		*value, op };

	wr_row(wr, f, c->ops ? 5 : 4);
}

void narrow_chunk_put(struct narrow_chunk *c, struct wr *wr, const struct narrow_row *row)
{
	struct ledger_facts_ship *facts;

	if (row->time != c->time || !is_current(c, row->ship))
		turn_to(c, row);
	facts = &c->facts.ships[c->current];
	facts->rows++;
	if (!field_is_null(&row->value)) {
		facts->cells++;
		facts->digest += digest_cell(c->ships[c->current].row_hash,
			digest_name(row->channel), field_sl(&row->value));
	}
	write_row(c, wr, row->channel, &row->value,
		c->rare_ops ? (struct field){ .p = "", .kind = F_ABSENT } : FIELD_NULL);
}

void narrow_chunk_delete(struct narrow_chunk *c, struct wr *wr, const struct narrow_row *row)
{
	struct ledger_facts_ship *facts;

	if (!is_current(c, row->ship) || row->time != c->time)
		turn_to(c, row);
	facts = &c->facts.ships[c->current];
	facts->rows++;
	facts->deleted++;
	write_row(c, wr, row->channel, &FIELD_NULL, field_name(SL("d")));
}

const struct ledger_facts_ship *narrow_chunk_reject(struct narrow_chunk *c,
	const struct narrow_row *row)
{
	bool has_ship = row->ship.p && !c->outcasts && row->bad != NARROW_SHIP;
	size_t ship;

	c->facts.rejects++;
	ship = narrow_chunk_ship(c, has_ship ? row->ship : SL("")); /* may move c->facts.ships */
	c->facts.ships[ship].rejects++;
	return &c->facts.ships[ship];
}

void narrow_chunk_put_place(const struct narrow_chunk *c, struct str *s)
{
	if (c->time != LEDGER_NO_TIME)
		str_addf(s, " behind ship %s, time %.*s",
			msg_q(c->facts.ships[c->current].ship), (int)c->time_field.n,
			c->time_field.p);
}

void narrow_chunk_spread(struct ledger_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++) {
		const struct ledger_facts_ship *ship = &facts->ships[i];

		if (ship->first == LEDGER_NO_TIME)
			continue;
		facts->from = ship->first < facts->from ? ship->first : facts->from;
		facts->to = ship->last >= facts->to ? ship->last + 1 : facts->to;
	}
}

void narrow_chunk_announce(const struct narrow_chunk *c, struct wr *wr)
{
	AUTO_STR facts = { 0 };

	if (!c->facts.job)
		return;
	ledger_put_facts(&facts, &c->facts);
	wr_begin(wr, str_sl(&facts));
}

static void put_name(const struct narrow_chunk *c, struct sl ship, struct str *s)
{
	char text[CLOCK_TEXT_MAX];

	if (ship.n > 0) {
		str_add(s, ship);
		str_addc(s, ':');
	}
	str_add(s, (struct sl){ text, clock_put_basic(text, c->facts.from) });
	str_addc(s, '/');
	str_add(s, (struct sl){ text, clock_put_basic(text, c->facts.to) });
}

void narrow_chunk_seal(struct narrow_chunk *c, struct extract *x, struct sl ship)
{
	AUTO_STR name = { 0 }, src = { 0 };

	for (size_t i = 0; i < c->facts.n; i++) {
		c->facts.rows += c->facts.ships[i].rows;
		c->facts.cells += c->facts.ships[i].cells;
		c->facts.digest += c->facts.ships[i].digest;
	}
	put_name(c, ship, &name);
	ledger_put_facts(&src, &c->facts);
	msg_detail("chunk %s: %llu rows", msg_q(str_sl(&name)), (unsigned long long)c->facts.rows);
	extract_seal(x, &(struct seal){ .chunk = str_sl(&name), .src = str_sl(&src) });
}

void narrow_chunk_free(struct narrow_chunk *c)
{
	names_free(&c->names);
	mem_free(c->facts.ships);
	mem_free(c->ships);
	*c = (struct narrow_chunk){ .zone = c->zone, .ops = c->ops, .rare_ops = c->rare_ops };
}
