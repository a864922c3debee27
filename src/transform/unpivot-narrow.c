/*
 * unpivot-narrow - turn a wide stream back into a narrow one: one record per value.
 *
 * Works in the memory of one record, in any order, and with columns that join on the way. The
 * names of the four columns default to those of ship telemetry. Facts in the seals pass through:
 * the cells are the same, so the digest of the source still holds.
 */
#include "core/hash.h"
#include "core/mem.h"
#include "core/msg.h"
#include "stream/filter.h"

struct state {
	struct io_opts io;
	const char *key, *by, *name, *value;
	bool keep_null;

	struct filter_by by_columns;
	size_t key_at;	      /* column of the input, NAMES_NONE: not there */
	struct field *names;  /* of every column, as the value of the name column */
	bool *is_value;	      /* of every column: neither the key nor one of --by */
	size_t names_cap, is_value_cap;
	struct field out[FILTER_MAX_BY + 3];
};

static const struct opt options[] = {
	{ .name = "key", .letter = 'k', .kind = OPT_STR, .offset = offsetof(struct state, key),
	  .arg = "COLUMN", .help = "names the row (default created_time)" },
	{ .name = "by", .letter = 'b', .kind = OPT_STR, .offset = offsetof(struct state, by),
	  .arg = "COLUMN,...", .help = "name it too (default ship_id if there; '' for none)" },
	{ .name = "name", .letter = 'n', .kind = OPT_STR, .offset = offsetof(struct state, name), .arg = "COLUMN",
	  .help = "output column for column names (default data_channel_id)" },
	{ .name = "value", .letter = 'V', .kind = OPT_STR,
	  .offset = offsetof(struct state, value), .arg = "COLUMN", .help = "output column for values (default value)" },
	{ .name = "keep-null", .offset = offsetof(struct state, keep_null), .kind = OPT_FLAG,
	  .help = "write a record for NULL values too" },
	IO_IN_OPTS(struct state, io),
	IO_OUT_OPTS(struct state, io),
	IO_REJECT_OPTS(struct state, io),
	IO_REPORT_OPTS(struct state, io),
	OPT_END,
};

static void check(void *ctx)
{
	struct state *st = ctx;

	st->key = st->key ? st->key : "created_time";
	st->name = st->name ? st->name : "data_channel_id";
	st->value = st->value ? st->value : "value";
}

static void start(void *ctx, struct filter_run *run, const struct names *cols)
{
	struct state *st = ctx;
	const struct filter_by *by = &st->by_columns;
	struct sl out[FILTER_MAX_BY + 3];

	filter_find_by(run, &st->by_columns, st->by);
	st->key_at = filter_column(run, sl_of(st->key), "key");
	for (size_t i = 0; i < by->names.n; i++)
		out[i] = by->names.name[i];
	out[by->names.n] = sl_of(st->key);
	out[by->names.n + 1] = sl_of(st->name);
	out[by->names.n + 2] = sl_of(st->value);
	filter_cols(run, out, by->names.n + 3);
	mem_grow(&st->names, &st->names_cap, cols->n, sizeof *st->names);
	mem_grow(&st->is_value, &st->is_value_cap, cols->n, sizeof *st->is_value);
	for (size_t i = 0; i < cols->n; i++) {
		st->names[i] = field_name(cols->name[i]);
		st->is_value[i] = i != st->key_at;
	}
	for (size_t i = 0; i < by->names.n; i++)
		if (by->at[i] != NAMES_NONE)
			st->is_value[by->at[i]] = false;
}

static void row(void *ctx, struct filter_run *run, const struct rec *rec)
{
	struct state *st = ctx;
	size_t n_by = st->by_columns.names.n;
	struct field *out = st->out;

	/* a row that nothing names could never be put together again */
	if (st->key_at >= rec->n || field_is_null(&rec->f[st->key_at])) {
		filter_reject(run, rec, st->key_at, "NULL or missing where a row is named");
		return;
	}
	for (size_t i = 0; i < n_by; i++)
		out[i] = st->by_columns.at[i] < rec->n ? rec->f[st->by_columns.at[i]] : FIELD_NULL;
	out[n_by] = rec->f[st->key_at];
	for (size_t i = 0; i < rec->n; i++) {
		const struct field *f = &rec->f[i];

		if (!st->is_value[i] || f->kind == F_ABSENT || (f->kind == F_NULL && !st->keep_null))
			continue;
		out[n_by + 1] = st->names[i];
		out[n_by + 2] = *f;
		filter_emit(run, out, n_by + 3);
	}
}

static void release(void *ctx)
{
	struct state *st = ctx;

	names_free(&st->by_columns.names);
	mem_free(st->names);
	mem_free(st->is_value);
}

static const struct filter unpivot_narrow = {
	.program = { .name = "unpivot-narrow",
		     .summary = "turn a wide stream into a narrow one",
		     .synopsis = "[--key COLUMN] [--by COLUMN] [options] [FILE]",
		     .examples = "  unpivot-narrow wide.csv\n"
				 "  unpivot-narrow --key day --by '' --name city --value temp t.csv\n",
		     .opts = options },
	.state_size = sizeof(struct state),
	.io_offset = offsetof(struct state, io),
	.check = check,
	.start = start,
	.row = row,
	.release = release,
};

int main(int argc, char **argv)
{
	return filter_main(&unpivot_narrow, argc, argv);
}
