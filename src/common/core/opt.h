/*
 * opt.h - the command line. One table per program gives parsing, --help, the list that shell
 * completion and the check against the man page read, and defaults from the environment.
 *
 *	static const struct opt options[] = {
 *		{ .name = "jobs", .letter = 'j', CONF(jobs), .arg = "N", .min = 1, .max = 64,
 *		  .help = "how many at once" },
 *		OPT_END
 *	};
 *
 * --help, --version and -q/--quiet, -v/--verbose are added by opt_parse() itself; FERRY_QUIET in
 * the environment is as -q, for all programs of a front door, and FERRY_LOG_TIME as --log-time.
 *
 * Front doors, and programs that talk to servers unless a front door has started them, take values
 * from files, too, from sections named for the program: /etc/ferry/ferry.conf, then
 * $XDG_CONFIG_HOME/ferry/ferry.conf, or --config FILE alone; then from FERRY_PROGRAM_OPTION in the
 * environment. What `weakens` is refused there (78). --print-config says what came from where.
 *
 * The table also says which options go together; opt_parse() refuses the rest with 64, and --help
 * shows it. A condition is the name of another option, alternatives are joined by `|`:
 *
 *	"repair"              --repair is given (a flag: and is on)
 *	"narrow|wide"         one of both is
 *	"follow=slot|poll"    --follow has one of these values, be it by default
 *	"no-online-store"     the flag --online-store is off
 *
 * Only what stands on the command line is judged; what the environment says is a default, which
 * may be needed by something, but contradicts nothing.
 */
#pragma once

#include "core/base.h"

enum opt_kind {
	OPT_GROUP,    /* a heading in --help: `help`; a line as it stands if `arg` is not NULL */
	OPT_FLAG,     /* bool, set true; `--no-NAME` sets it false */
	OPT_STR,      /* const char *, points into argv */
	OPT_LIST,     /* struct opt_list: may be given several times */
	OPT_UINT,     /* uint64_t in [min, max]; max 0 = no limit */
	OPT_SIZE,     /* uint64_t bytes, num_size() */
	OPT_DURATION, /* int64_t microseconds, clock_duration(); `unit` for bare numbers */
	OPT_TIME,     /* struct opt_time: clock_parse_when() */
	OPT_ENUM,     /* int: index into `choices` ("a|b|c") */
};

/* As enum path_use has them. */
enum opt_file { OPT_NO_FILE, OPT_READS, OPT_AWAITS, OPT_WRITES, OPT_APPENDS };

struct opt {
	const char *name;    /* long name without dashes */
	char letter;	     /* short name or 0 */
	enum opt_kind kind;
	size_t offset;	     /* of the member in the caller's struct */
	const char *arg;     /* metavariable in --help; FILE, DIR, SCHEMA.TABLE: not empty */
	const char *help;    /* one line, lower case, no full stop */
	const char *env;     /* environment variable that gives the default, or NULL */
	const char *choices; /* OPT_ENUM */
	uint64_t min, max;   /* OPT_UINT, OPT_SIZE; OPT_STR, OPT_LIST with min: not empty */
	int64_t unit;	     /* OPT_DURATION: microseconds of a bare number, 0 = unit required */
	const char *bare;    /* OPT_STR: the value of --NAME without one; --no-NAME is "0" then */
	const char *needs;   /* conditions, separated by blanks, which must all hold */
	const char *not_with; /* conditions none of which may hold */
	const char *verbs;   /* "a|b": only of these verbs; NULL: of all */
	bool required;	     /* must be given, with its verbs, where nothing of not_with holds */
	bool weakens;	     /* destroys something or weakens a guarantee: for a person to say */
	enum opt_file file;  /* OPT_STR, OPT_LIST: it names a file, see core/path.h */
	bool hidden;	     /* parsed, but not shown: old spellings */
};

#define OPT_END { .name = NULL, .kind = OPT_FLAG }

struct opt_list {
	struct sl *v; /* opt.c's, until the next opt_parse(); texts are in argv, with a NUL */
	size_t n;
};

struct opt_time {
	int64_t instant;
	bool given;
};

/*
 * The kind, and where the value goes: to member `m` of T, whose type says the kind. (That of
 * OPT_SIZE is the type of OPT_UINT; it names both itself.) CONF() is for programs, whose
 * configuration is their struct conf; filters have STATE(), see stream/filter.h.
 */
#define OPT_INTO(T, m)                                                                             \
	.kind = _Generic(((T *)0)->m, bool: OPT_FLAG, const char *: OPT_STR,                       \
		struct opt_list: OPT_LIST, uint64_t: OPT_UINT, int64_t: OPT_DURATION,              \
		struct opt_time: OPT_TIME, int: OPT_ENUM), .offset = offsetof(T, m)
#define CONF(m) OPT_INTO(struct conf, m)

/* What a program says of itself; shown by --help and --version. */
struct opt_program {
	const char *name;
	const char *summary;  /* "turn a narrow stream into a wide one" */
	const char *synopsis; /* "[options] [FILE]"; several lines allowed */
	const char *examples; /* lines, each indented by two blanks */
	const struct opt *opts;
	bool front_door;	 /* of a script: opt_shell() */
	const char *verb_option; /* OPT_ENUM whose value is the verb, NULL: the first operand is */
};

/*
 * Parses argv (long options also as --name=value, unambiguous prefixes NOT accepted, short ones
 * may be joined; `--` ends options; `-` is an operand) into *conf, which holds the defaults.
 * Operands are moved to the front: *argc_p and *argv_p are set to them. --help and --version print
 * to standard output and leave the program; a mistake ends it with 64, naming a near option.
 */
void opt_parse(const struct opt_program *prog, void *conf, int *argc_p, char ***argv_p);

/*
 * The text of the last value that the command line, or the environment, gave to an option of the
 * table in use; "1" or "0" for a flag; NULL: not given.
 */
const char *opt_given(const struct opt *o);

/* Position of `word` among "a|b|c", or -1. */
int opt_choice_index(const char *choices, struct sl word);

/* The one of "a|b|c" that `word` was meant to be, or an empty slice. */
struct sl opt_near(const char *choices, struct sl word);

/*
 * The first and only operand is one of `verbs` ("a|b|c"), whose index is returned; otherwise dies
 * with 64 and the list of them.
 */
size_t opt_verb(const char *verbs, int argc, char *const *argv) NODISCARD;

/* Dies with 64: `word` is none of "a|b|c"; a near one is named. */
void opt_verb_unknown(const char *verbs, const char *word) NORETURN COLD;

/* Dies with 64 and "see 'prog --help'". */
void opt_usage(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN COLD;
