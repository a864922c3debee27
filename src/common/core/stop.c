#include "core/stop.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define GRACE_S 5

volatile int stop_signal; /* a store of an int is one instruction: as good as sig_atomic_t */
bool stop_held;

static void (*wake_fn)(void *ctx);
static void *wake_ctx;
static bool patient;
static int64_t since;

static void give_up(int sig UNUSED)
{
	(void)signal(stop_signal, SIG_DFL);
	(void)raise(stop_signal);
}

static void note(int sig)
{
	int saved = errno;
	int64_t now = clock_monotonic();

	if (stop_signal) {
		if (!stop_held && now - since >= CLOCK_US_PER_SEC)
			give_up(sig);
		errno = saved;
		return;
	}
	since = now;
	stop_signal = sig;
	if (!patient && !stop_held)
		(void)alarm(GRACE_S);
	if (wake_fn)
		wake_fn(wake_ctx);
	errno = saved;
}

static bool is_ignored(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* A signal may have been lost while a shell was starting us. */
static void look_whether_told(void)
{
	const char *path = getenv("FERRY_TOLD");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char first = 'T';

	if (fd < 0)
		return;
	(void)!read(fd, &first, 1);
	(void)close(fd);
	note(first == 'I' ? SIGINT : SIGTERM);
}

void stop_catch(void (*wake)(void *ctx), void *ctx)
{
	/* no SA_RESTART: what waits is to come back and look */
	struct sigaction noted = { .sa_handler = note };
	struct sigaction late = { .sa_handler = give_up };

	wake_fn = wake;
	wake_ctx = ctx;
	(void)sigaction(SIGALRM, &late, NULL);
	if (!is_ignored(SIGHUP)) /* nohup */
		(void)sigaction(SIGHUP, &noted, NULL);
	/*
	 * Whoever started us may want both ignored, and then they stay so. SIGINT alone tells
	 * nothing: a shell without job control ignores it for all it starts in the background.
	 */
	if (is_ignored(SIGTERM))
		return;
	(void)sigaction(SIGTERM, &noted, NULL);
	(void)sigaction(SIGINT, &noted, NULL);
	look_whether_told();
}

void stop_catch_patiently(void)
{
	patient = true;
	stop_catch(NULL, NULL);
}

void stop_grace(unsigned seconds)
{
	stop_held = seconds == 0;
	(void)alarm(stop_signal ? seconds : 0);
}

bool stop_asked(void)
{
	return stop_signal != 0;
}

void stop_now(void)
{
	die((enum exit_code)(128 + stop_signal), "ended by %s",
	    stop_signal == SIGINT ? "SIGINT" : stop_signal == SIGHUP ? "SIGHUP" : "SIGTERM");
}
