/*
 * tap.h - the few words a unit program needs: it prints TAP and returns tap_done() from main().
 * A failed check prints where it stands and what it saw; the program goes on.
 */
#ifndef FERRY_TAP_H
#define FERRY_TAP_H

#include "core/base.h"
#include "core/msg.h"

#include <stdarg.h>
#include <stdlib.h>

static int tap_n, tap_failed;

/* One result; `what` is a printf format. Returns `good`, so that a caller may add details. */
#define tap(good, ...) tap_report(!!(good), __FILE__, __LINE__, __VA_ARGS__)

static inline bool PRINTF_LIKE(4, 5)
	tap_report(bool good, const char *file, int line, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	printf("%sok %d - ", good ? "" : "not ", ++tap_n);
	vprintf(what, ap);
	putchar('\n');
	va_end(ap);
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

/* Two texts are the same; shows both when they are not. */
static inline bool tap_same(struct sl got, struct sl want, const char *what)
{
	bool good = tap(sl_eq(got, want), "%s", what);

	if (!good) {
		printf("#  got %s\n", msg_q(got));
		printf("# want %s\n", msg_q(want));
	}
	return good;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed ? 1 : 0;
}

/* A generator that begins with FERRY_SEED, 1 unless set: a failure can be repeated. */
static inline uint64_t tap_random(void)
{
	static uint64_t x;
	const char *seed = x ? NULL : getenv("FERRY_SEED");

	if (!x)
		x = UINT64_C(0x9e3779b97f4a7c15) * ((seed ? strtoull(seed, NULL, 10) : 1) | 1);
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#endif
