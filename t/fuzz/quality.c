/*
 * Rules for records. A file of rules is taken or refused, never more. And of a record that was kept
 * the rules that reject or drop hold, as a plain look at the same file says; whether the columns
 * were known at once or came one by one makes no difference.
 */
#include "core/decimal.h"
#include "fuzz.h"
#include "stream/json.h"
#include "stream/quality.h"

#define N 3
static const struct sl columns[N] = { SL_INIT("a"), SL_INIT("age"), SL_INIT("name") };

struct cleaning {
	struct sl rules, record;
	bool one_by_one;
	enum quality_result result;
	struct str told; /* the fields as they became */
	struct field f[N];
	struct arena arena; /* copies of them */
};

/* Fields are separated by |, of which the first byte says the kind. */
static void take_fields(struct cleaning *c)
{
	struct sl rest = c->record;

	for (size_t i = 0; i < N; i++) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != '|')
			n++;
		c->f[i] = n ? field_str((struct sl){ rest.p + 1, n - 1 }) : FIELD_NULL;
		if (n && (*rest.p == '#' || *rest.p == '~'))
			c->f[i].kind = *rest.p == '#' ? F_NUM : F_JSON;
		n += n < rest.n;
		rest = (struct sl){ rest.p + n, rest.n - n };
	}
}

static void clean(void *ctx)
{
	struct cleaning *c = ctx;
	struct quality_rules rules = { 0 };
	struct quality_fault fault;
	struct names cols = { 0 };
	struct quality *q;
	int fd = fuzz_file(c->rules);

	quality_rules_read(&rules, fuzz_path(fd));
	(void)close(fd);
	q = quality_new(&rules);
	for (size_t i = 0; i < N; i++) {
		(void)names_add(&cols, columns[i], NULL);
		if (c->one_by_one || i + 1 == N)
			quality_columns(q, &cols);
	}
	c->result = quality_clean(q, c->f, N, &fault);
	fuzz.inside = false;
	for (size_t i = 0; i < N; i++) {
		c->f[i].p = arena_dup(&c->arena, field_sl(&c->f[i])).p;
		str_addf(&c->told, "%d:", c->f[i].kind);
		str_add(&c->told, field_sl(&c->f[i]));
		str_addc(&c->told, '|');
	}
	fuzz.inside = true;
	quality_free(q);
	quality_rules_free(&rules);
	names_free(&cols);
}

/* ---- a plain look at the rules --------------------------------------------------------------- */

static bool is_strict(const struct json *of, const struct json *rule)
{
	struct sl action = SL("");

	if (!json_get_str(of, "action", &action))
		(void)json_get_str(rule, "action", &action);
	return sl_eq(action, SL("reject")) || sl_eq(action, SL("drop"));
}

static void check_range(const struct field *f, const struct json *range)
{
	const struct json *min = json_get(range, "min"), *max = json_get(range, "max");
	struct decimal v, bound;

	if ((f->kind != F_STR && f->kind != F_NUM) || !decimal_parse(field_sl(f), &v))
		return;
	if (min && min->kind == J_NUM && decimal_parse(min->text, &bound))
		CHECK(decimal_cmp(&v, &bound) >= 0, "too small: %.*s", (int)f->n, f->p);
	if (max && max->kind == J_NUM && decimal_parse(max->text, &bound))
		CHECK(decimal_cmp(&v, &bound) <= 0, "too large: %.*s", (int)f->n, f->p);
}

static void check_allowed(const struct field *f, const struct json *list)
{
	bool found = list->kind != J_ARR;

	for (const struct json *v = list->child; v && list->kind == J_ARR; v = v->next)
		found |= v->kind <= J_FALSE || sl_eq(v->text, field_sl(f));
	CHECK(found, "not allowed: %.*s", (int)f->n, f->p);
}

static void check_rule(const struct cleaning *c, struct sl name, const struct json *rule)
{
	const struct json *config = json_get(rule, "config"), *of;

	of = json_get(config, "fields");
	if (sl_eq(name, SL("required_fields")) && is_strict(NULL, rule) && of)
		for (const struct json *m = of->child; m; m = m->next)
			for (size_t i = 0; i < N; i++)
				CHECK(!sl_eq(m->text, columns[i]) || !field_is_null(&c->f[i]),
					"missing, but required: %d", (int)i);
	for (size_t i = 0; i < N && config; i++) {
		of = json_get(config, columns[i].p);
		if (!of || field_is_null(&c->f[i]))
			continue;
		if (sl_eq(name, SL("validate_ranges")) && is_strict(of, rule))
			check_range(&c->f[i], of);
		if (sl_eq(name, SL("allowed_values")) && is_strict(NULL, rule))
			check_allowed(&c->f[i], of);
	}
}

/* No value is clamped behind the rules that are looked at: see the order of quality.h. */
static void check_kept(const struct cleaning *c)
{
	struct arena arena = { 0 };
	const char *why;
	size_t at;
	const struct json *all = json_parse(&arena, c->rules, &why, &at), *enabled;
	struct sl name;

	all = json_get(all, "rules");
	for (const struct json *rule = all ? all->child : NULL; rule; rule = rule->next) {
		enabled = json_get(rule, "enabled");
		if ((!enabled || enabled->kind == J_TRUE) && json_get_str(rule, "name", &name))
			check_rule(c, name, rule);
	}
	arena_free(&arena);
}

/* rules \0 record */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	const char *nul = n ? memchr(in.p, '\0', in.n) : NULL;
	size_t at = nul ? (size_t)(nul - in.p) : in.n;
	struct cleaning c = { .rules = { in.p, at }, .record = { in.p + at, in.n - at } }, other;
	int code;

	c.record.p += nul != NULL;
	c.record.n -= nul != NULL;
	take_fields(&c);
	other = c;
	other.one_by_one = true;
	code = fuzz_code(clean, &c);
	/* the file, too, may be compressed, or another that the rules name missing */
	CHECK(code == 0 || code == EX_CONFIGURATION || code == EX_NOINPUT_ || code == EX_DATA,
		"%d: %s", code, fuzz.message);
	CHECK(fuzz_code(clean, &other) == code, "%s", fuzz.message);
	if (code == 0) {
		CHECK(other.result == c.result, "%d, %d", (int)other.result, (int)c.result);
		CHECK_SAME(str_sl(&other.told), str_sl(&c.told));
		if (c.result == QUALITY_KEEP && !memmem(in.p, in.n, "clamp", 5))
			check_kept(&c);
	}
	str_free(&c.told);
	str_free(&other.told);
	arena_free(&c.arena);
	arena_free(&other.arena);
	return 0;
}
