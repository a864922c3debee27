/*
 * pg-wide-dump - read the wide tables of ships as a wide stream: the way back, and to analysts.
 *
 * All of it is one state of the tables, ship by ship in the order of time. Of a ship only the
 * tables are read that have a channel that is asked for (wide_read.h). A chunk is a range of time
 * of one ship, closed by a seal with a digest of its cells, as pg-narrow-dump makes them.
 *
 * Memory: the current row of each table, and with --every what is gathered of each channel.
 */
#include "core/stop.h"
#include "extract/pg-wide-dump.sql.h"
#include "follow/narrow_chunk.h"
#include "stream/aggregate.h"
#include "stream/namelist.h"
#include "stream/digest.h"
#include "wide/wide_read.h"

#include <fnmatch.h>
#include <sys/stat.h>

struct conf {
	struct target_opts target;
	struct opt_list ships, channels;
	struct opt_time since, until;
	int64_t chunk, every;
	int how; /* enum aggregate */
	struct io_opts io;
};

/* A ship that is dumped. */
struct voyage {
	struct ship *ship;
	size_t *channel, *column; /* its channels, and the columns of the stream they are */
	size_t n;
};

struct dump {
	struct conf conf;
	struct pg *pg;
	struct registry *registry;
	struct wide_read *read;
	struct extract *x;
	struct names wanted; /* of --channels: names and patterns, then names of files */
	size_t given;	     /* how many of them are no file's */
	bool *met;	     /* by number in it */
	struct names columns; /* of the stream, but for the first two: channels */
	uint64_t *name_hash;  /* digest_name() of each */
	struct voyage *voyage;
	size_t n, cap;

	/* the ship that is read */
	struct narrow_chunk chunk;
	struct field *row; /* of the stream */
	struct field *value; /* of wide_read_next() */
	struct aggregate_state *gathered;
	int64_t window; /* begins then, and has values; LEDGER_NO_TIME: none yet */
	size_t left_out; /* channels of texts */
	struct sl first_left_out;
	size_t gone; /* channels whose column is not there */
	struct sl first_gone;
	size_t no_numbers; /* values of channels without a format that no aggregate takes */
	struct sl first_no_number;
};

#define LEAD 2 /* columns before the channels */
static const struct sl lead[LEAD] = { SL_INIT("ship_id"), SL_INIT("created_time") };

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What to read" },
	{ .name = "target", CONF(target.conninfo), .arg = "CONNINFO", .env = "FERRY_TARGET",
	  .help = "where the wide tables are, as for psql -d (default: PG* variables)" },
	NARROW_SHIPS_OPT(struct conf, ships),
	{ .name = "channels", CONF(channels), .arg = "FILE|GLOB", .min = 1,
	  .help = "only these: a file of ids, an id, or a pattern; may be repeated" },
	{ .name = "since", CONF(since), .arg = "TIME",
	  .help = "rows from this time on (default: the first there is)" },
	{ .name = "until", CONF(until), .arg = "TIME",
	  .help = "rows before this time (default: all)" },
	{ .name = "chunk", CONF(chunk), .arg = "DURATION",
	  .help = "length of a sealed chunk (default 24h)" },
	{ .kind = OPT_GROUP, .help = "Fewer rows" },
	{ .name = "every", CONF(every), .arg = "DURATION",
	  .help = "one row for each such window of time" },
	{ .name = "agg", CONF(how), .needs = "every", .choices = AGGREGATE_CHOICES,
	  .help = "what it says of a channel" },
	{ .kind = OPT_GROUP, .help = "Wide tables" },
	TARGET_NAMES_OPTS(struct conf, target),
	EXTRACT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-wide-dump",
	.summary = "read the wide tables of ships as a wide stream",
	.synopsis = "[options]",
	.examples = "  pg-wide-dump -s S1 --channels '/me01/*' --since yesterday > me01.csv\n"
		    "  pg-wide-dump -s S1 --every 1m --agg avg -o ndjson\n"
		    "  pg-wide-dump -s S1 | unpivot-narrow | stream-digest\n",
	.opts = options,
};

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool is_file(struct sl name)
{
	struct stat st;

	return stat(name.p, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* What names a file is a list of ids, of which none is a pattern. */
static void read_wanted(struct dump *d)
{
	const struct opt_list *l = &d->conf.channels;

	for (size_t i = 0; i < l->n; i++)
		if (!is_file(l->v[i]))
			(void)names_add(&d->wanted, l->v[i], NULL);
	d->given = d->wanted.n;
	for (size_t i = 0; i < l->n; i++)
		if (is_file(l->v[i]))
			namelist_read(l->v[i].p, &d->wanted, false);
	if (l->n > 0 && d->wanted.n == 0)
		die(EX_CONFIGURATION, "--channels: %s names no channel", msg_q(l->v[0]));
	d->met = mem_zalloc(d->wanted.n + 1);
}

static bool is_wanted(struct dump *d, struct sl channel)
{
	size_t same = names_find(&d->wanted, channel);
	bool is = d->conf.channels.n == 0 || same != NAMES_NONE;

	if (same != NAMES_NONE)
		d->met[same] = true;
	for (size_t i = 0; i < d->given; i++) {
		if (!strpbrk(d->wanted.name[i].p, "*?[") ||
			fnmatch(d->wanted.name[i].p, channel.p, FNM_NOESCAPE) != 0)
			continue;
		d->met[i] = true;
		is = true;
	}
	return is;
}

static void check_met(const struct dump *d)
{
	size_t unmet = 0, first = 0;

	for (size_t i = d->wanted.n; i-- > 0;) {
		unmet += !d->met[i];
		first = d->met[i] ? first : i;
	}
	if (unmet)
		die_hint(EX_CONFIGURATION, "pg-wide-tables list shows what there is",
			d->conf.ships.n ?
				N_("none of these ships has channel %s (not met: %zu of %zu)") :
				N_("no ship has channel %s (not met: %zu of %zu)"),
			msg_q(d->wanted.name[first]), unmet, d->wanted.n);
}

/* Texts have no average: they are left out, and that is said. */
static bool can_be_gathered(struct dump *d, size_t id, const struct ship *s)
{
	const struct channel *c = &s->channel[id];
	bool text = c->type == COLUMN_BOOLEAN || sl_eq_str(c->format, "String") ||
		sl_eq_str(c->format, "Boolean");

	if (!d->conf.every || !text || !aggregate_needs_numbers((enum aggregate)d->conf.how))
		return true;
	if (d->left_out++ == 0)
		d->first_left_out = s->channels.name[id];
	return false;
}

static void add_ship(struct dump *d, struct sl id)
{
	struct ship *s = registry_ship(d->registry, id);
	struct voyage v = { .ship = s };

	v.channel = mem_alloc(mem_mul(s->channels.n + 1, sizeof *v.channel));
	v.column = mem_alloc(mem_mul(s->channels.n + 1, sizeof *v.column));
	for (size_t i = 0; i < s->channels.n; i++) {
		if (!is_wanted(d, s->channels.name[i]))
			continue;
		if (!s->channel[i].made) {
			if (d->gone++ == 0)
				d->first_gone = s->channels.name[i];
			continue;
		}
		if (!can_be_gathered(d, i, s))
			continue;
		v.channel[v.n] = i;
		v.column[v.n++] = names_add(&d->columns, s->channels.name[i], NULL);
	}
	if (v.n == 0)
		msg_warn("ship %s has none of the channels that are asked for", msg_q(id));
	mem_grow(&d->voyage, &d->cap, d->n + 1, sizeof *d->voyage);
	d->voyage[d->n++] = v;
}

static void choose(struct dump *d)
{
	const struct target_opts *t = &d->conf.target;
	AUTO_RESULT *r = NULL;
	AUTO_NAMES known = { 0 };

	/* a schema that nobody has made is not to be made by a reader */
	if (!ledger_exists(d->pg))
		die(EX_CONFIGURATION, "there are no wide tables in this database");
	r = pg_ask(d->pg, ships_sql, t->schema, t->prefix);
	for (size_t i = 0; i < pg_rows(r); i++)
		(void)names_add(&known, pg_value(r, i, 0), NULL);
	if (known.n == 0)
		die_hint(EX_CONFIGURATION, "--target-schema and --target-prefix name others",
			"there are no wide tables %s.%s…", t->schema, t->prefix);
	d->registry = registry_open(d->pg, t, "created_time");
	for (size_t i = 0; i < d->conf.ships.n; i++)
		if (names_find(&known, d->conf.ships.v[i]) == NAMES_NONE)
			die(EX_CONFIGURATION, "ship %s has no wide tables %s.%s…",
				msg_q(d->conf.ships.v[i]), t->schema, t->prefix);
	for (size_t i = 0; i < (d->conf.ships.n ? d->conf.ships.n : known.n); i++)
		add_ship(d, d->conf.ships.n ? d->conf.ships.v[i] : known.name[i]);
	check_met(d);
	if (d->gone)
		msg_warn("channel %s is left out: its column is not there (%zu such channels)",
			msg_q(d->first_gone), d->gone);
	if (d->left_out)
		msg_warn("--agg: channels that are no numbers are left out: %s (%zu of them)",
			msg_q(d->first_left_out), d->left_out);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void seal_chunk(struct dump *d)
{
	if (d->chunk.facts.n > 0)
		narrow_chunk_seal(&d->chunk, d->x, d->chunk.facts.ships[0].ship);
	narrow_chunk_begin(&d->chunk, INT64_MIN, INT64_MIN);
}

static void begin_chunk(struct dump *d, const struct voyage *v, int64_t time)
{
	const struct conf *c = &d->conf;
	int64_t from = clock_floor(time, c->chunk), to = from + c->chunk;

	if (from < NARROW_FIRST_INSTANT)
		from = NARROW_FIRST_INSTANT;
	if (c->since.given && from < c->since.instant && !c->every)
		from = c->since.instant;
	if (c->until.given && to > c->until.instant)
		to = c->until.instant;
	narrow_chunk_begin(&d->chunk, from, to);
	(void)narrow_chunk_ship(&d->chunk, v->ship->id);
	d->chunk.facts.ships[0].first = time;
}

/* Only a seal tells of the cells, and a digest is a third of the work. */
static void count_cells(struct dump *d, const struct voyage *v)
{
	struct ledger_facts_ship *facts = &d->chunk.facts.ships[0];
	uint64_t hash = digest_row(v->ship->id, field_sl(&d->row[1]));

	for (size_t i = 0; i < v->n; i++) {
		const struct field *f = &d->row[LEAD + v->column[i]];

		if (field_is_null(f))
			continue;
		facts->rows++;
		facts->cells++;
		facts->digest += digest_cell(hash, d->name_hash[v->column[i]], field_sl(f));
	}
}

/* Writes d->row, of which only the time is still to be said. */
static void put_row(struct dump *d, const struct voyage *v, int64_t time)
{
	char text[CLOCK_TEXT_MAX];

	if (d->chunk.facts.n == 0 || time >= d->chunk.facts.to) {
		seal_chunk(d);
		begin_chunk(d, v, time);
	}
	d->chunk.facts.ships[0].last = time;
	d->row[1] = field_name((struct sl){ text, clock_put(text, time, v->ship->zoned) });
	if (wr_is_sealed(d->x->wr))
		count_cells(d, v);
	wr_row(d->x->wr, d->row, LEAD + d->columns.n);
}

static void reject(struct dump *d, const struct voyage *v, size_t i, int64_t time, const char *why)
{
	struct sl name = v->ship->channels.name[v->channel[i]];
	AUTO_STR json = { 0 };
	char text[CLOCK_TEXT_MAX];

	str_addc(&json, '{');
	str_add_member(&json, "ship_id", v->ship->id);
	str_add_member(&json, "created_time",
		(struct sl){ text, clock_put(text, time, v->ship->zoned) });
	str_addc(&json, ',');
	str_add_json(&json, name);
	str_addc(&json, ':');
	str_add_json(&json, field_sl(&d->value[i]));
	str_addc(&json, '}');
	extract_reject(d->x, name, field_sl(&d->value[i]), why, str_sl(&json), false);
}

static void end_window(struct dump *d, const struct voyage *v)
{
	bool any = false;

	for (size_t i = 0; i < v->n; i++) {
		struct field *f = &d->row[LEAD + v->column[i]];

		any |= d->gathered[i].n > 0;
		*f = aggregate_take((enum aggregate)d->conf.how, &d->gathered[i]);
		f->kind = f->kind == F_NULL ? F_ABSENT : f->kind;
	}
	if (any)
		put_row(d, v, d->window);
	d->window = LEDGER_NO_TIME;
}

static void gather(struct dump *d, const struct voyage *v, int64_t time)
{
	int64_t window = clock_floor(time, d->conf.every);

	if (window < NARROW_FIRST_INSTANT) /* the first window is a part of one */
		window = NARROW_FIRST_INSTANT;
	if (window != d->window && d->window != LEDGER_NO_TIME)
		end_window(d, v);
	d->window = window;
	for (size_t i = 0; i < v->n; i++) {
		const char *why = NULL;

		if (!field_is_null(&d->value[i]))
			why = aggregate_add((enum aggregate)d->conf.how, &d->gathered[i],
				&d->value[i]);
		if (why && v->ship->channel[v->channel[i]].format.n == 0) {
			if (d->no_numbers++ == 0)
				d->first_no_number = v->ship->channels.name[v->channel[i]];
		} else if (why) {
			reject(d, v, i, time, why);
		}
	}
}

/* A row as it is; of some channels only those that have a value. */
static void pass_on(struct dump *d, const struct voyage *v, int64_t time)
{
	bool any = d->conf.channels.n == 0;

	for (size_t i = 0; i < v->n; i++) {
		d->row[LEAD + v->column[i]] = d->value[i];
		any |= !field_is_null(&d->value[i]);
	}
	if (any)
		put_row(d, v, time);
}

static void dump_ship(struct dump *d, const struct voyage *v)
{
	const struct conf *c = &d->conf;
	int64_t time;

	for (size_t i = 0; i < d->columns.n; i++)
		d->row[LEAD + i] = (struct field){ .p = "", .kind = F_ABSENT };
	d->row[0] = field_name(v->ship->id);
	d->chunk.zone = v->ship->zoned;
	wide_read_ship(d->read, d->registry, v->ship, v->channel, v->n,
		c->since.given ? c->since.instant : INT64_MIN,
		c->until.given ? c->until.instant : INT64_MAX);
	while (wide_read_next(d->read, &time, d->value)) {
		stop_check();
		extract_tick(d->x);
		if (time < NARROW_FIRST_INSTANT || time >= NARROW_END_INSTANT)
			die_hint(EX_DATA, "--since and --until leave it out",
				"ship %s: a time that is no date of the years 1 to 9999",
				msg_q(v->ship->id));
		if (c->every)
			gather(d, v, time);
		else
			pass_on(d, v, time);
	}
	if (d->window != LEDGER_NO_TIME)
		end_window(d, v);
	seal_chunk(d);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void cancel(void *ctx)
{
	const struct dump *d = ctx;

	if (d->read)
		wide_read_cancel(d->read);
}

static void announce(struct dump *d)
{
	AUTO_ARENA arena = { 0 };
	size_t n = LEAD + d->columns.n;
	struct sl *name = arena_alloc(&arena, mem_mul(n, sizeof *name));

	d->row = mem_zalloc(mem_mul(n, sizeof *d->row));
	d->value = mem_zalloc(mem_mul(n, sizeof *d->value));
	d->gathered = mem_zalloc(mem_mul(n, sizeof *d->gathered));
	d->name_hash = mem_zalloc(mem_mul(n, sizeof *d->name_hash));
	memcpy(name, lead, sizeof lead);
	for (size_t i = 0; i < d->columns.n; i++) {
		AUTO_STR taken = { 0 };

		str_addc(&taken, '@');
		str_add(&taken, d->columns.name[i]);
		name[LEAD + i] = colname_is_taken(d->columns.name[i], lead, LEAD) ?
			arena_dup(&arena, str_sl(&taken)) : d->columns.name[i];
		d->name_hash[i] = digest_name(d->columns.name[i]);
	}
	wr_cols(d->x->wr, name, n);
}

static void clean_up(struct dump *d)
{
	for (size_t i = 0; i < d->columns.n; i++)
		aggregate_free(&d->gathered[i]);
	for (size_t i = 0; i < d->n; i++) {
		mem_free(d->voyage[i].channel);
		mem_free(d->voyage[i].column);
	}
	mem_free(d->voyage);
	mem_free(d->gathered);
	mem_free(d->row);
	mem_free(d->value);
	mem_free(d->name_hash);
	mem_free(d->met);
	names_free(&d->wanted);
	names_free(&d->columns);
	narrow_chunk_free(&d->chunk);
	wide_read_close(d->read);
	registry_close(d->registry);
	pg_close(d->pg);
}

int main(int argc, char **argv)
{
	struct dump d = { .conf.chunk = CLOCK_US_PER_DAY, .window = LEDGER_NO_TIME };
	int code;

	opt_parse(&program, &d.conf, &argc, &argv);
	if (argc > 0)
		opt_usage("unexpected operand %s", msg_q(sl_of(argv[0])));
	extract_check(&d.conf.io);
	if (d.conf.since.given && d.conf.until.given &&
		d.conf.since.instant > d.conf.until.instant)
		opt_usage("--since is behind --until");
	target_defaults(&d.conf.target);
	read_wanted(&d);
	d.pg = pg_connect(d.conf.target.conninfo, "wide tables");
	d.read = wide_read_open(
		d.pg, d.conf.target.conninfo, d.conf.io.out_format == FMT_NDJSON);
	stop_catch(cancel, &d);
	pg_set(d.pg, "transaction_read_only", "on");
	pg_exec(d.pg, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	choose(&d);
	d.x = extract_open(&d.conf.io, io_wants_seal(&d.conf.io));
	announce(&d);
	for (size_t i = 0; i < d.n; i++)
		if (d.voyage[i].n > 0)
			dump_ship(&d, &d.voyage[i]);
	pg_exec(d.pg, "COMMIT");
	if (d.no_numbers)
		msg_warn("--agg: channel %s has no known format: values that are no numbers are "
			 "left out (%zu of them)",
			msg_q(d.first_no_number), d.no_numbers);
	extract_seal(d.x, &SEAL_END);
	code = extract_close(d.x);
	clean_up(&d);
	return code;
}
