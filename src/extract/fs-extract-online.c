/*
 * fs-extract-online - records of a feature group out of its online store.
 *
 * All of them (ListRecords), or those of identifiers that come as records or lines; fetched by
 * BatchGetRecord, many at once. Memory does not grow with the store.
 */
#include "core/clock.h"
#include "core/report.h"
#include "core/stop.h"
#include "fs/fs_archive.h"
#include "fs/fs_compare.h"
#include "fs/fs_id_file.h"
#include "fs/fs_online.h"
#include "fs/fs_wait.h"
#include "stream/extract.h"
#include "stream/out.h"

struct conf {
	struct aws_opts aws;
	struct io_opts io;
	const char *columns, *ids, *shard, *except, *among, *seen, *same_as, *gone_from, *s3_output;
	const char *changed, *deleted_ids;
	struct opt_list id;
	bool lines, deleted, current_time, required, some;
	uint64_t workers, batch;
	int64_t patience;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Which records" },
	{ .name = "columns", .letter = 'c', CONF(columns), .arg = "NAME,…", .min = 1,
	  .help = "features, in this order (default: all of the group)" },
	{ .name = "id", CONF(id), .arg = "ID",
	  .help = "the record with this identifier; may be repeated" },
	{ .name = "ids", CONF(ids), .arg = "FILE", .file = OPT_READS,
	  .help = "those whose identifiers are in these records (- is standard input)" },
	{ .name = "lines", .needs = "ids", CONF(lines),
	  .help = "the file of --ids has an identifier a line, and no header" },
	{ .name = "shard", .not_with = "id same-as gone-from", CONF(shard), .arg = "I/N",
	  .help = FS_ONLY_SHARD_HELP },
	{ .name = "except", CONF(except), .arg = "FILE", .file = OPT_READS,
	  .help = "not those whose identifier and event time are in these records" },
	{ .name = "among", CONF(among), .arg = "FILE", .file = OPT_READS,
	  .help = "only those whose identifier and event time are" },
	{ .name = "seen", .not_with = "same-as gone-from", CONF(seen), .arg = "FILE",
	  .file = OPT_WRITES,
	  .help = "keep all that were read here, also what the two leave out" },
	{ .name = "same-as", CONF(same_as), .file = OPT_READS, .arg = "FILE",
	  .help = "those of these records that the store has just so" },
	{ .name = "changed", .needs = "same-as", CONF(changed), .file = OPT_WRITES, .arg = "FILE",
	  .help = "with --same-as: list those here that it has otherwise" },
	{ .name = "gone-from", .needs = "ids", .not_with = "lines", CONF(gone_from),
	  .file = OPT_READS, .arg = "FILE",
	  .help = "those of these records, and of --ids, that it has no longer" },
	{ .name = "deleted", CONF(deleted),
	  .help = "also identifiers of records that were softly deleted, the rest NULL" },
	{ .name = "deleted-ids", CONF(deleted_ids), .file = OPT_WRITES, .arg = "FILE",
	  .help = "list those identifiers here; of --ids, those without a record" },
	{ .name = "required", CONF(required),
	  .help = "an identifier that has no record is an error" },
	{ .name = "some", CONF(some), .help = "it is an error when none of them has one" },
	{ .name = "current-time", CONF(current_time),
	  .help = "give every record the event time of now, to be put elsewhere" },
	{ .kind = OPT_GROUP, .help = "Tuning" },
	{ .name = "max-workers", .letter = 'w', CONF(workers), .arg = "N", .min = 1, .max = 256,
	  .help = "requests at once (default 10)" },
	{ .name = "batch-size", CONF(batch), .arg = "N", .min = 1, .max = 1000,
	  .help = "identifiers of a request (default 100, and never more)" },
	{ .name = "retry-for", CONF(patience), .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "wait out throttling and temporary failures for that long (default 10m)" },
	IO_IN_OPTS(struct conf, io),
	IO_FILE_OPTS(struct conf, io, "auto|csv|ndjson|tsv|json|table",
		"auto is csv; table is for people"),
	{ .name = "s3-output", .not_with = "output output-format gzip seal", CONF(s3_output),
	  .arg = "URI", .help = "store NDJSON there instead, in objects that fs-put can load" },
	EXTRACT_SEAL_OPTS(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	AWS_OPTS(struct conf, aws),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-extract-online",
	.summary = "read the online store of a feature group",
	.synopsis = "[options] GROUP\n[options] GROUP --id ID…\n[options] GROUP --ids FILE",
	.examples = "  fs-extract-online customers | fs-put customers-copy\n"
		    "  fs-extract-online customers --id 4711 -o ndjson\n"
		    "  cut -d, -f1 list.csv | fs-extract-online customers --ids -\n",
	.opts = options,
};

struct prog {
	struct conf conf;
	struct io_opts aside; /* of inputs, which --stats is not of */
	struct aws *aws;
	struct fs_group group;
	size_t *features, n, cap;
	struct fs_online *online;
	struct extract *x;
	struct fs_archive *archive; /* --s3-output */
	uint64_t archived;
	size_t id_column, time_column; /* of the output, SIZE_MAX: not there */
	struct report table;           /* -o table: a row per feature and record */
	struct field *now;             /* --current-time: a record with another time */
	struct str time;
	struct field *nothing;
	struct fs_ids known, among; /* records, --except and --among */
	struct fs_ids *learning;
	struct wr *seen;
	struct fs_only part;   /* --shard */
	struct fs_ids only;    /* --gone-from: the identifiers of --ids */
	struct out *changed, *deleted;
	uint64_t n_changed, missing, found;
};

/* ---- output -------------------------------------------------------------------------------- */

static bool is_in(const struct prog *p, const struct fs_ids *records, const struct field *f)
{
	return fs_known_has(records, field_sl(&f[p->id_column]), fs_time_type(&p->group),
		field_sl(&f[p->time_column]));
}

static void take_row(void *ctx, const struct field *f, size_t n)
{
	struct prog *p = ctx;

	if ((p->conf.except && is_in(p, &p->known, f)) ||
		(p->conf.among && !is_in(p, &p->among, f)))
		return;
	p->found++;
	if (p->conf.current_time && p->time_column != SIZE_MAX) {
		memcpy(p->now, f, n * sizeof *f);
		str_clear(&p->time);
		fs_event_time_put(&p->time, fs_time_type(&p->group), clock_now());
		p->now[p->time_column] = field_str(str_sl(&p->time));
		f = p->now;
	}
	if (p->archive) {
		fs_archive_row(p->archive, f, n);
		p->archived++;
		return;
	}
	if (p->x)
		wr_row(p->x->wr, f, n);
	for (size_t i = 0; !p->x && i < n; i++) {
		report_text(&p->table, p->group.features[p->features[i]].name);
		report_text(&p->table, field_sl(&f[i]));
	}
	if (p->x)
		extract_tick(p->x);
}

static void take_record(void *ctx, const struct field *f, size_t n)
{
	struct prog *p = ctx;

	if (p->seen)
		wr_row(p->seen, f, n);
	take_row(p, f, n);
}

/* A line of a list of identifiers, which --ids can read. */
static void list_id(const struct prog *p, struct out *list, struct sl id)
{
	AUTO_STR line = { 0 };

	str_addc(&line, '{');
	str_add_json(&line, p->group.features[p->group.id].name);
	str_addc(&line, ':');
	str_add_json(&line, id);
	str_addz(&line, "}\n");
	out_put(list, str_sl(&line));
}

static void take_missing(void *ctx, struct sl id)
{
	struct prog *p = ctx;

	p->missing++;
	if (p->deleted)
		list_id(p, p->deleted, id);
	if (p->conf.required)
		die(EX_MISSING, "feature group %s has no record %s", msg_q(p->group.name),
			msg_q(id));
	if (!p->conf.deleted || p->id_column == SIZE_MAX)
		return;
	for (size_t i = 0; i < p->n; i++)
		p->nothing[i] = FIELD_NULL;
	p->nothing[p->id_column] = field_str(id);
	take_row(p, p->nothing, p->n);
}

static void add_column(struct prog *p, struct sl name)
{
	size_t f = fs_group_feature(&p->group, name);

	if (f == SIZE_MAX)
		die_hint(EX_USAGE_, "'fs schema' shows the features",
			"--columns: feature group %s has no feature %s", msg_q(p->group.name),
			msg_q(name));
	mem_grow(&p->features, &p->cap, p->n + 1, sizeof *p->features);
	if (f == p->group.id)
		p->id_column = p->n;
	if (f == p->group.time)
		p->time_column = p->n;
	p->features[p->n++] = f;
}

static void choose_columns(struct prog *p)
{
	const char *list = p->conf.columns;

	p->id_column = p->time_column = SIZE_MAX;
	for (size_t i = 0; !list && i < p->group.n; i++)
		add_column(p, p->group.features[i].name);
	while (list && *list) {
		size_t n = strcspn(list, ",");

		if (n)
			add_column(p, (struct sl){ list, n });
		list += n + (list[n] == ',');
	}
	if (p->n == 0)
		opt_usage("--columns: names none");
}

static void start_output(struct prog *p)
{
	static const struct report_column columns[] = { { "FeatureName", false },
		{ "Value", false } };
	AUTO_FREE struct sl *names = mem_alloc(mem_mul(p->n, sizeof *names));
	const struct io_opts *io = &p->conf.io;

	p->nothing = mem_alloc(mem_mul(p->n, sizeof *p->nothing));
	p->now = mem_alloc(mem_mul(p->n, sizeof *p->now));
	report_init(&p->table, columns, ARRAY_LEN(columns));
	p->table.empty = "-";
	for (size_t i = 0; i < p->n; i++)
		names[i] = p->group.features[p->features[i]].name;
	if (p->conf.seen) {
		p->seen = wr_open(p->conf.seen, &(struct wr_conf){ .format = FMT_NDJSON });
		wr_cols(p->seen, names, p->n);
	}
	if (p->conf.s3_output) {
		p->archive = fs_archive_new(&p->conf.aws, p->conf.s3_output, names, p->n);
	} else if (io->out_format != FMT_TABLE) {
		p->x = extract_open(io, !format_is_document((enum format)io->out_format) &&
					    io_wants_seal(io));
		wr_cols(p->x->wr, names, p->n);
	}
}

static void print_table(struct prog *p)
{
	struct out *out = out_open(p->conf.io.output, 0);
	AUTO_STR text = { 0 };

	report_put(&p->table, REPORT_TABLE, &text);
	out_put(out, str_sl(&text));
	out_close(out);
	report_free(&p->table);
}

/* ---- identifiers --------------------------------------------------------------------------- */

static void take_known(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct prog *p = ctx;

	fs_known_add(p->learning, field_sl(&f[0]), fs_time_type(&p->group), field_sl(&f[1]));
}

/* Those of a file; where it cannot be told which they are, everything would be, or nothing. */
static void learn(struct prog *p, const char *option, const char *path, struct fs_ids *records)
{
	const size_t state[] = { p->group.id, p->group.time };

	fs_ids_init(records);
	if (!path)
		return;
	if (p->id_column == SIZE_MAX || p->time_column == SIZE_MAX)
		opt_usage("%s needs the identifier and the event time among --columns", option);
	p->learning = records;
	fs_record_file(&p->group, &(struct fs_reader){ state, ARRAY_LEN(state), take_known, p },
		&p->aside, path, true);
}

static void take_id(void *ctx, struct sl id)
{
	struct prog *p = ctx;

	if (p->conf.gone_from)
		fs_ids_add(&p->only, id);
	else
		fs_online_get(p->online, id);
}

static void read_ids(struct prog *p)
{
	fs_id_file(&p->group, &p->aside, p->conf.ids, p->conf.lines, take_id, p);
}

static void seen(void *ctx, enum fs_seen what, const struct field *f)
{
	struct prog *p = ctx;

	if (what != (p->conf.same_as ? FS_SEEN_SAME : FS_SEEN_NONE)) {
		p->n_changed += what == FS_SEEN_OTHER;
		if (p->changed && what == FS_SEEN_OTHER)
			list_id(p, p->changed, field_sl(&f[p->group.id]));
		return;
	}
	for (size_t i = 0; i < p->n; i++)
		p->nothing[i] = f[p->features[i]];
	take_row(p, p->nothing, p->n);
}

/* --same-as and --gone-from: the records are those of the file, the store says which. */
static void compare(struct prog *p)
{
	const struct conf *c = &p->conf;

	if (c->gone_from) {
		fs_ids_init(&p->only);
		read_ids(p);
	}
	fs_compare(&(struct fs_compare_conf){ .aws = p->aws,
		.group = &p->group,
		.io = &p->aside,
		.file = c->same_as ? c->same_as : c->gone_from,
		.only = c->gone_from ? &p->only : NULL,
		.workers = (unsigned)c->workers,
		.batch = (unsigned)c->batch,
		.patience_us = c->patience,
		.seen = seen,
		.ctx = p });
	if (p->n_changed && c->same_as)
		msg_note("%llu records are not in the online store as they are in %s",
			(unsigned long long)p->n_changed, c->same_as);
}

static void get_all(struct prog *p)
{
	const struct conf *c = &p->conf;

	if (c->same_as || c->gone_from) {
		compare(p);
		return;
	}
	learn(p, "--except", c->except, &p->known);
	learn(p, "--among", c->among, &p->among);
	for (size_t i = 0; i < c->id.n; i++)
		fs_online_get(p->online, c->id.v[i]);
	if (c->ids)
		read_ids(p);
	if (!c->ids && !c->id.n)
		fs_online_all(p->online);
	else
		fs_online_drain(p->online);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void wake(void *ctx)
{
	aws_stop(ctx);
}

static void start(struct prog *p, const char *name)
{
	const struct conf *c = &p->conf;
	struct fs_online_conf online = { .group = &p->group,
		.deleted = c->deleted || c->deleted_ids,
		.only = &p->part,
		.workers = (unsigned)c->workers,
		.batch = (unsigned)c->batch,
		.patience_us = c->patience,
		.row = take_record,
		.missing = take_missing,
		.ctx = p };

	p->aside = c->io;
	p->aside.stats = NULL;
	fs_only_check(&p->part, NULL, c->shard);
	p->aws = aws_need(&c->aws);
	fs_need_group(p->aws, name, &p->group);
	if (!p->group.online)
		die_hint(EX_REFUSED, "fs-extract-athena reads the offline store",
			"feature group %s has no online store", msg_q(p->group.name));
	choose_columns(p);
	fs_only_read(&p->part, &p->group, NULL);
	online.features = p->features;
	online.n = c->columns ? p->n : 0;
	online.listed = p->n == 1 && p->id_column == 0 && !c->deleted_ids;
	if (!c->same_as && !c->gone_from)
		p->online = fs_online_new(p->aws, &online);
	stop_catch(wake, p->aws);
	if (c->changed)
		p->changed = out_open(c->changed, 0);
	if (c->deleted_ids)
		p->deleted = out_open(c->deleted_ids, 0);
	start_output(p);
}

static void finish(struct prog *p)
{
	AUTO_STR src = { 0 };

	if (p->changed)
		out_close(p->changed);
	if (p->deleted)
		out_close(p->deleted);
	if (p->seen)
		wr_close(p->seen);
	if (p->archive) {
		unsigned parts = fs_archive_end(p->archive);

		msg_note("%llu records are in %u objects under %s", (unsigned long long)p->archived,
			parts, p->conf.s3_output);
		return;
	}
	if (!p->x) {
		print_table(p);
		return;
	}
	str_addz(&src, "{\"group\":");
	str_add_json(&src, p->group.name);
	str_addf(&src, ",\"rows\":%llu}", (unsigned long long)wr_rows(p->x->wr));
	extract_seal(p->x,
		&(struct seal){ .chunk = p->group.name, .src = str_sl(&src), .final = true });
	(void)extract_close(p->x);
}

static void release(struct prog *p)
{
	aws_close(p->aws);
	fs_group_free(&p->group);
	str_free(&p->time);
	mem_free(p->features);
	mem_free(p->nothing);
	mem_free(p->now);
	fs_ids_free(&p->known);
	fs_ids_free(&p->among);
	fs_ids_free(&p->only);
}

int main(int argc, char **argv)
{
	struct prog p = { .conf = { .io.no_rejects = true,
				  .workers = 10,
				  .batch = FS_BATCH_GET_MAX,
				  .patience = 600 * CLOCK_US_PER_SEC } };

	opt_parse(&program, &p.conf, &argc, &argv);
	if (argc != 1)
		opt_usage("one GROUP");
	start(&p, argv[0]);
	get_all(&p);
	if (p.missing && !p.conf.deleted && !p.conf.deleted_ids) /* also of those listed */
		msg_note("%llu identifiers have no record", (unsigned long long)p.missing);
	if (p.online)
		fs_online_free(p.online);
	if (p.conf.some && !p.found && !p.missing)
		die(EX_DATA, "there is no identifier in %s",
			msg_q(sl_of(p.conf.ids ? p.conf.ids : "--id")));
	if (p.conf.some && !p.found)
		die(EX_MISSING, "feature group %s has none of these records",
			msg_q(p.group.name));
	finish(&p);
	release(&p);
	return EX_DONE;
}
