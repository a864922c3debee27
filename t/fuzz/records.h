/*
 * records.h - a reader of records under test: what it says must not depend on how the bytes arrive,
 * and what it reads is what a writer writes of it.
 */
#ifndef FERRY_FUZZ_RECORDS_H
#define FERRY_FUZZ_RECORDS_H

#include "../unit/drip.h"
#include "fuzz.h"
#include "stream/in.h"
#include "stream/rd.h"
#include "stream/wr.h"

#define WHOLE 65536

struct reading {
	struct rd_conf conf;
	struct sl in;
	size_t step; /* bytes that arrive at once */
	bool guess;  /* by rd_next_like() where that is possible */

	struct str log;    /* every event, in full */
	struct str values; /* of rows alone, whatever their kind */
	bool bad, sealed, nameless; /* nameless: a column that CSV cannot have */
	uint64_t rows;
	size_t cols, seals;
	int code; /* 0, or how the program ended */
};

static inline void put_value(struct str *s, const struct field *f)
{
	str_addc(s, field_is_null(f) ? 'n' : 'v');
	str_add(s, field_is_null(f) ? SL("") : field_sl(f));
	str_addc(s, '\x1f');
}

/* NULLs at the end of a row are not told from columns that came later. */
static inline void put_values(struct str *s, const struct field *f, size_t n)
{
	while (n > 0 && field_is_null(&f[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		put_value(s, &f[i]);
	str_addc(s, '\n');
}

static inline void put_row_event(struct reading *r, const struct field *f, size_t n)
{
	str_addc(&r->log, 'R');
	for (size_t i = 0; i < n; i++) {
		str_addu(&r->log, f[i].kind);
		put_value(&r->log, &f[i]);
	}
	str_addc(&r->log, '\n');
	put_values(&r->values, f, n);
	r->rows++;
}

static inline void put_other_event(struct reading *r, struct rd *rd, enum rd_event ev)
{
	const struct fault *fault = rd_fault(rd);

	if (ev == RD_COLS) {
		str_addc(&r->log, 'C');
		for (size_t i = 0; i < rd_cols(rd)->n; i++)
			put_value(&r->log, &(struct field){ .p = rd_cols(rd)->name[i].p,
						   .n = (uint32_t)rd_cols(rd)->name[i].n,
						   .kind = F_STR });
	} else if (ev == RD_SEAL) {
		str_addf(&r->log, "S%llu %d ", (unsigned long long)rd_seal(rd)->rows,
			rd_seal(rd)->final);
		str_add(&r->log, rd_seal(rd)->chunk);
		r->seals++;
	} else if (ev == RD_BAD) {
		str_addf(&r->log, "B%llu:%llu:%llu %s ", (unsigned long long)fault->record,
			(unsigned long long)fault->line, (unsigned long long)fault->column,
			fault->why);
		str_add(&r->log, fault->value);
		r->bad = true;
	} else {
		str_addz(&r->log, "end");
	}
	str_addc(&r->log, '\n');
}

/* Records that begin like this one, read the faster way; they are told like any others. */
static inline void read_alike(struct reading *r, struct rd *rd, const struct rec *rec)
{
	struct arena arena = { 0 };
	struct field *f, last;
	size_t n = rec->n;

	if (n < 2 || !field_name(field_sl(&rec->f[n - 2])).plain || !rd_learn(rd, rec))
		return;
	f = arena_alloc(&arena, n * sizeof *f);
	for (size_t i = 0; i < n; i++) {
		f[i] = rec->f[i];
		f[i].p = arena_dup(&arena, field_sl(&f[i])).p;
	}
	while (rd_next_like(rd, field_sl(&f[n - 2]), &last)) {
		f[n - 1] = last;
		fuzz.inside = false;
		put_row_event(r, f, n);
		fuzz.inside = true;
	}
	arena_free(&arena);
}

static inline void read_events(void *ctx)
{
	struct reading *r = ctx;
	struct drip d = { .left = r->in, .step = r->step };
	struct rec rec;
	enum rd_event ev;
	struct rd *rd;
	int fd[2];

	CHECK(pipe(fd) == 0, "no pipe");
	d.fd = fd[1];
	rd = rd_from_fd(fd[0], "x", &r->conf);
	in_on_wait(rd_in(rd), drip_next, &d);
	do {
		ev = rd_next(rd, &rec);
		fuzz.inside = false; /* what is told is not the reader's */
		if (ev == RD_ROW)
			put_row_event(r, rec.f, rec.n);
		else
			put_other_event(r, rd, ev);
		fuzz.inside = true;
		if (ev == RD_ROW && r->guess)
			read_alike(r, rd, &rec);
	} while (ev != RD_END);
	r->sealed = rd_is_sealed(rd);
	r->cols = rd_cols(rd)->n;
	r->nameless = names_find(rd_cols(rd), SL("")) != NAMES_NONE;
	rd_close(rd);
	if (d.fd >= 0)
		(void)close(d.fd);
}

/* Where in compressed data a fault was seen depends on the pieces. */
static inline void read_all(struct reading *r)
{
	char *at;

	r->code = fuzz_code(read_events, r);
	at = strstr(fuzz.message, ", before byte");
	if (at)
		*at = '\0';
	if (r->code)
		str_addf(&r->log, "died %d: %s\n", r->code, fuzz.message);
}

static inline void reading_free(struct reading *r)
{
	str_free(&r->log);
	str_free(&r->values);
}

/* Not compressed, and in UTF-8: what a second parser can read. */
static inline bool is_plain(struct sl in)
{
	return in.n == 0 || !memchr("\xff\xfe\x1f\x28", *in.p, 5);
}

/* That it is no text of records at all is told where enough of it arrives at once. */
static inline bool is_magic(const struct reading *r)
{
	return strstr(str_z(&r->log), "died 65: x: this ") != NULL;
}

/* The whole text, and in pieces: the same events, the same end. */
static inline void check_pieces(struct reading *whole)
{
	static const size_t steps[] = { 1, 17, WHOLE };

	whole->step = WHOLE;
	read_all(whole);
	for (size_t i = 0; i < ARRAY_LEN(steps) && !is_magic(whole); i++) {
		struct reading r = { .conf = whole->conf, .in = whole->in, .step = steps[i],
			.guess = i > 0 };

		if (r.in.n > 500 && r.step == 1)
			r.step = 7; /* what takes long is found no sooner */
		read_all(&r);
		/* that a record is too large is known as soon as that much of it is there */
		CHECK(r.code == whole->code || (whole->code && strstr(str_z(&r.log), "is larger")),
			"%d, %d: %s", r.code, whole->code, fuzz.message);
		if (r.code == whole->code && !is_magic(&r) &&
			!strstr(str_z(&whole->log), "a record is larger"))
			CHECK_SAME(str_sl(&r.log), str_sl(&whole->log));
		reading_free(&r);
	}
}

/* ---- there and back -------------------------------------------------------------------------- */

struct writing {
	const struct reading *from;
	enum format format;
	bool sealed;
	struct str text;
};

static inline void write_records(void *ctx)
{
	struct writing *w = ctx;
	const struct wr_conf conf = { .format = w->format, .sealed = w->sealed,
		.iso = w->from->conf.iso };
	struct seal seal = { .chunk = SL("1"), .final = true };
	int out = memfd_create("out", MFD_CLOEXEC);
	struct rd *rd = rd_from_fd(fuzz_file(w->from->in), "x", &w->from->conf);
	struct wr *wr = wr_from_fd(dup(out), "out", &conf);
	enum rd_event ev;
	struct rec rec;
	ssize_t n;

	while ((ev = rd_next(rd, &rec)) != RD_END)
		if (ev == RD_COLS)
			wr_cols(wr, rd_cols(rd)->name, rd_cols(rd)->n);
		else if (ev == RD_ROW)
			wr_row(wr, rec.f, rec.n);
	wr_seal(wr, &seal);
	wr_close(wr);
	rd_close(rd);
	fuzz.inside = false;
	n = pread(out, str_room(&w->text, 1 << 18), 1 << 18, 0);
	CHECK(n >= 0 && n < 1 << 18, "too much to read back");
	w->text.n = (size_t)n;
	(void)close(out);
}

/* What `from` read, written as `format` and read again: the same values; `exact`: and kinds. */
static inline void check_there_and_back(
	const struct reading *from, enum format format, bool sealed, bool exact)
{
	struct writing w = { .from = from, .format = format, .sealed = sealed };
	struct reading back = { .conf = { .format = format, .iso = from->conf.iso },
		.step = WHOLE };

	CHECK(fuzz_code(write_records, &w) == 0, "%s", fuzz.message);
	back.in = str_sl(&w.text);
	read_all(&back);
	if (is_magic(&back)) /* a column is named <html: taken for no CSV, and said */
		goto done;
	CHECK(back.code == 0 && !back.bad && back.sealed == sealed && back.rows == from->rows,
		"%d rows of %d: %s\n%s", (int)back.rows, (int)from->rows, str_z(&back.log),
		str_z(&w.text));
	CHECK_SAME(str_sl(&back.values), str_sl(&from->values));
	if (exact)
		CHECK_SAME(str_sl(&back.log), str_sl(&from->log));
done:
	reading_free(&back);
	str_free(&w.text);
}

#endif
