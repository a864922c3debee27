#include "fs/fs_ask.h"

#include "core/clock.h"
#include "core/hash.h"
#include "fs/fs_fetch.h"
#include "fs/fs_offline.h"

struct asking {
	const struct fs_question *q;
	struct fs_fetch fetch;
	struct str sql;
	bool header_seen;
};

static void take(void *ctx, const struct field *f, size_t n)
{
	struct asking *a = ctx;

	if (a->header_seen)
		a->q->row(a->q->ctx, f, n);
	a->header_seen = true;
}

static bool retype(void *ctx)
{
	struct asking *a = ctx;

	str_clear(&a->sql);
	if (!a->q->retype || !a->q->retype(a->q->ctx, &a->sql))
		return false;
	a->fetch.query.sql = str_sl(&a->sql);
	return true;
}

void fs_ask(const struct fs_asker *who, const struct fs_group *g, const struct fs_question *q)
{
	struct asking a = {.q = q};
	AUTO_STR place = {0};

	fs_result_location(who->aws, g, who->output, sl_of(who->workgroup), &place);
	a.fetch = (struct fs_fetch){.aws = who->aws,
		.opts = who->opts,
		.timeout_us = who->timeout,
		.workers = 1,
		.retype = retype,
		.row = take,
		.ctx = &a};
	a.fetch.query = (struct athena_query){.sql = q->sql,
		.database = g->database,
		.catalog = g->catalog,
		.workgroup = sl_of(who->workgroup),
		.output = str_sl(&place)};
	/* an answer of before would be no answer */
	fs_run_open(&a.fetch.run, "fs-ask", g->name, hash64(q->sql, 5), -CLOCK_US_PER_SEC);
	fs_fetch_start(&a.fetch);
	fs_fetch_rows(&a.fetch);
	fs_fetch_end(&a.fetch);
	str_free(&a.sql);
}
