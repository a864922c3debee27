#include "stream/filter.h"

#include "core/mem.h"
#include "core/msg.h"
#include "stream/in.h"

struct filter_run {
	struct io *io;
	const struct filter *filter;
	void *state;
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

size_t filter_column(struct filter_run *run, struct sl name, const char *option)
{
	size_t i = names_find(rd_cols(run->io->rd), name);
	char hint[120];

	if (i == NAMES_NONE && rd_format(run->io->rd) == FMT_CSV) {
		(void)snprintf(hint, sizeof hint, "--%s names another column", option);
		die_hint(EX_DATA, hint, "%s: there is no column %s", in_name(rd_in(run->io->rd)),
			 msg_q(name));
	}
	return i;
}

void filter_names(struct names *names, const char *list, const char *option)
{
	for (const char *p = list;; p++) {
		struct sl name = { p, strcspn(p, ",") };
		bool added;

		if (name.n == 0)
			opt_usage("--%s: a column needs a name", option);
		(void)names_add(names, name, &added);
		if (!added)
			opt_usage("--%s: column %s is named twice", option, msg_q(name));
		p += name.n;
		if (!*p)
			break;
	}
}

void filter_find_by(struct filter_run *run, struct filter_by *by, const char *list)
{
	const struct names *cols = rd_cols(run->io->rd);

	if (!by->known && list && *list)
		filter_names(&by->names, list, "by");
	else if (!by->known && !list && names_find(cols, SL("ship_id")) != NAMES_NONE)
		(void)names_add(&by->names, SL("ship_id"), NULL);
	by->known = true;
	if (by->names.n > FILTER_MAX_BY)
		opt_usage("--by: at most %d columns", FILTER_MAX_BY);
	for (size_t i = 0; i < by->names.n; i++)
		by->at[i] = filter_column(run, by->names.name[i], "by");
}

static void pass_seal(struct filter_run *run)
{
	const struct filter *f = run->filter;
	struct seal seal = *rd_seal(run->io->rd);
	struct arena arena = { 0 };

	if (f->seal)
		f->seal(run->state, run);
	if (f->changes_values)
		seal_forget_values(&seal, &arena);
	io_seal(run->io, &seal);
	arena_free(&arena);
}

static void run_loop(struct filter_run *run)
{
	const struct filter *f = run->filter;
	struct rec rec;

	for (;;) {
		enum rd_event ev = io_next(run->io, &rec);

		if (!run->io->wr)
			io_start_output(run->io); /* now a failure can be told downstream */
		switch (ev) {
		case RD_COLS:
			f->start(run->state, run, rd_cols(run->io->rd));
			break;
		case RD_ROW:
			f->row(run->state, run, &rec);
			break;
		case RD_SEAL:
			pass_seal(run);
			break;
		case RD_END:
			if (f->end && !rd_is_sealed(run->io->rd))
				f->end(run->state, run);
			return;
		case RD_BAD:
			bug("io_next() lets bad records through");
		}
	}
}

int filter_main(const struct filter *f, int argc, char **argv)
{
	struct filter_run run = { .filter = f, .state = mem_zalloc(f->state_size) };
	const struct io_opts *opts = (const void *)((const char *)run.state + f->io_offset);
	int code;

	opt_parse(&f->program, run.state, &argc, &argv);
	if (argc > 1)
		opt_usage("one file at most, got %s too", msg_q(sl_of(argv[1])));
	if (f->check)
		f->check(run.state);
	run.io = io_open(opts, argc ? argv[0] : NULL);
	io_promise_output(run.io);
	run_loop(&run);
	code = io_close(run.io);
	if (f->release)
		f->release(run.state);
	mem_free(run.state);
	return code;
}
