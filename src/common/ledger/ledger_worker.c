#include "ledger/ledger_internal.h"

#include "ledger/ledger_worker.sql.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- who we are ------------------------------------------------------------------------------ */

/* Reads a small file of /proc; false when it is not there. */
static bool read_small(const char *path, char *dst, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, dst, cap - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return false;
	dst[n] = '\0';
	return true;
}

/*
 * When a process started, in clock ticks since boot: tells it from a later one of the same number.
 * False when it is not there any more, or dead and only waiting to be collected. Fields of
 * proc_pid_stat(5): state is the first and starttime the 20th behind the name, which may hold
 * blanks.
 */
static bool process_start(uint64_t pid, uint64_t *start)
{
	char path[40], text[1024], *p;

	(void)snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
	if (!read_small(path, text, sizeof text) || !(p = strrchr(text, ')')))
		return false;
	p += 2;
	if (*p == 'Z' || *p == 'X')
		return false;
	for (int field = 1; field < 20; field++) {
		p = strchr(p, ' ');
		if (!p)
			return false;
		p++;
	}
	return num_u64((struct sl){ p, strspn(p, "0123456789") }, start);
}

/*
 * Process numbers mean something within one boot and one namespace of process numbers only, and
 * containers often share a host name; so both are part of the host.
 */
static const char *host(void)
{
	static char text[160];
	char boot[64];
	struct utsname names;
	struct stat ns;

	if (*text)
		return text;
	if (uname(&names) != 0)
		die_errno(EX_BUG, "uname");
	if (!read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
		(void)snprintf(boot, sizeof boot, "unknown");
	if (stat("/proc/self/ns/pid", &ns) != 0)
		ns.st_ino = 0;
	(void)snprintf(text, sizeof text, "%.64s/%.8s.%llu", names.nodename, boot,
		(unsigned long long)ns.st_ino);
	for (char *p = text; *p; p++)
		if (*p == ':')
			*p = '_'; /* divides the parts of a worker's name */
	return text;
}

const char *ledger_worker(void)
{
	static char text[256];
	const char *env = getenv("FERRY_WORKER");
	uint64_t pid, start;

	if (*text)
		return text;
	if (!env || !num_u64(sl_of(env), &pid) || !process_start(pid, &start)) {
		if (env && *env)
			msg_warn("FERRY_WORKER is not the number of a running process: %s",
				msg_q(sl_of(env)));
		pid = (uint64_t)getpid();
		if (!process_start(pid, &start))
			die(EX_CONFIGURATION, "/proc is needed to tell workers apart");
	}
	(void)snprintf(text, sizeof text, "%s:%llu:%llu", host(), (unsigned long long)pid,
		(unsigned long long)start);
	return text;
}

bool ledger_worker_is_dead(struct sl worker)
{
	struct sl here = sl_of(host()), rest;
	const char *colon;
	uint64_t pid, start, now;

	if (worker.n <= here.n || memcmp(worker.p, here.p, here.n) != 0 || worker.p[here.n] != ':')
		return false;
	rest = (struct sl){ worker.p + here.n + 1, worker.n - here.n - 1 };
	colon = memchr(rest.p, ':', rest.n);
	if (!colon || !num_u64((struct sl){ rest.p, (size_t)(colon - rest.p) }, &pid) ||
		!num_u64((struct sl){ colon + 1, rest.n - (size_t)(colon - rest.p) - 1 }, &start))
		return false;
	if (process_start(pid, &now))
		return now != start;
	/* /proc may hide those of other users (hidepid), which are there all the same */
	return kill((pid_t)pid, 0) == 0 || errno != EPERM;
}

/* ---- renewing beside the work ---------------------------------------------------------------- */

/* Chunks that a loader is just finishing are passed over, so this never waits. */
static void renew(struct pg *target, uint64_t job, const char *worker, int64_t lease_us)
{
	const char *params[] = { ledger_u64(job), worker,
		ledger_interval(lease_us) };

	pg_clear(pg_query(target, renew_sql, 3, params));
	pg_clear(pg_query(target, renew_follower_sql, 3, params));
}

/* Waits until the keeper's parent has gone or `us` have passed; true when it has gone. */
static bool parent_gone(int fd, int64_t us)
{
	int64_t deadline = clock_monotonic() + us, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while ((left = deadline - clock_monotonic()) > 0)
		if (poll(&p, 1, (int)(left / 1000) + 1) > 0)
			return true;
	return false;
}

/* A failed renewal ends only the process that tried it: the next one may find the server again. */
static void renew_once(const char *conninfo, uint64_t job, const char *worker, int64_t lease_us)
{
	pid_t child = fork();

	if (child == 0) {
		struct pg *target = pg_connect(conninfo, "target");

		renew(target, job, worker, lease_us);
		pg_close(target);
		leave(0);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static NORETURN void keep(
	int fd, const char *conninfo, uint64_t job, const char *worker, int64_t lease_us)
{
	int null = open("/dev/null", O_RDWR);

	/* a pipe held open here would keep the program behind it waiting for its end */
	for (int i = 0; i < 3; i++)
		if (null != i)
			(void)dup2(null, i);
	while (!parent_gone(fd, lease_us / 4))
		renew_once(conninfo, job, worker, lease_us);
	leave(0);
}

static pid_t keeper_process;

int ledger_keeper_start(const char *conninfo, uint64_t job, int64_t lease_us)
{
	const char *worker = ledger_worker();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		die_errno(EX_TEMP, "pipe");
	keeper_process = fork();
	if (keeper_process < 0)
		die_errno(EX_TEMP, "fork");
	if (keeper_process == 0) {
		msg_forked();
		(void)close(ends[1]);
		keep(ends[0], conninfo, job, worker, lease_us);
	}
	(void)close(ends[0]);
	return ends[1];
}

void ledger_keeper_stop(int keeper)
{
	(void)close(keeper);
	(void)kill(keeper_process, SIGKILL); /* it may be waiting for the server */
	while (waitpid(keeper_process, NULL, 0) < 0 && errno == EINTR)
		;
}
