#include "pg/table_sink.h"

#include "core/kp.h"
#include "core/spool.h"
#include "stream/in.h"
#include "stream/infer.h"
#include "stream/out.h"

#define REASONS_MAX 20

struct reason {
	struct sl field;
	uint64_t records, first;
};

struct table_sink {
	const struct sink_env *env;
	struct table_sink_opts opts;
	struct table *table;
	bool in_transaction;
	bool made;		/* there is a table: records go there at once */
	struct infer infer;
	struct spool held;	/* records of the transaction that may be needed again */
	struct str packed;
	struct field *f;	/* of one that is taken out */
	size_t f_cap;
	struct names refused;	/* numbers of records, when `held` may be gone through again */
	struct names reasons;	/* of a dry run; by number: */
	struct reason reason[REASONS_MAX];
	struct arena texts;
	uint64_t rejected;
	struct table_counts committed;
	struct meter_count counts[8];
};

/* ---- bad records ----------------------------------------------------------------------------- */

static void keep_reason(struct table_sink *s, const struct fault *f)
{
	AUTO_STR text = { 0 };
	bool added;
	size_t i;

	str_add(&text, f->field);
	str_addc(&text, '\0');
	str_addz(&text, f->why);
	i = names_find(&s->reasons, str_sl(&text));
	if (i == NAMES_NONE && s->reasons.n == REASONS_MAX) {
		str_clear(&text);
		str_addc(&text, '\0');
		str_addz(&text, "other reasons");
		i = REASONS_MAX - 1;
	} else {
		i = names_add(&s->reasons, str_sl(&text), &added);
		if (added)
			s->reason[i] = (struct reason){ .first = f->record,
				.field = arena_dup(&s->texts, f->field) };
	}
	s->reason[i].records++;
}

static void bad(void *ctx, const struct fault *f, struct sl raw)
{
	struct table_sink *s = ctx;

	s->rejected++;
	if (s->opts.dry_run)
		keep_reason(s, f);
	if (table_defers(s->table))
		(void)names_add(&s->refused,
			(struct sl){ (const char *)&f->record, sizeof f->record }, NULL);
	if (!s->opts.dry_run || !s->opts.stop_at_first)
		io_reject(s->env->io,
			&(struct rec){ .record = f->record, .line = f->line, .raw = raw }, f);
}

/* ---- records kept ---------------------------------------------------------------------------- */

static void hold(struct table_sink *s, const struct rec *rec)
{
	uint64_t head[] = { rec->record, rec->line, rec->n, rec->raw.n };

	str_set(&s->packed, (struct sl){ (const char *)head, sizeof head });
	str_add(&s->packed, rec->raw);
	for (size_t i = 0; i < rec->n; i++)
		rec_pack(&s->packed, &rec->f[i]);
	spool_put(&s->held, str_sl(&s->packed));
}

/* Gives the table what was held, but what was refused before. */
static void replay(struct table_sink *s)
{
	struct sl text;

	spool_rewind(&s->held);
	while (spool_next(&s->held, &text)) {
		struct rec rec = { 0 };
		const char *p = text.p;
		uint64_t head[4];

		memcpy(head, p, sizeof head);
		p += sizeof head;
		rec = (struct rec){ .record = head[0], .line = head[1], .n = head[2],
			.raw = { p, head[3] } };
		p += head[3];
		mem_grow(&s->f, &s->f_cap, rec.n, sizeof *s->f);
		rec.f = s->f;
		for (size_t i = 0; i < rec.n; i++)
			p = rec_unpack(p, &s->f[i]);
		if (names_find(&s->refused, (struct sl){ text.p, sizeof head[0] }) == NAMES_NONE)
			table_row(s->table, &rec);
	}
}

/* ---- the stream ------------------------------------------------------------------------------ */

void *table_sink_open(const struct sink_env *env, const struct table_sink_opts *opts)
{
	struct table_sink *s = mem_zalloc(sizeof *s);

	s->env = env;
	s->opts = *opts;
	s->opts.table.bad = bad;
	s->opts.table.ctx = s;
	s->table = table_open(env->pg, &s->opts.table);
	s->made = !opts->table.infer || table_exists(s->table);
	return s;
}

static bool is_json(const struct table_sink *s)
{
	return !format_traits(rd_format(s->env->io->rd))->header;
}

static void begin(struct table_sink *s)
{
	if (!s->in_transaction)
		pg_exec(s->env->pg, "BEGIN; SAVEPOINT ferry_all");
	s->in_transaction = true;
}

static void take_columns(void *sink, const struct names *cols)
{
	struct table_sink *s = sink;

	begin(s);
	table_name_keys(s->table, cols);
	if (s->made)
		table_cols(s->table, cols, is_json(s));
}

static void take_record(void *sink, const struct rec *rec)
{
	struct table_sink *s = sink;

	begin(s);
	if (!s->made)
		infer_add(&s->infer, rec, is_json(s));
	if (!s->made || table_defers(s->table))
		hold(s, rec);
	if (s->made)
		table_row(s->table, rec);
}

/* All values are known: makes the table, and loads what waited for it. */
static void make_inferred(struct table_sink *s)
{
	const struct names *cols = rd_cols(s->env->io->rd);

	for (size_t i = 0; i < cols->n; i++)
		table_type(s->table, cols->name[i],
			table_has_key(s->table, cols->name[i]) ? infer_key_type(&s->infer, i)
							       : infer_type(&s->infer, i));
	table_cols(s->table, cols, is_json(s));
	s->made = true;
	replay(s);
}

/*
 * A constraint that is checked at the end is violated. All of it again, with constraints checked at
 * once: then the server says at which rows. Those that only need each other, or one that comes
 * later, get in all the same.
 */
static void find_violations(struct table_sink *s, bool last)
{
	pg_exec(s->env->pg, "ROLLBACK TO SAVEPOINT ferry_all");
	table_restart(s->table);
	replay(s);
	table_finish(s->table, last);
	if (!table_check(s->table))
		pg_die(s->env->pg, "cannot commit");
}

static void refuse_nothing_good(struct table_sink *s)
{
	const struct meter *m = &s->env->io->meter;
	uint64_t n = m->rows;

	if (n == 0 || m->n_rejects < n || (m->keeps_rest && !s->opts.table.truncate))
		return;
	die_hint(EX_DATA, s->env->io->opts->rejects ? NULL : "--rejects FILE keeps them, and why",
		"all %llu records were rejected; nothing is loaded", (unsigned long long)n);
}

static void take_seal(void *sink, const struct seal *seal)
{
	struct table_sink *s = sink;
	bool whole = s->opts.table.truncate || !s->made || s->opts.dry_run;
	struct rd *rd = s->env->io->rd;

	if (whole && !seal->final)
		return; /* all of it in one transaction */
	if (s->opts.table.truncate && table_exists(s->table)) {
		/* 'via --source' cannot tell what failed within a pipe from what prints nothing */
		if (!is_json(s) && rd_cols(rd)->n == 0)
			die_hint(EX_DATA,
				"did what it comes from fail? NDJSON may be empty, as with "
				"'via --source --input-format ndjson'",
				"%s has no columns, not even a header: %s stays as it is",
				in_name(rd_in(rd)), s->opts.table.name);
		begin(s);
	}
	if (s->in_transaction && !s->made)
		make_inferred(s);
	table_finish(s->table, seal->final);
	if (s->in_transaction && !table_check(s->table))
		find_violations(s, seal->final);
	if (seal->final && !s->opts.dry_run)
		refuse_nothing_good(s);
	io_seal(s->env->io, seal);
	/* last: what a sequence has given is not taken back */
	if (seal->final && s->in_transaction && !s->opts.dry_run)
		table_sequences(s->table, s->opts.advance_sequences, s->rejected == 0);
	KP("before_finish");
	if (s->in_transaction && !s->opts.dry_run)
		s->env->commit(s->env->ctx);
	spool_clear(&s->held);
	names_clear(&s->refused);
}

static void commit(void *sink)
{
	struct table_sink *s = sink;

	pg_exec(s->env->pg, "COMMIT");
	s->in_transaction = false;
	s->committed = *table_counts(s->table);
}

static void tell_counts(struct table_sink *s, const struct table_counts *n)
{
	struct io *io = s->env->io;
	AUTO_STR list = { 0 };
	size_t unknown = table_unknown(s->table, &list);

	if (unknown > 0 && s->opts.table.ignore_unknown)
		msg_note("%s does not have %zu columns of the input, which are left out: %s",
			s->opts.table.name, unknown, str_z(&list));
	s->counts[0] = (struct meter_count){ "inserted", n->inserted };
	s->counts[1] = (struct meter_count){ "updated", n->updated };
	s->counts[2] = (struct meter_count){ "equal", n->equal };
	s->counts[3] = (struct meter_count){ "skipped", n->skipped };
	s->counts[4] = (struct meter_count){ "superseded", n->superseded };
	s->counts[5] = (struct meter_count){ "dropped", n->dropped };
	s->counts[6] = (struct meter_count){ "rejected", io->meter.n_rejects };
	s->counts[7] = (struct meter_count){ "unknown_columns", unknown };
	io->meter.counts = s->counts;
	io->meter.n_counts = ARRAY_LEN(s->counts);
	io->rows_out = n->inserted + n->updated;
}

/* Nobody needs to be told: the transaction ends with the connection. */
static void failed(void *sink, int code UNUSED, const char *message UNUSED)
{
	struct table_sink *s = sink;

	tell_counts(s, &s->committed);
}

/* ---- what is said of it ---------------------------------------------------------------------- */

static void add_line(struct report *r, const char *what, uint64_t records)
{
	report_textz(r, what);
	report_count(r, records);
	report_textz(r, NULL);
	report_textz(r, NULL);
	report_textz(r, NULL);
}

static void add_reasons(struct report *r, const struct table_sink *s)
{
	for (size_t i = 0; i < s->reasons.n; i++) {
		const struct reason *why = &s->reason[i];

		report_textz(r, "reject");
		report_count(r, why->records);
		report_count(r, why->first);
		report_text(r, why->field.n ? why->field : (struct sl){ NULL, 0 });
		report_textz(r, s->reasons.name[i].p + why->field.n + 1);
	}
}

/* What a dry run found; nothing of it stays. */
static void print_plan(struct table_sink *s, enum report_format format)
{
	static const struct report_column columns[] = {
		{ N_("what"), REPORT_WORDS }, { N_("records"), true },
		{ N_("first_record"), true }, { N_("field"), false }, { N_("why"), false },
	};
	const struct table_counts *n = table_counts(s->table);
	AUTO_STR text = { 0 };
	AUTO_REPORT r = { .columns = columns, .n_columns = ARRAY_LEN(columns) };

	add_line(&r, "insert", n->inserted);
	add_line(&r, "update", n->updated);
	add_line(&r, "equal", n->equal);
	add_line(&r, "skip", n->skipped);
	add_line(&r, "superseded", n->superseded);
	if (n->dropped > 0)
		add_line(&r, "drop", n->dropped);
	add_reasons(&r, s);
	report_put(&r, format, &text);
	if (format == REPORT_JSON)
		str_addc(&text, '\n');
	out_print(str_sl(&text));
}

static enum exit_code done(void *sink, enum report_format format)
{
	struct table_sink *s = sink;
	const struct table_counts *n = table_counts(s->table);

	tell_counts(s, n);
	if (s->opts.dry_run) {
		print_plan(s, format);
		if (s->opts.table.truncate && table_exists(s->table))
			msg_note("--truncate: all rows that %s has now would go",
				s->opts.table.name);
		return s->opts.stop_at_first && s->rejected > 0 ? EX_DATA : EX_DONE;
	}
	if (s->opts.table.truncate && table_exists(s->table) && s->env->io->meter.rows == 0)
		msg_note("the input has no records: %s is empty now", s->opts.table.name);
	if (n->skipped > 0)
		msg_note("%llu records are left out: their key is %s",
			(unsigned long long)n->skipped,
			s->opts.table.on_conflict == TABLE_IGNORE ? "there already" : "not there");
	if (n->dropped > 0)
		msg_warn("%llu records are not in %s: a trigger or rule of it drops them, or "
			 "puts them elsewhere",
			(unsigned long long)n->dropped, s->opts.table.name);
	return EX_DONE;
}

static bool repeatable(const void *sink)
{
	const struct table_sink *s = sink;

	return s->opts.table.keys != NULL || s->opts.table.truncate;
}

static void close_sink(void *sink)
{
	struct table_sink *s = sink;

	table_close(s->table);
	infer_free(&s->infer);
	spool_free(&s->held);
	str_free(&s->packed);
	mem_free(s->f);
	names_free(&s->refused);
	names_free(&s->reasons);
	arena_free(&s->texts);
	mem_free(s);
}

const struct sink_ops table_sink_ops = {
	.columns = take_columns,
	.record = take_record,
	.seal = take_seal,
	.commit = commit,
	.failed = failed,
	.done = done,
	.repeatable = repeatable,
	.close = close_sink,
};
