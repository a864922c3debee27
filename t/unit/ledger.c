/*
 * The facts of a seal, and who is known to be dead. What needs a database is in
 * t/load-pg-wide-ledger.bats.
 */
#include "ledger/ledger.h"
#include "core/mem.h"
#include "ledger/ledger_internal.h"

#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ledger_facts some_facts(struct ledger_facts_ship *ships)
{
	ships[0] = (struct ledger_facts_ship){ .ship = SL("S \"1\""),
		.attempt = 3,
		.rows = 7,
		.cells = 6,
		.digest = UINT64_MAX,
		.rejects = 2,
		.first = 0,
		.last = 1 };
	ships[1] = (struct ledger_facts_ship){ .ship = SL("선박"),
		.rows = 1,
		.cells = 1,
		.digest = 3,
		.first = LEDGER_NO_TIME,
		.last = LEDGER_NO_TIME };
	return (struct ledger_facts){ .from = 0,
		.to = CLOCK_US_PER_DAY,
		.rows = 8,
		.cells = 7,
		.digest = 2,
		.rejects = 2,
		.ships = ships,
		.n = 2,
		.job = 12,
		.worker = SL("host:1:2") };
}

static void test_facts_round_trip(void)
{
	struct ledger_facts_ship ships[2];
	struct ledger_facts f = some_facts(ships), g;
	struct arena a = { 0 };
	struct str text = { 0 }, again = { 0 };
	const char *why;

	ledger_put_facts(&text, &f);
	why = ledger_parse_facts(&a, str_sl(&text), &g);
	tap(!why, "facts are read back: %s", why ? why : "yes");
	ledger_put_facts(&again, &g);
	tap_same(str_sl(&again), str_sl(&text), "and are the same");
	tap(g.n == 2 && g.ships[0].digest == UINT64_MAX && g.ships[0].attempt == 3,
		"counts of a ship survive");
	tap(g.ships[1].first == LEDGER_NO_TIME && g.ships[1].attempt == 0,
		"a ship without rows and attempt survives");
	arena_free(&a);
	str_free(&text);
	str_free(&again);
}

static void test_live_facts(void)
{
	struct ledger_facts_ship ships[2];
	struct ledger_facts f = some_facts(ships), g;
	struct arena a = { 0 };
	struct str text = { 0 }, again = { 0 };

	ships[0].deleted = 3;
	f.follow = (struct ledger_follow){ .kind = LEDGER_FOLLOW_SLOT,
		.worker = f.worker,
		.attempt = 4,
		.upto = SL("0/16B3748"),
		.commit = 7,
		.truncated = LEDGER_PART_GONE };
	ledger_put_facts(&text, &f);
	tap(!ledger_parse_facts(&a, str_sl(&text), &g), "facts of a live chunk are read back");
	ledger_put_facts(&again, &g);
	tap_same(str_sl(&again), str_sl(&text), "and are the same");
	tap(g.follow.truncated == LEDGER_PART_GONE && g.follow.attempt == 4 &&
			g.ships[0].deleted == 3,
		"deletions and follower survive");
	f.job = 0;
	f.follow = (struct ledger_follow){ .kind = LEDGER_FOLLOW_POLL,
		.upto = SL(""),
		.commit = LEDGER_NO_TIME };
	str_clear(&text);
	ledger_put_facts(&text, &f);
	tap(!ledger_parse_facts(&a, str_sl(&text), &g) && g.follow.kind == LEDGER_FOLLOW_POLL &&
			g.follow.worker.n == 0 && g.follow.commit == LEDGER_NO_TIME,
		"a follower by hand has no name");
	arena_free(&a);
	str_free(&text);
	str_free(&again);
}

static void test_facts_refused(void)
{
#define RANGE "{\"from\":\"2024-01-01\",\"to\":\"2024-01-02\","
#define NO_ROWS "\"rows\":0,\"cells\":0,\"digest\":\"0000000000000000\""
	static const struct {
		const char *text, *what;
	} bad[] = {
		{ "", "nothing" },
		{ "[]", "an array" },
		{ "{}", "an empty object" },
		{ "{\"from\":\"2024-01-02\",\"to\":\"2024-01-01\"," NO_ROWS ",\"ships\":[]}",
			"a range that ends before it begins" },
		{ RANGE "\"rows\":0,\"cells\":0,\"ships\":[]}", "no digest" },
		{ RANGE "\"rows\":-1,\"cells\":0,\"digest\":\"0000000000000000\",\"ships\":[]}",
			"a negative count" },
		{ RANGE NO_ROWS "}", "no ships" },
		{ RANGE NO_ROWS ",\"ships\":[{\"ship\":\"a\"}]}", "a ship without counts" },
		{ RANGE NO_ROWS ",\"ships\":[],\"job\":1}", "a job without a worker" },
		{ RANGE NO_ROWS ",\"ships\":[],\"follow\":{\"kind\":\"trigger\","
				"\"upto\":\"1\"}}",
			"an unknown kind of follower" },
		{ RANGE NO_ROWS ",\"ships\":[],\"follow\":{\"kind\":\"slot\"}}",
			"a follower that says not how far" },
		{ RANGE NO_ROWS ",\"ships\":[],\"job\":1,\"worker\":\"w\","
				"\"follow\":{\"kind\":\"slot\",\"upto\":\"1\"}}",
			"a job without its follower" },
		{ RANGE NO_ROWS ",\"ships\":[{\"ship\":\"a\",\"rows\":1,\"cells\":0,"
				"\"digest\":\"0000000000000000\"}]}",
			"ships that do not add up" },
	};
	static const char good[] = RANGE NO_ROWS ",\"ships\":[],\"lsn\":\"0/1\"}";
	struct arena a = { 0 };
	struct ledger_facts f;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(ledger_parse_facts(&a, sl_of(bad[i].text), &f), "facts refuse %s", bad[i].what);
	tap(!ledger_parse_facts(&a, sl_of(good), &f) && f.job == 0,
		"members nobody knows are passed over");
	arena_free(&a);
}

static void test_workers(void)
{
	const char *me = ledger_worker();
	struct sl host = { me, (size_t)(strchr(me, ':') - me) };
	struct str other = { 0 };
	pid_t child = fork();

	if (child == 0) {
		(void)pause();
		leave(0);
	}
	tap(!ledger_worker_is_dead(sl_of(me)), "we are alive");
	str_add(&other, host);
	str_addf(&other, ":%lld:1", (long long)child);
	tap(ledger_worker_is_dead(str_sl(&other)),
		"a process of the same number that started at another time is another");
	str_clear(&other);
	str_addf(&other, "elsewhere/0.0:%lld:1", (long long)child);
	tap(!ledger_worker_is_dead(str_sl(&other)), "nothing is known of another host");
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	tap(!ledger_worker_is_dead(SL("")) && !ledger_worker_is_dead(host), "nor of no name");
	str_free(&other);
}

static void test_array(void)
{
	static const struct sl names[] = { SL_INIT("a\"b"), SL_INIT("c\\d"), SL_INIT("") };
	struct str s = { 0 };

	tap(!ledger_array(&s, NULL, 0), "no ships mean all");
	tap_same(sl_of(ledger_array(&s, names, 3)), SL("{\"a\\\"b\",\"c\\\\d\",\"\"}"),
		"elements of arrays are quoted");
	str_free(&s);
}

int main(int argc, char **argv)
{
	(void)argc;
	msg_init(argv[0]);
	test_facts_round_trip();
	test_live_facts();
	test_facts_refused();
	test_workers();
	test_array();
	return tap_done();
}
