/* rd_magic.c - what is no records at all, told from how it begins, and the way out. */
#include "core/msg.h"
#include "stream/rd_impl.h"

#include <strings.h>

static const struct magic {
	struct sl begins;
	const char *what, *hint;
	bool binary; /* a name of a column might begin so */
} magics[] = {
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

void rd_refuse_magic(const struct rd *rd, struct sl begin)
{
	refuse_wide(rd, begin);
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		const struct magic *m = &magics[i];

		if (begin.n >= m->begins.n &&
		    strncasecmp(begin.p, m->begins.p, m->begins.n) == 0 &&
		    (!m->binary || has_binary(begin)))
			die_hint(EX_DATA, m->hint, "%s: this is %s", in_name(rd->in), m->what);
	}
}
