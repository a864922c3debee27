#include "fs/fs_online.h"

#include "aws/pool.h"
#include "core/clock.h"
#include "core/stop.h"

#define WORKERS 16
#define PATIENCE (600 * CLOCK_US_PER_SEC)
#define MAX_QUEUED 5000
#define MAX_NAMES 40 /* features named in the URL of a GetRecord; it may not grow without end */
#define RETRY_BASE (CLOCK_US_PER_SEC / 10)
#define RETRY_CAP (5 * CLOCK_US_PER_SEC)

/* One request: a page of the listing, or up to 100 identifiers. */
struct batch {
	struct batch *next; /* spare, or waiting to be sent again */
	bool listing, single;
	struct str body, path;
	struct arena mem;
	struct sl id[FS_BATCH_GET_MAX];
	bool struck[FS_BATCH_GET_MAX]; /* the answer has been about it */
	size_t n;
	unsigned tries;
	int64_t not_before, since;
};

struct fs_online {
	struct fs_online_conf conf;
	struct fs_target target;
	struct aws_pool *pool;
	struct sl *names; /* of the features wanted */
	bool all;         /* which need not be named */
	struct field *f;
	struct batch *filling, *spare, *again;
	unsigned under_way;
	size_t queued; /* identifiers in batches that wait to be sent */
	struct batch *ready, **ready_tail;
	struct str token;
	bool listing, listed;
	bool single; /* BatchGetRecord is not available here: GetRecord does it */
	struct arena mem; /* of the answer in hand */
	bool failed;
	struct aws_error e;
};

static const char *operation_of(const struct batch *b)
{
	return b->listing ? "ListRecords" : b->single ? "GetRecord" : "BatchGetRecord";
}

static struct batch *batch_new(struct fs_online *o)
{
	struct batch *b = o->spare;

	if (!b)
		return mem_zalloc(sizeof *b);
	o->spare = b->next;
	arena_reset(&b->mem);
	memset(b->struck, 0, sizeof b->struck);
	b->n = 0;
	b->tries = 0;
	b->not_before = 0;
	b->listing = false;
	b->single = o->single;
	b->next = NULL;
	return b;
}

static void batch_release(struct fs_online *o, struct batch *b)
{
	b->next = o->spare;
	o->spare = b;
}

static void fail(struct fs_online *o, const struct aws_error *e)
{
	if (!o->failed)
		o->e = *e;
	o->failed = true;
}

static void check_failed(const struct fs_online *o)
{
	stop_check();
	if (o->failed)
		aws_die(&o->e, "cannot read the online store");
}

/* ---- sending ------------------------------------------------------------------------------- */

static void submit(struct fs_online *o, struct batch *b, struct aws_call *call)
{
	call->patient = true;
	call->patience_us = o->conf.patience_us;
	if (b->tries > 0)
		call->patience_us += b->since - clock_monotonic();
	o->under_way++;
	aws_pool_submit(o->pool, call, b);
}

static void send_get(struct fs_online *o, struct batch *b)
{
	struct aws_call call = { 0 };
	bool all = o->all || (b->single && o->conf.n > MAX_NAMES);

	if (b->single)
		fs_get_call(&call, &o->target, b->id[0], o->names, all ? 0 : o->conf.n, &b->path);
	else
		fs_batch_get_call(&call, o->conf.group->called, b->id, b->n, o->names,
			all ? 0 : o->conf.n, &b->body);
	submit(o, b, &call);
}

static void send_list(struct fs_online *o)
{
	struct batch *b = batch_new(o);
	struct aws_call call = { 0 };

	b->listing = o->listing = true;
	str_clear(&b->body);
	str_clear(&b->path);
	fs_list_records_call(
		&call, &o->target, str_sl(&o->token), o->conf.deleted, &b->path, &b->body);
	submit(o, b, &call);
}

static void make_ready(struct fs_online *o, struct batch *b)
{
	b->next = NULL;
	*o->ready_tail = b;
	o->ready_tail = &b->next;
	o->queued += b->n;
}

static void send_what_is_ready(struct fs_online *o)
{
	int64_t now = o->again ? clock_monotonic() : 0;

	for (struct batch **at = &o->again; *at && aws_pool_room(o->pool);) {
		struct batch *b = *at;

		if (now < b->not_before) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		send_get(o, b);
	}
	while (o->ready && aws_pool_room(o->pool)) {
		struct batch *b = o->ready;

		o->ready = b->next;
		if (!o->ready)
			o->ready_tail = &o->ready;
		o->queued -= b->n;
		send_get(o, b);
	}
}

static void add_id(struct fs_online *o, struct sl id)
{
	struct batch *b = o->filling;

	if (o->conf.only && !fs_only_has(o->conf.only, id))
		return;
	if (!b)
		b = o->filling = batch_new(o);
	b->id[b->n++] = arena_dup(&b->mem, id);
	if (b->n < o->conf.batch && !b->single)
		return;
	o->filling = NULL;
	make_ready(o, b);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* The answer is about something that was not asked, or not what the service says. */
static void fail_bad(struct fs_online *o, const char *operation, const char *why)
{
	struct aws_error e;

	aws_error_bad(&e, operation, "%s", why);
	fail(o, &e);
}

static struct field field_of(const struct fs_feature *f, struct sl text, const struct json *list)
{
	struct field v = field_str(list ? list->raw : text);

	if (list)
		v.kind = F_JSON;
	else if (f->type != FS_STRING && num_is_json(text)) /* 007 is none, and stays a text */
		v.kind = F_NUM;
	return v;
}

static void take_page(struct fs_online *o, const struct json *answer)
{
	const struct fs_group *g = o->conf.group;
	const struct json *id = json_first(answer, "RecordIdentifiers");
	struct aws_error e;

	for (; id; id = id->next)
		if (id->kind != J_STR)
			fail_bad(o, "ListRecords", "an identifier is no text");
		else if (!o->conf.listed)
			add_id(o, id->text);
		else if (!o->conf.only || fs_only_has(o->conf.only, id->text)) {
			*o->f = field_of(&g->features[g->id], id->text, NULL);
			o->conf.row(o->conf.ctx, o->f, 1);
		}
	if (!fs_next_page("ListRecords", answer, &o->token, &e))
		fail(o, &e);
	o->listed = o->token.n == 0; /* an empty page is not the end */
}

/* A value that is not understood must not pass for none. */
static void take_record(
	struct fs_online *o, const struct batch *b, const struct json *record, struct sl id)
{
	const struct fs_group *g = o->conf.group;
	size_t at = 0, left; /* values mostly come in the order of the group */

	for (size_t i = 0; i < o->conf.n; i++)
		o->f[i] = FIELD_NULL;
	for (const struct json *v = record->child; v; v = v->next) {
		const struct json *list = NULL;
		struct sl name, text;

		if (!fs_feature_value(v, &name, &text, &list) ||
			(sl_eq(name, g->features[g->id].name) && !sl_eq(text, id))) {
			fail_bad(o, operation_of(b), "a record is not what was asked for");
			return;
		}
		for (left = o->conf.n; left && !sl_eq(o->names[at], name); left--)
			at = at + 1 < o->conf.n ? at + 1 : 0;
		if (left)
			o->f[at] = field_of(
				&g->features[o->all ? at : o->conf.features[at]], text, list);
	}
	if (o->conf.row)
		o->conf.row(o->conf.ctx, o->f, o->conf.n);
}

static void take_missing(struct fs_online *o, struct sl id)
{
	if (o->conf.missing)
		o->conf.missing(o->conf.ctx, id);
}

/* Takes the identifier out of the batch; false when it is not there, or no longer. */
static bool strike(struct batch *b, struct sl id)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->struck[i] && sl_eq(b->id[i], id))
			return b->struck[i] = true;
	return false;
}

static void check_asked(struct fs_online *o, const struct batch *b, struct sl id)
{
	for (size_t i = 0; i < b->n; i++)
		if (sl_eq(b->id[i], id))
			return;
	fail_bad(o, operation_of(b), "it names a record that was not asked for");
}

static void take_records(struct fs_online *o, struct batch *b, const struct json *r)
{
	for (; r; r = r->next) {
		const struct json *record = json_get(r, "Record");
		struct sl id;

		if (!json_get_str(r, "RecordIdentifierValueAsString", &id))
			id = SL("");
		if (!strike(b, id))
			check_asked(o, b, id);
		else if (!record || record->kind != J_ARR)
			fail_bad(o, "BatchGetRecord", "a record is no list of values");
		else if (record->child)
			take_record(o, b, record, id);
	}
}

/* Identifiers the service did not get to, or failed on for the moment, are asked for again. */
static bool keep_unprocessed(const struct json *u, struct batch *b, struct batch *again)
{
	for (; u; u = u->next) {
		const struct json *id = json_first(u, "RecordIdentifiersValueAsString");

		for (; id; id = id->next)
			if (strike(b, id->text) && again->n < FS_BATCH_GET_MAX)
				again->id[again->n++] = arena_dup(&again->mem, id->text);
	}
	return again->n > 0;
}

static void take_errors(
	struct fs_online *o, const struct json *u, struct batch *b, struct batch *again)
{
	for (; u; u = u->next) {
		struct sl id = json_text(u, "RecordIdentifierValueAsString");
		struct sl code = json_text(u, "ErrorCode"), message = json_text(u, "ErrorMessage");
		struct aws_error e = { .status = 400 };

		aws_error_set(&e, aws_classify(400, code), "", "%.*s", (int)message.n, message.p);
		(void)snprintf(e.operation, sizeof e.operation, "BatchGetRecord");
		(void)snprintf(e.code, sizeof e.code, "%.*s", (int)code.n, code.p);
		if (!strike(b, id) || !aws_error_is_temporary(&e))
			fail(o, &e);
		else if (again->n < FS_BATCH_GET_MAX)
			again->id[again->n++] = arena_dup(&again->mem, id);
	}
}

static void put_again(struct fs_online *o, struct batch *b, struct batch *again)
{
	int64_t now = clock_monotonic();

	again->tries = b->tries + 1;
	again->since = b->tries ? b->since : now;
	if (now - again->since > o->conf.patience_us) {
		struct aws_error e = { .status = 200 };

		aws_error_set(
			&e, AWS_RETRY, "unprocessed", "the service does not get to the records");
		(void)snprintf(e.operation, sizeof e.operation, "BatchGetRecord");
		fail(o, &e);
	}
	again->not_before =
		now + clock_backoff(again->tries < 16 ? again->tries : 16, RETRY_BASE, RETRY_CAP);
	again->next = o->again;
	o->again = again;
}

static void take_answer(struct fs_online *o, struct batch *b, const struct json *answer)
{
	struct batch *again = batch_new(o);

	take_records(o, b, json_first(answer, "Records"));
	take_errors(o, json_first(answer, "Errors"), b, again);
	if (keep_unprocessed(json_first(answer, "UnprocessedIdentifiers"), b, again))
		put_again(o, b, again);
	else
		batch_release(o, again);
	for (size_t i = 0; i < b->n; i++)
		if (!b->struck[i])
			take_missing(o, b->id[i]);
}

/* The answer to a GetRecord: no Record in it means that there is none. */
static void take_single(struct fs_online *o, const struct batch *b, const struct json *answer)
{
	const struct json *record = json_get(answer, "Record");

	if (record && record->child)
		take_record(o, b, record, b->id[0]);
	else
		take_missing(o, b->id[0]);
}

/* Each identifier of a batch in a request of its own, from here on. */
static void go_single(struct fs_online *o, const struct batch *b, const struct aws_error *e)
{
	if (!o->single)
		msg_note("BatchGetRecord is not available here (%s), going on with GetRecord",
			e->code);
	o->single = true;
	for (size_t i = 0; i < b->n; i++) {
		struct batch *one = batch_new(o);

		one->id[one->n++] = arena_dup(&one->mem, b->id[i]);
		make_ready(o, one);
	}
}

static void done(
	void *ctx, void *call_ctx, const struct aws_reply *reply, const struct aws_error *e)
{
	struct fs_online *o = ctx;
	struct batch *b = call_ctx;
	struct aws_error bad = { 0 };
	const struct json *answer;

	o->under_way--;
	if (b->listing)
		o->listing = false;
	arena_reset(&o->mem);
	answer = e ? NULL : aws_answer(operation_of(b), reply->body, &o->mem, &bad);
	if (e && !b->listing && !b->single && fs_call_is_missing(e))
		go_single(o, b, e);
	else if (!answer)
		fail(o, e ? e : &bad);
	else if (b->listing)
		take_page(o, answer);
	else if (b->single)
		take_single(o, b, answer);
	else
		take_answer(o, b, answer);
	batch_release(o, b);
}

/* ---- the caller's side --------------------------------------------------------------------- */

struct fs_online *fs_online_new(struct aws *a, const struct fs_online_conf *conf)
{
	struct fs_online *o = mem_zalloc(sizeof *o);

	o->conf = *conf;
	o->all = conf->n == 0;
	if (o->all)
		o->conf.n = conf->group->n;
	if (o->conf.batch == 0 || o->conf.batch > FS_BATCH_GET_MAX)
		o->conf.batch = FS_BATCH_GET_MAX;
	if (o->conf.patience_us == 0)
		o->conf.patience_us = PATIENCE;
	o->names = mem_alloc(mem_mul(o->conf.n, sizeof *o->names));
	for (size_t i = 0; i < o->conf.n; i++)
		o->names[i] = conf->group->features[o->all ? i : conf->features[i]].name;
	o->f = mem_alloc(mem_mul(o->conf.n, sizeof *o->f));
	o->ready_tail = &o->ready;
	fs_target_init(&o->target, conf->group->called);
	o->pool = aws_pool_new(a, conf->workers ? conf->workers : WORKERS, done, o);
	return o;
}

static void wait_a_little(struct fs_online *o)
{
	check_failed(o);
	if (o->under_way)
		aws_pool_wait(o->pool, CLOCK_US_PER_SEC / 20);
	else if (o->again)
		clock_sleep(CLOCK_US_PER_SEC / 100);
	check_failed(o);
}

void fs_online_get(struct fs_online *o, struct sl id)
{
	add_id(o, id);
	send_what_is_ready(o);
	while (o->queued > MAX_QUEUED) {
		wait_a_little(o);
		send_what_is_ready(o);
	}
}

void fs_online_drain(struct fs_online *o)
{
	if (o->filling && o->filling->n)
		make_ready(o, o->filling);
	o->filling = NULL;
	while (o->under_way || o->ready || o->again) {
		send_what_is_ready(o);
		wait_a_little(o);
	}
}

void fs_online_all(struct fs_online *o)
{
	while (!o->listed) {
		if (!o->listing && o->queued < MAX_QUEUED && aws_pool_room(o->pool))
			send_list(o);
		send_what_is_ready(o);
		wait_a_little(o);
	}
	fs_online_drain(o);
}

static void free_batches(struct batch *b)
{
	while (b) {
		struct batch *next = b->next;

		str_free(&b->body);
		str_free(&b->path);
		arena_free(&b->mem);
		mem_free(b);
		b = next;
	}
}

bool fs_online_probe(struct aws *a, const struct fs_group *g, struct aws_error *e)
{
	const struct sl id = SL("0"), name = g->features[g->id].name;
	struct fs_target target = { 0 };
	AUTO_STR text = { 0 };
	struct aws_call call = { 0 };
	struct aws_reply reply;
	bool ok;

	fs_batch_get_call(&call, g->called, &id, 1, &name, 1, &text);
	ok = aws_do(a, &call, &reply, e);
	if (!ok && fs_call_is_missing(e)) {
		fs_target_init(&target, g->called);
		call = (struct aws_call){ 0 };
		fs_get_call(&call, &target, id, &name, 1, &text);
		ok = aws_do(a, &call, &reply, e);
		fs_target_free(&target);
	}
	return ok;
}

void fs_online_free(struct fs_online *o)
{
	aws_pool_free(o->pool);
	free_batches(o->spare);
	free_batches(o->ready);
	free_batches(o->again);
	free_batches(o->filling);
	fs_target_free(&o->target);
	str_free(&o->token);
	arena_free(&o->mem);
	mem_free(o->names);
	mem_free(o->f);
	mem_free(o);
}
