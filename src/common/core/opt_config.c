/* opt_config.c - values of options from files and from the environment. */
#include "core/inifile.h"
#include "core/opt_impl.h"
#include "core/str.h"

#include <ctype.h>
#include <unistd.h>

static struct arena arena; /* of texts, as long as the program */

static void take(const struct opt *o, const char *value, void *conf, const char *from)
{
	if (o->weakens)
		die_hint(EX_CONFIGURATION, "say it on the command line, each time",
			"%s: --%s destroys something or weakens a guarantee, and is taken from "
			"the command line alone", from, o->name);
	opt_set(o, value, conf, from);
}

/* Whose sections a file may have, or not; t/config.bats wants all programs and commands here. */
static const char programs[] =
	"narrow-to-wide|fs|sagemaker-fs|sm-fs|fs-archive|fs-copy|fs-improve|fs-migrate-large|"
	"fs-recover|fs-subset|fs-sync|fs-upgrade|fs-extract-athena|fs-extract-online|fs-group|"
	"fs-plan|fs-put|fs-verify|kafka-dump|kafka-put|pg-copy-load|pg-dual-load|"
	"pg-narrow-dump|pg-narrow-schema|pg-wide-analyze|pg-wide-dump|pg-wide-ledger|"
	"pg-wide-tables|pg-wide-validate|pg-wide-web";
static const char filters[] =
	"map-fields|pivot-wide|quality-clean|reformat|stream-digest|unpivot-narrow|via";
static const char commands[] =
	"list|schema|schema-template|create|add-features|delete|get|put|bulk-get|bulk-put|export|"
	"clear|migrate|analyze|clean|doctor|verify";

static void check_section(const char *path, const char *section)
{
	struct sl rest = sl_of(section), word, near;
	bool known = !sl_cut(&rest, ' ', &word) ||
		     opt_choice_index(programs, word) >= 0;

	if (known && (rest.n == 0 || opt_choice_index(commands, rest) >= 0))
		return;
	if (opt_choice_index(filters, word) >= 0)
		die(EX_CONFIGURATION, "%s: [%s] would be read by nobody: this program is told all "
			"by its command line", path, section);
	near = known ? opt_near(commands, rest) : opt_near(programs, word);
	die(EX_CONFIGURATION,
		near.n ? N_("%s: [%s] is the section of no program (did you mean %s%.*s?)")
		       : N_("%s: [%s] is the section of no program"),
		path, section, known ? "fs " : "", (int)near.n, near.p);
}

/* Those of [SECTION]; a file that is not there has none, unless it was `asked` for. */
static void take_file(const struct opt_program *prog, void *conf, const char *section,
	const char *path, bool asked)
{
	struct inifile f = { 0 };
	unsigned line;

	if (!asked && access(path, F_OK) != 0)
		return;
	if (access(path, R_OK) != 0)
		die_errno(EX_NOINPUT_, "%s", msg_q(sl_of(path)));
	if (!inifile_read(&f, path, &line))
		die(EX_CONFIGURATION, "%s, line %u: neither [SECTION] nor NAME = VALUE", path,
			line);
	path = arena_dup(&arena, sl_of(path)).p;
	for (size_t i = 0; i < f.n; i++) {
		const struct inifile_entry *e = &f.v[i];
		const struct opt *o = prog->opts;

		check_section(path, e->section);
		if (!e->key || strcmp(e->section, section) != 0)
			continue;
		while (!opt_is_end(o) && (o->kind == OPT_GROUP || strcmp(o->name, e->key) != 0))
			o++;
		if (opt_is_end(o))
			die(EX_CONFIGURATION, "%s: [%s] has no option %s", path, section,
				msg_q(sl_of(e->key)));
		take(o, arena_dup(&arena, sl_of(e->value)).p, conf, path);
	}
	inifile_free(&f);
}

static void make_variable(struct str *name)
{
	for (char *c = name->p; c < name->p + name->n; c++)
		*c = *c == '-' || *c == ' ' ? '_' : (char)toupper((unsigned char)*c);
}

static void take_variable(const struct opt *o, void *conf, const char *section, bool own)
{
	AUTO_STR name = { 0 };
	const char *value = o->env ? getenv(o->env) : NULL;

	if (value && *value)
		opt_set(o, value, conf, o->env);
	if (!own)
		return;
	str_addf(&name, "FERRY_%s_%s", section, o->name);
	make_variable(&name);
	value = getenv(str_z(&name));
	if (value && *value)
		take(o, value, conf, arena_dup(&arena, str_sl(&name)).p);
}

/* Variables that are no option's; of fs and its commands only those near to one. */
static void warn_of_variables(const struct opt_program *prog, const char *section)
{
	AUTO_STR lead = { 0 }, names = { 0 };

	str_addf(&lead, "FERRY_%s_", section);
	for (const struct opt *o = prog->opts; !opt_is_end(o); o++)
		if (o->kind != OPT_GROUP)
			str_addf(&names, "%s|", o->name);
	make_variable(&lead);
	make_variable(&names);
	for (char **e = environ; *e; e++) {
		struct sl word, near;

		if (strncmp(*e, str_z(&lead), lead.n) != 0)
			continue;
		word = (struct sl){ *e + lead.n, strcspn(*e + lead.n, "=") };
		if (opt_choice_index(str_z(&names), word) >= 0)
			continue;
		near = opt_near(str_z(&names), word);
		if (near.n || strncmp(section, "fs", 2) != 0)
			msg_warn(near.n ? N_("%s%.*s is no option's (did you mean %s%.*s?)")
					: N_("%s%.*s is no option's"),
				lead.p, (int)word.n, word.p, lead.p, (int)near.n, near.p);
	}
}

/* Filters that transform say all on their command lines, and so does who calls others. */
static bool is_set_up(const struct opt_program *prog)
{
	const char *run = getenv("FERRY_RUN");

	if (prog->front_door)
		return !run || !strchr(run, ' ');
	return !run && opt_choice_index(programs, sl_of(prog->name)) >= 0;
}

/* The words are read behind the files. */
static const char *find_config(int argc, char **argv)
{
	const char *file = NULL;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strncmp(argv[i], "--config=", 9) == 0)
			file = argv[i] + 9;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			file = argv[++i];
	return file;
}

void opt_config(const struct opt_program *prog, void *conf, int argc, char **argv)
{
	const char *file = find_config(argc, argv);
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
	const char *command = prog->front_door ? getenv("FERRY_COMMAND") : NULL;
	bool own = is_set_up(prog);
	AUTO_STR section = { 0 }, path = { 0 };

	str_addf(&section, command && *command ? "%s %s" : "%s", prog->name, command);
	if (own && file) {
		take_file(prog, conf, str_z(&section), file, true);
	} else if (own) {
		take_file(prog, conf, str_z(&section), "/etc/ferry/ferry.conf", false);
		str_addf(&path, xdg && *xdg ? "%s/ferry/ferry.conf" : "%s/.config/ferry/ferry.conf",
			xdg && *xdg ? xdg : home ? home : "");
		take_file(prog, conf, str_z(&section), str_z(&path), false);
	} else if (file) {
		opt_usage("--config: this program is told all by its command line");
	}
	for (const struct opt *o = prog->opts; !opt_is_end(o); o++)
		if (o->kind != OPT_GROUP)
			take_variable(o, conf, str_z(&section), own);
	if (own)
		warn_of_variables(prog, str_z(&section));
}

void opt_config_print(const struct opt_program *prog, const void *conf)
{
	for (const struct opt *o = prog->opts; !opt_is_end(o); o++) {
		const struct opt_list *list =
			(const void *)((const char *)conf + o->offset);
		bool secret = o->arg && strcmp(o->arg, "CONNINFO") == 0;

		if (o->kind == OPT_GROUP || o->hidden)
			continue;
		for (size_t i = 0; opt_from(o) && o->kind == OPT_LIST && i + 1 < list->n; i++)
			(void)printf("%s = %s  # %s\n", o->name, secret ? "***" : list->v[i].p,
				opt_from(o));
		if (opt_from(o))
			(void)printf("%s = %s  # %s\n", o->name,
				secret ? "***" : opt_given(o), opt_from(o));
		else
			(void)printf("# %s%s\n", o->name,
				o->weakens ? ": the command line only" : "");
	}
	if (fflush(stdout) != 0)
		die_errno(EX_IO, "standard output");
	leave(EX_DONE);
}

/* ---- lists of words, and the one of them that was meant ------------------------------------- */

int opt_choice_index(const char *choices, struct sl word)
{
	struct sl list = sl_of(choices), each;

	for (int i = 0; sl_cut(&list, '|', &each); i++)
		if (sl_eq(each, word))
			return i;
	return -1;
}

/* Levenshtein distance; names longer than 40 are never near. */
static size_t distance(struct sl a, struct sl b)
{
	size_t row[48];

	if (a.n > 40 || b.n > 40)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = diag + (a.p[i - 1] != b.p[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

void opt_consider(struct sl word, struct sl candidate, size_t *best, struct sl *near)
{
	size_t d = distance(word, candidate);

	if (word.n > 2 && candidate.n > word.n && memcmp(word.p, candidate.p, word.n) == 0)
		d = 1;
	if (d < *best) {
		*best = d;
		*near = candidate;
	}
}

size_t opt_tolerance(struct sl word)
{
	return word.n < 3 ? word.n : 3;
}

struct sl opt_near(const char *choices, struct sl word)
{
	struct sl list = sl_of(choices), near = { 0 }, each;
	size_t best = opt_tolerance(word);

	while (sl_cut(&list, '|', &each))
		opt_consider(word, each, &best, &near);
	return near;
}
