/*
 * pivot-wide - a narrow stream (key, name, value) becomes a wide one (key × name).
 *
 * The input comes sorted by key, so a row is complete as soon as another key is met: memory is that
 * of the rows of one key (one per group, that is per ship), plus the names of the columns and the
 * last key of every group. Columns are numbered as they are first seen; a new one is announced to
 * the reader by a control record, or, where the output is a plain CSV whose header must name all
 * columns, the rows wait until they are known (stream/late.h).
 */
#include "core/decimal.h"
#include "stream/namelist.h"
#include "stream/in.h"
#include "stream/io.h"
#include "stream/late.h"
#include "stream/pivot.h"
#include "stream/sort.h"

#define MAX_KEY 8
#define MAX_VALUES 16

enum on_unsorted { UNSORTED_ERROR, UNSORTED_SORT };

struct conf {
	struct io_opts io;
	const char *key, *name, *value, *by, *keep, *op, *columns, *prefix, *fill;
	int on_duplicate, on_unknown, on_unsorted;
	bool sort_columns;
	uint64_t sort_memory;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Pivot" },
	{ .name = "key", .letter = 'k', CONF(key), .arg = "NAME,...",
	  .help = "columns whose values name the row (default created_time)" },
	{ .name = "name", .letter = 'n', CONF(name), .arg = "NAME",
	  .help = "column whose value names the column (default data_channel_id)" },
	{ .name = "value", .letter = 'V', CONF(value), .arg = "NAME,...",
	  .help = "columns that hold values (default value); of several, each names its cells" },
	{ .name = "by", .letter = 'b', CONF(by), .arg = "NAME,...",
	  .help = "separate rows per value of these (default ship_id if there)" },
	{ .name = "keep", CONF(keep), .arg = "NAME,...",
	  .help = "carry these along: the first value of each row" },
	{ .name = "op", CONF(op), .arg = "NAME",
	  .help = "column that is d where the cell is deleted (default op if there)" },
	{ .name = "columns", .letter = 'c', CONF(columns), .arg = "FILE", .file = OPT_READS,
	  .help = "columns in this order: a name a line, a registry (NDJSON), or a DataChannelList "
		  "(ISO 19848)" },
	{ .name = "prefix", CONF(prefix), .arg = "TEXT",
	  .help = "before the name of every such column" },
	{ .name = "sort-columns", CONF(sort_columns),
	  .help = "in the order of their names (only where all are known at the start)" },
	{ .name = "fill", CONF(fill), .arg = "TEXT", .help = "the value of cells that have none" },
	{ .name = "on-duplicate", CONF(on_duplicate),
	  .choices = "last|first|error|max|min|sum|mean|count|concat",
	  .help = "what becomes of several values of a cell" },
	{ .name = "on-unknown", CONF(on_unknown), .choices = "add|ignore|error",
	  .help = "what to do with names not in --columns" },
	{ .name = "on-unsorted", CONF(on_unsorted), .choices = "error|sort",
	  .help = "sort: for input in any order, on disk" },
	{ .name = "sort-memory", .kind = OPT_SIZE, .offset = offsetof(struct conf, sort_memory),
	  .arg = "SIZE", .min = 1 << 20, .help = "memory for sorting (default 64M)" },
	IO_IN_OPTS(struct conf, io),
	IO_OUT_OPTS(struct conf, io),
	IO_REJECT_OPTS(struct conf, io),
	IO_STRICT_OPT(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pivot-wide",
	.summary = "turn a narrow stream (key, name, value) into a wide one",
	.synopsis = "[options] [FILE...]",
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
	struct names by, key, value, keep; /* names of these columns */
	size_t in_by[PIVOT_MAX_BY + PIVOT_MAX_KEEP]; /* behind the former, the latter */
	size_t in_key[MAX_KEY], in_value[MAX_VALUES], in_name, in_op; /* in_op may be NAMES_NONE */
	bool guessable; /* name and value are the last columns: see take_if_likely() */
	struct field by_values[PIVOT_MAX_BY + PIVOT_MAX_KEEP]; /* of the current record */
	uint8_t key_kind[MAX_KEY], open_kind[MAX_KEY]; /* of its key; of that of the open rows */
	bool by_number[MAX_KEY]; /* several keys: is this one ordered by value? */
	bool order_known;
	uint64_t other_kinds; /* cells whose key is another kind than that of their row */
	struct str key_text, cell_name; /* several keys as one; a name and that of its value */
	struct field fill;
	uint64_t record; /* the number a sorted record had */
	uint8_t *value_of; /* several values: 1 + the one that each column of the pivot is of */
	size_t value_of_cap;
	struct names columns; /* of the output */
	size_t announced;     /* of the pivot's columns, those among them */
	struct field *line; /* one output record */
	size_t line_cap;
	struct wr *wr;
	struct late *late; /* what rows go through whose columns are not all known, or NULL */
	struct sorter *sorter; /* of --on-unsorted sort, from the first record on */
	struct str payload;
};

static size_t column(const struct prog *p, const struct names *cols, struct sl name)
{
	size_t i = names_find(cols, namelist_resolve(cols, name));

	if (i == NAMES_NONE)
		die_hint(EX_DATA,
			 "--key, --name, --value, --by and --keep say which columns to use",
			 "%s: there is no column %s", in_name(rd_in(p->io->rd)), msg_q(name));
	return i;
}

/* The columns of a list: their names, and where they are. */
static void find_list(const struct prog *p, const struct names *cols, const char *list,
		      const char *option, size_t max, struct names *names, size_t *at)
{
	AUTO_NAMES given = { 0 };

	if (list && *list)
		namelist_split(&given, list, option);
	if (given.n > max)
		opt_usage("--%s: at most %zu columns", option, max);
	for (size_t i = 0; i < given.n; i++) {
		at[i] = column(p, cols, given.name[i]);
		(void)names_add(names, cols->name[at[i]], NULL);
	}
}

static void must_be_apart(const struct names *a, const struct names *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (names_find(b, a->name[i]) != NAMES_NONE)
			opt_usage("--key, --by and --keep: column %s is named twice",
				  msg_q(a->name[i]));
}

/* Where the columns are. They are only ever added at the end, so once is enough. */
static void find_columns(struct prog *p, const struct names *cols)
{
	const struct conf *c = &p->conf;
	const char *by = c->by;

	if (!by)
		by = names_find(cols, SL("ship_id")) != NAMES_NONE ? "ship_id" : "";
	find_list(p, cols, by, "by", PIVOT_MAX_BY, &p->by, p->in_by);
	p->pivot.n_by = p->by.n;
	find_list(p, cols, c->keep, "keep", PIVOT_MAX_KEEP, &p->keep, p->in_by + p->by.n);
	p->pivot.n_keep = p->keep.n;
	find_list(p, cols, c->key, "key", MAX_KEY, &p->key, p->in_key);
	p->in_name = column(p, cols, sl_of(c->name));
	find_list(p, cols, c->value, "value", MAX_VALUES, &p->value, p->in_value);
	if (p->key.n == 0 || p->value.n == 0)
		opt_usage("--key and --value: a column is needed");
	must_be_apart(&p->key, &p->by);
	must_be_apart(&p->key, &p->keep);
	must_be_apart(&p->by, &p->keep);
}

/* Columns of the input that the output has no place for: said once, when all are known. */
static void report_left_out(const struct prog *p)
{
	const struct names *cols = rd_cols(p->io->rd);
	AUTO_STR list = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < cols->n && p->wr; i++) {
		if (i == p->in_name || i == p->in_op || column_among(p->in_key, p->key.n, i) ||
		    column_among(p->in_value, p->value.n, i) ||
		    column_among(p->in_by, p->by.n + p->keep.n, i))
			continue;
		if (n < 10)
			str_addf(&list, "%s%s", n ? ", " : "", msg_q(cols->name[i]));
		n++;
	}
	if (n)
		msg_note("%zu column%s left out: %s%s (--keep carries columns along)", n,
			 n == 1 ? "" : "s", list.p, n > 10 ? ", …" : "");
}

static bool sorts(const struct prog *p)
{
	return p->conf.on_unsorted == UNSORTED_SORT;
}

/* Records can be guessed from the one before where only name and value change, at their end. */
static void see_what_is_guessable(struct prog *p, size_t n_cols)
{
	p->guessable = !sorts(p) && p->in_name + 2 == n_cols && p->value.n == 1 &&
		       p->in_value[0] + 1 == n_cols && p->in_op == NAMES_NONE;
	for (size_t i = 0; i < p->key.n; i++)
		p->guessable &= p->in_key[i] < p->in_name;
	for (size_t i = 0; i < p->by.n + p->keep.n; i++)
		p->guessable &= p->in_by[i] < p->in_name;
}

/* The name of a pivoted column: one that is taken gets an "@" before it, or all the prefix. */
static void put_name(const struct prog *p, struct sl name, size_t n_lead, struct str *s)
{
	str_clear(s);
	if (p->conf.prefix)
		str_addz(s, p->conf.prefix);
	else if (colname_is_taken(name, p->columns.name, n_lead))
		str_addc(s, '@');
	str_add(s, name);
}

/* Tells the writer all columns: by, key, keep, and what the pivot has met so far. */
static void announce_columns(struct prog *p)
{
	const struct names *met = &p->pivot.columns, *lead[] = { &p->by, &p->key, &p->keep };
	AUTO_STR name = { 0 };

	for (size_t k = 0; k < ARRAY_LEN(lead); k++)
		for (size_t i = 0; i < lead[k]->n; i++)
			(void)names_add(&p->columns, lead[k]->name[i], NULL);
	for (size_t i = p->announced; i < met->n; i++) {
		bool added;

		put_name(p, met->name[i], p->columns.n - i, &name);
		(void)names_add(&p->columns, str_sl(&name), &added);
		if (!added)
			die_hint(EX_DATA, "--prefix tells them from the others",
				 "two columns of the output are named %s", msg_q(str_sl(&name)));
	}
	p->announced = met->n;
	if (p->late)
		late_cols(p->late, p->columns.name, p->columns.n);
	else
		wr_cols(p->wr, p->columns.name, p->columns.n);
	mem_grow(&p->line, &p->line_cap, p->columns.n, sizeof *p->line);
}

/* The key of a record as the pivot knows it; false when a part of it is empty. */
static bool make_key(struct prog *p, const struct rec *rec, struct sl *key)
{
	for (size_t i = 0; i < p->key.n; i++) {
		const struct field *f = &rec->f[p->in_key[i]];

		if (f->n == 0)
			return false;
		p->key_kind[i] = f->kind;
		if (!p->order_known)
			p->by_number[i] = pivot_order_of(field_sl(f)) != sl_cmp;
	}
	p->order_known = true;
	*key = field_sl(&rec->f[p->in_key[0]]);
	if (LIKELY(p->key.n == 1))
		return true;
	p->pivot.order = pivot_key_order;
	str_clear(&p->key_text);
	for (size_t i = 0; i < p->key.n; i++)
		pivot_key_add(&p->key_text, p->by_number[i], field_sl(&rec->f[p->in_key[i]]));
	*key = str_sl(&p->key_text);
	return true;
}

/* A key as a person reads it. */
static const char *show_key(const struct prog *p, struct sl key)
{
	static char text[200];
	size_t n = 0;

	if (p->key.n == 1)
		return msg_q(key);
	while (key.n > 0 && n < sizeof text)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "",
				      msg_q(pivot_key_next(&key)));
	return text;
}

/* The key of a row as the fields it was made of. */
static void put_key(const struct prog *p, struct sl key, struct field *f)
{
	for (size_t i = 0; i < p->key.n; i++) {
		struct sl part = p->key.n == 1 ? key : pivot_key_next(&key);

		f[i] = field_str(part);
		f[i].kind = p->open_kind[i];
	}
}

/* A complete row, from the pivot. */
static void write_row(void *ctx, const struct field *by, struct sl key, const struct field *cells)
{
	struct prog *p = ctx;
	size_t lead = p->by.n + p->key.n + p->keep.n, n = p->pivot.columns.n;

	if (p->announced < n)
		announce_columns(p);
	memcpy(p->line, by, p->by.n * sizeof *p->line);
	put_key(p, key, p->line + p->by.n);
	memcpy(p->line + p->by.n + p->key.n, p->pivot.kept, p->keep.n * sizeof *p->line);
	memcpy(p->line + lead, cells, n * sizeof *p->line);
	for (size_t i = lead; p->conf.fill && i < lead + n; i++)
		if (p->line[i].kind == F_ABSENT) /* a null is a deletion */
			p->line[i] = p->fill;
	if (p->late)
		late_row(p->late, p->line, lead + n);
	else
		wr_row(p->wr, p->line, lead + n);
}

/* A plain CSV must name all its columns first: unless they are known, rows may have to wait. */
static void start_output(struct prog *p)
{
	bool known = p->conf.on_unknown != UNKNOWN_ADD;
	bool header;

	/* CSV cannot tell a cell that is to be NULL from one that is to be left alone */
	if (p->in_op != NAMES_NONE && p->conf.io.out_format == FMT_AUTO)
		p->conf.io.out_format = FMT_NDJSON;
	io_start_output(p->io);
	p->wr = p->io->wr;
	header = wr_format(p->wr) == FMT_CSV && !wr_is_sealed(p->wr);
	if (p->conf.fill && !known && !header && !p->late)
		opt_usage("--fill needs to know all columns before the first row: give --columns "
			  "with --on-unknown ignore or error, or write CSV without a seal");
	if (header && !known)
		p->late = late_new(p->wr, p->conf.fill ? &p->fill : NULL);
	announce_columns(p);
}

static NORETURN COLD void refuse(const struct prog *p, enum pivot_result why, struct sl key,
				 struct sl name, const struct field *value)
{
	const char *file = in_name(rd_in(p->io->rd));
	unsigned long long record = sorts(p) ? p->record : p->io->meter.rows;
	char ship[200] = "", name_text[80], at[200], before[200];
	struct sl last = p->pivot.last_key;
	bool again = sl_eq(last, key);
	struct decimal number;

	(void)snprintf(at, sizeof at, "%s", show_key(p, key));
	(void)snprintf(before, sizeof before, again || !last.n ? "%s" : tr("after %s"),
		       again || !last.n ? tr("again") : show_key(p, last));
	for (size_t i = 0, n = 0; i < p->by.n && n < sizeof ship; i++)
		n += (size_t)snprintf(ship + n, sizeof ship - n, "%s %s: ",
				      msg_plain(name_text, sizeof name_text, p->by.name[i]),
				      msg_q(field_sl(&p->by_values[i])));
	if (why == PIVOT_UNKNOWN)
		die_hint(EX_DATA,
			 p->pivot.n_given ? N_("--on-unknown add or ignore lets it pass")
					  : N_("the file names no column at all"),
			 "%s: record %llu: %s is not among the columns of %s", file, record,
			 msg_q(name), p->conf.columns);
	if (why == PIVOT_NO_NUMBER && decimal_parse(field_sl(value), &number))
		value = &p->pivot.other; /* it was the earlier one */
	if (why == PIVOT_NO_NUMBER)
		die(EX_DATA, "%s: record %llu: %s at %s is no number that can be %s: %s", file,
		    record, msg_q(name), at, p->conf.on_duplicate >= DUP_SUM ? tr("added") :
		    tr("compared with others of the cell"), msg_q(field_sl(value)));
	if (why == PIVOT_REPEATED)
		die_hint(EX_DATA, "--on-duplicate last, first, max and others make one of them",
			 "%s: record %llu: %sa second value for %s at %s: %s after %s", file,
			 record, ship, msg_q(name), at, msg_q(field_sl(value)),
			 msg_q(field_sl(&p->pivot.other)));
	die_hint(EX_DATA, "sort it first, or use --on-unsorted sort",
		 "%s: record %llu: field %s: %s comes %s: the input is not sorted by key", file,
		 record, msg_q(sl_of(p->conf.key)), at, before);
}

static void add_cell(struct prog *p, const struct field *by, struct sl key, struct sl name,
		     const struct field *value)
{
	bool other = memcmp(p->open_kind, p->key_kind, p->key.n) != 0 && p->pivot.have_key &&
		     sl_eq(str_sl(&p->pivot.key), key);
	enum pivot_result r = pivot_add(&p->pivot, by, key, name, value);

	p->other_kinds += other;
	if (!other)
		memcpy(p->open_kind, p->key_kind, p->key.n);
	if (UNLIKELY(r != PIVOT_OK))
		refuse(p, r, key, name, value);
}

/* temp and ch_1 make the same column as temp_ch and 1: their cells must not be added up. */
static void must_be_of(struct prog *p, struct sl name, size_t value)
{
	size_t i = names_find(&p->pivot.columns, name), had = p->value_of_cap;

	if (i == NAMES_NONE)
		return;
	mem_grow(&p->value_of, &p->value_of_cap, i + 1, sizeof *p->value_of);
	if (p->value_of_cap > had)
		memset(p->value_of + had, 0, p->value_of_cap - had);
	if (p->value_of[i] == 0)
		p->value_of[i] = (uint8_t)(value + 1);
	if (p->value_of[i] != value + 1)
		die_hint(EX_DATA, "--prefix, or other names for the values, keep them apart",
			 "column %s would hold values of two columns, %s and %s", msg_q(name),
			 msg_q(p->value.name[p->value_of[i] - 1]), msg_q(p->value.name[value]));
}

/* The cells of a record, one for each of its values. */
static void add_cells(struct prog *p, const struct field *by, struct sl key, struct sl name,
		      const struct field *values)
{
	if (LIKELY(p->value.n == 1)) {
		add_cell(p, by, key, name, values);
		return;
	}
	for (size_t i = 0; i < p->value.n; i++) {
		str_set(&p->cell_name, p->value.name[i]);
		str_addc(&p->cell_name, '_');
		str_add(&p->cell_name, name);
		add_cell(p, by, key, str_sl(&p->cell_name), &values[i]);
		must_be_of(p, str_sl(&p->cell_name), i);
	}
}

/* A reading without a value says nothing of the one before. */
static struct field or_absent(struct field value)
{
	return LIKELY(!field_is_null(&value)) ? value : FIELD_ABSENT;
}

/* The value of a record: absent where it has none; null where it is deleted. */
static struct field value_of(const struct prog *p, const struct rec *rec, size_t i)
{
	struct field value = or_absent(rec->f[p->in_value[i]]);

	if (p->in_op == NAMES_NONE || p->in_op >= rec->n ||
		!sl_eq(field_sl(&rec->f[p->in_op]), SL("d")))
		return value;
	if (wr_format(p->wr) == FMT_CSV)
		die_hint(EX_DATA, "-o ndjson",
			 "%s: record %llu is a deletion, and CSV has no sign for it",
			 in_name(rd_in(p->io->rd)), (unsigned long long)rec->record);
	return FIELD_NULL;
}

static void sort_record(struct prog *p, const struct rec *rec, struct sl key)
{
	struct str *s = &p->payload;

	str_set(s, (struct sl){ (const char *)&rec->record, sizeof rec->record });
	str_add(s, (struct sl){ (const char *)p->key_kind, p->key.n });
	for (size_t i = 0; i < p->by.n + p->keep.n; i++)
		rec_pack(s, &rec->f[p->in_by[i]]);
	rec_pack(s, &rec->f[p->in_name]);
	for (size_t i = 0; i < p->value.n; i++) {
		struct field value = value_of(p, rec, i);

		rec_pack(s, &value);
	}
	if (!p->sorter) {
		if (p->key.n == 1)
			p->pivot.order = pivot_order_of(key);
		p->sorter = sorter_new(p->conf.sort_memory, p->pivot.order);
	}
	sorter_add(p->sorter, key, str_sl(s));
}

static void pivot_sorted(struct prog *p)
{
	struct field values[MAX_VALUES], name;
	struct sl key, payload;

	while (sorter_next(p->sorter, &key, &payload)) {
		const char *at = payload.p;

		memcpy(&p->record, at, sizeof p->record);
		at += sizeof p->record;
		memcpy(p->key_kind, at, p->key.n);
		at += p->key.n;
		for (size_t i = 0; i < p->by.n + p->keep.n; i++)
			at = rec_unpack(at, &p->by_values[i]);
		at = rec_unpack(at, &name);
		for (size_t i = 0; i < p->value.n; i++)
			at = rec_unpack(at, &values[i]);
		add_cells(p, p->by_values, key, field_sl(&name), values);
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
			refuse(p, r, str_sl(&p->pivot.key), field_sl(&c->name), &value);
		return true;
	}
	return false;
}

static void take_record(struct prog *p, const struct rec *rec)
{
	const struct field *name = &rec->f[p->in_name];
	struct field values[MAX_VALUES];
	struct sl key;
	bool whole = make_key(p, rec, &key);

	if (UNLIKELY(!whole || name->n == 0)) {
		size_t at = p->in_name;

		for (size_t i = p->key.n; i-- > 0 && !whole;)
			at = rec->f[p->in_key[i]].n == 0 ? p->in_key[i] : at;
		io_reject_field(p->io, rec, at, "is empty");
		return;
	}
	if (sorts(p)) {
		sort_record(p, rec, key);
		return;
	}
	for (size_t i = 0; i < p->by.n + p->keep.n; i++)
		p->by_values[i] = rec->f[p->in_by[i]];
	for (size_t i = 0; i < p->value.n; i++)
		values[i] = value_of(p, rec, i);
	add_cells(p, p->by_values, key, field_sl(name), values);
	if (p->guessable && rd_learn(p->io->rd, rec))
		while (take_if_likely(p)) /* as long as each is what it should be */
			;
}

/* Everything that was read is written; the next chunk may begin anywhere in time. */
static void end_chunk(struct prog *p)
{
	if (p->sorter)
		pivot_sorted(p);
	pivot_end_chunk(&p->pivot);
}

/* Are the cells no longer those of the source, whose digest is in the seals? */
static bool changes_cells(const struct prog *p)
{
	return p->key.n > 1 || p->value.n > 1 || p->conf.prefix || p->conf.fill ||
	       p->keep.n || p->conf.on_duplicate >= DUP_SUM;
}

/* Of all of it. A column that was asked for by name and never came was mistyped. */
static void report(const struct prog *p)
{
	if (p->conf.op && *p->conf.op && p->in_op == NAMES_NONE && p->io->meter.rows)
		die(EX_DATA, "%s: --op: no record has %s", in_name(rd_in(p->io->rd)),
		    msg_q(sl_of(p->conf.op)));
	report_left_out(p);
	pivot_report(&p->pivot);
	if (p->other_kinds)
		msg_warn("%llu values have a key that is a number in one record and the same text "
			 "in another: they are in one row, whose key is what came first",
			 (unsigned long long)p->other_kinds);
	io_check_strict(p->io);
}

static void pass_seal(struct prog *p)
{
	struct seal seal = *rd_seal(p->io->rd);
	AUTO_ARENA arena = { 0 };

	end_chunk(p);
	seal.drop_cells += p->pivot.drop_cells;
	seal.drop_sum += p->pivot.drop_sum;
	p->pivot.drop_cells = p->pivot.drop_sum = 0;
	if (seal.final)
		report(p);
	if (changes_cells(p))
		seal_forget_values(&seal, &arena);
	if (!p->late)
		io_seal(p->io, &seal);
}

static void take_columns(struct prog *p, const struct names *cols)
{
	if (!p->wr)
		find_columns(p, cols);
	else if (!p->conf.by && p->by.n == 0 && names_find(cols, SL("ship_id")) != NAMES_NONE)
		die_hint(EX_DATA, "--by ship_id, or --by '' for none",
			 "%s: ship_id appeared after records without it",
			 in_name(rd_in(p->io->rd)));
	/* in NDJSON a column is there once a record has it */
	p->in_op = names_find(cols, sl_of(p->conf.op ? p->conf.op : "op"));
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
	if (!rd_is_sealed(p->io->rd))
		report(p);
	if (p->late)
		late_end(p->late);
}

static void start(struct prog *p)
{
	if (p->conf.columns)
		namelist_read(p->conf.columns, &p->pivot.columns, false);
	else if (p->conf.on_unknown != UNKNOWN_ADD)
		opt_usage("--on-unknown ignore and error need --columns");
	if (p->conf.sort_columns && p->conf.on_unknown == UNKNOWN_ADD)
		opt_usage("--sort-columns needs to know all columns before the first row: give "
			  "--columns with --on-unknown ignore or error");
	if (p->conf.sort_columns)
		namelist_sort(&p->pivot.columns);
	if (p->conf.fill && !field_word(&p->fill, sl_of(p->conf.fill)))
		p->fill = field_name(sl_of(p->conf.fill));
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
	names_free(&p->key);
	names_free(&p->value);
	names_free(&p->keep);
	str_free(&p->key_text);
	str_free(&p->cell_name);
	names_free(&p->columns);
	sorter_free(p->sorter);
	str_free(&p->payload);
	late_free(p->late);
	mem_free(p->line);
	mem_free(p->value_of);
}

int main(int argc, char **argv)
{
	struct prog p = { .conf = { .key = "created_time",
				    .name = "data_channel_id",
				    .value = "value",
				    .sort_memory = (uint64_t)64 << 20 } };
	int code;

	opt_parse(&program, &p.conf, &argc, &argv);
	p.io = io_open_all(&p.conf.io, argv, argc);
	start(&p);
	io_promise_output(p.io);
	run(&p);
	code = io_close(p.io);
	release(&p);
	return code;
}
