/*
 * JSON: a plain second parser (RFC 8259 and what json.h says on top) takes the same texts and sees
 * the same values; yajl by itself takes whatever ours takes; and what we write of it is the same
 * value again.
 */
#include "core/utf8.h"
#include "fuzz.h"
#include "stream/json.h"

#include <yajl/yajl_parse.h>

struct plain {
	const char *p, *end;
	struct str out; /* kinds, texts and keys, in order */
	size_t depth;
	bool bad;
};

static void blanks(struct plain *s)
{
	while (s->p < s->end && *s->p && strchr(" \t\r\n", *s->p))
		s->p++;
}

static bool take(struct plain *s, char c)
{
	bool is = s->p < s->end && *s->p == c;

	s->p += is;
	return is;
}

static size_t digits(struct plain *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

static void plain_number(struct plain *s)
{
	const char *from = s->p;

	(void)take(s, '-');
	if (!take(s, '0'))
		s->bad |= digits(s) == 0;
	if (take(s, '.'))
		s->bad |= digits(s) == 0;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '-'))
			(void)take(s, '+');
		s->bad |= digits(s) == 0;
	}
	str_add(&s->out, (struct sl){ from, (size_t)(s->p - from) });
}

static unsigned code_unit(struct plain *s)
{
	unsigned u = 0;

	for (int i = 0; i < 4; i++, s->p++) {
		const char *hex = "0123456789abcdef";
		const char *at = s->p < s->end && *s->p ? strchr(hex, *s->p | 0x20) : NULL;

		if (!at || (*s->p < 'A' && *s->p > '9') || *s->p < '0') {
			s->bad = true;
			return 0;
		}
		u = u << 4 | (unsigned)(at - hex);
	}
	return u;
}

static void put_utf8(struct str *out, unsigned c)
{
	if (c < 0x80)
		str_addc(out, (char)c);
	else if (c < 0x800)
		str_addf(out, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
	else if (c < 0x10000)
		str_addf(out, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63), 0x80 | (c & 63));
	else
		str_addf(out, "%c%c%c%c", 0xf0 | c >> 18, 0x80 | (c >> 12 & 63),
			0x80 | (c >> 6 & 63), 0x80 | (c & 63));
}

static void plain_escape(struct plain *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = s->p < s->end && *s->p ? strchr(from, *s->p) : NULL;
	unsigned u, low;

	if (at) {
		str_addc(&s->out, to[at - from]);
		s->p++;
		return;
	}
	if (!take(s, 'u')) {
		s->bad = true;
		return;
	}
	u = code_unit(s);
	if (u >= 0xd800 && u < 0xdc00) {
		s->bad |= !take(s, '\\') || !take(s, 'u');
		low = s->bad ? 0 : code_unit(s);
		s->bad |= low < 0xdc00 || low > 0xdfff;
		u = 0x10000 + ((u & 0x3ff) << 10 | (low & 0x3ff));
	}
	s->bad |= u == 0 || (u >= 0xdc00 && u < 0xe000);
	if (!s->bad)
		put_utf8(&s->out, u);
}

static void plain_string(struct plain *s)
{
	s->bad |= !take(s, '"');
	while (!s->bad && !take(s, '"')) {
		if (s->p >= s->end || (unsigned char)*s->p < 0x20)
			s->bad = true;
		else if (take(s, '\\'))
			plain_escape(s);
		else
			str_addc(&s->out, *s->p++);
	}
	str_addc(&s->out, '\0');
}

static void plain_value(struct plain *s);

/* A key that is there twice among those of this object, which stand in `out` by themselves. */
static bool is_again(const struct str *keys, struct sl key)
{
	for (const char *p = str_z(keys); p < str_z(keys) + keys->n; p += strlen(p) + 1)
		if (strlen(p) == key.n && memcmp(p, key.p, key.n) == 0)
			return true;
	return false;
}

static void plain_members(struct plain *s, char end)
{
	struct str keys = { 0 };

	s->bad |= ++s->depth > 512;
	str_addc(&s->out, end == '}' ? '{' : '[');
	blanks(s);
	if (!s->bad && !take(s, end)) {
		do {
			size_t at = s->out.n;

			blanks(s);
			if (end == '}') {
				plain_string(s);
				s->bad |= is_again(&keys, (struct sl){ s->out.p + at,
								  s->out.n - at - 1 });
				str_add(&keys, (struct sl){ s->out.p + at, s->out.n - at });
				blanks(s);
				s->bad |= !take(s, ':');
			}
			plain_value(s);
			blanks(s);
		} while (!s->bad && take(s, ','));
		s->bad |= !take(s, end);
	}
	str_addc(&s->out, end);
	s->depth--;
	str_free(&keys);
}

static void plain_value(struct plain *s)
{
	static const char *const words[] = { "null", "true", "false" };

	blanks(s);
	if (s->bad || s->p == s->end) {
		s->bad = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if ((size_t)(s->end - s->p) >= strlen(words[i]) &&
			memcmp(s->p, words[i], strlen(words[i])) == 0) {
			str_addz(&s->out, words[i]);
			s->p += strlen(words[i]);
			return;
		}
	if (take(s, '{')) {
		plain_members(s, '}');
	} else if (take(s, '[')) {
		plain_members(s, ']');
	} else if (*s->p == '"') {
		str_addc(&s->out, '"');
		plain_string(s);
	} else {
		plain_number(s);
	}
}

/* The same of our tree. */
static void tell(struct str *out, const struct json *j)
{
	static const char *const words[] = { "null", "true", "false" };

	if (j->kind <= J_FALSE)
		str_addz(out, words[j->kind]);
	if (j->kind == J_STR)
		str_addc(out, '"');
	if (j->kind == J_NUM || j->kind == J_STR)
		str_add(out, j->text);
	if (j->kind == J_STR)
		str_addc(out, '\0');
	if (j->kind < J_ARR)
		return;
	str_addc(out, j->kind == J_OBJ ? '{' : '[');
	for (const struct json *c = j->child; c; c = c->next) {
		if (j->kind == J_OBJ) {
			str_add(out, c->key);
			str_addc(out, '\0');
		}
		tell(out, c);
	}
	str_addc(out, j->kind == J_OBJ ? '}' : ']');
}

static bool yajl_takes(struct sl s)
{
	static const yajl_callbacks none;
	yajl_handle y = yajl_alloc(&none, NULL, NULL);
	bool good = yajl_parse(y, (const unsigned char *)s.p, s.n) == yajl_status_ok &&
		    yajl_complete_parse(y) == yajl_status_ok;

	yajl_free(y);
	return good;
}

const unsigned fuzz_times = 10;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const nothing[] = { NULL };
	struct sl in = fuzz_sl(data, n);
	struct plain s = { .p = in.p, .end = in.p + in.n };
	struct arena arena = { 0 };
	struct str told = { 0 }, written = { 0 }, again = { 0 };
	const char *why = NULL;
	size_t at = 0;
	struct json *j = json_parse(&arena, in, &why, &at);

	plain_value(&s);
	blanks(&s);
	s.bad |= s.p != s.end || utf8_valid_to(in.p, in.n) != in.n || memchr(in.p, 0, in.n);
	CHECK(!j == s.bad, "%s at %d; the second parser %s", why ? why : "", (int)at,
		s.bad ? "refuses it" : "takes it");
	CHECK(at <= in.n, "%d of %d", (int)at, (int)in.n);
	if (j) {
		CHECK(yajl_takes(in), "yajl does not take it");
		tell(&told, j);
		CHECK_SAME(str_sl(&told), str_sl(&s.out));
		json_put_without(&written, j, nothing);
		j = json_parse(&arena, str_sl(&written), &why, &at);
		CHECK(j, "%s: %s", str_z(&written), why);
		tell(&again, j);
		CHECK_SAME(str_sl(&again), str_sl(&told));
	}
	str_free(&s.out);
	str_free(&told);
	str_free(&written);
	str_free(&again);
	arena_free(&arena);
	return 0;
}
