/* rd_json.c - finding one's way in a large JSON text: where a value ends, without reading it. */
#include "stream/rd_impl.h"

#include <stdarg.h>

bool rd_skip_space(struct rd *rd, char *c)
{
	for (;;) {
		struct sl w = in_window(rd->in);
		uint64_t lines = 0;
		size_t n = 0;

		while (n < w.n && memchr(" \t\n\r", w.p[n], 4))
			lines += w.p[n++] == '\n';
		rd_take(rd, n, lines);
		if (n < w.n) {
			*c = w.p[n];
			return true;
		}
		if (!rd_more(rd))
			return false;
	}
}

bool rd_find_value(struct rd *rd, struct rd_piece *p)
{
	size_t i = 0, depth = 0;
	bool in_string = false;

	for (;;) {
		size_t n = in_window(rd->in).n;
		char *w = rd->in->buf + rd->in->start;

		for (; i < n; i++) {
			if (in_string && w[i] == '\\') {
				i++;
			} else if (w[i] == '"') {
				in_string = !in_string;
			} else if (in_string) {
				continue;
			} else if (depth == 0 &&
				   (w[i] == ',' || w[i] == ']' || w[i] == '}' || w[i] == ':')) {
				*p = (struct rd_piece){{w, i}, i, p->lines, false};
				return true;
			} else if (w[i] == '[' || w[i] == '{') {
				depth++;
			} else if (w[i] == ']' || w[i] == '}') {
				depth--;
				if (depth == 0 && rd->no_array) {
					*p = (struct rd_piece){{w, i + 1}, i + 1, p->lines, false};
					return true;
				}
			} else if (w[i] == '\n' || w[i] == '\r') {
				p->lines += w[i] == '\n';
				w[i] = ' ';
			}
		}
		if (!rd_more(rd))
			return false;
	}
}

void rd_unfit(const struct rd *rd, const char *hint, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	die_hint(EX_DATA, hint, "%s:%llu: %s", in_name(rd->in), (unsigned long long)rd->line + 1,
		 tr(text));
}

char rd_need_char(struct rd *rd, const char *no_end)
{
	char c;

	if (!rd_skip_space(rd, &c))
		rd_unfit(rd, NULL, "%s", no_end);
	return c;
}

static const char no_end[] = N_("the JSON document has no end (was the file cut?)");

/* Consumes a value and the colon, comma or bracket behind it stays; *name is its text if wanted. */
static void pass_value(struct rd *rd, struct sl *name)
{
	struct rd_piece p = { .lines = 0 };
	const struct json *j = NULL;
	const char *why = "a value is missing";
	size_t at;

	(void)rd_need_char(rd, no_end);
	if (!rd_find_value(rd, &p))
		rd_unfit(rd, NULL, "%s", no_end);
	if (p.text.n)
		j = json_parse(&rd->arena, p.text, &why, &at);
	if (!j || (name && j->kind != J_STR))
		rd_unfit(rd, NULL, "%s", j ? "the name of a member is no string" : why);
	if (name)
		*name = arena_dup(&rd->arena, j->text);
	rd_take(rd, p.len, p.lines);
}

/* Consumes `"name":`. */
static struct sl pass_name(struct rd *rd)
{
	struct sl name;

	pass_value(rd, &name);
	if (rd_need_char(rd, no_end) != ':')
		rd_unfit(rd, NULL, "a member of the JSON document has no value");
	rd_take(rd, 1, 0);
	return name;
}

/* Goes to the member's value inside an object. */
static void enter_member(struct rd *rd, struct sl want)
{
	char c = rd_need_char(rd, no_end), next = '{';

	while (c == next) {
		rd_take(rd, 1, 0);
		if (rd_need_char(rd, no_end) == '}')
			break;
		if (sl_eq(pass_name(rd), want))
			return;
		pass_value(rd, NULL);
		c = rd_need_char(rd, no_end);
		next = ',';
	}
	rd_unfit(rd, NULL, "--at %s: there is no such member", rd->conf.at);
}

/* The n-th name of `A.B.C`, from 0; its end behind the last. */
static struct sl step(const char *at, size_t n)
{
	for (; n > 0; n--) {
		at += strcspn(at, ".");
		at += *at == '.';
	}
	return (struct sl){ at, strcspn(at, ".") };
}

void rd_enter(struct rd *rd)
{
	for (struct sl s; *(s = step(rd->conf.at, rd->depth)).p; rd->depth++)
		enter_member(rd, s);
}

void rd_leave(struct rd *rd)
{
	char c;

	for (; rd->depth > 0; rd->depth--) {
		struct sl entered = step(rd->conf.at, rd->depth - 1);

		while ((c = rd_need_char(rd, no_end)) == ',') {
			rd_take(rd, 1, 0);
			if (sl_eq(pass_name(rd), entered))
				rd_unfit(rd, NULL, "--at %s: the document has this member twice",
					 rd->conf.at);
			pass_value(rd, NULL);
		}
		if (c != '}')
			rd_unfit(rd, NULL, "a comma is missing in the JSON document");
		rd_take(rd, 1, 0);
	}
	if (rd_skip_space(rd, &c))
		rd_unfit(rd, NULL, "something follows the JSON document");
}
