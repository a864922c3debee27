/* fs_move_show.c - the plan of a migration, for people and for scripts. */
#include "core/hash.h"
#include "fs/fs_move.h"

#define MAX_LIST 100000 /* bytes of one word on a command line: Linux takes 131,072 */

static const char *stores(const struct fs_group *g)
{
	return g->online && g->offline ? "online+offline" : g->online ? "online" : "offline";
}

static void add_records(const struct fs_move *m, struct str *out)
{
	AUTO_STR n = {0};

	if (m->counted && m->only.shards) {
		str_add_grouped(&n, m->records / m->only.shards);
		str_addf(out, tr("Expected records: about %s (shard %u of %u)\n"), n.p,
			m->only.shard, m->only.shards);
	} else if (m->counted && !m->only_spec) {
		str_add_grouped(&n, m->records);
		str_addf(out, tr("Expected records: %s\n"), n.p);
	} else {
		str_addf(out, tr("Expected records: %s\n"),
			m->only_spec ? tr("not known before they are read")
				     : tr("not known before they are listed"));
	}
}

static void add_notes(const struct fs_move *m, struct str *out)
{
	if (m->clear)
		str_addz(out, tr("The target is cleared first\n"));
	if (m->newest)
		str_addz(out, tr("Moved: the newest record of each identifier\n"));
	else
		str_addf(out, tr("Moved: every state of each identifier, %llu of them deletions\n"),
			(unsigned long long)m->deletions);
	if (m->ties)
		str_addf(out,
			tr("Ties: %llu records have several rows of one event time. One is moved: "
			   "that of the online store, else the last written\n"),
			(unsigned long long)m->ties);
	if (m->where.n)
		str_addf(out, tr("Filter: %s\n"), m->where.p);
	if (m->only_spec)
		str_addf(out, tr("Only: %zu values of %s\n"), m->only.values.n,
			msg_q(m->only.feature));
	if (m->lossy.n)
		str_addf(out, tr("Whole numbers beyond 2^53 lose digits as fractions: %s\n"),
			m->lossy.p);
	if (m->numbers.n)
		str_addf(out,
			tr("Numbers come as values, without their text (007 is 7, 1.50 is 1.5): "
			   "%s\n"),
			m->numbers.p);
	if (m->left_out.n)
		str_addf(out, tr("Left out, since the target does not have them: %s\n"),
			m->left_out.p);
	if (m->collections.n && m->without_collections && !m->online)
		str_addf(out, tr("Left empty: the collections %s\n"), m->collections.p);
	else if (m->collections.n && !m->online)
		str_addf(out,
			tr("Collections (%s) are taken from the online store, where identifier and "
			   "event time are equal; states of the past go without\n"),
			m->collections.p);
	if (m->online)
		str_addz(out, tr("The source has no offline store: its records are listed "
				 "(ListRecords) and fetched one by one\n"));
	else if (fs_move_looks_online(m))
		str_addz(out, tr("Records and deletions that have not reached the offline store "
				 "yet are taken from the online store\n"));
	else if (m->source.group.online)
		str_addz(out, tr("Only what has reached the offline store is moved, which takes "
				 "up to 15 minutes\n"));
}

void fs_move_print(const struct fs_move *m, struct str *out)
{
	const struct fs_group *from = &m->source.group, *to = &m->target.group;

	str_addf(out, "📋 %s\n", tr("Migration plan"));
	str_addz(out, "============================================================\n");
	str_addf(out, tr("Source: %.*s (%s)\n"), (int)from->name.n, from->name.p, stores(from));
	str_addf(out, tr("Target: %.*s (%s)\n"), (int)to->name.n, to->name.p, stores(to));
	str_addf(out, tr("Strategy: %s\n"), fs_move_strategy(m));
	str_addf(out, tr("Primary data source: %s\n"), m->online ? "online" : "offline");
	add_records(m, out);
	str_addf(out, tr("Batch size: %llu\n"), (unsigned long long)m->batch);
	str_addf(out, tr("Concurrent workers: %llu\n"), (unsigned long long)m->workers);
	add_notes(m, out);
}

static void add_fact(struct str *out, const char *name, struct sl value)
{
	str_addz(out, name);
	str_addc(out, '\0');
	str_add(out, value);
	str_addc(out, '\0');
}

static void add_number(struct str *out, const char *name, uint64_t n)
{
	AUTO_STR s = {0};

	str_addu(&s, n);
	add_fact(out, name, str_sl(&s));
}

/* The features to ask for: those the target has. Empty: all, also where the list is too long. */
static void add_columns(const struct fs_move *m, struct str *out)
{
	const struct fs_group *from = &m->source.group;
	AUTO_STR s = {0};

	for (size_t i = 0; i < from->n && m->left_out.n; i++) {
		if (fs_group_feature(&m->target.group, from->features[i].name) == SIZE_MAX &&
			!sl_eq(from->features[i].name, m->only.feature))
			continue;
		str_addz(&s, s.n ? "," : "");
		str_add(&s, from->features[i].name);
	}
	add_fact(out, "columns", s.n < MAX_LIST ? str_sl(&s) : SL(""));
}

/* What is to be read of the source's online store, so that it need not be read again. */
static void add_looked(const struct fs_move *m, struct str *out)
{
	size_t n;
	AUTO_FREE size_t *feature = fs_move_compared(m, false, &n);
	AUTO_STR s = {0};

	for (size_t i = 0; i < n && s.n < MAX_LIST; i++) {
		str_addz(&s, i ? "," : "");
		str_add(&s, m->source.group.features[feature[i]].name);
	}
	add_fact(out, "looked", str_sl(&s));
}

/* The same move again has the same number: it goes on where the last one was killed. */
static void add_job(const struct fs_move *m, struct str *out)
{
	const struct fs_group *groups[] = {&m->source.group, &m->target.group};
	AUTO_STR s = {0};
	uint64_t job;

	for (size_t i = 0; i < 2; i++)
		str_addf(&s, "%.*s %f ", (int)groups[i]->arn.n, groups[i]->arn.p,
			groups[i]->created);
	str_addf(&s, "%d %d %s %s", m->newest, m->mapped, m->as_of ? m->as_of : "",
		str_z(&m->where));
	if (m->only_spec)
		str_addf(&s, " %.*s %016llx", (int)m->only.feature.n, m->only.feature.p,
			(unsigned long long)m->only.sum);
	if (m->shard)
		str_addf(&s, " %s", m->shard);
	job = hash64(str_sl(&s), 6);
	str_clear(&s);
	str_addf(&s, "%016llx", (unsigned long long)job);
	add_fact(out, "job", str_sl(&s));
}

void fs_move_facts(const struct fs_move *m, struct str *out)
{
	const struct fs_group *to = &m->target.group;
	unsigned shards = m->only.shards ? m->only.shards : 1;
	AUTO_STR order = {0};

	/* a deletion must not come before the record it deletes */
	if (m->deletions && to->online)
		fs_sql_order(&m->source.group, &order);
	add_fact(out, "strategy", sl_of(fs_move_strategy(m)));
	add_fact(out, "source", m->online ? SL("online") : SL("offline"));
	add_fact(out, "replay", m->newest ? SL("latest") : SL("history"));
	if (m->counted && !m->only_spec)
		add_number(out, "records", m->records / shards);
	add_number(out, "deletions", m->deletions / shards);
	add_fact(out, "where", str_sl(&m->where));
	add_fact(out, "known_at", str_sl(&m->known));
	add_fact(out, "order", str_sl(&order));
	add_columns(m, out);
	add_looked(m, out);
	add_fact(out, "left_out", str_sl(&m->left_out));
	/* besides the offline store, which takes minutes to know of a record */
	add_fact(out, "late", fs_move_looks_online(m) ? SL("missing") : SL(""));
	add_fact(out, "unlisted",
		!m->listed && m->source.group.online && !m->online && !m->where.n && !m->as_of &&
				!m->only_spec
			? SL("1")
			: SL(""));
	/* records put into the past, behind a hard deletion, may be what both online stores have */
	add_fact(out, "older",
		m->source.group.online && to->online && !m->online && !m->as_of ? SL("1") : SL(""));
	add_fact(out, "online", to->online ? SL("1") : SL(""));
	add_fact(out, "offline", to->offline ? SL("1") : SL(""));
	add_fact(out, "target_arn", to->arn);
	add_fact(out, "identifier", m->source.group.features[m->source.group.id].name);
	add_fact(out, "identifier_type",
		sl_of(fs_type_name(m->source.group.features[m->source.group.id].type)));
	add_fact(out, "event_time", m->source.group.features[m->source.group.time].name);
	add_job(m, out);
}
