/*
 * kp.h - kill points: named places where a test makes the program die or stop.
 *
 *	KP_KILL=before_commit:3	 SIGKILL at the third pass
 *	KP_STOP=in_copy:1	 SIGSTOP at the first pass; the test sends SIGCONT
 *
 * Compiled in with -DTESTING only; a release has no trace of them.
 */
#pragma once

#ifdef TESTING
#define KP(name) kp_hit(name)
/* Counts a pass of the place; acts when the environment asks for this one. */
void kp_hit(const char *name);
#else
#define KP(name) ((void)0)
#endif
