/*
 * pivot-wide - a narrow stream (key, name, value) becomes a wide one (key × name).
 *
 * The input comes sorted by key, so a row is complete as soon as another key is met: memory is that of
 * the rows of one key (one per group, that is per ship), plus the names of the columns and
 * the last key of every group. Columns are numbered as they are first seen; a new one is announced
 * to the reader by a control record, or, where the output is a plain CSV whose header must name
 * all columns, the rows wait in a scratch file until the end.
 */
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/tmpf.h"
#include "stream/digest.h"
#include "stream/in.h"
#include "stream/io.h"
#include "stream/sort.h"

#include <unistd.h>

#define MAX_BY 8

enum on_duplicate { DUP_LAST, DUP_FIRST, DUP_ERROR, DUP_MAX };
enum on_unknown { UNKNOWN_ADD, UNKNOWN_IGNORE, UNKNOWN_ERROR };
enum on_unsorted { UNSORTED_ERROR, UNSORTED_SORT };

struct conf {
	struct io_opts io;
	const char *key, *name, *value, *by, *columns;
	int on_duplicate, on_unknown, on_unsorted;
	uint64_t sort_memory;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Pivot" },
	{ "key", 'k', OPT_STR, offsetof(struct conf, key), "NAME",
	  "column whose value names the row (default created_time)", NULL, NULL, 0, 0, 0, false },
	{ "name", 'n', OPT_STR, offsetof(struct conf, name), "NAME",
	  "column whose value names the new column (default data_channel_id)", NULL, NULL, 0, 0, 0,
	  false },
	{ "value", 'V', OPT_STR, offsetof(struct conf, value), "NAME",
	  "column that holds the value (default value)", NULL, NULL, 0, 0, 0, false },
	{ "by", 'b', OPT_STR, offsetof(struct conf, by), "NAME,…",
	  "separate rows per value of these (default ship_id if there)", NULL, NULL, 0, 0, 0, false },
	{ "columns", 'c', OPT_STR, offsetof(struct conf, columns), "FILE",
	  "columns in this order: a name a line, or a registry (NDJSON)", NULL, NULL, 0, 0, 0,
	  false },
	{ .name = "on-duplicate", .kind = OPT_ENUM, .offset = offsetof(struct conf, on_duplicate),
	  .choices = "last|first|error|max", .help = "which value of a repeated cell is kept" },
	{ .name = "on-unknown", .kind = OPT_ENUM, .offset = offsetof(struct conf, on_unknown),
	  .choices = "add|ignore|error", .help = "what to do with names not in --columns" },
	{ .name = "on-unsorted", .kind = OPT_ENUM, .offset = offsetof(struct conf, on_unsorted),
	  .choices = "error|sort", .help = "sort: for input in any order, on disk" },
	{ .name = "sort-memory", .kind = OPT_SIZE, .offset = offsetof(struct conf, sort_memory),
	  .arg = "SIZE", .min = 1 << 20, .help = "memory for sorting (default 64M)" },
	IO_IN_OPTS(struct conf, io),
	IO_OUT_OPTS(struct conf, io),
	IO_REJECT_OPTS(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pivot-wide",
	.summary = "turn a narrow stream (key, name, value) into a wide one",
	.synopsis = "[options] [FILE]",
	.examples = "  pivot-wide narrow.csv > wide.csv\n"
		    "  pivot-wide -k date -n measure -V reading -b station long.csv\n"
		    "  pg-narrow-dump | pivot-wide | pg-copy-load --wide\n",
	.opts = options,
};

/* The row of one group at the current key, still open. */
struct row {
	size_t group;
	struct field *f; /* by number of the channel */
	size_t cap;
	struct arena texts;
};

struct group {
	struct str last_key; /* of its last row that was written, or is open */
	size_t row;	     /* number of its open row, or NAMES_NONE */
	struct field *by;    /* values of the --by columns, in the arena */
};

struct pivot {
	struct conf conf;
	struct io *io;
	struct names by_names; /* names of the --by columns */
	size_t in_by[MAX_BY], in_key, in_name, in_value;
	struct names groups; /* joined --by values */
	struct group *group;
	size_t groups_cap;
	struct arena group_texts;
	struct names channels;
	size_t given_channels; /* named by --columns */
	size_t announced;      /* columns the writer knows, beside by and key */
	struct str key;	       /* current key */
	bool have_key;
	struct row *rows; /* those of the current key: the first n_rows are open */
	size_t n_rows, rows_cap;
	size_t last_group, last_channel;
	struct field *line; /* one output record */
	size_t line_cap;
	uint64_t duplicates, ignored, drop_cells, drop_sum;
	struct wr *wr;	   /* where rows go: the output, or the scratch file */
	int scratch;	   /* its descriptor, or -1 */
	struct sorter *sorter;
	struct str payload, joined;
};

static size_t column(const struct pivot *pv, const struct names *cols, const char *name)
{
	size_t i = names_find(cols, sl_of(name));

	if (i == NAMES_NONE)
		die_hint(EX_DATA, "--key, --name, --value and --by say which columns to use",
			 "%s: there is no column %s", in_name(rd_in(pv->io->rd)), msg_q(sl_of(name)));
	return i;
}

/* Where the columns are; NDJSON records may name them late, so this may run several times. */
static void find_columns(struct pivot *pv, const struct names *cols)
{
	const char *by = pv->conf.by;

	if (pv->groups.n)
		return; /* columns are only added at the end: numbers stay */
	if (!by)
		by = names_find(cols, SL("ship_id")) != NAMES_NONE &&
				     strcmp(pv->conf.key, "ship_id") != 0
			     ? "ship_id"
			     : "";
	names_clear(&pv->by_names);
	while (*by) {
		size_t n = strcspn(by, ",");
		char *name = mem_sldup((struct sl){ by, n });

		if (pv->by_names.n == MAX_BY)
			opt_usage("--by: at most %d columns", MAX_BY);
		pv->in_by[pv->by_names.n] = column(pv, cols, name);
		(void)names_add(&pv->by_names, sl_of(name), NULL);
		mem_free(name);
		by += n + (by[n] == ',');
	}
	pv->in_key = column(pv, cols, pv->conf.key);
	pv->in_name = column(pv, cols, pv->conf.name);
	pv->in_value = column(pv, cols, pv->conf.value);
}

static void announce_columns(struct pivot *pv)
{
	size_t lead = pv->by_names.n + 1, n = lead + pv->channels.n;
	struct sl *names = mem_alloc(mem_mul(n, sizeof *names));

	memcpy(names, pv->by_names.name, pv->by_names.n * sizeof *names);
	names[lead - 1] = sl_of(pv->conf.key);
	if (pv->channels.n)
		memcpy(names + lead, pv->channels.name, pv->channels.n * sizeof *names);
	wr_cols(pv->wr, names, n);
	mem_free(names);
	pv->announced = pv->channels.n;
	mem_grow(&pv->line, &pv->line_cap, n, sizeof *pv->line);
}

/* A plain CSV must name all its columns first: unless they are known, rows wait in a scratch file. */
static void start_output(struct pivot *pv)
{
	bool known = pv->given_channels && pv->conf.on_unknown != UNKNOWN_ADD;

	io_start_output(pv->io);
	pv->wr = pv->io->wr;
	if (wr_is_sealed(pv->wr) || wr_format(pv->wr) == FMT_NDJSON || known) {
		announce_columns(pv);
		return;
	}
	pv->scratch = tmpf_scratch();
	pv->wr = wr_from_fd(dup(pv->scratch), "scratch file",
			    &(struct wr_conf){ .format = FMT_CSV, .sealed = true });
	announce_columns(pv);
}

/* Copies the scratch file to the output, now that all columns are known. */
static void unspool(struct pivot *pv)
{
	struct rd_conf conf = { .format = FMT_CSV, .max_record = (size_t)1 << 30 };
	enum rd_event ev;
	struct rec rec;
	struct rd *rd;

	wr_seal(pv->wr, &(struct seal){ .chunk = SL("1"), .src = SL(""), .final = true });
	wr_close(pv->wr);
	pv->wr = pv->io->wr;
	if (lseek(pv->scratch, 0, SEEK_SET) != 0)
		die_errno(EX_IO, "scratch file");
	announce_columns(pv);
	rd = rd_from_fd(pv->scratch, "scratch file", &conf);
	while ((ev = rd_next(rd, &rec)) != RD_END)
		if (ev == RD_ROW)
			wr_row(pv->wr, rec.f, rec.n);
	rd_close(rd);
}

static struct sl row_key_of_group(const struct pivot *pv, const struct group *g)
{
	/* digest.h knows one `by`: the joined text is the value itself when there is one */
	return pv->groups.name[g - pv->group];
}

static void widen_row(struct row *r, size_t n)
{
	size_t had = r->cap;

	if (LIKELY(n <= had))
		return;
	mem_grow(&r->f, &r->cap, n, sizeof *r->f);
	memset(r->f + had, 0, (r->cap - had) * sizeof *r->f); /* F_ABSENT */
}

static void write_row(struct pivot *pv, struct row *r)
{
	struct group *g = &pv->group[r->group];
	size_t lead = pv->by_names.n + 1;

	widen_row(r, pv->channels.n);
	memcpy(pv->line, g->by, pv->by_names.n * sizeof *pv->line);
	pv->line[lead - 1] = field_str(str_sl(&pv->key));
	memcpy(pv->line + lead, r->f, pv->channels.n * sizeof *pv->line);
	wr_row(pv->wr, pv->line, lead + pv->channels.n);
	memset(r->f, 0, pv->channels.n * sizeof *r->f); /* F_ABSENT */
	arena_reset(&r->texts);
	g->row = NAMES_NONE;
}

/* The key has changed, or a chunk ends: all open rows are complete. */
static void write_rows(struct pivot *pv)
{
	if (pv->n_rows && pv->announced < pv->channels.n)
		announce_columns(pv);
	for (size_t i = 0; i < pv->n_rows; i++)
		write_row(pv, &pv->rows[i]);
	pv->n_rows = 0;
	pv->have_key = false;
}

/* Numbers as numbers, anything else bytewise: 9 before 10, and times in ISO form as they come. */
static int cmp_keys(struct sl a, struct sl b)
{
	double x, y;

	if (num_is_json(a) && num_is_json(b) && num_double(a, &x) && num_double(b, &y) && x != y)
		return x < y ? -1 : 1;
	return sl_cmp(a, b);
}

static size_t find_group(struct pivot *pv, const struct field *by)
{
	struct sl joined = pv->by_names.n ? field_sl(&by[0]) : SL("");
	bool added;
	size_t i;

	if (pv->by_names.n > 1) {
		str_clear(&pv->joined);
		for (size_t b = 0; b < pv->by_names.n; b++) {
			if (b)
				str_addc(&pv->joined, '\x1f'); /* unit separator */
			str_add(&pv->joined, field_sl(&by[b]));
		}
		joined = str_sl(&pv->joined);
	}
	if (pv->last_group < pv->groups.n && sl_eq(pv->groups.name[pv->last_group], joined))
		return pv->last_group;
	i = names_add(&pv->groups, joined, &added);
	if (added) {
		mem_grow(&pv->group, &pv->groups_cap, i + 1, sizeof *pv->group);
		pv->group[i] = (struct group){ .row = NAMES_NONE };
		pv->group[i].by = arena_alloc(&pv->group_texts, MAX_BY * sizeof(struct field));
		for (size_t b = 0; b < pv->by_names.n; b++) {
			struct sl text = arena_dup(&pv->group_texts, field_sl(&by[b]));

			pv->group[i].by[b] = by[b];
			pv->group[i].by[b].p = text.p;
		}
	}
	return pv->last_group = i;
}

static NORETURN COLD void unsorted(const struct pivot *pv, struct sl key)
{
	die_hint(EX_DATA, "sort it first, or use --on-unsorted sort",
		 "%s: record %llu: field %s: %s comes after %s: the input is not sorted by key",
		 in_name(rd_in(pv->io->rd)), (unsigned long long)pv->io->rows_in,
		 msg_q(sl_of(pv->conf.key)), msg_q(key), msg_q(str_sl(&pv->key)));
}

static struct row *open_row(struct pivot *pv, size_t gi)
{
	struct group *g = &pv->group[gi];
	struct sl key = str_sl(&pv->key);

	if (g->last_key.n && cmp_keys(key, str_sl(&g->last_key)) <= 0) {
		str_clear(&pv->key);
		str_add(&pv->key, str_sl(&g->last_key));
		unsorted(pv, key);
	}
	str_clear(&g->last_key);
	str_add(&g->last_key, key);
	if (pv->n_rows == pv->rows_cap) {
		mem_grow(&pv->rows, &pv->rows_cap, pv->n_rows + 1, sizeof *pv->rows);
		memset(pv->rows + pv->n_rows, 0, (pv->rows_cap - pv->n_rows) * sizeof *pv->rows);
	}
	g->row = pv->n_rows++;
	pv->rows[g->row].group = gi;
	return &pv->rows[g->row];
}

/* The number of a channel, NAMES_NONE when it is unknown and to be left out. */
static size_t find_channel(struct pivot *pv, struct sl name)
{
	size_t i = pv->last_channel;

	/* channels tend to come in the same order at every key, now and then with one left out */
	for (size_t tries = 0; tries < 3; tries++)
		if (++i < pv->channels.n && sl_eq(pv->channels.name[i], name))
			return pv->last_channel = i;
	if (pv->given_channels && pv->conf.on_unknown != UNKNOWN_ADD)
		i = names_find(&pv->channels, name);
	else
		i = names_add(&pv->channels, name, NULL);
	if (i != NAMES_NONE)
		pv->last_channel = i;
	return i;
}

static void set_cell(struct row *r, struct pivot *pv, size_t i, const struct field *value)
{
	widen_row(r, pv->channels.n);
	r->f[i] = *value;
	r->f[i].p = arena_dup(&r->texts, field_sl(value)).p;
}

static void count_drop(struct pivot *pv, size_t gi, struct sl name, const struct field *value)
{
	uint64_t row = digest_row(row_key_of_group(pv, &pv->group[gi]), str_sl(&pv->key));

	pv->drop_cells++;
	pv->drop_sum += digest_cell(row, digest_name(name), field_sl(value));
}

/* A second value for a cell; true when it replaces the first. */
static bool wins(struct pivot *pv, const struct field *old, const struct field *new, struct sl name)
{
	switch ((enum on_duplicate)pv->conf.on_duplicate) {
	case DUP_LAST:
		return true;
	case DUP_FIRST:
		return false;
	case DUP_MAX:
		return cmp_keys(field_sl(new), field_sl(old)) > 0;
	case DUP_ERROR:
		break;
	}
	die_hint(EX_DATA, "--on-duplicate last, first or max chooses one",
		 "%s: record %llu: a second value for %s at %s: %s after %s",
		 in_name(rd_in(pv->io->rd)), (unsigned long long)pv->io->rows_in, msg_q(name),
		 msg_q(str_sl(&pv->key)), msg_q(field_sl(new)), msg_q(field_sl(old)));
}

/* One narrow record: its cell goes into the open row of its group. */
static void add_cell(struct pivot *pv, const struct field *by, struct sl key, struct sl name,
		     const struct field *value)
{
	size_t gi, ci;
	struct row *r;

	if (!pv->have_key || !sl_eq(str_sl(&pv->key), key)) {
		write_rows(pv);
		str_clear(&pv->key);
		str_add(&pv->key, key);
		pv->have_key = true;
	}
	gi = find_group(pv, by);
	r = pv->group[gi].row == NAMES_NONE ? open_row(pv, gi) : &pv->rows[pv->group[gi].row];
	ci = find_channel(pv, name);
	if (UNLIKELY(ci == NAMES_NONE)) {
		if (pv->conf.on_unknown == UNKNOWN_ERROR)
			die_hint(EX_DATA, "--on-unknown add or ignore lets it pass",
				 "%s: record %llu: %s is not among the columns of %s",
				 in_name(rd_in(pv->io->rd)), (unsigned long long)pv->io->rows_in,
				 msg_q(name), pv->conf.columns);
		pv->ignored++;
		if (!field_is_null(value))
			count_drop(pv, gi, name, value);
		return;
	}
	/* a NULL reading never erases a value */
	if (field_is_null(value)) {
		if (ci >= r->cap || r->f[ci].kind == F_ABSENT)
			set_cell(r, pv, ci, value);
		return;
	}
	if (UNLIKELY(ci < r->cap && !field_is_null(&r->f[ci]))) {
		bool replace = wins(pv, &r->f[ci], value, name);

		pv->duplicates++;
		count_drop(pv, gi, name, replace ? &r->f[ci] : value);
		if (!replace)
			return;
	}
	set_cell(r, pv, ci, value);
}

/* ---- sorting ---- */

static void put_field(struct str *s, const struct field *f)
{
	uint32_t head[2] = { f->n, (uint32_t)f->kind | (uint32_t)f->plain << 8 };

	str_add(s, (struct sl){ (const char *)head, sizeof head });
	str_add(s, field_sl(f));
}

static const char *get_field(const char *p, struct field *f)
{
	uint32_t head[2];

	memcpy(head, p, sizeof head);
	p += sizeof head;
	*f = (struct field){ .p = p,
			     .n = head[0],
			     .kind = (uint8_t)(head[1] & 0xff),
			     .plain = (uint8_t)(head[1] >> 8) };
	return p + f->n;
}

static void sort_record(struct pivot *pv, const struct rec *rec)
{
	str_clear(&pv->payload);
	for (size_t i = 0; i < pv->by_names.n; i++)
		put_field(&pv->payload, &rec->f[pv->in_by[i]]);
	put_field(&pv->payload, &rec->f[pv->in_name]);
	put_field(&pv->payload, &rec->f[pv->in_value]);
	sorter_add(pv->sorter, field_sl(&rec->f[pv->in_key]), str_sl(&pv->payload));
}

static void pivot_sorted(struct pivot *pv)
{
	struct field by[MAX_BY], name, value;
	struct sl key, payload;

	while (sorter_next(pv->sorter, &key, &payload)) {
		const char *p = payload.p;

		for (size_t i = 0; i < pv->by_names.n; i++)
			p = get_field(p, &by[i]);
		(void)get_field(get_field(p, &name), &value);
		add_cell(pv, by, key, field_sl(&name), &value);
	}
}

/* ---- the loop ---- */

static void take_record(struct pivot *pv, const struct rec *rec)
{
	struct field by[MAX_BY];

	if (UNLIKELY(field_is_null(&rec->f[pv->in_key]) || rec->f[pv->in_key].n == 0)) {
		io_reject_field(pv->io, rec, pv->in_key, "the key is empty");
		return;
	}
	if (UNLIKELY(field_is_null(&rec->f[pv->in_name]) || rec->f[pv->in_name].n == 0)) {
		io_reject_field(pv->io, rec, pv->in_name, "the name of the column is empty");
		return;
	}
	if (pv->sorter) {
		sort_record(pv, rec);
		return;
	}
	for (size_t i = 0; i < pv->by_names.n; i++)
		by[i] = rec->f[pv->in_by[i]];
	add_cell(pv, by, field_sl(&rec->f[pv->in_key]), field_sl(&rec->f[pv->in_name]),
		 &rec->f[pv->in_value]);
}

/* Everything that was read is written; the next chunk may begin anywhere in time. */
static void end_chunk(struct pivot *pv)
{
	if (pv->sorter)
		pivot_sorted(pv);
	write_rows(pv);
	for (size_t i = 0; i < pv->groups.n; i++)
		str_clear(&pv->group[i].last_key);
}

static void pass_seal(struct pivot *pv)
{
	struct seal seal = *rd_seal(pv->io->rd);

	end_chunk(pv);
	seal.drop_cells += pv->drop_cells;
	seal.drop_sum += pv->drop_sum;
	pv->drop_cells = pv->drop_sum = 0;
	if (pv->scratch < 0)
		wr_seal(pv->wr, &seal);
}

static void run(struct pivot *pv)
{
	enum rd_event ev;
	struct rec rec;

	while ((ev = io_next(pv->io, &rec)) != RD_END) {
		if (ev == RD_COLS) {
			find_columns(pv, rd_cols(pv->io->rd));
			if (!pv->wr)
				start_output(pv);
		} else if (ev == RD_ROW) {
			take_record(pv, &rec);
		} else if (ev == RD_SEAL) {
			pass_seal(pv);
		}
	}
	end_chunk(pv);
	if (pv->scratch >= 0)
		unspool(pv);
	if (pv->duplicates)
		msg_note("%llu repeated cells, %s", (unsigned long long)pv->duplicates,
			 pv->conf.on_duplicate == DUP_LAST    ? "the last value won"
			 : pv->conf.on_duplicate == DUP_FIRST ? "the first value won"
							      : "the largest value won");
	if (pv->ignored)
		msg_note("%llu cells of unknown columns left out", (unsigned long long)pv->ignored);
}

/* One name a line (blanks at the end dropped), or a registry as pg-narrow-schema writes it. */
static void read_columns(struct pivot *pv)
{
	struct in *in = in_open(pv->conf.columns, (size_t)16 << 20);
	struct arena arena = { 0 };

	while (in_more(in))
		continue;
	struct sl all = in_window(in);

	for (size_t no = 1; all.n > 0; no++) {
		const char *nl = memchr(all.p, '\n', all.n), *why;
		struct sl line = { all.p, nl ? (size_t)(nl - all.p) : all.n };
		size_t skip = line.n + (nl != NULL), at;

		all = (struct sl){ all.p + skip, all.n - skip };
		while (line.n && strchr(" \t\r", line.p[line.n - 1]))
			line.n--;
		if (line.n && line.p[0] == '{') {
			struct json *o = json_parse(&arena, line, &why, &at);

			if (!o || !json_get_str(o, "channel", &line))
				die(EX_DATA, "%s:%zu: not a registry entry with a channel",
				    pv->conf.columns, no);
		}
		if (line.n)
			(void)names_add(&pv->channels, line, NULL);
	}
	pv->given_channels = pv->channels.n;
	arena_free(&arena);
	in_close(in);
}

static void release(struct pivot *pv)
{
	for (size_t i = 0; i < pv->rows_cap; i++) {
		mem_free(pv->rows[i].f);
		arena_free(&pv->rows[i].texts);
	}
	for (size_t i = 0; i < pv->groups.n; i++)
		str_free(&pv->group[i].last_key);
	mem_free(pv->rows);
	mem_free(pv->group);
	mem_free(pv->line);
	arena_free(&pv->group_texts);
	names_free(&pv->groups);
	names_free(&pv->channels);
	names_free(&pv->by_names);
	sorter_free(pv->sorter);
	str_free(&pv->key);
	str_free(&pv->payload);
	str_free(&pv->joined);
}

int main(int argc, char **argv)
{
	struct pivot pv = { .conf = { .key = "created_time",
				      .name = "data_channel_id",
				      .value = "value",
				      .sort_memory = (uint64_t)64 << 20 },
			    .scratch = -1 };
	int code;

	opt_parse(&program, &pv.conf, &argc, &argv);
	if (argc > 1)
		opt_usage("one file at most, got %s too", msg_q(sl_of(argv[1])));
	if (pv.conf.columns)
		read_columns(&pv);
	if (pv.conf.on_unsorted == UNSORTED_SORT)
		pv.sorter = sorter_new(pv.conf.sort_memory, cmp_keys);
	pv.io = io_open(&pv.conf.io, argc ? argv[0] : NULL);
	run(&pv);
	code = io_close(pv.io);
	release(&pv);
	return code;
}
