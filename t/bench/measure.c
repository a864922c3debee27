/*
 * measure OUT COMMAND [ARGUMENT...] - runs a command and appends one line about it to OUT:
 *
 *	seconds  CPU-seconds  MiB-of-the-largest-process  MiB-of-all-together
 *
 * CPU seconds are those of the command and everything it waited for. "All together" is the sum of
 * the resident memory of the command and its descendants, looked at every 20 ms; a server started
 * by somebody else is no descendant. Ends with the command's exit code.
 *
 * In C, because the kernel counts a process's memory before exec as its own: a measuring script
 * would put its interpreter under every figure.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Resident bytes of one process; 0 when it has gone. */
static double resident(long pid)
{
	char path[64];
	long total, pages = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/statm", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* Resident bytes of a process and all of its descendants. */
static double resident_tree(long pid)
{
	double sum = resident(pid);
	char path[64];
	long child;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
	f = fopen(path, "r");
	if (!f)
		return sum;
	while (fscanf(f, "%ld", &child) == 1)
		sum += resident_tree(child);
	fclose(f);
	return sum;
}

/*
 * Waits for the child and returns its status; *peak is the most its tree was seen to hold. SIGCHLD
 * is blocked: it wakes the wait between two looks.
 */
static int watch(pid_t child, const sigset_t *child_ends, double *peak)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int status;
	pid_t done;

	for (;;) {
		double sum = resident_tree(child);

		if (sum > *peak)
			*peak = sum;
		done = waitpid(child, &status, WNOHANG);
		if (done == child)
			return status;
		if (done < 0) {
			perror("measure: waitpid");
			exit(70);
		}
		(void)sigtimedwait(child_ends, NULL, &pause);
	}
}

static void report(const char *path, double seconds, double peak)
{
	struct rusage used;
	double largest;
	FILE *f = fopen(path, "a");

	getrusage(RUSAGE_CHILDREN, &used);
	largest = (double)used.ru_maxrss * 1024;
	if (!f || fprintf(f, "%.3f %.3f %.1f %.1f\n", seconds,
			seconds_of(used.ru_utime) + seconds_of(used.ru_stime), largest / 1048576,
			(peak > largest ? peak : largest) / 1048576) < 0 || fclose(f) != 0) {
		fprintf(stderr, "measure: %s: %s\n", path, strerror(errno));
		exit(74);
	}
}

int main(int argc, char **argv)
{
	double began = now(), peak = 0;
	sigset_t child_ends, before;
	pid_t child;
	int status;

	if (argc < 3) {
		fputs("usage: measure OUT COMMAND [ARGUMENT...]\n", stderr);
		return 64;
	}
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ends, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(argv[2], argv + 2);
		fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (child < 0) {
		perror("measure: fork");
		return 71;
	}
	status = watch(child, &child_ends, &peak);
	report(argv[1], now() - began, peak);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
