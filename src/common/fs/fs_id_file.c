#include "fs/fs_id_file.h"

#include "core/utf8.h"
#include "stream/in.h"

/*
 * The column of the identifiers. The first line of a CSV file that names none is no header but one
 * of a plain list (then *list), if that may be: a seal is told behind a header only.
 */
static size_t find_id(
	const struct fs_group *g, const struct io_opts *opts, struct io *io, bool *list)
{
	const struct names *cols = rd_cols(io->rd);

	const struct sl guesses[] = { g->features[g->id].name, SL("record_id"), SL("id"),
		SL("RecordIdentifier"), SL("record_identifier") };

	for (size_t i = 0; i < ARRAY_LEN(guesses); i++)
		for (size_t k = 0; k < cols->n; k++)
			if (sl_alike(cols->name[k], guesses[i]))
				return k;
	*list = format_traits(rd_format(io->rd))->header && !rd_is_sealed(io->rd) &&
		!opts->no_header && !opts->names.n;
	if (*list && cols->n > 1)
		die_hint(EX_DATA, "write a first line with the names of the columns",
			"%s: no column of the first line is %s", in_name(rd_in(io->rd)),
			msg_q(g->features[g->id].name));
	return 0;
}

static void read_lines(const char *path, fs_id_fn *take, void *ctx)
{
	struct in *in = in_open(path, (size_t)1 << 20);
	bool more = true, first = true;

	while (more) {
		struct sl w, line;
		const char *nl;

		more = in_more(in);
		w = in_window(in);
		while (w.n && ((nl = memchr(w.p, '\n', w.n)) || !more)) {
			line = (struct sl){ w.p, nl ? (size_t)(nl - w.p) : w.n };
			sl_skip(&w, line.n + (nl != NULL));
			in_consume(in, line.n + (nl != NULL));
			line = first ? utf8_unmarked(line) : line;
			first = false;
			if (line.n && line.p[line.n - 1] == '\r')
				line.n--;
			if (line.n)
				take(ctx, line);
		}
	}
	in_close(in);
}

void fs_id_file(const struct fs_group *g, const struct io_opts *opts, const char *path, bool lines,
	fs_id_fn *take, void *ctx)
{
	enum rd_event ev;
	struct rec rec;
	struct io *io;
	size_t id = 0;
	bool list = false;

	if (lines) {
		read_lines(path, take, ctx);
		return;
	}
	io = io_open(opts, path);
	io->vouched = true; /* no identifiers are in an empty file */
	while ((ev = io_next(io, &rec)) != RD_END) {
		if (ev == RD_COLS)
			id = find_id(g, opts, io, &list);
		if (ev == RD_COLS && list && rd_cols(io->rd)->n)
			take(ctx, rd_cols(io->rd)->name[0]);
		if (ev == RD_COLS && list)
			rd_header_is_data(io->rd);
		if (ev != RD_ROW)
			continue;
		if (id >= rec.n || field_is_null(&rec.f[id]) || rec.f[id].n == 0)
			io_reject_field(io, &rec, id, "is empty, but identifies the record");
		else
			take(ctx, field_sl(&rec.f[id]));
	}
	io_drop(io);
}

/* Columns that have come since are those of its features, where they are any. */
static void learn_columns(const struct fs_group *g, const struct fs_reader *to,
	const struct names *cols, size_t *known, size_t *at)
{
	for (; *known < cols->n; ++*known) {
		size_t feature = fs_group_feature(g, cols->name[*known]);

		for (size_t k = 0; k < to->n; k++)
			if (to->features[k] == feature)
				at[k] = *known;
	}
}

void fs_record_file(const struct fs_group *g, const struct fs_reader *to,
	const struct io_opts *opts, const char *path, bool may_be_empty)
{
	struct io *io = io_open(opts, path);
	AUTO_FREE size_t *at = mem_alloc(mem_mul(to->n, sizeof *at)); /* column, by feature */
	AUTO_FREE struct field *f = mem_alloc(mem_mul(to->n, sizeof *f));
	size_t known = 0;
	enum rd_event ev;
	struct rec rec;

	for (size_t k = 0; k < to->n; k++)
		at[k] = NAMES_NONE;
	io->vouched = may_be_empty;
	while ((ev = io_next(io, &rec)) != RD_END) {
		if (ev == RD_COLS)
			learn_columns(g, to, rd_cols(io->rd), &known, at);
		for (size_t k = 0; k < to->n && ev == RD_ROW; k++) {
			size_t feature = to->features[k];

			f[k] = at[k] < rec.n ? rec.f[at[k]] : FIELD_NULL;
			if (f[k].n == 0 && (feature == g->id || feature == g->time))
				die(EX_DATA, "%s: record %llu is without %s", path,
					(unsigned long long)rec.record,
					msg_q(g->features[feature].name));
		}
		if (ev == RD_ROW)
			to->row(to->ctx, f, to->n);
	}
	io_drop(io);
}
