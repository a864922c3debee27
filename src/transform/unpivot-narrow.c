/*
 * unpivot-narrow - turn a wide stream back into a narrow one: one record per value.
 *
 * Works in the memory of one record, in any order, and with columns that join on the way. The
 * names of the four columns default to those of ship telemetry. Facts in the seals pass through:
 * the cells are the same, so the digest of the source still holds, unless a record has several
 * values or columns are carried along.
 *
 * contract: unpivot-narrow -k created_time
 */
#include "stream/in.h"
#include "stream/namelist.h"
#include "stream/filter.h"

enum place { PLACE_FIRST, PLACE_LAST };

struct state {
	struct io_opts io;
	const char *key, *by, *name, *value, *keep, *prefix;
	int place; /* enum place: of the value in the names of several values */
	bool keep_null, of_values; /* do names of columns have those of values? */

	struct filter_by by_columns;
	struct names keys, values, kept; /* as they were given */
	size_t *lead, *behind; /* columns of the input: by and keys, kept; NAMES_NONE: not there */
	struct names channels; /* values of the name column */
	struct field *name_of; /* the same */
	size_t *cell;	       /* by channel and value: column of the input, or NAMES_NONE */
	size_t name_of_cap, cell_cap;
	struct field *out;
	bool *met;  /* by value: has a column been of it? */
	bool begun; /* has one had the prefix? */
	bool told;
};

static const struct opt options[] = {
	{ .name = "key", .letter = 'k', STATE(key), .arg = "COLUMN,...",
	  .help = "name the row (default created_time)" },
	{ .name = "by", .letter = 'b', STATE(by), .arg = "COLUMN,...",
	  .help = "name it too (default ship_id if there; '' for none)" },
	{ .name = "name", .letter = 'n', STATE(name), .arg = "COLUMN",
	  .help = "output column for column names (default data_channel_id)" },
	{ .name = "value", .letter = 'V', STATE(value), .arg = "COLUMN,...",
	  .help = "output columns for values (default value); several: of VALUE_NAME" },
	{ .name = "value-place", .needs = "value", STATE(place), .choices = "first|last",
	  .help = "last: of NAME_VALUE" },
	{ .name = "prefix", STATE(prefix), .arg = "TEXT",
	  .help = "take columns that begin so, and this off their names" },
	{ .name = "keep", STATE(keep), .arg = "COLUMN,...",
	  .help = "carry these along in every record" },
	{ .name = "keep-null", STATE(keep_null), .help = "write a record for NULL values too" },
	FILTER_OPTS,
};

static void check(struct state *st)
{
	const struct opt *o = options;

	st->name = st->name ? st->name : "data_channel_id";
	namelist_split(&st->keys, st->key ? st->key : "created_time", "key");
	namelist_split(&st->values, st->value ? st->value : "value", "value");
	while (strcmp(o->name, "value-place") != 0)
		o++;
	st->of_values = st->values.n > 1 || opt_given(o);
	if (st->keep)
		namelist_split(&st->kept, st->keep, "keep");
	st->met = mem_zalloc(st->values.n);
	st->lead = mem_alloc(mem_mul(FILTER_MAX_BY + st->keys.n, sizeof *st->lead));
	st->behind = mem_alloc(mem_mul(st->kept.n + 1, sizeof *st->behind));
	st->out = mem_alloc(mem_mul(FILTER_MAX_BY + st->keys.n + 1 + st->values.n + st->kept.n,
		sizeof *st->out));
}

/* ---- columns -------------------------------------------------------------------------------- */

/* The third member of NDJSON has no name to write before it has come. */
static void refuse_number(struct filter_run *run, struct sl name, size_t at)
{
	uint64_t n;

	if (at == NAMES_NONE && namelist_is_number(name, &n))
		die(EX_DATA, "%s: there is no column %s", in_name(rd_in(filter_io(run)->rd)),
		    msg_q(name));
}

/* Finds columns that are named by option, and adds their names to those of the output. */
static void find(struct filter_run *run, const struct names *cols, const struct names *given,
		 const char *option, size_t *at, struct names *out)
{
	for (size_t i = 0; i < given->n; i++) {
		bool added;
		struct sl name;

		at[i] = filter_column(run, given->name[i], option);
		refuse_number(run, given->name[i], at[i]);
		name = at[i] == NAMES_NONE ? given->name[i] : cols->name[at[i]];
		(void)names_add(out, name, &added);
		if (!added)
			opt_usage("--%s: column %s is named twice", option, msg_q(name));
	}
}

static void announce(struct state *st, struct filter_run *run, const struct names *cols)
{
	const struct filter_by *by = &st->by_columns;
	AUTO_NAMES out = { 0 };
	size_t n_lead;

	filter_find_by(run, &st->by_columns, st->by);
	for (size_t i = 0; i < by->names.n; i++) {
		refuse_number(run, by->names.name[i], by->at[i]);
		(void)names_add(&out, by->names.name[i], NULL);
		st->lead[i] = by->at[i];
	}
	find(run, cols, &st->keys, "key", st->lead + by->names.n, &out);
	n_lead = out.n;
	(void)names_add(&out, sl_of(st->name), NULL);
	for (size_t i = 0; i < st->values.n; i++)
		(void)names_add(&out, st->values.name[i], NULL);
	if (out.n != n_lead + 1 + st->values.n)
		die_hint(EX_DATA, "--name and --value name them otherwise",
			 "two columns of the output have one name");
	find(run, cols, &st->kept, "keep", st->behind, &out);
	filter_cols(run, out.name, out.n);
}

static bool take_begin(struct sl *s, struct sl begin)
{
	if (s->n < begin.n || memcmp(s->p, begin.p, begin.n) != 0)
		return false;
	*s = (struct sl){ s->p + begin.n, s->n - begin.n };
	return true;
}

/* temp_ch1, or ch1_temp, of temp */
static bool is_of(const struct state *st, struct sl name, struct sl value)
{
	const char *end = name.p + name.n;

	if (name.n <= value.n)
		return false;
	return st->place == PLACE_FIRST
		       ? name.p[value.n] == '_' && memcmp(name.p, value.p, value.n) == 0
		       : end[-1 - (ptrdiff_t)value.n] == '_' &&
				 memcmp(end - value.n, value.p, value.n) == 0;
}

/* What a column's name says: channel and value. False when it is none of either. */
static bool read_name(struct state *st, struct sl name, struct sl *channel, size_t *value)
{
	const struct sl *best = NULL;

	*channel = name;
	*value = 0;
	if (st->prefix && !take_begin(channel, sl_of(st->prefix)))
		return false;
	st->begun = true;
	if (!st->of_values)
		return true;
	/* the longest: temp_max_ch1 is of temp_max, though temp begins it, too */
	for (size_t i = 0; i < st->values.n; i++)
		if (is_of(st, *channel, st->values.name[i]) &&
		    (!best || st->values.name[i].n > best->n)) {
			best = &st->values.name[i];
			*value = i;
		}
	if (!best)
		return false;
	st->met[*value] = true;
	if (st->place == PLACE_FIRST)
		sl_skip(channel, best->n + 1);
	else
		channel->n -= best->n + 1;
	return true;
}

static void add_cell(struct state *st, struct sl channel, size_t value, size_t column)
{
	size_t n = st->values.n, i;
	bool added;

	i = names_add(&st->channels, channel, &added);
	if (added) {
		mem_grow(&st->cell, &st->cell_cap, (i + 1) * n, sizeof *st->cell);
		for (size_t v = 0; v < n; v++)
			st->cell[i * n + v] = NAMES_NONE;
		mem_grow(&st->name_of, &st->name_of_cap, i + 1, sizeof *st->name_of);
		st->name_of[i] = field_name(st->channels.name[i]);
	}
	st->cell[i * n + value] = column;
}

static void start(struct state *st, struct filter_run *run, const struct names *cols)
{
	struct sl channel, first = SL("");
	size_t n_lead, value, others = 0;
	AUTO_NAMES taken = { 0 };

	announce(st, run, cols);
	if (!st->of_values && !st->prefix && !st->kept.n)
		filter_keeps_values(run);
	n_lead = st->by_columns.names.n + st->keys.n;
	names_clear(&st->channels);
	for (size_t i = 0; i < cols->n; i++)
		if (column_among(st->lead, n_lead, i) || column_among(st->behind, st->kept.n, i))
			(void)names_add(&taken, cols->name[i], NULL);
	for (size_t i = 0; i < cols->n; i++) {
		/* a cell that is named like a column of another kind stands there with an "@" */
		struct sl name = st->prefix ? cols->name[i] :
			colname_of(cols->name[i], taken.name, taken.n);

		if (names_find(&taken, cols->name[i]) != NAMES_NONE)
			continue;
		if (read_name(st, name, &channel, &value))
			add_cell(st, channel, value, i);
		else if (others++ == 0)
			first = cols->name[i];
	}
	if (others && !st->told)
		msg_note("%zu column%s left out: %s%s (--keep carries columns along)", others,
			 others == 1 ? " is" : "s are", msg_q(first), others > 1 ? " ..." : "");
	st->told |= others > 0;
}

/* ---- records -------------------------------------------------------------------------------- */

/* The values of a channel; false when there is none to write a record for. */
static bool put_values(const struct state *st, const struct rec *rec, size_t channel,
		       struct field *out)
{
	bool any = false;

	for (size_t v = 0; v < st->values.n; v++) {
		out[v] = rec_field(rec, st->cell[channel * st->values.n + v]);
		any |= !field_is_null(&out[v]) || (out[v].kind == F_NULL && st->keep_null);
	}
	return any;
}

static void row(struct state *st, struct filter_run *run, const struct rec *rec)
{
	size_t n_by = st->by_columns.names.n, n_lead = n_by + st->keys.n;
	struct field *values = st->out + n_lead + 1, *kept = values + st->values.n;

	/* a row that nothing names could never be put together again */
	for (size_t i = n_by; i < n_lead; i++)
		if (st->lead[i] >= rec->n || field_is_null(&rec->f[st->lead[i]])) {
			filter_reject(run, rec, st->lead[i],
				      "NULL or missing where a row is named");
			return;
		}
	for (size_t i = 0; i < n_lead; i++)
		st->out[i] = st->lead[i] < rec->n ? rec->f[st->lead[i]] : FIELD_NULL;
	for (size_t i = 0; i < st->kept.n; i++)
		kept[i] = rec_field(rec, st->behind[i]);
	for (size_t i = 0; i < st->channels.n; i++) {
		st->out[n_lead] = st->name_of[i];
		if (put_values(st, rec, i, values))
			filter_emit(run, st->out, n_lead + 1 + st->values.n + st->kept.n);
	}
}

static void release(struct state *st)
{
	struct names *names[] = { &st->by_columns.names, &st->keys, &st->values, &st->kept,
				  &st->channels };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names_free(names[i]);
	mem_free(st->lead);
	mem_free(st->behind);
	mem_free(st->name_of);
	mem_free(st->cell);
	mem_free(st->out);
	mem_free(st->met);
}

/* A mistyped value would leave all of its columns out, and a mistyped prefix all. */
static void end(struct state *st, struct filter_run *run)
{
	if (filter_io(run)->meter.rows == 0)
		return; /* so there may well be no columns */
	if (st->prefix && !st->begun)
		die(EX_DATA, "--prefix: no column of the input begins with %s",
		    msg_q(sl_of(st->prefix)));
	for (size_t v = 0; v < st->values.n && st->of_values; v++)
		if (!st->met[v])
			die(EX_DATA, "--value: no column of the input is of %s",
			    msg_q(st->values.name[v]));
}

static const struct filter unpivot_narrow = {
	.program = { .name = "unpivot-narrow",
		     .summary = "turn a wide stream into a narrow one",
		     .synopsis = "[--key COLUMN,...] [--by COLUMN,...] [options] [FILE...]",
		     .examples = "  unpivot-narrow wide.csv\n"
				 "  unpivot-narrow -k day -b '' -n city -V degrees cities.csv\n"
				 "  unpivot-narrow -k day -V temp,press --keep port both.csv\n",
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
	return filter_main(&unpivot_narrow, argc, argv);
}
