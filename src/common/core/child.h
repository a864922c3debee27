/*
 * child.h - running another program: no shell, nothing inherited but what is named here.
 *
 * The child has the three standard descriptors, environment and arguments of this program, except
 * where pipes are asked for. Signals are as they were when this program began; when this program
 * dies, the child is sent SIGTERM.
 */
#pragma once

#include "core/base.h"

#include <sys/types.h>

struct child {
	const char *name; /* argv[0], for messages */
	pid_t pid;	  /* 0: none is running */
	int in;		  /* write end of its standard input, or -1 */
	int out;	  /* read end of its standard output, or -1 */
};

enum child_pipes { CHILD_PIPE_IN = 1, CHILD_PIPE_OUT = 2 };

/*
 * Starts argv (ended by NULL, found by $PATH) with the pipes asked for. Dies with 69 when it cannot
 * be started. From then on writing to a pipe nobody reads is an error here, not a signal. The
 * caller closes .in and .out, or hands them to who does, and sets them to -1.
 */
void child_start(struct child *c, char *const *argv, unsigned pipes);

/*
 * Runs argv with `in` as its standard input, waits for its end, and ends this program as it ended:
 * with its exit status, or by its signal. Dies with 69 when it cannot be started.
 */
void child_become(char *const *argv, int in) NORETURN;

/*
 * Waits for its end. True when it ended with exit status 0; else `why` says how it ended ("exit
 * status 5", "killed by signal 9 (Killed)") and *status is its exit status, 0 after a signal.
 */
bool child_wait(struct child *c, char *why, size_t cap, int *status) NODISCARD;

/* Sends SIGTERM to a child that still runs. */
void child_stop(struct child *c);
