#include "follow/live_chunk.h"

#include "core/kp.h"
#include "core/spool.h"
#include "stream/sort.h"

#define SORT_MEMORY ((size_t)32 << 20)

enum what { PUT, ERASE, REJECT };

/* One change as it waits: this, then ship, channel and value; of a reject the row and its value. */
struct head {
	int64_t time;
	const char *why; /* REJECT: static */
	uint32_t ship_n, channel_n, value_n;
	uint8_t what, kind, plain; /* kind and plain are the value's */
	uint8_t bad;		   /* REJECT: the column it is about */
	uint8_t no_ship, no_value;
};

struct live_chunk {
	struct narrow_chunk *chunk;
	struct extract *x;
	uint64_t job;
	struct ledger_rejects rejects;
	struct spool open;
	struct sorter *sorter;
	struct str record, key;
	const struct narrow *narrow; /* once there was a reject */
	uint64_t cells, bytes;
};

struct live_chunk *live_chunk_open(
	struct narrow_chunk *chunk, struct extract *x, struct pg *target, uint64_t job)
{
	struct live_chunk *c = mem_zalloc(sizeof *c);

	c->chunk = chunk;
	c->x = x;
	c->job = job;
	c->rejects = (struct ledger_rejects){ .target = target, .job = job, .once = true };
	c->sorter = sorter_new(SORT_MEMORY, sl_cmp); /* by time, as bytes, then the ship */
	narrow_chunk_begin(chunk, 0, 0);
	return c;
}

void live_chunk_close(struct live_chunk *c)
{
	if (!c)
		return;
	spool_free(&c->open);
	sorter_free(c->sorter);
	str_free(&c->record);
	str_free(&c->key);
	str_free(&c->rejects.rows);
	mem_free(c);
}

/* ---- in a transaction ------------------------------------------------------------------------ */

static void keep(struct live_chunk *c, const struct head *head, struct sl ship, struct sl channel,
	struct sl value)
{
	str_set(&c->record, (struct sl){ (const char *)head, sizeof *head });
	str_add(&c->record, ship);
	str_add(&c->record, channel);
	str_add(&c->record, value);
	spool_put(&c->open, str_sl(&c->record));
}

static void keep_reject(
	struct live_chunk *c, const struct narrow_reader *reader, const struct narrow_row *row)
{
	struct sl value = reader->raw[row->bad];
	AUTO_STR json = { 0 };
	struct head head = { .time = row->time,
		.why = row->why,
		.what = REJECT,
		.bad = (uint8_t)row->bad,
		.no_ship = !row->ship.p,
		.no_value = !value.p };

	c->narrow = reader->n;
	narrow_row_put_json(reader, !c->job, &json);
	head.ship_n = (uint32_t)row->ship.n;
	head.channel_n = (uint32_t)json.n; /* the row takes the place of the channel */
	head.value_n = (uint32_t)value.n;
	keep(c, &head, row->ship, str_sl(&json), value);
}

void live_chunk_put(
	struct live_chunk *c, const struct narrow_reader *reader, const struct narrow_row *row)
{
	struct head head = { .time = row->time,
		.what = PUT,
		.kind = row->value.kind,
		.plain = row->value.plain,
		.ship_n = (uint32_t)row->ship.n,
		.channel_n = (uint32_t)row->channel.n,
		.value_n = row->value.n };

	if (row->why)
		keep_reject(c, reader, row);
	else
		keep(c, &head, row->ship, row->channel, field_sl(&row->value));
}

void live_chunk_erase(struct live_chunk *c, const struct narrow_row *row)
{
	struct head head = { .time = row->time,
		.what = ERASE,
		.kind = F_NULL,
		.ship_n = (uint32_t)row->ship.n,
		.channel_n = (uint32_t)row->channel.n };

	keep(c, &head, row->ship, row->channel, SL(""));
}

void live_chunk_drop(struct live_chunk *c)
{
	spool_clear(&c->open);
}

/* ---- complete -------------------------------------------------------------------------------- */

static void take_apart(
	struct sl record, struct head *head, struct sl *ship, struct sl *channel, struct sl *value)
{
	const char *p = record.p + sizeof *head;

	memcpy(head, record.p, sizeof *head);
	*ship = (struct sl){ p, head->ship_n };
	*channel = (struct sl){ p + head->ship_n, head->channel_n };
	*value = (struct sl){ p + head->ship_n + head->channel_n, head->value_n };
}

static void take_reject(struct live_chunk *c, const struct head *head, struct sl ship,
	struct sl json, struct sl value)
{
	struct narrow_row row = { .ship = head->no_ship ? (struct sl){ NULL, 0 } : ship,
		.bad = (enum narrow_role)head->bad };
	const struct ledger_facts_ship *known = narrow_chunk_reject(c->chunk, &row);

	extract_tick(c->x);
	if (c->job)
		ledger_reject(&c->rejects, known->ship, head->time, 0, json, sl_of(head->why));
	extract_reject(c->x, c->narrow->col[head->bad].name,
		head->no_value ? (struct sl){ NULL, 0 } : value, head->why, json,
		c->job != 0);
}

static void sort_in(struct live_chunk *c, struct sl record, int64_t time, struct sl ship)
{
	uint64_t biased = __builtin_bswap64((uint64_t)time ^ (UINT64_C(1) << 63));

	str_set(&c->key, (struct sl){ (const char *)&biased, sizeof biased });
	str_add(&c->key, ship);
	sorter_add(c->sorter, str_sl(&c->key), record);
	c->cells++;
	c->bytes += record.n;
}

void live_chunk_commit(struct live_chunk *c)
{
	struct sl record, ship, channel, value;
	struct head head;

	spool_rewind(&c->open);
	while (spool_next(&c->open, &record)) {
		take_apart(record, &head, &ship, &channel, &value);
		if (head.what == REJECT)
			take_reject(c, &head, ship, channel, value);
		else
			sort_in(c, record, head.time, ship);
	}
	spool_clear(&c->open);
}

uint64_t live_chunk_cells(const struct live_chunk *c)
{
	return c->cells;
}

uint64_t live_chunk_bytes(const struct live_chunk *c)
{
	return c->bytes;
}

/* ---- the chunk ------------------------------------------------------------------------------- */

static void write_cell(struct live_chunk *c, struct sl record)
{
	struct narrow_row row = { .why = NULL };
	struct sl value;
	struct head head;

	take_apart(record, &head, &row.ship, &row.channel, &value);
	row.time = head.time;
	row.value = (struct field){ .p = value.p,
		.n = head.value_n,
		.kind = head.kind,
		.plain = head.plain };
	extract_tick(c->x);
	KP("live_row");
	if (head.what == ERASE)
		narrow_chunk_delete(c->chunk, c->x->wr, &row);
	else
		narrow_chunk_put(c->chunk, c->x->wr, &row);
}

/* The range of a live chunk is that of its cells. */
static void set_range(struct ledger_facts *facts, int64_t now)
{
	facts->from = INT64_MAX;
	facts->to = INT64_MIN;
	narrow_chunk_spread(facts);
	if (facts->from >= facts->to) {
		facts->from = now;
		facts->to = now + 1;
	}
}

void live_chunk_seal(struct live_chunk *c, const struct ledger_follow *follow, int64_t now)
{
	struct ledger_facts *facts = &c->chunk->facts;
	struct sl key, record;

	facts->follow = *follow;
	if (c->job) {
		facts->job = c->job;
		facts->worker = follow->worker;
		ledger_reject_flush(&c->rejects);
	}
	set_range(facts, now);
	narrow_chunk_announce(c->chunk, c->x->wr);
	while (sorter_next(c->sorter, &key, &record))
		write_cell(c, record);
	set_range(facts, now);
	KP("live_seal");
	narrow_chunk_seal(c->chunk, c->x, SL(""));
	wr_flush(c->x->wr);
	c->cells = c->bytes = 0;
	narrow_chunk_begin(c->chunk, 0, 0);
}
