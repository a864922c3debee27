#include "stream/rd.h"

#include "core/utf8.h"
#include "stream/rd_impl.h"
#include "stream/z.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is no records at all, told from how it begins ------------------------------------- */

static const struct magic {
	struct sl begins;
	const char *what, *hint;
	bool binary; /* a name of a column might begin so */
} magics[] = {
	{ SL_INIT("\x1f\x8b"), "data that gzip compressed twice", "gzip -dc FILE | PROGRAM", true },
	{ SL_INIT("\xfd" "7zXZ"), "xz-compressed data", "xz -dc FILE | PROGRAM", false },
	{ SL_INIT("BZh"), "bzip2-compressed data", "bzip2 -dc FILE | PROGRAM", true },
	{ SL_INIT("PK\x03\x04"), "a zip archive (or a spreadsheet)",
	  "unzip -p FILE NAME | PROGRAM; save a spreadsheet as CSV", false },
	{ SL_INIT("PAR1"), "an Apache Parquet file",
	  "via --source -- COMMAND reads it with a tool that knows it, such as duckdb", true },
	{ SL_INIT("<!doctype"), "an HTML page", "was it a page with an error, or a login?", false },
	{ SL_INIT("<html"), "an HTML page", "was it a page with an error, or a login?", false },
	{ SL_INIT("<?xml"), "an XML document", NULL, false },
	{ SL_INIT("%PDF-"), "a PDF document", NULL, false },
	{ SL_INIT("SQLite format 3"), "an SQLite database",
	  "via --source -- sqlite3 -header -csv FILE 'select …'", false },
};

/* ASCII in UTF-16 has a NUL in every other byte, in UTF-32 three of them in four. */
static void refuse_wide(const struct rd *rd, struct sl w)
{
	unsigned nuls = 0;
	const char *name;
	char hint[40];

	for (size_t i = 0; i < 4 && w.n >= 4; i++)
		nuls = nuls << 1 | (w.p[i] == '\0');
	name = nuls == 0x7	 ? "UTF-32LE"
	       : nuls == 0xe ? "UTF-32BE"
	       : nuls == 0x5 ? "UTF-16LE"
	       : nuls == 0xa ? "UTF-16BE"
			     : NULL;
	if (!name)
		return;
	(void)snprintf(hint, sizeof hint,
		       rd->conf.has_options ? "--encoding %s" : "iconv -f %s -t UTF-8", name);
	die_hint(EX_DATA, hint, "%s: this looks like %.6s", in_name(rd->in), name);
}

static bool has_binary(struct sl s)
{
	for (size_t i = 0; i < s.n && i < 24; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && !strchr("\t\r\n", c)) || c >= 0x80)
			return true;
	}
	return false;
}

static const struct magic *magic_of(struct sl begin)
{
	for (const struct magic *m = magics; m < magics + ARRAY_LEN(magics); m++)
		if (begin.n >= m->begins.n &&
		    strncasecmp(begin.p, m->begins.p, m->begins.n) == 0)
			return m;
	return NULL;
}

static void refuse_magic(const struct rd *rd, struct sl begin)
{
	const struct magic *m = magic_of(begin);

	refuse_wide(rd, begin);
	if (m && (!m->binary || has_binary(begin)))
		die_hint(EX_DATA, m->hint, "%s: this is %s", in_name(rd->in), m->what);
}

bool rd_mistakes(struct sl name)
{
	struct sl begin = sl_trim(name, " \t\r\n");

	return (begin.n && (*begin.p == '{' || *begin.p == '[')) || magic_of(begin) ||
	       utf8_unmarked(name).n < name.n || (name.n >= 5 && memcmp(name.p, "sep=", 4) == 0);
}

/* ---- records -------------------------------------------------------------------------------- */

#define DEFAULT_MAX_RECORD ((size_t)64 << 20)

const struct format_traits *format_traits(enum format f)
{
	static const struct format_traits all[] = {
		[FMT_AUTO] = { "auto", false, false, FMT_CSV },
		[FMT_CSV] = { "csv", false, true, FMT_CSV },
		[FMT_NDJSON] = { "ndjson", false, false, FMT_NDJSON },
		[FMT_TSV] = { "tsv", true, true, FMT_CSV },
		[FMT_JSON] = { "json", true, false, FMT_NDJSON },
		[FMT_TABLE] = { "table", true, true, FMT_TABLE },
		[FMT_MARKDOWN] = { "markdown", true, true, FMT_MARKDOWN },
		[FMT_ISO] = { "iso19848", true, false, FMT_NDJSON },
	};

	return &all[f];
}

static size_t max_record(const struct rd_conf *conf)
{
	return conf->max_record ? conf->max_record : DEFAULT_MAX_RECORD;
}

static struct rd *rd_new(struct in *in, const struct rd_conf *conf)
{
	struct rd *rd = mem_zalloc(sizeof *rd);

	rd->in = in;
	rd->conf = *conf;
	rd->conf.max_record = max_record(conf);
	rd->format = conf->format == FMT_TSV ? FMT_CSV : conf->format;
	rd->sep = conf->delimiter ? conf->delimiter : conf->format == FMT_TSV ? '\t' : ',';
	if (conf->encoding)
		in_decode(in, conf->encoding);
	return rd;
}

struct rd *rd_open(const char *path, const struct rd_conf *conf)
{
	return rd_new(in_open(path, max_record(conf)), conf);
}

struct rd *rd_open_all(const char *const *paths, size_t n, const struct rd_conf *conf)
{
	struct rd *rd;

	/* a name that is mistyped is told before anything is read */
	for (size_t i = 1; i < n; i++)
		in_check(paths[i]);
	rd = rd_open(n ? paths[0] : NULL, conf);
	rd->paths = paths;
	rd->n_paths = n > 1 ? n : 0;
	return rd;
}

struct rd *rd_from_fd(int fd, const char *name, const struct rd_conf *conf)
{
	return rd_new(in_from_fd(fd, name, max_record(conf)), conf);
}

struct rd *rd_again(struct rd *rd, const struct iso_opts *iso)
{
	off_t began = lseek(in_fd(rd->in), 0, SEEK_CUR) - (off_t)rd->in->bytes;
	struct rd_conf conf = rd->conf;
	struct rd *again;
	char path[40];
	int fd;

	/* another description of the same file, with a position of its own; it may have no name */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", in_fd(rd->in));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || lseek(fd, began, SEEK_SET) < 0)
		die_errno(EX_IO, "cannot read %s a second time", in_name(rd->in));
	conf.iso = iso;
	again = rd_from_fd(fd, in_name(rd->in), &conf);
	again->paths = rd->paths;
	again->n_paths = rd->n_paths;
	again->path = rd->path;
	return again;
}

bool rd_is_regular(const struct rd *rd)
{
	bool regular = in_is_regular(rd->in);
	struct stat st;

	for (size_t i = 0; regular && i < rd->n_paths; i++)
		regular = i == rd->path || (strcmp(rd->paths[i], "-") != 0 &&
					    stat(rd->paths[i], &st) == 0 && S_ISREG(st.st_mode));
	return regular;
}

void rd_check_size(const struct rd *rd, size_t n)
{
	if (LIKELY(n <= rd->conf.max_record))
		return;
	die_hint(EX_DATA,
		 rd->format == FMT_CSV && memchr(in_window(rd->in).p, '"', n)
			 ? N_("was a quote left open there? --max-record allows larger ones")
			 : N_("--max-record allows larger ones"),
		 "%s:%llu: a record is larger than %zu bytes", in_name(rd->in),
		 (unsigned long long)rd->line + 1, rd->conf.max_record);
}

static void sum_up(struct rd *rd)
{
	size_t n = rd->in->start - rd->crc_from;

	/* whether it is sealed shows in the header or the first object: sum up until then */
	if (rd->sealed || rd->cols.n == 0)
		rd->crc = z_crc32(rd->crc, rd->in->buf + rd->crc_from, n);
	rd->bytes += n;
	rd->crc_from = rd->in->start;
}

bool rd_more(struct rd *rd)
{
	bool more;

	if (rd->in->buf) {
		rd_check_size(rd, in_window(rd->in).n);
		sum_up(rd);
	}
	more = in_more(rd->in);
	rd->crc_from = rd->in->start;
	return more;
}

bool rd_line_from(struct rd *rd, size_t looked, struct sl *line, bool *cut)
{
	*cut = false;
	for (;;) {
		struct sl w = in_window(rd->in);
		const char *nl = w.n > looked ? memchr(w.p + looked, '\n', w.n - looked) : NULL;

		if (nl) {
			*line = (struct sl){ w.p, (size_t)(nl - w.p) };
			return true;
		}
		looked = w.n;
		if (!rd_more(rd)) {
			*line = in_window(rd->in);
			*cut = line->n > 0;
			return false;
		}
	}
}

void rd_corrupt(struct rd *rd, const char *why)
{
	die_hint(EX_STREAM, "nothing of this chunk was kept; run the pipeline again",
		 "%s: the sealed stream is damaged after record %llu: %s", in_name(rd->in),
		 (unsigned long long)rd->records, tr(why));
}

enum rd_event
rd_bad(struct rd *rd, size_t column, struct sl field, struct sl value, const char *why)
{
	if (rd->sealed)
		rd_corrupt(rd, why);
	rd->fault = (struct fault){
		.record = rd->rec.record,
		.line = rd->rec.line,
		.column = column,
		.field = field,
		.value = value,
		.why = why,
		.hint = rd_encoding_hint(rd, why),
		.cut = rd->cut,
	};
	return RD_BAD;
}

const char *rd_encoding_hint(const struct rd *rd, const char *why)
{
	if (rd->conf.encoding || !rd->conf.has_options || (why != utf8_nul && why != utf8_bad))
		return NULL;
	return N_("--encoding NAME reads other texts, such as CP949 or UTF-16LE");
}

void rd_need_fields(struct rd *rd, size_t n)
{
	mem_grow(&rd->fields, &rd->fields_cap, n, sizeof *rd->fields);
}

/* A new list of columns must be the old one with more at the end: numbers of columns stay valid. */
static enum rd_event control_cols(struct rd *rd, const struct json *cols)
{
	size_t i = 0;

	if (cols->n < rd->cols.n)
		rd_corrupt(rd, "a list of columns lacks earlier ones");
	for (const struct json *c = cols->child; c; c = c->next, i++) {
		bool added;

		if (names_add(&rd->cols, c->text, &added) != i)
			rd_corrupt(rd, "a list of columns changes or repeats earlier ones");
	}
	rd_need_fields(rd, rd->cols.n); /* records need not have all of them */
	return RD_COLS;
}

/* The end of a seal's record, from the comma before "crc" on, as its writer must have put it. */
static size_t seal_tail(const struct rd *rd, char *dst, size_t cap, uint32_t crc)
{
	int n = rd->format == FMT_CSV
			? snprintf(dst, cap, ",\"\"crc\"\":\"\"%08x\"\"}\"", crc)
			: snprintf(dst, cap, ",\"crc\":\"%08x\"}}", crc);

	return (size_t)n;
}

/*
 * The checksum covers what stands before the tail; the tail itself is compared byte by byte, so
 * that no bit of a stream is left unchecked.
 */
static enum rd_event control_seal(struct rd *rd, struct sl raw)
{
	char tail[64];
	size_t n = seal_tail(rd, tail, sizeof tail, 0);

	if (raw.n < n)
		rd_corrupt(rd, "malformed seal");
	(void)seal_tail(rd, tail, sizeof tail, z_crc32(rd->crc, raw.p, raw.n - n));
	if (memcmp(raw.p + raw.n - n, tail, n) != 0)
		rd_corrupt(rd, "the checksum does not match");
	if (rd->seal.rows != rd->rows || rd->seal.bytes != rd->bytes)
		rd_corrupt(rd, "the seal counts other rows or bytes than were read");
	rd->ended = rd->seal.final;
	return RD_SEAL;
}

enum rd_event rd_control(struct rd *rd, struct sl text, struct sl raw)
{
	struct control c;
	const char *why;
	enum rd_event ev;
	char by[80], msg[1000];

	rd->learned = false; /* there may be other columns behind it */
	sum_up(rd); /* up to this record, which is not consumed yet */
	arena_reset(&rd->seal_arena);
	why = control_parse(&rd->seal_arena, arena_dup(&rd->seal_arena, text), &c);
	if (why)
		rd_corrupt(rd, why);
	switch (c.kind) {
	case CONTROL_COLS:
		ev = control_cols(rd, c.cols);
		rd_take(rd, raw.n + 1, 1);
		return ev;
	case CONTROL_BEGIN:
		if (rd->begun || rd->rows)
			rd_corrupt(rd, "a chunk begins inside another one");
		rd->begun = true;
		str_set(&rd->chunk, c.begin);
		rd_take(rd, raw.n + 1, 1);
		return RD_BEGIN;
	case CONTROL_SEAL:
		rd->seal = c.seal;
		ev = control_seal(rd, raw);
		rd->begun = false;
		rd_take(rd, raw.n + 1, 1);
		rd->crc = 0;
		rd->bytes = rd->rows = 0;
		rd->crc_from = rd->in->start;
		/* before anybody passes the final seal on: what follows it would be too late */
		if (rd->ended && (in_window(rd->in).n > 0 || rd_more(rd)))
			rd_corrupt(rd, "data follows the final seal");
		if (rd->ended)
			(void)rd_finish(rd); /* refuses a further file */
		return ev;
	case CONTROL_ABORT:
		die(c.code >= EX_USAGE_ && c.code <= EX_CONFIGURATION ? (enum exit_code)c.code
								      : EX_STREAM,
		    "upstream failed: %s: %s", msg_plain(by, sizeof by, c.by),
		    msg_plain(msg, sizeof msg, c.msg));
	case CONTROL_OPEN:
		break;
	}
	rd_corrupt(rd, "a second beginning inside the stream (were two streams joined?)");
}

static enum rd_event next_file(struct rd *rd);
static enum rd_event read_next(struct rd *rd);

/* Nothing is in the file at hand, where it should at least have a header. */
enum rd_event rd_finish_empty(struct rd *rd)
{
	if (rd->conf.format != FMT_NDJSON && !rd->conf.no_header && rd->n_empty++ == 0)
		rd->empty = in_name(rd->in);
	return rd_finish(rd);
}

size_t rd_empty(const struct rd *rd, const char **name, bool *all)
{
	*name = rd->empty;
	*all = rd->n_empty >= (rd->n_paths ? rd->n_paths : 1);
	return rd->n_empty;
}

enum rd_event rd_finish(struct rd *rd)
{
	if (rd->sealed && !rd->ended)
		die_hint(EX_STREAM,
			 "the program before this one stopped early; nothing of this chunk is kept",
			 "%s: the stream ended without its seal, after record %llu",
			 in_name(rd->in), (unsigned long long)rd->records);
	return rd->path + 1 < rd->n_paths ? next_file(rd) : RD_END;
}

/* The window from its first byte that is not white space on; reads as much as that takes. */
static struct sl skip_white(struct rd *rd)
{
	size_t i = 0;

	for (;;) {
		struct sl w = rd->in->buf ? in_window(rd->in) : SL("");

		while (i < w.n && memchr(" \t\r\n", w.p[i], 4))
			i++;
		if (i < w.n || !rd_more(rd))
			return (struct sl){ w.p + i, w.n - i };
	}
}

static void skip_lines(struct rd *rd)
{
	struct sl line;
	bool cut;

	for (uint64_t i = 0; i < rd->conf.skip_lines; i++) {
		bool more = rd_line(rd, &line, &cut);

		rd_check_size(rd, line.n); /* however much of it arrives at once */
		rd_take(rd, line.n + more, more);
		if (!more)
			return;
	}
}

/* Tells the format from the first bytes behind white space, and each file has the same. */
static void tell_format(struct rd *rd, struct sl w)
{
	enum format was = rd->format, is;

	if (w.n && *w.p == '[' && !rd->conf.no_header)
		die_hint(EX_DATA, "--input-format=json reads arrays, --input-format=csv forces CSV",
			 "%s: this looks like a JSON array", in_name(rd->in));
	is = w.n && *w.p == '{' && !rd->conf.no_header ? FMT_NDJSON : FMT_CSV;
	if (w.n && was != FMT_AUTO && was != is)
		die_hint(EX_DATA, "files that are read together need the same format",
			 "%s: this looks like %s, the file before it was %s", in_name(rd->in),
			 is == FMT_CSV ? "CSV" : "NDJSON", is == FMT_CSV ? "NDJSON" : "CSV");
	if (was == FMT_AUTO && (in_window(rd->in).n || rd->conf.columns))
		rd->format = is;
}

/* Reads the first bytes, drops a byte order mark, tells the format. False for empty input. */
static bool rd_start(struct rd *rd)
{
	struct sl w = { "", 0 };
	bool told = rd->conf.format == FMT_AUTO;

	while (w.n < (utf8_unmarked(w).n < w.n ? 6 : 3) && rd_more(rd))
		w = in_window(rd->in);
	if (rd->in->buf)
		w = in_window(rd->in); /* at the end it may have moved, too */
	rd->started = true;
	if (rd->conf.ragged)
		return w.n > 0; /* bare rows: whatever a value begins with is its own */
	/* two where cat put a file of nothing else before this one */
	rd_take(rd, w.n - utf8_unmarked(utf8_unmarked(w)).n, 0);
	if (rd->conf.skip_lines)
		skip_lines(rd);
	w = skip_white(rd);
	refuse_magic(rd, w);
	if (told)
		tell_format(rd, w);
	if (told && rd->format == FMT_NDJSON && rd->conf.has_options &&
		(rd->conf.delimiter || rd->conf.comment || rd->conf.rename_columns ||
			rd->conf.lenient_quotes || rd->conf.null))
		die_hint(EX_DATA, "--input-format csv reads it as CSV; NDJSON has no such option",
			 "%s: this looks like NDJSON, and --delimiter, --comment, --null, "
			 "--rename-columns and --lenient-quotes are for CSV", in_name(rd->in));
	return in_window(rd->in).n > 0;
}

/* The next of several files, which go on as if they were one. */
static enum rd_event next_file(struct rd *rd)
{
	struct in *was = rd->in;
	bool first = rd->cols.n == 0;

	if (rd->sealed || rd->format == FMT_ISO)
		die_hint(EX_DATA, "read them one by one",
			 "%s: %s cannot be read together with other files", in_name(rd->in),
			 rd->sealed ? "a sealed stream" : "a package");
	rd->in = in_open(rd->paths[++rd->path], rd->conf.max_record);
	in_follow(rd->in, was);
	in_close(was);
	if (rd->conf.encoding)
		in_decode(rd->in, rd->conf.encoding);
	rd->crc_from = rd->line = 0;
	rd->learned = rd->array_open = rd->no_array = false;
	if (!rd_start(rd))
		return rd_finish_empty(rd);
	if (rd->format == FMT_CSV) {
		enum rd_event ev = rd_csv_header(rd);

		if (ev != RD_COLS || first)
			return ev;
	}
	return read_next(rd);
}

static enum rd_event read_next(struct rd *rd)
{
	if (!rd->started) {
		if (!rd_start(rd) && (!rd->conf.columns || rd->conf.ragged))
			return rd_finish_empty(rd);
		if (rd->format == FMT_CSV)
			return rd_csv_header(rd);
	}
	if (rd->have_row) {
		rd->have_row = false;
		return RD_ROW;
	}
	if (UNLIKELY(rd->arena.head))
		arena_reset(&rd->arena);
	if (rd->ended)
		return RD_END;
	if (rd->format == FMT_JSON)
		return rd_array_next(rd);
	if (rd->format == FMT_ISO)
		return rd_iso_next(rd);
	return rd->format == FMT_CSV ? rd_csv_next(rd) : rd_ndjson_next(rd);
}

enum rd_event rd_next(struct rd *rd, struct rec *rec)
{
	enum rd_event ev = read_next(rd);

	if (ev == RD_ROW)
		rd->rows++;
	if (UNLIKELY(ev == RD_ROW && (rd->conf.null || rd->sep == '\t')))
		rd_csv_nulls(rd);
	*rec = rd->rec;
	return ev;
}

const struct names *rd_cols(const struct rd *rd)
{
	return &rd->cols;
}

struct sl rd_chunk(const struct rd *rd)
{
	return str_sl(&rd->chunk);
}

const struct seal *rd_seal(const struct rd *rd)
{
	return &rd->seal;
}

const struct fault *rd_fault(const struct rd *rd)
{
	return &rd->fault;
}

void rd_header_is_data(struct rd *rd)
{
	rd->warned = true;
}

bool rd_is_sealed(const struct rd *rd)
{
	return rd->sealed;
}

enum format rd_format(const struct rd *rd)
{
	return rd->format;
}

char rd_delimiter(const struct rd *rd)
{
	return rd->sep;
}

struct in *rd_in(struct rd *rd)
{
	return rd->in;
}

void rd_close(struct rd *rd)
{
	if (!rd)
		return;
	rd_csv_release(rd);
	rd_iso_release(rd);
	in_close(rd->in);
	names_free(&rd->cols);
	mem_free(rd->fields);
	str_free(&rd->head);
	str_free(&rd->chunk);
	arena_free(&rd->arena);
	arena_free(&rd->seal_arena);
	mem_free(rd);
}
