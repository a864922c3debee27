/*
 * pgoutput: whatever is taken says just what stands there. A message that is written again from
 * what was read of it has the same bytes, all of them; only what is passed over is copied.
 */
#include "fuzz.h"
#include "pg/pgoutput.h"

/* The message once more; `raw` lends flags, types, modifiers, and the empty name of pg_catalog. */
struct again {
	struct str s;
	struct sl raw;
};

static void put(struct again *a, uint64_t v, size_t bytes)
{
	while (bytes-- > 0)
		str_addc(&a->s, (char)(v >> 8 * bytes & 255));
}

static void copy(struct again *a, size_t n)
{
	CHECK(a->s.n + n <= a->raw.n, "more was read than there is");
	str_add(&a->s, (struct sl){ a->raw.p + a->s.n, n });
}

static void put_z(struct again *a, struct sl s)
{
	str_add(&a->s, s);
	str_addc(&a->s, '\0');
}

static void put_tuple(struct again *a, const struct pgo_value *v, size_t n)
{
	put(a, n, 2);
	for (size_t i = 0; i < n; i++) {
		str_addc(&a->s, "ntu"[v[i].kind]);
		if (v[i].kind == PGO_TEXT) {
			put(a, v[i].text.n, 4);
			str_add(&a->s, v[i].text);
		}
	}
}

static void put_change(struct again *a, const struct pgo_message *m)
{
	put(a, m->relid, 4);
	if (m->before) {
		str_addc(&a->s, m->before_is_key ? 'K' : 'O');
		put_tuple(a, m->before, m->n_before);
	}
	if (m->now) {
		str_addc(&a->s, 'N');
		put_tuple(a, m->now, m->n_now);
	}
}

static void put_relation(struct again *a, const struct pgo_message *m)
{
	bool unsaid = a->raw.n > 5 && a->raw.p[5] == '\0';

	put(a, m->relid, 4);
	put_z(a, unsaid ? SL("") : m->schema);
	put_z(a, m->table);
	put(a, (unsigned char)m->identity, 1);
	put(a, m->n_columns, 2);
	for (size_t i = 0; i < m->n_columns; i++) {
		CHECK(m->column[i].key == (a->raw.p[a->s.n] & 1), "key of column %d", (int)i);
		copy(a, 1);
		put_z(a, m->column[i].name);
		copy(a, 8);
	}
	CHECK(!unsaid || sl_eq(m->schema, SL("pg_catalog")), "schema");
}

static void put_message(struct again *a, const struct pgo_message *m)
{
	copy(a, 1);
	switch (m->kind) {
	case PGO_BEGIN:
		put(a, m->lsn, 8);
		put(a, (uint64_t)m->time, 8);
		put(a, m->xid, 4);
		break;
	case PGO_COMMIT:
		put(a, 0, 1);
		put(a, m->lsn, 8);
		put(a, m->end_lsn, 8);
		put(a, (uint64_t)m->time, 8);
		break;
	case PGO_RELATION:
		put_relation(a, m);
		break;
	case PGO_INSERT:
	case PGO_UPDATE:
	case PGO_DELETE:
		put_change(a, m);
		break;
	case PGO_TRUNCATE:
		put(a, m->n_relids, 4);
		copy(a, 1);
		for (size_t i = 0; i < m->n_relids; i++)
			put(a, m->relids[i], 4);
		break;
	case PGO_OTHER:
		copy(a, a->raw.n - 1);
		break;
	}
}

const unsigned fuzz_times = 10;

/* Messages, each behind a byte that says how long it is; the last one may be longer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	struct pgo p = { 0 };
	struct pgo_message m;

	while (in.n > 0) {
		size_t len = (unsigned char)*in.p;
		char *exact;
		const char *why;

		if (len == 255 || len > in.n - 1)
			len = in.n - 1;
		exact = mem_sldup((struct sl){ in.p + 1, len });
		exact = mem_realloc(exact, len); /* no byte more, so that one read behind is seen */
		why = pgo_parse(&p, (struct sl){ exact, len }, &m);
		if (!why) {
			struct again a = { .raw = { exact, len } };

			put_message(&a, &m);
			CHECK_SAME(str_sl(&a.s), a.raw);
			str_free(&a.s);
		}
		mem_free(exact);
		in = (struct sl){ in.p + 1 + len, in.n - 1 - len };
	}
	pgo_free(&p);
	return 0;
}
