/* opt_impl.h - what the files of opt have in common. */
#pragma once

#include "core/opt.h"

static inline bool opt_is_end(const struct opt *o)
{
	return o->name == NULL && o->kind != OPT_GROUP;
}

/* Takes `candidate` for the nearest to `word` if it is nearer than *best. */
void opt_consider(struct sl word, struct sl candidate, size_t *best, struct sl *near);

/* Two typing mistakes, but not a whole short word. */
size_t opt_tolerance(struct sl word);

/* Gives an option of the program's table the value that `from` has. */
void opt_set(const struct opt *o, const char *value, void *conf, const char *from);

/* Where the value came from, "the command line" for one; NULL where there is none. */
const char *opt_from(const struct opt *o);

/* Takes what files and environment say (opt.h); the command line, for --config alone. */
void opt_config(const struct opt_program *prog, void *conf, int argc, char **argv);

/* Prints each option, its value and where it came from, and leaves. */
void opt_config_print(const struct opt_program *prog, const void *conf) NORETURN;
