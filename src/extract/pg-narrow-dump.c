/*
 * pg-narrow-dump - read a narrow table of PostgreSQL as a narrow stream, chunk by chunk.
 *
 * A chunk is a range of time, of one ship or of several. It is read by one COPY in one transaction,
 * in the order of time, and closed by a seal that carries what was read: rows, cells and a digest
 * of them for each ship. Chunks come from the range of the table, or are claimed from a ledger.
 *
 * Memory: the current row, and per ship of a chunk its counts.
 */
#include "core/kp.h"
#include "core/stop.h"
#include "follow/follow_poll.h"
#include "follow/follow_slot.h"
#include "follow/pace.h"
#include "ledger/ledger_opts.h"
#include "ledger/ledger_ships.h"
#include "ledger/ledger_origin.h"

struct conf {
	const char *source, *target, *slot, *publication, *ack;
	struct narrow_opts narrow;
	struct opt_list ships;
	struct opt_time since, until;
	int64_t chunk, interval, overlap, pace;
	uint64_t job, max_lag, rate, chunk_rows;
	int follow;
	bool past, standby, new_ship, sorted;
	struct io_opts io;
};

#define POLL_INTERVAL (CLOCK_US_PER_SEC / 2)

enum { FOLLOW_NOT, FOLLOW_SLOT, FOLLOW_POLL };

struct dump {
	struct conf conf;
	struct pg *source, *target;
	struct narrow *narrow;
	struct extract *x;
	struct narrow_reader reader;
	struct narrow_chunk chunk;

	/* from a ledger */
	struct ledger_job job;
	struct ledger_claim claim; /* .n 0: nothing is claimed */
	struct arena arena, claim_arena;
	struct ledger_rejects rejects;
	struct pace pace;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What to read" },
	NARROW_SOURCE_OPT(struct conf, source),
	NARROW_SHIPS_OPT(struct conf, ships),
	NARROW_NEW_SHIP_OPT(struct conf, new_ship),
	{ .name = "since", .not_with = "job follow=slot", CONF(since), .arg = "TIME",
	  .help = "rows from this time on (default: the first there is)" },
	{ .name = "until", .not_with = "job follow=slot|poll", CONF(until), .arg = "TIME",
	  .help = "rows before this time (default: all)" },
	{ .name = "chunk", CONF(chunk), .arg = "DURATION",
	  .help = "length of a chunk (default 24h)" },
	{ .name = "job", CONF(job), .arg = "N", .min = 1,
	  .help = "claim chunks of this job until none is left" },
	{ .name = "target", CONF(target), .arg = "CONNINFO", .env = "FERRY_TARGET",
	  .help = "with --job: where the ledger is" },
	{ .name = "pace", .needs = "job", CONF(pace), .arg = "DURATION",
	  .help = "with --job: aim for chunks of this duration; pause while the source is slow" },
	{ .name = "chunk-rows", .needs = "job", CONF(chunk_rows), .min = 1, .arg = "N",
	  .help = "with --job: aim for chunks of so many rows" },
	{ .name = "rate", .not_with = "follow=slot|poll", CONF(rate), .arg = "N", .max = 1000000000,
	  .help = "read so many rows a second at most" },
	{ .name = "sorted", .not_with = "job follow=slot|poll", CONF(sorted),
	  .help = "the same rows give the same bytes: of one instant by ship and channel" },
	{ .kind = OPT_GROUP, .help = "Following live data" },
	{ .name = "follow", .letter = 'f', CONF(follow), .choices = "no|slot|poll",
	  .help = "what is new, as it comes: from a slot, or asked for by SQL" },
	{ .name = "past", .needs = "job follow=slot|poll", CONF(past),
	  .help = "with --job: its chunks first, then follow" },
	{ .name = "standby", .needs = "job follow=slot|poll", CONF(standby),
	  .help = "while another follows the job: wait for its end, and take over" },
	{ .name = "interval", CONF(interval), .arg = "DURATION", .unit = 60 * CLOCK_US_PER_SEC,
	  .help = "how often to end a chunk (a bare number: minutes; default 500ms, or 100ms)" },
	{ .name = "slot", .needs = "follow=slot", .not_with = "job", CONF(slot), .arg = "NAME",
	  .help = "slot without --job: its name" },
	{ .name = "publication", .needs = "follow=slot", .not_with = "job", CONF(publication),
	  .arg = "NAME", .help = "slot without --job: what it tells of (default the slot's name)" },
	{ .name = "ack", .needs = "follow=slot", CONF(ack), .file = OPT_AWAITS, .arg = "FILE",
	  .help = "slot: where pg-copy-load --ack says what it has committed" },
	FOLLOW_LAG_OPT(struct conf, max_lag, .needs = "follow=slot|poll"),
	{ .name = "overlap", .needs = "follow=slot|poll", CONF(overlap), .arg = "DURATION",
	  .help = "poll: look so far back for rows out of order (default 60s)" },
	NARROW_OPTS(struct conf, narrow),
	EXTRACT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-narrow-dump",
	.summary = "read a narrow PostgreSQL table as a narrow stream",
	.synopsis = "[options]",
	.examples = "  pg-narrow-dump -s S1 --since 2024-01-01 --until 2024-02-01 | pivot-wide\n"
		    "  pg-narrow-dump -o ndjson --rejects bad.ndjson > narrow.ndjson\n",
	.opts = options,
};

/* ---- rows ------------------------------------------------------------------------------------ */

static void reject(struct dump *d, const struct narrow_row *row)
{
	const struct ledger_facts_ship *ship;
	AUTO_STR json = { 0 };

	narrow_row_put_json(&d->reader, !d->conf.job, &json);
	ship = narrow_chunk_reject(&d->chunk, row);
	if (d->conf.job)
		ledger_reject(&d->rejects, ship->ship, d->chunk.facts.from, ship->attempt,
			str_sl(&json), sl_of(row->why));
	extract_reject(d->x, d->narrow->col[row->bad].name, d->reader.raw[row->bad], row->why,
		str_sl(&json), d->conf.job != 0);
}

/* The server could not go on: where that was, as far as we know. */
static NORETURN void die_reading(struct dump *d)
{
	struct str where = { 0 };

	stop_check(); /* it was us who had it cancelled */
	narrow_chunk_put_place(&d->chunk, &where);
	msg_note("reading %s stopped at row %llu%s", d->narrow->table,
		(unsigned long long)d->x->meter.rows + 1, str_z(&where));
	pg_die(d->source, "read failed");
}

static void read_part(struct dump *d, const struct narrow_part *part)
{
	struct narrow_row row;
	enum pg_copy got;
	struct sl message;

	narrow_reader_copy(&d->reader, d->narrow, d->source, part);
	while ((got = pg_copy_try_row(d->source, &message)) == PG_COPY_ROW) {
		if (!narrow_read(&d->reader, message, &row))
			continue;
		pace_row(&d->pace);
		extract_tick(d->x);
		stop_check();
		KP("dump_row");
		if (LIKELY(!row.why))
			narrow_chunk_put(&d->chunk, d->x->wr, &row);
		else
			reject(d, &row);
	}
	if (got == PG_COPY_FAILED)
		die_reading(d);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static void seal_chunk(struct dump *d, const struct narrow_part *part)
{
	narrow_chunk_seal(&d->chunk, d->x, part->n_ships == 1 ? part->ships[0] : SL(""));
}

static void read_chunk(struct dump *d, const struct narrow_part *part)
{
	KP("dump_chunk");
	narrow_begin(d->narrow, d->source);
	read_part(d, part);
	pg_exec(d->source, "COMMIT");
	KP("dump_seal");
}

/* ---- chunks of the table's own range --------------------------------------------------------- */

/* What is asked for, in whole chunks where nothing else is; false when there are no rows. */
static bool find_range(struct dump *d, struct narrow_part *all)
{
	const struct conf *c = &d->conf;
	int64_t first, last;

	all->from = c->since.instant;
	all->to = c->until.instant;
	if (c->since.given && c->until.given)
		return all->from < all->to;
	if (!narrow_range(d->narrow, d->source, all->ships, all->n_ships, &first, &last))
		return false;
	if (!c->since.given)
		all->from = clock_floor(first, c->chunk);
	if (all->from < NARROW_FIRST_INSTANT) /* there is no text for what is earlier */
		all->from = NARROW_FIRST_INSTANT;
	if (!c->until.given)
		all->to = clock_floor(last, c->chunk) + c->chunk;
	return all->from < all->to;
}

/* Rows without a time of ours are in no range, but must not be passed over in silence. */
static void read_outcasts(struct dump *d, struct narrow_part all)
{
	all.outcasts = true;
	if (d->conf.since.given || d->conf.until.given ||
		!narrow_has_outcasts(d->narrow, d->source, &all))
		return;
	narrow_chunk_begin(&d->chunk, 0, 0);
	read_chunk(d, &all);
}

static void warn_of_absent(const struct dump *d, const struct names *seen)
{
	for (size_t i = 0; i < d->conf.ships.n; i++)
		if (names_find(seen, d->conf.ships.v[i]) == NAMES_NONE)
			msg_warn("no rows of ship %s", msg_q(d->conf.ships.v[i]));
}

static void dump_range(struct dump *d)
{
	struct narrow_part all = { .ships = d->conf.ships.v, .n_ships = d->conf.ships.n };
	AUTO_NAMES seen = { 0 };
	bool more = find_range(d, &all);
	int64_t origin = all.from;

	if (more)
		narrow_warn_scans(d->narrow, all.from, all.to, d->conf.chunk);
	while (more && all.from < all.to) {
		struct narrow_part part = all;
		int64_t next;

		part.to = clock_floor(part.from, d->conf.chunk) + d->conf.chunk;
		if (part.to > all.to)
			part.to = all.to;
		narrow_chunk_begin(&d->chunk, part.from, part.to);
		read_chunk(d, &part);
		for (size_t i = 0; i < d->chunk.facts.n; i++)
			(void)names_add(&seen, d->chunk.facts.ships[i].ship, NULL);
		seal_chunk(d, &part);
		all.from = part.to;
		extract_share(d->x, (double)(all.from - origin) / (double)(all.to - origin));
		/* over a gap in one leap */
		if (d->chunk.facts.rows + d->chunk.facts.rejects == 0 && all.from < all.to) {
			more = narrow_next(d->narrow, d->source, &all, &next);
			if (more && clock_floor(next, d->conf.chunk) > all.from)
				all.from = clock_floor(next, d->conf.chunk);
		}
	}
	read_outcasts(d, all);
	warn_of_absent(d, &seen);
}

/* ---- chunks of a ledger ---------------------------------------------------------------------- */

/* What is claimed and not sealed yet goes back to the ledger when the program fails. */
static void give_back(void *ctx, int code, const char *message)
{
	struct dump *d = ctx;

	if (stop_asked())
		ledger_release(d->target, d->conf.job, ledger_worker());
	else if (d->claim.n > 0)
		ledger_fail(d->target, &d->claim, code == EX_DATA || code == EX_CONFIGURATION,
			message);
}

static void find_job(struct dump *d)
{
	d->target = pg_connect(d->conf.target, "target");
	if (!ledger_exists(d->target) ||
		!ledger_job_get(d->target, d->conf.job, &d->job, &d->arena))
		die(EX_CONFIGURATION, "no job %llu in the ledger, target",
			(unsigned long long)d->conf.job);
	ledger_job_reads(&d->job, &d->conf.narrow, &d->arena);
}

static void check_job(struct dump *d)
{
	if (strcmp(d->narrow->table, d->job.source_table) != 0)
		die_hint(EX_CONFIGURATION, "give the same --table as then",
			"job %llu reads another table: %s", (unsigned long long)d->conf.job,
			d->job.source_table);
	ledger_origin_check(d->source, d->target, d->conf.job, d->narrow);
}

/* Those whose names cannot be read belong to the outcasts. */
static void find_odd_ships(struct dump *d)
{
	AUTO_FREE struct sl *ships = NULL;

	if ((d->narrow->encoding || d->narrow->target) && d->narrow->odd_ships.n == 0)
		(void)narrow_ships(d->narrow, d->source, &ships);
}

static void dump_claim(struct dump *d)
{
	struct narrow_part part = { .from = d->claim.from, .to = d->claim.to };
	bool by_ship = d->narrow->by_ship_time || d->conf.ships.n > 0;
	bool outcasts = d->claim.n == 1 && d->claim.ships[0].ship.n == 0;
	struct sl *ships = arena_alloc(&d->claim_arena, mem_mul(d->claim.n, sizeof *ships));

	narrow_chunk_begin(&d->chunk, part.from, part.to);
	d->chunk.facts.job = d->conf.job;
	d->chunk.facts.worker = sl_of(d->claim.worker);
	for (size_t i = 0; i < d->claim.n; i++) {
		size_t number = narrow_chunk_ship(&d->chunk, d->claim.ships[i].ship);

		ships[i] = d->claim.ships[i].ship;
		d->chunk.facts.ships[number].attempt = d->claim.ships[i].attempt;
	}
	narrow_chunk_announce(&d->chunk, d->x->wr);
	if (outcasts) {
		d->chunk.outcasts = part.outcasts = true;
		part.shipless = d->narrow->by_ship_time;
		find_odd_ships(d);
	} else if (by_ship) {
		part.ships = ships;
		part.n_ships = d->claim.n;
	} else {
		part.skip = d->claim.skip;
		part.n_skip = d->claim.n_skip;
	}
	read_chunk(d, &part);
	ledger_reject_flush(&d->rejects);
	/* from the seal on the chunk is the loader's */
	d->claim.n = 0;
	seal_chunk(d, &part);
}

static void dump_job(struct dump *d)
{
	const struct opt_list *only = &d->conf.ships;
	struct ledger_part of = { d->target, d->conf.job, only->v, only->n };
	bool whole = !d->narrow->by_ship_time && only->n != 1;

	msg_on_exit(give_back, d);
	/* what others have claimed, or the loader has not finished yet, is not waited for */
	for (;;) {
		pace_wait(&d->pace);
		stop_check();
		if (ledger_claim(&of, whole, LEDGER_LEASE, &d->claim, &d->claim_arena) !=
			LEDGER_CLAIMED)
			break;
		pace_begin(&d->pace, &d->claim);
		dump_claim(d);
		pace_end(&d->pace, &d->claim);
		arena_reset(&d->claim_arena);
	}
	msg_off_exit(give_back, d);
}

/* ---- what is new ----------------------------------------------------------------------------- */

static void follow_by_poll(struct dump *d)
{
	const struct conf *c = &d->conf;
	struct follow_poll f = { .target = d->target,
		.job = c->job,
		.standby = c->standby,
		.since = c->since.given ? c->since.instant : LEDGER_NO_TIME,
		.interval = c->interval ? c->interval : POLL_INTERVAL,
		.chunk = &d->chunk,
		.x = d->x };

	f.poll = (struct narrow_poll_conf){ .narrow = d->narrow,
		.source = d->source,
		.ships = d->conf.ships.v,
		.n_ships = d->conf.ships.n,
		.overlap = c->overlap ? c->overlap : NARROW_POLL_OVERLAP };
	follow_poll(&f);
}

static struct follow_slot slot_of(struct dump *d)
{
	const struct conf *c = &d->conf;

	return (struct follow_slot){ .narrow = d->narrow,
		.conninfo = c->source,
		.ships = c->ships.v,
		.n_ships = c->ships.n,
		.target = d->target,
		.job = c->job,
		.standby = c->standby,
		.slot = c->slot,
		.publication = c->publication ? c->publication : c->slot,
		.ack = c->ack,
		.interval = c->interval,
		.max_lag = c->max_lag,
		.chunk = &d->chunk,
		.x = d->x };
}

static void follow(struct dump *d)
{
	struct follow_slot f = slot_of(d);

	if (d->conf.follow == FOLLOW_SLOT)
		follow_slot(&f);
	else
		follow_by_poll(d);
}

/* Does the stream tell of deletions? */
static bool has_ops(struct dump *d)
{
	struct follow_slot f = slot_of(d);
	struct follow_slot_names names;
	AUTO_ARENA a = { 0 };

	if (d->conf.follow != FOLLOW_SLOT)
		return false;
	follow_slot_find(d->source, &f, &a, &names);
	return names.deletions;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void check_options(struct dump *d)
{
	const struct conf *c = &d->conf;

	extract_check(&c->io);
	if (c->since.given && c->until.given && c->since.instant > c->until.instant)
		opt_usage("--since is behind --until");
	if (!c->follow && c->interval && !c->pace)
		opt_usage("--interval needs --follow or --pace");
	if (c->follow == FOLLOW_SLOT && !c->job && !c->slot)
		opt_usage("--follow=slot needs --job or --slot");
	if (c->job && !io_wants_seal(&c->io))
		die_hint(EX_USAGE_, "pipe it into pivot-wide and pg-copy-load, or say --seal",
			"--job: without a seal nothing can finish the chunks that are claimed");
}

static void cancel(void *source)
{
	pg_cancel(source);
}

static void open_all(struct dump *d)
{
	static const struct sl columns[] = { SL_INIT("ship_id"), SL_INIT("created_time"),
		SL_INIT("data_channel_id"), SL_INIT("value"), SL_INIT("op") };

	if (d->conf.job)
		find_job(d);
	d->source = narrow_connect(d->conf.source, &d->conf.narrow);
	if (d->conf.follow)
		stop_catch_patiently();
	else
		stop_catch(cancel, d->source);
	narrow_only_reads(d->source);
	d->narrow = narrow_detect(d->source, &d->conf.narrow);
	d->narrow->sorted = d->conf.sorted;
	narrow_goes_to(d->narrow, d->target);
	d->chunk.zone = d->narrow->zone;
	d->pace = (struct pace){ .rate = d->conf.rate };
	if (d->conf.job) {
		d->rejects = (struct ledger_rejects){
			.target = d->target, .job = d->conf.job };
		check_job(d);
		d->pace = (struct pace){ .source = d->source,
			.target = d->target,
			.job = d->conf.job,
			.rate = d->conf.rate,
			.wanted = d->conf.pace,
			.wanted_rows = d->conf.chunk_rows,
			.interval = d->conf.interval };
	}
	if (!d->conf.new_ship)
		ledger_want_ships(d->narrow, d->source, d->target, &d->job, &d->conf.ships);
	/* a plan has asked already */
	if (d->conf.job && d->conf.follow && ledger_has_neighbours(d->target, &d->job))
		ledger_refuse_shared(d->target, &d->job, d->conf.ships.v, d->conf.ships.n);
	d->x = extract_open(&d->conf.io, io_wants_seal(&d->conf.io));
	d->x->meter.keeps_rest |= d->conf.job; /* a night may find outcasts alone, for the ledger */
	d->chunk.ops = has_ops(d);
	wr_cols(d->x->wr, columns, ARRAY_LEN(columns) - !d->chunk.ops);
}

int main(int argc, char **argv)
{
	struct dump d = { .conf = { .chunk = CLOCK_US_PER_DAY, .max_lag = FOLLOW_LAG } };
	int keeper = -1, code;

	opt_parse(&program, &d.conf, &argc, &argv);
	if (argc > 0)
		opt_usage("unexpected operand %s", msg_q(sl_of(argv[0])));
	check_options(&d);
	if (d.conf.job)
		keeper = ledger_keeper_start(d.conf.target, d.conf.job, LEDGER_LEASE);
	open_all(&d);
	if (d.conf.job && (d.conf.past || !d.conf.follow))
		dump_job(&d);
	if (d.conf.follow)
		follow(&d);
	else if (!d.conf.job)
		dump_range(&d);
	extract_seal(d.x, &SEAL_END);
	code = extract_close(d.x);
	if (keeper >= 0)
		ledger_keeper_stop(keeper);
	pg_close(d.source);
	pg_close(d.target);
	narrow_chunk_free(&d.chunk);
	arena_free(&d.arena);
	arena_free(&d.claim_arena);
	str_free(&d.rejects.rows);
	narrow_free(d.narrow);
	return code;
}
