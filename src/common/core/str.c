#include "core/str.h"

#include <stdarg.h>

char *str_room(struct str *s, size_t more)
{
	mem_grow(&s->p, &s->cap, mem_add(mem_add(s->n, more), 1), 1);
	return s->p + s->n;
}

void str_add(struct str *s, struct sl t)
{
	char *dst = str_room(s, t.n);

	if (t.n)
		memcpy(dst, t.p, t.n);
	s->n += t.n;
	s->p[s->n] = '\0';
}

void str_set(struct str *s, struct sl t)
{
	s->n = 0;
	str_add(s, t);
}

void str_addz(struct str *s, const char *cstr)
{
	str_add(s, sl_of(cstr));
}

void str_addc(struct str *s, char c)
{
	*str_room(s, 1) = c;
	s->n++;
	s->p[s->n] = '\0';
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		bug("bad format string");
	(void)vsnprintf(str_room(s, (size_t)n), (size_t)n + 1, fmt, again);
	va_end(again);
	s->n += (size_t)n;
}

void str_addu(struct str *s, uint64_t v)
{
	s->n += num_put_u64(str_room(s, 20), v);
	s->p[s->n] = '\0';
}

void str_add_json(struct str *s, struct sl t)
{
	static const char from[] = "\"\\\n\t\r", to[] = "\"\\ntr";

	str_addc(s, '"');
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		const char *at;

		if ((unsigned char)c >= 0x20 && c != '"' && c != '\\') {
			str_addc(s, c);
			continue;
		}
		at = memchr(from, c, sizeof from - 1);
		if (at)
			str_addf(s, "\\%c", to[at - from]);
		else
			str_addf(s, "\\u%04x", (unsigned)c);
	}
	str_addc(s, '"');
}

void str_add_member(struct str *s, const char *name, struct sl t)
{
	str_addz(s, s->n > 0 && s->p[s->n - 1] != '{' ? ",\"" : "\"");
	str_addz(s, name);
	str_addz(s, "\":");
	str_add_json(s, t);
}

void str_add_digits(struct str *s, struct sl digits, size_t least)
{
	size_t whole = 0;

	while (whole < digits.n && digits.p[whole] >= '0' && digits.p[whole] <= '9')
		whole++;
	for (size_t i = 0; i < digits.n; i++) {
		if (i > 0 && i < whole && whole >= least && (whole - i) % 3 == 0)
			str_addc(s, ',');
		str_addc(s, digits.p[i]);
	}
}

void str_add_grouped(struct str *s, uint64_t v)
{
	char digits[20];

	str_add_digits(s, (struct sl){ digits, num_put_u64(digits, v) }, 4);
}

void str_add_quoted(struct str *s, struct sl t, char quote)
{
	str_addc(s, quote);
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == quote)
			str_addc(s, quote);
		str_addc(s, t.p[i]);
	}
	str_addc(s, quote);
}

void str_add_csv(struct str *s, struct sl t)
{
	bool plain = t.n > 0;

	for (size_t i = 0; i < t.n && plain; i++)
		plain = t.p[i] != ',' && t.p[i] != '"' && t.p[i] != '\n' && t.p[i] != '\r';
	if (plain) {
		str_add(s, t);
		return;
	}
	str_add_quoted(s, t, '"');
}

void str_free(struct str *s)
{
	mem_free(s->p);
	*s = (struct str){ 0 };
}
