#include "stream/late.h"

#include "core/tmpf.h"

#include <unistd.h>

#define CALM ((uint64_t)1 << 20) /* bytes without a new column before the header is written */

struct late {
	struct wr *out;
	struct wr *wr; /* of the rows: to the scratch file, or `out` itself */
	int scratch;
	const struct field *fill;
	struct field *row;
	size_t row_cap;
	bool revocable; /* the output can be taken back */
	struct names cols;
	uint64_t rows, bytes; /* in the scratch file before `wr` wrote there */
	uint64_t narrow_rows, narrow_bytes; /* of those, written before the last column appeared */
};

static enum format format_of(const struct late *l)
{
	return wr_delimiter(l->out) == '\t' ? FMT_TSV : FMT_CSV;
}

/* Rows go to the scratch file from here on, behind what is there. */
static void wait_in_scratch(struct late *l)
{
	l->wr = wr_from_fd(dup(l->scratch), "scratch file",
			   &(struct wr_conf){ .format = format_of(l), .bare = true });
}

struct late *late_new(struct wr *out, const struct field *fill)
{
	struct late *l = mem_zalloc(sizeof *l);

	l->out = out;
	l->fill = fill;
	l->scratch = tmpf_scratch();
	l->revocable = wr_can_take_back(out);
	wait_in_scratch(l);
	return l;
}

static void seek_scratch(const struct late *l, uint64_t offset)
{
	if (lseek(l->scratch, (off_t)offset, SEEK_SET) < 0)
		die_errno(EX_IO, "scratch file");
}

static void put_narrow(struct late *l, const struct rec *rec)
{
	if (!l->fill) {
		wr_row(l->out, rec->f, rec->n);
		return;
	}
	mem_grow(&l->row, &l->row_cap, l->cols.n, sizeof *l->row);
	memcpy(l->row, rec->f, rec->n * sizeof *l->row);
	for (size_t i = rec->n; i < l->cols.n; i++)
		l->row[i] = *l->fill;
	wr_row(l->out, l->row, l->cols.n);
}

/* Rows from before the last column appeared are too narrow to be copied as they stand. */
static void copy_narrow_rows(struct late *l)
{
	const struct rd_conf conf = { .format = format_of(l),
				      .max_record = (size_t)1 << 30,
				      .columns = &l->cols, .no_header = true,
				      .ragged = true };
	uint64_t left = l->narrow_rows;
	struct rec rec;
	struct rd *rd;

	seek_scratch(l, 0);
	rd = rd_from_fd(dup(l->scratch), "scratch file", &conf);
	while (left > 0) {
		enum rd_event ev = rd_next(rd, &rec);

		if (ev == RD_ROW) {
			put_narrow(l, &rec);
			left--;
		} else if (ev != RD_COLS) {
			die(EX_IO, "scratch file: it does not hold what was written to it");
		}
	}
	rd_close(rd);
}

/* Header and rows go to the output, and so will the rows to come. */
static void write_out(struct late *l)
{
	uint64_t rows = l->rows + wr_rows(l->wr);

	wr_close(l->wr);
	l->wr = l->out;
	wr_cols(l->out, l->cols.name, l->cols.n);
	copy_narrow_rows(l);
	seek_scratch(l, l->narrow_bytes);
	wr_copy(l->out, l->scratch, rows - l->narrow_rows);
	seek_scratch(l, 0);
	if (ftruncate(l->scratch, 0) != 0)
		die_errno(EX_IO, "scratch file");
}

/* The opposite. */
static void take_back(struct late *l)
{
	l->rows = wr_rows(l->out);
	l->bytes = wr_take_back(l->out, l->scratch);
	wait_in_scratch(l);
	wr_cols(l->wr, l->cols.name, l->cols.n);
}

void late_cols(struct late *l, const struct sl *names, size_t n)
{
	if (l->wr == l->out)
		take_back(l);
	for (size_t i = 0; i < n; i++)
		(void)names_add(&l->cols, names[i], NULL);
	l->narrow_rows = l->rows + wr_rows(l->wr);
	l->narrow_bytes = l->bytes + wr_bytes(l->wr);
	wr_cols(l->wr, names, n);
}

static bool is_calm(const struct late *l)
{
	uint64_t since = l->bytes + wr_bytes(l->wr) - l->narrow_bytes;

	return since >= CALM && since >= l->narrow_bytes;
}

void late_row(struct late *l, const struct field *f, size_t n)
{
	wr_row(l->wr, f, n);
	if (l->wr != l->out && l->revocable && is_calm(l))
		write_out(l);
}

void late_end(struct late *l)
{
	if (l->wr != l->out)
		write_out(l);
}

void late_free(struct late *l)
{
	if (!l)
		return;
	(void)close(l->scratch); /* what was in it is no longer needed */
	names_free(&l->cols);
	mem_free(l->row);
	mem_free(l);
}
