#include "aws/xml.h"

#include "aws/crypto.h"

#include <expat.h>
#include <limits.h>
#include <malloc.h>

struct build {
	XML_Parser parser;
	struct arena *mem;
	struct xml *root, *last;
	unsigned depth;
	struct str text; /* since the last tag */
};

static void on_start(void *ctx, const char *name, const char **attributes UNUSED)
{
	struct build *b = ctx;
	struct xml *e = arena_alloc(b->mem, sizeof *e);

	*e = (struct xml){arena_dup(b->mem, sl_of(name)).p, SL(""), b->depth++, NULL};
	if (b->last)
		b->last->next = e;
	else
		b->root = e;
	b->last = e;
	str_clear(&b->text);
}

static void on_end(void *ctx, const char *name UNUSED)
{
	struct build *b = ctx;

	if (b->last->depth == --b->depth)
		b->last->text = arena_dup(b->mem, str_sl(&b->text));
	str_clear(&b->text);
}

static void on_text(void *ctx, const char *p, int n)
{
	struct build *b = ctx;

	str_add(&b->text, (struct sl){p, (size_t)n});
}

static void on_dtd(void *ctx, const char *name, const char *where, const char *id, int inside)
{
	struct build *b = ctx;

	(void)name, (void)where, (void)id, (void)inside;
	XML_StopParser(b->parser, XML_FALSE);
}

static void wipe_and_free(void *p)
{
	if (p)
		crypto_wipe(p, malloc_usable_size(p));
	mem_free(p);
}

const struct xml *xml_parse(struct sl doc, struct arena *mem)
{
	static const XML_Memory_Handling_Suite own = {mem_alloc, mem_realloc, wipe_and_free};
	struct build b = {.parser = XML_ParserCreate_MM(NULL, &own, NULL), .mem = mem};
	bool good;

	doc = sl_trim(doc, " \t\r\n"); /* S3 sends some to keep a connection alive */
	(void)str_room(&b.text, doc.n); /* at once: growing would leave copies behind */
	XML_SetUserData(b.parser, &b);
	XML_SetElementHandler(b.parser, on_start, on_end);
	XML_SetCharacterDataHandler(b.parser, on_text);
	XML_SetStartDoctypeDeclHandler(b.parser, on_dtd);
	good = doc.n <= INT_MAX &&
	       XML_Parse(b.parser, doc.p, (int)doc.n, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(b.parser);
	crypto_wipe(b.text.p, b.text.cap);
	str_free(&b.text);
	return good ? b.root : NULL;
}

const struct xml *xml_find(const struct xml *in, const char *name)
{
	for (const struct xml *e = in ? in->next : NULL; e && e->depth > in->depth; e = e->next)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

const struct xml *xml_next(const struct xml *e)
{
	const char *name = e->name;

	do
		e = e->next;
	while (e && strcmp(e->name, name) != 0);
	return e;
}

struct sl xml_text(const struct xml *in, const char *name)
{
	const struct xml *e = xml_find(in, name);

	return e ? e->text : SL("");
}
