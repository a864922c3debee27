#include "fs/fs_columns.h"

#include "core/opt.h"

void fs_columns_add(struct fs_columns *c, const struct fs_group *g, struct sl name, bool any)
{
	size_t f = fs_group_feature(g, name);
	struct fs_output o = {.name = name, .source = name};

	if (f != SIZE_MAX) {
		o.name = o.source = g->features[f].name;
		o.number =
			g->features[f].type != FS_STRING && g->features[f].collection == FS_SCALAR;
		o.fractional = o.number && g->features[f].type == FS_FRACTIONAL;
	} else if (!fs_is_store_column(name) && !any) {
		die_hint(EX_USAGE_, "'fs schema' shows the features",
			"--columns: feature group %s has no feature %s", msg_q(g->name),
			msg_q(name));
	}
	o.boolean = sl_eq(name, SL("is_deleted"));
	MEM_PUSH(c->v, c->n, c->cap, o);
}

/* Takes the next part of a list that commas split; false at its end. Empty parts are passed over.
 */
static bool next_part(struct sl *list, struct sl *part)
{
	do {
		if (!sl_cut(list, ',', part))
			return false;
		*part = sl_trim(*part, " ");
	} while (!part->n);
	return true;
}

void fs_columns_choose(
	struct fs_columns *c, const struct fs_group *g, const char *list, bool store_columns)
{
	static const char *const store[] = {"write_time", "api_invocation_time", "is_deleted"};
	struct sl rest = sl_of(list ? list : ""), part;

	for (size_t i = 0; !list && i < g->n; i++)
		fs_columns_add(c, g, g->features[i].name, false);
	while (next_part(&rest, &part))
		fs_columns_add(c, g, part, false);
	for (size_t i = 0; store_columns && i < ARRAY_LEN(store); i++)
		fs_columns_add(c, g, sl_of(store[i]), false);
	if (c->n == 0)
		opt_usage("--columns: names none");
}

static void rename_one(struct fs_columns *c, struct sl pair)
{
	const char *colon = memchr(pair.p, ':', pair.n);
	struct sl old = {pair.p, colon ? (size_t)(colon - pair.p) : 0};

	if (!colon || !old.n || old.n + 1 == pair.n)
		opt_usage("--rename: not like OLD:NEW: %s", msg_q(pair));
	for (size_t i = 0; i < c->n; i++)
		if (sl_eq(c->v[i].source, old)) {
			c->v[i].name = (struct sl){colon + 1, pair.n - old.n - 1};
			return;
		}
	opt_usage("--rename: there is no column %s", msg_q(old));
}

void fs_columns_rename(struct fs_columns *c, const char *list)
{
	struct sl rest = sl_of(list), part;

	while (next_part(&rest, &part))
		rename_one(c, part);
}

void fs_columns_free(struct fs_columns *c)
{
	mem_free(c->v);
	*c = (struct fs_columns){0};
}

struct fs_writer {
	const struct fs_columns *cols;
	struct wr *wr;
	struct field *f;
	struct arena mem;
	struct str plain;
};

struct fs_writer *fs_writer_new(const struct fs_columns *cols, struct wr *wr)
{
	struct fs_writer *w = mem_zalloc(sizeof *w);

	w->cols = cols;
	w->wr = wr;
	w->f = mem_alloc(mem_mul(cols->n, sizeof *w->f));
	return w;
}

void fs_writer_free(struct fs_writer *w)
{
	mem_free(w->f);
	arena_free(&w->mem);
	str_free(&w->plain);
	mem_free(w);
}

/* Athena writes doubles with an exponent (1.76E9), which PutRecord's readers do not all take. */
static void make_plain(struct fs_writer *w, struct field *f)
{
	struct sl text;

	if (!memchr(f->p, 'E', f->n) && !memchr(f->p, 'e', f->n))
		return;
	str_clear(&w->plain);
	fs_plain_decimal(&w->plain, field_sl(f));
	text = arena_dup(&w->mem, str_sl(&w->plain));
	f->p = text.p;
	f->n = (uint32_t)text.n;
}

void fs_writer_row(struct fs_writer *w, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct fs_output *c = &w->cols->v[i];

		w->f[i] = f[i];
		if (field_is_null(&f[i]) || (!c->number && !c->boolean))
			continue;
		if (c->fractional)
			make_plain(w, &w->f[i]);
		if (c->number && num_is_json(field_sl(&w->f[i]))) {
			w->f[i].kind = F_NUM;
			w->f[i].plain = 1;
		} else if (c->boolean) {
			w->f[i].kind = F_BOOL;
		}
	}
	wr_row(w->wr, w->f, n);
	arena_reset(&w->mem);
}
