#include "fs/fs_move.h"

#include "core/hash.h"
#include "fs/fs_online.h"
#include "fs/fs_wait.h"

/* ---- may it be? ---------------------------------------------------------------------------- */

static void check_status(const struct fs_group *g, const char *side)
{
	if (!sl_eq(g->status, SL("Created")))
		die_hint(EX_REFUSED, "wait until it is; 'fs list' shows",
			"%s feature group %s is %.*s, not Created", side, msg_q(g->name),
			(int)g->status.n, g->status.p);
}

static bool type_goes(enum fs_type from, enum fs_type to)
{
	return from == to || to == FS_STRING || (from == FS_INTEGRAL && to == FS_FRACTIONAL);
}

static void name_one(struct str *list, struct sl name)
{
	if (list->n > 400)
		return;
	if (list->n > 380)
		name = SL("…");
	str_addz(list, list->n ? ", " : "");
	str_add(list, name);
}

/* Every feature of the target is one of the source, of a type that goes into its own. */
static void check_features(const struct fs_group *source, const struct fs_group *target)
{
	struct str missing = {0}, unfit = {0};

	for (size_t i = 0; i < target->n; i++) {
		const struct fs_feature *to = &target->features[i], *from;
		size_t at = fs_group_feature(source, to->name);
		AUTO_STR s = {0};

		if (at == SIZE_MAX) {
			name_one(&missing, to->name);
			continue;
		}
		from = &source->features[at];
		if (type_goes(from->type, to->type) && from->collection == to->collection &&
			from->dimension == to->dimension)
			continue;
		str_addf(&s, "%.*s (%s%s → %s%s)", (int)to->name.n, to->name.p,
			fs_type_name(from->type), from->collection ? " collection" : "",
			fs_type_name(to->type), to->collection ? " collection" : "");
		name_one(&unfit, str_sl(&s));
	}
	if (missing.n)
		die_hint(EX_REFUSED,
			"fs migrate: --set gives them a value, --rename another name; fs verify: "
			"--mapped",
			"features that the target has and the source has not: %s", missing.p);
	if (unfit.n)
		die_hint(EX_REFUSED, "fs migrate: --cast changes them",
			"features whose types do not fit: %s", unfit.p);
}

static void check_key(const struct fs_group *source, const struct fs_group *target)
{
	const struct fs_feature *id = &target->features[target->id];
	const struct fs_feature *time = &target->features[target->time];

	if (fs_group_feature(source, id->name) != source->id)
		die(EX_REFUSED, "the record identifier is %s in the source and %s in the target",
			msg_q(source->features[source->id].name), msg_q(id->name));
	if (fs_group_feature(source, time->name) != source->time)
		die(EX_REFUSED, "the event time is %s in the source and %s in the target",
			msg_q(source->features[source->time].name), msg_q(time->name));
	if (fs_time_type(source) != time->type)
		die_hint(EX_REFUSED,
			"convert them on the way: fs-extract-athena | via -- COMMAND | fs-put",
			"event times are %s in the source and %s in the target",
			fs_type_name(fs_time_type(source)),
			fs_type_name(time->type));
}

static void check_source(const struct fs_move *m)
{
	const struct fs_group *g = &m->source.group;
	const char *why;

	if (!g->online && !g->offline)
		die(EX_REFUSED, "feature group %s has no store", msg_q(g->name));
	if (m->online && (m->filter || m->only_spec || m->as_of || m->history || m->resume_from))
		die_hint(EX_REFUSED,
			"filter them on the way: fs-extract-online | via -- COMMAND | fs-put",
			"feature group %s has no offline store, and so neither a history nor "
			"anything to query",
			msg_q(g->name));
	if (!m->online && !g->table.n)
		die(EX_REFUSED,
			"feature group %s has no table in the data catalog, so Athena cannot read "
			"its offline store",
			msg_q(g->name));
	fs_where_check_as_of(g, m->as_of);
	why = m->resume_from ? fs_value_check(g->features[g->id].type, sl_of(m->resume_from))
			     : NULL;
	if (why)
		opt_usage("--resume-from: %s %s", msg_q(sl_of(m->resume_from)), why);
}

static void check_both(const struct fs_move *m)
{
	const struct fs_group *source = &m->source.group, *target = &m->target.group;

	check_status(source, "source");
	check_status(target, "target");
	if (sl_eq(source->arn, target->arn) && sl_eq(source->name, target->name))
		die(EX_REFUSED, "source and target are the same feature group: %s",
			msg_q(source->name));
	if (!target->online && !target->offline)
		die(EX_REFUSED, "feature group %s has no store", msg_q(target->name));
	check_source(m);
	if (m->mapped)
		return;
	check_key(source, target);
	check_features(source, target);
}

/* ---- what will it be? ---------------------------------------------------------------------- */

static void make_where(struct fs_move *m)
{
	const char *filter = m->filter ? fs_sql_condition(m->filter) : "";

	str_addf(&m->where, m->resume_from && *filter ? "(%s) AND " : "%s", filter);
	if (m->resume_from)
		fs_sql_from_id(&m->source.group, sl_of(m->resume_from), &m->where);
}

static bool wants_online(const struct fs_move *m)
{
	return m->source.group.online && !m->online && !m->where.n && !m->as_of && !m->only_spec;
}

bool fs_move_looks_online(const struct fs_move *m)
{
	return wants_online(m) && m->listed;
}

static bool page_has_records(struct sl body)
{
	AUTO_ARENA mem = {0};
	const struct json *page = json_read(&mem, body);

	return json_text(page, "NextToken").n || json_first(page, "RecordIdentifiers");
}

/* An older endpoint, or an older role, does not know the call. */
static void try_listing(struct fs_move *m)
{
	struct fs_target target = {0};
	AUTO_STR path = {0}, body = {0};
	struct aws_call call = {0};
	struct aws_reply reply;
	struct aws_error e;

	fs_target_init(&target, m->source.group.called);
	fs_list_records_call(&call, &target, SL(""), false, &path, &body);
	m->listed = aws_do(m->source.aws, &call, &reply, &e);
	if (!m->listed && (m->online || !fs_call_is_missing(&e)))
		aws_die(&e, "cannot read the online store");
	m->alive = m->listed && page_has_records(reply.body);
	if (!m->listed)
		msg_note("ListRecords is not available here (%s), so nobody knows what has not "
			 "reached the offline store of %s yet",
			e.code, msg_q(m->source.group.name));
	fs_target_free(&target);
}

/* Names the collections that go along, and finds out whether they can be asked for. */
static void find_collections(struct fs_move *m)
{
	const struct fs_group *from = &m->source.group, *to = &m->target.group;
	struct aws_error e = {0};

	for (size_t i = 0; i < from->n; i++)
		if (from->features[i].collection != FS_SCALAR &&
			(m->mapped || fs_group_feature(to, from->features[i].name) != SIZE_MAX))
			name_one(&m->collections, from->features[i].name);
	if (!m->collections.n || m->without_collections || m->online)
		return;
	if (from->online && fs_online_probe(m->source.aws, from, &e))
		return;
	if (aws_error_is_temporary(&e))
		aws_die(&e, "cannot read the online store");
	die_hint(EX_DATA, "--without-collections goes on, and leaves them empty",
		"%s has collections (%s), which only its online store holds, and it cannot be "
		"asked: %s",
		msg_q(from->name), m->collections.p,
		from->online ? aws_error_text(&e) : "there is none");
}

void fs_move_open(struct fs_move *m, const char *source, const char *target)
{
	const struct fs_group *from = &m->source.group, *to = &m->target.group;

	fs_where_check_as_of(NULL, m->as_of);
	fs_only_check(&m->only, m->only_spec, m->shard);
	m->target.opts = m->source.opts;
	if (m->target_profile)
		m->target.opts.profile = m->target_profile;
	if (m->target_region)
		m->target.opts.region = m->target_region;
	m->source.aws = aws_need(&m->source.opts);
	fs_need_group(m->source.aws, source, &m->source.group);
	m->target.aws = aws_need(&m->target.opts);
	fs_need_group(m->target.aws, target, &m->target.group);
	m->online = !from->offline;
	m->newest = m->online || m->latest || m->as_of || (!to->offline && !m->history);
	check_both(m);
	make_where(m);
	fs_only_read(&m->only, from, m->only_spec);
	if (wants_online(m) || m->online)
		try_listing(m);
	for (size_t i = 0; i < from->n; i++) {
		const struct fs_feature *f = &from->features[i];
		size_t at = fs_group_feature(to, f->name);

		if (at == SIZE_MAX && !m->mapped)
			name_one(&m->left_out, f->name);
		if (f->type != FS_STRING && f->collection == FS_SCALAR && i != from->time &&
			from->online && !m->online && (m->mapped || at != SIZE_MAX))
			name_one(&m->numbers, f->name);
		if (at != SIZE_MAX && f->type == FS_INTEGRAL &&
			to->features[at].type == FS_FRACTIONAL)
			name_one(&m->lossy, f->name);
	}
	find_collections(m);
}

size_t *fs_move_compared(const struct fs_move *m, bool target, size_t *n)
{
	const struct fs_group *from = &m->source.group, *to = &m->target.group;
	const struct fs_group *g = target ? to : from;
	size_t *v = mem_alloc(mem_mul(from->n + 2, sizeof *v));
	bool all = fs_move_looks_online(m) || m->online || m->ties;

	*n = 0;
	v[(*n)++] = g->id;
	v[(*n)++] = g->time;
	for (size_t i = 0; i < from->n && !m->mapped; i++) {
		const struct fs_feature *f = &from->features[i];
		size_t other = fs_group_feature(to, f->name);

		if (i != from->id && i != from->time && other != SIZE_MAX &&
			to->features[other].type == f->type &&
			(f->collection == FS_SCALAR ? all : !m->without_collections))
			v[(*n)++] = target ? other : i;
	}
	return v;
}

struct fs_asker fs_move_asker(const struct fs_move *m, bool target)
{
	const struct fs_side *s = target ? &m->target : &m->source;

	return (struct fs_asker){.aws = s->aws,
		.opts = &s->opts,
		.workgroup = m->workgroup,
		.output = target && !fs_move_same_place(m) ? NULL : m->output,
		.timeout = m->timeout};
}

size_t fs_move_only_at(const struct fs_move *m)
{
	const struct fs_group *g = &m->source.group;

	return !m->only.feature.n || sl_eq(m->only.feature, g->features[g->id].name) ? 0
	       : sl_eq(m->only.feature, g->features[g->time].name)		    ? 1
										    : 3;
}

void fs_move_select(const struct fs_move *m, bool newest, bool counted, struct str *sql)
{
	const struct fs_group *g = &m->source.group;
	struct sl columns[6] = {
		g->features[g->id].name, g->features[g->time].name, SL("is_deleted")};
	struct fs_select q = {.columns = columns,
		.n_columns = 3,
		.where = m->where.n ? str_z(&m->where) : NULL,
		.latest = newest,
		.unique = !newest,
		.deleted = !m->newest,
		.filter_first = !m->newest,
		.as_of = m->as_of ? sl_of(m->as_of) : SL(""),
		.known_at = m->known_at ? sl_of(m->known_at) : SL("")};

	if (fs_move_only_at(m) == q.n_columns)
		columns[q.n_columns++] = m->only.feature;
	if (counted)
		columns[q.n_columns++] = SL(FS_SQL_TIES);
	fs_sql_select(g, &q, sql);
}

static void add_count(const struct fs_move *m, struct str *sql)
{
	/* of all rows: a deletion that is not counted must not be taken away from what is moved */
	fs_sql_add(&m->source.group, sql,
		"SELECT count(*) AS records, count_if(is_deleted) AS deletions, "
		"(SELECT max(write_time) FROM {table}) AS known, "
		"count_if(" FS_SQL_TIES " > 1) AS ties FROM (");
	fs_move_select(m, m->newest, true, sql);
	str_addz(sql, ") AS moved");
}

static bool count_retyped(void *ctx, struct str *sql)
{
	struct fs_move *m = ctx;
	struct str where = {0};
	bool changed = m->where.n && fs_where_parse_time(&m->source.group, m->where.p, &where);

	if (changed) {
		str_free(&m->where);
		m->where = where;
		add_count(m, sql);
	}
	return changed;
}

static void take_count(void *ctx, const struct field *f, size_t n)
{
	struct fs_move *m = ctx;

	m->counted = n == 4 && num_u64(field_sl(&f[0]), &m->records) &&
		     num_u64(field_sl(&f[1]), &m->deletions) &&
		     num_u64(field_sl(&f[3]), &m->ties);
	if (n == 4 && !field_is_null(&f[2]))
		str_add(&m->known, field_sl(&f[2]));
}

void fs_move_count(struct fs_move *m)
{
	struct fs_asker who = fs_move_asker(m, false);
	AUTO_STR sql = {0};

	if (m->online)
		return;
	add_count(m, &sql);
	fs_ask(&who, &m->source.group,
		&(struct fs_question){
			.sql = str_sl(&sql), .row = take_count, .retype = count_retyped, .ctx = m});
	if (!m->counted)
		die(EX_STREAM, "Athena's answer is not a count of records");
}

/* Who may not write must not clear. A record without a value is never written, and whether the
 * caller may is asked first. */
static void check_may_write(const struct fs_move *m)
{
	struct fs_target target = {0};
	AUTO_STR body = {0};
	struct aws_call call = {0};
	struct aws_reply reply;
	struct aws_error e = {0};

	fs_target_init(&target, m->target.group.called);
	fs_put_begin(&body);
	fs_put_end(&body, NULL);
	fs_put_call(&call, &target, str_sl(&body));
	if (!aws_do(m->target.aws, &call, &reply, &e) && e.class == AWS_FORBIDDEN)
		aws_die(&e, "cannot write to the target, which is therefore not to be cleared");
	fs_target_free(&target);
}

void fs_move_check_clear(const struct fs_move *m)
{
	if (m->clear && m->try_writing)
		check_may_write(m);
	if (!m->clear || m->allow_empty || m->alive || (m->counted && m->records))
		return;
	die_hint(EX_DATA, "--allow-empty clears it nevertheless",
		"nothing of %s is to be moved%s, and --clear-target would only empty %s",
		msg_q(m->source.group.name), m->where.n ? " (no record passes the filter)" : "",
		msg_q(m->target.group.name));
}

/* "offline_to_online": where records come from, where they go first. */
static const char *strategy(const struct fs_move *m)
{
	if (m->online)
		return m->target.group.online ? "online_to_online" : "online_to_offline";
	return m->target.group.online ? "offline_to_online" : "offline_to_offline";
}

/* arn:aws:sagemaker:REGION:ACCOUNT:… */
bool fs_move_same_place(const struct fs_move *m)
{
	struct sl a = m->source.group.arn, b = m->target.group.arn, x, y;

	for (int i = 0; i < 5; i++)
		if (!sl_cut(&a, ':', &x) || !sl_cut(&b, ':', &y) || !sl_eq(x, y))
			return false;
	return true;
}

void fs_move_stop(void *move)
{
	struct fs_move *m = move;

	aws_stop(m->source.aws);
	aws_stop(m->target.aws);
}

void fs_move_close(struct fs_move *m)
{
	fs_group_free(&m->source.group);
	fs_group_free(&m->target.group);
	aws_close(m->source.aws);
	aws_close(m->target.aws);
	fs_only_free(&m->only);
	str_free(&m->where);
	str_free(&m->known);
	str_free(&m->left_out);
	str_free(&m->lossy);
	str_free(&m->numbers);
	str_free(&m->collections);
}

/* ---- the plan, for people and for scripts -------------------------------------------------- */

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
	str_addf(out, tr("Strategy: %s\n"), strategy(m));
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
	AUTO_STR s = { 0 };

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
		fs_sql_add(&m->source.group, &order,
			"{id}, {time}, api_invocation_time, write_time");
	add_fact(out, "strategy", sl_of(strategy(m)));
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
	add_fact(out, "unlisted", wants_online(m) && !m->listed ? SL("1") : SL(""));
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
