/*
 * stop.h - SIGTERM, SIGINT and SIGHUP for a program that has something to put in order before it
 * ends.
 *
 * The signal is noted; the program looks at it where it can stop, and leaves through die() with
 * 143, 130 or 129 (a terminal that closes), so that whoever reads its output is told. Another
 * signal of the kind a second later or more, or five seconds in which the program did not come to
 * look (it waits for a reader), end it at once, with the same code. One that comes sooner is the
 * same one, which a service manager sends to all and a front door passes on. Where SIGTERM was
 * ignored when the program began, SIGINT stays so, too: so whoever starts a pipeline that follows
 * can leave it to the first stage alone to end it. SIGHUP stays ignored where it was (nohup).
 *
 * FERRY_TOLD, from a front door, names a file that is there once the door was told to end, before
 * it passes the signal on: what bash forks while it has a trap for a signal loses it up to execve()
 * (bash 5.2: the handler of the trap notes it, and nobody looks).
 */
#pragma once

#include "core/base.h"

/* Starts to note the signals; `wake` (may be NULL) is called in the handler, with `ctx`. */
void stop_catch(void (*wake)(void *ctx), void *ctx);

/*
 * The same for a program that goes on for ever, and at the signal finishes what it has: it may take
 * its time. A second signal still ends it at once.
 */
void stop_catch_patiently(void);

/* From now on, as the program puts in order what it leaves: a signal that was noted ends it after
 * so many seconds at the latest, 0: never, nor does another signal or stop_check(). */
void stop_grace(unsigned seconds);

/* Was one of them sent? */
bool stop_asked(void);

/* Leaves the program if so. */
static inline void stop_check(void);

extern volatile int stop_signal; /* its number, 0: none yet */
extern bool stop_held;		  /* what is put in order has a limit of its own */
void stop_now(void) __attribute__((noreturn, cold));

static inline void stop_check(void)
{
	if (UNLIKELY(stop_signal) && !stop_held)
		stop_now();
}
