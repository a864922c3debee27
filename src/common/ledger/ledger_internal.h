/*
 * ledger_internal.h - what the files of the ledger share; nobody else includes it.
 */
#pragma once

#include "ledger/ledger.h"

/* Texts of parameters, which live to the end of the block; a time is NULL for LEDGER_NO_TIME. */
#define ledger_u64(v) ledger_text_u64(&(struct ledger_text){ "" }, v)
#define ledger_time(instant) ledger_text_time(&(struct ledger_text){ "" }, instant)
#define ledger_interval(us) ledger_text_interval(&(struct ledger_text){ "" }, us)

struct ledger_text {
	char p[CLOCK_TEXT_MAX + 1];
};
const char *ledger_text_u64(struct ledger_text *t, uint64_t v);
const char *ledger_text_time(struct ledger_text *t, int64_t instant);
const char *ledger_text_interval(struct ledger_text *t, int64_t us);

/* A statement whose one parameter is a number, such as that of a job; as pg_query(). */
struct pg_result *ledger_ask(struct pg *target, const char *sql, uint64_t id) NODISCARD;

/* One with the job, and as $2 the ships; NULL is all of them. */
struct pg_result *ledger_ask_part(const struct ledger_part *of, const char *sql) NODISCARD;

/* Of a result: LEDGER_NO_TIME for NULL. */
int64_t ledger_get_time(const struct pg_result *r, size_t row, int col);

/* A text, "" for NULL, in the arena. */
const char *ledger_get_text(const struct pg_result *r, size_t row, int col, struct arena *a);

/* A text for people as the ledger can hold it; in `s`. */
const char *ledger_storable(const struct pg *target, struct str *s, const char *text);

/* As clock_parse(), and the end of all time, as the server or clock_put() writes it. */
bool ledger_parse_time(struct sl text, int64_t *instant) NODISCARD;

/* Makes the text of an array of ships; NULL for none, which means all. */
const char *ledger_array(struct str *s, const struct sl *ships, size_t n);

/* The ships of the facts as JSON; `all`: with what is not in a seal, and of which {ships} in
 * parts.sql makes rows (ledger_facts.c). */
void ledger_put_ships(struct str *s, const struct ledger_facts *f, bool all);

/* The beginning of one of them, whose brace is still open; `more`: behind another. */
void ledger_put_claimed(struct str *s, bool more, struct sl ship, uint64_t attempt);

extern const char *const ledger_levels[]; /* of enum ledger_level (ledger_events.c) */

extern const char *const ledger_follow_kinds[]; /* "slot", "poll" (ledger_facts.c) */

/* Is the worker of this name on this host, and gone? (ledger_worker.c) */
bool ledger_worker_is_dead(struct sl worker);
