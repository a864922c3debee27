#include "core/opt.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/str.h"
#include "core/tr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

static const struct opt_program *program;

static const struct opt common_opts[] = {
	{ .kind = OPT_GROUP, .help = "Common" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_FLAG, .help = "print errors only" },
	{ .name = "verbose", .letter = 'v', .kind = OPT_FLAG, .help = "print details" },
	{ .name = "help", .letter = 'h', .kind = OPT_FLAG, .help = "print this help" },
	{ .name = "version", .kind = OPT_FLAG, .help = "print the version" },
	{ .name = "complete", .kind = OPT_FLAG, .hidden = true,
	  .help = "print the options, one a line" },
	OPT_END,
};

void opt_usage(const char *fmt, ...)
{
	char text[1000], hint[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, tr(fmt), ap);
	va_end(ap);
	(void)snprintf(hint, sizeof hint, tr("'%s --help' lists the options"), msg_prog());
	die_hint(EX_USAGE_, hint, "%s", text);
}

static bool is_end(const struct opt *o)
{
	return o->name == NULL && o->kind != OPT_GROUP;
}

/* Help goes to standard output, whose failure is an error like any other. */
static NORETURN void print_and_leave(const struct str *text)
{
	size_t done = 0;

	while (done < text->n) {
		ssize_t n = write(STDOUT_FILENO, text->p + done, text->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_errno(EX_IO, "cannot write to standard output");
		done += (size_t)n;
	}
	if (close(STDOUT_FILENO) != 0)
		die_errno(EX_IO, "cannot write to standard output");
	leave(EX_DONE);
}

static void help_option(struct str *s, const struct opt *o)
{
	size_t start = s->n;

	if (o->hidden)
		return;
	if (o->kind == OPT_GROUP) {
		str_addf(s, "\n%s:\n", o->help);
		return;
	}
	if (o->letter)
		str_addf(s, "  -%c, --%s", o->letter, o->name);
	else
		str_addf(s, "      --%s", o->name);
	if (o->kind == OPT_ENUM)
		str_addf(s, "=%s", o->choices);
	else if (o->kind != OPT_FLAG)
		str_addf(s, "=%s", o->arg ? o->arg : "VALUE");
	if (s->n - start > 30) {
		str_addc(s, '\n');
		start = s->n;
	}
	while (s->n - start < 32)
		str_addc(s, ' ');
	str_addz(s, o->help);
	if (o->env)
		str_addf(s, " [$%s]", o->env);
	str_addc(s, '\n');
}

static NORETURN void print_help(void)
{
	struct str s = { 0 };
	const char *line = program->synopsis;

	str_addf(&s, "%s - %s\n\n", program->name, program->summary);
	for (const char *lead = "usage: "; line; lead = "       ") {
		const char *nl = strchr(line, '\n');

		str_addf(&s, "%s%s ", lead, program->name);
		str_add(&s, nl ? (struct sl){ line, (size_t)(nl - line) } : sl_of(line));
		str_addc(&s, '\n');
		line = nl ? nl + 1 : NULL;
	}
	if (!is_end(program->opts) && program->opts->kind != OPT_GROUP)
		str_addz(&s, "\nOptions:\n");
	for (const struct opt *o = program->opts; !is_end(o); o++)
		help_option(&s, o);
	for (const struct opt *o = common_opts; !is_end(o); o++)
		help_option(&s, o);
	if (program->examples)
		str_addf(&s, "\nExamples:\n%s", program->examples);
	print_and_leave(&s);
}

static NORETURN void print_version(void)
{
	struct str s = { 0 };

	str_addf(&s, "%s (ferry) %s\n", program->name, FERRY_VERSION);
	print_and_leave(&s);
}

static NORETURN void print_completions(void)
{
	const struct opt *tables[] = { program->opts, common_opts };
	struct str s = { 0 };

	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (const struct opt *o = tables[t]; !is_end(o); o++)
			if (o->kind != OPT_GROUP && !o->hidden)
				str_addf(&s, "--%s%s\n", o->name, o->kind == OPT_FLAG ? "" : "=");
	print_and_leave(&s);
}

/* Levenshtein distance, for "did you mean"; names longer than 40 are never near. */
static size_t distance(struct sl a, const char *b)
{
	size_t m = strlen(b), row[48];

	if (a.n > 40 || m > 40)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diag + (a.p[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

static NORETURN void unknown_option(struct sl name)
{
	const struct opt *tables[] = { program->opts, common_opts };
	const struct opt *near = NULL;
	size_t best = 3;

	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (const struct opt *o = tables[t]; !is_end(o); o++)
			if (o->kind != OPT_GROUP && !o->hidden && distance(name, o->name) < best) {
				best = distance(name, o->name);
				near = o;
			}
	if (near)
		opt_usage("unknown option --%.*s (did you mean --%s?)", (int)name.n, name.p,
			  near->name);
	opt_usage("unknown option --%.*s", (int)name.n, name.p);
}

/* Position of `value` among "a|b|c", or -1. */
static int choice_index(const char *choices, const char *value)
{
	size_t n = strlen(value);
	int i = 0;

	for (const char *c = choices; c; i++) {
		const char *bar = strchr(c, '|');
		size_t len = bar ? (size_t)(bar - c) : strlen(c);

		if (len == n && memcmp(c, value, n) == 0)
			return i;
		c = bar ? bar + 1 : NULL;
	}
	return -1;
}

static void set_number(const struct opt *o, const char *value, uint64_t *dst)
{
	struct sl s = sl_of(value);
	bool ok = o->kind == OPT_SIZE ? num_size(s, dst) : num_u64(s, dst);

	if (!ok)
		opt_usage("--%s: not a %s: %s", o->name,
			  o->kind == OPT_SIZE ? "size" : "whole number", msg_q(s));
	if (*dst < o->min || (o->max && *dst > o->max))
		opt_usage("--%s: %s is outside %llu..%llu", o->name, value,
			  (unsigned long long)o->min,
			  (unsigned long long)(o->max ? o->max : UINT64_MAX));
}

static void set_value(const struct opt *o, const char *value, void *conf)
{
	void *dst = (char *)conf + o->offset;
	struct opt_list *list = dst;
	struct opt_time *time = dst;

	switch (o->kind) {
	case OPT_STR:
		*(const char **)dst = value;
		break;
	case OPT_LIST:
		mem_grow(&list->v, &list->cap, list->n + 1, sizeof *list->v);
		list->v[list->n++] = sl_of(value);
		break;
	case OPT_UINT:
	case OPT_SIZE:
		set_number(o, value, dst);
		break;
	case OPT_DURATION:
		if (!clock_duration(sl_of(value), o->unit, dst))
			opt_usage("--%s: not a duration: %s (say 250ms, 15s, 5m, 24h or 7d)",
				  o->name, msg_q(sl_of(value)));
		break;
	case OPT_TIME:
		if (!clock_parse(sl_of(value), &time->instant))
			opt_usage("--%s: not a time: %s (say 2024-10-02 or "
				  "\"2024-10-02 17:00:00\", UTC)",
				  o->name, msg_q(sl_of(value)));
		time->given = true;
		break;
	case OPT_ENUM:
		*(int *)dst = choice_index(o->choices, value);
		if (*(int *)dst < 0)
			opt_usage("--%s: %s is not one of %s", o->name, msg_q(sl_of(value)),
				  o->choices);
		break;
	case OPT_FLAG:
	case OPT_GROUP:
		bug("option --%s takes no value", o->name);
	}
}

static const struct opt *find_long(struct sl name)
{
	const struct opt *tables[] = { program->opts, common_opts };

	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (const struct opt *o = tables[t]; !is_end(o); o++)
			if (o->kind != OPT_GROUP && sl_eq_str(name, o->name))
				return o;
	return NULL;
}

static const struct opt *find_letter(char c)
{
	const struct opt *tables[] = { program->opts, common_opts };

	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (const struct opt *o = tables[t]; !is_end(o); o++)
			if (o->letter && o->letter == c)
				return o;
	return NULL;
}

static bool is_common(const struct opt *o)
{
	for (size_t i = 0; i < ARRAY_LEN(common_opts); i++)
		if (o == &common_opts[i])
			return true;
	return false;
}

static void set_flag(const struct opt *o, void *conf, bool on)
{
	if (is_common(o)) {
		if (strcmp(o->name, "help") == 0)
			print_help();
		if (strcmp(o->name, "version") == 0)
			print_version();
		if (strcmp(o->name, "complete") == 0)
			print_completions();
		msg_set_verbosity(strcmp(o->name, "quiet") == 0 ? -1 : 1);
		return;
	}
	*(bool *)((char *)conf + o->offset) = on;
}

/* One --name, --name=value, --name value or --no-name; returns how many words were used. */
static int parse_long(const char *word, const char *next, void *conf)
{
	const char *eq = strchr(word, '=');
	struct sl name = { word, eq ? (size_t)(eq - word) : strlen(word) };
	const struct opt *o = find_long(name);
	bool on = true;

	if (!o && name.n > 3 && memcmp(name.p, "no-", 3) == 0) {
		o = find_long((struct sl){ name.p + 3, name.n - 3 });
		if (o && (o->kind != OPT_FLAG || is_common(o)))
			o = NULL;
		on = false;
	}
	if (!o)
		unknown_option(name);
	if (o->kind == OPT_FLAG) {
		if (eq)
			opt_usage("--%s takes no value", o->name);
		set_flag(o, conf, on);
		return 1;
	}
	if (!eq && !next)
		opt_usage("--%s needs a value: %s", o->name, o->arg ? o->arg : o->choices);
	set_value(o, eq ? eq + 1 : next, conf);
	return eq ? 1 : 2;
}

/* Joined short options: -zk NAME, -kNAME; returns how many words were used. */
static int parse_short(const char *word, const char *next, void *conf)
{
	for (const char *c = word; *c; c++) {
		const struct opt *o = find_letter(*c);

		if (!o)
			opt_usage("unknown option -%s", msg_q((struct sl){ c, 1 }));
		if (o->kind == OPT_FLAG) {
			set_flag(o, conf, true);
			continue;
		}
		if (c[1]) {
			set_value(o, c + 1, conf);
			return 1;
		}
		if (!next)
			opt_usage("-%c needs a value", *c);
		set_value(o, next, conf);
		return 2;
	}
	return 1;
}

static void take_environment(void *conf)
{
	for (const struct opt *o = program->opts; !is_end(o); o++) {
		const char *value = o->env ? getenv(o->env) : NULL;

		if (!value || !*value)
			continue;
		if (o->kind == OPT_FLAG)
			set_flag(o, conf, strcmp(value, "0") != 0);
		else
			set_value(o, value, conf);
	}
}

/*
 * A standard descriptor that was closed would be taken by the next file opened, and data meant for
 * one would go into the other. /dev/null in the wrong direction keeps the place and fails.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			/* cppcheck-suppress leakReturnValNotUsed */
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void opt_parse(const struct opt_program *prog, void *conf, int *argc_p, char ***argv_p)
{
	char **argv = *argv_p;
	int argc = *argc_p, n_operands = 0;

	program = prog;
	hold_standard_descriptors();
	msg_init(prog->name);
	take_environment(conf);
	for (int i = 1; i < argc;) {
		const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(word, "--") == 0) {
			while (++i < argc)
				argv[n_operands++] = argv[i];
			break;
		}
		if (word[0] == '-' && word[1] == '-')
			i += parse_long(word + 2, next, conf);
		else if (word[0] == '-' && word[1])
			i += parse_short(word + 1, next, conf);
		else
			argv[n_operands++] = argv[i++];
	}
	*argc_p = n_operands;
	*argv_p = argv;
}

size_t opt_verb(const char *verbs, int argc, char *const *argv)
{
	int i = argc == 1 ? choice_index(verbs, argv[0]) : -1;

	if (i < 0)
		opt_usage("one verb is needed: %s", verbs);
	return (size_t)i;
}
