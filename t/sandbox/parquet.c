#include "parquet.h"

#include "core/clock.h"
#include "core/msg.h"
#include "core/num.h"
#include "stream/z.h"

#define ROW_GROUP ((size_t)1 << 20) /* bytes of values; real files have larger ones */

/* Numbers of parquet.thrift. */
enum physical { P_BOOLEAN = 0, P_INT32 = 1, P_INT64 = 2, P_INT96 = 3, P_DOUBLE = 5, P_BYTES = 6 };
enum { OPTIONAL = 1, PLAIN = 0, RLE = 3, UTF8 = 0, DATE = 6, UNCOMPRESSED = 0, GZIP = 2 };

/* Types of Thrift's compact protocol. */
enum { T_I32 = 5, T_I64 = 6, T_BINARY = 8, T_LIST = 9, T_STRUCT = 12 };

struct column {
	const struct trino_column *trino;
	struct str values;   /* PLAIN, without NULLs */
	struct str levels;   /* one bit a row: is there a value? */
	uint64_t n_bits;     /* booleans in `values` */
	uint64_t at, packed; /* of the newest chunk: its place and size in the file */
	uint64_t size;       /* and its size before compression */
};

struct parquet {
	struct column *v;
	size_t n, next; /* next: the column of the next value */
	bool gzip;
	uint64_t offset;     /* bytes of the file so far */
	uint64_t rows, kept; /* all of them; those not in a row group yet */
	struct str groups;   /* descriptions of the row groups, for the footer */
	uint64_t n_groups;
};

/* ---- Thrift -------------------------------------------------------------------------------- */

static void put_varint(struct str *s, uint64_t v)
{
	for (; v > 127; v >>= 7)
		str_addc(s, (char)(v | 128));
	str_addc(s, (char)v);
}

static void put_number(struct str *s, int64_t v)
{
	put_varint(s, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_text(struct str *s, struct sl text)
{
	put_varint(s, text.n);
	str_add(s, text);
}

/* Fields of a structure, in ascending order of their numbers: *last is that of the one before. */
static void field(struct str *s, int *last, int number, int type)
{
	str_addc(s, (char)((number - *last) << 4 | type));
	*last = number;
}

static void field_number(struct str *s, int *last, int number, int type, int64_t v)
{
	field(s, last, number, type);
	put_number(s, v);
}

static void field_list(struct str *s, int *last, int number, int type, size_t n)
{
	field(s, last, number, T_LIST);
	if (n < 15) {
		str_addc(s, (char)((int)n << 4 | type));
	} else {
		str_addc(s, (char)(0xf0 | type));
		put_varint(s, n);
	}
}

/* ---- values -------------------------------------------------------------------------------- */

static enum physical physical_of(enum trino_type type)
{
	switch (type) {
	case TYPE_BOOLEAN:
		return P_BOOLEAN;
	case TYPE_INTEGER:
	case TYPE_DATE:
		return P_INT32;
	case TYPE_BIGINT:
		return P_INT64;
	case TYPE_DOUBLE:
		return P_DOUBLE;
	case TYPE_TIMESTAMP:
		return P_INT96;
	default:
		return P_BYTES;
	}
}

const struct trino_column *parquet_unsupported(const struct trino_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (columns[i].type != TYPE_VARCHAR && physical_of(columns[i].type) == P_BYTES)
			return &columns[i];
	return NULL;
}

/* The machines this runs on have their least significant byte first, as Parquet wants it. */
static void put_raw(struct str *s, const void *p, size_t n)
{
	str_add(s, (struct sl){ p, n });
}

static void put_bit(struct str *s, uint64_t at, bool bit)
{
	if (at % 8 == 0)
		str_addc(s, '\0');
	if (bit)
		s->p[s->n - 1] = (char)(s->p[s->n - 1] | 1 << at % 8);
}

/* Microseconds since 1970. */
static int64_t unix_us(struct sl text)
{
	int64_t t = 0;

	if (!clock_parse(text, &t))
		die(EX_BUG, "no time: %s", msg_q(text));
	return t - CLOCK_UNIX_EPOCH;
}

/* Hive's timestamp: nanoseconds of the day, and the day since 4713 BC. */
static void put_timestamp(struct str *s, struct sl text)
{
	int64_t t = unix_us(text), day = clock_floor(t, CLOCK_US_PER_DAY);
	int64_t nanos = (t - day) * 1000;
	int32_t julian = (int32_t)(day / CLOCK_US_PER_DAY + 2440588);

	put_raw(s, &nanos, sizeof nanos);
	put_raw(s, &julian, sizeof julian);
}

static void put_date(struct str *s, struct sl text)
{
	int32_t days = (int32_t)(clock_floor(unix_us(text), CLOCK_US_PER_DAY) / CLOCK_US_PER_DAY);

	put_raw(s, &days, sizeof days);
}

static void put_plain(struct column *c, struct sl text)
{
	char number[64];
	int64_t whole = 0;
	int32_t small;
	double real;

	switch (c->trino->type) {
	case TYPE_BOOLEAN:
		put_bit(&c->values, c->n_bits++, text.p[0] == 't');
		return;
	case TYPE_DATE:
		put_date(&c->values, text);
		return;
	case TYPE_TIMESTAMP:
		put_timestamp(&c->values, text);
		return;
	case TYPE_DOUBLE:
		(void)snprintf(number, sizeof number, "%.*s", (int)text.n, text.p);
		real = strtod(number, NULL);
		put_raw(&c->values, &real, sizeof real);
		return;
	case TYPE_INTEGER:
	case TYPE_BIGINT:
		if (!num_i64(text, &whole))
			die(EX_BUG, "no whole number: %s", msg_q(text));
		small = (int32_t)whole;
		if (c->trino->type == TYPE_BIGINT)
			put_raw(&c->values, &whole, sizeof whole);
		else
			put_raw(&c->values, &small, sizeof small);
		return;
	default:
		small = (int32_t)text.n;
		put_raw(&c->values, &small, sizeof small);
		str_add(&c->values, text);
	}
}

void parquet_value(struct parquet *p, struct sl text)
{
	struct column *c = &p->v[p->next++];

	put_bit(&c->levels, p->kept, text.p != NULL);
	if (text.p)
		put_plain(c, text);
}

/* ---- pages and row groups ------------------------------------------------------------------ */

static void compress(struct sl raw, struct str *out)
{
	struct z_deflate *z = z_deflate_new(Z_GZIP, 1);
	char buf[65536];
	size_t n;

	while ((n = z_deflate_some(z, &raw, buf, sizeof buf, Z_END)) > 0)
		str_add(out, (struct sl){ buf, n });
	z_deflate_free(z);
}

static void put_page_header(struct str *s, uint64_t rows, size_t size, size_t packed)
{
	int outer = 0, inner = 0;

	field_number(s, &outer, 1, T_I32, 0); /* a data page */
	field_number(s, &outer, 2, T_I32, (int64_t)size);
	field_number(s, &outer, 3, T_I32, (int64_t)packed);
	field(s, &outer, 5, T_STRUCT);
	field_number(s, &inner, 1, T_I32, (int64_t)rows);
	field_number(s, &inner, 2, T_I32, PLAIN);
	field_number(s, &inner, 3, T_I32, RLE); /* levels of definition, of repetition */
	field_number(s, &inner, 4, T_I32, RLE);
	str_addc(s, 0);
	str_addc(s, 0);
}

/* One page: the levels, as one run of packed bits with its length before it, and the values. */
static void put_chunk(struct parquet *p, struct column *c, struct str *out)
{
	struct str page = { 0 }, run = { 0 }, packed = { 0 }, head = { 0 };
	uint32_t length;

	put_varint(&run, c->levels.n << 1 | 1);
	str_add(&run, str_sl(&c->levels));
	length = (uint32_t)run.n;
	put_raw(&page, &length, sizeof length);
	str_add(&page, str_sl(&run));
	str_add(&page, str_sl(&c->values));
	if (p->gzip)
		compress(str_sl(&page), &packed);
	else
		str_add(&packed, str_sl(&page));
	put_page_header(&head, p->kept, page.n, packed.n);
	c->at = p->offset;
	c->size = head.n + page.n;
	c->packed = head.n + packed.n;
	p->offset += c->packed;
	str_add(out, str_sl(&head));
	str_add(out, str_sl(&packed));
	str_free(&page);
	str_free(&run);
	str_free(&packed);
	str_free(&head);
}

static void describe_chunk(struct parquet *p, const struct column *c)
{
	struct str *s = &p->groups;
	int outer = 0, inner = 0;

	field_number(s, &outer, 2, T_I64, (int64_t)c->at);
	field(s, &outer, 3, T_STRUCT);
	field_number(s, &inner, 1, T_I32, physical_of(c->trino->type));
	field_list(s, &inner, 2, T_I32, 2);
	put_number(s, PLAIN);
	put_number(s, RLE);
	field_list(s, &inner, 3, T_BINARY, 1);
	put_text(s, c->trino->name);
	field_number(s, &inner, 4, T_I32, p->gzip ? GZIP : UNCOMPRESSED);
	field_number(s, &inner, 5, T_I64, (int64_t)p->kept);
	field_number(s, &inner, 6, T_I64, (int64_t)c->size);
	field_number(s, &inner, 7, T_I64, (int64_t)c->packed);
	field_number(s, &inner, 9, T_I64, (int64_t)c->at);
	str_addc(s, 0);
	str_addc(s, 0);
}

static void end_group(struct parquet *p, struct str *out)
{
	uint64_t size = 0;
	int last = 0;

	if (p->kept == 0)
		return;
	field_list(&p->groups, &last, 1, T_STRUCT, p->n);
	for (size_t i = 0; i < p->n; i++) {
		struct column *c = &p->v[i];

		put_chunk(p, c, out);
		describe_chunk(p, c);
		size += c->size;
		str_clear(&c->values);
		str_clear(&c->levels);
		c->n_bits = 0;
	}
	field_number(&p->groups, &last, 2, T_I64, (int64_t)size);
	field_number(&p->groups, &last, 3, T_I64, (int64_t)p->kept);
	str_addc(&p->groups, 0);
	p->n_groups++;
	p->kept = 0;
}

void parquet_row_end(struct parquet *p, struct str *out)
{
	size_t size = 0;

	p->next = 0;
	p->kept++;
	p->rows++;
	for (size_t i = 0; i < p->n; i++)
		size += p->v[i].values.n + p->v[i].levels.n;
	if (size > ROW_GROUP)
		end_group(p, out);
}

/* ---- the file ------------------------------------------------------------------------------ */

struct parquet *parquet_new(
	const struct trino_column *columns, size_t n, bool gzip, struct str *out)
{
	struct parquet *p = mem_zalloc(sizeof *p);

	p->v = mem_zalloc(mem_mul(n, sizeof *p->v));
	for (p->n = 0; p->n < n; p->n++)
		p->v[p->n].trino = &columns[p->n];
	p->gzip = gzip;
	str_addz(out, "PAR1");
	p->offset = 4;
	return p;
}

static void put_schema(struct str *s, int *outer, const struct parquet *p)
{
	int last = 0;

	field_list(s, outer, 2, T_STRUCT, p->n + 1);
	field(s, &last, 4, T_BINARY);
	put_text(s, SL("trino_schema"));
	field_number(s, &last, 5, T_I32, (int64_t)p->n);
	str_addc(s, 0);
	for (size_t i = 0; i < p->n; i++) {
		enum trino_type type = p->v[i].trino->type;

		last = 0;
		field_number(s, &last, 1, T_I32, physical_of(type));
		field_number(s, &last, 3, T_I32, OPTIONAL);
		field(s, &last, 4, T_BINARY);
		put_text(s, p->v[i].trino->name);
		if (type == TYPE_VARCHAR || type == TYPE_DATE)
			field_number(s, &last, 6, T_I32, type == TYPE_DATE ? DATE : UTF8);
		str_addc(s, 0);
	}
}

void parquet_end(struct parquet *p, struct str *out)
{
	struct str footer = { 0 };
	uint32_t length;
	int last = 0;

	end_group(p, out);
	field_number(&footer, &last, 1, T_I32, 1);
	put_schema(&footer, &last, p);
	field_number(&footer, &last, 3, T_I64, (int64_t)p->rows);
	field_list(&footer, &last, 4, T_STRUCT, p->n_groups);
	str_add(&footer, str_sl(&p->groups));
	field(&footer, &last, 6, T_BINARY);
	put_text(&footer, SL("ferry-sandbox"));
	str_addc(&footer, 0);
	length = (uint32_t)footer.n;
	str_add(out, str_sl(&footer));
	put_raw(out, &length, sizeof length);
	str_addz(out, "PAR1");
	str_free(&footer);
}

void parquet_free(struct parquet *p)
{
	for (size_t i = 0; i < p->n; i++) {
		str_free(&p->v[i].values);
		str_free(&p->v[i].levels);
	}
	str_free(&p->groups);
	mem_free(p->v);
	mem_free(p);
}
