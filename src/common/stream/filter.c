#include "stream/filter.h"

#include "core/path.h"
#include "stream/in.h"
#include "stream/namelist.h"

struct filter_run {
	struct io *io;
	const struct filter *filter;
	struct state *state;
	bool keeps_values, started;
	struct names missing; /* asked for by filter_column() and not there yet */
	const char **missing_option;
	size_t missing_cap;
};

void filter_cols(struct filter_run *run, const struct sl *names, size_t n)
{
	wr_cols(run->io->wr, names, n);
}

void filter_emit(struct filter_run *run, const struct field *f, size_t n)
{
	wr_row(run->io->wr, f, n);
}

void filter_reject(struct filter_run *run, const struct rec *rec, size_t field, const char *why)
{
	io_reject_field(run->io, rec, field, why);
}

struct io *filter_io(struct filter_run *run)
{
	return run->io;
}

void filter_keeps_values(struct filter_run *run)
{
	run->keeps_values = true;
}

size_t filter_header_column(struct filter_run *run, struct sl name, const char *option)
{
	const struct names *cols = rd_cols(run->io->rd);
	size_t i = names_find(cols, namelist_resolve(cols, name));
	char hint[120];

	if (i == NAMES_NONE && format_traits(rd_format(run->io->rd))->header) {
		(void)snprintf(hint, sizeof hint, tr("--%s names another column"), option);
		die_hint(EX_DATA, hint, "%s: there is no column %s", in_name(rd_in(run->io->rd)),
			 msg_q(name));
	}
	return i;
}

size_t filter_column(struct filter_run *run, struct sl name, const char *option)
{
	size_t i = filter_header_column(run, name, option);

	if (i == NAMES_NONE) {
		size_t n = names_add(&run->missing, name, NULL);

		mem_grow(&run->missing_option, &run->missing_cap, n + 1,
			 sizeof *run->missing_option);
		run->missing_option[n] = option;
	}
	return i;
}

/* A name that no record had was mistyped, and what was done is not what was meant. */
static void must_have_been_seen(const struct filter_run *run)
{
	const struct names *cols = rd_cols(run->io->rd);

	for (size_t i = 0; i < run->missing.n && run->io->meter.rows > 0; i++)
		if (names_find(cols, namelist_resolve(cols, run->missing.name[i])) == NAMES_NONE)
			die(EX_DATA, "%s: --%s: no record has %s", in_name(rd_in(run->io->rd)),
			    run->missing_option[i], msg_q(run->missing.name[i]));
}

void filter_names(struct names *names, const struct opt_list *lists, const char *option)
{
	for (size_t i = 0; i < lists->n; i++)
		namelist_split(names, lists->v[i].p, option);
}

void filter_find_by(struct filter_run *run, struct filter_by *by, const char *list)
{
	const struct names *cols = rd_cols(run->io->rd);

	if (!by->known && list && *list)
		namelist_split(&by->names, list, "by");
	else if (!by->known && !list && names_find(cols, SL("ship_id")) != NAMES_NONE)
		(void)names_add(&by->names, SL("ship_id"), NULL);
	else if (by->known && !list && by->names.n == 0 &&
		 names_find(cols, SL("ship_id")) != NAMES_NONE)
		die_hint(EX_DATA, "--by ship_id, or --by '' for none",
			 "%s: ship_id appeared after records without it",
			 in_name(rd_in(run->io->rd)));
	if (!by->known)
		namelist_resolve_all(&by->names, cols);
	by->known = true;
	if (by->names.n > FILTER_MAX_BY)
		opt_usage("--by: at most %d columns", FILTER_MAX_BY);
	for (size_t i = 0; i < by->names.n; i++)
		by->at[i] = filter_column(run, by->names.name[i], "by");
}

static void end_chunk(struct filter_run *run, bool last)
{
	const struct filter *f = run->filter;

	if (last)
		must_have_been_seen(run);
	if (f->seal)
		f->seal(run->state, run);
	if (last && f->end)
		f->end(run->state, run);
	io_check_strict(run->io);
}

static void pass_seal(struct filter_run *run)
{
	struct seal seal = *rd_seal(run->io->rd);
	AUTO_ARENA arena = { 0 };

	end_chunk(run, seal.final);
	if (!run->keeps_values)
		seal_forget_values(&seal, &arena);
	io_seal(run->io, &seal);
}

/* Objects that never came have no columns: those that options name are all. */
static bool ends_without_columns(const struct filter_run *run, enum rd_event ev)
{
	return (ev == RD_END || (ev == RD_SEAL && rd_seal(run->io->rd)->final)) &&
	       !format_traits(rd_format(run->io->rd))->header;
}

static void run_loop(struct filter_run *run)
{
	const struct filter *f = run->filter;
	struct rec rec;

	for (;;) {
		enum rd_event ev = io_next(run->io, &rec);

		if (!run->io->wr)
			io_start_output(run->io); /* now a failure can be told downstream */
		if (ev == RD_COLS || (f->names && !run->started && ends_without_columns(run, ev))) {
			f->start(run->state, run, rd_cols(run->io->rd));
			run->started = true;
		}
		switch (ev) {
		case RD_ROW:
			f->row(run->state, run, &rec);
			break;
		case RD_SEAL:
			pass_seal(run);
			break;
		case RD_END:
			if (!rd_is_sealed(run->io->rd))
				end_chunk(run, true);
			io_check_strict(run->io);
			return;
		case RD_COLS:
			break;
		case RD_BAD:
		case RD_BEGIN:
			bug("io_next() lets bad records and beginnings through");
		}
	}
}

int filter_main(const struct filter *f, int argc, char **argv)
{
	struct filter_run run = { .filter = f, .state = mem_zalloc(f->state_size) };
	const struct io_opts *opts = (const void *)((const char *)run.state + f->io_offset);
	int code;

	opt_parse(&f->program, run.state, &argc, &argv);
	for (int i = 0; i < argc; i++)
		path_claim(PATH_READ, "the input", argv[i]);
	meter_on_failure(opts, NULL);
	if (f->check)
		f->check(run.state);
	run.io = io_open_all(opts, argv, argc);
	io_promise_output(run.io);
	run_loop(&run);
	code = io_close(run.io);
	if (f->release)
		f->release(run.state);
	names_free(&run.missing);
	mem_free(run.missing_option);
	mem_free(run.state);
	return code;
}
