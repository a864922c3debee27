/* credential_process: a program of the user's that prints keys. No shell takes part. */
#include "aws/creds_internal.h"
#include "aws/crypto.h"
#include "core/clock.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_US (60 * CLOCK_US_PER_SEC)
#define MAX_OUTPUT (64u << 10)

extern char **environ;

/* Copies one word to *to, quotes and backslashes resolved; NULL when a quote is not closed. */
static const char *take_word(const char *p, char **to)
{
	char quote = '\0';

	for (; *p && (quote || !sl_blank(*p)); p++) {
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] && (!quote || strchr("\"\\", p[1])))
			*(*to)++ = *++p;
		else
			*(*to)++ = *p;
	}
	*(*to)++ = '\0';
	return quote ? NULL : p;
}

char **creds_split_command(const char *line)
{
	size_t len = strlen(line), most = len / 2 + 2, n = 0;
	char **argv = mem_alloc(mem_add(mem_mul(most, sizeof *argv), len + most + 1));
	char *text = (char *)(argv + most);
	const char *p = line;

	for (;;) {
		while (sl_blank(*p))
			p++;
		if (!*p)
			break;
		argv[n++] = text;
		p = take_word(p, &text);
		if (!p) {
			mem_free(argv);
			return NULL;
		}
	}
	argv[n] = NULL;
	return argv;
}

/* Reads until the end of the pipe; false when that takes too long. */
static bool drain(int fd, struct str *out)
{
	int64_t end = clock_monotonic() + LIMIT_US;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)str_room(out, MAX_OUTPUT); /* at once: growing would leave copies behind */
	while (out->n < MAX_OUTPUT) {
		int64_t left = end - clock_monotonic();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)(left / 1000 + 1)) <= 0)
			continue;
		n = read(fd, out->p + out->n, MAX_OUTPUT - out->n);
		if (n == 0)
			break;
		if (n > 0)
			out->n += (size_t)n;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* Starts argv with its standard output on a pipe, the rest on /dev/null; 0 or an errno. */
static int start(char **argv, pid_t *pid, int *fd)
{
	posix_spawn_file_actions_t fa;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, ends[1], STDOUT_FILENO);
	/* What it says there may hold secrets, and would land in our caller's log. */
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(ends[1]);
	*fd = ends[0];
	if (rc)
		close(ends[0]);
	return rc;
}

static bool run(char **argv, struct str *out, struct aws_error *e)
{
	pid_t pid;
	int fd = -1, rc = start(argv, &pid, &fd), status = 0;
	bool whole;

	if (rc) {
		aws_error_set(e, AWS_CONFIG, "credential_process", "%s: %s", argv[0], strerror(rc));
		return false;
	}
	whole = drain(fd, out);
	close(fd);
	if (!whole)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!whole)
		aws_error_set(
			e, AWS_CREDENTIALS, "credential_process", "%s: no end after 60 s", argv[0]);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		aws_error_set(e, AWS_CREDENTIALS, "credential_process", "%s: ended with %d",
			argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	else
		return true;
	return false;
}

bool creds_from_process(const char *command, struct aws_keys *k, struct aws_error *e)
{
	AUTO_FREE char **argv = creds_split_command(command);
	AUTO_SECRET out = {0};

	if (!argv || !argv[0]) {
		aws_error_set(e, AWS_CONFIG, "credential_process", "%s",
			argv ? "empty" : "a quote is not closed");
		return false;
	}
	return run(argv, &out, e) &&
	       keys_from_json(k, str_sl(&out), "SessionToken", "credential_process", e);
}
