/*
 * rd_csv.c - CSV records (RFC 4180).
 *
 * A record on one line is split right here, which is up to twenty times faster than libcsv; a wide
 * record nearly always has a quote somewhere. Whatever is not plainly right (a record that goes on
 * in the next line, a quote in the wrong place, a lone CR) is left to libcsv, which is fed line by
 * line until the record is complete. libcsv needs taming (t/unit/csv.c has a test for each):
 * blanks are trimmed unless the "space" function says nothing is one; an unterminated quote and
 * bytes behind a closing quote pass unless CSV_STRICT and CSV_STRICT_FINI are set; its field
 * memory is reused for the next field; a short return value of csv_parse() is the only error sign.
 */
#include "core/msg.h"
#include "stream/rd_impl.h"

#include <csv.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct csv_lib {
	struct csv_parser p;
	struct rd *rd;
	size_t n;	   /* fields so far */
	bool complete;	   /* the row callback came */
	bool after_row;	   /* a field came behind it: a lone CR split the line */
};

static int no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static void lib_init(struct csv_lib *lib)
{
	if (csv_init(&lib->p, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL | CSV_APPEND_NULL))
		die(EX_TEMP, "cannot start libcsv");
	csv_set_space_func(&lib->p, no_space);
}

static void on_field(void *text, size_t n, void *ctx)
{
	struct csv_lib *lib = ctx;
	struct rd *rd = lib->rd;

	if (lib->complete) {
		lib->after_row = true;
		return;
	}
	rd_need_fields(rd, lib->n + 1);
	if (!text) {
		rd->fields[lib->n++] = FIELD_NULL;
	} else {
		rd->fields[lib->n++] =
			field_str(arena_dup(&rd->arena, (struct sl){ (const char *)text, n }));
	}
}

static void on_row(int c, void *ctx)
{
	struct csv_lib *lib = ctx;

	(void)c;
	lib->complete = true;
}

void rd_csv_release(struct rd *rd)
{
	if (rd->lib)
		csv_free(&rd->lib->p);
	mem_free(rd->lib);
}

/* Splits one line at its commas; returns the number of fields. */
static size_t split_line(struct rd *rd, struct sl line)
{
	const char *p = line.p, *end = line.p + line.n;
	size_t n = 0, cap = rd->fields_cap;
	struct field *f = rd->fields;

	for (;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t len = (size_t)((comma ? comma : end) - p);

		if (UNLIKELY(n == cap)) {
			rd_need_fields(rd, n + 1);
			cap = rd->fields_cap;
			f = rd->fields;
		}
		f[n++] = (struct field){ .p = p,
					 .n = (uint32_t)len,
					 .kind = len ? F_STR : F_NULL,
					 .plain = len != 0 };
		if (!comma)
			return n;
		p = comma + 1;
	}
}

static struct field *next_field(struct rd *rd, size_t n)
{
	if (UNLIKELY(n == rd->fields_cap))
		rd_need_fields(rd, n + 1);
	return &rd->fields[n];
}

/*
 * The text of a quoted field: `p` stands behind the opening quote; returns what is behind the
 * closing one, or NULL when there is none in this line. Doubled quotes make a copy necessary.
 */
static const char *quoted_field(struct rd *rd, const char *p, const char *end, struct field *f)
{
	const char *start = p, *q;
	size_t doubled = 0;
	char *copy;

	while ((q = memchr(p, '"', (size_t)(end - p))) && q + 1 < end && q[1] == '"') {
		doubled++;
		p = q + 2;
	}
	if (!q)
		return NULL;
	*f = field_str((struct sl){ start, (size_t)(q - start) });
	if (doubled) {
		f->p = copy = arena_alloc(&rd->arena, f->n);
		f->n -= (uint32_t)doubled;
		for (p = start; p < q; p++) {
			*copy++ = *p;
			p += *p == '"';
		}
	}
	return q + 1;
}

/* Splits a line with quotes; false where libcsv has to look at it. */
static bool split_quoted(struct rd *rd, struct sl line, size_t *n_fields)
{
	const char *p = line.p, *end = line.p + line.n;
	const char *quote = memchr(p, '"', line.n);
	size_t n = 0;

	for (;; p++) {
		struct field *f = next_field(rd, n++);
		const char *comma;

		if (quote == p && quote) {
			p = quoted_field(rd, p + 1, end, f);
			if (!p || (p < end && *p != ','))
				return false;
			quote = memchr(p, '"', (size_t)(end - p));
		} else {
			comma = memchr(p, ',', (size_t)(end - p));
			if (!comma)
				comma = end;
			if (quote && quote < comma)
				return false;
			*f = (struct field){ .p = p,
					     .n = (uint32_t)(comma - p),
					     .kind = comma > p ? F_STR : F_NULL,
					     .plain = comma > p };
			p = comma;
		}
		if (p == end) {
			*n_fields = n;
			return true;
		}
	}
}

/* What one call of a record reader found. */
struct found {
	size_t n;	  /* fields */
	size_t len;	  /* bytes of the record, without its LF */
	uint64_t lines;
	bool cut;	  /* no LF behind it: the end of input */
	const char *why;  /* NULL, or the fault */
	size_t at;	  /* offset of the fault */
};

/* A record with quotes: feeds libcsv line by line until the record is complete. */
static void read_quoted(struct rd *rd, struct found *r, struct sl line, bool cut)
{
	struct csv_lib *lib = rd->lib;
	size_t fed = 0;

	if (!lib) {
		lib = rd->lib = mem_zalloc(sizeof *lib);
		lib->rd = rd;
		lib_init(lib);
	}
	lib->n = 0;
	lib->complete = lib->after_row = false;
	for (;;) {
		size_t len = line.n - fed + !cut;
		size_t done = csv_parse(&lib->p, line.p + fed, len, on_field, on_row, lib);

		r->len = line.n;
		r->lines++;
		if (done != len) {
			r->why = "a quote inside an unquoted field or text behind a closing quote";
			r->at = fed + done;
			break;
		}
		if (cut && csv_fini(&lib->p, on_field, on_row, lib) != 0) {
			r->why = "unterminated quote";
			r->at = line.n;
			break;
		}
		if (lib->after_row) {
			r->why = "carriage return inside a record";
			break;
		}
		r->cut = cut;
		r->n = lib->n;
		if (lib->complete || cut)
			return;
		/* the record goes on in the next line; the window may move, offsets stay */
		fed = line.n + 1;
		size_t had = fed;

		for (;;) {
			struct sl w = in_window(rd->in);
			const char *nl = w.n > had ? memchr(w.p + had, '\n', w.n - had) : NULL;

			line = (struct sl){ w.p, nl ? (size_t)(nl - w.p) : w.n };
			cut = !nl;
			if (nl)
				break;
			had = w.n;
			if (!rd_more(rd))
				break;
		}
		if (cut)
			line = in_window(rd->in);
	}
	csv_free(&lib->p);
	lib_init(lib);
	r->cut = cut;
}

/* A line with quotes, in place where that is plain. */
static bool read_quoted_line(struct rd *rd, struct found *r, struct sl line, bool cut)
{
	struct sl text = line;

	if (in_class(rd->in) & IN_CR) {
		text.n -= text.n > 0 && text.p[text.n - 1] == '\r';
		if (memchr(text.p, '\r', text.n))
			return false;
	}
	if (!split_quoted(rd, text, &r->n))
		return false;
	r->len = line.n;
	r->cut = cut;
	return true;
}

#ifdef __SSE2__
/*
 * Reads a record from a window without quotes and CRs in one pass, sixteen bytes at a time; false
 * when its end is not in the window.
 */
static bool read_plain(struct rd *rd, struct found *r)
{
	const __m128i comma = _mm_set1_epi8(','), lf = _mm_set1_epi8('\n');
	struct sl w = in_window(rd->in);
	const char *start = w.p, *end = w.p + w.n;

	for (const char *block = w.p; block < end; block += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)block);
		unsigned ends = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, lf));
		unsigned stops = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, comma)) | ends;

		for (; stops; stops &= stops - 1) {
			const char *stop = block + __builtin_ctz(stops);
			struct field *f = next_field(rd, r->n);

			if (UNLIKELY(stop >= end))
				return false;
			*f = (struct field){ .p = start,
					     .n = (uint32_t)(stop - start),
					     .kind = stop > start ? F_STR : F_NULL,
					     .plain = stop > start };
			r->n++;
			if (ends & (stops & -stops)) {
				r->len = (size_t)(stop - w.p);
				return true;
			}
			start = stop + 1;
		}
	}
	return false;
}
#else
static bool read_plain(struct rd *rd, struct found *r)
{
	(void)rd;
	(void)r;
	return false;
}
#endif

/* Reads one record into rd->fields; false at the end of input. Nothing is consumed. */
static bool read_record(struct rd *rd, struct found *r)
{
	struct sl line;
	bool cut;

	*r = (struct found){ .lines = 1 };
	if (!(in_class(rd->in) & (IN_QUOTE | IN_CR)) && read_plain(rd, r))
		return true;
	r->n = 0;
	if (!rd_line(rd, &line, &cut) && !cut)
		return false;
	if ((in_class(rd->in) & IN_QUOTE) && memchr(line.p, '"', line.n)) {
		if (!read_quoted_line(rd, r, line, cut)) {
			r->lines = 0;
			read_quoted(rd, r, line, cut);
		}
		return true;
	}
	r->len = line.n;
	r->cut = cut;
	if (in_class(rd->in) & IN_CR) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		const char *cr = memchr(line.p, '\r', line.n);

		if (cr) {
			r->why = "carriage return inside a record";
			r->at = (size_t)(cr - line.p);
		}
	}
	r->n = split_line(rd, line);
	return true;
}

/*
 * A seal where no stream was announced as sealed: the header was changed or lost. Such a record is
 * never taken for data, or one wrong bit would turn a sealed stream into an unsealed one.
 */
static void refuse_stray_control(struct rd *rd, const struct field *last)
{
	struct control c;

	if (last->n >= 5 && memcmp(last->p, "{\"v\":", 5) == 0 &&
	    !control_parse(&rd->arena, field_sl(last), &c))
		rd_corrupt(rd, "a seal in a stream that does not begin as a sealed one");
}

static void header_fault(struct rd *rd, const char *why, size_t column)
{
	die(EX_DATA, "%s: header, column %zu: %s", in_name(rd->in), column, why);
}

enum rd_event rd_csv_header(struct rd *rd)
{
	struct found r;
	struct sl raw;
	size_t at;
	const char *why;

	if (rd->conf.columns) {
		for (size_t i = 0; i < rd->conf.columns->n; i++)
			(void)names_add(&rd->cols, rd->conf.columns->name[i], NULL);
		return RD_COLS;
	}
	if (!read_record(rd, &r))
		return RD_END;
	raw = (struct sl){ in_window(rd->in).p, r.len };
	why = r.why ? r.why : rd_check_text(rd, raw, &at);
	if (!why && r.cut && !rd->conf.allow_no_newline)
		why = "the last line has no line end";
	if (why)
		die_hint(EX_DATA, r.cut ? "--allow-no-newline takes it as it is" : NULL,
			 "%s: header: %s", in_name(rd->in), why);
	refuse_stray_control(rd, &rd->fields[r.n - 1]);
	for (size_t i = 0; i < r.n; i++) {
		struct sl name = field_sl(&rd->fields[i]);
		bool added;

		if (sl_eq(name, SL(SEAL_COLUMN)) && i == r.n - 1) {
			rd->sealed = true;
			break;
		}
		if (name.n == 0)
			header_fault(rd, "a column has no name", i + 1);
		if (sl_eq(name, SL(SEAL_COLUMN)))
			header_fault(rd, "only the last column can be named " SEAL_COLUMN, i + 1);
		(void)names_add(&rd->cols, name, &added);
		if (!added)
			header_fault(rd, "a name is used twice", i + 1);
	}
	rd_take(rd, r.len + !r.cut, r.lines);
	arena_reset(&rd->arena);
	return RD_COLS;
}

static enum rd_event control_record(struct rd *rd, const struct found *r)
{
	struct sl text = field_sl(&rd->fields[r->n - 1]);
	struct sl raw = { in_window(rd->in).p, r->len };

	for (size_t i = 0; i + 1 < r->n; i++)
		if (rd->fields[i].kind != F_NULL)
			rd_corrupt(rd, "a control record with data in it");
	return rd_control(rd, text, raw);
}

static enum rd_event wrong_count(struct rd *rd, size_t have, size_t want)
{
	static char why[80];

	(void)snprintf(why, sizeof why, "%zu field%s where the header has %zu", have,
		       have == 1 ? "" : "s", want);
	return rd_bad(rd, 0, SL(""), SL(""), why);
}

enum rd_event rd_csv_next(struct rd *rd)
{
	size_t want = rd->cols.n + rd->sealed, at = 0;
	struct found r;
	const char *why;

	if (!read_record(rd, &r))
		return rd_finish(rd);
	if (rd->sealed && r.cut)
		return rd_finish(rd);
	if (!rd->sealed && !r.why && UNLIKELY(!rd->fields[r.n - 1].plain))
		refuse_stray_control(rd, &rd->fields[r.n - 1]);
	if (rd->sealed && !r.why && r.n == want && rd->fields[r.n - 1].kind != F_NULL)
		return control_record(rd, &r);

	struct sl raw = { in_window(rd->in).p, r.len };

	rd->rec = (struct rec){ .f = rd->fields,
				.n = r.n - rd->sealed,
				.record = ++rd->records,
				.line = rd->line + 1,
				.raw = raw };
	rd_take(rd, r.len + !r.cut, r.lines);
	if (r.why)
		return rd_bad(rd, r.at + 1, SL(""), SL(""), r.why);
	why = in_class(rd->in) & (IN_HIGH | IN_NUL) ? rd_check_text(rd, raw, &at) : NULL;
	if (why)
		return rd_bad(rd, at + 1, SL(""), SL(""), why);
	if (r.n != want && !(rd->conf.columns && r.n < want))
		return wrong_count(rd, r.n, want);
	if (r.cut && !rd->conf.allow_no_newline)
		return rd_bad(rd, r.len + 1, SL(""), SL(""),
			      "the last record has no line end (was the file cut? "
			      "--allow-no-newline takes it)");
	return RD_ROW;
}
