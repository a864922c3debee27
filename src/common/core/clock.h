/*
 * clock.h - instants, durations, waiting.
 *
 * An instant is an int64_t: microseconds since 2000-01-01 00:00:00 UTC, PostgreSQL's own epoch and
 * unit (timestamp and timestamptz in binary COPY, replication messages). Text is ISO 8601 as
 * PostgreSQL writes it with DateStyle ISO and TimeZone UTC: `2024-01-01 00:00:15.25`, with `+00`
 * behind where the column is timestamptz. Only years 0001-9999 are taken.
 */
#pragma once

#include "core/base.h"

#define CLOCK_US_PER_SEC INT64_C(1000000)
#define CLOCK_US_PER_DAY (INT64_C(86400) * CLOCK_US_PER_SEC)
#define CLOCK_UNIX_EPOCH (INT64_C(-946684800) * CLOCK_US_PER_SEC) /* 1970-01-01 as an instant */
#define CLOCK_TEXT_MAX 40

/*
 * Parses `YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]]][Z|(+|-)HH[:MM]]`; a zone is applied, none means UTC.
 * More than six decimals are refused (PostgreSQL would round them), as are 24:00 and leap seconds.
 */
bool clock_parse(struct sl s, int64_t *instant) NODISCARD;

/*
 * The same, or what people say: now, today, yesterday, tomorrow (each from 00:00 UTC), "2 days ago"
 * (seconds, minutes, hours, days, weeks, and any duration), @SECONDS since 1970.
 */
bool clock_parse_when(struct sl s, int64_t *instant) NODISCARD;

/* Writes the text of an instant (decimals only where not zero, without trailing zeros); at most
 * CLOCK_TEXT_MAX bytes, no NUL; returns the length. `zone` adds "+00". */
size_t clock_put(char *dst, int64_t instant, bool zone);

/* The same in the basic form of ISO 8601, for names of chunks: 20240101T000000Z. */
size_t clock_put_basic(char *dst, int64_t instant);

/*
 * A duration such as `250ms`, `15s`, `5m`, `24h`, `7d`, `1w`; a number without a unit is taken in
 * `unit_us` microseconds (0: the unit is required). False when malformed, zero or too large.
 */
bool clock_duration(struct sl s, int64_t unit_us, int64_t *us) NODISCARD;

/* Text of a duration in its largest whole unit: 24h, 90s, 250ms. */
size_t clock_put_duration(char *dst, int64_t us);

int64_t clock_now(void);       /* wall clock, as an instant */
int64_t clock_monotonic(void); /* microseconds, for measuring and deadlines */
void clock_sleep(int64_t us);  /* ends early when a signal arrives */

/* Largest multiple of `step` (> 0) that is <= t, also for negative t. */
int64_t clock_floor(int64_t t, int64_t step);

/*
 * Retries with exponential backoff and full jitter: uniform in [0, min(cap, base * 2^n)].
 * Returns the wait in microseconds before attempt n+1 (n counted from 0).
 */
int64_t clock_backoff(unsigned n, int64_t base_us, int64_t cap_us);
