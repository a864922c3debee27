#include "pg/conn_internal.h"

#include "core/num.h"

/* A message of COPY may be of any size; libpq copies each one, so large pieces are cut. */
#define PIECE_MAX (size_t)(256 * 1024)

static bool start(struct pg *pg, const char *sql, ExecStatusType wanted)
{
	PGresult *res = PQexec(pg->conn, sql);
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

void pg_copy_out(struct pg *pg, const char *sql)
{
	if (!start(pg, sql, PGRES_COPY_OUT)) {
		msg_detail("%s: %s", pg->role, sql);
		pg_die(pg, "cannot read");
	}
}

bool pg_copy_row(struct pg *pg, struct sl *row)
{
	int n;

	PQfreemem(pg->copy_row);
	pg->copy_row = NULL;
	n = PQgetCopyData(pg->conn, &pg->copy_row, 0);
	if (LIKELY(n > 0)) {
		*row = (struct sl){ pg->copy_row, (size_t)n };
		return true;
	}
	if (n == -1 && finish(pg, NULL))
		return false;
	if (n == -2)
		pg_keep_failure(pg, NULL);
	pg_die(pg, "read failed");
}

bool pg_copy_in(struct pg *pg, const char *sql)
{
	pg->copy_failed = false;
	return start(pg, sql, PGRES_COPY_IN);
}

/* libpq says only "no COPY in progress" here when the server has refused; its reason comes later. */
void pg_copy_put(struct pg *pg, struct sl piece)
{
	while (piece.n > 0 && !pg->copy_failed) {
		size_t n = piece.n < PIECE_MAX ? piece.n : PIECE_MAX;

		if (PQputCopyData(pg->conn, piece.p, (int)n) != 1) {
			if (PQstatus(pg->conn) == CONNECTION_BAD)
				pg_keep_failure(pg, NULL);
			pg->copy_failed = true;
		}
		piece.p += n;
		piece.n -= n;
	}
}

bool pg_copy_end(struct pg *pg, uint64_t *rows)
{
	if (PQputCopyEnd(pg->conn, NULL) != 1 && PQstatus(pg->conn) == CONNECTION_BAD)
		pg_keep_failure(pg, NULL);
	return finish(pg, rows);
}

void pg_copy_fail(struct pg *pg, const char *why)
{
	(void)PQputCopyEnd(pg->conn, why);
	pg_drain(pg);
}
