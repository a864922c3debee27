/*
 * pg-wide-tables - make the wide tables of ships, list them, take them away.
 *
 * Which channel is which column is in the registry (wide/registry.h); tables are made as it says
 * (wide/widen.h). Only registered tables are ever touched. pg-copy-load makes what it needs by
 * itself; this is for making tables before there are rows, and for taking a migration back.
 */
#include "core/kp.h"
#include "core/log.h"
#include "core/num.h"
#include "ledger/ledger_opts.h"
#include "load/pg-wide-tables.sql.h"
#include "stream/rd.h"
#include "wide/widen.h"
#include "follow/follow_slot.h"
#include "ledger/ledger_follow.h"
#include "ledger/ledger_save.h"
#include "ledger/ledger_ships.h"
#include "pg/rights.h"

#include <errno.h>
#include <signal.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct conf {
	const char *source, *restoring;
	struct target_opts target;
	struct narrow_opts narrow;
	struct opt_list ships;
	bool drop_tables, yes, leave_slot, cascade, new_ship, dry_run;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Input" },
	NARROW_SHIPS_OPT(struct conf, ships),
	NARROW_NEW_SHIP_OPT(struct conf, new_ship, .verbs = "create|analyze"),
	{ .name = "drop-tables", .verbs = "create", .weakens = true, CONF(drop_tables),
	  .help = "drop the tables there are first" },
	{ .name = "yes", .verbs = "rollback", .weakens = true, .letter = 'y', CONF(yes),
	  .help = "do not ask" },
	{ .name = "cascade", CONF(cascade),
	  .help = "rollback, --drop-tables: drop views that others made of the tables, too" },
	{ .name = "dry-run", .verbs = "rollback", CONF(dry_run),
	  .help = "look for what stands in the way, print the ships, change nothing" },
	{ .name = "restoring", .verbs = "load", CONF(restoring), .arg = "DIGEST",
	  .help = "only while the tables of this backup wait for their ledger" },
	{ .name = "leave-slot", .verbs = "rollback", .weakens = true, CONF(leave_slot),
	  .help = "the source cannot be reached, its slot stays" },
	LEDGER_SIDES_OPTS(struct conf),
	OPT_END,
};

struct run {
	struct conf conf;
	const char *own; /* the narrow table whose jobs are meant; NULL: whichever fill these */
	bool again; /* what is gone already is as well, unless it never was */
	struct pg *target;
	struct registry *r;
	struct names ships; /* that are meant */
	struct widen *of;   /* the same, with what the registry knows of them */
	struct arena arena;
};

/* ---- a list of channels ---------------------------------------------------------------------- */

/*
 * As pg-narrow-schema writes it: ship_id, data_channel_id, value_format, first_seen, last_seen,
 * samples, as NDJSON or CSV; or as reformat makes it of a DataChannelList of ISO 19848, with name
 * and unit.
 */
struct channel_list {
	struct names ships;
	struct channels_of { /* by number of the ship, in the order of the list */
		struct widen_channel *channel;
		size_t n, cap;
	} * of;
	struct pg *target;
	size_t left_out, cap;
	struct arena texts;
};

static size_t column_of(const struct names *cols, const char *name, const char *other)
{
	size_t i = names_find(cols, sl_of(name));

	return i != NAMES_NONE || !other ? i : names_find(cols, sl_of(other));
}

static void add_member(struct str *s, const char *key, struct sl text)
{
	if (text.p)
		str_add_member(s, key, text);
}

/* "Exhaust gas temperature [°C]", as far as the list says it. */
static void add_about(struct channel_list *list, struct str *seen, struct sl name, struct sl unit)
{
	AUTO_STR about = { 0 };

	if (name.p)
		str_add(&about, name);
	if (unit.p && unit.n > 0)
		str_addf(&about, "%s[%.*s]", about.n > 0 ? " " : "", (int)unit.n, unit.p);
	if (about.n > 0 && pg_can_store(list->target, str_sl(&about)))
		add_member(seen, "about", str_sl(&about));
}

static void add_channel(struct channel_list *list, const struct names *cols, const struct rec *rec)
{
	struct sl ship = rec_text(rec, column_of(cols, "ship_id", "ship"));
	struct sl channel = rec_text(rec, column_of(cols, "data_channel_id", "channel"));
	struct sl format = rec_text(rec, column_of(cols, "value_format", "format"));
	struct channels_of *l;
	AUTO_STR seen = { 0 };
	bool added;
	size_t i;

	if (!ship.p || !channel.p || ship.n == 0 || channel.n == 0)
		die(EX_DATA, "channel list:%llu: no ship_id or no data_channel_id",
			(unsigned long long)rec->line);
	if (!pg_can_store(list->target, ship) || !pg_can_store(list->target, channel)) {
		if (list->left_out++ == 0)
			msg_warn("channels are left out such as %s of ship %s: " PG_NOT_STORED,
				msg_q(channel), msg_q(ship));
		return;
	}
	i = names_add(&list->ships, ship, &added);
	mem_grow(&list->of, &list->cap, i + 1, sizeof *list->of);
	l = &list->of[i];
	if (added)
		*l = (struct channels_of){ .n = 0 };
	mem_grow(&l->channel, &l->cap, l->n + 1, sizeof *l->channel);
	str_addc(&seen, ' '); /* so that the first member has a comma, too */
	add_member(&seen, "first", rec_text(rec, column_of(cols, "first_seen", "first")));
	add_member(&seen, "last", rec_text(rec, column_of(cols, "last_seen", "last")));
	add_member(&seen, "samples", rec_text(rec, column_of(cols, "samples", "count")));
	add_about(list, &seen, rec_text(rec, column_of(cols, "name", NULL)),
		rec_text(rec, column_of(cols, "unit", NULL)));
	l->channel[l->n++] = (struct widen_channel){ arena_dup(&list->texts, channel),
		format.p ? arena_dup(&list->texts, format) : SL(""),
		arena_dup(&list->texts, str_sl(&seen)) };
}

/* Reads all of standard input. Dies with 65 where a record has no ship or channel. */
static struct channel_list *read_list(struct pg *target)
{
	struct channel_list *list = mem_zalloc(sizeof *list);
	struct rd *rd = rd_open(NULL, &(struct rd_conf){ .format = FMT_AUTO });
	struct rec rec;
	enum rd_event event;

	list->target = target;
	while ((event = rd_next(rd, &rec)) != RD_END) {
		if (event == RD_BAD)
			die(EX_DATA, "channel list:%llu: %s",
				(unsigned long long)rd_fault(rd)->line, rd_fault(rd)->why);
		if (event == RD_ROW)
			add_channel(list, rd_cols(rd), &rec);
	}
	rd_close(rd);
	return list;
}

static void free_list(struct channel_list *list)
{
	for (size_t i = 0; i < list->ships.n; i++)
		mem_free(list->of[i].channel);
	mem_free(list->of);
	names_free(&list->ships);
	arena_free(&list->texts);
	mem_free(list);
}

/* ---- registry and tables --------------------------------------------------------------------- */

static void prepare(struct run *run)
{
	const char *schema = run->conf.target.schema;

	ledger_init(run->target);
	rights_make_schema(run->target, schema);
	rights_to_make(run->target, schema);
}

/* Of many transactions none needs to be on the disk before the last one is. */
static void write_later(struct run *run, bool later)
{
	pg_set(run->target, "synchronous_commit", later ? "off" : NULL);
	if (!later)
		pg_exec(run->target, "SELECT pg_logical_emit_message(true, 'ferry', '')");
}

static void read_ships(struct run *run, const struct names *ships)
{
	run->r = registry_open(run->target, &run->conf.target, "created_time");
	registry_expect(run->r, ships);
	run->of = arena_alloc(&run->arena, mem_mul(ships->n + 1, sizeof *run->of));
	for (size_t i = 0; i < ships->n; i++)
		run->of[i] = (struct widen){ .ship = registry_ship(run->r, ships->name[i]) };
}

/* Of channels that were registered before; what is known of others was stored with them. */
static void see_again(struct run *run, const struct channel_list *list)
{
	AUTO_STR json = { 0 };

	for (size_t i = 0; i < list->ships.n; i++)
		for (size_t k = 0; k < list->of[i].n; k++) {
			const struct widen_channel *c = &list->of[i].channel[k];
			const struct ship *s = run->of[i].ship;

			if (s->channel[registry_find(s, c->id)].seen.p == c->seen.p)
				continue;
			str_addz(&json, json.n ? ",{\"ship\":" : "[{\"ship\":");
			str_add_json(&json, s->id);
			add_member(&json, "channel", c->id);
			str_add(&json, c->seen);
			str_addc(&json, '}');
		}
	if (json.n == 0)
		return;
	str_addc(&json, ']');
	pg_run(run->target, seen_sql, run->conf.target.schema, str_z(&json));
}

static void do_register(struct run *run)
{
	struct channel_list *list;
	size_t n = 0;

	prepare(run);
	list = read_list(run->target);
	read_ships(run, &list->ships);
	write_later(run, true);
	for (size_t i = 0; i < list->ships.n; i++) {
		run->of[i].channel = list->of[i].channel;
		n += run->of[i].n = list->of[i].n;
	}
	widen_ships(run->r, run->of, list->ships.n, false);
	see_again(run, list);
	write_later(run, false);
	msg_note("%zu channels of %zu ships are registered", n, list->ships.n);
	free_list(list);
}

/*
 * Is its time of a type with a zone? The key is of that type: tables are made before any row comes.
 * Refuses a ship of `named` that it does not have.
 */
static bool ask_source(const struct run *run, const struct opt_list *named)
{
	struct pg *source = narrow_connect(run->conf.source, &run->conf.narrow);
	struct narrow *n = narrow_detect(source, &run->conf.narrow);
	bool zoned = n->zone;

	ledger_want_ships(n, source, NULL, NULL, named);
	narrow_free(n);
	pg_close(source);
	return zoned;
}

/*
 * Ships registered for this target, in bytewise order, or those of --ship-id among them. A ship of
 * another prefix in the same schema is somebody else's.
 */
static void find_ships(struct run *run)
{
	AUTO_RESULT *r = NULL;
	struct registry *registry;
	AUTO_NAMES all = { .n = 0 };
	struct sl base;
	uint64_t group;

	if (!ledger_exists(run->target))
		return;
	r = pg_ask(run->target, ships_sql, run->conf.target.schema, run->conf.target.prefix,
		run->own);
	registry = registry_open(run->target, &run->conf.target, "created_time");
	for (size_t i = 0; i < pg_rows(r); i++)
		if (num_u64(pg_value(r, i, 2), &group) && registry_gives(registry,
			pg_value(r, i, 0), pg_value(r, i, 1), group, &base))
			(void)names_add(run->conf.ships.n ? &all : &run->ships,
				pg_value(r, i, 0), NULL);
	registry_close(registry);
	for (size_t i = 0; i < run->conf.ships.n; i++) {
		struct sl ship = run->conf.ships.v[i];

		if (names_find(&all, ship) != NAMES_NONE) {
			(void)names_add(&run->ships, ship, NULL);
			continue;
		}
		if (run->own || !(run->again || run->conf.new_ship))
			die(EX_CONFIGURATION, "nothing was changed: ship %s is not one of %s",
				msg_q(ship), run->own ? run->own : "those registered");
		if (run->again)
			(void)ask_source(run, &(struct opt_list){ &ship, 1 });
		if (!run->conf.dry_run)
			msg_warn("ship %s is not registered", msg_q(ship));
	}
}

/* Before something is dropped: jobs of other narrow tables may fill tables of the same prefix. */
static void take_own(struct run *run)
{
	const struct target_opts *t = &run->conf.target;

	if (run->conf.narrow.table || ledger_is_mixed(run->target, t->schema, t->prefix))
		run->own = run->conf.narrow.table ? run->conf.narrow.table : NARROW_DEFAULT_TABLE;
}

/*
 * Before anything is changed: views of others stand in the way of dropping the tables. Reading
 * names do not where it is only asked: narrow-to-wide drops them in between.
 */
static void want_no_views(struct run *run)
{
	AUTO_STR list = { 0 };

	for (size_t i = 0; i < run->ships.n && !run->conf.cascade; i++)
		widen_views_of_others(run->r, run->of[i].ship, run->conf.dry_run, &list);
	if (list.n > 0)
		die_hint(EX_REFUSED, "--cascade drops them, too",
			"nothing was changed: views were made of the wide tables: %s",
			str_z(&list));
}

/* Likewise: what has the name of a wide table and is none. All of it is named at once. */
static void want_fit(struct run *run)
{
	AUTO_STR list = { 0 }, why = { 0 };

	for (size_t i = 0; i < run->ships.n; i++)
		if (!registry_fits(run->r, run->of[i].ship, &why)) {
			str_addf(&list, "%s%s", list.n ? "; " : "", str_z(&why));
			str_clear(&why);
		}
	if (list.n > 0)
		die(EX_CONFIGURATION, "nothing was changed: %s", str_z(&list));
}

#define MANY 200 /* ships, for which a second connection is worth while */

static NORETURN void make_beside(struct run *run, size_t from)
{
	msg_forked();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	run->target = pg_connect(run->conf.target.conninfo, "target");
	registry_through(run->r, run->target);
	pg_set(run->target, "synchronous_commit", "off");
	widen_ships(run->r, run->of + from, run->ships.n - from, true);
	pg_close(run->target);
	leave(EX_DONE);
}

/* Of many ships a half is made by a process beside this one: a server has several processors. */
static void make_all(struct run *run)
{
	size_t n = run->ships.n, here = n / 2;
	pid_t beside = n < MANY ? -1 : fork();
	int status = 0;

	if (beside == 0)
		make_beside(run, here);
	widen_ships(run->r, run->of, beside < 0 ? n : here, true);
	while (beside > 0 && waitpid(beside, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		leave(WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMP);
}

static void do_create(struct run *run)
{
	size_t tables = 0;
	bool zoned;

	prepare(run);
	zoned = ask_source(run, &(struct opt_list){ NULL, 0 });
	if (run->conf.drop_tables)
		take_own(run);
	find_ships(run);
	read_ships(run, &run->ships);
	registry_zoned(run->r, zoned);
	if (run->conf.drop_tables)
		want_no_views(run);
	want_fit(run);
	write_later(run, true);
	for (size_t i = 0; i < run->ships.n && run->conf.drop_tables; i++) {
		/* first the ledger: what is not there any more must not be called done */
		ledger_forget(run->target, run->conf.target.schema, run->conf.target.prefix,
			run->own, run->ships.name[i]);
		widen_drop(run->r, run->of[i].ship, run->conf.cascade);
	}
	make_all(run);
	for (size_t i = 0; i < run->ships.n; i++)
		for (size_t g = 0; g < run->of[i].ship->n_groups; g++)
			tables += run->of[i].ship->group[g].table.n > 0;
	write_later(run, false);
	msg_note("%zu tables of %zu ships are there", tables, run->ships.n);
}

/* The names, one a line: what tells a script whether there is anything yet. */
static void put_ships(const struct run *run)
{
	for (size_t i = 0; i < run->ships.n; i++)
		(void)printf("%.*s\n", (int)run->ships.name[i].n, run->ships.name[i].p);
}

static void do_ships(struct run *run)
{
	find_ships(run);
	put_ships(run);
}

/*
 * Statistics of the key only: of a thousand columns they take seconds a table, and the server's
 * autovacuum makes them in its own time.
 */
static void do_analyze(struct run *run)
{
	size_t most = registry_tables_at_once(run->target), n = 0;
	AUTO_STR sql = { 0 };

	find_ships(run);
	read_ships(run, &run->ships);
	for (size_t i = 0; i < run->ships.n; i++) {
		struct ship *s = run->of[i].ship;

		for (size_t g = 0; g < s->n_groups; g++)
			if (s->group[g].made)
				str_addf(&sql, "%s %s (created_time)", n++ ? "," : "ANALYZE",
					registry_table(run->r, s, g));
		if (n == 0 || (n < most && i + 1 < run->ships.n))
			continue;
		pg_exec(run->target, str_z(&sql));
		str_clear(&sql);
		n = 0;
	}
}

/* ---- rollback -------------------------------------------------------------------------------- */

/* Asks on standard error and reads one line from standard input; its end means no. */
static bool confirm(const char *question)
{
	char line[16];

	if (fprintf(stderr, "%s: %s [y/N] ", log_who(), question) < 0 ||
		!fgets(line, sizeof line, stdin))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

static void add_question(const struct run *run, struct str *s)
{
	const struct names *ships = &run->ships;

	str_addf(s, tr("drop the wide tables of %zu ship%s in schema %s"), ships->n,
		ships->n == 1 ? "" : "s", run->conf.target.schema);
	for (size_t i = 0; i < ships->n && i < 10; i++)
		str_addf(s, "%s %s", i ? "," : ":", msg_q(ships->name[i]));
	str_addz(s, ships->n > 10 ? ", …" : "");
	str_addz(s, tr(run->conf.ships.n ? N_(", and what the ledger says of them?")
				: N_(", and the job?")));
}

static void forget_channels(struct run *run, struct sl ship)
{
	AUTO_FREE char *name = mem_sldup(ship);

	pg_run(run->target, "DELETE FROM ferry.channel WHERE target_schema = $1 AND ship = $2",
		run->conf.target.schema, name);
}

static void remove_slots(struct run *run, const struct ledger_job *jobs, size_t n)
{
	for (size_t i = 0; i < n && run->conf.dry_run; i++)
		pg_close(follow_slot_source(run->conf.source, &jobs[i]));
	for (size_t i = 0; i < n && !run->conf.dry_run; i++)
		(void)follow_slot_remove(run->conf.source, run->target, &jobs[i]);
}

/*
 * The jobs whose tables go and that have a slot, which goes while the ledger knows of it: one
 * that cannot be removed now is found by the next run. In the arena.
 */
static struct ledger_job *slot_jobs(struct run *run, size_t *n_out)
{
	AUTO_RESULT *r = pg_ask(run->target, jobs_sql, run->conf.target.schema,
		run->conf.target.prefix, run->own);
	struct ledger_job *jobs = arena_alloc(&run->arena, mem_mul(pg_rows(r) + 1, sizeof *jobs));
	size_t n = 0;

	for (size_t i = 0; i < pg_rows(r) && !run->conf.leave_slot; i++) {
		struct ledger_follower follower;
		uint64_t id;

		n += num_u64(pg_value(r, i, 0), &id) &&
		     ledger_job_get(run->target, id, &jobs[n], &run->arena) &&
		     ledger_follower_get(run->target, id, &follower, &run->arena) &&
		     (follower.kind == LEDGER_FOLLOW_SLOT || *follower.slot);
	}
	remove_slots(run, jobs, n);
	*n_out = n;
	return jobs;
}

static void drop_ships(struct run *run)
{
	for (size_t i = 0; i < run->ships.n; i++) {
		widen_drop(run->r, run->of[i].ship, run->conf.cascade);
		forget_channels(run, run->ships.name[i]);
	}
}

/* Who is at work knows by its next look at the ledger that its job is gone, and ends. */
static void do_rollback(struct run *run)
{
	const struct target_opts *target = &run->conf.target;
	AUTO_STR question = { 0 };
	struct ledger_job *jobs = NULL;
	size_t n_jobs = 0;
	int64_t began = clock_monotonic();

	if (!ledger_exists(run->target)) {
		msg_note("there is nothing to roll back");
		return;
	}
	take_own(run);
	run->again = true;
	find_ships(run);
	read_ships(run, &run->ships);
	want_no_views(run);
	add_question(run, &question);
	if (!run->conf.yes && !run->conf.dry_run && !confirm(str_z(&question)))
		die(EX_DIFFERS, "nothing was changed");
	if (run->conf.ships.n == 0)
		jobs = slot_jobs(run, &n_jobs);
	if (run->conf.dry_run) {
		put_ships(run);
		return;
	}
	/* then the ledger: workers are fenced off, and nothing that is gone is called done */
	for (size_t i = 0; i < run->conf.ships.n; i++)
		ledger_forget(run->target, target->schema, target->prefix, run->own,
			run->conf.ships.v[i]);
	if (run->conf.ships.n == 0)
		ledger_forget(run->target, target->schema, target->prefix, run->own, SL(""));
	KP("ledger_forgot");
	/* now nobody makes another slot */
	remove_slots(run, jobs, n_jobs);
	/*
	 * Ends loaders of this database, which hold locks on what is to go, and would make tables
	 * again. The ledger does not know their job any more; those of other jobs come again.
	 */
	pg_clear(pg_query(run->target, end_sql, 0, NULL));
	drop_ships(run);
	msg_note("rolled back %zu ships in %.1f s", run->ships.n,
		(double)(clock_monotonic() - began) / 1e6);
	if (run->conf.ships.n > 0)
		msg_note("where the source is followed, a ship comes back with its past when rows "
			 "of it come: follow the others only (--ship-id)");
}

/* ---- backup ---------------------------------------------------------------------------------- */

static void do_save(struct run *run)
{
	const struct target_opts *target = &run->conf.target;
	struct out *out;

	if (!ledger_exists(run->target))
		die(EX_CONFIGURATION, "no ledger, target: there is nothing to save");
	take_own(run);
	out = out_open(NULL, 0);
	ledger_save(run->target, target->schema, target->prefix, run->own, run->conf.ships.v,
		run->conf.ships.n, out);
	out_close(out);
}

static void do_load(struct run *run)
{
	ledger_init(run->target);
	msg_note("%llu rows of the ledger are back",
		(unsigned long long)ledger_load(run->target, run->conf.restoring));
}

/* Tables and views, quoted, one a line: what a backup is to hold. */
static void do_relations(struct run *run)
{
	if (ledger_exists(run->target))
		take_own(run);
	find_ships(run);
	read_ships(run, &run->ships);
	for (size_t i = 0; i < run->ships.n; i++) {
		struct ship *s = run->of[i].ship;

		for (size_t g = 0; g <= s->n_groups; g++) {
			bool view = g == s->n_groups;

			if (view ? s->base_is != BASE_VIEW : !s->group[g].made)
				continue;
			(void)puts(pg_table(run->target, sl_of(run->conf.target.schema),
				view ? s->base : s->group[g].table));
		}
	}
}

/* How libpq's other programs reach the target: NAME=VALUE, each ended by a NUL. */
static void do_env(struct run *run)
{
	AUTO_STR env = { 0 };

	pg_add_env(&env, run->conf.target.conninfo);
	(void)fwrite(str_z(&env), 1, env.n, stdout);
}

/* ---- main ------------------------------------------------------------------------------------ */

#define VERBS "register|create|list|relations|analyze|rollback|save|load|env"

/* In the order of VERBS. */
static void (*const verbs[])(struct run *run) = {
	do_register,
	do_create,
	do_ships,
	do_relations,
	do_analyze,
	do_rollback,
	do_save,
	do_load,
	do_env,
};

static const struct opt_program program = {
	.name = "pg-wide-tables",
	.summary = "make the wide tables of ships, list them, take them away",
	.synopsis = VERBS " [options]",
	.examples = "  pg-narrow-schema | pg-wide-tables register\n"
		    "  pg-wide-tables create\n"
		    "  pg-wide-tables rollback --ship-id IMO9999993\n",
	.opts = options,
};

int main(int argc, char **argv)
{
	struct run run = { .target = NULL };
	size_t verb;

	opt_parse(&program, &run.conf, &argc, &argv);
	verb = opt_verb(VERBS, argc, argv);
	target_defaults(&run.conf.target);
	run.target = pg_connect(run.conf.target.conninfo, "target");
	verbs[verb](&run);
	registry_close(run.r);
	pg_close(run.target);
	names_free(&run.ships);
	arena_free(&run.arena);
	if (fflush(stdout) != 0)
		die_errno(EX_IO, "standard output");
	return EX_DONE;
}
