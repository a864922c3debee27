/* The process of one query. Its report is {"error":TEXT} or what athena.c takes in. */
#include "athena.h"
#include "athena_row.h"
#include "core/msg.h"
#include "core/num.h"
#include "crypt.h"
#include "offline.h"
#include "pg/conn.h"
#include "s3_store.h"
#include "stream/z.h"
#include "trino.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define PARTS 4
#define ROWS_OF_A_PART 1000 /* in a row, before the next part has its turn */
#define FLUSH (256 << 10)

struct part {
	uint64_t file;
	int fd;
	struct str buffer;
	struct z_deflate *z;
	struct parquet *parquet;
};

struct run {
	const struct athena_query *q;
	struct trino_statement statement;
	struct arena mem;
	struct pg *pg;
	struct part part[PARTS];
	struct str files; /* of the report: [file, bucket, key] each */
	uint64_t rows, scanned;
	int report;
};

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0)
			_exit(EX_IO);
		p += put;
		n -= (size_t)put;
	}
}

static void end_with(struct run *r, struct sl error) NORETURN;
static void end_with(struct run *r, struct sl error)
{
	struct str s = { 0 };

	put_member(&s, "error", error);
	str_addc(&s, '}');
	write_all(r->report, s.p, s.n);
	_exit(EX_DONE);
}

/* PostgreSQL's refusal in Athena's words, where it has some. */
static void fail_from_server(struct run *r) NORETURN;
static void fail_from_server(struct run *r)
{
	static const struct {
		const char *sqlstate, *text;
	} known[] = {
		{ "22012", "DIVISION_BY_ZERO: Division by zero" },
		{ "22003", "NUMERIC_VALUE_OUT_OF_RANGE: value out of range" },
		{ "42803", "EXPRESSION_NOT_AGGREGATE: a column must be an aggregate expression or "
			   "appear in "
			   "GROUP BY clause" },
		{ "21000", "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows" },
	};
	const char *state = pg_sqlstate(r->pg);
	struct str s = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(state, known[i].sqlstate) == 0)
			end_with(r, sl_of(known[i].text));
	if (strcmp(state, "ZF001") == 0)
		end_with(r, sl_of(pg_error(r->pg)));
	str_addf(&s, "SANDBOX_UNSUPPORTED: PostgreSQL says: %s", pg_error(r->pg));
	end_with(r, str_sl(&s));
}

static void open_part(struct run *r, struct part *p, enum athena_form form)
{
	const struct trino_statement *s = &r->statement;
	bool gzip = sl_eq(s->compression, SL("gzip"));

	p->file = s3_store_file(&p->fd);
	if (form == ATHENA_PARQUET) /* compresses its pages, not the file */
		p->parquet = parquet_new(s->columns, s->n_columns, gzip, &p->buffer);
	else if (form == ATHENA_JSON && gzip)
		p->z = z_deflate_new(Z_GZIP, 1);
}

static void flush_part(struct part *p, bool finish)
{
	static char out[FLUSH];
	struct sl in = str_sl(&p->buffer);
	size_t n;

	if (!p->z)
		write_all(p->fd, in.p, in.n);
	while (p->z && (n = z_deflate_some(p->z, &in, out, sizeof out,
				finish ? Z_END : Z_MORE)) > 0)
		write_all(p->fd, out, n);
	str_clear(&p->buffer);
}

static void add_file(struct run *r, uint64_t file, struct sl location, struct sl name)
{
	str_addf(&r->files, "%s[%llu,", r->files.n ? "," : "", (unsigned long long)file);
	str_add_json(&r->files, location);
	str_addc(&r->files, ',');
	str_add_json(&r->files, name);
	str_addc(&r->files, ']');
}

static void close_part(struct run *r, struct part *p, struct sl location, struct sl name)
{
	if (p->parquet) {
		parquet_end(p->parquet, &p->buffer);
		parquet_free(p->parquet);
	}
	flush_part(p, true);
	if (p->z)
		z_deflate_free(p->z);
	(void)close(p->fd);
	add_file(r, p->file, location, name);
}

static void copy_out(struct run *r, size_t parts, enum athena_form form)
{
	struct str sql = { 0 };
	struct sl row;
	enum pg_copy got;

	str_addf(&sql, "EXPLAIN %.*s", (int)r->statement.sql.n, r->statement.sql.p);
	if (!pg_try_exec(r->pg, str_z(&sql))) /* what COPY would refuse at once */
		fail_from_server(r);
	str_clear(&sql);
	str_addf(&sql, "COPY (%.*s) TO STDOUT", (int)r->statement.sql.n, r->statement.sql.p);
	pg_copy_out(r->pg, str_z(&sql));
	while ((got = pg_copy_try_row(r->pg, &row)) == PG_COPY_ROW) {
		struct part *p = &r->part[r->rows++ / ROWS_OF_A_PART % parts];

		if (!p->file)
			open_part(r, p, form);
		athena_add_row(&p->buffer, form, p->parquet, &r->statement, row);
		if (p->buffer.n > FLUSH)
			flush_part(p, false);
	}
	if (got == PG_COPY_FAILED)
		fail_from_server(r);
	str_free(&sql);
}

static struct sl printed(struct run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct sl printed(struct run *r, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return arena_dup(
		&r->mem, (struct sl){ text, n < (int)sizeof text ? (size_t)n : sizeof text - 1 });
}

static void run_select(struct run *r)
{
	struct part *p = &r->part[0];

	open_part(r, p, ATHENA_CSV);
	for (size_t i = 0; i < r->statement.n_columns; i++) {
		str_addz(&p->buffer, i ? "," : "");
		athena_add_csv_value(&p->buffer, TYPE_VARCHAR, r->statement.columns[i].name);
	}
	str_addc(&p->buffer, '\n');
	copy_out(r, 1, ATHENA_CSV);
	close_part(r, p, r->q->location, printed(r, "%.*s.csv", (int)r->q->id.n, r->q->id.p));
}

static void check_target(struct run *r)
{
	struct sl location = r->statement.location, bucket, prefix;
	const char *slash;
	struct s3_bucket *b;
	size_t at;

	slash = location.n > 5 ? memchr(location.p + 5, '/', location.n - 5) : NULL;
	if (!slash || memcmp(location.p, "s3://", 5) != 0 || location.p[location.n - 1] != '/')
		end_with(r, printed(r,
				    "INVALID_PROPERTY_VALUE: the location of UNLOAD must be "
				    "s3://bucket/"
				    "prefix/: %.*s",
				    (int)location.n, location.p));
	bucket = (struct sl){ location.p + 5, (size_t)(slash - location.p - 5) };
	prefix = (struct sl){ slash + 1, location.n - (size_t)(slash + 1 - location.p) };
	b = s3_bucket_find(bucket);
	at = b ? s3_store_lower_bound(b, prefix) : 0;
	if (b && at < b->n && b->v[at]->key.n >= prefix.n &&
		memcmp(b->v[at]->key.p, prefix.p, prefix.n) == 0)
		end_with(r, printed(r,
				    "HIVE_PATH_ALREADY_EXISTS: Target directory for table "
				    "'awsdatacatalog.%.*s' already exists: %.*s. You may need to "
				    "manually "
				    "clean the data at location '%.*s' before retrying. Athena "
				    "will not "
				    "delete data in your account.",
				    (int)r->q->database.n, r->q->database.p, (int)location.n,
				    location.p, (int)location.n, location.p));
}

/* Which format, and how compressed: gzip unless told otherwise, as in Athena. */
static enum athena_form check_format(struct run *r)
{
	struct trino_statement *s = &r->statement;
	bool parquet = sl_eq(s->format, SL("parquet"));
	const struct trino_column *bad;

	if (!parquet && !sl_eq(s->format, SL("json")))
		end_with(r, SL("SANDBOX_UNSUPPORTED: the sandbox writes UNLOAD of format JSON or "
			       "PARQUET"));
	if (!s->compression.p)
		s->compression = SL("gzip");
	if (!sl_eq(s->compression, SL("gzip")) && !sl_eq(s->compression, SL("none")))
		end_with(r, SL("SANDBOX_UNSUPPORTED: the sandbox compresses UNLOAD with GZIP or "
			       "not at all"));
	bad = parquet ? parquet_unsupported(s->columns, s->n_columns) : NULL;
	if (bad)
		end_with(r, printed(r, "SANDBOX_UNSUPPORTED: the sandbox writes no %s into Parquet",
				    trino_type_name(bad->type)));
	return parquet ? ATHENA_PARQUET : ATHENA_JSON;
}

static void run_unload(struct run *r)
{
	struct trino_statement *s = &r->statement;
	struct str manifest = { 0 };
	enum athena_form form;
	struct part list = { 0 };
	char stamp[32], id[6] = "";
	time_t now = time(NULL);
	struct tm tm;

	check_target(r);
	form = check_format(r);
	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &tm);
	crypt_random_name(id, 5);
	copy_out(r, PARTS, form);
	for (size_t i = 0; i < PARTS; i++) {
		char uuid[UUID_TEXT];
		struct sl name;

		if (!r->part[i].file)
			continue;
		crypt_uuid(uuid);
		name = printed(r, "%s_00001_%s_%s%s", stamp, id, uuid,
			r->part[i].z ? ".gz" : "");
		close_part(r, &r->part[i], s->location, name);
		str_addf(&manifest, "%.*s%.*s\n", (int)s->location.n, s->location.p, (int)name.n,
			name.p);
	}
	open_part(r, &list, ATHENA_CSV);
	str_add(&list.buffer, str_sl(&manifest));
	close_part(r, &list, r->q->location,
		printed(r, "%.*s-manifest.csv", (int)r->q->id.n, r->q->id.p));
}

static void run_change(struct run *r)
{
	char *sql = mem_sldup(r->statement.sql);
	struct pg_result *result = pg_try_query(r->pg, sql, 0, NULL);

	if (!result)
		fail_from_server(r);
	r->rows = r->statement.kind == TRINO_DELETE ? pg_affected(result) : 0;
	pg_clear(result);
}

static void measure_tables(struct run *r)
{
	for (size_t i = 0; i < r->statement.n_tables; i++) {
		const struct offline *o = r->statement.tables[i];
		char *name = mem_sldup(o->pg_table);
		const char *param[] = { name };
		struct pg_result *result;
		uint64_t size = 0;

		if (o->missing.n)
			end_with(
				r, printed(r,
					   "ICEBERG_CANNOT_OPEN_SPLIT: Error opening Iceberg split "
					   "s3://%.*s/%.*s: the specified key does not exist",
					   (int)o->bucket.n, o->bucket.p, (int)o->missing.n,
					   o->missing.p));
		result = pg_query(r->pg, "SELECT pg_relation_size($1::text::regclass)", 1, param);
		if (num_u64(pg_value(result, 0, 0), &size))
			r->scanned += size;
		pg_clear(result);
		mem_free(name);
	}
}

static void put_report(struct run *r)
{
	static const char *const kinds[] = { "SELECT", "UNLOAD", "DELETE", "UTILITY" };
	struct str s = { 0 };

	put_member(&s, "statement", sl_of(kinds[r->statement.kind]));
	put_memberi(&s, "rows", (int64_t)r->rows);
	put_memberi(&s, "scanned", (int64_t)r->scanned);
	put_key(&s, "columns");
	str_addc(&s, '[');
	for (size_t i = 0; i < r->statement.n_columns; i++) {
		str_addz(&s, i ? ",[" : "[");
		str_add_json(&s, r->statement.columns[i].name);
		str_addf(&s, ",\"%s\"]", trino_athena_type(r->statement.columns[i].type));
	}
	str_addf(&s, "],\"files\":[%s]}", str_z(&r->files));
	write_all(r->report, s.p, s.n);
}

void athena_run(const struct athena_query *q, int report)
{
	struct run r = { .q = q, .report = report, .pg = q->pg };
	struct trino_context context = { .account = q->account,
		.region = q->region,
		.database = q->database,
		.parameters = q->parameters,
		.n_parameters = q->n_parameters };

	if (!trino_translate(&r.mem, &context, q->sql, &r.statement))
		end_with(&r, r.statement.error);
	measure_tables(&r);
	if (r.statement.kind == TRINO_SELECT)
		run_select(&r);
	else if (r.statement.kind == TRINO_UNLOAD)
		run_unload(&r);
	else
		run_change(&r);
	put_report(&r);
	_exit(EX_DONE);
}
