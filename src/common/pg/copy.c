#include "pg/conn_internal.h"

#include "core/kp.h"

#include <poll.h>
#include <time.h>

/* A message of COPY may be of any size; libpq copies each one, so large pieces are cut. */
#define PIECE_MAX (size_t)(256 * 1024)
#define GROW_ROUNDS 6

static bool start(struct pg *pg, const char *sql, ExecStatusType wanted)
{
	PGresult *res = PQexec(pg->conn, session_sql(pg, sql));
	ExecStatusType status = PQresultStatus(res);

	if (status != wanted) {
		if (status != PGRES_FATAL_ERROR)
			bug("not the COPY that was expected: %s", sql);
		pg_keep_failure(pg, res);
	}
	PQclear(res);
	return status == wanted;
}

/* The result that ends a COPY; false when the server refused. */
static bool finish(struct pg *pg, uint64_t *rows)
{
	PGresult *res = PQgetResult(pg->conn);
	bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;

	if (!ok)
		pg_keep_failure(pg, res);
	else if (rows && !num_u64(sl_of(PQcmdTuples(res)), rows))
		*rows = 0;
	PQclear(res);
	pg_drain(pg);
	return ok;
}

/*
 * Waits for data, then a moment more before it is received. A server sends 8 kB at a time; a
 * client that takes each piece at once makes both sides pay for a wake-up per piece. Receiving what
 * came in 0.2 ms costs the server 20 % and the client 60 % less CPU. That needs a larger buffer
 * than libpq begins with, and libpq enlarges it only when it is not drained: so at first it is not.
 * False when the server is lost, of which a patient caller hears: libpq would say for ever that
 * there is nothing yet.
 */
static bool receive(struct pg *pg)
{
	static const struct timespec nap = { .tv_nsec = 200 * 1000 };
	struct pollfd fd = { .fd = PQsocket(pg->conn), .events = POLLIN };
	int rounds = pg->undrained < GROW_ROUNDS ? 8 : 1;

	(void)poll(&fd, 1, -1);
	pg->undrained += rounds > 1;
	for (int i = 0; i < rounds; i++) {
		(void)nanosleep(&nap, NULL);
		if (!PQconsumeInput(pg->conn)) {
			pg_keep_failure(pg, NULL);
			return false;
		}
	}
	return true;
}

void pg_copy_out(struct pg *pg, const char *sql)
{
	if (!start(pg, sql, PGRES_COPY_OUT)) {
		msg_detail("%s: %s", pg->role, sql);
		pg_die(pg, "cannot read");
	}
	KP("copy_out");
	/* under encryption bytes may wait in the library where poll(2) does not see them */
	pg->copy_naps = !PQsslInUse(pg->conn) && !PQgssEncInUse(pg->conn);
}

enum pg_copy pg_copy_try_row(struct pg *pg, struct sl *row)
{
	int n;

	PQfreemem(pg->copy_row);
	pg->copy_row = NULL;
	while ((n = PQgetCopyData(pg->conn, &pg->copy_row, pg->copy_naps)) == 0)
		if (!receive(pg))
			return PG_COPY_FAILED;
	if (LIKELY(n > 0)) {
		*row = (struct sl){ pg->copy_row, (size_t)n };
		return PG_COPY_ROW;
	}
	if (n == -1)
		return finish(pg, NULL) ? PG_COPY_END : PG_COPY_FAILED;
	pg_keep_failure(pg, NULL);
	return PG_COPY_FAILED;
}

bool pg_copy_row(struct pg *pg, struct sl *row)
{
	enum pg_copy got = pg_copy_try_row(pg, row);

	if (got == PG_COPY_FAILED)
		pg_die(pg, "read failed");
	return got == PG_COPY_ROW;
}

bool pg_copy_in(struct pg *pg, const char *sql)
{
	pg->copy_failed = false;
	return start(pg, sql, PGRES_COPY_IN);
}

/* libpq only says "no COPY in progress" when the server has refused; its reason comes later. */
void pg_copy_put(struct pg *pg, struct sl piece)
{
	while (piece.n > 0 && !pg->copy_failed) {
		size_t n = piece.n < PIECE_MAX ? piece.n : PIECE_MAX;

		if (PQputCopyData(pg->conn, piece.p, (int)n) != 1) {
			if (PQstatus(pg->conn) == CONNECTION_BAD)
				pg_keep_failure(pg, NULL);
			pg->copy_failed = true;
		}
		sl_skip(&piece, n);
	}
}

bool pg_copy_end(struct pg *pg, uint64_t *rows)
{
	if (PQputCopyEnd(pg->conn, NULL) != 1 && PQstatus(pg->conn) == CONNECTION_BAD)
		pg_keep_failure(pg, NULL);
	return finish(pg, rows);
}
