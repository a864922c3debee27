/*
 * stream-digest - print an order-independent digest of a stream, one line per group.
 *
 * Three ways to see a stream: as cells of a narrow or of a wide table (the same digest for both,
 * and the one that seals carry: stream/digest.h), or as plain records. Two streams with the same
 * line hold the same data, whatever their order, their format and the order of their columns.
 * Memory: 32 bytes and its name per group.
 */
#include "stream/namelist.h"
#include "stream/digest.h"
#include "stream/filter.h"

enum shape { SHAPE_RECORDS, SHAPE_NARROW, SHAPE_WIDE };

struct group {
	struct field shown;
	struct digest digest;
};

struct state {
	struct io_opts io;
	bool narrow, wide, total;
	const char *key, *by, *name, *value;

	enum shape shape;
	struct filter_by by_columns;
	struct str by_text; /* their values in a record; a unit separator between two */
	size_t key_at, name_at, value_at;
	uint64_t *column_hash; /* digest_name() of every column */
	bool *is_value;	       /* of every column: neither the key nor one of --by */
	size_t column_cap, is_value_cap;
	struct names groups;
	struct group *group; /* by number in groups */
	struct arena group_texts;
	struct str group_key;
	size_t group_cap;
	struct digest all;    /* when nothing is grouped */
};

static const struct opt options[] = {
	{ .name = "narrow", .not_with = "wide", STATE(narrow),
	  .help = "digest the cells of a narrow stream, one a record" },
	{ .name = "wide", STATE(wide), .help = "digest the cells of a wide stream, one a column" },
	{ .name = "key", .needs = "narrow|wide", .letter = 'k', STATE(key), .arg = "COLUMN",
	  .help = "names the row of a cell (default created_time)" },
	{ .name = "by", .letter = 'b', STATE(by), .arg = "COLUMN,...",
	  .help = "groups (cells: default ship_id if there; '' for none)" },
	{ .name = "name", .needs = "narrow", .letter = 'n', STATE(name), .arg = "COLUMN",
	  .help = "narrow: holds the names (default data_channel_id)" },
	{ .name = "value", .needs = "narrow", .letter = 'V', STATE(value), .arg = "COLUMN",
	  .help = "narrow: holds the values (default value)" },
	{ .name = "total", STATE(total), .help = "one line for all groups together" },
	IO_IN_OPTS(struct state, io),
	{ .kind = OPT_GROUP, .help = "Output" },
	{ .name = "output-format", .letter = 'o', STATE(io.out_format),
	  .choices = "auto|csv|ndjson|tsv|json|table|markdown", .help = "as the input by default" },
	{ .name = "output", .letter = 'O', STATE(io.output), .arg = "FILE", .file = OPT_WRITES,
	  .help = "write here instead of standard output" },
	IO_REJECT_OPTS(struct state, io),
	IO_STRICT_OPT(struct state, io),
	IO_REPORT_OPTS(struct state, io),
	OPT_END,
};

static void check(struct state *st)
{
	st->io.force_no_seal = true; /* the result is a report, no stream of data */
	st->shape = st->narrow ? SHAPE_NARROW : st->wide ? SHAPE_WIDE : SHAPE_RECORDS;
	if (!st->by && st->shape == SHAPE_RECORDS)
		st->by = "";
	st->key = st->key ? st->key : "created_time";
	st->name = st->name ? st->name : "data_channel_id";
	st->value = st->value ? st->value : "value";
	st->key_at = st->name_at = st->value_at = NAMES_NONE;
}

/* The channel of a column: it may be called as the columns of ship and time are. */
static struct sl channel_of(const struct state *st, struct sl column)
{
	const struct names *by = &st->by_columns.names;
	struct sl key = sl_of(st->key), name;

	if (st->shape != SHAPE_WIDE)
		return column;
	name = colname_of(column, &key, 1);
	return name.n < column.n ? name : colname_of(column, by->name, by->n);
}

static void start(struct state *st, struct filter_run *run, const struct names *cols)
{
	filter_find_by(run, &st->by_columns, st->by);
	if (st->shape != SHAPE_RECORDS)
		st->key_at = filter_column(run, sl_of(st->key), "key");
	if (st->shape == SHAPE_NARROW) {
		st->name_at = filter_column(run, sl_of(st->name), "name");
		st->value_at = filter_column(run, sl_of(st->value), "value");
	}
	mem_grow(&st->column_hash, &st->column_cap, cols->n, sizeof *st->column_hash);
	mem_grow(&st->is_value, &st->is_value_cap, cols->n, sizeof *st->is_value);
	for (size_t i = 0; i < cols->n; i++) {
		st->column_hash[i] = digest_name(channel_of(st, cols->name[i]));
		st->is_value[i] = i != st->key_at;
	}
	for (size_t i = 0; i < st->by_columns.names.n; i++)
		if (st->by_columns.at[i] != NAMES_NONE)
			st->is_value[st->by_columns.at[i]] = false;
}

/* The values of the --by columns: for digest.h, and, in `by`, as fields. */
static struct sl by_of(struct state *st, const struct rec *rec, struct field *by)
{
	size_t n = st->by_columns.names.n;

	for (size_t i = 0; i < n; i++)
		by[i] = rec_field(rec, st->by_columns.at[i]);
	return digest_by(&st->by_text, by, n);
}

/* How a group is shown: its value, or a list of them as CSV has it. */
static struct field shown(struct state *st, const struct field *by, size_t n)
{
	AUTO_STR s = { 0 };

	if (n == 1 && field_is_null(by))
		return FIELD_NULL;
	for (size_t i = 0; i < n; i++) {
		if (i)
			str_addc(&s, ',');
		if (n == 1)
			str_add(&s, field_sl(by));
		else if (!field_is_null(&by[i]))
			str_add_csv(&s, field_sl(&by[i]));
	}
	return field_str(arena_dup(&st->group_texts, str_sl(&s)));
}

static struct digest *group_of(struct state *st, const struct field *by)
{
	size_t n = st->by_columns.names.n, i;
	bool added;

	if (st->total || st->by_columns.names.n == 0)
		return &st->all;
	str_clear(&st->group_key);
	for (size_t b = 0; b < n; b++) /* NULL and missing are the same here, "" is not */
		rec_pack(&st->group_key, &(struct field){ by[b].p, by[b].n,
							  !field_is_null(&by[b]), 0 });
	i = names_add(&st->groups, str_sl(&st->group_key), &added);
	if (added) {
		mem_grow(&st->group, &st->group_cap, i + 1, sizeof *st->group);
		st->group[i] = (struct group){ .shown = shown(st, by, n) };
	}
	return &st->group[i].digest;
}

static void
add_narrow(const struct state *st, struct digest *d, uint64_t row, const struct rec *rec)
{
	const struct field value = rec_field(rec, st->value_at), name = rec_field(rec, st->name_at);

	if (field_is_null(&value))
		return;
	d->cells++;
	d->sum += digest_cell(row, digest_name(field_sl(&name)), field_sl(&value));
}

static void add_wide(const struct state *st, struct digest *d, uint64_t row, const struct rec *rec)
{
	for (size_t i = 0; i < rec->n; i++) {
		if (field_is_null(&rec->f[i]) || !st->is_value[i])
			continue;
		d->cells++;
		d->sum += digest_cell(row, st->column_hash[i], field_sl(&rec->f[i]));
	}
}

/*
 * The fields of a record are summed, so that the order of the columns does not matter, and the sum
 * is mixed, so that fields cannot move from one record to another unnoticed.
 */
static void add_record(const struct state *st, struct digest *d, const struct rec *rec)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rec->n; i++) {
		if (field_is_null(&rec->f[i]))
			continue;
		d->cells++;
		sum += hash64(field_sl(&rec->f[i]), st->column_hash[i]);
	}
	d->sum += hash_mix(sum + 3); /* so that a record of NULLs counts too */
}

static void row(struct state *st, struct filter_run *run, const struct rec *rec)
{
	const struct field key = rec_field(rec, st->key_at), name = rec_field(rec, st->name_at);
	struct field by_fields[FILTER_MAX_BY];
	struct sl by = by_of(st, rec, by_fields);
	struct digest *d;
	uint64_t row_hash;

	if (st->shape != SHAPE_RECORDS && field_is_null(&key)) {
		filter_reject(run, rec, st->key_at, "NULL or missing where a row is named");
		return;
	}
	if (st->shape == SHAPE_NARROW && field_is_null(&name)) {
		filter_reject(run, rec, st->name_at, "NULL or missing where a column is named");
		return;
	}
	d = group_of(st, by_fields);
	d->rows++;
	row_hash = digest_row(by, field_sl(&key));
	if (st->shape == SHAPE_NARROW)
		add_narrow(st, d, row_hash, rec);
	else if (st->shape == SHAPE_WIDE)
		add_wide(st, d, row_hash, rec);
	else
		add_record(st, d, rec);
}

static void put_line(struct filter_run *run, struct field group, const struct digest *d)
{
	char rows[20], cells[20], sum[DIGEST_TEXT_LEN];
	struct field f[4] = { group,
			      field_str((struct sl){ rows, num_put_u64(rows, d->rows) }),
			      field_str((struct sl){ cells, num_put_u64(cells, d->cells) }),
			      field_str((struct sl){ sum, sizeof sum }) };

	f[1].kind = f[2].kind = F_NUM;
	digest_put(sum, d->sum);
	if (d->rows == 0) /* a digest of nothing is none */
		f[3] = FIELD_NULL;
	filter_emit(run, f, ARRAY_LEN(f));
}

static int cmp_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return sl_cmp(field_sl(&x->shown), field_sl(&y->shown));
}

static void end(struct state *st, struct filter_run *run)
{
	static const struct sl cols[] = { SL_INIT("group"), SL_INIT("rows"), SL_INIT("cells"),
					  SL_INIT("digest") };

	filter_cols(run, cols, ARRAY_LEN(cols));
	if (st->groups.n)
		qsort(st->group, st->groups.n, sizeof *st->group, cmp_groups);
	for (size_t i = 0; i < st->groups.n; i++)
		put_line(run, st->group[i].shown, &st->group[i].digest);
	if (st->total || st->by_columns.names.n == 0)
		put_line(run, FIELD_NULL, &st->all);
}

static void release(struct state *st)
{
	names_free(&st->by_columns.names);
	str_free(&st->by_text);
	str_free(&st->group_key);
	arena_free(&st->group_texts);
	mem_free(st->column_hash);
	mem_free(st->is_value);
	mem_free(st->group);
	names_free(&st->groups);
}

static const struct filter stream_digest = {
	.program = { .name = "stream-digest",
		     .summary = "print an order-independent digest of a stream",
		     .synopsis = "[options] [FILE...]\n"
				 "--narrow [--key C] [--by C] [--name C] [--value C] [FILE...]\n"
				 "--wide [--key C] [--by C] [FILE...]",
		     .examples = "  stream-digest records.ndjson\n"
				 "  stream-digest --narrow readings.csv\n"
				 "  stream-digest --wide wide.csv\n",
		     .opts = options },
	FILTER_STATE,
	.check = check,
	.start = start,
	.row = row,
	.end = end,
	.release = release,
};

int main(int argc, char **argv)
{
	return filter_main(&stream_digest, argc, argv);
}
