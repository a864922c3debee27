/* rd_csv_header.c - where the columns of CSV come from: its header, a list, or their numbers. */
#include "core/msg.h"
#include "core/num.h"
#include "stream/rd_impl.h"

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

/* A name that is empty or there already becomes NAME_2 and so on. */
static struct sl new_name(struct rd *rd, struct sl name, size_t column)
{
	AUTO_STR s = { 0 };

	str_add(&s, name);
	if (name.n == 0)
		str_addf(&s, "column_%zu", column);
	for (size_t i = 2, n = s.n; names_find(&rd->cols, str_sl(&s)) != NAMES_NONE; i++) {
		s.n = n;
		str_addf(&s, "_%zu", i);
	}
	return arena_dup(&rd->arena, str_sl(&s));
}

static void add_name(struct rd *rd, struct sl name, size_t column)
{
	bool added;

	if (rd->conf.rename_columns)
		name = new_name(rd, name, column);
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
	if (!rd_csv_record(rd, &r))
		return RD_END;
	for (size_t i = 0; i < r.n; i++)
		(void)names_add(&rd->cols, (struct sl){ number, num_put_u64(number, i + 1) }, NULL);
	return RD_COLS;
}

static void take_header(struct rd *rd, const struct rd_found *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct sl name = field_sl(&rd->fields[i]);

		if (sl_eq(name, SL(SEAL_COLUMN)) && i == r->n - 1 && rd->sep == ',') {
			rd->sealed = true;
			break;
		}
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
	rd_csv_pass_over(rd, true);
	if (rd->conf.columns || rd->conf.no_header)
		return first.n ? RD_COLS : columns_without_header(rd);
	if (!rd_csv_record(rd, &r))
		return RD_END;
	rd_check_size(rd, r.len);
	raw = (struct sl){ in_window(rd->in).p, r.len };
	why = r.why ? r.why : rd_check_text(raw, &at);
	if (!why && r.cut && !rd->conf.allow_no_newline)
		why = "the last line has no line end";
	if (why)
		die_hint(EX_DATA,
			 r.cut && !r.why	       ? N_("--allow-no-newline takes it as it is")
			 : memchr(raw.p, '\r', raw.n) ? N_("tr '\\r' '\\n' makes lines of it")
						       : NULL,
			 "%s: header: %s", in_name(rd->in), why);
	rd_csv_refuse_stray(rd, &rd->fields[r.n - 1]);
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
	return ev == RD_END ? rd_finish(rd) : ev; /* further files may have a header */
}
