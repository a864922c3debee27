/*
 * reformat - write the same records in another format: CSV, NDJSON, a JSON array, a package of ISO
 * 19848, gzip or not.
 *
 * Values pass unchanged and nothing is guessed: what is text in CSV is a string in JSON, unless
 * --numbers or --booleans say otherwise, and then every value is checked. A CSV header must name
 * all columns beforehand; so a regular file of JSON is read twice when it becomes CSV, first for
 * its names. Works in the memory of one record and of the names.
 */
#include "stream/filter.h"
#include "stream/namelist.h"

enum cast { CAST_NONE, CAST_NUMBER, CAST_BOOLEAN };

struct state {
	struct io_opts io;
	struct opt_list columns, numbers, booleans;
	struct iso_opts iso;

	struct names out;     /* columns of the output */
	struct names typed;   /* names given to --numbers and --booleans */
	size_t n_numbers;     /* the first ones of `typed` are numbers, the rest booleans */
	size_t *to;	      /* column of the input -> column of the output */
	enum cast *cast;      /* by column of the input */
	size_t to_cap, cast_cap;
	struct field *row;    /* in the order of the output */
	size_t row_cap;
	bool as_it_is;	      /* same columns, no casts: nothing to do for a record */
	bool named;	      /* the columns of the whole input are known */
};

static const struct opt options[] = {
	{ .name = "numbers", STATE(numbers), .arg = "COLUMN,...",
	  .help = "write these as JSON numbers; refuse what is none" },
	{ .name = "booleans", STATE(booleans), .arg = "COLUMN,...",
	  .help = "write these as JSON true and false; refuse what is none" },
	{ .name = "columns", .letter = 'c', STATE(columns), .arg = "COLUMN,...",
	  .help = "these columns first, in this order" },
	{ .kind = OPT_GROUP, .help = "ISO 19848" },
	{ .name = "shape", STATE(iso.shape), .choices = "auto|narrow|wide",
	  .help = "a record for each value, or a column for each channel" },
	{ .name = "ship-id", .letter = 's', STATE(iso.ship), .arg = "SHIP",
	  .help = "the ship, instead of the package's, or where no column names it" },
	{ .name = "author", STATE(iso.author), .arg = "TEXT",
	  .help = "who made the package, for its header" },
	{ .name = "by", .letter = 'b', STATE(iso.by), .arg = "NAME",
	  .help = "column of the ship (default ship_id)" },
	{ .name = "key", .letter = 'k', STATE(iso.key), .arg = "NAME",
	  .help = "column of the time (default created_time)" },
	{ .name = "name", .letter = 'n', .not_with = "shape=wide", STATE(iso.name), .arg = "NAME",
	  .help = "column of the channel, narrow (default data_channel_id)" },
	{ .name = "value", .letter = 'V', .not_with = "shape=wide", STATE(iso.value), .arg = "NAME",
	  .help = "column of the value, narrow (default value)" },
	{ .name = "quality", .not_with = "shape=wide", STATE(iso.quality), .arg = "NAME",
	  .help = "column of the quality mark, narrow (default quality)" },
	FILTER_OPTS_OF("auto|csv|ndjson|tsv|json|iso19848",
		"auto|csv|ndjson|tsv|json|table|markdown|iso19848"),
};

static void check(struct state *st)
{
	st->io.iso = &st->iso;
	/* its list of inputs lacks the formats before this one, which are for output only */
	if (st->io.in_format == FMT_TABLE)
		st->io.in_format = FMT_ISO;
	if (st->io.in_format != FMT_ISO && st->io.out_format != FMT_ISO &&
		memcmp(&st->iso, &(const struct iso_opts){ 0 }, sizeof st->iso) != 0)
		opt_usage("the options of ISO 19848 need -i iso19848 or -o iso19848");
	if (st->iso.name || st->iso.value || st->iso.quality)
		st->iso.shape = ISO_NARROW; /* they are columns of no other */
	filter_names(&st->out, &st->columns, "columns");
	filter_names(&st->typed, &st->numbers, "numbers");
	st->n_numbers = st->typed.n;
	filter_names(&st->typed, &st->booleans, "booleans");
}

/*
 * Reads regular files once more, from where they began, for the names in them. Bad records are left
 * for the main pass to report.
 */
static void read_names(struct state *st, struct rd *first)
{
	struct iso_opts iso = st->iso;
	struct rd *rd;
	struct rec rec;

	iso.names_only = true;
	rd = rd_again(first, &iso);
	while (rd_next(rd, &rec) != RD_END)
		continue;
	for (size_t i = 0; i < rd_cols(rd)->n; i++)
		(void)names_add(&st->out, rd_cols(rd)->name[i], NULL);
	rd_close(rd);
}

/* Can no column be added once the output has begun, while the input may show new ones? */
static bool needs_names(const struct state *st, struct filter_run *run)
{
	const struct rd *rd = filter_io(run)->rd;

	return !format_traits(rd_format(rd))->header &&
	       format_traits((enum format)st->io.out_format)->header && !rd_is_sealed(rd) &&
	       !st->io.force_seal;
}

static enum cast cast_of(const struct state *st, struct sl name)
{
	size_t i = names_find(&st->typed, name);

	return i == NAMES_NONE ? CAST_NONE : i < st->n_numbers ? CAST_NUMBER : CAST_BOOLEAN;
}

static void start(struct state *st, struct filter_run *run, const struct names *cols)
{
	filter_keeps_values(run);
	/* a package does not show that they were not found, as it does of others */
	if (st->iso.by && st->io.in_format != FMT_ISO)
		(void)filter_column(run, sl_of(st->iso.by), "by");
	if (st->iso.quality && st->io.in_format != FMT_ISO)
		(void)filter_column(run, sl_of(st->iso.quality), "quality");
	if (!st->named && format_traits(rd_format(filter_io(run)->rd))->header) {
		namelist_resolve_all(&st->typed, cols);
		namelist_resolve_all(&st->out, cols);
	}
	for (size_t i = 0; !st->named && i < st->typed.n; i++)
		(void)filter_header_column(run, st->typed.name[i],
					   i < st->n_numbers ? "numbers" : "booleans");
	for (size_t i = 0; !st->named && i < st->out.n; i++)
		(void)filter_header_column(run, st->out.name[i], "columns");
	if (!st->named && needs_names(st, run) && rd_is_regular(filter_io(run)->rd))
		read_names(st, filter_io(run)->rd);
	st->named = true;
	st->as_it_is = true;
	mem_grow(&st->to, &st->to_cap, cols->n, sizeof *st->to);
	mem_grow(&st->cast, &st->cast_cap, cols->n, sizeof *st->cast);
	for (size_t i = 0; i < cols->n; i++) {
		st->to[i] = names_add(&st->out, cols->name[i], NULL);
		st->cast[i] = cast_of(st, cols->name[i]);
		st->as_it_is = st->as_it_is && st->to[i] == i && st->cast[i] == CAST_NONE;
	}
	mem_grow(&st->row, &st->row_cap, st->out.n, sizeof *st->row);
	filter_cols(run, st->out.name, st->out.n);
}

/* Gives a text the type asked for; false when it is not one. NULL stays NULL. */
static bool apply_cast(enum cast cast, struct field *f)
{
	struct sl s = field_sl(f);

	if (cast == CAST_NONE || field_is_null(f))
		return true;
	if (cast == CAST_BOOLEAN) {
		f->kind = f->kind == F_STR ? F_BOOL : f->kind;
		return f->kind == F_BOOL && (sl_eq(s, SL("true")) || sl_eq(s, SL("false")));
	}
	/* JSON has no number for these three; a string is how the streams write them */
	if (f->kind == F_STR && (sl_eq(s, SL("NaN")) || sl_eq(s, SL("Infinity")) ||
				 sl_eq(s, SL("-Infinity"))))
		return true;
	f->kind = f->kind == F_STR ? F_NUM : f->kind;
	return f->kind == F_NUM && num_is_json(s);
}

static void row(struct state *st, struct filter_run *run, const struct rec *rec)
{
	if (st->as_it_is) {
		filter_emit(run, rec->f, rec->n);
		return;
	}
	fields_clear(st->row, st->out.n);
	for (size_t i = 0; i < rec->n; i++) {
		struct field *f = &st->row[st->to[i]];

		*f = rec->f[i];
		if (!apply_cast(st->cast[i], f)) {
			filter_reject(run, rec, i,
				      st->cast[i] == CAST_NUMBER ? "not a JSON number"
								 : "neither true nor false");
			return;
		}
	}
	filter_emit(run, st->row, st->out.n);
}

/* A mistyped name would leave a column untyped without a word. */
static void end(struct state *st, struct filter_run *run)
{
	for (size_t i = 0; i < st->typed.n; i++)
		if (names_find(rd_cols(filter_io(run)->rd), st->typed.name[i]) == NAMES_NONE)
			msg_warn("--%s: the input has no column %s",
				 i < st->n_numbers ? "numbers" : "booleans",
				 msg_q(st->typed.name[i]));
}

static void release(struct state *st)
{
	names_free(&st->out);
	names_free(&st->typed);
	mem_free(st->to);
	mem_free(st->cast);
	mem_free(st->row);
}

static const struct filter reformat = {
	.program = { .name = "reformat",
		     .summary = "write the same records as CSV, NDJSON, a JSON array "
				"or an ISO 19848 package",
		     .synopsis = "-o csv|ndjson|json|iso19848 [options] [FILE...]",
		     .examples = "  reformat -o ndjson --numbers value readings.csv.gz\n"
				 "  reformat -i json -o csv records.json\n"
				 "  reformat -i iso19848 -o csv TimeSeriesData.json\n"
				 "  reformat -z 6 -O readings.csv.gz readings.csv\n",
		     .opts = options },
	FILTER_STATE,
	.names = true,
	.check = check,
	.start = start,
	.row = row,
	.end = end,
	.release = release,
};

int main(int argc, char **argv)
{
	return filter_main(&reformat, argc, argv);
}
