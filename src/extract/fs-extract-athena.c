/*
 * fs-extract-athena - records of a feature group out of its offline store, by a query of Athena.
 *
 * Table and database come from the group's own description. The result is read as it comes over the
 * wire, in the memory of a few rows, as the CSV object that a query leaves in S3 or as the gzip
 * JSON parts of an UNLOAD, several at once. Its rows are counted against what Athena says.
 */
#include "core/clock.h"
#include "core/stop.h"
#include "fs/fs_asof.h"
#include "fs/fs_fetch.h"
#include "fs/fs_fill.h"
#include "fs/fs_offline.h"
#include "fs/fs_only.h"
#include "fs/fs_sql.h"
#include "fs/fs_wait.h"
#include "stream/extract.h"
#include "stream/out.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define GATHER ((size_t)128 << 10) /* bytes a thread keeps before it waits for the output */

enum method { METHOD_CSV, METHOD_UNLOAD };

struct conf {
	struct aws_opts aws;
	struct io_opts io;
	const char *columns, *rename, *where, *only, *shard, *order_by, *as_of, *as_of_file;
	const char *known_at, *query;
	const char *stats, *output_location, *workgroup, *database, *parquet;
	uint64_t limit, workers;
	int method;
	bool latest, unique, deleted, store_columns, keep_results, dry_run;
	bool without_collections, newer;
	int64_t timeout, reuse;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Which records" },
	{ .name = "columns", .letter = 'c', CONF(columns), .arg = "NAME,…", .min = 1,
	  .help = "features, in this order (default: all of the group)" },
	{ .name = "rename", CONF(rename), .arg = "OLD:NEW,…",
	  .help = "columns of the output that are to have another name" },
	{ .name = "where", CONF(where), .arg = "SQL",
	  .help = "condition, with or without the word WHERE" },
	{ .name = "only", .not_with = "limit parquet query", CONF(only), .arg = "FEATURE=FILE",
	  .help = "those whose FEATURE has a value of FILE, one a line; for lists that no query "
		  "can hold" },
	{ .name = "shard", .not_with = "only limit parquet query", CONF(shard), .arg = "I/N",
	  .help = FS_ONLY_SHARD_HELP },
	{ .name = "order-by", .not_with = "method=unload", CONF(order_by), .arg = "SQL",
	  .help = "order of the records" },
	{ .name = "limit", CONF(limit), .arg = "N", .min = 1, .help = "so many records at most" },
	{ .name = "latest", CONF(latest),
	  .help = "the newest record of each identifier (default: all its history)" },
	{ .name = "unique", .not_with = "latest as-of", CONF(unique),
	  .help = "one record of each identifier and event time, the last that was written" },
	{ .name = "deleted", CONF(deleted), .help = "also those that were deleted, the rest NULL" },
	{ .name = "as-of", CONF(as_of), .arg = "TIME",
	  .help = "the newest as it was at this event time" },
	{ .name = "as-of-file", CONF(as_of_file),
	  .not_with = "latest unique deleted as-of store-columns only shard limit order-by query"
		      " parquet",
	  .arg = "FILE", .file = OPT_READS,
	  .help = "for each of these events (identifier, time, more) the newest as it was then" },
	{ .name = "known-at", CONF(known_at), .arg = "TIME",
	  .help = "only what was written (write_time) until then" },
	{ .name = "store-columns", CONF(store_columns),
	  .help = "add write_time, api_invocation_time, is_deleted, and deletions" },
	{ .name = "without-collections", CONF(without_collections),
	  .help = "leave lists, sets and vectors empty, which only the online store has" },
	{ .name = "newer", CONF(newer),
	  .help = "with collections: take records that are newer there whole (default)" },
	{ .name = "query",
	  .not_with = "columns where order-by limit latest as-of store-columns unique known-at "
		  "deleted method=unload", CONF(query), .arg = "SQL",
	  .help = "this SELECT instead of one made from the options above" },
	{ .name = "dry-run", .letter = 'n', CONF(dry_run), .help = "print the query" },
	{ .kind = OPT_GROUP, .help = "Tuning" },
	{ .name = "method", CONF(method), .choices = "csv|unload",
	  .help = "unload is for many records: parts, several at once" },
	{ .name = "max-workers", .letter = 'w', CONF(workers), .arg = "N", .min = 1, .max = 64,
	  .help = "parts fetched at once (default 8)" },
	{ .name = "s3-output-location", CONF(output_location), .arg = "URI",
	  .help = "where Athena leaves results (default: the workgroup's)" },
	{ .name = "workgroup", CONF(workgroup), .arg = "NAME",
	  .help = "of Athena (default primary)" },
	{ .name = "database", CONF(database), .arg = "NAME",
	  .help = "of the table (default: as the group says)" },
	{ .name = "query-timeout", CONF(timeout), .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "stop a query after (default 30m)" },
	{ .name = "reuse", CONF(reuse), .arg = "TIME|never", .unit = CLOCK_US_PER_SEC,
	  .choices = "never",
	  .help = "take the query of a run that was killed, not older than (default 1h)" },
	{ .name = "keep-results", CONF(keep_results), .help = "leave the result objects in S3" },
	IO_FILE_OPTS(struct conf, io, "auto|csv|ndjson|tsv|json", "auto is csv"),
	{ .name = "parquet", .not_with = "rename output output-format gzip", CONF(parquet),
	  .file = OPT_WRITES, .arg = "FILE",
	  .help = "write Parquet here instead, more files beside it" },
	EXTRACT_SEAL_OPTS(struct conf, io),
	{ .kind = OPT_GROUP, .help = "Report" },
	{ .name = "progress", CONF(io.progress), .choices = "auto|bar|json|none",
	  .help = "on standard error" },
	{ .name = "stats", CONF(stats), .arg = "FILE", .file = OPT_WRITES,
	  .help = "write a JSON summary here: rows, bytes scanned, estimated cost" },
	AWS_OPTS(struct conf, aws),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-extract-athena",
	.summary = "read the offline store of a feature group",
	.synopsis = "[options] GROUP",
	.examples = "  fs-extract-athena --latest customers > customers.csv\n"
		    "  fs-extract-athena -c id,price --where \"price > 100\" -o ndjson orders\n"
		    "  fs-extract-athena --method unload old | fs-put new --failed bad.ndjson\n",
	.opts = options,
};

struct prog {
	struct conf conf;
	struct io_opts failing; /* what --stats says then */
	struct aws *aws;
	struct fs_group group;
	struct fs_columns cols;
	size_t shown;           /* so many of them are written; the others are for ourselves */
	struct fs_only only;
	size_t only_at; /* its column */
	struct fs_fill *fill; /* asks the online store; NULL: not yet, or it cannot be */
	struct fs_fill_conf fill_conf;
	size_t *fill_feature;
	uint64_t ties;
	struct fs_asof *asof; /* --as-of-file: takes the rows */
	struct fs_json_column *keys;
	struct fs_fetch fetch;
	struct extract *x;
	pthread_mutex_t lock;     /* of the output, while threads decode parts */
	struct fs_writer *writer; /* of a CSV result */
	struct arena mem;
	struct str sql, where; /* where: with the event time read as a time */
	bool header_seen;
	bool bare; /* the state that --as-of-file takes is without its collections */
};

/* What a thread works with. */
struct worker {
	struct prog *p;
	struct wr *side;
	struct fs_writer *writer;
};

/* ---- rows ---------------------------------------------------------------------------------- */

static bool has_collection_columns(const struct prog *p)
{
	for (size_t i = 0; i < p->cols.n && !p->conf.without_collections; i++) {
		size_t f = fs_group_feature(&p->group, p->cols.v[i].source);

		if (f != SIZE_MAX && p->group.features[f].collection != FS_SCALAR)
			return true;
	}
	return false;
}

static size_t column_of(const struct prog *p, struct sl name)
{
	for (size_t i = 0; i < p->cols.n; i++)
		if (sl_eq(p->cols.v[i].source, name))
			return i;
	return SIZE_MAX;
}

static void need_column(struct prog *p, struct sl name)
{
	if (column_of(p, name) == SIZE_MAX)
		fs_columns_add(&p->cols, &p->group, name, false);
}

static void filled(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct prog *p = ctx;

	if (p->asof) {
		fs_asof_state(p->asof, f, p->bare);
		return;
	}
	fs_writer_row(p->writer, f, p->shown);
	extract_tick(p->x);
}

/* Records are asked for by identifier, and told to be those of the rows by their event time. */
static void prepare_fill(struct prog *p)
{
	const struct fs_group *g = &p->group;
	const struct conf *c = &p->conf;
	bool collections = has_collection_columns(p);

	if (collections && (column_of(p, g->features[g->id].name) == SIZE_MAX ||
				   column_of(p, g->features[g->time].name) == SIZE_MAX))
		die_hint(EX_DATA, "--without-collections leaves them empty",
			"--query asks for collections, but not for %s and %s, by which the online "
			"store has them",
			msg_q(g->features[g->id].name), msg_q(g->features[g->time].name));
	p->fill_feature = arena_alloc(&p->mem, mem_mul(p->cols.n, sizeof *p->fill_feature));
	for (size_t i = 0; i < p->cols.n; i++)
		p->fill_feature[i] = fs_group_feature(g, p->cols.v[i].source);
	p->fill_conf = (struct fs_fill_conf){ .opts = &c->aws,
		.group = g,
		.feature = p->fill_feature,
		.n = p->cols.n,
		.deleted = column_of(p, SL("is_deleted")),
		.ties = c->query ? SIZE_MAX : column_of(p, SL(FS_SQL_TIES)),
		.collections = collections,
		.latest = c->latest,
		.newer = collections && c->newer && !c->as_of && !c->as_of_file && !c->query &&
			 (c->latest || !c->limit),
		.bare = p->asof ? &p->bare : NULL,
		.row = filled,
		.ctx = p };
	if (collections)
		p->fill = fs_fill_new(&p->fill_conf);
}

static void announce(struct prog *p)
{
	AUTO_FREE struct sl *names = mem_alloc(mem_mul(p->cols.n, sizeof *names));

	if (p->conf.rename)
		fs_columns_rename(&p->cols, p->conf.rename);
	for (size_t i = 0; i < p->cols.n; i++)
		names[i] = p->cols.v[i].name;
	if (p->conf.query)
		p->shown = p->cols.n;
	if (p->asof)
		return; /* columns and rows are its own */
	wr_cols(p->x->wr, names, p->shown);
	if (!p->fill_feature)
		prepare_fill(p);
	if (!p->writer)
		p->writer = fs_writer_new(&p->cols, p->x->wr);
}

/* The header of the CSV result: known columns must be those asked for; of --query they are news. */
static void take_header(struct prog *p, const struct field *f, size_t n)
{
	p->header_seen = true;
	for (size_t i = 0; i < n && p->conf.query; i++)
		fs_columns_add(&p->cols, &p->group, arena_dup(&p->mem, field_sl(&f[i])), true);
	if (n != p->cols.n)
		die(EX_STREAM, "the result has %zu columns instead of %zu", n, p->cols.n);
	for (size_t i = 0; i < n; i++)
		if (!sl_alike(p->cols.v[i].source, field_sl(&f[i])))
			die(EX_STREAM, "column %zu of the result is %s instead of %s", i + 1,
				msg_q(field_sl(&f[i])), msg_q(p->cols.v[i].source));
	announce(p);
}

static bool passes(const struct prog *p, const struct field *f)
{
	return !p->only.feature.n || fs_only_has(&p->only, field_sl(&f[p->only_at]));
}

/* The first tie is what the online store is first asked for. */
static void give(struct prog *p, const struct field *f, size_t n)
{
	if (p->asof && !fs_asof_wants(p->asof, f))
		return;
	if (fs_fill_is_tie(&p->fill_conf, f) && p->ties++ == 0 && p->group.online && !p->fill)
		p->fill = fs_fill_new(&p->fill_conf);
	if (p->fill)
		fs_fill_row(p->fill, f);
	else
		filled(p, f, n);
}

static void take_row(void *ctx, const struct field *f, size_t n)
{
	struct prog *p = ctx;

	if (!p->header_seen) {
		take_header(p, f, n);
		return;
	}
	if (passes(p, f))
		give(p, f, n);
}

/* What a thread has gathered goes out. */
static void join(struct worker *w)
{
	struct prog *p = w->p;

	pthread_mutex_lock(&p->lock);
	extract_ticks(p->x, wr_join(p->x->wr, w->side));
	pthread_mutex_unlock(&p->lock);
}

static void *new_worker(void *ctx)
{
	struct worker *w = mem_alloc(sizeof *w);
	struct prog *p = ctx;

	w->p = p;
	w->side = wr_side(p->x->wr);
	w->writer = fs_writer_new(&p->cols, w->side);
	return w;
}

static void worker_row(void *ctx, const struct field *f, size_t n)
{
	struct worker *w = ctx;

	if (!passes(w->p, f))
		return;
	if (w->p->asof || w->p->fill_conf.collections ||
		fs_fill_is_tie(&w->p->fill_conf, f)) {
		pthread_mutex_lock(&w->p->lock);
		give(w->p, f, n);
		pthread_mutex_unlock(&w->p->lock);
		return;
	}
	fs_writer_row(w->writer, f, w->p->shown);
	if (wr_waiting(w->side).n > GATHER)
		join(w);
}

static void end_worker(void *ctx)
{
	struct worker *w = ctx;

	join(w);
	wr_close(w->side);
	fs_writer_free(w->writer);
	mem_free(w);
}

/* Has whoever reads our output gone? Asked between pieces, so that a query is stopped for them. */
static bool reader_gone(void *ctx)
{
	struct prog *p = ctx;
	struct pollfd fd = { .fd = STDOUT_FILENO, .events = 0 };

	if (p->conf.io.output && strcmp(p->conf.io.output, "-") != 0)
		return false;
	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void build_query(struct prog *p)
{
	const struct conf *c = &p->conf;
	AUTO_FREE struct sl *names = mem_alloc(mem_mul(p->cols.n + 1, sizeof *names));
	struct fs_select q = { .columns = names,
		.n_columns = p->cols.n,
		.where = c->where,
		.order_by = c->order_by,
		.limit = c->limit,
		.latest = c->latest || c->as_of,
		.unique = c->unique || c->as_of_file,
		.filter_first = c->unique,
		.deleted = c->deleted || c->as_of_file ||
			   (c->store_columns && !c->latest && !c->as_of),
		.as_of = c->as_of ? sl_of(c->as_of) : SL(""),
		.known_at = c->known_at ? sl_of(c->known_at) : SL("") };

	if (str_sl(&p->where).n)
		q.where = str_z(&p->where);
	for (size_t i = 0; i < p->cols.n; i++)
		names[i] = p->cols.v[i].source;
	str_clear(&p->sql);
	if (c->query)
		str_addz(&p->sql, c->query);
	else
		fs_sql_select(&p->group, &q, &p->sql);
}

static void check_group(const struct prog *p)
{
	const struct fs_group *g = &p->group;

	fs_where_check_as_of(g, p->conf.as_of);
	if (!g->offline)
		die_hint(EX_REFUSED, "fs-extract-online reads the online store",
			"feature group %s has no offline store", msg_q(g->name));
	if (!g->table.n)
		die(EX_REFUSED,
			"feature group %s has no table in the data catalog, so Athena cannot "
			"read its offline store",
			msg_q(g->name));
}

static void make_unload_query(struct prog *p)
{
	AUTO_STR sql = {0};

	fs_sql_unload(str_sl(&p->sql), p->fetch.unload, p->conf.parquet != NULL, &sql);
	p->fetch.query.sql = arena_dup(&p->mem, str_sl(&sql));
}

/* UNLOAD wants a folder of its own; it is named after the run, so that a second try finds it. */
static void make_unload(struct prog *p)
{
	AUTO_STR uri = {0};

	str_add(&uri, p->fetch.query.output);
	if (!uri.n)
		die_hint(EX_CONFIGURATION, "--s3-output-location s3://BUCKET/PREFIX/",
			"workgroup %s does not say where results are to be",
			msg_q(sl_of(p->conf.workgroup)));
	str_addf(&uri, "ferry-%s/", p->fetch.run.name);
	p->fetch.unload = arena_dup(&p->mem, str_sl(&uri));
	make_unload_query(p);
	p->keys = arena_alloc(&p->mem, mem_mul(p->cols.n, sizeof *p->keys));
	for (size_t i = 0; i < p->cols.n; i++)
		p->keys[i] = fs_json_column(&p->mem, p->cols.v[i].source);
}

static bool retype(void *ctx)
{
	struct prog *p = ctx;

	if (!p->conf.where || !fs_where_parse_time(&p->group, p->conf.where, &p->where))
		return false;
	build_query(p);
	p->fetch.query.sql = str_sl(&p->sql);
	if (p->conf.method == METHOD_UNLOAD)
		make_unload_query(p);
	return true;
}

static void prepare(struct prog *p)
{
	const struct conf *c = &p->conf;
	struct fs_fetch *f = &p->fetch;
	AUTO_STR place = { 0 };

	fs_result_location(p->aws, &p->group, c->output_location, sl_of(c->workgroup), &place);
	*f = (struct fs_fetch){ .aws = p->aws,
		.opts = &c->aws,
		.timeout_us = c->timeout,
		.workers = (unsigned)c->workers,
		.keep = c->keep_results,
		.parquet = c->parquet,
		.gone = reader_gone,
		.retype = retype,
		.row = take_row,
		.ctx = p,
		.worker = new_worker,
		.worker_row = worker_row,
		.worker_end = end_worker };
	f->query = (struct athena_query){ .sql = str_sl(&p->sql),
		.database = p->group.database,
		.catalog = p->group.catalog,
		.workgroup = sl_of(c->workgroup),
		.output = arena_dup(&p->mem, str_sl(&place)) };
	fs_run_open(&f->run, "fs-extract-athena", p->group.name,
		hash64(str_sl(&p->sql), hash64(sl_of(c->workgroup), (uint64_t)c->method)),
		c->reuse);
	if (c->method == METHOD_UNLOAD) {
		make_unload(p);
		f->columns = p->keys;
		f->n_columns = p->cols.n;
		p->header_seen = true;
	}
	if (p->header_seen && p->x)
		announce(p);
	stop_catch(fs_fetch_wake, f);
}

static void seal(struct prog *p)
{
	AUTO_STR src = { 0 };

	str_addz(&src, "{\"group\":");
	str_add_json(&src, p->group.name);
	str_addf(&src, ",\"query\":\"%s\",\"rows\":%llu}", p->fetch.id,
		(unsigned long long)p->fetch.rows);
	extract_seal(p->x,
		&(struct seal){ .chunk = p->group.name, .src = str_sl(&src), .final = true });
}

static void print_query(struct prog *p)
{
	struct out *out = out_open(p->conf.io.output, 0);

	str_addc(&p->sql, '\n');
	out_put(out, str_sl(&p->sql));
	out_close(out);
}

/* States of the past have their identifier and time, and what was deleted was nothing. */
static void read_events(struct prog *p)
{
	const struct fs_group *g = &p->group;
	const struct io_opts opts = { .no_rejects = true,
		.allow_no_newline = strcmp(p->conf.as_of_file, "-") != 0 };

	need_column(p, g->features[g->id].name);
	need_column(p, g->features[g->time].name);
	need_column(p, SL("is_deleted"));
	p->asof = fs_asof_new(g, &p->cols, p->shown, &opts, p->conf.as_of_file);
}

static void choose_columns(struct prog *p)
{
	const struct fs_group *g = &p->group;
	bool ties = (p->conf.latest || p->conf.as_of || p->conf.unique) && !p->conf.parquet;

	fs_columns_choose(&p->cols, g, p->conf.columns, p->conf.store_columns);
	p->shown = p->cols.n;
	if (p->conf.as_of_file) {
		read_events(p);
		return;
	}
	fs_only_read(&p->only, g, p->conf.only);
	if (p->only.feature.n)
		need_column(p, p->only.feature);
	p->only_at = p->only.feature.n ? column_of(p, p->only.feature) : 0;
	if (ties)
		fs_columns_add(&p->cols, g, SL(FS_SQL_TIES), true);
	if (!has_collection_columns(p) && !(ties && g->online))
		return;
	if (p->conf.parquet)
		die_hint(EX_DATA,
			"another format has them; --without-collections leaves them empty",
			"Parquet files come from the offline store, which has no collections");
	need_column(p, g->features[g->id].name);
	need_column(p, g->features[g->time].name);
}

static void open_group(struct prog *p, const char *name)
{
	p->aws = aws_need(&p->conf.aws);
	fs_need_group(p->aws, name, &p->group);
	check_group(p);
	if (p->conf.database)
		p->group.database = sl_of(p->conf.database);
	if (!p->conf.query)
		choose_columns(p);
	build_query(p);
}

static void write_events(struct prog *p)
{
	uint64_t events, bare, met = fs_asof_end(p->asof, p->x->wr, &events, &bare);

	extract_ticks(p->x, events);
	if (met < events)
		msg_note("%llu of %llu events have no record of %s then",
			(unsigned long long)(events - met), (unsigned long long)events,
			msg_q(p->group.name));
	if (bare)
		msg_warn("%llu events are without collections: the online store has none of that "
			 "time", (unsigned long long)bare);
	if (events && !met)
		die(EX_MISSING, "feature group %s has none of these records", msg_q(p->group.name));
}

static void extract(struct prog *p)
{
	const struct io_opts *io = &p->conf.io;
	uint64_t decided = 0, bytes = 0;

	if (!p->conf.parquet)
		p->x = extract_open(io, !format_is_document((enum format)io->out_format) &&
					    io_wants_seal(io));
	prepare(p);
	if (p->x && !p->conf.query && !p->fill_feature)
		prepare_fill(p); /* who may not ask has no query to pay for */
	fs_fetch_start(&p->fetch);
	fs_fetch_rows(&p->fetch);
	if (p->fill)
		decided = fs_fill_end(p->fill);
	if (p->asof)
		write_events(p);
	if (p->ties)
		msg_note("%llu records have several rows of one event time, %llu of them are as "
			 "the online store has them, the others in a fixed order",
			(unsigned long long)p->ties, (unsigned long long)decided);
	if (p->x) {
		bytes = wr_bytes(p->x->wr);
		seal(p);
		(void)extract_close(p->x);
	}
	fs_fetch_report(&p->fetch, p->group.name, bytes, p->conf.stats);
	fs_fetch_end(&p->fetch);
}

static void release(struct prog *p)
{
	aws_close(p->aws);
	fs_only_free(&p->only);
	fs_group_free(&p->group);
	arena_free(&p->mem);
	str_free(&p->sql);
	str_free(&p->where);
	fs_columns_free(&p->cols);
	if (p->writer)
		fs_writer_free(p->writer);
}

int main(int argc, char **argv)
{
	struct prog p = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.conf = { .io.own_stats = true,
				  .workgroup = "primary",
				  .newer = true,
				  .workers = 8,
				  .timeout = 1800 * CLOCK_US_PER_SEC,
				  .reuse = 3600 * CLOCK_US_PER_SEC } };
	int64_t known;

	opt_parse(&program, &p.conf, &argc, &argv);
	if (argc != 1)
		opt_usage("one GROUP");
	fs_where_check("where", p.conf.where);
	fs_where_check("order-by", p.conf.order_by);
	fs_where_check_as_of(NULL, p.conf.as_of);
	fs_only_check(&p.only, p.conf.only, p.conf.shard);
	if (p.conf.known_at && !clock_parse(sl_of(p.conf.known_at), &known))
		opt_usage("--known-at: not a time: %s", msg_q(sl_of(p.conf.known_at)));
	p.failing.stats = p.conf.stats;
	meter_on_failure(&p.failing, NULL);
	if (p.conf.parquet)
		p.conf.method = METHOD_UNLOAD;
	open_group(&p, argv[0]);
	if (p.conf.dry_run)
		print_query(&p);
	else
		extract(&p);
	release(&p);
	return EX_DONE;
}
