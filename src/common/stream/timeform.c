#include "stream/timeform.h"

#include "stream/cast.h"

#include <ctype.h>
#include <time.h>

static const char known[] = "YymbBdeajAHIpMSTFRfz%";

/* The letter of the next conversion, *p then being behind it; 0: there is none. */
static char next_conversion(const char **p)
{
	const char *at = strchr(*p, '%');

	if (!at)
		return 0;
	*p = at + 1 + (at[1] != 0);
	return at[1] ? at[1] : '?';
}

/* Where what strptime() does not know begins: %f or %z, and all behind it. */
static const char *find_tail(const char *format)
{
	const char *p = format;
	char c;

	while ((c = next_conversion(&p)))
		if (c == 'f' || c == 'z')
			return p - 2;
	return format + strlen(format);
}

/* The user's format has been looked at by timeform_fault(). */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* The format without its tail. */
static void put_head(char *head, const char *format)
{
	(void)snprintf(head, TIMEFORM_MAX, "%.*s", (int)(find_tail(format) - format), format);
}

static bool has_hours(const char *format)
{
	char c;

	while ((c = next_conversion(&format)))
		if (strchr("HITR", c))
			return true;
	return false;
}

/* ---- values --------------------------------------------------------------------------------- */

static const char *skip_zeros(const char *s)
{
	while (*s == '0' && isdigit((unsigned char)s[1]))
		s++;
	return s;
}

/* Are the texts the same, but for cases and zeros before numbers? */
static bool is_same(const char *a, const char *b)
{
	for (bool number = false; *a || *b; a++, b++) {
		if (!number) {
			a = skip_zeros(a);
			b = skip_zeros(b);
		}
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		number = isdigit((unsigned char)*a);
	}
	return true;
}

/*
 * Reads what the format says before its tail; where that ends in the value, or NULL. strptime()
 * takes what is not there, the 31st of February, say, or a year of two digits: so what it took must
 * give the same text when it is written.
 */
static const char *read_head(const char *format, const char *value, struct tm *tm)
{
	char head[TIMEFORM_MAX], took[TIMEFORM_MAX], again[TIMEFORM_MAX];
	const char *end;

	put_head(head, format);
	*tm = (struct tm){ 0 };
	end = strptime(value, head, tm);
	if (!end || tm->tm_year < 1000 - 1900)
		return NULL;
	(void)timegm(tm);
	(void)snprintf(took, sizeof took, "%.*s", (int)(end - value), value);
	return strftime(again, sizeof again, head, tm) && is_same(took, again) ? end : NULL;
}

/* Adds decimals and zone to the n bytes of `text`; how many it has then, 0: they are not there. */
static size_t read_tail(const char *tail, const char *value, char *text, size_t n)
{
	size_t digits = strspn(value, "0123456789");

	if (strncmp(tail, "%f", 2) == 0) {
		if (digits < 1 || digits > 9)
			return 0;
		n += (size_t)snprintf(text + n, TIMEFORM_MAX - n, ".%.*s", (int)digits, value);
		value += digits;
		tail += 2;
	}
	if (*tail == ' ' && *value == ' ') {
		tail++;
		value++;
	}
	if (strncmp(tail, "%z", 2) == 0 && *value && strlen(value) <= sizeof "+09:00") {
		n += (size_t)snprintf(text + n, TIMEFORM_MAX - n, "%s", value);
		return tail[2] ? 0 : n;
	}
	return *tail || *value ? 0 : n;
}

size_t timeform_read(const char *format, struct sl value, char *text)
{
	char copy[TIMEFORM_MAX];
	const char *end;
	struct tm tm;
	int64_t ns;
	size_t n;

	if (value.n >= sizeof copy || memchr(value.p, 0, value.n))
		return 0;
	memcpy(copy, value.p, value.n);
	copy[value.n] = '\0';
	end = read_head(format, copy, &tm);
	if (!end)
		return 0;
	n = strftime(text, TIMEFORM_MAX, has_hours(format) ? "%F %T" : "%F", &tm);
	n = read_tail(find_tail(format), end, text, n);
	return cast_time_ns((struct sl){ text, n }, &ns) ? n : 0;
}

const char *timeform_fault(const char *format)
{
	const char *p = format, *tail = find_tail(format);
	/* a day and an hour that no other reading gives */
	struct tm probe = { .tm_year = 113, .tm_mon = 10, .tm_mday = 27, .tm_hour = 22,
		.tm_min = 33, .tm_sec = 44 }, tm;
	char head[TIMEFORM_MAX], text[TIMEFORM_MAX], c;
	bool hours;

	while ((c = next_conversion(&p)))
		if (!strchr(known, c))
			return "formats have no such letter behind a %";
	if (strlen(format) >= TIMEFORM_MAX / 2)
		return "the format is too long";
	if (*tail && strcmp(tail, "%f") != 0 && strcmp(tail, "%z") != 0 &&
		strcmp(tail, "%f%z") != 0 && strcmp(tail, "%f %z") != 0)
		return "in a format %f and %z stand at the end, in this order";
	(void)timegm(&probe);
	put_head(head, format);
	hours = has_hours(format);
	if (!strftime(text, sizeof text, head, &probe) || !read_head(format, text, &tm) ||
		tm.tm_year != probe.tm_year || tm.tm_yday != probe.tm_yday)
		return "the format does not tell year, month and day";
	if (tm.tm_hour != (hours ? 22 : 0) || (!hours && (tm.tm_min || tm.tm_sec)) ||
		(*tail && tail[1] == 'f' && tm.tm_sec != 44))
		return "the format tells a part of the time without the larger one";
	return NULL;
}
