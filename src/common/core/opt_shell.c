#include "core/opt_shell.h"

#include "core/clock.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/opt.h"
#include "core/str.h"

#include <errno.h>
#include <unistd.h>

#define MAX_LINES 250
#define ANSWER_FD 3

/* Where opt_parse() puts the value of one option. */
union value {
	bool flag;
	int choice;
	uint64_t number;
	int64_t duration;
	const char *text;
	struct opt_list list;
	struct opt_time time;
};

/* All of it lives until the program ends. */
static struct arena arena;
static struct opt table[MAX_LINES];
static size_t n_lines;
static union value values[MAX_LINES];

static const char *keep(struct sl s)
{
	return arena_dup(&arena, s).p;
}

static struct str read_table(void)
{
	struct str s = { 0 };
	ssize_t n;

	while ((n = read(STDIN_FILENO, str_room(&s, 4096), 4096)) != 0) {
		if (n < 0 && errno != EINTR)
			die_errno(EX_IO, "cannot read the table of options");
		s.n += n > 0 ? (size_t)n : 0;
	}
	return s;
}

/* Cuts off what ends before one of `ends`. */
static struct sl take_until(struct sl *s, const char *ends)
{
	struct sl piece = { s->p, 0 };

	while (piece.n < s->n && !strchr(ends, s->p[piece.n]))
		piece.n++;
	sl_skip(s, piece.n);
	return piece;
}

static enum opt_kind kind_of(const char *arg)
{
	static const char *const args[] = { "N", "SIZE", "DURATION", "TIME" };
	static const enum opt_kind kinds[] = { OPT_UINT, OPT_SIZE, OPT_DURATION, OPT_TIME };
	int i = sl_index(sl_of(arg), args, ARRAY_LEN(args));

	if (i >= 0)
		return kinds[i];
	/* a|b, but not N|P% or [a|b] */
	return strchr(arg, '|') && arg[0] >= 'a' && arg[0] <= 'z' ? OPT_ENUM : OPT_STR;
}

/* One member of struct opt, as in {needs mode=validate}. */
static void take_attribute(struct opt *o, struct sl a)
{
	struct sl value = a, name = take_until(&value, " ");
	const char *dots = memmem(a.p, a.n, "..", 2), *text;

	value = sl_trim(value, " ");
	text = keep(value);
	if (sl_eq_str(name, "of")) {
		o->verbs = text;
	} else if (sl_eq_str(name, "needs")) {
		o->needs = text;
	} else if (sl_eq_str(name, "not-with")) {
		o->not_with = text;
	} else if (sl_eq_str(name, "unit")) {
		if (!num_u64(value, (uint64_t *)&o->unit))
			bug("unit of --%s", o->name);
	} else if (sl_eq_str(name, "list")) {
		o->kind = OPT_LIST;
	} else if (sl_eq_str(name, "required")) {
		o->required = true;
	} else if (sl_eq_str(name, "weakens")) {
		o->weakens = true;
	} else if (sl_eq_str(name, "hidden")) {
		o->hidden = true;
	} else if (dots) {
		if (!num_u64((struct sl){ a.p, (size_t)(dots - a.p) }, &o->min) ||
		    !num_u64((struct sl){ dots + 2, a.n - (size_t)(dots - a.p) - 2 }, &o->max))
			bug("limits of --%s", o->name);
	} else if (memchr(a.p, '|', a.n)) {
		o->kind = OPT_ENUM;
		o->choices = keep(a);
	} else {
		bug("--%s: {%.*s}", o->name, (int)a.n, a.p);
	}
}

static bool is_option(struct sl line)
{
	struct sl s = sl_trim(line, " ");

	return line.n > s.n && line.p[0] == ' ' && s.n > 3 && s.p[0] == '-' &&
	       (s.p[1] == '-' || (s.p[2] == ',' && s.p[3] == ' '));
}

/*   -x, --name[=ARG] {attribute} help */
static void take_option(struct opt *o, struct sl line)
{
	struct sl s = sl_trim(line, " "), arg;

	o->kind = OPT_FLAG;
	if (s.p[1] != '-') {
		o->letter = s.p[1];
		s = sl_trim((struct sl){ s.p + 3, s.n - 3 }, " ");
	}
	sl_skip(&s, 2);
	o->name = keep(take_until(&s, "=[ "));
	arg = take_until(&s, " ");
	if (arg.n > 3 && arg.p[0] == '[') {
		o->arg = keep((struct sl){ arg.p + 2, arg.n - 3 });
		o->kind = OPT_STR;
		o->bare = "1";
	} else if (arg.n > 1) {
		o->arg = keep((struct sl){ arg.p + 1, arg.n - 1 });
		o->kind = kind_of(o->arg);
		o->choices = o->arg;
	}
	for (s = sl_trim(s, " "); s.n && s.p[0] == '{'; s = sl_trim(s, " ")) {
		sl_skip(&s, 1);
		take_attribute(o, take_until(&s, "}"));
		sl_skip(&s, 1);
	}
	o->help = keep(s);
	o->offset = (size_t)(o - table) * sizeof *values;
}

static void answer(const char *name, struct sl value, struct str *s)
{
	str_add(s, (struct sl){ name, strlen(name) + 1 });
	str_add(s, value);
	str_addc(s, '\0');
}

static void answer_option(const struct opt *o, const union value *v, struct str *s)
{
	char text[CLOCK_TEXT_MAX];

	if (o->kind == OPT_GROUP || !opt_given(o))
		return;
	if (o->kind == OPT_LIST)
		for (size_t i = 0; i < v->list.n; i++)
			answer(o->name, v->list.v[i], s);
	else if (o->kind == OPT_TIME) /* for all programs the same, whenever they begin */
		answer(o->name, (struct sl){ text, clock_put(text, v->time.instant, false) }, s);
	else if (o->kind == OPT_FLAG)
		answer(o->name, v->flag ? SL("1") : SL("0"), s);
	else
		answer(o->name, sl_of(opt_given(o)), s);
}

/* A line that goes on with the text of the option above it. */
static bool goes_on(struct sl line)
{
	return n_lines && table[n_lines - 1].kind != OPT_GROUP && line.n > 20 &&
	       sl_trim(line, " ").p - line.p > 20;
}

/* Each line has a translation of its own. */
static void take_more(struct opt *o, struct sl line)
{
	const char *more = tr(keep(line));
	AUTO_STR text = { 0 };

	str_addf(&text, "%s %s", tr(o->help), more + strspn(more, " "));
	o->help = keep(str_sl(&text));
}

static void answer_code(int code, void *answered)
{
	AUTO_STR s = { 0 };
	char text[16];

	if (*(bool *)answered)
		return;
	answer("exit", (struct sl){ text, num_put_u64(text, (unsigned)code) }, &s);
	if (!fd_write(ANSWER_FD, str_sl(&s)))
		return; /* the script sees that there is no answer */
}

void opt_shell(int argc, char **argv)
{
	static const char *const logs[] = { "log-time", "log-format", "log-file" };
	static bool answered;
	struct str text = read_table(), s = { 0 };
	struct sl rest = str_sl(&text), usage = SL(""), line = SL("");
	struct opt_program prog = { .opts = table, .front_door = true };
	const char *verbs = NULL;

	if (argc < 2)
		bug("the front door has no name");
	(void)on_exit(answer_code, &answered); /* bash may lose the code of what has ended */
	prog.name = argv[1];
	msg_init(prog.name);
	(void)sl_cut(&rest, '\n', &line);
	prog.summary = keep(line);
	(void)sl_cut(&rest, '\n', &usage);
	(void)take_until(&usage, " ");
	prog.synopsis = keep(sl_trim(usage, " "));
	while (sl_cut(&rest, '\n', &line)) {
		if (n_lines + 1 == MAX_LINES)
			bug("too many lines in the table of %s", prog.name);
		if (line.n > 6 && memcmp(line.p, "verbs ", 6) == 0)
			verbs = keep((struct sl){ line.p + 6, line.n - 6 });
		else if (is_option(line))
			take_option(&table[n_lines++], line);
		else if (goes_on(line))
			take_more(&table[n_lines - 1], line);
		else
			table[n_lines++] = (struct opt){ .kind = OPT_GROUP, .arg = "",
							 .help = keep(line) };
	}
	table[n_lines] = (struct opt)OPT_END;
	for (const struct opt *o = table; o < table + n_lines; o++)
		if (o->name && strcmp(o->name, "mode") == 0)
			prog.verb_option = o->name;
	argc--;
	argv++;
	opt_parse(&prog, values, &argc, &argv);
	if (verbs && argc > 0 && opt_near(verbs, sl_of(argv[0])).n)
		opt_verb_unknown(verbs, argv[0]);
	for (size_t i = 0; i < n_lines; i++)
		answer_option(&table[i], &values[i], &s);
	if (msg_verbosity() != 0)
		answer(msg_verbosity() < 0 ? "quiet" : "verbose", SL("1"), &s);
	for (size_t i = 0; i < ARRAY_LEN(logs); i++)
		if (log_given(logs[i]))
			answer(logs[i], sl_of(log_given(logs[i])), &s);
	for (int i = 0; i < argc; i++)
		answer("--", sl_of(argv[i]), &s);
	answer("end", SL(""), &s);
	answered = true;
	if (!fd_write(ANSWER_FD, str_sl(&s)))
		die_errno(EX_IO, "cannot hand the options to the script");
	leave(EX_DONE);
}
