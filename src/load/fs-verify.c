/*
 * fs-verify - is everything that was to be moved from one feature group in the other?
 *
 * Compares identifiers and event times: those of the source, by Athena or, where it has none, from
 * its online store, with both stores of the target. Changes nothing.
 */
#include "core/clock.h"
#include "core/stop.h"
#include "fs/fs_verify.h"
#include "stream/out.h"

#define FIRST_PAUSE CLOCK_US_PER_SEC
#define LONGEST_PAUSE (60 * CLOCK_US_PER_SEC)

enum stores { STORES_ALL, STORES_ONLINE, STORES_OFFLINE };

struct conf {
	struct fs_move move;
	const char *gone, *seen, *there;
	int64_t arrival;
	int stores;
};

static const struct opt options[] = {
	FS_MOVE_OPTS(struct conf, move),
	{.kind = OPT_GROUP, .help = "What is compared"},
	{ .name = "known-at", CONF(move.known_at), .arg = "TIME",
	  .help = "only what was in the source's offline store then (write_time)" },
	{ .name = "gone", CONF(gone), .arg = "FILE", .file = OPT_READS,
	  .help = "records that were softly deleted since (default: ask the source's online "
		  "store)" },
	{ .name = "source-seen", CONF(seen), .arg = "FILE", .file = OPT_READS,
	  .help = "records of the source's online store, as they were read for the move" },
	{ .name = "target-seen", .needs = "source-seen", CONF(there), .arg = "FILE",
	  .file = OPT_READS,
	  .help = "the same of the target's, where nothing was written since" },
	{ .name = "stores", CONF(stores), .choices = "all|online|offline",
	  .help = "of the target" },
	{ .name = "arrival", CONF(arrival), .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "wait so long for records to reach the offline store (default: do not wait)" },
	AWS_OPTS(struct conf, move.source.opts),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-verify",
	.summary = "compare two feature groups by identifier and event time",
	.synopsis = "[options] SOURCE TARGET",
	.examples = "  fs-verify customers customers-2\n"
		    "  fs-verify --arrival 20m --stores offline orders orders-2\n",
	.opts = options,
};

static unsigned long long u(uint64_t n)
{
	return n;
}

static void end_line(struct out *out, struct str *line, const struct str *names)
{
	if (names->n)
		str_addf(line, ": %s", names->p);
	str_addc(line, '\n');
	out_put(out, str_sl(line));
	str_clear(line);
}

static bool check_online(struct fs_proof *p, struct fs_gone *gone, struct out *out)
{
	const struct fs_move *m = p->m;
	struct fs_verdict v = {0};
	AUTO_STR line = {0};
	bool good;

	fs_verify_online(p, gone, &v);
	good = v.missing + v.older + v.otherwise + v.undeleted == 0;
	str_addf(&line,
		tr("online store of %s: %llu identifiers compared, %llu missing, %llu older, "
		   "%llu not deleted"),
		msg_q(m->target.group.name), u(v.expected), u(v.missing), u(v.older),
		u(v.undeleted));
	if (v.otherwise || (m->collections.n && !m->without_collections))
		str_addf(&line, tr(", %llu otherwise"), u(v.otherwise));
	if (v.newer)
		str_addf(&line, tr(", %llu newer than what was moved"), u(v.newer));
	if (v.expired)
		str_addf(&line, tr(", %llu beyond their time to live"), u(v.expired));
	end_line(out, &line, &v.names);
	out_flush(out);
	fs_verdict_free(&v);
	return good;
}

static void print_offline(const struct fs_move *m, const struct fs_verdict *v, struct out *out)
{
	AUTO_STR line = {0};

	str_addf(&line,
		tr("offline store of %s: %llu records (identifier and event time) compared, "
		   "%llu missing"),
		msg_q(m->target.group.name), u(v->expected), u(v->missing));
	if (v->undeleted)
		str_addf(&line, tr(", %llu not deleted"), u(v->undeleted));
	end_line(out, &line, &v->names);
	str_addf(&line,
		tr("offline store of %s: %llu identifiers, %llu records, %llu rows repeat one"),
		msg_q(m->target.group.name), u(v->ids), u(v->records), u(v->rows - v->records));
	end_line(out, &line, &v->repeated);
}

static bool check_offline(
	struct fs_proof *p, struct fs_gone *gone, int64_t arrival, struct out *out)
{
	int64_t end = clock_monotonic() + arrival, pause = FIRST_PAUSE;
	struct fs_verdict v = {0};
	bool good;

	for (;;) {
		fs_verify_offline(p, gone, &v);
		if (v.missing + v.undeleted == 0 || clock_monotonic() + pause > end)
			break;
		clock_sleep(pause);
		stop_check();
		pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
	good = v.missing + v.undeleted == 0;
	print_offline(p->m, &v, out);
	fs_verdict_free(&v);
	return good;
}

int main(int argc, char **argv)
{
	struct conf conf = {.move = {FS_MOVE_DEFAULTS}};
	const struct fs_group *target = &conf.move.target.group;
	struct fs_gone gone = {0};
	struct fs_proof proof;
	struct out *out;
	bool good = true;

	opt_parse(&program, &conf, &argc, &argv);
	if (argc != 2)
		opt_usage("a SOURCE and a TARGET");
	fs_move_open(&conf.move, argv[0], argv[1]);
	stop_catch(fs_move_stop, &conf.move);
	fs_move_count(&conf.move);
	fs_proof_open(&proof, &conf.move, conf.seen, conf.there);
	if (conf.gone)
		fs_gone_read(&gone, &conf.move, conf.gone);
	else
		fs_gone_find(&gone, &conf.move, &proof.reader);
	out = out_open(NULL, 0);
	if (target->online && conf.stores != STORES_OFFLINE)
		good = check_online(&proof, &gone, out);
	if (target->offline && conf.stores != STORES_ONLINE)
		/* what the online store lacks was never put: there is nothing to wait for */
		good &= check_offline(&proof, &gone, good ? conf.arrival : 0, out);
	out_close(out);
	fs_gone_free(&gone);
	fs_proof_close(&proof);
	fs_move_close(&conf.move);
	return good ? EX_DONE : EX_DIFFERS;
}
