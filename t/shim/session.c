/*
 * session FOLDER PID: the one psql of a test file: sessions that `sql` of t/helper.bash asks,
 * instead of a psql and a server process of its own for each question.
 *
 * Returns as soon as it can be asked; what is left behind in FOLDER, which it makes, ends with the
 * process PID. Three FIFOs: whoever has read the byte of `token` writes to `ask` the number of his
 * process, HOME and the PG* variables of his environment, an empty text and the query, a NUL behind
 * each; reads the line CODE OUT ERR from `answer`; looks into the files `out` and `err` where OUT
 * and ERR are not 0, and says so by two NULs to `ask`, whereupon the byte comes back; it does, too,
 * when he is killed before that. The code is psql's, or 2, without a word, where there is no
 * connection. OUT is 2 where it is too much for a variable of the shell.
 *
 * Each question finds what a new session has: another one is made when the variables differ or
 * anything may be left of the last, and DISCARD ALL takes back what a statement may have set. A
 * role other than that of the first has a new one each time: tests are about what it is given. The
 * database `postgres`, where others are made and dropped, has a session for itself; while it works
 * there is no other that may be in the way.
 */
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 60000 /* bytes of output that a shell may read */

struct session {
	PGconn *conn;
	char of[65536]; /* the variables that led to it */
	size_t n;
};

static struct {
	char *text; /* the question */
	size_t n, cap;
	struct session of[2]; /* the second one: of the database `postgres` */
	FILE *out, *err;
	int ask, answer, token, asker;
	char *user;
} s;

/* Nobody but us gives it: who has taken it, and not asked yet, is known to nobody. */
static void give_token(void)
{
	s.asker = 0;
	(void)!write(s.token, "t", 1);
}

/* The asker was killed before he said that he has his answer: it is nobody's. */
static void look_after_token(void)
{
	struct pollfd fd = { .fd = s.answer, .events = POLLIN };
	char line[64];

	if (!s.asker || kill(s.asker, 0) == 0 || poll(&fd, 1, 0) < 0)
		return;
	if (!fd.revents || read(s.answer, line, sizeof line) > 0)
		give_token();
}

/* Reads a question; false: PID has ended. *query is its last text. */
static bool hear(int owner, size_t *query)
{
	int ask = s.ask, ready;
	struct pollfd fd[] = { { .fd = ask, .events = POLLIN }, { .fd = owner, .events = POLLIN } };
	size_t at = 0, last = 0;
	bool empty = false;

	for (s.n = 0;;) {
		for (; at < s.n; at++) {
			if (s.text[at])
				continue;
			if (empty) {
				*query = last;
				return true;
			}
			empty = at == last;
			last = at + 1;
		}
		if (s.cap - s.n < 65536)
			s.text = realloc(s.text, s.cap = 2 * s.cap + 65536);
		while ((ready = poll(fd, 2, s.n ? -1 : 500)) == 0)
			look_after_token();
		if (ready < 0 || fd[1].revents)
			return false;
		ssize_t got = read(ask, s.text + s.n, s.cap - s.n);
		if (got <= 0)
			return false;
		s.n += (size_t)got;
	}
}

static void note(void *arg, const char *message)
{
	(void)arg;
	(void)fputs(message, s.err);
}

static void leave(struct session *at)
{
	PQfinish(at->conn);
	at->conn = NULL;
}

/* The session that these n bytes of the question lead to; NULL: none. */
static struct session *join(const char *variables, size_t n)
{
	static const char *const name[] = { "fallback_application_name", NULL };
	static const char *const value[] = { "psql", NULL };
	struct pollfd fd = { .events = POLLIN };
	struct session *at = &s.of[0];

	for (const char *p = variables; *p; p += strlen(p) + 1)
		if (strcmp(p, "PGDATABASE=postgres") == 0)
			at = &s.of[1];
	if (at == &s.of[1])
		leave(&s.of[0]);
	fd.fd = at->conn ? PQsocket(at->conn) : -1;
	/* what is to be read already is its end */
	if (at->conn && n == at->n && !memcmp(at->of, variables, n) && poll(&fd, 1, 0) == 0)
		return at;
	leave(at);
	if (n > sizeof at->of)
		return NULL;
	memcpy(at->of, variables, at->n = n);
	(void)clearenv();
	for (char *p = at->of; *p; p += strlen(p) + 1)
		(void)putenv(p);
	at->conn = PQconnectdbParams(name, value, 0);
	(void)clearenv();
	(void)PQsetNoticeProcessor(at->conn, note, NULL);
	return PQstatus(at->conn) == CONNECTION_OK ? at : NULL;
}

/* As psql -At has it. */
static void print(const PGresult *r)
{
	for (int i = 0; PQnfields(r) && i < PQntuples(r); i++) {
		for (int j = 0; j < PQnfields(r); j++) {
			(void)fputs(j ? "|" : "", s.out);
			(void)fwrite(PQgetvalue(r, i, j), 1, (size_t)PQgetlength(r, i, j), s.out);
		}
		(void)fputc('\n', s.out);
	}
}

static int answer(PGconn *conn, const char *query)
{
	int code = 0, n;
	PGresult *r;
	char *row;

	if (!PQsendQuery(conn, query)) {
		(void)fputs(PQerrorMessage(conn), s.err);
		return 2;
	}
	while ((r = PQgetResult(conn)) != NULL) {
		ExecStatusType status = PQresultStatus(r);

		if (status == PGRES_TUPLES_OK) {
			print(r);
		} else if (status == PGRES_COPY_OUT) {
			while ((n = PQgetCopyData(conn, &row, 0)) > 0) {
				(void)fwrite(row, 1, (size_t)n, s.out);
				PQfreemem(row);
			}
		} else if (status == PGRES_COPY_IN) {
			(void)PQputCopyEnd(conn, "nothing to copy from");
		} else if (status == PGRES_FATAL_ERROR) {
			(void)fputs(PQresultErrorMessage(r), s.err);
			code = PQstatus(conn) == CONNECTION_OK ? 1 : 2;
		}
		PQclear(r);
	}
	return code;
}

/* After the answer: nothing of this question reaches the next. */
static void clean(struct session *at, const char *query)
{
	static const char *const last[] = { "ALTER DATABASE", "ALTER ROLE", "ALTER USER",
		"ALTER SYSTEM", "pg_reload_conf" };

	for (size_t i = 0; i < sizeof last / sizeof *last; i++)
		if (strcasestr(query, last[i]))
			leave(at);
	if (at->conn && (PQtransactionStatus(at->conn) != PQTRANS_IDLE ||
				strcmp(PQuser(at->conn), s.user)))
		leave(at);
	if (at->conn && (strncasecmp(query, "SELECT", 6) || strcasestr(query, "set") ||
				strcasestr(query, "advisory")))
		PQclear(PQexec(at->conn, "DISCARD ALL"));
}

static FILE *file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "w+");
}

static int fifo(const char *name)
{
	return mkfifo(name, 0600) ? -1 : open(name, O_RDWR | O_CLOEXEC);
}

static void begin(FILE *f)
{
	rewind(f);
	(void)!ftruncate(fileno(f), 0);
}

int main(int argc, char **argv)
{
	int owner, null;
	size_t query, from;

	(void)close_range(3, ~0U, 0); /* somebody waits for the end of what we inherited */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	owner = argc == 3 ? (int)syscall(SYS_pidfd_open, atoi(argv[2]), 0) : -1;
	if (owner < 0 || mkdir(argv[1], 0700) || chdir(argv[1]))
		_exit(1);
	s.out = file("out");
	s.err = file("err");
	s.ask = fifo("ask");
	s.answer = fifo("answer");
	s.token = fifo("token");
	if (!s.out || !s.err || s.ask < 0 || s.answer < 0 || s.token < 0 ||
		write(s.token, "t", 1) != 1)
		_exit(1);
	s.user = strdup(getenv("PGUSER") ? getenv("PGUSER") : "");
	if (fork())
		_exit(0);
	(void)setsid();
	(void)signal(SIGPIPE, SIG_IGN);
	for (char **e = environ; *e; e++) /* nobody looks for a process of the test here */
		memset(*e, 0, strlen(*e));
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	while (hear(owner, &query)) {
		struct session *at;
		long out, err;
		int code = 2;

		if (!*s.text) {
			give_token();
			continue;
		}
		begin(s.out);
		begin(s.err);
		s.asker = atoi(s.text);
		from = strlen(s.text) + 1;
		at = join(s.text + from, query - from);
		if (at)
			code = answer(at->conn, s.text + query);
		(void)fflush(s.out);
		(void)fflush(s.err);
		out = ftell(s.out);
		err = ftell(s.err);
		(void)dprintf(s.answer, "%d %d %d\n", code, (out > 0) + (out > MOST), err > 0);
		if (at)
			clean(at, s.text + query);
	}
	leave(&s.of[0]);
	leave(&s.of[1]);
	return 0;
}
