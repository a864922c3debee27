/*
 * sink.h - where a loader's records go: what pg-copy-load needs of it, whether that is one table
 * (pg/table_sink.h) or the tables of ships (follow/wide_sink.h).
 *
 * Calls come in the order of the stream. What a sink does it does in transactions of its own; when
 * everything of a chunk is in one, it calls sink_env.commit, which calls `commit` back.
 */
#pragma once

#include "core/report.h"
#include "stream/io.h"

/* What the program gives a sink when it opens it. */
struct sink_env {
	struct pg *pg;
	struct io *io;
	void (*commit)(void *ctx); /* commits by sink->commit(), minding signals and lost answers */
	void *ctx;
};

struct sink_ops {
	/* The stream's columns, also when they have grown. */
	void (*columns)(void *sink, const struct names *cols);
	void (*record)(void *sink, const struct rec *rec);

	/* A chunk ends; the last one of an unsealed file has a final seal, too. */
	void (*seal)(void *sink, const struct seal *seal);

	/* Sends COMMIT, if there is something to commit. */
	void (*commit)(void *sink);

	/* The program is failing, with the connection at hand; not in the middle of a COMMIT. */
	void (*failed)(void *sink, int code, const char *message);

	/*
	 * Everything is done: what there is to be said of it, and what the program ends with.
	 * `format` is that of --dry-run.
	 */
	enum exit_code (*done)(void *sink, enum report_format format);

	/* Is loading the same again harmless, when nobody knows whether it was committed? */
	bool (*repeatable)(const void *sink);
	void (*close)(void *sink);
};
