/*
 * rd_csv.c - CSV records (RFC 4180).
 *
 * A record is split right here, which is up to twenty times faster than libcsv. Whatever is not
 * plainly right (a quote in the wrong place, a lone CR, a quoted field with a line end that is not
 * in the window yet) is left to libcsv.
 */
#include "core/utf8.h"
#include "stream/block.h"
#include "stream/rd_impl.h"

const char rd_lone_cr[] = N_("carriage return inside a record");

/* Splits one line at its delimiters; returns the number of fields. */
static size_t split_line(struct rd *rd, struct sl line)
{
	const char *p = line.p, *end = line.p + line.n;
	size_t n = 0, cap = rd->fields_cap;
	struct field *f = rd->fields;

	for (;;) {
		const char *comma = memchr(p, rd->sep, (size_t)(end - p));
		size_t len = (size_t)((comma ? comma : end) - p);

		if (UNLIKELY(n == cap)) {
			rd_need_fields(rd, n + 1);
			cap = rd->fields_cap;
			f = rd->fields;
		}
		f[n++] = (struct field){ .p = p,
					 .n = (uint32_t)len,
					 .kind = len ? F_STR : F_NULL,
					 .plain = len != 0 && rd->sep == ',' };
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
 * closing one, or NULL when there is none before `end`. Doubled quotes make a copy necessary.
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

/*
 * Splits a record with quotes whose first line is `line`; false where libcsv has to look at it. A
 * quoted field may go on behind that line, up to `limit`; line->n is then what the record has, and
 * *more that it goes on behind the limit, too.
 */
static bool split_quoted(struct rd *rd, struct sl *line, const char *limit, size_t *n_fields,
			 bool *more)
{
	const char *p = line->p, *end = line->p + line->n;
	const char *quote = memchr(p, '"', line->n);
	size_t n = 0;

	for (;; p++) {
		struct field *f = next_field(rd, n++);
		const char *comma;
		bool inside;

		if (quote == p && quote) {
			p = quoted_field(rd, p + 1, limit, f);
			if (p && p > end) {
				end = memchr(p, '\n', (size_t)(limit - p));
				line->n = end ? (size_t)(end - line->p) : 0;
			}
			*more = !p || !end;
			if (*more || (p < end && *p != rd->sep))
				return false;
			quote = memchr(p, '"', (size_t)(end - p));
		} else {
			comma = memchr(p, rd->sep, (size_t)(end - p));
			if (!comma)
				comma = end;
			inside = quote && quote < comma;
			if (inside && !rd->conf.lenient_quotes)
				return false;
			if (inside)
				quote = memchr(comma, '"', (size_t)(end - comma));
			*f = (struct field){ .p = p,
					     .n = (uint32_t)(comma - p),
					     .kind = comma > p ? F_STR : F_NULL,
					     .plain = comma > p && rd->sep == ',' && !inside };
			p = comma;
		}
		if (p == end) {
			*n_fields = n;
			return true;
		}
	}
}

static uint64_t count_lines(struct sl s)
{
	uint64_t n = 1;

	for (const char *p = s.p, *nl; (nl = memchr(p, '\n', s.n - (size_t)(p - s.p))); p = nl + 1)
		n++;
	return n;
}

/* A record with quotes, in place where that is plain; *more: it is not all in the window. */
static bool read_quoted_here(struct rd *rd, struct rd_found *r, struct sl line, bool cut,
			     bool *more)
{
	struct sl w = in_window(rd->in), text = line;
	const char *limit = w.p + w.n;

	if (text.p[text.n - 1] == '\r') {
		text.n--;
		limit = text.p + text.n; /* no further line: it ends with a CR, too */
	}
	size_t first_line = text.n;

	*more = false;
	if (!split_quoted(rd, &text, limit, &r->n, more) || memchr(text.p, '\r', text.n))
		return false;
	if (text.n > first_line) {
		r->lines = count_lines(text);
		line.n = text.n;
	}
	r->len = line.n;
	r->cut = cut;
	return true;
}

#ifdef BLOCKS
/*
 * Reads a record in one pass, a block at a time. False when it is not plain: its end is not
 * in the window, it has a quote, a NUL or a CR that ends no line, or too many fields. `ascii` says
 * when it is for certain; bytes behind the record may make that false.
 */
static inline __attribute__((always_inline)) bool
scan_plain(struct rd *rd, char sep, size_t *n_fields, size_t *len, bool *ascii)
{
	struct sl w = in_window(rd->in);
	const char *start = w.p, *end = w.p + w.n;
	struct field *f = rd->fields, *last = f + rd->fields_cap;
	block all = block_none();

	for (const char *at = w.p; at < end; at += BLOCK) {
		block b = block_at(at);
		block ends = block_or(block_is(b, '\n'), block_is(b, '\r'));
		block bad = block_or(block_is(b, '"'), block_is(b, '\0'));
		unsigned stops = block_bits(block_or(block_or(block_is(b, sep), ends), bad));

		all = block_or(all, b);
		for (; stops; stops &= stops - 1) {
			const char *stop = at + __builtin_ctz(stops), *lf = stop;

			if (UNLIKELY(stop >= end || f == last))
				return false;
			*f++ = (struct field){ .p = start,
					       .n = (uint32_t)(stop - start),
					       .kind = (uint8_t)(F_NULL + (stop > start)),
					       .plain = sep == ',' && stop > start };
			start = stop + 1;
			if (LIKELY(*stop == sep))
				continue;
			lf += *stop == '\r' && stop + 1 < end;
			*len = (size_t)(lf - w.p);
			*n_fields = (size_t)(f - rd->fields);
			*ascii = block_bits(all) == 0;
			return *lf == '\n';
		}
	}
	return false;
}
#else
static inline bool
scan_plain(struct rd *rd, char sep, size_t *n_fields, size_t *len, bool *ascii)
{
	(void)rd, (void)sep, (void)n_fields, (void)len, (void)ascii;
	return false;
}
#endif

/*
 * The header as a record, or any record behind a byte order mark: files joined by cat(1). It
 * passes, for it might be data, but not without a word.
 */
static void see_whether_header(struct rd *rd)
{
	bool header = (!rd->conf.no_header || rd->conf.columns) && rd->rec.n == rd->cols.n;
	struct sl first = field_sl(&rd->fields[0]), plain = utf8_unmarked(first);

	for (size_t i = 0; i < rd->rec.n && header; i++)
		header = sl_eq(i == 0 ? plain : field_sl(&rd->fields[i]), rd->cols.name[i]);
	if (rd->warned || rd->sealed || rd->conf.ragged || (!header && plain.n == first.n))
		return;
	rd->warned = true;
	msg_warn("%s:%llu: %s comes again, as a record: were files joined by cat? "
		 "Programs take several files, and check their headers",
		 in_name(rd->in), (unsigned long long)rd->rec.line,
		 header ? tr("the header") : tr("a byte order mark"));
}

/*
 * The common case of rd_csv_next(), done when it returns true: a data record without quotes that
 * has the right number of fields and nothing wrong. Anything else is read the long way.
 */
static bool next_plain(struct rd *rd)
{
	size_t want = rd->cols.n + rd->sealed, n, len, at;
	struct sl raw;
	bool ascii;

	/* with the usual delimiter the compiler knows it */
	if (LIKELY(rd->sep == ',') ? !scan_plain(rd, ',', &n, &len, &ascii)
				   : !scan_plain(rd, rd->sep, &n, &len, &ascii))
		return false;
	if (n != want || len > rd->conf.max_record ||
	    (rd->sealed && rd->fields[n - 1].kind != F_NULL))
		return false;
	raw = (struct sl){ in_window(rd->in).p, len };
	if (!ascii && utf8_fault(raw, &at))
		return false;
	rd->rec.f = rd->fields;
	rd->rec.n = rd->cols.n;
	rd->rec.record = ++rd->records;
	rd->rec.line = rd->line + 1;
	rd->rec.raw = raw;
	if (UNLIKELY(rd->fields[0].n - (size_t)rd->first_name <= 3 ||
		     (!ascii && utf8_unmarked(raw).n != raw.n)))
		see_whether_header(rd);
	rd_take(rd, len + 1, 1);
	return true;
}

/* --null; without it, a tab and \N look like COPY's own format, whose escapes are text here. */
void rd_csv_nulls(struct rd *rd)
{
	struct sl null = sl_of(rd->conf.null ? rd->conf.null : "\\N");

	for (size_t i = 0; i < rd->rec.n; i++) {
		if (!sl_eq(field_sl(&rd->rec.f[i]), null))
			continue;
		if (rd->conf.null)
			rd->rec.f[i] = FIELD_NULL;
		else if (!rd->told_null)
			msg_warn("%s:%llu: a field is \\N, as in COPY's own format, whose escapes "
				 "are text here: --null '\\N' makes it NULL, and '\\copy … csv "
				 "header' writes no escapes",
				 in_name(rd->in), (unsigned long long)rd->rec.line);
		rd->told_null = true;
	}
}

/* Reads one record into rd->fields; false at the end of input. Nothing is consumed. */
static bool read_record(struct rd *rd, struct rd_found *r)
{
	struct sl line;
	bool cut, here, more;

	*r = (struct rd_found){ .lines = 1 };
	if (!rd_line(rd, &line, &cut) && !cut)
		return false;
	if (memchr(line.p, '"', line.n)) {
		here = read_quoted_here(rd, r, line, cut, &more);
		/* libcsv knows no lenient quotes, so here it is not asked for what has to come */
		while (!here && more && line.p[line.n - 1] != '\r' && rd->conf.lenient_quotes &&
		       rd_more(rd)) {
			if (!rd_line(rd, &line, &cut) && !cut)
				break;
			here = read_quoted_here(rd, r, line, cut, &more);
		}
		if (!here) {
			r->lines = 0;
			rd_csv_lib_read(rd, r, line, cut);
		}
		return true;
	}
	r->len = line.n;
	r->cut = cut;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	const char *cr = memchr(line.p, '\r', line.n);

	if (cr) {
		r->why = rd_lone_cr;
		r->at = (size_t)(cr - line.p);
	}
	r->n = split_line(rd, line);
	return true;
}

/* Consumes lines that are no records: comments; empty ones where a record has several fields. */
static void pass_over(struct rd *rd, bool blank)
{
	size_t n = rd->conf.comment ? strlen(rd->conf.comment) : 0;

	blank &= !rd->conf.blanks_count;
	for (;;) {
		struct sl w = in_window(rd->in), line;
		bool cut, whole;

		while (w.n < (n > 2 ? n : 2) && rd_more(rd))
			w = in_window(rd->in);
		w = in_window(rd->in);
		if (!(n && w.n >= n && memcmp(w.p, rd->conf.comment, n) == 0) &&
		    !(blank && w.n && (*w.p == '\n' || (w.n > 1 && memcmp(w.p, "\r\n", 2) == 0))))
			return;
		whole = rd_line(rd, &line, &cut);
		rd_check_size(rd, line.n);
		rd_take(rd, line.n + whole, whole);
		if (!whole)
			return;
	}
}

/*
 * A seal where no stream was announced as sealed: the header was changed or lost. Such a record is
 * never taken for data, or one wrong bit would turn a sealed stream into an unsealed one.
 */
static void refuse_stray(struct rd *rd, const struct field *last)
{
	struct control c;

	if (last->n >= 5 && memcmp(last->p, "{\"v\":", 5) == 0 &&
	    !control_parse(&rd->arena, field_sl(last), &c))
		rd_corrupt(rd, "a seal in a stream that does not begin as a sealed one");
}

static enum rd_event control_record(struct rd *rd, const struct rd_found *r)
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
	struct rd_found r;
	const char *why;

	if (UNLIKELY(rd->conf.comment != NULL))
		pass_over(rd, false);
	if (LIKELY(next_plain(rd)))
		return RD_ROW;
	if (want > 1 && !rd->sealed)
		pass_over(rd, true);
	if (!read_record(rd, &r))
		return rd_finish(rd);
	if (rd->sealed && r.cut)
		return rd_finish(rd);
	if (!rd->sealed && !r.why && UNLIKELY(!rd->fields[r.n - 1].plain))
		refuse_stray(rd, &rd->fields[r.n - 1]);
	if (rd->sealed && !r.why && r.n == want && rd->fields[r.n - 1].kind != F_NULL)
		return control_record(rd, &r);

	struct sl raw = { in_window(rd->in).p, r.len };

	rd_check_size(rd, r.len);
	rd->rec = (struct rec){ .f = rd->fields,
				.n = r.n - rd->sealed,
				.record = ++rd->records,
				.line = rd->line + 1,
				.raw = raw };
	rd_take(rd, r.len + !r.cut, r.lines);
	rd->cut = r.cut && !rd->conf.allow_no_newline;
	if (r.why)
		return rd_bad(rd, r.at + 1, SL(""), SL(""), r.why);
	why = utf8_fault(raw, &at);
	if (why)
		return rd_bad(rd, at + 1, SL(""), SL(""), why);
	see_whether_header(rd);
	if (r.n != want && !(rd->conf.ragged && r.n < want))
		return wrong_count(rd, r.n, want);
	if (rd->cut)
		return rd_bad(rd, r.len + 1, SL(""), SL(""),
			      "the last record has no line end (was the file cut? "
			      "--allow-no-newline takes it)");
	return RD_ROW;
}

/* ---- where the columns come from: the header, a list, or their numbers ---------------------- */

static NORETURN COLD void header_fault(const struct rd *rd, const char *why, size_t column)
{
	die_hint(EX_DATA, rd->conf.has_options ? "--rename-columns makes names" : NULL,
		 "%s: header, column %zu: %s", in_name(rd->in), column, tr(why));
}

/* A first line `sep=;`, as Excel writes and reads it, is none of the header. */
static void take_sep(struct rd *rd)
{
	struct sl line;
	bool cut;

	if (!rd_line(rd, &line, &cut) || line.n < 5 || line.n > 6 ||
	    memcmp(line.p, "sep=", 4) != 0 || (line.n == 6 && line.p[5] != '\r'))
		return;
	rd->sep = line.p[4];
	rd_take(rd, line.n + 1, 1);
}

/* A name that is empty or there already becomes NAME_2 and so on, one that is not in the header. */
static struct sl new_name(struct rd *rd, const struct names *header, struct sl name, size_t column)
{
	AUTO_STR s = { 0 };

	if (name.n > 0 && names_find(&rd->cols, name) == NAMES_NONE)
		return name;
	str_add(&s, name);
	if (name.n == 0)
		str_addf(&s, "column_%zu", column);
	for (size_t i = 2, n = s.n; names_find(&rd->cols, str_sl(&s)) != NAMES_NONE ||
				    names_find(header, str_sl(&s)) != NAMES_NONE; i++) {
		s.n = n;
		str_addf(&s, "_%zu", i);
	}
	return arena_dup(&rd->arena, str_sl(&s));
}

static void add_name(struct rd *rd, struct sl name, size_t column)
{
	bool added;

	if (name.n == 0)
		header_fault(rd, "a column has no name", column);
	if (sl_eq(name, SL(SEAL_COLUMN)))
		header_fault(rd, "only the last column can be named " SEAL_COLUMN, column);
	(void)names_add(&rd->cols, name, &added);
	if (!added)
		header_fault(rd, "a name is used twice", column);
}

/* Another delimiter than the one in use is seen best where there is but one column. */
static void see_whether_delimited(const struct rd *rd)
{
	static const char others[] = ";\t|,";
	const char *found = NULL;

	for (const char *c = others; *c && rd->cols.n == 1; c++)
		if (!found && *c != rd->sep && memchr(rd->cols.name[0].p, *c, rd->cols.name[0].n))
			found = c;
	if (found && rd->conf.has_options)
		msg_warn("%s: the header is one column whose name holds %s: say %s",
			 in_name(rd->in),
			 *found == '\t' ? tr("a tab") : msg_q((struct sl){ found, 1 }),
			 *found == '\t'  ? "--input-format tsv"
			 : *found == ';' ? "--delimiter ';'"
			 : *found == '|' ? "--delimiter '|'"
					 : "--delimiter ,");
}

/* The header of a later file must be that of the first. */
static void compare_names(const struct rd *rd, const struct names *first, size_t n)
{
	const struct names *cols = &rd->cols;

	for (size_t i = 0; i < n || i < cols->n; i++) {
		struct sl was = i < n ? first->name[i] : SL(""), is;

		is = i < cols->n ? cols->name[i] : SL("");
		if (!sl_eq(was, is))
			die_hint(EX_DATA, "files that are read together need the same columns",
				 "%s: header: column %zu is %s, but %s in %s", in_name(rd->in),
				 i + 1, msg_q(is), msg_q(was), rd->paths[0]);
	}
}

/* The columns are given, or numbered. */
static enum rd_event columns_without_header(struct rd *rd)
{
	struct rd_found r;
	char number[20];

	if (rd->conf.columns) {
		for (size_t i = 0; i < rd->conf.columns->n; i++)
			(void)names_add(&rd->cols, rd->conf.columns->name[i], NULL);
		return RD_COLS;
	}
	if (!read_record(rd, &r))
		return RD_END;
	for (size_t i = 0; i < r.n; i++)
		(void)names_add(&rd->cols, (struct sl){ number, num_put_u64(number, i + 1) }, NULL);
	return RD_COLS;
}

static void take_header(struct rd *rd, const struct rd_found *r)
{
	AUTO_NAMES header = { 0 };

	for (size_t i = 0; i < r->n && rd->conf.rename_columns; i++)
		(void)names_add(&header, field_sl(&rd->fields[i]), NULL);
	for (size_t i = 0; i < r->n; i++) {
		struct sl name = field_sl(&rd->fields[i]);

		if (sl_eq(name, SL(SEAL_COLUMN)) && i == r->n - 1 && rd->sep == ',') {
			rd->sealed = true;
			break;
		}
		if (rd->conf.rename_columns)
			name = new_name(rd, &header, name, i + 1);
		add_name(rd, name, i + 1);
	}
}

static enum rd_event read_header(struct rd *rd)
{
	struct names first = rd->cols;
	enum rd_event ev;
	struct rd_found r;
	struct sl raw;
	size_t at;
	const char *why;

	if (rd->conf.ragged)
		return columns_without_header(rd);
	take_sep(rd);
	pass_over(rd, true);
	if (rd->conf.columns || rd->conf.no_header)
		return first.n ? RD_COLS : columns_without_header(rd);
	if (!read_record(rd, &r))
		return RD_END;
	rd_check_size(rd, r.len);
	raw = (struct sl){ in_window(rd->in).p, r.len };
	why = utf8_fault(raw, &at); /* of another encoding bytes are no line ends either */
	why = why ? why : r.why;
	if (!why && r.cut && !rd->conf.allow_no_newline)
		why = "the last line has no line end";
	if (!why && r.n == 1 && rd->fields[0].kind == F_NULL)
		why = tr("an empty line");
	if (why)
		die_hint(EX_DATA,
			 r.cut && !r.why	       ? N_("--allow-no-newline takes it as it is")
			 : why == rd_lone_cr	       ? N_("tr '\\r' '\\n' makes lines of it")
						       : rd_encoding_hint(rd, why),
			 "%s: header: %s", in_name(rd->in), why);
	refuse_stray(rd, &rd->fields[r.n - 1]);
	rd->cols = (struct names){ 0 };
	take_header(rd, &r);
	if (first.n) {
		compare_names(rd, &first, first.n);
		names_free(&rd->cols);
		rd->cols = first; /* others hold on to it */
	}
	see_whether_delimited(rd);
	rd_take(rd, r.len + !r.cut, r.lines);
	arena_reset(&rd->arena);
	ev = rd->cols.n ? RD_COLS : rd_csv_next(rd); /* nothing came in upstream, or it failed */
	return (rd->have_row = ev == RD_ROW) ? RD_COLS : ev;
}

enum rd_event rd_csv_header(struct rd *rd)
{
	enum rd_event ev = read_header(rd);

	rd->first_name = rd->cols.n ? (uint32_t)rd->cols.name[0].n : UINT32_MAX;
	return ev == RD_END ? rd_finish_empty(rd) : ev; /* further files may have a header */
}

/* ---- records that begin as an earlier one did ----------------------------------------------- */

/*
 * In a narrow stream most of a record is known before it is read: ship and time are those of the
 * record before, and channels come in the same order again and again. To compare bytes is cheaper
 * than to look for commas in them.
 */
/*
 * The end of a value of plain text: a comma, a line end, or what makes it less than plain, that is
 * all bytes below '#' as signed ones: blanks, controls, quotes and parts of UTF-8. NULL when it is
 * not in the window.
 */
static inline const char *find_stop(const char *p, const char *end)
{
#ifdef BLOCKS
	_Static_assert(IN_SLACK >= 2 * BLOCK, "blocks reach behind the window");

	/* two blocks at a time: most values end in them */
	for (; p < end; p += 2 * BLOCK) {
		block one = block_at(p), two = block_at(p + BLOCK);
		unsigned stops =
			block_bits(block_or(block_is(one, ','), block_below(one, '#'))) |
			block_bits(block_or(block_is(two, ','), block_below(two, '#'))) << BLOCK;

		if (stops) {
			p += __builtin_ctz(stops);
			break;
		}
	}
#else
	while (p < end && *p != ',' && (signed char)*p >= '#')
		p++;
#endif
	return p < end ? p : NULL;
}

bool rd_learn(struct rd *rd, const struct rec *rec)
{
	struct sl head;

	rd->learned = false;
	if (rd->format != FMT_CSV || rd->sep != ',' || rd->conf.null || rd->conf.ragged ||
	    rd->cols.n < 2 || rec->n != rd->cols.n)
		return false;
	for (size_t i = 0; i + 1 < rec->n; i++)
		if (!rec->f[i].plain) /* only a field as it stands in the record is */
			return false;
	head = (struct sl){ rec->raw.p, (size_t)(rec->f[rec->n - 2].p - rec->raw.p) };
	if (rd->head.n != head.n || !same_bytes(rd->head.p, head.p, head.n)) {
		str_set(&rd->head, head);
	}
	return rd->learned = true;
}

bool rd_next_like(struct rd *rd, struct sl name, struct field *last)
{
	struct sl w = in_window(rd->in), value;
	size_t before = rd->head.n + name.n + 1;
	const char *stop, *lf;

	if (!rd->learned || w.n <= before || w.p[before - 1] != ',' ||
	    !same_bytes(w.p + rd->head.n, name.p, name.n) ||
	    !same_bytes(w.p, rd->head.p, rd->head.n))
		return false;
	stop = find_stop(w.p + before, w.p + w.n);
	if (!stop)
		return false;
	lf = stop + rd->sealed; /* behind the comma before the empty field of the seal */
	if (*stop != (rd->sealed ? ',' : '\n') || lf >= w.p + w.n || *lf != '\n')
		return false;
	value = (struct sl){ w.p + before, (size_t)(stop - w.p) - before };
	*last = (struct field){ .p = value.p,
				.n = (uint32_t)value.n,
				.kind = value.n ? F_STR : F_NULL,
				.plain = value.n > 0 };
	rd->records++;
	rd->rows++;
	rd_take(rd, (size_t)(lf + 1 - w.p), 1);
	return true;
}
