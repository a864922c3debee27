/* table_sink.h - pg-copy-load --table: the rows of table.h as a sink. */
#pragma once

#include "pg/table.h"
#include "stream/sink.h"

struct table_sink_opts {
	struct table_conf table;   /* but `bad` and `ctx`, which are the sink's own */
	bool dry_run;		   /* everything is rolled back, and reported */
	bool advance_sequences;
	bool stop_at_first;	   /* a bad record ends the program: there is no file for them */
};

extern const struct sink_ops table_sink_ops;

/* `env` and the strings of the options are kept. */
void *table_sink_open(const struct sink_env *env, const struct table_sink_opts *opts) NODISCARD;
