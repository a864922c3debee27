/*
 * The fast way of reading JSON objects against yajl's: the same records, the same refusals. Lines
 * are made of pieces that are right and wrong, and have bytes changed.
 */
#include "core/mem.h"
#include "stream.h"
#include "stream/json.h"
#include "tap.h"

#define LINES 200000

static const char *const pieces[] = { "{", "}", "\"a\"", "\"b\"", "\"c\"", ":", ",", " ", "\t", "1",
	"-0.5e3", "01", "-", "1.", "true", "false", "null", "nul", "\"x\"", "\"\"", "\"\\n\\\"\"",
	"\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\udc00\"", "\"\\u0000\"", "\"\\x\"",
	"\"\xc3\xa9 a longer text than sixteen bytes\"", "\"\xff\"", "[1,{\"z\":2}]", "{\"z\":1}",
	"\"\\", "\"\x01\"", "\r", "\"\\u12\"", "NaN" };

static const char *const good[] = { "{\"a\":1,\"b\":\"x\",\"c\":null}",
	"{ \"c\" : true , \"a\" : \"\\u00e9\\\\ sixteen bytes and more\\t\" }", "{\"b\":-1.5e10}",
	"{}", "{\"a\":\"\xed\x95\x9c\xea\xb8\x80\",\"b\":[],\"c\":{\"z\":[]}}" };

static const char *pick(const char *const *list, size_t n)
{
	return list[tap_random() % n];
}

/* One line, without its end. */
static void make_line(struct str *s)
{
	str_clear(s);
	if (tap_random() % 2) {
		size_t n = tap_random() % 14;

		str_addz(s, "{");
		for (size_t i = 0; i < n; i++)
			str_addz(s, pick(pieces, ARRAY_LEN(pieces)));
		str_addz(s, tap_random() % 2 ? "}" : "");
		return;
	}
	str_addz(s, pick(good, ARRAY_LEN(good)));
	for (size_t i = tap_random() % 3; i > 0 && s->n > 1; i--) {
		size_t at = 1 + tap_random() % (s->n - 1);
		static const char bytes[] = "\"\\{}[]:, u0e1x\x7f\xc3";

		s->p[at] = bytes[tap_random() % (sizeof bytes - 1)];
	}
}

static enum field_kind kind_of(const struct json *j)
{
	static const enum field_kind kinds[] = { F_NULL, F_BOOL, F_BOOL, F_NUM, F_STR, F_JSON,
		F_JSON };

	return kinds[j->kind];
}

/* Does the record have what the tree has? */
static bool same_record(const struct names *cols, const struct rec *rec, const struct json *o)
{
	size_t present = 0;

	for (size_t i = 0; i < rec->n; i++)
		present += rec->f[i].kind != F_ABSENT;
	if (present != o->n)
		return false;
	for (const struct json *m = o->child; m; m = m->next) {
		size_t i = names_find(cols, m->key);
		const struct field *f;

		if (i >= rec->n)
			return false;
		f = &rec->f[i];
		if (f->kind != kind_of(m))
			return false;
		if ((m->kind == J_STR || m->kind == J_NUM) && !sl_eq(field_sl(f), m->text))
			return false;
		if (m->kind == J_TRUE && !sl_eq(field_sl(f), SL("true")))
			return false;
	}
	return true;
}

/* The record that the reader gives for one line of the stream, compared with yajl's. */
static bool compare(struct rd *rd, struct sl line)
{
	struct arena arena = { 0 };
	struct rec rec;
	const char *why;
	size_t at;
	enum rd_event ev = rd_next(rd, &rec);
	const struct json *o = json_parse(&arena, line, &why, &at);
	bool good_line = o && o->kind == J_OBJ, same;

	if (ev == RD_COLS)
		ev = rd_next(rd, &rec);
	same = good_line ? ev == RD_ROW && same_record(rd_cols(rd), &rec, o) : ev == RD_BAD;
	if (!same)
		printf("# %s: event %d\n", msg_q(line), (int)ev);
	arena_free(&arena);
	return same;
}

int main(void)
{
	int fd = memfd_create("lines", 0);
	struct rd_conf conf = { .format = FMT_NDJSON };
	struct str all = { 0 }, line = { 0 };
	unsigned wrong = 0, n = 0;
	struct rd *rd;

	str_addz(&all, "{\"a\":0,\"b\":0,\"c\":0}\n");
	while (n < LINES) {
		make_line(&line);
		if (memchr(line.p, '\n', line.n))
			continue;
		str_add(&all, str_sl(&line));
		str_addc(&all, '\n');
		n++;
	}
	if (write(fd, all.p, all.n) != (ssize_t)all.n || lseek(fd, 0, SEEK_SET) != 0)
		return 99;
	rd = rd_from_fd(fd, "lines", &conf);
	for (const char *p = all.p, *end = all.p + all.n, *nl;
		(nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
		wrong += !compare(rd, (struct sl){ p, (size_t)(nl - p) });
	tap(wrong == 0, "%u lines: %u read otherwise than by yajl", n, wrong);
	rd_close(rd);
	str_free(&all);
	str_free(&line);
	return tap_done();
}
