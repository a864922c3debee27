#include "stream/json.h"

#include "core/utf8.h"

#include <yajl/yajl_parse.h>

#define MAX_DEPTH 512

struct parse {
	struct arena *arena;
	struct sl text;
	yajl_handle y;
	size_t depth;
	struct json *root;
	size_t end; /* of the root, in the text */
	struct sl key;
	const char *why;
};

/* Containers from the outside in, and where each goes on; too large to be cleared for each text. */
static _Thread_local struct json *open_at[MAX_DEPTH], **tail_at[MAX_DEPTH];

static size_t here(const struct parse *p)
{
	return yajl_get_bytes_consumed(p->y);
}

/* Text that yajl points to is the input itself, or a buffer of its own that will be reused. */
static struct sl keep(struct parse *p, const unsigned char *s, size_t n)
{
	struct sl t = { (const char *)s, n };

	if (t.p >= p->text.p && t.p + n <= p->text.p + p->text.n)
		return t;
	return arena_dup(p->arena, t);
}

static struct json *add(struct parse *p, enum json_kind kind)
{
	struct json *j = arena_alloc(p->arena, sizeof *j);

	*j = (struct json){ .kind = kind, .key = p->key };
	p->key = (struct sl){ NULL, 0 };
	if (p->depth == 0) {
		p->root = j;
		p->end = here(p);
	} else {
		*tail_at[p->depth - 1] = j;
		tail_at[p->depth - 1] = &j->next;
		open_at[p->depth - 1]->n++;
	}
	return j;
}

static int on_null(void *ctx)
{
	(void)add(ctx, J_NULL);
	return 1;
}

static int on_boolean(void *ctx, int v)
{
	(void)add(ctx, v ? J_TRUE : J_FALSE);
	return 1;
}

static int on_number(void *ctx, const char *s, size_t n)
{
	struct parse *p = ctx;
	struct json *j = add(p, J_NUM);

	j->text = j->raw = keep(p, (const unsigned char *)s, n);
	return 1;
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
	struct parse *p = ctx;
	struct json *j = add(p, J_STR);

	j->text = keep(p, s, n);
	return 1;
}

static int on_open(struct parse *p, enum json_kind kind)
{
	struct json *j;

	if (p->depth == MAX_DEPTH) {
		p->why = "nested deeper than 512";
		return 0;
	}
	j = add(p, kind);
	j->raw.p = p->text.p + here(p) - 1;
	open_at[p->depth] = j;
	tail_at[p->depth] = &j->child;
	p->depth++;
	return 1;
}

static int on_close(void *ctx)
{
	struct parse *p = ctx;
	struct json *j = open_at[--p->depth];

	p->end = here(p);
	j->raw.n = (size_t)(p->text.p + p->end - j->raw.p);
	return 1;
}

static int on_start_map(void *ctx)
{
	return on_open(ctx, J_OBJ);
}

static int on_start_array(void *ctx)
{
	return on_open(ctx, J_ARR);
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
	struct parse *p = ctx;

	p->key = keep(p, s, n);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_close,
};

/*
 * What yajl would let pass: lone surrogates (RFC 8259 section 8.2), U+0000 and raw NUL bytes.
 * Backslashes outside strings are left for yajl to refuse.
 */
static const char *check_escapes(struct sl t, size_t *at)
{
	for (size_t i = 0; i < t.n; i++) {
		const char *bs = memchr(t.p + i, '\\', t.n - i);

		if (!bs)
			return NULL;
		i = (size_t)(bs - t.p) + 1;
		if (i >= t.n || t.p[i] != 'u')
			continue;
		*at = i - 1;
		uint64_t u, low;

		if (t.n - i <= 4 || !num_hex((struct sl){ t.p + i + 1, 4 }, true, &u))
			return "malformed \\u escape";
		if (u == 0)
			return "U+0000 in a string";
		if (u >= 0xdc00 && u <= 0xdfff)
			return "low surrogate without a high one before it";
		i += 4;
		if (u < 0xd800 || u > 0xdbff)
			continue;
		if (t.n - i <= 6 || t.p[i + 1] != '\\' || t.p[i + 2] != 'u' ||
		    !num_hex((struct sl){ t.p + i + 3, 4 }, true, &low) || low < 0xdc00 ||
		    low > 0xdfff)
			return "high surrogate without a low one behind it";
		i += 6;
	}
	return NULL;
}

/* yajl takes form feeds and vertical tabs for blanks; JSON has neither, anywhere. */
static const char *check_blanks(struct sl t, size_t *at)
{
	const char *found = memchr(t.p, '\f', t.n);

	if (!found)
		found = memchr(t.p, '\v', t.n);
	if (!found)
		return NULL;
	*at = (size_t)(found - t.p);
	return "form feed or vertical tab, which JSON does not have";
}

/* yajl hands repeated keys over one by one; a few members are compared pairwise. */
static const struct json *repeated_key(const struct json *o)
{
	for (const struct json *a = o->child; a; a = a->next)
		for (const struct json *b = a->next; b; b = b->next)
			if (sl_eq(a->key, b->key))
				return b;
	return NULL;
}

static bool keys_are_unique(const struct json *o)
{
	AUTO_FREE struct sl *keys = NULL;
	size_t n = 0;
	bool unique = true;

	if (o->n <= 16)
		return !repeated_key(o);
	keys = mem_alloc(mem_mul(o->n, sizeof *keys));
	for (const struct json *m = o->child; m; m = m->next)
		keys[n++] = m->key;
	qsort(keys, n, sizeof *keys, sl_cmp_at);
	for (size_t i = 1; i < n && unique; i++)
		unique = !sl_eq(keys[i - 1], keys[i]);
	return unique;
}

/* Iterative over siblings, recursive over depth, which is at most MAX_DEPTH. */
static bool all_keys_unique(const struct json *j)
{
	if (j->kind == J_OBJ && !keys_are_unique(j))
		return false;
	for (const struct json *c = j->child; c; c = c->next)
		if (c->child && !all_keys_unique(c))
			return false;
	return true;
}

/* yajl's message is several lines with a picture; its first words are the reason. */
static const char *yajl_reason(struct parse *p, struct arena *a)
{
	unsigned char *s = yajl_get_error(p->y, 0, (const unsigned char *)p->text.p, p->text.n);
	const char *text = s ? (const char *)s : "malformed JSON";
	size_t n = strcspn(text, "\n");
	const char *colon = memchr(text, ':', n);

	if (colon && colon[1] == ' ') {
		n -= (size_t)(colon + 2 - text);
		text = colon + 2;
	}
	const char *why = arena_dup(a, (struct sl){ text, n }).p;

	if (s)
		yajl_free_error(p->y, s);
	return why;
}

/*
 * The whole text, nothing behind its value. yajl would overlook a word or a string there that has
 * no end.
 */
static bool parse_all(struct parse *p)
{
	const struct sl t = p->text;

	if (yajl_parse(p->y, (const unsigned char *)t.p, t.n) != yajl_status_ok)
		return false;
	if (p->root && p->depth == 0 &&
	    sl_trim((struct sl){ t.p + p->end, t.n - p->end }, " \t\r\n").n) {
		p->why = "trailing garbage";
		return false;
	}
	return yajl_complete_parse(p->y) == yajl_status_ok && p->root;
}

/* yajl uses what malloc() gives without a look at it; these end the program instead. */
static void *give(void *ctx UNUSED, size_t n)
{
	return mem_alloc(n);
}

static void *give_more(void *ctx UNUSED, void *p, size_t n)
{
	return mem_realloc(p, n);
}

static void take_back(void *ctx UNUSED, void *p)
{
	mem_free(p);
}

static yajl_alloc_funcs memory = { .malloc = give, .realloc = give_more, .free = take_back };

struct json *json_parse(struct arena *a, struct sl text, const char **why, size_t *at)
{
	struct parse p = { .arena = a, .text = text };

	*why = utf8_fault(text, at); /* yajl lets surrogates and overlong forms pass */
	if (*why)
		return NULL;
	*at = 0;
	*why = check_blanks(text, at);
	if (*why)
		return NULL;
	*why = check_escapes(text, at);
	if (*why)
		return NULL;
	p.y = yajl_alloc(&callbacks, &memory, &p);
	if (!parse_all(&p)) {
		*at = here(&p) < text.n ? here(&p) : text.n;
		*why = p.why ? p.why : p.root || text.n ? yajl_reason(&p, a) : "no value";
		p.root = NULL;
	} else if (!all_keys_unique(p.root)) {
		*why = "a key is repeated";
		p.root = NULL;
	}
	yajl_free(p.y);
	return p.root;
}

struct json *json_read(struct arena *a, struct sl text)
{
	const char *why;
	size_t at;

	return json_parse(a, text, &why, &at);
}

const struct json *json_get(const struct json *o, const char *key)
{
	if (!o || o->kind != J_OBJ)
		return NULL;
	for (const struct json *m = o->child; m; m = m->next)
		if (sl_eq_str(m->key, key))
			return m;
	return NULL;
}

const struct json *json_first(const struct json *o, const char *key)
{
	const struct json *m = json_get(o, key);

	return m ? m->child : NULL;
}

bool json_is_true(const struct json *o, const char *key)
{
	const struct json *m = json_get(o, key);

	return m && m->kind == J_TRUE;
}

bool json_get_str(const struct json *o, const char *key, struct sl *out)
{
	const struct json *m = json_get(o, key);

	if (!m || m->kind != J_STR)
		return false;
	*out = m->text;
	return true;
}

struct sl json_text(const struct json *o, const char *key)
{
	struct sl s = SL("");

	(void)json_get_str(o, key, &s);
	return s;
}

bool json_get_u64(const struct json *o, const char *key, uint64_t *out)
{
	const struct json *m = json_get(o, key);

	return m && m->kind == J_NUM && num_u64(m->text, out);
}

bool json_get_i64(const struct json *o, const char *key, int64_t *out)
{
	const struct json *m = json_get(o, key);

	return m && m->kind == J_NUM && num_i64(m->text, out);
}

static bool is_one_of(struct sl key, const char *const *names)
{
	for (; *names; names++)
		if (sl_eq_str(key, *names))
			return true;
	return false;
}

static void put_container(struct str *s, const struct json *j, const char *const *names)
{
	bool first = true;

	for (const struct json *c = j->child; c; c = c->next) {
		if (j->kind == J_OBJ && is_one_of(c->key, names))
			continue;
		if (!first)
			str_addc(s, ',');
		first = false;
		if (j->kind == J_OBJ) {
			str_add_json(s, c->key);
			str_addc(s, ':');
		}
		json_put_without(s, c, names);
	}
}

void json_put_without(struct str *s, const struct json *j, const char *const *names)
{
	switch (j->kind) {
	case J_NULL:
	case J_TRUE:
	case J_FALSE:
		str_addz(s, j->kind == J_NULL ? "null" : j->kind == J_TRUE ? "true" : "false");
		break;
	case J_NUM:
		str_add(s, j->text);
		break;
	case J_STR:
		str_add_json(s, j->text);
		break;
	case J_ARR:
	case J_OBJ:
		str_addc(s, j->kind == J_ARR ? '[' : '{');
		put_container(s, j, names);
		str_addc(s, j->kind == J_ARR ? ']' : '}');
		break;
	}
}
