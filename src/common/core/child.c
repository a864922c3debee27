#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_pipe(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) != 0)
		die_errno(EX_TEMP, "cannot make a pipe");
}

static NORETURN void cannot_run(const char *name, int why)
{
	static const char hint[] =
		"each word of a command is an argument of its own; no shell splits it";

	die_hint(EX_REFUSED, strchr(name, ' ') ? hint : NULL, "cannot run %s: %s",
		 msg_q(sl_of(name)), strerror(why));
}

/* What SIGPIPE did when this program began; from the first child on it is ignored here. */
static void (*sigpipe_inherited)(int) = SIG_ERR;

static void ignore_sigpipe(void)
{
	void (*was)(int) = signal(SIGPIPE, SIG_IGN);

	if (sigpipe_inherited == SIG_ERR)
		sigpipe_inherited = was;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* In the child: standard descriptors in place, then the program; errno goes up the pipe. */
static NORETURN void exec_child(char *const *argv, int in, int out, int report, pid_t parent)
{
	int why;

	(void)signal(SIGPIPE, sigpipe_inherited);
	(void)signal(SIGXFSZ, SIG_DFL);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(126); /* it went before the signal was asked for */
	if ((in < 0 || dup2(in, STDIN_FILENO) >= 0) && (out < 0 || dup2(out, STDOUT_FILENO) >= 0))
		(void)execvp(argv[0], argv);
	why = errno;
	if (write(report, &why, sizeof why) < 0)
		_exit(126); /* the parent is gone */
	_exit(127);
}

void child_start(struct child *c, char *const *argv, unsigned pipes)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, report[2], why;
	pid_t self = getpid();
	ssize_t n;

	*c = (struct child){ .name = argv[0] };
	ignore_sigpipe();
	if (pipes & CHILD_PIPE_IN)
		make_pipe(in);
	if (pipes & CHILD_PIPE_OUT)
		make_pipe(out);
	make_pipe(report); /* closed by a successful exec */
	c->pid = fork();
	if (c->pid < 0)
		die_errno(EX_TEMP, "cannot start a process");
	if (c->pid == 0)
		exec_child(argv, in[0], out[1], report[1], self);
	close_if_open(in[0]);
	close_if_open(out[1]);
	(void)close(report[1]);
	c->in = in[1];
	c->out = out[0];
	do
		n = read(report[0], &why, sizeof why);
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (n == (ssize_t)sizeof why)
		cannot_run(argv[0], why);
}

static int wait_for(const struct child *c)
{
	int st;

	while (waitpid(c->pid, &st, 0) < 0)
		if (errno != EINTR)
			die_errno(EX_BUG, "lost the process of %s", msg_q(sl_of(c->name)));
	return st;
}

/* It is a child, and not what this process becomes, so that it does not outlive the run. */
void child_become(char *const *argv, int in)
{
	struct child c;
	int st;

	if (dup2(in, STDIN_FILENO) < 0)
		die_errno(EX_TEMP, "cannot set the standard input of %s", msg_q(sl_of(argv[0])));
	child_start(&c, argv, 0);
	(void)signal(SIGINT, SIG_IGN); /* a key that is pressed is for the command to answer */
	(void)signal(SIGQUIT, SIG_IGN);
	st = wait_for(&c);
	if (WIFSIGNALED(st)) {
		(void)signal(WTERMSIG(st), SIG_DFL);
		(void)raise(WTERMSIG(st));
	}
	leave(WEXITSTATUS(st));
}

bool child_wait(struct child *c, char *why, size_t cap, int *status)
{
	int st = wait_for(c);

	c->pid = 0;
	*status = WIFEXITED(st) ? WEXITSTATUS(st) : 0;
	if (WIFSIGNALED(st))
		(void)snprintf(why, cap, "killed by signal %d (%s)", WTERMSIG(st),
			       strsignal(WTERMSIG(st)));
	else
		(void)snprintf(why, cap, "exit status %d", *status);
	return WIFEXITED(st) && *status == 0;
}

void child_stop(struct child *c)
{
	if (c->pid > 0)
		(void)kill(c->pid, SIGTERM);
}
