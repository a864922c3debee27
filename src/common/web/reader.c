#include "web/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (INT64_C(30) * CLOCK_US_PER_SEC)
#define PAUSE (INT64_C(2) * CLOCK_US_PER_SEC)

struct head {
	uint64_t job;
	uint32_t part, n;
};

/* ---- in the process that reads --------------------------------------------------------------- */

static uint64_t at_work; /* the page that is being read */

static void put_all(const void *data, size_t n)
{
	for (const char *p = data; n > 0;) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0 && errno != EINTR)
			leave(EX_IO); /* nobody asks any more */
		p += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
}

static void send_part(void *ctx UNUSED, unsigned part, struct sl text)
{
	struct head head = { at_work, part, (uint32_t)text.n };

	put_all(&head, sizeof head);
	put_all(text.p, text.n);
}

static void say_why(void *ctx, int code UNUSED, const char *message)
{
	send_part(ctx, PAGE_AWAY, sl_of(message));
}

static NORETURN void answer_all(const char *conninfo)
{
	struct pg *target;

	msg_on_exit(say_why, NULL);
	target = pg_connect(conninfo, "target");
	while (read(STDOUT_FILENO, &at_work, sizeof at_work) == sizeof at_work) {
		AUTO_ARENA arena = { 0 };
		struct ledger_job job;
		bool found = ledger_exists(target) &&
			     (at_work == 0 || ledger_job_get(target, at_work, &job, &arena));

		if (found)
			page_parts(target, at_work ? &job : NULL, send_part, NULL);
		send_part(NULL, found ? PAGE_END : PAGE_NONE, SL(""));
	}
	leave(EX_DONE);
}

/* Descriptors of ours, connections of browsers among them, would stay open in it. */
static NORETURN void become_reader(const char *conninfo, int fd)
{
	int null = open("/dev/null", O_RDWR);

	msg_forked();
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, sig == SIGPIPE ? SIG_IGN : SIG_DFL);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDERR_FILENO);
	(void)close_range(3, ~0U, 0);
	answer_all(conninfo);
}

/* ---- in the server --------------------------------------------------------------------------- */

static bool start(struct reader *r)
{
	int ends[2];

	if (clock_monotonic() < r->next)
		return false;
	r->next = clock_monotonic() + PAUSE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		die_errno(EX_TEMP, "socketpair");
	r->pid = fork();
	if (r->pid < 0)
		die_errno(EX_TEMP, "fork");
	if (r->pid == 0)
		become_reader(r->conninfo, ends[1]);
	(void)close(ends[1]);
	r->fd = ends[0];
	r->asked = r->open = 0;
	str_clear(&r->in);
	return true;
}

bool reader_ask(struct reader *r, uint64_t job)
{
	if (r->fd < 0 && !start(r))
		return false;
	r->asked = r->open++ ? r->asked : clock_monotonic();
	/* a question that cannot be sent is answered by its end */
	(void)!send(r->fd, &job, sizeof job, MSG_NOSIGNAL);
	return true;
}

void reader_end(struct reader *r)
{
	if (r->fd < 0)
		return;
	(void)close(r->fd);
	(void)kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->fd = -1;
}

/* Takes the frames that are whole. */
static void take_frames(struct reader *r, reader_fn *put, void *ctx)
{
	size_t at = 0;
	struct head head;

	for (; r->in.n - at >= sizeof head; at += sizeof head + head.n) {
		struct sl text;

		memcpy(&head, r->in.p + at, sizeof head);
		text = (struct sl){ r->in.p + at + sizeof head, head.n };
		if (r->in.n - at - sizeof head < head.n)
			break;
		if (head.part >= PAGE_END) { /* of a page, or of the reader */
			r->open -= r->open > 0;
			r->asked = r->open ? clock_monotonic() : 0;
			str_clear(&r->why);
			str_add(&r->why, text);
		}
		if (head.part != PAGE_AWAY)
			put(ctx, head.job, head.part, text);
	}
	memmove(r->in.p, r->in.p + at, r->in.n - at);
	r->in.n -= at;
}

bool reader_take(struct reader *r, reader_fn *put, void *ctx)
{
	ssize_t n;
	bool waits;

	do {
		n = recv(r->fd, str_room(&r->in, 65536), 65536, MSG_DONTWAIT);
		r->in.n += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	waits = n < 0 && (errno == EAGAIN || errno == EINTR);
	take_frames(r, put, ctx);
	if (waits && (r->asked == 0 || clock_monotonic() - r->asked < PATIENCE))
		return true;
	if (r->why.n == 0)
		str_addz(&r->why, tr(n < 0 ? N_("it does not answer") : N_("it was lost")));
	reader_end(r);
	return false;
}
