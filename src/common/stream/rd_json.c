/* rd_json.c - finding one's way in a large JSON text: where a value ends, without reading it. */
#include "core/msg.h"
#include "stream/json.h"
#include "stream/rd_impl.h"

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

static NORETURN COLD void bad_document(const struct rd *rd, const char *why)
{
	die(EX_DATA, "%s:%llu: %s", in_name(rd->in), (unsigned long long)rd->line + 1, why);
}

static char need_char(struct rd *rd)
{
	char c;

	if (!rd_skip_space(rd, &c))
		bad_document(rd, "the JSON document has no end (was the file cut?)");
	return c;
}

/* Consumes a value and the colon, comma or bracket behind it stays; *name is its text if wanted. */
static void pass_value(struct rd *rd, struct sl *name)
{
	struct rd_piece p = { .lines = 0 };
	const struct json *j = NULL;
	const char *why = "a value is missing";
	size_t at;

	(void)need_char(rd);
	if (!rd_find_value(rd, &p))
		bad_document(rd, "the JSON document has no end (was the file cut?)");
	if (p.text.n)
		j = json_parse(&rd->arena, p.text, &why, &at);
	if (!j || (name && j->kind != J_STR))
		bad_document(rd, j ? "the name of a member is no string" : why);
	if (name)
		*name = arena_dup(&rd->arena, j->text);
	rd_take(rd, p.len, p.lines);
}

/* Consumes `"name":`. */
static struct sl pass_name(struct rd *rd)
{
	struct sl name;

	pass_value(rd, &name);
	if (need_char(rd) != ':')
		bad_document(rd, "a member of the JSON document has no value");
	rd_take(rd, 1, 0);
	return name;
}

static NORETURN COLD void bad_step(const struct rd *rd, const char *why)
{
	char text[160];

	(void)snprintf(text, sizeof text, "--at %s: %s", rd->conf.at, why);
	bad_document(rd, text);
}

/* Goes to the member's value inside an object. */
static void enter_member(struct rd *rd, struct sl want)
{
	char c = need_char(rd), next = '{';

	while (c == next) {
		rd_take(rd, 1, 0);
		if (need_char(rd) == '}')
			break;
		if (sl_eq(pass_name(rd), want))
			return;
		pass_value(rd, NULL);
		c = need_char(rd);
		next = ',';
	}
	bad_step(rd, "there is no such member");
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

		while ((c = need_char(rd)) == ',') {
			rd_take(rd, 1, 0);
			if (sl_eq(pass_name(rd), entered))
				bad_step(rd, "the document has this member twice");
			pass_value(rd, NULL);
		}
		if (c != '}')
			bad_document(rd, "a comma is missing in the JSON document");
		rd_take(rd, 1, 0);
	}
	if (rd_skip_space(rd, &c))
		bad_document(rd, "something follows the JSON document");
}
