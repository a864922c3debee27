#include "xml.h"

#include "core/str.h"
#include "core/utf8.h"

#include <ctype.h>

#define MAX_DEPTH 32

struct parse {
	struct arena *mem;
	const char *p, *end;
};

static bool at(const struct parse *s, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, what, n) == 0;
}

/* Steps behind the next `what`; false when there is none. */
static bool skip_past(struct parse *s, const char *what)
{
	const char *found = memmem(s->p, (size_t)(s->end - s->p), what, strlen(what));

	if (!found)
		return false;
	s->p = found + strlen(what);
	return true;
}

static bool skip_markup(struct parse *s)
{
	for (;;) {
		while (s->p < s->end && isspace((unsigned char)*s->p))
			s->p++;
		if (at(s, "<?")) {
			if (!skip_past(s, "?>"))
				return false;
		} else if (at(s, "<!--")) {
			if (!skip_past(s, "-->"))
				return false;
		} else {
			return true;
		}
	}
}

/* One reference, at the &; appends what it stands for. */
static bool add_reference(struct parse *s, struct str *out)
{
	static const struct {
		const char *name, *text;
	} known[] = { { "&lt;", "<" }, { "&gt;", ">" }, { "&amp;", "&" }, { "&quot;", "\"" },
		{ "&apos;", "'" } };
	const char *semicolon;
	unsigned long cp;
	char utf8[4], *stop;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (at(s, known[i].name)) {
			str_addz(out, known[i].text);
			s->p += strlen(known[i].name);
			return true;
		}
	semicolon = memchr(s->p, ';', (size_t)(s->end - s->p));
	if (!at(s, "&#") || !semicolon || semicolon - s->p > 10)
		return false;
	cp = s->p[2] == 'x' ? strtoul(s->p + 3, &stop, 16) : strtoul(s->p + 2, &stop, 10);
	if (stop != semicolon || cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return false;
	str_add(out, (struct sl){ utf8, utf8_put(utf8, (uint32_t)cp) });
	s->p = semicolon + 1;
	return true;
}

static bool add_text(struct parse *s, struct str *out)
{
	while (s->p < s->end && *s->p != '<') {
		if (*s->p != '&')
			str_addc(out, *s->p++);
		else if (!add_reference(s, out))
			return false;
	}
	return s->p < s->end;
}

static struct sl take_name(struct parse *s)
{
	const char *from = s->p;

	while (s->p < s->end && !isspace((unsigned char)*s->p) && !strchr("<>/=", *s->p)) {
		if (*s->p == ':')
			from = s->p + 1;
		s->p++;
	}
	return (struct sl){ from, (size_t)(s->p - from) };
}

static struct xml *element(struct parse *s, int depth);

static bool content(struct parse *s, struct xml *e, int depth)
{
	struct str text = { 0 };
	struct xml **tail = &e->child;
	bool good = true;

	while ((good = add_text(s, &text)) && !at(s, "</")) {
		if (at(s, "<!--")) {
			good = skip_past(s, "-->");
		} else {
			*tail = element(s, depth + 1);
			good = *tail != NULL;
			if (good)
				tail = &(*tail)->next;
		}
		if (!good)
			break;
	}
	e->text = arena_dup(s->mem, str_sl(&text));
	str_free(&text);
	if (!good)
		return false;
	s->p += 2;
	return sl_eq(take_name(s), e->name) && skip_past(s, ">");
}

static struct xml *element(struct parse *s, int depth)
{
	struct xml *e = arena_alloc(s->mem, sizeof *e);
	const char *close;

	*e = (struct xml){ .text = SL("") };
	if (depth > MAX_DEPTH || s->p >= s->end || *s->p != '<')
		return NULL;
	s->p++;
	e->name = take_name(s);
	close = memchr(s->p, '>', (size_t)(s->end - s->p));
	if (!e->name.n || !close)
		return NULL;
	s->p = close + 1;
	if (close[-1] == '/')
		return e;
	return content(s, e, depth) ? e : NULL;
}

struct xml *xml_parse(struct arena *mem, struct sl text)
{
	struct parse s = { mem, text.p, text.p + text.n };
	struct xml *root;

	if (!skip_markup(&s))
		return NULL;
	root = element(&s, 0);
	return root && skip_markup(&s) && s.p == s.end ? root : NULL;
}

const struct xml *xml_get(const struct xml *e, const char *name)
{
	for (const struct xml *c = e ? e->child : NULL; c; c = c->next)
		if (sl_eq_str(c->name, name))
			return c;
	return NULL;
}

struct sl xml_text(const struct xml *e, const char *name)
{
	const struct xml *c = xml_get(e, name);

	return c ? c->text : (struct sl){ NULL, 0 };
}
