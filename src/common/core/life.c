#include "core/life.h"

#include "core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define GRACE_S 60
#define MAX_WATCHED 32

static struct pollfd watched[MAX_WATCHED];
static nfds_t n_watched;

/* When process `pid` began, in ticks since the machine did; 0: it is not there. */
static unsigned long long start_of(long pid)
{
	char path[40], stat[1024];
	const char *p;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, stat, sizeof stat - 1);
	(void)close(fd);
	stat[n > 0 ? n : 0] = '\0';
	p = strrchr(stat, ')'); /* its name may hold anything; field 3 comes behind */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* False: it is gone. What cannot be watched, with an old kernel, is taken to live. */
static bool watch(long pid, unsigned long long start)
{
	int fd = pidfd_open((pid_t)pid, 0);

	if (fd < 0)
		return errno != ESRCH;
	if (start_of(pid) != start)
		return false;
	watched[n_watched++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return true;
}

static void *wait_for_end(void *unused UNUSED)
{
	while (poll(watched, n_watched, -1) < 0 && errno == EINTR) {
	}
	(void)kill(getpid(), SIGTERM);
	for (unsigned left = GRACE_S; left;)
		left = sleep(left);
	(void)kill(getpid(), SIGKILL);
	return NULL;
}

/* Signals are for the thread that does the work: this one takes none. */
static void start_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t every, before;

	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_SETMASK, &every, &before);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_create(&thread, &attr, wait_for_end, NULL); /* without it, as ever */
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void life_watch(void)
{
	const char *p = getenv("FERRY_RUN");

	(void)signal(SIGXFSZ, SIG_IGN);
	while (p && *p && n_watched < MAX_WATCHED) {
		char *end;
		long pid = strtol(p, &end, 10);

		if (end == p || *end != ':')
			break;
		if (!watch(pid, strtoull(end + 1, &end, 10))) {
			(void)signal(SIGTERM, SIG_DFL);
			(void)raise(SIGTERM);
		}
		p = end + strspn(end, " ");
	}
	if (n_watched)
		start_thread();
}
