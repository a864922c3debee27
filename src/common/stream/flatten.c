#include "stream/flatten.h"

#include "stream/rd.h"

/* False when the record has a field of that name already. */
static bool put(struct flatten *t, struct sl name, struct field f)
{
	size_t had = t->names.n, i = names_add(&t->names, name, NULL);

	if (t->names.n > had) {
		mem_grow(&t->f, &t->f_cap, t->names.n, sizeof *t->f);
		t->f[i].kind = F_ABSENT;
	}
	if (t->f[i].kind != F_ABSENT)
		return false;
	t->f[i] = f;
	return true;
}

/* The members of an object, behind the name that is in t->name. */
static bool walk(struct flatten *t, const struct json *o)
{
	size_t n = t->name.n;
	bool ok = true;

	for (const struct json *m = o->child; m && ok; m = m->next) {
		str_addc(&t->name, '.');
		str_add(&t->name, m->key);
		ok = m->kind == J_OBJ && m->n ? walk(t, m)
					      : put(t, str_sl(&t->name), rd_json_field(m));
		t->name.n = n;
	}
	return ok;
}

static const char *put_field(struct flatten *t, struct sl name, const struct field *f)
{
	const char *why = NULL;
	const struct json *o = NULL;
	size_t at;
	bool ok;

	if (f->kind == F_JSON && f->n && *f->p == '{') {
		o = json_parse(&t->arena, field_sl(f), &why, &at);
		if (!o)
			return why;
	}
	str_set(&t->name, name);
	ok = o && o->n ? walk(t, o) : put(t, name, *f);
	return ok ? NULL : "a nested member has the name of another field";
}

const char *flatten_record(struct flatten *t, const struct names *cols, const struct rec *rec,
			   struct rec *flat, size_t *at)
{
	const char *why;

	arena_reset(&t->arena);
	fields_clear(t->f, t->names.n);
	for (*at = 0; *at < rec->n; ++*at) {
		if (rec->f[*at].kind == F_ABSENT)
			continue;
		why = put_field(t, cols->name[*at], &rec->f[*at]);
		if (why)
			return why;
	}
	*flat = *rec;
	flat->f = t->f;
	flat->n = t->names.n;
	return NULL;
}

void flatten_free(struct flatten *t)
{
	names_free(&t->names);
	mem_free(t->f);
	arena_free(&t->arena);
	str_free(&t->name);
}
