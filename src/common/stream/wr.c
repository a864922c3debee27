#include "stream/wr.h"

#include "core/report.h"
#include "stream/block.h"
#include "stream/out.h"

/* ---- tables for people: all records stay in memory until their widest value is known --------- */

struct wr_table {
	bool markdown;
	struct str rows; /* of each, how many fields, and these (rec_pack()) */
	size_t n;
	struct str texts; /* by column: has it a value that is no number? */
};

static struct wr_table *wr_table_new(bool markdown)
{
	struct wr_table *t = mem_zalloc(sizeof *t);

	t->markdown = markdown;
	return t;
}

static void wr_table_row(struct wr_table *t, const struct field *f, size_t n)
{
	str_add(&t->rows, (struct sl){ (const char *)&n, sizeof n });
	for (size_t i = 0; i < n; i++) {
		rec_pack(&t->rows, &f[i]);
		if (i == t->texts.n)
			str_addc(&t->texts, false);
		t->texts.p[i] |= !field_is_null(&f[i]) && !num_is_json(field_sl(&f[i]));
	}
	t->n++;
}

/* A row's cells; one that has fewer fields than there are columns is filled with NULL. */
static const char *add_cells(struct report *report, const char *p)
{
	size_t n;

	memcpy(&n, p, sizeof n);
	p += sizeof n;
	for (size_t i = 0; i < report->n_columns; i++) {
		struct field f = FIELD_NULL;

		if (i < n)
			p = rec_unpack(p, &f);
		report_text(report, rec_text(&(struct rec){ .f = &f, .n = 1 }, 0));
	}
	return p;
}

/* Writes all rows under these columns, and frees it. */
static void wr_table_close(struct wr_table *t, const struct names *cols, struct out *out)
{
	AUTO_FREE struct report_column *columns = mem_alloc(mem_mul(cols->n, sizeof *columns));
	AUTO_REPORT report = { .columns = columns, .n_columns = cols->n };
	AUTO_ARENA arena = { 0 };
	AUTO_STR text = { 0 };
	const char *p = str_z(&t->rows);

	for (size_t i = 0; i < cols->n; i++)
		columns[i] = (struct report_column){ arena_dup(&arena, cols->name[i]).p,
			i < t->texts.n && t->texts.p[i] ? REPORT_DATA : REPORT_DATA_NUMBER };
	if (cols->n) {
		for (size_t row = 0; row < t->n; row++)
			p = add_cells(&report, p);
		report_put(&report, t->markdown ? REPORT_MARKDOWN : REPORT_TABLE, &text);
		out_put(out, str_sl(&text));
	}
	str_free(&t->rows);
	str_free(&t->texts);
	mem_free(t);
}

/* ---- all formats ---------------------------------------------------------------------------- */

struct wr {
	struct out *out;
	struct wr_conf conf;
	struct names cols;
	struct str *keys; /* JSON: `"name":` of every column */
	size_t keys_cap;
	uint64_t rows, rows_in_chunk, bytes_before;
	uint64_t header; /* its bytes, in CSV */
	size_t announced; /* columns that the reader knows of: those of the last header */
	struct str chunk; /* what its beginning says, as long as no header is written */
	bool begun; /* header or open record written */
	bool side;  /* only rows, in memory */
	struct wr_iso *iso; /* FMT_ISO: it does the rest */
	struct wr_table *table; /* FMT_TABLE, FMT_MARKDOWN: likewise */
	char sep; /* CSV: between fields */
};

static void begin(struct wr *w);

/* Appends the record of a control: in CSV as wide as the last header. */
static void add_control(const struct wr *w, struct str *line, struct sl json)
{
	if (w->conf.format == FMT_CSV) {
		for (size_t i = 0; i < w->announced; i++)
			str_addc(line, ',');
		str_add_csv(line, json);
	} else {
		str_addz(line, "{\"" SEAL_COLUMN "\":");
		str_add(line, json);
		str_addc(line, '}');
	}
	str_addc(line, '\n');
}

/* A program that fails tells the reader why, as far as that is still possible. */
static void send_abort(void *ctx, int code, const char *message)
{
	struct wr *w = ctx;
	AUTO_STR json = { 0 }, line = { 0 };

	begin(w);
	control_put_abort(&json, code, sl_of(msg_prog()), sl_of(message));
	add_control(w, &line, str_sl(&json));
	out_abandon(w->out, str_sl(&line));
}

static struct wr *wr_new(struct out *out, const struct wr_conf *conf)
{
	struct wr *w = mem_zalloc(sizeof *w);

	w->out = out;
	w->conf = *conf;
	w->sep = conf->format == FMT_TSV ? '\t' : ',';
	if (conf->format == FMT_TSV)
		w->conf.format = FMT_CSV;
	if (conf->zstd)
		out_zstd(out, conf->zstd);
	if (conf->format == FMT_ISO)
		w->iso = wr_iso_new(out, conf->iso);
	if (conf->format == FMT_TABLE || conf->format == FMT_MARKDOWN)
		w->table = wr_table_new(conf->format == FMT_MARKDOWN);
	if (conf->sealed) {
		out_mark(out);
		msg_on_exit(send_abort, w);
	}
	return w;
}

struct wr *wr_open(const char *path, const struct wr_conf *conf)
{
	return wr_new(out_open(path, conf->gzip), conf);
}

struct wr *wr_from_fd(int fd, const char *name, const struct wr_conf *conf)
{
	return wr_new(out_from_fd(fd, name, conf->gzip), conf);
}

static void put_csv_text(struct wr *w, struct sl s, bool quote)
{
	char *dst, *start;

	for (size_t i = 0; i < s.n && !quote; i++)
		quote = s.p[i] == w->sep || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
	if (!quote) {
		memcpy(out_room(w->out, s.n), s.p, s.n);
		out_wrote(w->out, s.n);
		return;
	}
	start = dst = out_room(w->out, s.n * 2 + 2);
	*dst++ = '"';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			*dst++ = '"';
		*dst++ = s.p[i];
	}
	*dst++ = '"';
	out_wrote(w->out, (size_t)(dst - start));
}

static void put_char(struct wr *w, char c)
{
	*out_room(w->out, 1) = c;
	out_wrote(w->out, 1);
}

static void put_csv_header(struct wr *w)
{
	for (size_t i = 0; i < w->cols.n; i++) {
		if (i)
			put_char(w, w->sep);
		put_csv_text(w, w->cols.name[i], i == 0 && rd_mistakes(w->cols.name[i]));
	}
	if (w->conf.sealed)
		out_put(w->out, w->cols.n ? SL("," SEAL_COLUMN) : SL(SEAL_COLUMN));
	put_char(w, '\n');
	w->announced = w->cols.n;
}

static void put_control(struct wr *w, struct str *json)
{
	AUTO_STR line = { 0 };

	add_control(w, &line, str_sl(json));
	out_put(w->out, str_sl(&line));
	str_free(json);
}

static void put_begin(struct wr *w)
{
	struct str json = { 0 };

	str_addf(&json, "{\"v\":1,\"begin\":%s}", str_z(&w->chunk));
	put_control(w, &json);
	str_clear(&w->chunk);
}

void wr_begin(struct wr *w, struct sl facts)
{
	if (!w->conf.sealed)
		return;
	str_set(&w->chunk, facts);
	if (w->begun)
		put_begin(w);
}

static void add_key(struct wr *w, struct sl name)
{
	size_t i = w->cols.n - 1;

	mem_grow(&w->keys, &w->keys_cap, i + 1, sizeof *w->keys);
	w->keys[i] = (struct str){ 0 };
	str_add_json(&w->keys[i], name);
	str_addc(&w->keys[i], ':');
}

static void begin(struct wr *w)
{
	struct str json = { 0 };

	if (w->begun)
		return;
	w->begun = true;
	if (w->conf.format == FMT_CSV) {
		if (!w->conf.bare)
			put_csv_header(w);
		w->header = out_bytes(w->out);
	} else if (w->conf.sealed) {
		control_put_open(&json);
		put_control(w, &json);
	} else if (w->conf.format == FMT_JSON) {
		put_char(w, '[');
	}
	if (w->chunk.n)
		put_begin(w);
}

void wr_cols(struct wr *w, const struct sl *names, size_t n)
{
	size_t had = w->cols.n;

	for (size_t i = 0; i < n; i++) {
		bool added;

		if (sl_eq(names[i], SL(SEAL_COLUMN)))
			die(EX_DATA, "a column cannot be named " SEAL_COLUMN
				     ": the name marks sealed streams");
		if (names[i].n == 0 && w->conf.format == FMT_CSV)
			die(EX_DATA, "a CSV column needs a name");
		if (names_add(&w->cols, names[i], &added) != i)
			die(EX_DATA, "two columns of the output are named %s", msg_q(names[i]));
		if (added && w->conf.format != FMT_CSV)
			add_key(w, names[i]);
	}
	if (w->iso)
		wr_iso_cols(w->iso, &w->cols);
	if (!w->begun && w->cols.n == 0 && !w->conf.sealed)
		return; /* an empty input makes an empty output, no header of nothing */
	if (!w->begun) {
		begin(w);
	} else if (w->conf.format == FMT_CSV && w->cols.n > had && !w->conf.bare) {
		struct str json = { 0 };

		if (!w->conf.sealed)
			die_hint(EX_DATA,
				 "write NDJSON (-o ndjson), or name all columns beforehand",
				 "column %s appeared after the CSV header was written",
				 msg_q(w->cols.name[had]));
		control_put_cols(&json, w->cols.name, w->cols.n);
		put_control(w, &json);
		w->announced = w->cols.n;
	}
}

static void put_json_row(struct wr *w, const struct field *f, size_t n)
{
	char lead = '{';

	if (w->conf.format == FMT_JSON)
		out_put(w->out, w->rows > 1 || w->side ? SL(",\n") : SL("\n"));
	for (size_t i = 0; i < n; i++) {
		const struct str *key = &w->keys[i];
		struct sl s = f[i].kind == F_NULL ? SL("null") : field_sl(&f[i]);
		char *start, *dst;

		if (f[i].kind == F_ABSENT)
			continue;
		start = dst = out_room(w->out, key->n + s.n + 3);
		*dst++ = lead;
		lead = ',';
		dst = mem_copy(dst, key->p, key->n);
		if (f[i].kind != F_STR) {
			dst = mem_copy(dst, s.p, s.n);
		} else if (LIKELY(copy_plain(dst + 1, s.p, s.n))) {
			dst[0] = dst[s.n + 1] = '"';
			dst += s.n + 2;
		} else {
			struct str t = { 0 };

			out_wrote(w->out, (size_t)(dst - start));
			str_add_json(&t, s);
			out_put(w->out, str_sl(&t));
			str_free(&t);
			continue;
		}
		out_wrote(w->out, (size_t)(dst - start));
	}
	out_put(w->out, lead == '{' ? SL("{}") : SL("}"));
	if (w->conf.format == FMT_NDJSON)
		put_char(w, '\n');
}

static void put_csv_row(struct wr *w, const struct field *f, size_t n)
{
	bool usual = w->sep == ','; /* what .plain speaks of */
	size_t lead = n ? n : 1, commas = w->cols.n > lead ? w->cols.n - lead : 0;
	char *end;

	for (size_t i = 0; i < n; i++) {
		char *start = out_room(w->out, (size_t)f[i].n + 1), *dst = start;
		bool plain = f[i].plain && usual;

		if (i)
			*dst++ = w->sep;
		if (LIKELY(plain))
			dst = mem_copy(dst, f[i].p, f[i].n);
		out_wrote(w->out, (size_t)(dst - start));
		if (!plain && !field_is_null(&f[i]))
			put_csv_text(w, field_sl(&f[i]), f[i].n == 0);
	}
	if (w->conf.sealed && w->cols.n)
		commas++;
	end = out_room(w->out, commas + 1);
	memset(end, w->sep, commas);
	end[commas] = '\n';
	out_wrote(w->out, commas + 1);
}

void wr_row(struct wr *w, const struct field *f, size_t n)
{
	if (UNLIKELY(n > w->cols.n))
		bug("a row of %zu fields for %zu columns", n, w->cols.n);
	if (UNLIKELY(!w->begun)) {
		if (w->cols.n == 0 && w->conf.format == FMT_CSV && !w->conf.sealed && !w->conf.bare)
			die_hint(EX_DATA, "write NDJSON (-o ndjson)",
				"a record without any field cannot be written as CSV");
		begin(w);
	}
	w->rows++;
	w->rows_in_chunk++;
	if (w->iso)
		wr_iso_row(w->iso, f, n);
	else if (w->table)
		wr_table_row(w->table, f, n);
	else if (w->conf.format == FMT_CSV)
		put_csv_row(w, f, n);
	else
		put_json_row(w, f, n);
}

void wr_copy(struct wr *w, int fd, uint64_t rows)
{
	if (w->conf.sealed)
		bug("rows copied into a sealed stream");
	w->rows += rows;
	out_put_file(w->out, fd, "scratch file");
}

struct wr *wr_to_memory(enum format format, const struct sl *names, size_t n)
{
	struct wr *w = wr_new(out_to_memory(), &(struct wr_conf){ .format = format, .bare = true });

	w->side = w->begun = true;
	wr_cols(w, names, n);
	return w;
}

struct sl wr_waiting(const struct wr *w)
{
	return (struct sl){ w->out->buf, w->out->n };
}

void wr_forget(struct wr *w)
{
	w->rows = w->rows_in_chunk = 0;
	out_forget(w->out);
}

struct wr *wr_side(const struct wr *w)
{
	struct wr *side = wr_to_memory(w->conf.format, w->cols.name, w->cols.n);

	side->conf.sealed = w->conf.sealed; /* its rows have the column, but no end to seal */
	return side;
}

uint64_t wr_join(struct wr *w, struct wr *side)
{
	struct sl rows = wr_waiting(side);
	uint64_t n = side->rows;

	if (rows.n > 0 && w->conf.format == FMT_JSON && w->rows == 0) {
		rows.p++; /* the first one has no comma before it */
		rows.n--;
	}
	out_put(w->out, rows);
	w->rows += n;
	w->rows_in_chunk += n;
	wr_forget(side);
	return n;
}

bool wr_can_take_back(const struct wr *w)
{
	return w->conf.format == FMT_CSV && !w->conf.sealed &&
	       out_can_take_back(w->out);
}

uint64_t wr_take_back(struct wr *w, int fd)
{
	uint64_t bytes = out_bytes(w->out) - w->header;

	out_take_back(w->out, w->header, fd);
	names_clear(&w->cols);
	w->begun = false;
	w->rows = w->rows_in_chunk = 0;
	return bytes;
}

/* Its checksum is of all that comes before it, of its own record, too. */
static void put_seal(struct wr *w, const struct seal *seal)
{
	AUTO_STR json = { 0 }, line = { 0 };
	size_t n;

	seal_put_head(&json, seal);
	add_control(w, &line, str_sl(&json));
	n = line.n - 2; /* what closes the record comes behind the checksum */
	out_put(w->out, (struct sl){ line.p, n });
	seal_put_tail(&json, out_crc(w->out));
	str_clear(&line);
	add_control(w, &line, str_sl(&json));
	out_put(w->out, (struct sl){ line.p + n, line.n - n });
}

void wr_seal(struct wr *w, const struct seal *seal)
{
	struct seal s = *seal;

	if (!w->conf.sealed) {
		out_flush(w->out);
		return;
	}
	begin(w);
	s.rows = w->rows_in_chunk;
	s.bytes = out_bytes(w->out);
	put_seal(w, &s);
	w->bytes_before += out_bytes(w->out);
	out_flush(w->out);
	out_mark(w->out);
	w->rows_in_chunk = 0;
	if (s.final)
		msg_off_exit(send_abort, w);
}

bool wr_is_sealed(const struct wr *w)
{
	return w->conf.sealed;
}

enum format wr_format(const struct wr *w)
{
	return w->conf.format;
}

char wr_delimiter(const struct wr *w)
{
	return w->sep;
}

uint64_t wr_rows(const struct wr *w)
{
	return w->rows;
}

uint64_t wr_bytes(const struct wr *w)
{
	return w->bytes_before + out_bytes(w->out);
}

void wr_check(const struct wr *w)
{
	out_check(w->out);
}

void wr_flush(struct wr *w)
{
	out_flush(w->out);
}

void wr_close(struct wr *w)
{
	if (!w)
		return;
	msg_off_exit(send_abort, w);
	if (w->conf.format == FMT_JSON && !w->side) {
		begin(w);
		out_put(w->out, SL("\n]\n"));
	}
	if (w->iso)
		wr_iso_close(w->iso);
	if (w->table)
		wr_table_close(w->table, &w->cols, w->out);
	out_close(w->out);
	for (size_t i = 0; w->keys && i < w->cols.n; i++)
		str_free(&w->keys[i]);
	mem_free(w->keys);
	names_free(&w->cols);
	str_free(&w->chunk);
	mem_free(w);
}
