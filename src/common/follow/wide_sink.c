#include "follow/wide_sink.h"

#include "core/kp.h"
#include "core/tmpf.h"
#include "ledger/ledger_follow.h"
#include "ledger/ledger_offsets.h"
#include "ledger/ledger_ships.h"
#include "stream/out.h"
#include "wide/wide_coverage.h"

/*
 * A value that did not fit its column, until the seal says which chunk it belongs to: this, and
 * behind it ship, reason and record.
 */
struct kept {
	size_t ship, why; /* bytes */
	int64_t instant;
	uint64_t rows; /* wide ones that are not there without it */
};

struct wide_sink {
	const struct sink_env *env;
	struct pg *pg;
	struct io *io;
	struct wide_sink_opts *opts;
	struct meter_count counts[6];
	bool begun; /* a record of the chunk has come */
	bool may_lose_all; /* that no value arrives is no fault */
	struct registry *registry;
	struct wide *wide;
	struct ledger_job job; /* checked to be for these tables; id 0: none */
	struct arena job_arena;
	struct names met; /* ships of its live chunks; those that no other job has: */
	size_t unshared;
	bool asked, followed; /* is the job followed? */
	struct ledger_facts facts;
	const char *offsets; /* of topics, in the facts; "": none */
	bool have_facts;     /* of the chunk that is being finished */
	struct arena facts_arena;
	struct spool kept;
	struct names expected; /* ships that chunks have named */
	struct names broken; /* ships that are left out of this chunk, and why */
	struct left_out {
		const char *why;
		bool locked; /* by others, until their transactions end */
	} * left_out;
	size_t left_out_cap;
	struct spool erased;
	uint64_t removed; /* wide rows, of earlier chunks */
	uint64_t last_kept;   /* record */
	uint64_t widened;     /* columns that were made for the chunk at hand */
	uint64_t cells, lost; /* of all chunks: values that arrived, and those rejected */
};

static bool is_live(const struct wide_sink *c)
{
	return c->facts.follow.kind != LEDGER_FOLLOW_NONE;
}

/* ---- values that do not fit ----------------------------------------------------------------- */

/* The value as a record of its own, a narrow one, with which it can be loaded once it is right. */
static void add_narrow(struct str *json, const struct wide_fault *f)
{
	str_addc(json, '{');
	str_add_member(json, "ship_id", f->ship);
	str_add_member(json, "created_time", f->key);
	str_add_member(json, "data_channel_id", f->channel);
	str_add_member(json, "value", f->value);
	str_addc(json, '}');
}

static void keep_value(struct wide_sink *c, const struct wide_fault *f)
{
	AUTO_STR line = { 0 };
	struct kept k = { .ship = f->ship.n, .why = strlen(f->why), .rows = f->rows };

	if (!clock_parse(f->key, &k.instant))
		k.instant = 0; /* only found again by it, in ferry.reject */
	str_add(&line, (struct sl){ (const char *)&k, sizeof k });
	str_add(&line, f->ship);
	str_addz(&line, f->why);
	add_narrow(&line, f);
	spool_put(&c->kept, str_sl(&line));
}

static bool next_kept(struct wide_sink *c, struct kept *k, struct sl *ship, struct sl *why,
	struct sl *record)
{
	struct sl line;

	if (!spool_next(&c->kept, &line))
		return false;
	memcpy(k, line.p, sizeof *k);
	*ship = (struct sl){ line.p + sizeof *k, k->ship };
	*why = (struct sl){ ship->p + k->ship, k->why };
	record->p = why->p + k->why;
	record->n = (size_t)(line.p + line.n - record->p);
	return true;
}

static void on_bad(void *ctx, const struct wide_fault *f)
{
	struct wide_sink *c = ctx;
	struct rec rec = { .record = f->record, .line = f->line, .raw = f->raw };
	AUTO_STR narrow = { 0 };
	struct fault fault = { .record = f->record,
		.line = f->line,
		.field = f->channel.n ? f->channel : f->column,
		.value = f->value,
		.why = f->why };

	c->lost += f->cells;
	if (!c->opts->keep_rejects) {
		if (f->channel.n) {
			add_narrow(&narrow, f);
			rec.raw = str_sl(&narrow);
		}
		io_reject(c->io, &rec, &fault);
		return;
	}
	keep_value(c, f);
	if (f->record != c->last_kept)
		meter_count_reject(&c->io->meter);
	c->last_kept = f->record;
}

/* Of a record with a bad value the others are loaded: so all may be bad, and much is left. */
static void refuse_nothing_good(struct wide_sink *c)
{
	const struct meter *m = &c->io->meter;

	if (c->may_lose_all || m->n_rejects == 0 || m->n_rejects < m->rows ||
		c->lost < c->cells)
		return;
	die(EX_DATA, "all values of all records were rejected (%llu)",
		(unsigned long long)m->rows);
}

static struct ledger_facts_ship *ship_of_facts(struct wide_sink *c, struct sl ship)
{
	for (size_t i = 0; i < c->facts.n; i++)
		if (sl_eq(c->facts.ships[i].ship, ship))
			return &c->facts.ships[i];
	die(EX_STREAM, "the facts of the seal say nothing of ship %s", msg_q(ship));
}

static uint64_t less(uint64_t n, uint64_t by)
{
	return n > by ? n - by : 0;
}

/* What was refused is counted as that alone, not as carried over. */
static void count_kept(struct wide_sink *c)
{
	struct kept k;
	struct sl id, why, record;

	spool_rewind(&c->kept);
	while (next_kept(c, &k, &id, &why, &record)) {
		struct ledger_facts_ship *ship;

		if (!c->facts.job)
			die_hint(EX_DATA, "--rejects FILE keeps them in a file",
				"%llu values do not fit their columns (the first: %.*s), "
				"and --keep-rejects needs a job of the ledger",
				(unsigned long long)c->kept.n, (int)why.n, why.p);
		ship = ship_of_facts(c, id);
		ship->rejects++;
		ship->rows = less(ship->rows, 1);
		ship->cells = less(ship->cells, 1);
		ship->wide_rows = less(ship->wide_rows, k.rows);
	}
}

static void store_kept(struct wide_sink *c)
{
	struct ledger_rejects to = { .target = c->pg, .job = c->facts.job, .once = is_live(c) };

	struct kept k;
	struct sl ship, why, record;

	spool_rewind(&c->kept);
	while (next_kept(c, &k, &ship, &why, &record))
		if (names_find(&c->broken, ship) == NAMES_NONE)
			ledger_reject(&to, ship, is_live(c) ? k.instant : c->facts.from,
				ship_of_facts(c, ship)->attempt, record, why);
	ledger_reject_flush(&to);
	str_free(&to.rows);
	spool_clear(&c->kept);
}

static void turn(void *ctx);

/* What is said of the chunk: by its seal, or before that at its beginning. */
static bool know_facts(struct wide_sink *c)
{
	struct sl begun = rd_chunk(c->io->rd);

	return c->have_facts || (begun.n > 0 &&
		!ledger_parse_facts(&c->facts_arena, arena_dup(&c->facts_arena, begun), &c->facts));
}

/* Before the first record: the ships that the chunk names at its beginning are read at once. */
static void begin_chunk(struct wide_sink *c)
{
	struct ledger_follower follower;

	if (!know_facts(c))
		return;
	if (!c->asked)
		c->followed = ledger_follower_get(c->pg, c->facts.job, &follower, &c->facts_arena);
	if (c->followed)
		wide_beside(c->wide);
	c->asked = true;
	for (size_t i = 0; i < c->facts.n; i++)
		if (c->facts.ships[i].ship.n > 0)
			(void)names_add(&c->expected, c->facts.ships[i].ship, NULL);
	registry_expect(c->registry, &c->expected);
}

/*
 * Other ships are not to wait for one. For locks a worker of the past waits, beside which others go
 * on; a follower does not.
 */
static bool on_broken(void *ctx, struct sl ship, const char *why, bool locked)
{
	struct wide_sink *c = ctx;
	AUTO_STR text = { 0 };
	bool added;
	size_t i;

	(void)know_facts(c); /* or it is of the job that the chunk before was of */
	if (!c->facts.job || (locked && !is_live(c)))
		return false;
	if (locked)
		str_addf(&text,
			"nothing more is loaded while its tables are locked by server process %s",
			why);
	else
		str_addf(&text, "nothing more is loaded of this ship: %s: mend its table", why);
	i = names_add(&c->broken, ship, &added);
	mem_grow(&c->left_out, &c->left_out_cap, i + 1, sizeof *c->left_out);
	c->left_out[i] = (struct left_out){ arena_dup(&c->facts_arena, str_sl(&text)).p, locked };
	return true;
}

/*
 * What they missed live is compared when it can be; of the past their parts of the chunk fail, and
 * the facts are then of the others.
 */
static void settle_broken(struct wide_sink *c)
{
	size_t n = c->facts.n;

	c->facts.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct ledger_facts_ship *ship = &c->facts.ships[i];
		size_t k = names_find(&c->broken, ship->ship);
		struct ledger_facts one = c->facts;
		const char *why;

		if (k == NAMES_NONE || is_live(c))
			c->facts.ships[c->facts.n++] = *ship;
		if (k == NAMES_NONE)
			continue;
		why = c->left_out[k].why;
		one.ships = ship;
		one.n = 1;
		if (is_live(c)) {
			/* it has come, which a held doubt waits for, but is not written */
			*ship = (struct ledger_facts_ship){ .ship = ship->ship,
				.first = LEDGER_NO_TIME,
				.last = LEDGER_NO_TIME };
			if (ledger_doubt_ship(c->pg, c->facts.job,
				    c->left_out[k].locked ? LEDGER_WARNING : LEDGER_CRITICAL,
				    ship->ship, why))
				msg_warn("cannot load ship %s: %s", msg_q(ship->ship), why);
			continue;
		}
		msg_warn("cannot load ship %s: %s", msg_q(ship->ship), why);
		if (ship->attempt > 0)
			ledger_fail_facts(c->pg, &one, true, why);
		else
			ledger_fail_met(c->pg, &one, ship->ship, why);
	}
}

/* ---- opening -------------------------------------------------------------------------------- */

static void warn_of_meddlers(struct pg *pg, const struct target_opts *target)
{
	AUTO_STR what = { 0 };

	if (registry_meddlers(pg, target->schema, target->prefix, &what))
		msg_warn("%s", str_z(&what));
}

void *wide_sink_open(const struct sink_env *env, struct wide_sink_opts *opts)
{
	struct wide_sink *c = mem_zalloc(sizeof *c);
	struct wide_conf conf = {
		.by = sl_of(opts->by ? opts->by : "ship_id"),
		.key = sl_of(opts->key ? opts->key : "created_time"),
		.how = opts->live || opts->ack ? MERGE_OVERLAY : MERGE_FILL,
		.buffer = opts->buffer,
		.unknown = (enum wide_unknown)opts->on_unknown,
		.tables = opts->dry_run ? 0 : registry_tables_at_once(env->pg),
		.turn = turn,
		.dry_run = opts->dry_run,
		.bad = on_bad,
		.erased = opts->dry_run ? NULL : &c->erased,
		.broken = on_broken,
		.ctx = c,
	};

	c->env = env;
	c->pg = env->pg;
	c->io = env->io;
	c->opts = opts;
	target_defaults(&opts->target);
	ledger_init(c->pg);
	warn_of_meddlers(c->pg, &opts->target);
	c->may_lose_all = opts->keep_rejects || c->io->meter.keeps_rest;
	c->io->meter.keeps_rest = true;
	c->registry = registry_open(c->pg, &opts->target, conf.key.p);
	c->wide = wide_open(c->registry, &conf);
	return c;
}

static void close_sink(void *sink)
{
	struct wide_sink *c = sink;

	wide_close(c->wide);
	registry_close(c->registry);
	arena_free(&c->facts_arena);
	spool_free(&c->kept);
	arena_free(&c->job_arena);
	names_free(&c->met);
	names_free(&c->expected);
	names_free(&c->broken);
	mem_free(c->left_out);
	spool_free(&c->erased);
	mem_free(c);
}

/* ---- a seal --------------------------------------------------------------------------------- */

static void read_facts(struct wide_sink *c, const struct seal *seal)
{
	struct sl src = arena_dup(&c->facts_arena, seal->src);
	const char *why;

	c->facts = (struct ledger_facts){ 0 };
	c->offsets = "";
	if (src.n == 0)
		return;
	why = ledger_parse_facts(&c->facts_arena, src, &c->facts);
	if (why)
		die(EX_STREAM, "chunk %s: what the seal says of the source: %s", msg_q(seal->chunk),
			why);
	c->offsets = ledger_offsets_of(&c->facts_arena, src);
	c->have_facts = true;
}

/* A job's chunks are done only in the job's own tables. */
static void check_job(struct wide_sink *c)
{
	const struct target_opts *t = &c->opts->target;
	unsigned long long number = c->facts.job;
	struct ledger_job job = { 0 };

	if (!number || number == c->job.id)
		return;
	if (!ledger_job_get(c->pg, number, &job, &c->job_arena))
		die(EX_CONFIGURATION, "no job %llu in the ledger, target", number);
	if (strcmp(job.target_schema, t->schema) != 0 || strcmp(job.target_prefix, t->prefix) != 0)
		die_hint(EX_CONFIGURATION, "give the same --target-schema and --target-prefix",
			"job %llu is for tables %s.%s…, not %s.%s…", number, job.target_schema,
			job.target_prefix, t->schema, t->prefix);
	if ((strcmp(job.types, "native") == 0) != (t->types == TARGET_NATIVE))
		die(EX_CONFIGURATION, "job %llu is for --types %s", number, job.types);
	c->job = job;
	names_clear(&c->met);
	c->unshared = 0;
}

/* Those of a plan were asked for when it was made; what is met while reading nobody planned. */
static void check_ships(struct wide_sink *c)
{
	if (!c->facts.job)
		return;
	for (size_t i = 0; i < c->facts.n; i++)
		if (c->facts.ships[i].attempt == 0)
			(void)names_add(&c->met, c->facts.ships[i].ship, NULL);
	ledger_refuse_met(c->pg, &c->job, &c->met, &c->unshared);
}

/* What arrived is what the source read, less what a filter says it left out. */
static void prove(struct wide_sink *c, const struct seal *seal)
{
	struct digest got = wide_total(c->wide);
	uint64_t cells = c->facts.cells - seal->drop_cells;
	uint64_t sum = c->facts.digest - seal->drop_sum;
	char have[DIGEST_TEXT_LEN], want[DIGEST_TEXT_LEN];

	if (!c->facts.of_values || (got.cells == cells && got.sum == sum))
		return;
	digest_put(have, got.sum);
	digest_put(want, sum);
	die(EX_STREAM,
		"chunk %s: what arrived is not what was read: %llu values, digest %.*s, "
		"instead of %llu, %.*s",
		msg_q(seal->chunk), (unsigned long long)got.cells, DIGEST_TEXT_LEN, have,
		(unsigned long long)cells, DIGEST_TEXT_LEN, want);
}

static NORETURN void lost(struct wide_sink *c)
{
	c->have_facts = false; /* it is another's by now */
	die(EX_BUSY, "another worker has taken this chunk over; nothing of it is loaded here");
}

/* From here to COMMIT nobody takes the chunk over. */
static void begin_fenced(struct wide_sink *c)
{
	bool ours = true;

	wide_begin(c->wide);
	if (c->facts.job)
		ours = is_live(c) ? ledger_follow_hold(c->pg, &c->facts)
				  : ledger_hold(c->pg, &c->facts);
	if (c->offsets[0])
		ours = ours && ledger_offsets_move(c->pg, c->offsets, false);
	if (!ours)
		lost(c);
}

/* Of a chunk with too many ships for one transaction. */
static void turn(void *ctx)
{
	struct wide_sink *c = ctx;

	c->env->commit(c->env->ctx);
	KP("between_turns");
	begin_fenced(c);
}

/* What somebody has dropped, moved or renamed was made anew, without what was in it. */
static void doubt_remade(struct wide_sink *c)
{
	static const char why[] = N_("its tables or columns were gone, and are made anew: what "
				     "was in them waits for validate --repair");

	for (size_t i = 0; i < c->facts.n; i++) {
		struct sl id = c->facts.ships[i].ship;
		struct ship *s = id.n > 0 ? registry_ship(c->registry, id) : NULL;
		bool any = s && s->remade.n > 0 && ledger_had_rows(c->pg, c->facts.job, id,
						  &s->remade, c->followed);

		if (s)
			names_clear(&s->remade);
		if (!any)
			continue;
		msg_warn("ship %s: %s", msg_q(id), tr(why));
		if (c->followed)
			(void)ledger_doubt_ship(c->pg, c->facts.job, LEDGER_CRITICAL, id, why);
		else
			ledger_event(c->pg, LEDGER_CRITICAL, c->facts.job, id, LEDGER_NO_TIME, why);
	}
}

static void finish_ledger(struct wide_sink *c)
{
	uint64_t removed = wide_removed(c->wide);

	for (size_t i = 0; i < c->facts.n; i++) {
		struct ledger_facts_ship *ship = &c->facts.ships[i];
		struct digest got = wide_of_ship(c->wide, ship->ship);

		if (!c->facts.of_values) {
			ship->cells = got.cells;
			ship->digest = got.sum;
		}
		ship->wide_rows = got.rows;
		ship->bytes = got.bytes;
		ship->dropped = ship->cells > got.cells ? ship->cells - got.cells : 0;
	}
	count_kept(c);
	if (c->offsets[0] && !ledger_offsets_move(c->pg, c->offsets, true))
		lost(c);
	if (!c->facts.job)
		return;
	doubt_remade(c);
	settle_broken(c);
	if (is_live(c))
		ledger_follow_advance(c->pg, &c->facts, &c->erased, removed > c->removed);
	else if (!ledger_finish(c->pg, &c->facts))
		lost(c);
	c->removed = removed;
	store_kept(c); /* behind it: finishing removes rejects of earlier attempts */
	if (!is_live(c))
		ledger_same_rejects(c->pg, &c->facts);
}

/* What came in one chunk appears at once, unless it was too large to wait here for its seal. */
static void load_rest(struct wide_sink *c)
{
	bool aside = wide_has_aside(c->wide), sent = wide_has_sent(c->wide);

	wide_proven(c->wide);
	if (aside && !sent) {
		c->widened = wide_widen(c->wide);
		KP("widened");
	}
	begin_fenced(c);
	wide_flush(c->wide);
	if (aside && sent) {
		c->env->commit(c->env->ctx);
		KP("between_commits");
		c->widened = wide_widen(c->wide);
		begin_fenced(c);
	}
	if (aside)
		wide_replay(c->wide);
}

static void choose_merge(struct wide_sink *c)
{
	bool live = c->opts->live || is_live(c);

	if (!wide_how(c->wide, live ? MERGE_OVERLAY : MERGE_FILL) && live)
		die_hint(EX_CONFIGURATION, "give --live or --ack, or a larger --buffer",
			"a live chunk came that is larger than the buffers");
}

static void acknowledge(const struct wide_sink *c)
{
	AUTO_STR line = { 0 };

	if (!c->opts->ack || !is_live(c))
		return;
	KP("before_ack");
	str_add(&line, c->facts.follow.upto);
	str_addc(&line, '\n');
	if (!tmpf_replace(c->opts->ack, str_sl(&line), 0644))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(c->opts->ack)));
}

static void take_seal(void *sink, const struct seal *seal)
{
	struct wide_sink *c = sink;

	c->begun = false;
	if (c->opts->dry_run) {
		wide_flush(c->wide);
		wide_next_chunk(c->wide);
		return;
	}
	read_facts(c, seal);
	check_job(c);
	check_ships(c);
	prove(c, seal);
	choose_merge(c);
	c->cells += wide_total(c->wide).cells;
	if (wide_total(c->wide).rows > 0 || c->facts.job || c->offsets[0]) {
		load_rest(c);
		KP("before_finish");
		finish_ledger(c);
		if (seal->final)
			refuse_nothing_good(c);
		io_seal(c->io, seal);
		c->env->commit(c->env->ctx);
	} else if (seal->final) {
		refuse_nothing_good(c);
	}
	acknowledge(c);
	c->widened = 0;
	c->have_facts = false;
	arena_reset(&c->facts_arena);
	names_clear(&c->broken);
	spool_clear(&c->erased);
	wide_next_chunk(c->wide);
}

/* ---- as a sink ------------------------------------------------------------------------------- */

static void take_columns(void *sink, const struct names *cols)
{
	struct wide_sink *c = sink;

	if (names_find(cols, SL("data_channel_id")) != NAMES_NONE &&
		names_find(cols, SL("value")) != NAMES_NONE)
		die_hint(EX_DATA, "pivot-wide makes a wide stream of it",
			"the stream is narrow: it has columns data_channel_id and value");
	wide_cols(c->wide, cols, !format_traits(rd_format(c->io->rd))->header);
}

static void take_record(void *sink, const struct rec *rec)
{
	struct wide_sink *c = sink;

	if (!c->begun)
		begin_chunk(c);
	c->begun = true;
	wide_row(c->wide, rec);
}

static void commit(void *sink)
{
	struct wide_sink *c = sink;

	wide_commit(c->wide);
}

static void tell_counts(struct wide_sink *c)
{
	const struct wide_counts *n = wide_counts(c->wide);
	struct io *io = c->io;

	c->counts[0] = (struct meter_count){ "inserted", n->inserted };
	c->counts[1] = (struct meter_count){ "updated", n->updated };
	c->counts[2] = (struct meter_count){ "equal", n->equal };
	c->counts[3] = (struct meter_count){ "superseded", n->superseded };
	c->counts[4] = (struct meter_count){ "removed", n->removed };
	c->counts[5] = (struct meter_count){ "rejected", io->meter.n_rejects };
	io->meter.counts = c->counts;
	io->meter.n_counts = ARRAY_LEN(c->counts);
	io->rows_out = n->inserted + n->updated;
}

/* The program is failing, not for want of the connection: tells the ledger. */
static void failed(void *sink, int code, const char *message)
{
	struct wide_sink *c = sink;
	bool permanent = code == EX_DATA || code == EX_CONFIGURATION;
	bool sealed = c->have_facts;

	tell_counts(c);
	/* another loader may be writing to them by now */
	if (c->widened > 0)
		msg_warn("%llu columns that were made for it stay in the tables, for the next try",
			(unsigned long long)c->widened);
	/* before a seal a stream that was cut tells nothing; a stage that said why does */
	if (code == EX_TEMP || (!sealed && code == EX_STREAM))
		return;
	if (!know_facts(c) || !c->facts.job)
		return;
	pg_rollback(c->pg);
	if (is_live(c))
		ledger_follow_fail(c->pg, &c->facts, message);
	else
		ledger_fail_facts(c->pg, &c->facts, permanent, message);
}

/* Of a dry run nothing is committed: the transaction ends with the connection. */
static void print_coverage(struct wide_sink *c, enum report_format format)
{
	AUTO_STR text = { 0 };

	wide_coverage_put(c->wide, format, &text);
	out_print(str_sl(&text));
}

static enum exit_code done(void *sink, enum report_format format)
{
	struct wide_sink *c = sink;
	uint64_t ignored = wide_ignored(c->wide);

	tell_counts(c);
	if (c->opts->dry_run)
		print_coverage(c, format);
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
