#include "ledger/ledger_follow.h"

#include "core/kp.h"
#include "ledger/ledger_internal.h"

/* Rows of ferry.follower change ten times a second: pages with room keep such updates in place. */
static const char follow_schema_sql[] =
	"CREATE TABLE ferry.follower ("
	" job_id bigint PRIMARY KEY REFERENCES ferry.job ON DELETE CASCADE,"
	" kind text NOT NULL CHECK (kind IN ('slot', 'poll')),"
	" slot text, publication text, consistent_point text,"
	" worker text, attempt bigint NOT NULL DEFAULT 0, lease_until timestamptz,"
	" upto text, newest_commit timestamp, at timestamptz,"
	" chunks bigint NOT NULL DEFAULT 0, rows bigint NOT NULL DEFAULT 0,"
	" cells bigint NOT NULL DEFAULT 0, wide_rows bigint NOT NULL DEFAULT 0,"
	" deleted bigint NOT NULL DEFAULT 0, rejects bigint NOT NULL DEFAULT 0,"
	" lag_bytes bigint, wal_status text, safe_wal_bytes bigint, watched_at timestamptz,"
	" held_bytes bigint, source_lsn pg_lsn, publication_oid oid, gap text, changes bigint,"
	" started_at timestamptz, error text, error_at timestamptz) WITH (fillfactor = 10);"
	"CREATE TABLE ferry.follow_ship ("
	" job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,"
	" ship text COLLATE \"C\" NOT NULL,"
	" rows bigint NOT NULL, cells bigint NOT NULL, wide_rows bigint NOT NULL,"
	" dropped bigint NOT NULL, deleted bigint NOT NULL, rejects bigint NOT NULL,"
	" first_time timestamp, last_time timestamp, newest_commit timestamp, at timestamptz,"
	" PRIMARY KEY (job_id, ship)) WITH (fillfactor = 10);"
	"CREATE TABLE ferry.doubt ("
	" id bigserial PRIMARY KEY,"
	" job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,"
	" ship text COLLATE \"C\", time_from timestamp, time_to timestamp,"
	" why text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),"
	" held boolean NOT NULL DEFAULT false, relation oid);"
	"CREATE TABLE ferry.feed ("
	" job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,"
	" relation oid NOT NULL, name text NOT NULL, stamp text NOT NULL, file oid NOT NULL,"
	" covered boolean NOT NULL, PRIMARY KEY (job_id, relation));"
	"CREATE INDEX doubt_job ON ferry.doubt (job_id, ship, time_from);";

void ledger_follow_init(struct pg *target)
{
	if (!ledger_has_table(target, "doubt"))
		pg_exec(target, follow_schema_sql);
}

/* ---- the follower ---------------------------------------------------------------------------- */

static const char *get_text(const struct pg_result *r, int col, struct arena *a)
{
	AUTO_STR s = { 0 };

	str_addz(&s, pg_valuez(r, 0, col));
	return arena_dup(a, (struct sl){ str_z(&s), s.n + 1 }).p;
}

#define COLUMNS "kind, slot, publication, consistent_point, worker, upto, attempt"

static void take_follower(const struct pg_result *r, struct ledger_follower *f, struct arena *a)
{
	*f = (struct ledger_follower){ .kind = sl_eq_str(pg_value(r, 0, 0), "slot")
						       ? LEDGER_FOLLOW_SLOT
						       : LEDGER_FOLLOW_POLL,
		.slot = get_text(r, 1, a),
		.publication = get_text(r, 2, a),
		.consistent_point = get_text(r, 3, a),
		.worker = get_text(r, 4, a),
		.upto = get_text(r, 5, a),
		.attempt = pg_count(r, 0, 6) };
}

bool ledger_follower_get(
	struct pg *target, uint64_t job, struct ledger_follower *out, struct arena *a)
{
	struct ledger_text number;
	AUTO_RESULT *r = NULL;
	bool found;

	if (!ledger_has_table(target, "follower"))
		return false;
	r = pg_query(target, "SELECT " COLUMNS " FROM ferry.follower WHERE job_id = $1", 1,
		(const char *[]){ ledger_u64(&number, job) });
	found = pg_rows(r) > 0;
	if (found)
		take_follower(r, out, a);
	return found;
}

/* All of the job is; the event also says what to do. */
static void put_in_doubt(
	struct pg *target, uint64_t job, const char *level, const char *why, const char *next)
{
	struct ledger_text number;

	pg_clear(pg_query(target,
		"WITH d AS (INSERT INTO ferry.doubt (job_id, why) VALUES ($1, $2)"
		"  RETURNING job_id, why)"
		"INSERT INTO ferry.event (level, job_id, message)"
		" SELECT $3, job_id, why || ': ' || $4 FROM d",
		4, (const char *[]){ ledger_u64(&number, job), why, level, next }));
}

void ledger_follower_set(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	const char *slot, const char *publication, const char *point, const char *doubt)
{
	struct ledger_text number;

	pg_exec(target, "BEGIN");
	pg_clear(pg_query(target,
		"INSERT INTO ferry.follower AS f (job_id, kind, slot, publication,"
		" consistent_point, upto) VALUES ($1, $2, $3, $4, $5, $5)"
		" ON CONFLICT (job_id) DO UPDATE SET kind = excluded.kind, slot = excluded.slot,"
		" publication = excluded.publication, consistent_point = excluded.upto,"
		" upto = excluded.upto, worker = NULL, lease_until = NULL,"
		" attempt = f.attempt + 1, lag_bytes = NULL, wal_status = NULL,"
		" safe_wal_bytes = NULL, held_bytes = NULL, watched_at = NULL, error = NULL,"
		" error_at = NULL, publication_oid = NULL, gap = NULL, changes = NULL",
		5,
		(const char *[]){ ledger_u64(&number, job), ledger_follow_text(kind), slot,
			publication, point }));
	KP("follower_set");
	if (doubt)
		put_in_doubt(target, job, "WARNING", doubt,
			"validate --repair tells what is missing");
	pg_exec(target, "COMMIT");
}

void ledger_follower_drop(struct pg *target, uint64_t job)
{
	struct ledger_text number;

	pg_clear(pg_query(target, "DELETE FROM ferry.follower WHERE job_id = $1", 1,
		(const char *[]){ ledger_u64(&number, job) }));
}

/*
 * $2 us, $3 kind, $4 lease, $5 the worker that is known to be dead. The same worker may come again:
 * a pipeline that starts its stages anew keeps its name.
 */
static const char claim_sql[] =
	"UPDATE ferry.follower SET worker = $2, attempt = attempt + 1,"
	" lease_until = clock_timestamp() + $4::interval, started_at = clock_timestamp()"
	" WHERE job_id = $1 AND kind = $3 AND (worker IS NULL OR worker = $2 OR worker = $5"
	"  OR lease_until < clock_timestamp()) RETURNING " COLUMNS;

/* Of which there is none in the job. */
static NORETURN void lacks(uint64_t job, enum ledger_follow_kind kind)
{
	static const struct {
		const char *what, *hint;
	} none[] = {
		[LEDGER_FOLLOW_SLOT] = { "slot", "pg-wide-ledger follow --follow slot makes one" },
		[LEDGER_FOLLOW_POLL] = { "follower that polls",
			"pg-wide-ledger follow --follow poll sets one up" },
	};

	die_hint(EX_CONFIGURATION, none[kind].hint, "job %llu has no %s", (unsigned long long)job,
		none[kind].what);
}

void ledger_follower_become(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	struct ledger_follower *out, struct arena *a)
{
	struct ledger_text number, lease;
	struct ledger_follower now;
	AUTO_RESULT *r = NULL;

	if (!ledger_follower_get(target, job, &now, a) || now.kind != kind)
		lacks(job, kind);
	r = pg_query(target, claim_sql, 5,
		(const char *[]){ ledger_u64(&number, job), ledger_worker(),
			ledger_follow_text(kind), ledger_interval(&lease, LEDGER_LEASE),
			ledger_worker_is_dead(sl_of(now.worker)) ? now.worker : NULL });
	if (pg_rows(r) == 0)
		die_hint(EX_TEMP, "it ends with its process, or two minutes after it was last seen",
			"another follower of job %llu is at work", (unsigned long long)job);
	take_follower(r, out, a);
}

bool ledger_follower_upto(struct pg *target, uint64_t job, uint64_t attempt, struct str *upto)
{
	struct ledger_text number, which;
	AUTO_RESULT *r = pg_query(target,
		"SELECT upto FROM ferry.follower WHERE job_id = $1 AND worker = $2"
		" AND attempt = $3",
		3,
		(const char *[]){
			ledger_u64(&number, job), ledger_worker(), ledger_u64(&which, attempt) });
	bool ours = pg_rows(r) > 0;

	if (ours)
		str_add(upto, pg_value(r, 0, 0));
	return ours;
}

/* Passed over while a loader holds the row: the next one will do. */
void ledger_follower_watch(struct pg *target, uint64_t job, const struct ledger_watch *w)
{
	struct ledger_text number, lag, safe, held;

	pg_clear(pg_query(target,
		"UPDATE ferry.follower f SET lag_bytes = $3, wal_status = $4, safe_wal_bytes = $5,"
		" held_bytes = $6, watched_at = clock_timestamp()"
		" FROM (SELECT job_id FROM ferry.follower"
		"  WHERE job_id = $1 AND worker = $2 FOR UPDATE SKIP LOCKED) AS mine"
		" WHERE f.job_id = mine.job_id",
		6,
		(const char *[]){ ledger_u64(&number, job), ledger_worker(),
			w->lag_bytes < 0 ? NULL : ledger_u64(&lag, (uint64_t)w->lag_bytes),
			w->wal_status,
			w->safe_wal_bytes < 0
				? NULL
				: ledger_u64(&safe, (uint64_t)w->safe_wal_bytes),
			w->held_bytes < 0 ? NULL : ledger_u64(&held, (uint64_t)w->held_bytes) }));
}

void ledger_follower_held(
	struct pg *target, uint64_t job, int64_t held_bytes, const char *wal_status)
{
	struct ledger_text number, held;

	if (held_bytes >= 0)
		pg_clear(pg_query(target,
			"WITH free AS (SELECT job_id FROM ferry.follower WHERE job_id = $1"
			"  FOR NO KEY UPDATE SKIP LOCKED)"
			"UPDATE ferry.follower f SET held_bytes = $2, wal_status = $3"
			" FROM free WHERE f.job_id = free.job_id",
			3,
			(const char *[]){ ledger_u64(&number, job),
				ledger_u64(&held, (uint64_t)held_bytes), wal_status }));
}

int64_t ledger_lag(struct pg *target, uint64_t job)
{
	struct ledger_text number;
	struct pg_result *r = pg_query(target,
		"SELECT greatest(0, extract(epoch FROM clock_timestamp()"
		" - greatest(at, started_at)) * 1000000)::bigint"
		" FROM ferry.follower WHERE job_id = $1 AND worker IS NOT NULL",
		1, (const char *[]){ ledger_u64(&number, job) });
	int64_t lag = 0;

	if (pg_rows(r) > 0)
		lag = (int64_t)pg_count(r, 0, 0);
	pg_clear(r);
	return lag;
}

void ledger_follower_release(struct pg *target, uint64_t job, uint64_t attempt)
{
	struct ledger_text number, which;

	/* the attempt stays: what is still on its way to the loader is to be committed */
	pg_clear(pg_query(target,
		"UPDATE ferry.follower SET lease_until = clock_timestamp()"
		" WHERE job_id = $1 AND worker = $2 AND attempt = $3",
		3,
		(const char *[]){
			ledger_u64(&number, job), ledger_worker(), ledger_u64(&which, attempt) }));
}

/* The lease stays: the pipeline may be the same, and start its stages anew. */
static void fail(struct pg *target, uint64_t job, const char *worker, uint64_t attempt,
	const char *error, const char *level)
{
	struct ledger_text number, which;

	pg_clear(pg_query(target,
		"WITH mine AS (SELECT job_id FROM ferry.follower WHERE job_id = $1"
		"  AND worker = $2 AND attempt = $3 FOR UPDATE SKIP LOCKED),"
		" failed AS (UPDATE ferry.follower f SET error = $4,"
		"  error_at = clock_timestamp() FROM mine"
		"  WHERE f.job_id = mine.job_id RETURNING f.kind)"
		"INSERT INTO ferry.event (level, job_id, message)"
		" SELECT $5, $1, 'the follower (' || kind || ') stopped: ' || $4 FROM failed",
		5,
		(const char *[]){ ledger_u64(&number, job), worker, ledger_u64(&which, attempt),
			error, level }));
}

void ledger_follower_fail(
	struct pg *target, uint64_t job, uint64_t attempt, const char *error, bool for_good)
{
	fail(target, job, ledger_worker(), attempt, error, for_good ? "CRITICAL" : "WARNING");
	ledger_follower_release(target, job, attempt);
}

/* ---- in the loader's transaction ------------------------------------------------------------- */

bool ledger_follow_hold(struct pg *target, const struct ledger_facts *f)
{
	struct ledger_text number, which;
	char *worker = mem_sldup(f->follow.worker);
	bool ours = pg_is_yes(pg_query(target,
		"SELECT FROM ferry.follower WHERE job_id = $1 AND kind = $2 AND worker = $3"
		" AND attempt = $4 FOR NO KEY UPDATE",
		4,
		(const char *[]){ ledger_u64(&number, f->job), ledger_follow_text(f->follow.kind),
			worker, ledger_u64(&which, f->follow.attempt) }));

	mem_free(worker);
	return ours;
}

/* $1 job, $2 ships, $3 upto, $4 newest commit, $5 lease */
static const char advance_sql[] =
	"WITH " LEDGER_SHIPS("$2") ","
	" sums AS (SELECT coalesce(sum(rows), 0) AS rows, coalesce(sum(cells), 0) AS cells,"
	"  coalesce(sum(wide_rows), 0) AS wide_rows, coalesce(sum(deleted), 0) AS deleted,"
	"  coalesce(sum(rejects), 0) AS rejects FROM f),"
	" ships AS (INSERT INTO ferry.follow_ship AS t (job_id, ship, rows, cells, wide_rows,"
	"   dropped, deleted, rejects, first_time, last_time, newest_commit, at)"
	"  SELECT $1, ship, rows, cells, wide_rows, dropped, deleted, rejects, first, last,"
	"   $4::timestamp, clock_timestamp() FROM f ORDER BY ship"
	"  ON CONFLICT (job_id, ship) DO UPDATE SET rows = t.rows + excluded.rows,"
	"   cells = t.cells + excluded.cells, wide_rows = t.wide_rows + excluded.wide_rows,"
	"   dropped = t.dropped + excluded.dropped, deleted = t.deleted + excluded.deleted,"
	"   rejects = t.rejects + excluded.rejects,"
	"   first_time = least(t.first_time, excluded.first_time),"
	"   last_time = greatest(t.last_time, excluded.last_time),"
	"   newest_commit = greatest(t.newest_commit, excluded.newest_commit),"
	"   at = excluded.at),"
	" back AS (UPDATE ferry.doubt d SET held = false FROM f WHERE d.job_id = $1"
	"  AND d.ship = f.ship AND d.held)"
	"UPDATE ferry.follower t SET upto = $3,"
	" newest_commit = greatest(t.newest_commit, $4::timestamp), at = clock_timestamp(),"
	" chunks = t.chunks + 1, rows = t.rows + sums.rows, cells = t.cells + sums.cells,"
	" wide_rows = t.wide_rows + sums.wide_rows, deleted = t.deleted + sums.deleted,"
	" rejects = t.rejects + sums.rejects, error = NULL, error_at = NULL,"
	" lease_until = CASE WHEN t.lease_until > clock_timestamp()"
	"  THEN clock_timestamp() + $5::interval ELSE t.lease_until END"
	" FROM sums WHERE t.job_id = $1";

#define ERASED "pg_temp.ferry_erased"
/*
 * $1 job. A chunk whose reading began before the deletion was seen here may bring the value back;
 * one that is claimed later cannot. Whether a chunk that is done by now was done before our own
 * deletion went by is not known either when it is only just done; ten minutes are far longer than
 * its COMMIT can have taken. A chunk of other ships may bring it, too, where nobody planned this
 * one: it reads all that it meets. A ship that is all in doubt may have been left out.
 */
static const char erased_sql[] =
	"WITH s AS (SELECT ship, min(at) AS lo, max(at) AS hi FROM " ERASED " GROUP BY ship),"
	" reading AS MATERIALIZED (SELECT DISTINCT chunk_from, chunk_to FROM ferry.chunk"
	"  WHERE job_id = $1 AND state = 'running' AND state <> 'done')," /* by the small index */
	" c AS MATERIALIZED (SELECT s.ship, chunk_from, chunk_to FROM s JOIN ferry.chunk c"
	"  ON c.job_id = $1 AND c.ship = s.ship AND chunk_from <= hi AND chunk_to > lo"
	"  WHERE c.state = 'running'"
	"   OR c.state = 'done' AND c.finished_at > now() - interval '10 minutes'"
	"  UNION SELECT s.ship, c.* FROM s, reading c WHERE NOT EXISTS"
	"   (SELECT FROM ferry.chunk k WHERE k.job_id = $1 AND k.ship = s.ship"
	"    AND k.chunk_from < c.chunk_to AND k.chunk_to > c.chunk_from)"
	"  UNION SELECT ship, '-infinity', 'infinity' FROM s JOIN ferry.doubt d USING (ship)"
	"   WHERE d.job_id = $1 AND d.instants IS NULL)"
	"INSERT INTO ferry.doubt (job_id, ship, time_from, time_to, why, instants)"
	" SELECT $1, ship, min(at), max(at) + interval '1 microsecond',"
	"  'deleted in the source while it may have been on its way',"
	"  array_agg(DISTINCT at) FROM " ERASED " JOIN c USING (ship)"
	" WHERE at >= chunk_from AND at < chunk_to GROUP BY ship, chunk_from";

static void put_erased(struct pg *target, uint64_t job, struct spool *erased)
{
	struct ledger_text number;
	struct sl line;

	if (!pg_is_yes(pg_query(target, "SELECT to_regclass('" ERASED "') IS NOT NULL", 0, NULL)))
		pg_exec(target, "CREATE TEMP TABLE ferry_erased (ship text COLLATE \"C\","
				" at timestamp) ON COMMIT DELETE ROWS");
	if (!pg_copy_in(target, "COPY " ERASED " FROM STDIN"))
		pg_die(target, "cannot clear cells");
	spool_rewind(erased);
	while (spool_next(erased, &line))
		pg_copy_put(target, line);
	if (!pg_copy_end(target, NULL))
		pg_die(target, "cannot clear cells");
	pg_clear(pg_query(target, erased_sql, 1, (const char *[]){ ledger_u64(&number, job) }));
}

void ledger_follow_advance(struct pg *target, const struct ledger_facts *f, struct spool *erased)
{
	struct ledger_text number, commit, lease;
	char *upto = mem_sldup(f->follow.upto);
	struct str ships = { 0 };
	struct pg_result *r;

	ledger_put_ships(&ships, f);
	r = pg_query(target, advance_sql, 5,
		(const char *[]){ ledger_u64(&number, f->job), str_z(&ships), upto,
			ledger_time(&commit, f->follow.commit),
			ledger_interval(&lease, LEDGER_LEASE) });
	if (pg_affected(r) != 1)
		bug("no follower to advance");
	pg_clear(r);
	if (erased->n > 0)
		put_erased(target, f->job, erased);
	if (f->follow.truncated)
		put_in_doubt(target, f->job, "CRITICAL",
			f->follow.truncated == LEDGER_TRUNCATED
				? "the source table was truncated"
				: "rows came of a partition that is gone by now",
			"its rows stay in the wide tables until validate --repair --delete");
	str_free(&ships);
	mem_free(upto);
}

void ledger_follow_fail(struct pg *target, const struct ledger_facts *f, const char *error)
{
	AUTO_FREE char *worker = mem_sldup(f->follow.worker);

	fail(target, f->job, worker, f->follow.attempt, error, "WARNING");
}

void ledger_reject_count(struct pg *target, uint64_t job, struct sl ship, uint64_t n)
{
	struct ledger_text number, count;
	AUTO_FREE char *name = mem_sldup(ship);

	pg_clear(pg_query(target,
		"INSERT INTO ferry.follow_ship AS t (job_id, ship, rows, cells, wide_rows, dropped,"
		" deleted, rejects) VALUES ($1, $2, 0, 0, 0, 0, 0, $3)"
		" ON CONFLICT (job_id, ship) DO UPDATE SET rejects = t.rejects + excluded.rejects",
		3,
		(const char *[]){ ledger_u64(&number, job), name, ledger_u64(&count, n) }));
}
