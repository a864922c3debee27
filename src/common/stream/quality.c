/*
 * quality.c - one record, cleaned.
 *
 * Rules up to validate_ranges look at one field at a time, so a field goes through all of them
 * before the next one comes; a record without defects is looked at once and copied nowhere.
 */
#include "stream/quality.h"

#include "core/clock.h"
#include "stream/quality_impl.h"
#include "stream/recode.h"
#include "stream/timeform.h"

/* What is to be done with one column. */
struct column {
	bool nulls, strings;
	bool any; /* anything at all */
	bool has_case;
	enum unicode_case to;
	struct quality_check **checks; /* in the order of the rules */
	size_t n_checks;
};

struct quality {
	const struct quality_rules *rules;
	struct column *columns;
	size_t n, cap;
	size_t *required; /* columns; NAMES_NONE: the stream has none of the name yet */
	const struct quality_check **required_by;
	size_t n_required;
	struct quality_figures figures;
	struct arena arena;
};

struct quality *quality_new(const struct quality_rules *rules)
{
	struct quality *q = mem_zalloc(sizeof *q);

	q->rules = rules;
	return q;
}

/* ---- columns -------------------------------------------------------------------------------- */

static bool is_for(
	const struct quality_rules *r, const struct quality_fields *fields, struct sl name)
{
	if (names_find(&fields->except, name) != NAMES_NONE)
		return false;
	if (fields->only.n == 0)
		return names_find(&r->untouched, name) == NAMES_NONE;
	return names_find(&fields->only, name) != NAMES_NONE;
}

static void add_column(struct quality *q, struct sl name)
{
	const struct quality_rules *r = q->rules;
	struct column c = { 0 };
	size_t n_checks = 0;

	c.nulls = r->enabled[RULE_NULLS] && is_for(r, &r->nulls, name);
	c.strings = r->enabled[RULE_STRINGS] && is_for(r, &r->strings, name);
	c.to = names_find(&r->upper, name) != NAMES_NONE ? UNICODE_UPPER : UNICODE_LOWER;
	c.has_case = c.to == UNICODE_UPPER || names_find(&r->lower, name) != NAMES_NONE;
	c.checks = mem_alloc(mem_mul(r->n_checks, sizeof *c.checks));
	for (int rule = RULE_TIMES; rule < RULE_REQUIRED; rule++)
		for (size_t i = 0; i < r->n_checks; i++)
			if ((int)r->checks[i].rule == rule && r->enabled[rule] &&
				sl_eq(r->checks[i].field, name))
				c.checks[n_checks++] = &r->checks[i];
	c.n_checks = n_checks;
	c.any = c.nulls || c.strings || n_checks;
	MEM_PUSH(q->columns, q->n, q->cap, c);
}

static void find_required(struct quality *q, const struct names *cols)
{
	const struct quality_rules *r = q->rules;

	q->n_required = 0;
	q->required = mem_realloc(q->required, mem_mul(r->n_checks, sizeof *q->required));
	q->required_by = mem_realloc(q->required_by, mem_mul(r->n_checks, sizeof *q->required_by));
	for (size_t i = 0; i < r->n_checks && r->enabled[RULE_REQUIRED]; i++) {
		if (r->checks[i].rule != RULE_REQUIRED)
			continue;
		q->required[q->n_required] = names_find(cols, r->checks[i].field);
		q->required_by[q->n_required++] = &r->checks[i];
	}
}

void quality_columns(struct quality *q, const struct names *cols)
{
	while (q->n < cols->n)
		add_column(q, cols->name[q->n]);
	find_required(q, cols);
}

/* ---- values --------------------------------------------------------------------------------- */

/* Can the text begin or end with a blank? All blanks but ASCII's have bytes from 0x80 on. */
static bool may_be_blank(char c)
{
	return (unsigned char)c <= ' ' || (unsigned char)c >= 0x80;
}

static struct sl trimmed(struct sl s)
{
	if (LIKELY(s.n && !may_be_blank(s.p[0]) && !may_be_blank(s.p[s.n - 1])))
		return s;
	return unicode_trim(s);
}

/* The words are in lower case, in which other letters than ASCII's may be a third as long. */
static bool is_null_word(struct quality *q, struct sl s)
{
	const struct names *words = &q->rules->null_words;
	bool one_as_long = q->rules->null_lengths >> (s.n < 63 ? s.n : 63) & 1;

	for (size_t i = 0; one_as_long && i < words->n; i++)
		if (words->name[i].n == s.n && strncasecmp(words->name[i].p, s.p, s.n) == 0)
			return true;
	if (LIKELY(s.n > 3 * q->rules->null_longest || recode_is_ascii(s)))
		return false;
	return names_find(words, unicode_case(s, UNICODE_LOWER, &q->arena)) != NAMES_NONE;
}

/* Numbers, true and false are looked at as their texts, which CSV has nothing else of. */
static bool means_null(struct quality *q, const struct field *f)
{
	struct sl s = field_sl(f), t;

	if (f->kind == F_NULL || f->kind == F_JSON)
		return f->kind == F_NULL;
	t = trimmed(s);
	return t.n == 0 || is_null_word(q, q->rules->null_trim ? t : s);
}

static void remove_value(struct quality *q, struct field *f)
{
	*f = FIELD_NULL;
	if (!q->rules->null_explicit)
		f->kind = F_ABSENT;
}

/* Gives a text its normal form; true when that changed it. */
static bool normalize(struct quality *q, const struct column *c, struct field *f)
{
	const struct quality_rules *r = q->rules;
	struct sl was = field_sl(f), s = was;

	if (r->form)
		s = unicode_normal(s, r->form, &q->arena);
	if (r->trim)
		s = trimmed(s);
	if (c->has_case)
		s = unicode_case(s, c->to, &q->arena);
	if (LIKELY(s.p == was.p && s.n == was.n))
		return false;
	f->p = s.p;
	f->n = (uint32_t)s.n;
	f->plain = f->plain && s.n > 0 && !r->form; /* NFKC makes commas of wide ones */
	return true;
}

/* ---- checks --------------------------------------------------------------------------------- */

enum number { NUMBER_NONE, NUMBER_FINITE, NUMBER_LOW, NUMBER_HIGH };

/* Infinities are numbers, too, and out of every range; NaN is in all of them, as in the script. */
static enum number number_of(const struct field *f, struct decimal *d)
{
	struct sl s = field_sl(f);
	bool negative;

	if (f->kind != F_STR && f->kind != F_NUM)
		return NUMBER_NONE;
	s = trimmed(s);
	if (decimal_parse(s, d))
		return NUMBER_FINITE;
	negative = s.n && *s.p == '-';
	if (s.n && (*s.p == '-' || *s.p == '+'))
		sl_skip(&s, 1);
	if ((s.n == 3 && strncasecmp(s.p, "inf", 3) == 0) ||
		(s.n == 8 && strncasecmp(s.p, "infinity", 8) == 0))
		return negative ? NUMBER_LOW : NUMBER_HIGH;
	return NUMBER_NONE;
}

static const char too_little[] = "less than the least allowed";
static const char too_much[] = "more than the most allowed";

static const char no_time[] = "not a date or time, which its range is of";

/* The microseconds that the instant is in, the same one if it is on their border. */
static bool instant_of(const struct field *f, int64_t *from, int64_t *to)
{
	struct sl s = trimmed(field_sl(f));
	struct decimal d;

	if (f->kind != F_STR || decimal_parse(s, &d))
		return false;
	if (clock_parse(s, from)) {
		*to = *from;
		return true;
	}
	/* others write seven decimals, or nine */
	if (!cast_time_ns(s, to))
		return false;
	*from = clock_floor(*to, 1000) / 1000;
	*to = *from + (*to % 1000 != 0);
	return true;
}

/* What is no time is within no range of times; then there is no bound that it is beyond. */
static const char *out_of_times(
	const struct quality_check *c, const struct field *f, struct sl *bound)
{
	int64_t from, to;

	*bound = (struct sl){ NULL, 0 };
	if (!instant_of(f, &from, &to))
		return no_time;
	*bound = c->min.p && from < c->min_time ? c->min : c->max;
	if (c->min.p && from < c->min_time)
		return too_little;
	return c->max.p && to > c->max_time ? too_much : NULL;
}

/* NULL, or why it is out of range; *bound is then the text of the bound it is beyond. */
static const char *out_of_range(struct quality *q,
	const struct quality_check *c, const struct field *f, struct sl *bound)
{
	struct decimal d;
	enum number n;

	if (c->of_times)
		return out_of_times(c, f, bound);
	n = number_of(f, &d);
	q->figures.not_numbers += n == NUMBER_NONE;
	if (n == NUMBER_NONE)
		return NULL;
	if (c->min.p &&
		(n == NUMBER_LOW || (n == NUMBER_FINITE && decimal_cmp(&d, &c->min_value) < 0))) {
		*bound = c->min;
		return too_little;
	}
	if (c->max.p &&
		(n == NUMBER_HIGH || (n == NUMBER_FINITE && decimal_cmp(&d, &c->max_value) > 0))) {
		*bound = c->max;
		return too_much;
	}
	return NULL;
}

static const char *find_mismatch(const struct quality_check *c, struct sl s)
{
	switch (pattern_match(c->pattern, s)) {
	case PATTERN_YES:
		return NULL;
	case PATTERN_TOO_HARD:
		return "its pattern takes too many steps for this value";
	case PATTERN_NO:
		break;
	}
	return "does not match its pattern";
}

/* The first of its formats that the value is written in has it written as ISO 8601 says. */
static const char *convert_time(struct quality *q, const struct quality_check *c, struct field *f)
{
	char text[TIMEFORM_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->allowed.n && !n && (f->kind == F_STR || f->kind == F_NUM); i++)
		n = timeform_read(c->allowed.name[i].p, trimmed(field_sl(f)), text);
	if (!n)
		return "not a time as its format says";
	*f = (struct field){ .p = arena_dup(&q->arena, (struct sl){ text, n }).p,
		.n = (uint32_t)n,
		.kind = F_STR,
		.plain = true };
	return NULL;
}

/* NULL, or what is wrong with the value. */
static const char *find_fault(
	struct quality *q, const struct quality_check *c, struct field *f, struct sl *bound)
{
	switch (c->rule) {
	case RULE_TIMES:
		return convert_time(q, c, f);
	case RULE_TYPES:
		return cast_check(c->cast, f);
	case RULE_ALLOWED:
		return names_find(&c->allowed, field_sl(f)) == NAMES_NONE
			       ? "not one of the values allowed"
			       : NULL;
	case RULE_PATTERNS:
		return find_mismatch(c, field_sl(f));
	case RULE_RANGES:
		return out_of_range(q, c, f, bound);
	default:
		return NULL;
	}
}

static enum quality_result act(
	struct quality *q, const struct quality_check *c, struct field *f, struct sl bound)
{
	if (bound.p)
		q->figures.found[c->rule]++;
	else
		q->figures.no_times++;
	switch (c->action) {
	case ACTION_CLAMP:
		if (!bound.p) {
			q->figures.no_times_kept++;
			break;
		}
		f->p = bound.p;
		f->n = (uint32_t)bound.n;
		f->plain = true;
		break;
	case ACTION_NULL:
		remove_value(q, f);
		break;
	case ACTION_REJECT:
		return QUALITY_REJECT;
	case ACTION_DROP:
		q->figures.dropped++;
		return QUALITY_DROP;
	case ACTION_COUNT:
		break;
	}
	return QUALITY_KEEP;
}

static enum quality_result check_field(
	struct quality *q, const struct column *c, struct field *f, struct quality_fault *fault)
{
	for (size_t i = 0; i < c->n_checks && !field_is_null(f); i++) {
		struct sl bound = { "", 0 };
		enum quality_result result;

		fault->why = find_fault(q, c->checks[i], f, &bound);
		fault->field = c->checks[i]->field;
		result = fault->why ? act(q, c->checks[i], f, bound) : QUALITY_KEEP;
		if (result != QUALITY_KEEP)
			return result;
	}
	return QUALITY_KEEP;
}

static enum quality_result check_required(
	struct quality *q, struct field *f, size_t n, struct quality_fault *fault)
{
	for (size_t i = 0; i < q->n_required; i++) {
		size_t at = q->required[i];
		struct field missing = FIELD_NULL;
		enum quality_result result;

		if (at < n && !field_is_null(&f[at]))
			continue;
		result = act(q, q->required_by[i], &missing, (struct sl){ "", 0 });
		*fault = (struct quality_fault){ at, q->required_by[i]->field,
			"missing, but required" };
		if (result != QUALITY_KEEP)
			return result;
	}
	return QUALITY_KEEP;
}

enum quality_result quality_clean(
	struct quality *q, struct field *f, size_t n, struct quality_fault *fault)
{
	bool nulls = false, strings = false;
	enum quality_result result = QUALITY_KEEP;

	if (UNLIKELY(q->arena.head))
		arena_reset(&q->arena);
	for (size_t i = 0; i < n && result == QUALITY_KEEP; i++) {
		const struct column *c = &q->columns[i];

		if (!c->any || f[i].kind == F_ABSENT)
			continue;
		if (c->nulls && means_null(q, &f[i])) {
			remove_value(q, &f[i]);
			nulls = true;
			continue;
		}
		if (c->strings && f[i].kind == F_STR)
			strings |= normalize(q, c, &f[i]);
		fault->at = i;
		if (UNLIKELY(c->n_checks))
			result = check_field(q, c, &f[i], fault);
	}
	q->figures.nulls += nulls;
	q->figures.strings += strings;
	q->figures.nulls_or_strings += nulls || strings;
	return result == QUALITY_KEEP && q->n_required ? check_required(q, f, n, fault) : result;
}

struct quality_figures *quality_figures(struct quality *q)
{
	return &q->figures;
}

void quality_free(struct quality *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n; i++)
		mem_free(q->columns[i].checks);
	mem_free(q->columns);
	mem_free(q->required);
	mem_free(q->required_by);
	arena_free(&q->arena);
	mem_free(q);
}

/* ---- the report ----------------------------------------------------------------------------- */

#define ALWAYS N_QUALITY_RULES
#define FIGURE(m) offsetof(struct quality_figures, m)
#define FOUND(rule) rule, FIGURE(found[rule])

/* Every text of the report, and the only place of each. */
static const char title[] = N_("Data quality report");
static const char rate_label[] = N_("Improvement rate");
static const char figure_heading[] = N_("Figure"), count_heading[] = N_("Count");

static const struct line {
	const char *label;
	const char *member;     /* of the JSON report */
	enum quality_rule rule; /* the line is there when it is enabled */
	size_t offset;
} lines[] = {
	{ N_("Input records"), "total_input", ALWAYS, FIGURE(input) },
	{ N_("Output records"), "total_output", ALWAYS, FIGURE(output) },
	{ N_("NULL values cleaned"), "null_values_removed", RULE_NULLS, FIGURE(nulls) },
	{ N_("Strings normalized"), "strings_normalized", RULE_STRINGS, FIGURE(strings) },
	{ N_("Range violations"), "range_violations_fixed", FOUND(RULE_RANGES) },
	{ N_("Duplicates removed"), "duplicates_removed", RULE_DUPLICATES, FIGURE(duplicates) },
	{ N_("Times of another format"), "times_of_another_format", FOUND(RULE_TIMES) },
	{ N_("Wrong types"), "wrong_types", FOUND(RULE_TYPES) },
	{ N_("Values not allowed"), "values_not_allowed", FOUND(RULE_ALLOWED) },
	{ N_("Pattern mismatches"), "pattern_mismatches", FOUND(RULE_PATTERNS) },
	{ N_("Required values missing"), "required_missing", FOUND(RULE_REQUIRED) },
	{ N_("Values that are no time"), "no_times", ALWAYS, FIGURE(no_times) },
	{ N_("Values that are no number"), "not_numbers", ALWAYS, FIGURE(not_numbers) },
	{ N_("Records left out"), "records_dropped", ALWAYS, FIGURE(dropped) },
	{ N_("Records rejected"), "records_rejected", ALWAYS, FIGURE(rejected) },
};

static uint64_t figure(const struct quality_figures *f, const struct line *line)
{
	uint64_t v;

	memcpy(&v, (const char *)f + line->offset, sizeof v);
	return v;
}

/* Is it told to people? Not of rules that are off, and of losses only where there are any. */
static bool is_shown(
	const struct quality_rules *r, const struct quality_figures *f, const struct line *line)
{
	if (line->rule != ALWAYS)
		return r->enabled[line->rule];
	return line->offset <= FIGURE(output) || figure(f, line) > 0;
}

/* Records with NULLs, records with strings, and values out of range, per hundred records. */
static double improvement_rate(const struct quality_figures *f)
{
	if (!f->input)
		return 0;
	return (double)(f->nulls + f->strings + f->found[RULE_RANGES]) / (double)f->input * 100;
}

static void put_lines(struct str *s, const struct quality_rules *r,
	const struct quality_figures *f, bool markdown)
{
	const char *before = markdown ? "| " : "  ", *between = markdown ? " | " : ": ";
	const char *behind = markdown ? " |\n" : "\n";

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (!is_shown(r, f, &lines[i]))
			continue;
		str_addf(s, "%s%s%s", before, tr(lines[i].label), between);
		str_add_grouped(s, figure(f, &lines[i]));
		str_addz(s, behind);
	}
	str_addf(s, "%s%s%s%.1f%%%s", before, tr(rate_label), between, improvement_rate(f), behind);
}

static void put_json(struct str *s, const struct quality_figures *f)
{
	str_addc(s, '{');
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		str_addf(s, "\"%s\":%llu,", lines[i].member,
			(unsigned long long)figure(f, &lines[i]));
	str_addf(s, "\"null_or_string_records\":%llu,\"improvement_rate\":%.1f}\n",
		(unsigned long long)f->nulls_or_strings, improvement_rate(f));
}

void quality_report(struct str *s, const struct quality_rules *rules,
	const struct quality_figures *figures, enum quality_format format)
{
	if (format == QUALITY_TEXT)
		str_addf(s, "%s:\n", tr(title));
	if (format == QUALITY_MARKDOWN)
		str_addf(s, "# %s\n\n| %s | %s |\n|---|---:|\n", tr(title), tr(figure_heading),
			tr(count_heading));
	if (format == QUALITY_JSON)
		put_json(s, figures);
	else
		put_lines(s, rules, figures, format == QUALITY_MARKDOWN);
}
