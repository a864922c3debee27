#include "follow/wide_sink.h"

#include "stream/out.h"
#include "wide/wide_coverage.h"

struct wide_sink {
	const struct sink_env *env;
	const struct wide_chunk_opts *opts;
	struct wide_chunk *chunk;
	struct wide *wide;
	struct meter_count counts[6];
	bool begun; /* a record of the chunk has come */
};

void *wide_sink_open(const struct sink_env *env, struct wide_chunk_opts *opts)
{
	struct wide_sink *s = mem_zalloc(sizeof *s);

	s->env = env;
	s->opts = opts;
	s->chunk = wide_chunk_open(env->pg, env->io, opts, env->commit, env->ctx);
	s->wide = wide_chunk_wide(s->chunk);
	return s;
}

static void take_columns(void *sink, const struct names *cols)
{
	struct wide_sink *s = sink;

	if (names_find(cols, SL("data_channel_id")) != NAMES_NONE &&
		names_find(cols, SL("value")) != NAMES_NONE)
		die_hint(EX_DATA, "pivot-wide makes a wide stream of it",
			"the stream is narrow: it has columns data_channel_id and value");
	wide_cols(s->wide, cols, !format_traits(rd_format(s->env->io->rd))->header);
}

static void take_record(void *sink, const struct rec *rec)
{
	struct wide_sink *s = sink;

	if (!s->begun)
		wide_chunk_begin(s->chunk);
	s->begun = true;
	wide_row(s->wide, rec);
}

static void take_seal(void *sink, const struct seal *seal)
{
	struct wide_sink *s = sink;

	wide_chunk_finish(s->chunk, seal);
	s->begun = false;
}

static void commit(void *sink)
{
	struct wide_sink *s = sink;

	wide_commit(s->wide);
}

static void tell_counts(struct wide_sink *s)
{
	const struct wide_counts *n = wide_counts(s->wide);
	struct io *io = s->env->io;

	s->counts[0] = (struct meter_count){ "inserted", n->inserted };
	s->counts[1] = (struct meter_count){ "updated", n->updated };
	s->counts[2] = (struct meter_count){ "equal", n->equal };
	s->counts[3] = (struct meter_count){ "superseded", n->superseded };
	s->counts[4] = (struct meter_count){ "removed", n->removed };
	s->counts[5] = (struct meter_count){ "rejected", io->meter.n_rejects };
	io->meter.counts = s->counts;
	io->meter.n_counts = ARRAY_LEN(s->counts);
	io->rows_out = n->inserted + n->updated;
}

static void failed(void *sink, int code, const char *message)
{
	struct wide_sink *s = sink;

	tell_counts(s);
	wide_chunk_failed(s->chunk, code, message);
}

/* Of a dry run nothing is committed: the transaction ends with the connection. */
static void print_coverage(struct wide_sink *s, enum report_format format)
{
	AUTO_STR text = { 0 };

	wide_coverage_put(s->wide, format, &text);
	out_print(str_sl(&text));
}

static enum exit_code done(void *sink, enum report_format format)
{
	struct wide_sink *s = sink;
	uint64_t ignored = wide_ignored(s->wide);

	tell_counts(s);

	if (s->opts->dry_run)
		print_coverage(s, format);
	else if (ignored > 0)
		msg_note("%llu values of channels that the ships do not have are left out",
			 (unsigned long long)ignored);
	return EX_DONE;
}

/* Chunks may be loaded in any order, and again. */
static bool repeatable(const void *sink UNUSED)
{
	return true;
}

static void close_sink(void *sink)
{
	struct wide_sink *s = sink;

	wide_chunk_close(s->chunk);
	mem_free(s);
}

const struct sink_ops wide_sink_ops = {
	.columns = take_columns,
	.record = take_record,
	.seal = take_seal,
	.commit = commit,
	.failed = failed,
	.done = done,
	.repeatable = repeatable,
	.close = close_sink,
};
