#include "fs/fs_writer.h"

#include "core/num.h"

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
