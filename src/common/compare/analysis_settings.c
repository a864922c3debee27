/* analysis_settings.c - settings of the servers that decide how a migration goes. */
#include "compare/analysis.h"

#include "core/num.h"

#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)

enum rule {
	AT_LEAST, /* `want`, in bytes or as a plain number */
	IS,	  /* `text` */
	IS_NOT,
	MEMORY_QUARTER, /* of this machine's memory */
};

/* A setting, and what to say when it is otherwise. */
static const struct wish {
	const char *side, *name;
	enum rule rule;
	uint64_t want;
	const char *text, *advice;
} wishes[] = {
	{ "source", "wal_level", IS, 0, "logical",
		N_("logical lets --follow slot hand over without loss; polling works without") },
	{ "source", "max_replication_slots", AT_LEAST, 1, NULL, N_("--follow slot needs one") },
	{ "source", "max_wal_senders", AT_LEAST, 1, NULL, N_("--follow slot needs one") },
	{ "source", "max_slot_wal_keep_size", IS_NOT, 0, "-1",
		N_("without a limit, a slot that nobody reads fills the disk") },
	{ N_("target"), "shared_buffers", MEMORY_QUARTER, 0, NULL,
		N_("a quarter of the memory (needs a restart)") },
	{ "target", "max_wal_size", AT_LEAST, 4 * GB, NULL,
		N_("at least 4GB while loading, or checkpoints come every few seconds") },
	{ "target", "maintenance_work_mem", AT_LEAST, 256 * MB, NULL, N_("256MB or more") },
	{ "target", "work_mem", AT_LEAST, 16 * MB, NULL,
		N_("16MB or more, for merging rows that are there already") },
	{ "target", "checkpoint_completion_target", IS_NOT, 0, "0.5", "0.9" },
	{ "target", "wal_compression", IS_NOT, 0, "off", N_("on: half the WAL of live updates") },
	{ "target", "random_page_cost", IS_NOT, 0, "4", N_("1.1 where disks are SSDs") },
	{ "target", "autovacuum", IS, 0, "on", N_("on: live rows are updated all the time") },
	{ "target", "fsync", IS, 0, "on", N_("on, or a crash of the machine loses the database") },
	{ "target", "full_page_writes", IS, 0, "on", N_("on, or a crash can damage tables") },
};

struct setting {
	const char *shown; /* "128MB" */
	uint64_t number;   /* in bytes, where it has such a unit */
	bool is_number;
};

static uint64_t unit_of(struct sl unit)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = { { "kB", 1024 }, { "8kB", 8192 }, { "MB", MB } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (unit.p && sl_eq_str(unit, units[i].name))
			return units[i].bytes;
	return 1;
}

static struct pg_result *read_setting(struct pg *pg, const char *name, struct setting *s)
{
	struct pg_result *r = pg_ask(pg,
		"SELECT current_setting(name), setting, unit FROM pg_catalog.pg_settings"
		" WHERE name = $1",
		name);

	*s = (struct setting){ .shown = NULL };
	if (pg_rows(r) == 0)
		return r;
	s->shown = pg_valuez(r, 0, 0);
	s->is_number = num_u64(pg_value(r, 0, 1), &s->number);
	s->number *= unit_of(pg_value(r, 0, 2));
	return r;
}

static bool is_granted(const struct wish *w, const struct setting *s, uint64_t memory)
{
	switch (w->rule) {
	case AT_LEAST:
		return !s->is_number || s->number >= w->want;
	case IS:
		return strcmp(s->shown, w->text) == 0;
	case IS_NOT:
		return strcmp(s->shown, w->text) != 0;
	case MEMORY_QUARTER:
		/* a little less is as good */
		return !s->is_number || s->number >= memory / 5;
	}
	return true;
}

void analysis_settings(const struct analysis_conf *conf, struct report *r, uint64_t memory)
{
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		const struct wish *w = &wishes[i];
		bool source = strcmp(w->side, "source") == 0;
		struct setting s;
		struct pg_result *res =
			read_setting(source ? conf->source : conf->target, w->name, &s);

		bool granted = s.shown && is_granted(w, &s, memory);

		if (s.shown && !(granted && conf->brief))
			analysis_row(r, N_("setting"), sl_of(w->side), w->name, s.shown, "exact",
				granted ? NULL : w->advice);
		pg_clear(res);
	}
}
