/*
 * pivot-wide - a narrow stream (key, name, value) becomes a wide one (key × name).
 *
 * The input comes sorted by key, so a row is complete as soon as another key is met: memory is that
 * of the rows of one key (one per group, that is per ship), plus the names of the columns and the
 * last key of every group. Columns are numbered as they are first seen; a new one is announced to
 * the reader by a control record, or, where the output is a plain CSV whose header must name all
 * columns, the rows wait until they are known (stream/late.h).
 */
#include "core/mem.h"
#include "core/msg.h"
#include "stream/in.h"
#include "stream/io.h"
#include "stream/late.h"
#include "stream/namelist.h"
#include "stream/pivot.h"
#include "stream/sort.h"

enum on_unsorted { UNSORTED_ERROR, UNSORTED_SORT };

struct conf {
	struct io_opts io;
	const char *key, *name, *value, *by, *op, *columns;
	int on_duplicate, on_unknown, on_unsorted;
	uint64_t sort_memory;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Pivot" },
	{ .name = "key", .letter = 'k', .kind = OPT_STR, .offset = offsetof(struct conf, key),
	  .arg = "NAME", .help = "column whose value names the row (default created_time)" },
	{ .name = "name", .letter = 'n', .kind = OPT_STR, .offset = offsetof(struct conf, name),
	  .arg = "NAME",
	  .help = "column whose value names the column (default data_channel_id)" },
	{ .name = "value", .letter = 'V', .kind = OPT_STR, .offset = offsetof(struct conf, value),
	  .arg = "NAME", .help = "column that holds the value (default value)" },
	{ .name = "by", .letter = 'b', .kind = OPT_STR, .offset = offsetof(struct conf, by),
	  .arg = "NAME,...",
	  .help = "separate rows per value of these (default ship_id if there)" },
	{ .name = "op", .kind = OPT_STR, .offset = offsetof(struct conf, op), .arg = "NAME",
	  .help = "column that is d where the cell is deleted (default op if there)" },
	{ .name = "columns", .letter = 'c', .kind = OPT_STR,
	  .offset = offsetof(struct conf, columns), .arg = "FILE",
	  .help = "columns in this order: a name a line, a registry (NDJSON), or a "
		  "DataChannelList (ISO 19848)" },
	{ .name = "on-duplicate", .kind = OPT_ENUM, .offset = offsetof(struct conf, on_duplicate),
	  .choices = "last|first|error|max", .help = "which value of a repeated cell is kept" },
	{ .name = "on-unknown", .kind = OPT_ENUM, .offset = offsetof(struct conf, on_unknown),
	  .choices = "add|ignore|error", .help = "what to do with names not in --columns" },
	{ .name = "on-unsorted", .kind = OPT_ENUM, .offset = offsetof(struct conf, on_unsorted),
	  .choices = "error|sort", .help = "sort: for input in any order, on disk" },
	{ .name = "sort-memory", .kind = OPT_SIZE, .offset = offsetof(struct conf, sort_memory),
	  .arg = "SIZE", .min = 1 << 20, .help = "memory for sorting (default 64M)" },
	IO_IN_OPTS(struct conf, io),
	IO_OUT_OPTS(struct conf, io),
	IO_REJECT_OPTS(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pivot-wide",
	.summary = "turn a narrow stream (key, name, value) into a wide one",
	.synopsis = "[options] [FILE]",
	.examples = "  pivot-wide narrow.csv > wide.csv\n"
		    "  pivot-wide -k date -n measure -V reading -b station long.csv\n"
		    "  pg-narrow-dump | pivot-wide | pg-copy-load --wide\n",
	.opts = options,
};

/* The program: where columns are in the input, where rows go to. */
struct prog {
	struct conf conf;
	struct io *io;
	struct pivot pivot;
	struct names by; /* names of the --by columns */
	size_t in_by[PIVOT_MAX_BY], in_key, in_name, in_value, in_op; /* in_op may be NAMES_NONE */
	bool guessable; /* name and value are the last columns: see take_likely() */
	struct field by_values[PIVOT_MAX_BY]; /* of the current record */
	struct names columns; /* of the output */
	size_t announced;     /* of the pivot's columns, those among them */
	struct field *line; /* one output record */
	size_t line_cap;
	struct wr *wr;
	struct late *late; /* what rows go through whose columns are not all known, or NULL */
	struct sorter *sorter; /* of --on-unsorted sort, from the first record on */
	struct str payload;
};

static size_t column(const struct prog *p, const struct names *cols, const char *name)
{
	size_t i = names_find(cols, sl_of(name));

	if (i == NAMES_NONE)
		die_hint(EX_DATA, "--key, --name, --value and --by say which columns to use",
			 "%s: there is no column %s", in_name(rd_in(p->io->rd)),
			 msg_q(sl_of(name)));
	return i;
}

/* In NDJSON a column is there once a record has it. */
static void find_op(struct prog *p, const struct names *cols)
{
	p->in_op = names_find(cols, sl_of(p->conf.op ? p->conf.op : "op"));
}

/* Where the columns are. They are only ever added at the end, so once is enough. */
static void find_columns(struct prog *p, const struct names *cols)
{
	const char *by = p->conf.by;

	if (!by)
		by = names_find(cols, SL("ship_id")) != NAMES_NONE ? "ship_id" : "";
	while (*by) {
		size_t n = strcspn(by, ",");
		char *name = mem_sldup((struct sl){ by, n });

		if (p->by.n == PIVOT_MAX_BY)
			opt_usage("--by: at most %d columns", PIVOT_MAX_BY);
		p->in_by[p->by.n] = column(p, cols, name);
		(void)names_add(&p->by, sl_of(name), NULL);
		mem_free(name);
		by += n + (by[n] == ',');
	}
	p->pivot.n_by = p->by.n;
	p->in_key = column(p, cols, p->conf.key);
	p->in_name = column(p, cols, p->conf.name);
	p->in_value = column(p, cols, p->conf.value);
}

static bool sorts(const struct prog *p)
{
	return p->conf.on_unsorted == UNSORTED_SORT;
}

/* Records can be guessed from the one before where only name and value change, at their end. */
static void see_what_is_guessable(struct prog *p, size_t n_cols)
{
	p->guessable = !sorts(p) && p->in_name + 2 == n_cols && p->in_value + 1 == n_cols &&
		       p->in_key < p->in_name && p->in_op == NAMES_NONE;
	for (size_t i = 0; i < p->by.n; i++)
		p->guessable &= p->in_by[i] < p->in_name;
}

/* Tells the writer all columns: by, key, and what the pivot has met so far. */
static void announce_columns(struct prog *p)
{
	const struct names *met = &p->pivot.columns;

	for (size_t i = 0; i < p->by.n; i++)
		(void)names_add(&p->columns, p->by.name[i], NULL);
	(void)names_add(&p->columns, sl_of(p->conf.key), NULL);
	for (size_t i = p->announced; i < met->n; i++) {
		bool added;

		(void)names_add(&p->columns, met->name[i], &added);
		if (!added)
			die(EX_DATA, "two columns of the output are named %s",
			    msg_q(met->name[i]));
	}
	p->announced = met->n;
	if (p->late)
		late_cols(p->late, p->columns.name, p->columns.n);
	else
		wr_cols(p->wr, p->columns.name, p->columns.n);
	mem_grow(&p->line, &p->line_cap, p->columns.n, sizeof *p->line);
}

/* A complete row, from the pivot. */
static void write_row(void *ctx, const struct field *by, struct sl key, const struct field *cells)
{
	struct prog *p = ctx;
	size_t lead = p->by.n + 1, n = p->pivot.columns.n;

	if (p->announced < n)
		announce_columns(p);
	memcpy(p->line, by, p->by.n * sizeof *p->line);
	p->line[lead - 1] = field_str(key);
	memcpy(p->line + lead, cells, n * sizeof *p->line);
	if (p->late)
		late_row(p->late, p->line, lead + n);
	else
		wr_row(p->wr, p->line, lead + n);
}

/* A plain CSV must name all its columns first: unless they are known, rows may have to wait. */
static void start_output(struct prog *p)
{
	bool known = p->pivot.n_given && p->conf.on_unknown != UNKNOWN_ADD;

	/* CSV cannot tell a cell that is to be NULL from one that is to be left alone */
	if (p->in_op != NAMES_NONE && p->conf.io.out_format == FMT_AUTO)
		p->conf.io.out_format = FMT_NDJSON;
	io_start_output(p->io);
	p->wr = p->io->wr;
	if (!wr_is_sealed(p->wr) && wr_format(p->wr) == FMT_CSV && !known)
		p->late = late_new(p->wr);
	announce_columns(p);
}

static NORETURN COLD void refuse(const struct prog *p, enum pivot_result why, struct sl key,
				 struct sl name, const struct field *value)
{
	const char *file = in_name(rd_in(p->io->rd));
	unsigned long long record = p->io->meter.rows;
	struct sl last = pivot_last_key(&p->pivot);
	bool again = sl_eq(last, key);

	if (why == PIVOT_UNKNOWN)
		die_hint(EX_DATA, "--on-unknown add or ignore lets it pass",
			 "%s: record %llu: %s is not among the columns of %s", file, record,
			 msg_q(name), p->conf.columns);
	if (why == PIVOT_REPEATED)
		die_hint(EX_DATA, "--on-duplicate last, first or max chooses one",
			 "%s: record %llu: a second value for %s at %s: %s after %s", file, record,
			 msg_q(name), msg_q(key), msg_q(field_sl(value)),
			 msg_q(field_sl(pivot_other(&p->pivot))));
	die_hint(EX_DATA, "sort it first, or use --on-unsorted sort",
		 "%s: record %llu: field %s: %s comes %s%s: the input is not sorted by key", file,
		 record, msg_q(sl_of(p->conf.key)), msg_q(key), again ? "again" : "after ",
		 again ? "" : msg_q(last));
}

static void add_cell(struct prog *p, const struct field *by, struct sl key, struct sl name,
		     const struct field *value)
{
	enum pivot_result r = pivot_add(&p->pivot, by, key, name, value);

	if (UNLIKELY(r != PIVOT_OK))
		refuse(p, r, key, name, value);
}

/* A reading without a value says nothing of the one before. */
static struct field or_absent(struct field value)
{
	return LIKELY(!field_is_null(&value)) ? value
					      : (struct field){ .p = "", .kind = F_ABSENT };
}

/* The value of a record: absent where it has none; null where it is deleted. */
static struct field value_of(const struct prog *p, const struct rec *rec)
{
	struct field value = or_absent(rec->f[p->in_value]);

	if (p->in_op == NAMES_NONE || p->in_op >= rec->n ||
		!sl_eq(field_sl(&rec->f[p->in_op]), SL("d")))
		return value;
	if (wr_format(p->wr) == FMT_CSV)
		die_hint(EX_DATA, "-o ndjson",
			 "%s: record %llu is a deletion, and CSV has no sign for it",
			 in_name(rd_in(p->io->rd)), (unsigned long long)rec->record);
	return FIELD_NULL;
}

static void sort_record(struct prog *p, const struct rec *rec)
{
	struct field value = value_of(p, rec);

	str_clear(&p->payload);
	for (size_t i = 0; i < p->by.n; i++)
		rec_pack(&p->payload, &rec->f[p->in_by[i]]);
	rec_pack(&p->payload, &rec->f[p->in_name]);
	rec_pack(&p->payload, &value);
	if (!p->sorter) {
		p->pivot.order = pivot_order_of(field_sl(&rec->f[p->in_key]));
		p->sorter = sorter_new(p->conf.sort_memory, p->pivot.order);
	}
	sorter_add(p->sorter, field_sl(&rec->f[p->in_key]), str_sl(&p->payload));
}

static void pivot_sorted(struct prog *p)
{
	struct field by[PIVOT_MAX_BY], name, value;
	struct sl key, payload;

	while (sorter_next(p->sorter, &key, &payload)) {
		const char *at = payload.p;

		for (size_t i = 0; i < p->by.n; i++)
			at = rec_unpack(at, &by[i]);
		(void)rec_unpack(rec_unpack(at, &name), &value);
		add_cell(p, by, key, field_sl(&name), &value);
	}
}

/* The next record, if it has the same key and one of the columns that may be expected. */
static bool take_if_likely(struct prog *p)
{
	const struct pivot_column *c = NULL;
	struct field value;

	for (size_t tries = 0; tries < PIVOT_GUESSES; tries++) {
		enum pivot_result r;

		c = pivot_likely(&p->pivot, c);
		if (!c || !c->name.plain)
			return false;
		if (!io_next_like(p->io, field_sl(&c->name), &value))
			continue;
		value = or_absent(value);
		r = pivot_add_likely(&p->pivot, c, &value);
		if (UNLIKELY(r != PIVOT_OK))
			refuse(p, r, pivot_key(&p->pivot), field_sl(&c->name), &value);
		return true;
	}
	return false;
}

/* Records that follow the one just taken, as long as each is what it should be. */
static void take_likely(struct prog *p)
{
	while (take_if_likely(p))
		;
}

static void take_record(struct prog *p, const struct rec *rec)
{
	const struct field *key = &rec->f[p->in_key], *name = &rec->f[p->in_name];
	struct field value;

	if (UNLIKELY(key->n == 0 || name->n == 0)) {
		io_reject_field(p->io, rec, key->n ? p->in_name : p->in_key, "is empty");
		return;
	}
	if (sorts(p)) {
		sort_record(p, rec);
		return;
	}
	for (size_t i = 0; i < p->by.n; i++)
		p->by_values[i] = rec->f[p->in_by[i]];
	value = value_of(p, rec);
	add_cell(p, p->by_values, field_sl(key), field_sl(name), &value);
	if (p->guessable && rd_learn(p->io->rd, rec))
		take_likely(p);
	if (p->guessable && rd_learn(p->io->rd, rec))
		take_likely(p);
}

/* Everything that was read is written; the next chunk may begin anywhere in time. */
static void end_chunk(struct prog *p)
{
	if (p->sorter)
		pivot_sorted(p);
	pivot_end_chunk(&p->pivot);
}

static void pass_seal(struct prog *p)
{
	struct seal seal = *rd_seal(p->io->rd);

	end_chunk(p);
	seal.drop_cells += p->pivot.drop_cells;
	seal.drop_sum += p->pivot.drop_sum;
	p->pivot.drop_cells = p->pivot.drop_sum = 0;
	if (!p->late)
		io_seal(p->io, &seal);
}

static void report(const struct prog *p)
{
	static const char *const kept[] = { "last", "first", "", "largest" };

	if (p->pivot.duplicates)
		msg_note("%llu repeated cells, the %s value won",
			 (unsigned long long)p->pivot.duplicates, kept[p->conf.on_duplicate]);
	if (p->pivot.ignored)
		msg_note("%llu cells of unknown columns left out",
			 (unsigned long long)p->pivot.ignored);
}

static void take_columns(struct prog *p, const struct names *cols)
{
	if (!p->wr)
		find_columns(p, cols);
	find_op(p, cols);
	see_what_is_guessable(p, cols->n);
	if (!p->wr)
		start_output(p);
}

static void run(struct prog *p)
{
	enum rd_event ev;
	struct rec rec;

	while ((ev = io_next(p->io, &rec)) != RD_END) {
		if (ev == RD_COLS) {
			take_columns(p, rd_cols(p->io->rd));
		} else if (ev == RD_ROW) {
			take_record(p, &rec);
		} else if (ev == RD_SEAL) {
			pass_seal(p);
		}
	}
	end_chunk(p);
	if (p->late)
		late_end(p->late);
	report(p);
}

static void start(struct prog *p)
{
	if (p->conf.columns)
		namelist_read(p->conf.columns, &p->pivot.columns);
	p->pivot.n_given = p->pivot.columns.n;
	p->pivot.on_duplicate = (enum pivot_duplicate)p->conf.on_duplicate;
	p->pivot.on_unknown = (enum pivot_unknown)p->conf.on_unknown;
	p->pivot.row = write_row;
	p->pivot.ctx = p;
}

static void release(struct prog *p)
{
	pivot_free(&p->pivot);
	names_free(&p->by);
	names_free(&p->columns);
	sorter_free(p->sorter);
	str_free(&p->payload);
	late_free(p->late);
	mem_free(p->line);
}

int main(int argc, char **argv)
{
	struct prog p = { .conf = { .key = "created_time",
				    .name = "data_channel_id",
				    .value = "value",
				    .sort_memory = (uint64_t)64 << 20 } };
	int code;

	opt_parse(&program, &p.conf, &argc, &argv);
	if (argc > 1)
		opt_usage("one file at most, got %s too", msg_q(sl_of(argv[1])));
	start(&p);
	p.io = io_open(&p.conf.io, argc ? argv[0] : NULL);
	io_promise_output(p.io);
	run(&p);
	code = io_close(p.io);
	release(&p);
	return code;
}
