#include "pg/pgoutput.h"

#define MAX_COLUMNS 1664 /* of any tuple: MaxTupleAttributeNumber */

/* The rest of a message; `bad` once it was shorter than it had to be, or said what cannot be. */
struct rest {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t take(struct rest *r, size_t n)
{
	uint64_t v = 0;

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return 0;
	}
	while (n-- > 0)
		v = v << 8 | *r->p++;
	return v;
}

static struct sl take_bytes(struct rest *r, size_t n)
{
	struct sl s = { (const char *)r->p, n };

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return (struct sl){ "", 0 };
	}
	r->p += n;
	return s;
}

/* Up to its NUL, which is passed over. */
static struct sl take_string(struct rest *r)
{
	const unsigned char *nul = r->bad ? NULL : memchr(r->p, 0, (size_t)(r->end - r->p));
	struct sl s;

	if (!nul) {
		r->bad = true;
		return (struct sl){ "", 0 };
	}
	s = take_bytes(r, (size_t)(nul - r->p));
	r->p++;
	return s;
}

static size_t take_count(struct rest *r)
{
	size_t n = (size_t)take(r, 2);

	if (n > MAX_COLUMNS)
		r->bad = true;
	return r->bad ? 0 : n;
}

static void take_relation(struct rest *r, struct pgo *p, struct pgo_message *m)
{
	m->kind = PGO_RELATION;
	m->relid = (uint32_t)take(r, 4);
	m->schema = take_string(r);
	if (m->schema.n == 0)
		m->schema = SL("pg_catalog");
	m->table = take_string(r);
	m->identity = (char)take(r, 1);
	m->n_columns = take_count(r);
	mem_grow(&p->column, &p->column_cap, m->n_columns + 1, sizeof *p->column);
	for (size_t i = 0; i < m->n_columns; i++) {
		p->column[i].key = take(r, 1) & 1;
		p->column[i].name = take_string(r);
		(void)take(r, 8); /* its type and modifier: names and texts suffice */
	}
	m->column = p->column;
}

static size_t take_tuple(struct rest *r, struct pgo_value **values, size_t *cap)
{
	size_t n = take_count(r);

	mem_grow(values, cap, n + 1, sizeof **values);
	for (size_t i = 0; i < n; i++) {
		struct pgo_value *v = &(*values)[i];

		*v = (struct pgo_value){ .kind = PGO_NULL };
		switch (take(r, 1)) {
		case 'n':
			break;
		case 'u':
			v->kind = PGO_UNCHANGED;
			break;
		case 't':
			v->kind = PGO_TEXT;
			v->text = take_bytes(r, (size_t)take(r, 4));
			break;
		default: /* binary was not asked for */
			r->bad = true;
		}
	}
	return n;
}

static void take_change(struct rest *r, struct pgo *p, struct pgo_message *m)
{
	char tag;

	m->relid = (uint32_t)take(r, 4);
	tag = (char)take(r, 1);
	if (m->kind != PGO_INSERT && (tag == 'K' || tag == 'O')) {
		m->before_is_key = tag == 'K';
		m->n_before = take_tuple(r, &p->before, &p->before_cap);
		m->before = p->before;
		if (m->kind == PGO_DELETE)
			return;
		tag = (char)take(r, 1);
	}
	if (tag != 'N' || m->kind == PGO_DELETE)
		r->bad = true;
	m->n_now = take_tuple(r, &p->now, &p->now_cap);
	m->now = p->now;
}

static void take_truncate(struct rest *r, struct pgo *p, struct pgo_message *m)
{
	size_t n = (size_t)take(r, 4);

	m->kind = PGO_TRUNCATE;
	(void)take(r, 1); /* CASCADE, RESTART IDENTITY */
	if (r->bad || (size_t)(r->end - r->p) / 4 < n) {
		r->bad = true;
		return;
	}
	mem_grow(&p->relids, &p->relids_cap, n + 1, sizeof *p->relids);
	for (size_t i = 0; i < n; i++)
		p->relids[i] = (uint32_t)take(r, 4);
	m->relids = p->relids;
	m->n_relids = n;
}

static void take_begin(struct rest *r, struct pgo_message *m)
{
	m->kind = PGO_BEGIN;
	m->lsn = take(r, 8);
	m->time = (int64_t)take(r, 8);
	m->xid = (uint32_t)take(r, 4);
}

static void take_commit(struct rest *r, struct pgo_message *m)
{
	m->kind = PGO_COMMIT;
	if (take(r, 1) != 0)
		r->bad = true; /* flags, of which there are none */
	m->lsn = take(r, 8);
	m->end_lsn = take(r, 8);
	m->time = (int64_t)take(r, 8);
}

const char *pgo_parse(struct pgo *p, struct sl raw, struct pgo_message *m)
{
	struct rest r = { (const unsigned char *)raw.p, (const unsigned char *)raw.p + raw.n,
		false };
	char tag = (char)take(&r, 1);

	*m = (struct pgo_message){ .kind = PGO_OTHER };
	if (r.bad)
		return "an empty message";
	switch (tag) {
	case 'B':
		take_begin(&r, m);
		break;
	case 'C':
		take_commit(&r, m);
		break;
	case 'R':
		take_relation(&r, p, m);
		break;
	case 'I':
	case 'U':
	case 'D':
		m->kind = tag == 'I' ? PGO_INSERT : tag == 'U' ? PGO_UPDATE : PGO_DELETE;
		take_change(&r, p, m);
		break;
	case 'T':
		take_truncate(&r, p, m);
		break;
	case 'O': /* origin: LSN, name */
		(void)take(&r, 8);
		(void)take_string(&r);
		break;
	case 'Y': /* type: oid, schema, name */
		(void)take(&r, 4);
		(void)take_string(&r);
		(void)take_string(&r);
		break;
	case 'M': /* logical message: flags, LSN, prefix, content */
		(void)take_bytes(&r, 9);
		(void)take_string(&r);
		(void)take_bytes(&r, (size_t)take(&r, 4));
		break;
	default:
		return "a message of an unknown kind";
	}
	if (r.bad)
		return "a message that is cut or spoiled";
	return r.p == r.end ? NULL : "a message that is longer than it says";
}

void pgo_free(struct pgo *p)
{
	mem_free(p->column);
	mem_free(p->now);
	mem_free(p->before);
	mem_free(p->relids);
}
