/*
 * Conditions of --where: what is rewritten is the event time and the dates beside it, nothing else.
 * A plain reader walks both texts: they differ only by the calls put around, never inside quotes.
 */
#include "fs/fs_sql.h"
#include "fuzz.h"

#include <ctype.h>
#include <strings.h>

#define NAME "Event_Time"
#define TEXT "from_iso8601_timestamp("
#define UNIX "from_unixtime("

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* The length of what stands at `p`: something in quotes, a word, or one byte. */
static size_t token(const char *p)
{
	size_t n = 1;

	if (*p == '\'' || *p == '"') {
		while (p[n] && (p[n] != *p || p[n + 1] == *p))
			n += p[n] == *p ? 2 : 1;
		return p[n] ? n + 1 : n;
	}
	while (is_name_char(*p) && is_name_char(p[n]))
		n++;
	return n;
}

static bool is_event_time(const char *p, size_t n)
{
	size_t quotes = *p == '"';

	return n == strlen(NAME) + 2 * quotes && strncasecmp(p + quotes, NAME, strlen(NAME)) == 0;
}

/* A date in quotes, perhaps with a time; `out` has the same with a T where a blank was. */
static bool same_date(const char *in, const char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (in[i] != out[i] && !(i == 11 && in[i] == ' ' && out[i] == 'T'))
			return false;
	return n > 11 && isdigit((unsigned char)in[1]);
}

/* Walks both; how often the event time was rewritten. */
static size_t walk(const char *in, const char *out, const char *call)
{
	static const char written[] = "\"event_time\")";
	size_t calls = 0, n;

	for (; *in; in += n) {
		n = token(in);
		if (is_event_time(in, n) && strncmp(out, call, strlen(call)) == 0 &&
			strncmp(out + strlen(call), written, strlen(written)) == 0) {
			out += strlen(call) + strlen(written);
			calls++;
			continue;
		}
		if (*in == '\'' && strncmp(out, TEXT, strlen(TEXT)) == 0) {
			out += strlen(TEXT);
			CHECK(same_date(in, out, n) && out[n] == ')', "%s, %s", in, out);
			out += n + 1;
			continue;
		}
		CHECK(strncmp(in, out, n) == 0, "%s, %s", in, out);
		out += n;
	}
	CHECK(*out == '\0', "more at the end: %s", out);
	return calls;
}

const unsigned fuzz_times = 10;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	struct fs_feature f[2] = { { .name = SL("id") }, { .name = SL(NAME) } };
	struct fs_group g = { .features = f, .n = 2, .id = 0, .time = 1 };
	char *where = mem_sldup(in);
	struct str out = { 0 };
	bool any;

	f[1].type = on & 1 ? FS_FRACTIONAL : FS_STRING;
	any = fs_where_parse_time(&g, where, &out);
	CHECK(any == (walk(where, str_z(&out), on & 1 ? UNIX : TEXT) > 0), "%s: %s", where,
		str_z(&out));
	str_free(&out);
	mem_free(where);
	return 0;
}
