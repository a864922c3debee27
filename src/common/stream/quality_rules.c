/*
 * quality_rules.c - reads a rules file: {"rules":[{"name","enabled","action","config"}, …]}.
 *
 * Whatever is not understood ends the program: a rule that is silently not applied is worse than
 * none.
 */
#include "core/clock.h"
#include "core/opt.h"
#include "core/utf8.h"
#include "stream/in.h"
#include "stream/json.h"
#include "stream/namelist.h"
#include "stream/quality_impl.h"
#include "stream/quality_rules.json.h"
#include "stream/timeform.h"

#define MAX_FILE ((size_t)16 << 20)

static const char *const rule_names[N_QUALITY_RULES] = {
	[RULE_NULLS] = "remove_null_values",
	[RULE_STRINGS] = "normalize_strings",
	[RULE_TIMES] = "convert_times",
	[RULE_TYPES] = "check_types",
	[RULE_ALLOWED] = "allowed_values",
	[RULE_PATTERNS] = "patterns",
	[RULE_RANGES] = "validate_ranges",
	[RULE_REQUIRED] = "required_fields",
	[RULE_DUPLICATES] = "deduplicate",
};

static const char actions[] = "clamp|null|reject|drop|count";
static const char forms[] = "none|NFC|NFD|NFKC|NFKD";
static const char keeps[] = "first|newest|last";
static const char keyless[] = "record|keep|reject";

bool quality_rule_parse(struct sl name, enum quality_rule *rule)
{
	int i = sl_index(name, rule_names, N_QUALITY_RULES);

	if (i >= 0)
		*rule = (enum quality_rule)i;
	return i >= 0;
}

const char *const quality_rules_example = quality_rules_json_text;

/* ---- taking the file apart ------------------------------------------------------------------ */

/* Where in the file the reader is, for messages. */
struct place {
	const char *path;
	const char *rule;
};

static NORETURN COLD void wrong(const struct place *at, const char *key, const char *why)
{
	die(EX_CONFIGURATION, "%s: %s%s\"%s\": %s", at->path, at->rule ? at->rule : "",
		at->rule ? ": " : "", key, tr(why));
}

static NORETURN COLD void wrong_member(const struct place *at, struct sl key, const char *why)
{
	die(EX_CONFIGURATION, "%s: %s: %s: %s", at->path, at->rule, msg_q(key), tr(why));
}

/* Refuses members of other names than these. */
static void only_known(const struct place *at, const struct json *o, const char *known)
{
	for (const struct json *m = o ? o->child : NULL; m; m = m->next)
		if (opt_choice_index(known, m->key) < 0)
			wrong_member(at, m->key, "no such setting");
}

static void get_flag(const struct place *at, const struct json *o, const char *key, bool *flag)
{
	const struct json *m = json_get(o, key);

	if (m && m->kind != J_TRUE && m->kind != J_FALSE)
		wrong(at, key, "neither true nor false");
	if (m)
		*flag = m->kind == J_TRUE;
}

/* A list of texts and numbers, or one of them. */
static void take_names(const struct place *at, const struct json *m, struct names *names)
{
	const struct json *c = m->kind == J_ARR ? m->child : m;

	for (; c; c = m->kind == J_ARR ? c->next : NULL) {
		if (c->kind != J_STR && c->kind != J_NUM)
			wrong_member(at, m->key, "neither a list of texts nor a text");
		(void)names_add(names, c->text, NULL);
	}
}

/* False when there is none. */
static bool get_names(
	const struct place *at, const struct json *o, const char *key, struct names *names)
{
	const struct json *m = json_get(o, key);

	if (m)
		take_names(at, m, names);
	if (m && names->n == 0 && opt_choice_index("fields|key", sl_of(key)) >= 0)
		wrong(at, key, "names nothing"); /* an empty list is not what was meant */
	return m != NULL;
}

/* One word of "a|b|c"; `otherwise` when it is not given. */
static int get_choice(const struct place *at, const struct json *o, const char *key,
	const char *words, int otherwise)
{
	const struct json *m = json_get(o, key);
	int i = m && m->kind == J_STR ? opt_choice_index(words, m->text) : -1;
	struct str why = { 0 };

	if (!m || i >= 0)
		return m ? i : otherwise;
	str_addz(&why, "must be one of ");
	for (; *words; words++)
		str_addz(&why, *words == '|' ? ", " : (char[]){ *words, '\0' });
	wrong(at, key, why.p);
}

static void get_fields(
	const struct place *at, const struct json *config, struct quality_fields *fields)
{
	(void)get_names(at, config, "fields", &fields->only);
	(void)get_names(at, config, "except", &fields->except);
}

/* What the file itself names, not what is there by default. */
static void get_named(const struct place *at, const struct json *config, struct names *named)
{
	static const char *const keys[] = { "fields", "except", "lower", "upper", "key" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		(void)get_names(at, config, keys[i], named);
}

/* ---- the rules ------------------------------------------------------------------------------ */

static void add_lower(struct quality_rules *r, struct sl word)
{
	struct sl lower = unicode_case(word, UNICODE_LOWER, &r->arena);

	(void)names_add(&r->null_words, lower, NULL);
	r->null_lengths |= UINT64_C(1) << (lower.n < 63 ? lower.n : 63);
	r->null_longest = lower.n > r->null_longest ? lower.n : r->null_longest;
}

static void read_nulls(struct quality_rules *r, const struct place *at, const struct json *config)
{
	AUTO_NAMES words = { 0 };

	only_known(at, config, "fields|except|values|trim|explicit");
	get_fields(at, config, &r->nulls);
	get_flag(at, config, "trim", &r->null_trim);
	get_flag(at, config, "explicit", &r->null_explicit);
	if (!get_names(at, config, "values", &words))
		add_lower(r, SL("null"));
	for (size_t i = 0; i < words.n; i++)
		add_lower(r, words.name[i]);
}

static void read_strings(struct quality_rules *r, const struct place *at, const struct json *config)
{
	only_known(at, config, "fields|except|trim|lower|upper|unicode");
	get_fields(at, config, &r->strings);
	if (!json_get(config, "except"))
		(void)names_add(&r->strings.except, SL("event_time"), NULL);
	r->trim = true;
	get_flag(at, config, "trim", &r->trim);
	if (!get_names(at, config, "lower", &r->lower)) {
		(void)names_add(&r->lower, SL("category"), NULL);
		(void)names_add(&r->lower, SL("status"), NULL);
		(void)names_add(&r->lower, SL("type"), NULL);
	}
	(void)get_names(at, config, "upper", &r->upper);
	for (size_t i = 0; i < r->upper.n; i++)
		if (names_find(&r->lower, r->upper.name[i]) != NAMES_NONE)
			wrong_member(at, r->upper.name[i], "both in lower and in upper case");
	r->form = (enum unicode_form)get_choice(at, config, "unicode", forms, UNICODE_AS_IS);
}

static struct quality_check *add_check(struct quality_rules *r, enum quality_rule rule,
	enum quality_action action, struct sl field)
{
	struct quality_check *c;

	mem_grow(&r->checks, &r->checks_cap, r->n_checks + 1, sizeof *r->checks);
	c = &r->checks[r->n_checks++];
	(void)names_add(&r->named[rule], field, NULL);
	*c = (struct quality_check){
		.rule = rule, .action = action, .field = arena_dup(&r->arena, field)
	};
	return c;
}

static void read_bound(struct quality_rules *r, const struct place *at, const struct json *range,
	const char *key, struct sl *text, struct decimal *value, int64_t *time)
{
	const struct json *m = json_get(range, key);

	if (!m)
		return;
	*text = arena_dup(&r->arena, m->text);
	if (m->kind == J_STR && clock_parse(*text, time))
		return;
	if (m->kind != J_NUM)
		wrong_member(at, range->key, "a bound is neither a number nor a date or time");
	if (!decimal_parse(*text, value))
		bug("a JSON number is no decimal: %s", msg_q(*text));
}

static void read_range(struct quality_rules *r, struct quality_check *c, const struct place *at,
	const struct json *spec)
{
	const struct json *min, *max;

	if (spec->kind != J_OBJ)
		wrong_member(at, spec->key, "not an object with min or max");
	only_known(at, spec, "min|max|action");
	c->action = (enum quality_action)get_choice(at, spec, "action", actions, (int)c->action);
	read_bound(r, at, spec, "min", &c->min, &c->min_value, &c->min_time);
	read_bound(r, at, spec, "max", &c->max, &c->max_value, &c->max_time);
	if (!c->min.p && !c->max.p)
		wrong_member(at, spec->key, "neither min nor max");
	min = json_get(spec, "min");
	max = json_get(spec, "max");
	c->of_times = min ? min->kind == J_STR : max && max->kind == J_STR;
	if (min && max && min->kind != max->kind)
		wrong_member(at, spec->key, "one bound is a number, the other a time");
	if (min && max &&
		(c->of_times ? c->min_time > c->max_time
			     : decimal_cmp(&c->min_value, &c->max_value) > 0))
		wrong_member(at, spec->key, "min is more than max");
}

/* {"file": PATH}: a value a line, in a file that is found from where the rules are. */
static void read_allowed(struct quality_check *c, const struct place *at, const struct json *spec)
{
	const char *slash = strrchr(at->path, '/');
	AUTO_STR path = { 0 };
	struct sl name;

	only_known(at, spec, "file");
	if (!json_get_str(spec, "file", &name) || name.n == 0)
		wrong_member(at, spec->key, "neither values nor a file of them");
	if (slash && *name.p != '/')
		str_add(&path, (struct sl){ at->path, (size_t)(slash - at->path) + 1 });
	str_add(&path, name);
	namelist_read(str_z(&path), &c->allowed, true);
}

static void read_pattern(struct quality_check *c, const struct place *at, const struct json *spec)
{
	char why[200];

	if (spec->kind != J_STR)
		wrong_member(at, spec->key, "not a text");
	c->pattern = pattern_new(spec->text, why, sizeof why);
	if (!c->pattern)
		wrong_member(at, spec->key, why);
}

static void check_formats(const struct quality_check *c, const struct place *at,
	const struct json *spec)
{
	const char *why;

	for (size_t i = 0; i < c->allowed.n; i++) {
		why = timeform_fault(c->allowed.name[i].p);
		if (why)
			wrong_member(at, spec->key, why);
	}
}

static void read_check(struct quality_rules *r, struct quality_check *c, const struct place *at,
	const struct json *spec)
{
	switch (c->rule) {
	case RULE_TIMES:
		take_names(at, spec, &c->allowed);
		check_formats(c, at, spec);
		break;
	case RULE_TYPES:
		if (spec->kind != J_STR || !cast_parse(spec->text, &c->cast))
			wrong_member(at, spec->key, "not a type: " CAST_CHOICES);
		break;
	case RULE_ALLOWED:
		if (spec->kind == J_OBJ)
			read_allowed(c, at, spec);
		else
			take_names(at, spec, &c->allowed);
		break;
	case RULE_PATTERNS:
		read_pattern(c, at, spec);
		break;
	default:
		read_range(r, c, at, spec);
	}
	if ((c->rule == RULE_TIMES || c->rule == RULE_ALLOWED) && c->allowed.n == 0)
		wrong_member(at, spec->key, "names nothing");
}

/* A rule whose config has a member for each field. */
static void read_checks(struct quality_rules *r, enum quality_rule rule, const struct place *at,
	enum quality_action action, const struct json *config)
{
	if (!config || !config->n)
		wrong(at, "config", "says nothing: a member for each field is needed");
	for (const struct json *m = config->child; m; m = m->next)
		read_check(r, add_check(r, rule, action, m->key), at, m);
}

static void read_required(struct quality_rules *r, const struct place *at,
	enum quality_action action, const struct json *config)
{
	AUTO_NAMES names = { 0 };

	only_known(at, config, "fields");
	if (!get_names(at, config, "fields", &names))
		wrong(at, "fields", "is needed: the names of fields");
	for (size_t i = 0; i < names.n; i++)
		(void)add_check(r, RULE_REQUIRED, action, names.name[i]);
}

static void read_duplicates(
	struct quality_rules *r, const struct place *at, const struct json *config)
{
	struct sl name;

	only_known(at, config, "key|keep|event_time|without_key");
	r->key_given = get_names(at, config, "key", &r->key);
	if (!r->key_given)
		(void)names_add(&r->key, SL("customer_id"), NULL);
	r->keep = (enum quality_keep)get_choice(at, config, "keep", keeps, KEEP_FIRST);
	r->keyless = (enum quality_keyless)get_choice(
		at, config, "without_key", keyless, KEYLESS_RECORD);
	if (json_get_str(config, "event_time", &name))
		r->event_time = arena_dup(&r->arena, name).p;
	else if (json_get(config, "event_time"))
		wrong(at, "event_time", "not a text");
}

static enum quality_action action_of(
	const struct place *at, enum quality_rule rule, const struct json *o)
{
	bool checks = rule >= RULE_TIMES && rule <= RULE_REQUIRED;
	int otherwise = rule == RULE_RANGES ? ACTION_CLAMP : ACTION_REJECT;
	int action = get_choice(at, o, "action", actions, otherwise);

	if (json_get(o, "action") && !checks)
		wrong(at, "action", "this rule has none to choose");
	if (action == ACTION_CLAMP && rule != RULE_RANGES)
		wrong(at, "action", "only ranges can be clamped");
	if (action == ACTION_NULL && rule == RULE_REQUIRED)
		wrong(at, "action", "what is missing cannot be removed");
	return (enum quality_action)action;
}

static void read_rule(struct quality_rules *r, struct place *at, const struct json *o)
{
	enum quality_rule rule;
	const struct json *config;
	enum quality_action action;
	struct sl name;
	bool enabled = true;

	at->rule = "rules";
	if (!json_get_str(o, "name", &name))
		wrong(at, "name", "is needed: the name of a rule");
	get_flag(at, o, "enabled", &enabled);
	if (!quality_rule_parse(name, &rule))
		wrong_member(at, name, "no such rule");
	at->rule = rule_names[rule];
	only_known(at, o, "name|description|enabled|action|config");
	if (r->given[rule])
		wrong(at, "name", "the rule is there twice");
	r->given[rule] = true;
	r->enabled[rule] = enabled;
	config = json_get(o, "config");
	if (config && config->kind != J_OBJ)
		wrong(at, "config", "not an object");
	if (rule < RULE_TIMES || rule > RULE_RANGES)
		get_named(at, config, &r->named[rule]);
	action = action_of(at, rule, o);
	switch (rule) {
	case RULE_NULLS:
		read_nulls(r, at, config);
		break;
	case RULE_STRINGS:
		read_strings(r, at, config);
		break;
	case RULE_REQUIRED:
		read_required(r, at, action, config);
		break;
	case RULE_DUPLICATES:
		read_duplicates(r, at, config);
		break;
	default:
		read_checks(r, rule, at, action, config);
	}
}

static void read_all(struct quality_rules *r, const char *path, struct sl text)
{
	struct place at = { .path = path };
	AUTO_ARENA arena = { 0 };
	const struct json *o, *rules;
	const char *why = "";
	size_t where = 0;

	o = json_parse(&arena, text, &why, &where);
	if (!o)
		die(EX_CONFIGURATION, "%s: byte %zu: %s", path, where + 1, why);
	rules = json_get(o, "rules");
	if (!rules || rules->kind != J_ARR)
		wrong(&at, "rules", "is needed: a list of rules");
	at.rule = "the file";
	only_known(&at, o, "rules|description");
	for (const struct json *rule = rules->child; rule; rule = rule->next)
		read_rule(r, &at, rule);
}

static void read_file(struct quality_rules *r, const char *path)
{
	struct in *in = in_open(path, MAX_FILE);
	struct sl all = in_whole(in);

	if (!in_window(in).n)
		die(EX_CONFIGURATION, "%s: the file is empty", path);
	read_all(r, path, all);
	in_close(in);
}

void quality_rules_read(struct quality_rules *r, const char *path)
{
	struct place at = { .path = "" };

	if (path)
		read_file(r, path);
	if (!r->given[RULE_NULLS])
		read_nulls(r, &at, NULL);
	if (!r->given[RULE_STRINGS])
		read_strings(r, &at, NULL);
	if (!r->given[RULE_DUPLICATES])
		read_duplicates(r, &at, NULL);
}

bool quality_rules_lack(const struct quality_rules *r, const struct names *cols,
	enum quality_rule *rule, struct sl *name)
{
	for (size_t i = 0; i < N_QUALITY_RULES; i++)
		for (size_t k = 0; r->enabled[i] && k < r->named[i].n; k++)
			if (names_find(cols, r->named[i].name[k]) == NAMES_NONE) {
				*rule = (enum quality_rule)i;
				*name = r->named[i].name[k];
				return true;
			}
	return false;
}

const char *quality_rule_name(enum quality_rule rule)
{
	return rule_names[rule];
}

bool quality_rule_can_enable(const struct quality_rules *r, enum quality_rule rule)
{
	bool checks = rule >= RULE_TIMES && rule <= RULE_REQUIRED;

	return !checks || r->given[rule];
}

void quality_rules_free(struct quality_rules *r)
{
	struct names *names[] = { &r->nulls.only, &r->nulls.except, &r->strings.only,
		&r->strings.except, &r->null_words, &r->lower, &r->upper, &r->key,
		&r->untouched };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names_free(names[i]);
	for (size_t i = 0; i < N_QUALITY_RULES; i++)
		names_free(&r->named[i]);
	for (size_t i = 0; i < r->n_checks; i++) {
		names_free(&r->checks[i].allowed);
		pattern_free(r->checks[i].pattern);
	}
	mem_free(r->checks);
	arena_free(&r->arena);
}
