#include "core/opt.h"

#include "core/clock.h"
#include "core/fd.h"
#include "core/life.h"
#include "core/log.h"
#include "core/opt_impl.h"
#include "core/opt_shell.h"
#include "core/path.h"
#include "core/stats.h"
#include "core/str.h"
#include "core/utf8.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define MAX_OPTIONS 250

static const struct opt_program *program;

/* What was given to each option of the program's table, and where. */
static struct {
	const char *text, *from;
} given[MAX_OPTIONS];
static const char here[] = "the command line", *reading = here;
static bool print_config;
static struct arena values; /* of lists */

static const struct opt common_opts[] = {
	{ .kind = OPT_GROUP, .help = "Common" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_FLAG, .help = "print errors only" },
	{ .name = "verbose", .letter = 'v', .kind = OPT_FLAG, .help = "print details" },
	{ .name = "stats", .kind = OPT_STR, .arg = "FILE",
	  .help = "a JSON summary of the run, also when it fails" },
	{ .name = "log-time", .kind = OPT_FLAG, .help = "begin messages with the time" },
	{ .name = "log-format", .kind = OPT_STR, .arg = "text|json", .help = "of messages" },
	{ .name = "log-file", .kind = OPT_STR, .arg = "FILE", .help = "append messages to it" },
	{ .name = "help", .letter = 'h', .kind = OPT_FLAG, .help = "print this help" },
	{ .name = "version", .kind = OPT_FLAG, .help = "print the version" },
	{ .name = "config", .kind = OPT_STR, .arg = "FILE", .hidden = true,
	  .help = "values of options instead of those of ferry.conf" },
	{ .name = "print-config", .kind = OPT_FLAG, .hidden = true,
	  .help = "print each option, its value and where it came from" },
	{ .name = "complete", .kind = OPT_FLAG, .hidden = true,
	  .help = "print the options, one a line" },
	{ .name = FRONT_DOOR, .kind = OPT_FLAG, .hidden = true, .help = "see opt_shell.h" },
	OPT_END,
};

static bool is_common(const struct opt *o)
{
	return (uintptr_t)o - (uintptr_t)common_opts < sizeof common_opts;
}

/* One of ours that the program's table has, too. */
static bool is_doubled(const struct opt *common)
{
	const struct opt *o = program->opts;

	while (!opt_is_end(o) && (o->kind == OPT_GROUP || strcmp(o->name, common->name) != 0))
		o++;
	return !opt_is_end(o);
}

/* All options, ours behind the program's; NULL: begin with the first, and behind the last one. */
static const struct opt *next_option(const struct opt *o)
{
	for (o = o ? o + 1 : program->opts; o->kind == OPT_GROUP || opt_is_end(o); o++) {
		if (o == &common_opts[ARRAY_LEN(common_opts) - 1])
			return NULL;
		if (opt_is_end(o))
			o = common_opts; /* a group */
	}
	return is_common(o) && is_doubled(o) ? next_option(o) : o;
}

void opt_usage(const char *fmt, ...)
{
	char text[1000], hint[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, tr(fmt), ap);
	va_end(ap);
	if (reading != here)
		die(EX_CONFIGURATION, "%s: %s", reading, text);
	(void)snprintf(hint, sizeof hint, tr("'%s --help' lists the options"), msg_prog());
	die_hint(EX_USAGE_, hint, "%s", text);
}

/* ---- help ------------------------------------------------------------------------------------ */

/* Help goes to standard output, whose failure is an error like any other. */
static NORETURN void print_and_leave(const struct str *text)
{
	if (!fd_write(STDOUT_FILENO, str_sl(text)) || close(STDOUT_FILENO) != 0)
		die_errno(EX_IO, "cannot write to standard output");
	leave(EX_DONE);
}

/* A condition as a person would write it: --narrow or --wide, --follow=slot. */
static void add_condition(struct str *s, struct sl condition)
{
	bool value = false;

	str_addz(s, "--");
	for (size_t i = 0; i < condition.n; i++) {
		value |= condition.p[i] == '=';
		if (condition.p[i] == '|')
			str_addz(s, value ? "|" : tr(" or --"));
		else
			str_addc(s, condition.p[i]);
	}
}

static void help_conditions(struct str *s, const char *lead, const char *conditions)
{
	struct sl list = sl_of(conditions ? conditions : ""), each;

	if (!list.n)
		return;
	str_addf(s, " [%s ", lead);
	for (const char *comma = ""; sl_cut(&list, ' ', &each); comma = ", ") {
		str_addz(s, comma);
		add_condition(s, each);
	}
	str_addc(s, ']');
}

/* A long list of verbs is better said by the text. */
static bool help_verbs(const struct opt *o)
{
	size_t bars = 0;

	for (const char *c = o->verbs; *c; c++)
		bars += *c == '|';
	return bars < 3;
}

enum { HELP_TEXT = 32, HELP_WIDTH = 80 };

/* Adds a line, wrapped: what goes on stands below its last column. */
static void help_line(struct str *s, struct sl line)
{
	size_t lead = strspn(line.p, " "), at, indent;
	const char *column =
		lead < HELP_TEXT ? memmem(line.p + lead, line.n - lead, "  ", 2) : NULL;

	at = column ? (size_t)(column - line.p) + strspn(column, " ") : lead;
	indent = column || lead >= HELP_TEXT ? at : lead + 2;
	str_add(s, (struct sl){ line.p, at });
	sl_skip(&line, at);
	while (line.n) {
		size_t n = 0, w;

		while (n < line.n && !memchr(" |", line.p[n++], 2))
			;
		w = utf8_width((struct sl){ line.p, n - (line.p[n - 1] == ' ') });
		if (at > indent && at + w > HELP_WIDTH) {
			while (s->n && s->p[s->n - 1] == ' ')
				s->n--;
			str_addf(s, "\n%*s", (int)indent, "");
			at = indent;
		}
		str_add(s, (struct sl){ line.p, n });
		at += w + (line.p[n - 1] == ' ');
		sl_skip(&line, n);
	}
	str_addc(s, '\n');
}

static void help_option(struct str *s, const struct opt *o)
{
	AUTO_STR line = { 0 };

	if (o->hidden)
		return;
	if (o->kind == OPT_GROUP) {
		str_addf(&line, o->arg ? "%s" : "%s:", tr(o->help));
		if (!o->arg)
			str_addc(s, '\n');
		help_line(s, sl_of(str_z(&line)));
		return;
	}
	if (o->letter)
		str_addf(&line, "  -%c, --%s", o->letter, o->name);
	else
		str_addf(&line, "      --%s", o->name);
	if (o->kind == OPT_ENUM && !o->arg)
		str_addf(&line, "=%s", o->choices);
	else if (o->kind != OPT_FLAG)
		str_addf(&line, o->bare ? "[=%s]" : "=%s", o->arg ? o->arg : "VALUE");
	if (line.n > HELP_TEXT - 2) {
		str_addf(s, "%s\n", str_z(&line));
		line.n = 0;
	}
	while (line.n < HELP_TEXT)
		str_addc(&line, ' ');
	if (o->verbs && help_verbs(o)) {
		for (const char *c = o->verbs; *c; c++)
			str_addz(&line, *c == '|' ? ", " : (char[]){ *c, '\0' });
		str_addz(&line, ": ");
	}
	str_addz(&line, tr(o->help));
	if (o->env)
		str_addf(&line, " [$%s]", o->env);
	help_conditions(&line, tr("needs"), o->needs);
	help_conditions(&line, tr("not with"), o->not_with);
	help_line(s, sl_of(str_z(&line)));
}

static NORETURN void print_help(void)
{
	struct str s = { 0 }, text = { 0 };
	struct sl lines = sl_of(program->synopsis), line;

	str_addf(&text, "%s - %s", program->name, tr(program->summary));
	help_line(&s, sl_of(str_z(&text)));
	str_addc(&s, '\n');
	for (const char *lead = tr("usage: "); sl_cut(&lines, '\n', &line); lead = "       ") {
		text.n = 0;
		str_addf(&text, "%s%s ", lead, program->name);
		str_add(&text, line);
		help_line(&s, sl_of(str_z(&text)));
	}
	if (!opt_is_end(program->opts) && program->opts->kind != OPT_GROUP)
		str_addz(&s, tr("\nOptions:\n"));
	for (const struct opt *o = program->opts; !opt_is_end(o); o++)
		help_option(&s, o);
	for (const struct opt *o = common_opts; !opt_is_end(o); o++)
		if (o->kind == OPT_GROUP || !is_doubled(o))
			help_option(&s, o);
	if (program->examples)
		str_addf(&s, "\n%s:\n%s", tr("Examples"), program->examples);
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
	struct str s = { 0 };

	for (const struct opt *o = NULL; (o = next_option(o));)
		if (!o->hidden)
			str_addf(&s, "--%s%s\n", o->name, o->kind == OPT_FLAG ? "" : "=");
	print_and_leave(&s);
}

static NORETURN void unknown_option(struct sl name)
{
	struct sl near = { 0 };
	size_t best = opt_tolerance(name);

	for (const struct opt *o = NULL; (o = next_option(o));)
		if (!o->hidden)
			opt_consider(name, sl_of(o->name), &best, &near);
	if (near.n)
		opt_usage("unknown option --%.*s (did you mean --%.*s?)", (int)name.n, name.p,
			  (int)near.n, near.p);
	opt_usage("unknown option --%.*s", (int)name.n, name.p);
}

static int set_choice(const struct opt *o, const char *value)
{
	int i = opt_choice_index(o->choices, sl_of(value));
	struct sl near = opt_near(o->choices, sl_of(value));

	if (i < 0 && near.n)
		opt_usage("--%s: no such choice: %s (did you mean %.*s?)", o->name,
			  msg_q(sl_of(value)), (int)near.n, near.p);
	if (i < 0)
		opt_usage("--%s: %s is not one of %s", o->name, msg_q(sl_of(value)), o->choices);
	return i;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void set_number(const struct opt *o, const char *value, uint64_t *dst)
{
	struct sl s = sl_of(value);

	if (!(o->kind == OPT_SIZE ? num_size(s, dst) : num_u64(s, dst)))
		opt_usage("--%s: not a %s: %s", o->name,
			  o->kind == OPT_SIZE ? "size" : "whole number", msg_q(s));
	if (*dst < o->min || (o->max && *dst > o->max))
		opt_usage("--%s: %s is outside %llu..%llu", o->name, value,
			  (unsigned long long)o->min,
			  (unsigned long long)(o->max ? o->max : UINT64_MAX));
}

static void remember(const struct opt *o, const char *text)
{
	given[o - program->opts].text = text;
	given[o - program->opts].from = reading;
}

/* A variable of a script that nobody has set; and what is no other file by this name. */
static const char *take_path(const struct opt *o, const char *value)
{
	if (!*value && (o->min > 0 || (o->arg && opt_choice_index("FILE|DIR|SCHEMA.TABLE",
							 sl_of(o->arg)) >= 0)))
		opt_usage("--%s is empty", o->name);
	if (strcmp(o->name, "stats") != 0)
		return value;
	value = strcmp(value, "-") == 0 ? "/dev/stdout" : value;
	stats_file(value);
	return value;
}

static void set_value(const struct opt *o, const char *value, void *conf)
{
	void *dst = (char *)conf + o->offset;
	struct opt_list *list = dst;
	bool anew = given[o - program->opts].from != reading;

	value = take_path(o, value);
	remember(o, value);
	switch (o->kind) {
	case OPT_STR:
		*(const char **)dst = value;
		break;
	case OPT_LIST:
		if (anew) /* what has a higher rank is not in addition */
			list->n = 0;
		if ((list->n & (list->n - 1)) == 0) { /* none, or full: twice as many */
			size_t had = list->n * sizeof *list->v;
			struct sl *more = arena_alloc(&values, 2 * had + sizeof *more);

			list->v = had ? memcpy(more, list->v, had) : more;
		}
		list->v[list->n++] = sl_of(value);
		break;
	case OPT_UINT:
	case OPT_SIZE:
		set_number(o, value, dst);
		break;
	case OPT_DURATION:
		if (o->choices && strcmp(value, o->choices) == 0)
			*(int64_t *)dst = 0;
		else if (!clock_duration(sl_of(value), o->unit, dst))
			opt_usage("--%s: not a duration: %s (say 250ms, 15s, 5m, 24h or 7d)",
				  o->name, msg_q(sl_of(value)));
		break;
	case OPT_TIME:
		if (!clock_parse_when(sl_of(value), &((struct opt_time *)dst)->instant))
			opt_usage("--%s: not a time: %s (say 2024-10-02, \"2024-10-02 17:00:00\", "
				  "yesterday or \"2 days ago\", UTC)",
				  o->name, msg_q(sl_of(value)));
		((struct opt_time *)dst)->given = true;
		break;
	case OPT_ENUM:
		*(int *)dst = set_choice(o, value);
		break;
	case OPT_FLAG:
	case OPT_GROUP:
		bug("option --%s takes no value", o->name);
	}
}

static const struct opt *find_long(struct sl name)
{
	const struct opt *o = NULL;

	while ((o = next_option(o)) && !sl_eq_str(name, o->name))
		;
	return o;
}

/* The same of --no-NAME, too: then *on is false. */
static const struct opt *find_flag(struct sl name, bool *on)
{
	const struct opt *o = find_long(name);

	*on = o || name.n <= 3 || memcmp(name.p, "no-", 3) != 0;
	return *on ? o : find_long((struct sl){ name.p + 3, name.n - 3 });
}

static const struct opt *find_letter(char c)
{
	const struct opt *o = NULL;

	while ((o = next_option(o)) && (!o->letter || o->letter != c))
		;
	return o;
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
		if (strcmp(o->name, "print-config") == 0)
			print_config = true;
		else if (!log_option(o->name, "1"))
			msg_set_verbosity(strcmp(o->name, "quiet") == 0 ? -1 : 1);
		return;
	}
	remember(o, on ? "1" : "0");
	*(bool *)((char *)conf + o->offset) = on;
}

static void take_stats(const struct opt *o, const char *path)
{
	path = take_path(o, path);
	path_claim(PATH_WRITE, "--stats", path);
	path_check(PATH_WRITE, "--stats", path);
	stats_failing(NULL, NULL);
}

/* One --name, --name=value, --name value or --no-name; returns how many words were used. */
static int parse_long(const char *word, const char *next, void *conf)
{
	const char *eq = strchr(word, '=');
	struct sl name = { word, eq ? (size_t)(eq - word) : strlen(word) };
	bool on;
	const struct opt *o = find_flag(name, &on);

	if (!o || (!on && ((o->kind != OPT_FLAG && !o->bare) || is_common(o))))
		unknown_option(name);
	if (o->kind == OPT_FLAG) {
		if (eq)
			opt_usage("--%s takes no value", o->name);
		set_flag(o, conf, on);
		return 1;
	}
	if (!eq && o->bare) {
		set_value(o, on ? o->bare : "0", conf);
		return 1;
	}
	if (!eq && !next)
		opt_usage("--%s needs a value: %s", o->name, o->arg ? o->arg : o->choices);
	if (!is_common(o))
		set_value(o, eq ? eq + 1 : next, conf);
	else if (!log_option(o->name, eq ? eq + 1 : next) && strcmp(o->name, "stats") == 0)
		take_stats(o, eq ? eq + 1 : next); /* --config was read before */
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

void opt_set(const struct opt *o, const char *value, void *conf, const char *from)
{
	static const char words[] = "0|false|no|off|1|true|yes|on";
	int on = o->kind == OPT_FLAG ? opt_choice_index(words, sl_of(value)) : 0;

	reading = from;
	if (on < 0)
		opt_usage("--%s: neither true nor false: %s", o->name, msg_q(sl_of(value)));
	if (o->kind == OPT_FLAG)
		set_flag(o, conf, on >= 4);
	else
		set_value(o, value, conf);
	reading = here;
}

/* Whatever says which files to use, the environment included. */
static void for_files(const void *conf, void (*fn)(enum path_use, const char *, const char *))
{
	for (const struct opt *o = program->opts; !opt_is_end(o); o++) {
		const void *at = (const char *)conf + o->offset;
		const struct opt_list *list = at;
		char what[80];

		if (o->file == OPT_NO_FILE)
			continue;
		(void)snprintf(what, sizeof what, "--%s", o->name);
		if (o->kind == OPT_STR && *(const char *const *)at)
			fn((enum path_use)o->file, what, *(const char *const *)at);
		for (size_t i = 0; o->kind == OPT_LIST && i < list->n; i++)
			fn((enum path_use)o->file, what, list->v[i].p);
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

/* ---- which go together ----------------------------------------------------------------------- */

static bool flag_is_on(const struct opt *o, const void *conf)
{
	return *(const bool *)((const char *)conf + o->offset);
}

/* --name, --no-name; `only_here`: on the command line. */
static bool one_holds(struct sl name, const void *conf, bool only_here)
{
	bool on;
	const struct opt *o = find_flag(name, &on);

	if (!o || is_common(o))
		bug("the table names --%.*s, which it does not have", (int)name.n, name.p);
	if (only_here && opt_from(o) != here)
		return false;
	return o->kind == OPT_FLAG ? flag_is_on(o, conf) == on : opt_given(o) != NULL;
}

/* Whether a condition (opt.h) holds. */
static bool holds(struct sl condition, const void *conf, bool only_here)
{
	const char *eq = memchr(condition.p, '=', condition.n);
	struct sl name = { condition.p, eq ? (size_t)(eq - condition.p) : 0 }, each;

	if (eq) {
		const struct opt *o = find_long(name);
		int value = o ? *(const int *)((const char *)conf + o->offset) : 0;

		condition = (struct sl){ eq + 1, condition.n - name.n - 1 };
		while (sl_cut(&condition, '|', &each))
			if (o && opt_choice_index(o->choices, each) == value)
				return true;
		return false;
	}
	while (sl_cut(&condition, '|', &each))
		if (one_holds(each, conf, only_here))
			return true;
	return false;
}

static void check_option(const struct opt *o, const void *conf, const char *verb)
{
	struct sl needs = sl_of(o->needs ? o->needs : ""), each;
	struct sl not_with = sl_of(o->not_with ? o->not_with : "");
	struct str text = { 0 };

	if (o->verbs && verb && opt_choice_index(o->verbs, sl_of(verb)) < 0)
		opt_usage("--%s is an option of %s, not of %s", o->name, o->verbs,
			  msg_q(sl_of(verb)));
	while (sl_cut(&needs, ' ', &each)) {
		if (holds(each, conf, false))
			continue;
		add_condition(&text, each);
		opt_usage("--%s needs %s", o->name, str_z(&text));
	}
	while (sl_cut(&not_with, ' ', &each)) {
		if (!holds(each, conf, true))
			continue;
		add_condition(&text, each);
		opt_usage("--%s and %s exclude each other", o->name, str_z(&text));
	}
}

/* An option that is required, and not given: is there one of those that take its place? */
static void check_missing(const struct opt *o, const void *conf, const char *verb)
{
	struct sl not_with = sl_of(o->not_with ? o->not_with : ""), each;
	AUTO_STR text = { 0 };

	if (o->verbs && (!verb || opt_choice_index(o->verbs, sl_of(verb)) < 0))
		return;
	str_addf(&text, "--%s", o->name);
	while (sl_cut(&not_with, ' ', &each)) {
		if (holds(each, conf, false))
			return;
		str_addz(&text, " or ");
		add_condition(&text, each);
	}
	opt_usage("%s is needed", str_z(&text));
}

static void check_table(const void *conf, const char *verb)
{
	if (program->verb_option)
		verb = opt_given(find_long(sl_of(program->verb_option)));
	for (const struct opt *o = program->opts; !opt_is_end(o); o++) {
		struct sl of = sl_of(o->verbs && verb ? verb : "");

		/* what stands in a file is for those it is for */
		if (of.n && opt_from(o) && opt_from(o) != here &&
			opt_choice_index(o->verbs, of) < 0)
			given[o - program->opts].text = given[o - program->opts].from = NULL;
		if (o->required && !opt_given(o))
			check_missing(o, conf, verb);
		if (o->kind != OPT_GROUP && opt_from(o) == here &&
			(o->kind != OPT_FLAG || flag_is_on(o, conf)))
			check_option(o, conf, verb);
	}
}

const char *opt_from(const struct opt *o)
{
	return given[o - program->opts].from;
}

const char *opt_given(const struct opt *o)
{
	return given[o - program->opts].text;
}

void opt_parse(const struct opt_program *prog, void *conf, int *argc_p, char ***argv_p)
{
	char **argv = *argv_p;
	int argc = *argc_p, n_operands = 0;

	if (argc > 1 && strcmp(argv[1], "--" FRONT_DOOR) == 0)
		opt_shell(argc - 1, argv + 1);
	program = prog;
	memset(given, 0, sizeof given);
	arena_reset(&values);
	hold_standard_descriptors();
	msg_init(prog->name);
	life_watch();
	stats_watch();
	log_begin();
	if (getenv("FERRY_QUIET") && *getenv("FERRY_QUIET"))
		msg_set_verbosity(-1);
	opt_config(prog, conf, argc, argv);
	for (int i = 1; i < argc;) {
		const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(word, "--") == 0) {
			while (++i < argc)
				argv[n_operands++] = argv[i];
			break;
		}
		if (word[0] == '-' && word[1])
			i += word[1] == '-' ? parse_long(word + 2, next, conf)
					    : parse_short(word + 1, next, conf);
		else
			argv[n_operands++] = argv[i++];
	}
	*argc_p = n_operands;
	if (print_config)
		opt_config_print(prog, conf);
	check_table(conf, n_operands ? argv[0] : NULL);
	for_files(conf, path_claim);
	stats_begin();
	for_files(conf, path_check);
}

void opt_verb_unknown(const char *verbs, const char *word)
{
	struct sl near = opt_near(verbs, sl_of(word));

	if (near.n)
		opt_usage("no such command: %s (did you mean %.*s?)", msg_q(sl_of(word)),
			  (int)near.n, near.p);
	opt_usage("no such command: %s (there are %s)", msg_q(sl_of(word)), verbs);
}

size_t opt_verb(const char *verbs, int argc, char *const *argv)
{
	int i = opt_choice_index(verbs, sl_of(argc > 0 ? argv[0] : ""));

	if (i < 0 && argc == 1)
		opt_verb_unknown(verbs, argv[0]);
	if (i < 0 || argc > 1)
		opt_usage("one verb is needed: %s", verbs);
	return (size_t)i;
}
