/*
 * Messages of pgoutput as a server of version 15 sent them (pg_logical_slot_get_binary_changes):
 * read whole, cut at every byte, and spoiled in every bit; and what becomes of them as rows.
 */
#include "follow/slot_rows.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"

#include "tap.h"

static const char *const recorded[] = {
	/* begin */
	"42000000000152ae80000303c97a7cfc1b000002d9",
	/* type */
	"590000400274656e616e74006d6f6f6400",
	/* relation */
	"520000400574656e616e74006e0064000501736869705f69640000000019ffffffff01646174615f"
	"6368616e6e656c5f69640000000019ffffffff01637265617465645f74696d65000000045affffff"
	"ff00760000000019ffffffff006d0000004002ffffffff",
	/* insert */
	"49000040054e00057400000001537400000001637400000013323032342d30312d30312030303a30"
	"303a303074000000017674000000026f6b",
	/* insert */
	"49000040054e00057400000001537400000001647400000013323032342d30312d30312030303a30"
	"303a30306e6e",
	/* commit */
	"4300000000000152ae80000000000152aeb0000303c97a7cfc1b",
	/* begin */
	"42000000000152bc78000303c97a7cfd8c000002da",
	/* commit */
	"4300000000000152bc78000000000152bca8000303c97a7cfd8c",
	/* begin */
	"42000000000152bd08000303c97a7cff8d000002db",
	/* update */
	"55000040054e00057400000001537400000001637400000013323032342d30312d30312030303a30"
	"303a303074000000017774000000026f6b",
	/* commit */
	"4300000000000152bd08000000000152bd38000303c97a7cff8d",
	/* begin */
	"42000000000152be38000303c97a7d0006000002dc",
	/* update */
	"55000040054b00057400000001537400000001657400000013323032342d30312d30312030303a30"
	"303a30306e6e4e00057400000001537400000001667400000013323032342d30312d30312030303a"
	"30303a3030756e",
	/* commit */
	"4300000000000152be38000000000152be68000303c97a7d0006",
	/* begin */
	"42000000000152c0a8000303c97a7d00ef000002de",
	/* type */
	"590000400274656e616e74006d6f6f6400",
	/* relation */
	"520000400574656e616e74006e0066000501736869705f69640000000019ffffffff01646174615f"
	"6368616e6e656c5f69640000000019ffffffff01637265617465645f74696d65000000045affffff"
	"ff01760000000019ffffffff016d0000004002ffffffff",
	/* update */
	"55000040054f00057400000001537400000001647400000013323032342d30312d30312030303a30"
	"303a30306e6e4e00057400000001537400000001647400000013323032342d30312d30312030303a"
	"30303a303074000000006e",
	/* commit */
	"4300000000000152c0a8000000000152c0d8000303c97a7d00ef",
	/* begin */
	"42000000000152c130000303c97a7d0130000002df",
	/* delete */
	"44000040054f00057400000001537400000001637400000013323032342d30312d30312030303a30"
	"303a303074000000017774000000026f6b",
	/* commit */
	"4300000000000152c130000000000152c160000303c97a7d0130",
	/* begin */
	"42000000000152c368000303c97a7d01c2000002e1",
	/* type */
	"590000400274656e616e74006d6f6f6400",
	/* relation */
	"520000400574656e616e74006e0064000501736869705f69640000000019ffffffff01646174615f"
	"6368616e6e656c5f69640000000019ffffffff01637265617465645f74696d65000000045affffff"
	"ff00760000000019ffffffff006d0000004002ffffffff",
	/* delete */
	"44000040054b00057400000001537400000001647400000013323032342d30312d30312030303a30"
	"303a30306e6e",
	/* commit */
	"4300000000000152c368000000000152c398000303c97a7d01c2",
	/* begin */
	"42000000000152c3d8000303c97a7d022a000002e2",
	/* message */
	"4d01000000000152c3d8666572727900000000026869",
	/* commit */
	"4300000000000152c3d8000000000152c408000303c97a7d022a",
	/* begin */
	"42000000000152c7000002b0d5d4e94000000002e4",
	/* origin */
	"4f00000000000012346f00",
	/* insert */
	"49000040054e000574000000015374000000016f7400000013323032342d30312d30312030303a30"
	"303a303074000000017674000000026f6b",
	/* commit */
	"4300000000000152c700000000000152c7480002b0d5d4e94000",
	/* begin */
	"42000000000152d2d80002b0d5d4e94000000002e5",
	/* origin */
	"4f00000000000012346f00",
	/* type */
	"590000400274656e616e74006d6f6f6400",
	/* relation */
	"520000400574656e616e74006e0064000501736869705f69640000000019ffffffff01646174615f"
	"6368616e6e656c5f69640000000019ffffffff01637265617465645f74696d65000000045affffff"
	"ff00760000000019ffffffff006d0000004002ffffffff",
	/* truncate */
	"54000000010000004005",
	/* commit */
	"4300000000000152d2d8000000000152d4580002b0d5d4e94000",
};

#define LONGEST 1024

static size_t decode(const char *hex, char *dst)
{
	size_t n = 0;

	for (; hex[0]; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };

		dst[n++] = (char)strtoul(two, NULL, 16);
	}
	return n;
}

static void test_kinds(void)
{
	static const char kinds[] = "BYRIICBCBUCBUCBYRUCBDCBYRDCBMCBOICBOYRTC";
	struct pgo pgo = { 0 };
	struct pgo_message m;
	char raw[LONGEST];
	size_t good = 0;

	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		size_t n = decode(recorded[i], raw);

		good += !pgo_parse(&pgo, (struct sl){ raw, n }, &m) && raw[0] == kinds[i];
	}
	tap(good == ARRAY_LEN(recorded) && good == sizeof kinds - 1,
		"every recorded message is read: %zu", good);
	pgo_free(&pgo);
}

/* A copy of exactly this length, so that a sanitizer sees a byte read too far. */
static const char *parse(struct pgo *pgo, const char *raw, size_t n, struct pgo_message *m)
{
	char *copy = mem_alloc(n + !n);
	const char *why;

	memcpy(copy, raw, n);
	why = pgo_parse(pgo, (struct sl){ copy, n }, m);
	mem_free(copy);
	return why;
}

static void test_cut(void)
{
	struct pgo pgo = { 0 };
	struct pgo_message m;
	char raw[LONGEST];
	size_t tried = 0, refused = 0, longer = 0;

	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		size_t n = decode(recorded[i], raw);

		for (size_t cut = 0; cut < n; cut++, tried++)
			refused += parse(&pgo, raw, cut, &m) != NULL;
		raw[n] = 'n';
		longer += parse(&pgo, raw, n + 1, &m) != NULL;
	}
	tap(refused == tried && tried > 1000, "every prefix is refused: %zu of %zu", refused,
		tried);
	tap(longer == ARRAY_LEN(recorded), "a byte more is refused, too");
	pgo_free(&pgo);
}

static bool is_within(struct sl s, const char *raw, size_t n)
{
	return s.n == 0 || (s.p >= raw && s.p + s.n <= raw + n);
}

/* What was read of a spoiled message may be wrong, but nothing lies outside of it. */
static bool is_sane(const struct pgo_message *m, const char *raw, size_t n)
{
	for (size_t i = 0; i < m->n_now; i++)
		if (!is_within(m->now[i].text, raw, n))
			return false;
	for (size_t i = 0; i < m->n_before; i++)
		if (!is_within(m->before[i].text, raw, n))
			return false;
	for (size_t i = 0; i < m->n_columns; i++)
		if (!is_within(m->column[i].name, raw, n))
			return false;
	return m->n_now <= n && m->n_before <= n && m->n_columns <= n && m->n_relids <= n;
}

static void test_spoiled(void)
{
	struct pgo pgo = { 0 };
	struct pgo_message m;
	char raw[LONGEST];
	size_t tried = 0, sane = 0, refused = 0;

	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		size_t n = decode(recorded[i], raw);
		char *copy = mem_alloc(n);

		for (size_t bit = 0; bit < 8 * n; bit++, tried++) {
			const char *why;

			memcpy(copy, raw, n);
			copy[bit / 8] ^= (char)(1 << bit % 8);
			why = pgo_parse(&pgo, (struct sl){ copy, n }, &m);
			refused += why != NULL;
			sane += why || is_sane(&m, copy, n);
		}
		mem_free(copy);
	}
	tap(sane == tried, "a spoiled bit leads nowhere outside: %zu of %zu", sane, tried);
	tap(refused > 0, "and is often noticed: %zu", refused);
	pgo_free(&pgo);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void put_cell(struct str *s, const char *what, const struct narrow_row *row)
{
	str_addf(s, "%s %.*s %.*s", what, (int)row->ship.n, row->ship.p, (int)row->channel.n,
		row->channel.p);
}

static void on_put(void *ctx, const struct narrow_reader *reader, const struct narrow_row *row)
{
	(void)reader;
	put_cell(ctx, "put", row);
	if (field_is_null(&row->value))
		str_addz(ctx, " NULL\n");
	else
		str_addf(ctx, " '%.*s'\n", (int)row->value.n, row->value.p);
}

static void on_erase(void *ctx, const struct narrow_row *row)
{
	put_cell(ctx, "erase", row);
	str_addc(ctx, '\n');
}

static void on_fetch(void *ctx, const struct narrow_row *row)
{
	put_cell(ctx, "fetch", row);
	str_addc(ctx, '\n');
}

static bool no_part(void *ctx, uint32_t relid, bool as_table)
{
	(void)ctx;
	(void)as_table;
	(void)relid;
	return false;
}

static const struct narrow narrow = {
	.table = "tenant.n",
	.oid = "16389",
	.unique = true,
	.col = { [NARROW_SHIP] = { .name = SL_INIT("ship_id") },
		[NARROW_CHANNEL] = { .name = SL_INIT("data_channel_id") },
		[NARROW_TIME] = { .name = SL_INIT("created_time") },
		[NARROW_VALUE] = { .name = SL_INIT("v") } },
};

static void test_rows(void)
{
	struct str got = { 0 };
	struct slot_rows *rows = slot_rows_open(&(struct slot_rows_conf){ .narrow = &narrow,
		.is_part = no_part,
		.put = on_put,
		.erase = on_erase,
		.fetch = on_fetch,
		.ctx = &got });
	struct pgo pgo = { 0 };
	struct pgo_message m;
	char raw[LONGEST];
	bool truncated = false;

	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		size_t n = decode(recorded[i], raw);

		if (pgo_parse(&pgo, (struct sl){ raw, n }, &m))
			continue;
		if (m.kind == PGO_RELATION || (m.kind >= PGO_INSERT && m.kind <= PGO_DELETE))
			slot_rows_take(rows, &m);
		truncated |= m.kind == PGO_TRUNCATE && slot_rows_truncates(rows, &m);
	}
	/* the row of channel e was too long to be kept here: its move is what is left of it */
	tap_same(str_sl(&got),
		SL("put S c 'v'\nput S d NULL\nput S c 'w'\nerase S e\nfetch S f\n"
		   "put S d ''\nerase S c\nerase S d\nput S o 'v'\n"),
		"the recorded messages as cells");
	tap(truncated, "a TRUNCATE is told");
	slot_rows_close(rows);
	pgo_free(&pgo);
	str_free(&got);
}

int main(int argc, char **argv)
{
	(void)argc;
	msg_init(argv[0]);
	test_kinds();
	test_cut();
	test_spoiled();
	test_rows();
	return tap_done();
}
