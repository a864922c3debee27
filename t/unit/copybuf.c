/* Rows of COPY in text form: escapes, fields found and made NULL, where a COPY stopped. */
#include "pg/copybuf.h"

#include "tap.h"

/* The slow and obvious way. */
static size_t plain_escape(char *dst, struct sl s)
{
	char *p = dst;

	for (size_t i = 0; i < s.n; i++) {
		const char *found = strchr("\\\\\tt\nn\rr", s.p[i]);

		if (s.p[i] && found && (found - "\\\\\tt\nn\rr") % 2 == 0) {
			*p++ = '\\';
			*p++ = found[1];
		} else {
			*p++ = s.p[i];
		}
	}
	return (size_t)(p - dst);
}

static void test_escape(void)
{
	static const char bytes[] = "\\\t\n\r\b\f\v\x0e\x01 abcN.,\"\x7f\x80\xff\x8d\xdc";
	char text[64], got[128], want[128];
	size_t wrong = 0;

	for (int round = 0; round < 200000; round++) {
		struct sl s = { text, tap_random() % 41 };

		/* few special bytes in most rounds, many in some */
		for (size_t i = 0; i < s.n; i++)
			text[i] = tap_random() % 16 < (round % 4 == 0 ? 12 : 1)
					  ? bytes[tap_random() % (sizeof bytes - 1)]
					  : 'x';
		size_t n = (size_t)(copybuf_escape(got, s) - got), m = plain_escape(want, s);

		wrong += !sl_eq((struct sl){ got, n }, (struct sl){ want, m });
		wrong += copybuf_is_special(s) != (m > s.n);
	}
	tap(wrong == 0, "200000 random texts are escaped as the definition says");
}

static void put_row(struct copybuf *b, const struct sl *fields, size_t n)
{
	copybuf_begin_row(b, b->n + 1, b->n + 2);
	for (size_t i = 0; i < n; i++) {
		char *p = str_room(&b->text, 2 * fields[i].n + 3);
		char *from = p;

		if (i > 0)
			*p++ = '\t';
		if (fields[i].p) {
			p = copybuf_escape(p, fields[i]);
		} else {
			memcpy(p, "\\N", 2);
			p += 2;
		}
		b->text.n += (size_t)(p - from);
	}
	copybuf_end_row(b);
}

static void is_field(const struct copybuf *b, size_t row, size_t field, const char *want)
{
	struct str got = { 0 };
	bool there = copybuf_field(b, row, field, &got);

	tap(there == (want != NULL) && (!want || sl_eq_str(str_sl(&got), want)),
		"field %zu.%zu: %s", row, field, want ? msg_q(sl_of(want)) : "NULL");
	str_free(&got);
}

static void test_fields(void)
{
	static const struct sl fields[] = { SL_INIT("one"), { NULL, 0 }, SL_INIT("t\ta\nb\rc\\d"),
		SL_INIT(""), SL_INIT("\\N") };
	struct copybuf b = { .n = 0 };

	for (int i = 0; i < 3; i++)
		put_row(&b, fields, ARRAY_LEN(fields));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		is_field(&b, 1, i, fields[i].p);
	is_field(&b, 1, 5, NULL);
	copybuf_blank(&b, 1, 2);
	copybuf_blank(&b, 1, 4);
	copybuf_blank(&b, 0, 3);
	is_field(&b, 0, 3, NULL);
	is_field(&b, 0, 4, "\\N");
	is_field(&b, 1, 2, NULL);
	is_field(&b, 1, 3, "");
	is_field(&b, 1, 4, NULL);
	is_field(&b, 2, 0, "one");
	is_field(&b, 2, 4, "\\N");
	copybuf_begin_row(&b, 9, 9);
	str_addz(&b.text, "half a row");
	copybuf_drop_row(&b);
	tap(b.n == 3 && copybuf_rows(&b, 0, 3).n == b.text.n, "a row taken back leaves nothing");
	tap_same(copybuf_rows(&b, 2, 3), SL("one\t\\N\tt\\ta\\nb\\rc\\\\d\t\t\\\\N\n"), "a row");
	copybuf_free(&b);
}

static void test_stopped_at(void)
{
	static const struct {
		const char *context, *column; /* NULL: not told */
		uint64_t line;
	} cases[] = {
		{ "COPY t, line 3, column b: \"NOPE\"", "b", 3 },
		{ "COPY t, line 12", "", 12 },
		{ "COPY ferry_stage_1, line 7: \"a\tb\"", "", 7 },
		{ "COPY t, line 3, column a, line 4: null input", "a, line 4", 3 },
		{ "SQL statement \"SELECT 1\"", NULL, 0 },
		{ "COPY t, Zeile 3, Spalte b: \"NOPE\"", NULL, 0 },
		{ "COPY t, line 0", NULL, 0 },
		{ "COPY t, line x", NULL, 0 },
		{ "", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str column = { 0 };
		uint64_t line = 0;
		bool told = copybuf_stopped_at(cases[i].context, &line, &column);

		tap(told == (cases[i].column != NULL) &&
				(!told || (line == cases[i].line &&
						  sl_eq_str(str_sl(&column), cases[i].column))),
			"%s", *cases[i].context ? cases[i].context : "(no context)");
		str_free(&column);
	}
}

int main(void)
{
	test_escape();
	test_fields();
	test_stopped_at();
	return tap_done();
}
