#include "fs/fs_load.h"

#include "aws/pool.h"
#include "core/clock.h"
#include "core/stop.h"

#define QUEUE_PER_LANE 100
#define MAX_QUEUED_BYTES ((size_t)16 << 20)
#define MAX_BODY ((size_t)1 << 20)
#define MAX_LOOK 64 /* records of a lane looked at for one batch */
#define NEW_GROUP_GRACE (20 * CLOCK_US_PER_SEC) /* a group just made is not everywhere at once */
#define RETRY_BASE (CLOCK_US_PER_SEC / 10)
#define RETRY_CAP (5 * CLOCK_US_PER_SEC)

/* Has the endpoint BatchWriteRecord? Until the first answer to one, only one is under way. */
enum fs_mode { FS_MODE_PROBE, FS_MODE_BATCH, FS_MODE_SINGLE };

struct fs_lane {
	struct fs_item *head, **tail; /* waiting, in order */
	size_t n;
	struct fs_item *sent[FS_BATCH_WRITE_MAX];
	size_t n_sent;
	bool busy, batch;
	int64_t not_before; /* 0, or when the lane may send again */
	struct str body, query;
};

struct fs_load {
	struct fs_load_conf conf;
	struct fs_target target;
	struct aws_pool *pool;
	struct fs_lane *lanes;
	unsigned next_lane, busy_lanes;
	struct fs_item *spare;
	uint64_t queued, queued_bytes, under_way, resent, requests, batches;
	enum fs_mode mode;
	bool probing; /* a probe is under way */
	bool proven;  /* a record was acknowledged, so the group is there */
	bool delayed; /* some lane may have a not_before */
	bool in_done;
	bool has_fatal;
	struct aws_error fatal;
	struct arena mem; /* of the answer in hand */
	int64_t started, advanced; /* advanced: when a batch was written last, be it a part */
};

/* ---- what an answer means for the records of its request ----------------------------------- */

static void settle(
	struct fs_load *l, struct fs_item *item, enum fs_outcome outcome, const struct aws_error *e)
{
	l->proven |= outcome == FS_ACKNOWLEDGED;
	l->under_way--; /* the program may end in here, and then counts what still is */
	l->conf.settled(l->conf.ctx, item, outcome, e);
	fs_load_drop(l, item);
}

/* Back to the head of the lane, where nothing of the same identifier can be before it. */
static void put_back(struct fs_load *l, struct fs_lane *lane, struct fs_item *item)
{
	l->under_way--;
	item->next = lane->head;
	if (!lane->head)
		lane->tail = &item->next;
	lane->head = item;
	lane->n++;
	l->queued++;
	l->queued_bytes += item->values.n;
}

static void delay(struct fs_load *l, struct fs_lane *lane, unsigned tries)
{
	int64_t now = clock_monotonic();

	/* others are written: longer waits leave the rate unused, shorter ones ask in vain */
	if (tries > 3 && now - l->advanced < CLOCK_US_PER_SEC)
		tries = 3;
	lane->not_before = now + clock_backoff(tries < 16 ? tries : 16, RETRY_BASE, RETRY_CAP);
	l->delayed = true;
}

/* An answer about the record was lost: it may be written twice. A throttled one was answered. */
static void count_resent(struct fs_load *l, struct fs_item *item)
{
	l->resent += !item->resent;
	item->resent = true;
}

/* Tries the record again, unless patience is at its end. */
static void retry(
	struct fs_load *l, struct fs_lane *lane, struct fs_item *item, const struct aws_error *e)
{
	int64_t now = clock_monotonic();

	if (item->tries++ == 0)
		item->since = now;
	if (now - item->since > l->conf.patience_us) {
		settle(l, item, FS_UNKNOWN, e);
		return;
	}
	if (e->class == AWS_UNKNOWN || e->class == AWS_PROTOCOL)
		count_resent(l, item);
	delay(l, lane, item->tries);
	put_back(l, lane, item);
}

/* PutRecord says "Resource Not Found" in a ValidationError when the group is missing. */
static bool says_missing(const struct aws_error *e)
{
	return e->class == AWS_NOT_FOUND ||
	       (e->class == AWS_INVALID && strcasestr(e->message, "resource not found") != NULL);
}

/* An error of one record, by itself or inside of an answer. */
static void settle_error(struct fs_load *l, struct fs_lane *lane, struct fs_item *item,
	const struct aws_error *e, bool again)
{
	if (says_missing(e) && !l->proven && clock_monotonic() - l->started < NEW_GROUP_GRACE &&
		e->class == AWS_INVALID) {
		retry(l, lane, item, e);
		return;
	}
	switch (says_missing(e) ? AWS_NOT_FOUND : e->class) {
	case AWS_INVALID:
		settle(l, item, FS_REJECTED, e);
		return;
	case AWS_FINE:
	case AWS_RETRY:
	case AWS_THROTTLE:
	case AWS_UNKNOWN:
	case AWS_PROTOCOL:
		if (again)
			retry(l, lane, item, e);
		else
			settle(l, item, FS_UNKNOWN, e);
		return;
	case AWS_STOPPED:
		settle(l, item, FS_UNKNOWN, e);
		return;
	case AWS_CREDENTIALS:
	case AWS_FORBIDDEN:
	case AWS_NOT_FOUND:
	case AWS_CONFIG:
		if (!l->has_fatal)
			l->fatal = *e;
		l->has_fatal = true;
		put_back(l, lane, item); /* it was not written: it counts as not sent */
		return;
	}
}

static struct fs_item **find_sent(struct fs_load *l, struct fs_lane *lane, const struct json *entry)
{
	const struct fs_group *g = l->conf.description;
	struct sl id;

	if (!fs_record_value(json_get(entry, "Record"), g->features[g->id].name, &id))
		return NULL;
	for (size_t i = 0; i < lane->n_sent; i++)
		if (lane->sent[i] && sl_eq(str_sl(&lane->sent[i]->id), id))
			return &lane->sent[i];
	return NULL;
}

static void copy_text(char *dst, size_t cap, const struct json *o, const char *key)
{
	struct sl s;

	if (json_get_str(o, key, &s))
		(void)snprintf(dst, cap, "%.*s", (int)(s.n < cap ? s.n : cap - 1), s.p);
}

/*
 * Takes the records named in a list of the answer out of those acknowledged. False when an entry
 * is not of this request: then nobody knows what the answer means.
 */
static bool settle_list(
	struct fs_load *l, struct fs_lane *lane, const struct json *list, bool errors)
{
	if (!list || list->kind != J_ARR)
		return list == NULL || list->kind == J_NULL;
	for (const struct json *o = list->child; o; o = o->next) {
		struct fs_item **at = find_sent(l, lane, errors ? json_get(o, "Entry") : o), *item;
		struct aws_error e = { .status = 200 };

		if (!at)
			return false;
		item = *at;
		*at = NULL;
		(void)snprintf(e.operation, sizeof e.operation, "BatchWriteRecord");
		(void)snprintf(e.code, sizeof e.code, "unprocessed");
		(void)snprintf(
			e.message, sizeof e.message, "the service did not process the record");
		e.class = AWS_RETRY;
		if (errors) {
			copy_text(e.code, sizeof e.code, o, "ErrorCode");
			copy_text(e.message, sizeof e.message, o, "ErrorMessage");
			e.class = aws_classify(400, sl_of(e.code));
		}
		settle_error(l, lane, item, &e, true);
	}
	return true;
}

static size_t length(const struct json *list)
{
	return list && list->kind == J_ARR ? list->n : 0;
}

/* Records that no list names were written. */
static void batch_answered(struct fs_load *l, struct fs_lane *lane, const struct aws_reply *reply)
{
	struct aws_error e = { 0 };
	const struct json *answer;
	bool known;

	arena_reset(&l->mem);
	answer = aws_answer("BatchWriteRecord", reply->body, &l->mem, &e);
	if (answer && length(json_get(answer, "Errors")) +
				length(json_get(answer, "UnprocessedEntries")) < lane->n_sent)
		l->advanced = clock_monotonic();
	known = answer && settle_list(l, lane, json_get(answer, "Errors"), true) &&
		settle_list(l, lane, json_get(answer, "UnprocessedEntries"), false);
	if (!known && e.class == AWS_FINE)
		aws_error_set(
			&e, AWS_PROTOCOL, "bad answer", "it names a record that was not sent");
	for (size_t i = lane->n_sent; i-- > 0;) {
		if (!lane->sent[i])
			continue;
		if (known)
			settle(l, lane->sent[i], FS_ACKNOWLEDGED, NULL);
		else
			retry(l, lane, lane->sent[i], &e);
	}
	if (l->mode == FS_MODE_PROBE)
		l->mode = FS_MODE_BATCH;
}

static void batch_failed(struct fs_load *l, struct fs_lane *lane, const struct aws_error *e)
{
	bool missing = (l->mode == FS_MODE_PROBE || e->class == AWS_FORBIDDEN) &&
		       fs_call_is_missing(e);

	if (missing && l->mode != FS_MODE_SINGLE) {
		msg_note("BatchWriteRecord is not available here (%s), going on with PutRecord",
			e->code);
		l->mode = FS_MODE_SINGLE;
	}
	for (size_t i = lane->n_sent; i-- > 0;) {
		struct fs_item *item = lane->sent[i];

		if (missing) {
			put_back(l, lane, item);
		} else if (e->class == AWS_INVALID && !says_missing(e) && lane->n_sent > 1) {
			item->alone = true; /* one bad record must not sink the others */
			put_back(l, lane, item);
		} else {
			settle_error(l, lane, item, e, false);
		}
	}
}

/* PutRecord and DeleteRecord answer with nothing; a page of a proxy is no acknowledgement. */
static void single_answered(struct fs_load *l, struct fs_lane *lane, const struct aws_reply *reply)
{
	const char *operation = lane->sent[0]->deletion ? "DeleteRecord" : "PutRecord";
	struct aws_error e = { 0 };

	arena_reset(&l->mem);
	if (aws_answer(operation, reply->body, &l->mem, &e))
		settle(l, lane->sent[0], FS_ACKNOWLEDGED, NULL);
	else
		retry(l, lane, lane->sent[0], &e);
}

/* The end of a lane's request: settles its records, or puts them back. */
static void lane_done(
	void *ctx, void *call_ctx, const struct aws_reply *reply, const struct aws_error *e)
{
	struct fs_load *l = ctx;
	struct fs_lane *lane = call_ctx;
	/* of the attempts before the last one, which is looked at below */
	bool lost = e ? e->lost > (e->class == AWS_UNKNOWN || e->class == AWS_PROTOCOL)
		      : reply->lost > 0;

	l->in_done = true;
	lane->busy = false;
	lane->not_before = 0;
	l->busy_lanes--;
	for (size_t i = 0; i < lane->n_sent && lost; i++)
		count_resent(l, lane->sent[i]);
	if (lane->batch && e)
		batch_failed(l, lane, e);
	else if (lane->batch)
		batch_answered(l, lane, reply);
	else if (e)
		settle_error(l, lane, lane->sent[0], e, false);
	else
		single_answered(l, lane, reply);
	l->probing &= !lane->batch;
	lane->n_sent = 0;
	l->conf.answered(l->conf.ctx);
	l->in_done = false;
}

/* ---- items ---------------------------------------------------------------------------------- */

struct fs_load *fs_load_new(struct aws *a, const struct fs_load_conf *conf)
{
	struct fs_load *l = mem_zalloc(sizeof *l);

	l->conf = *conf;
	l->mode = conf->single ? FS_MODE_SINGLE : FS_MODE_PROBE;
	l->lanes = mem_zalloc(mem_mul(conf->workers, sizeof *l->lanes));
	for (unsigned i = 0; i < conf->workers; i++)
		l->lanes[i].tail = &l->lanes[i].head;
	fs_target_init(&l->target, conf->group);
	l->pool = aws_pool_new(a, conf->workers, lane_done, l);
	l->started = clock_monotonic();
	return l;
}

struct fs_item *fs_load_item(struct fs_load *l)
{
	struct fs_item *item = l->spare;

	if (!item)
		return mem_zalloc(sizeof *item);
	l->spare = item->next;
	item->next = NULL;
	return item;
}

void fs_load_drop(struct fs_load *l, struct fs_item *item)
{
	item->next = l->spare;
	l->spare = item;
}

/* ---- requests ------------------------------------------------------------------------------ */

/* Takes the record *at out of its lane and makes it part of the request. */
static void take(struct fs_load *l, struct fs_lane *lane, struct fs_item **at)
{
	struct fs_item *item = *at;

	*at = item->next;
	if (lane->tail == &item->next)
		lane->tail = at;
	item->next = NULL;
	lane->n--;
	l->queued--;
	l->queued_bytes -= item->values.n;
	lane->sent[lane->n_sent++] = item;
}

/*
 * The records of a batch: in order, each identifier once. A record that cannot go along (a later
 * one of the same identifier, a deletion, one to be sent by itself) holds back its followers.
 */
static void fill_batch(struct fs_load *l, struct fs_lane *lane)
{
	struct fs_how how = l->conf.how;
	uint64_t seen[MAX_LOOK];
	size_t n_seen = 0;

	for (struct fs_item **at = &lane->head; *at && n_seen < MAX_LOOK;) {
		struct fs_item *item = *at;
		bool fits = !item->deletion && !item->alone &&
			    (lane->n_sent == 0 || lane->body.n + item->values.n < MAX_BODY);

		for (size_t i = 0; i < n_seen && fits; i++)
			fits = seen[i] != item->hash;
		seen[n_seen++] = item->hash;
		if (!fits) {
			at = &item->next;
			continue;
		}
		fs_entry_begin(&lane->body, l->conf.group);
		str_add(&lane->body, str_sl(&item->values));
		how.online_only = l->conf.how.online_only || item->online_only;
		fs_put_end(&lane->body, &how);
		take(l, lane, at);
		if (lane->n_sent == FS_BATCH_WRITE_MAX)
			break;
	}
}

static void fill_single(struct fs_load *l, struct fs_lane *lane, struct aws_call *call)
{
	struct fs_item *item = lane->head;
	struct fs_how how = l->conf.how;

	how.online_only |= item->online_only;
	take(l, lane, &lane->head);
	if (item->deletion) {
		str_clear(&lane->query);
		fs_delete_call(call, &l->target, str_sl(&item->id), str_sl(&item->time),
			&how, l->conf.hard, &lane->query);
		return;
	}
	fs_put_begin(&lane->body);
	str_add(&lane->body, str_sl(&item->values));
	fs_put_end(&lane->body, &how);
	fs_put_call(call, &l->target, str_sl(&lane->body));
}

static void send_lane(struct fs_load *l, struct fs_lane *lane)
{
	struct aws_call call = { 0 };

	str_clear(&lane->body);
	lane->n_sent = 0;
	lane->batch = l->mode != FS_MODE_SINGLE && !lane->head->deletion && !lane->head->alone;
	if (lane->batch) {
		fill_batch(l, lane);
		fs_batch_write_call(&call, &lane->body);
		l->probing |= l->mode == FS_MODE_PROBE;
		l->batches++;
	} else {
		fill_single(l, lane, &call);
	}
	call.patient = true;
	call.patience_us = l->conf.patience_us;
	if (lane->sent[0]->tries > 0)
		call.patience_us += lane->sent[0]->since - clock_monotonic();
	lane->busy = true;
	l->requests++;
	l->under_way += lane->n_sent;
	l->busy_lanes++;
	aws_pool_submit(l->pool, &call, lane);
}

/* May this lane send now? One that is not full waits for more records, unless `partial`. */
static bool is_ready(const struct fs_load *l, const struct fs_lane *lane, bool partial, int64_t now)
{
	if (lane->busy || lane->n == 0 || (lane->not_before && now < lane->not_before))
		return false;
	if (l->mode == FS_MODE_SINGLE || lane->head->deletion || lane->head->alone)
		return true;
	return !l->probing && (partial || lane->n >= FS_BATCH_WRITE_MAX);
}

static void send_what_is_ready(struct fs_load *l, bool partial)
{
	int64_t now = l->delayed ? clock_monotonic() : 0;

	for (unsigned i = 0; i < l->conf.workers && l->queued && !l->has_fatal; i++) {
		struct fs_lane *lane = &l->lanes[l->next_lane];

		if (aws_pool_room(l->pool) == 0)
			return;
		l->next_lane = (l->next_lane + 1) % l->conf.workers;
		if (is_ready(l, lane, partial, now))
			send_lane(l, lane);
	}
}

/* ---- the caller's side --------------------------------------------------------------------- */

static void check_fatal(const struct fs_load *l)
{
	if (l->has_fatal)
		aws_die(&l->fatal, "cannot write to the feature group");
}

/* Lets requests go on for a moment. */
static void wait_a_little(struct fs_load *l)
{
	if (l->busy_lanes)
		aws_pool_wait(l->pool, CLOCK_US_PER_SEC / 20);
	else if (l->delayed)
		clock_sleep(CLOCK_US_PER_SEC / 100);
}

void fs_load_add(struct fs_load *l, struct fs_item *item)
{
	struct fs_lane *lane = &l->lanes[item->hash % l->conf.workers];

	item->next = NULL;
	*lane->tail = item;
	lane->tail = &item->next;
	lane->n++;
	l->queued++;
	l->queued_bytes += item->values.n;
	if (lane->n >= FS_BATCH_WRITE_MAX || l->mode == FS_MODE_SINGLE || item->deletion)
		send_what_is_ready(l, false);
	while (!l->has_fatal && (l->queued >= (uint64_t)l->conf.workers * QUEUE_PER_LANE ||
					l->queued_bytes > MAX_QUEUED_BYTES)) {
		stop_check();
		send_what_is_ready(l, l->busy_lanes == 0);
		wait_a_little(l);
	}
	check_fatal(l);
}

void fs_load_push(struct fs_load *l)
{
	send_what_is_ready(l, true);
	if (l->busy_lanes)
		aws_pool_wait(l->pool, CLOCK_US_PER_SEC / 20);
	check_fatal(l);
}

void fs_load_drain(struct fs_load *l)
{
	while ((l->queued || l->busy_lanes) && !l->has_fatal) {
		stop_check();
		send_what_is_ready(l, true);
		wait_a_little(l);
	}
	check_fatal(l);
}

void fs_load_stop(struct fs_load *l, int64_t timeout_us)
{
	int64_t end = clock_monotonic() + timeout_us;

	if (l->in_done)
		return; /* the pool is in the middle of something: what is under way stays unknown
			 */
	while (l->busy_lanes && clock_monotonic() < end)
		aws_pool_wait(l->pool, CLOCK_US_PER_SEC / 20);
	aws_pool_free(l->pool);
	l->pool = NULL;
}

struct fs_load_stats fs_load_stats(const struct fs_load *l)
{
	return (struct fs_load_stats){ .under_way = l->under_way,
		.resent = l->resent,
		.requests = l->requests,
		.batches = l->batches };
}

static void free_list(struct fs_item *item)
{
	while (item) {
		struct fs_item *next = item->next;

		fs_item_free(item);
		item = next;
	}
}

void fs_load_free(struct fs_load *l)
{
	if (!l)
		return;
	if (l->pool)
		aws_pool_free(l->pool);
	for (unsigned i = 0; i < l->conf.workers; i++) {
		free_list(l->lanes[i].head);
		str_free(&l->lanes[i].body);
		str_free(&l->lanes[i].query);
	}
	free_list(l->spare);
	fs_target_free(&l->target);
	arena_free(&l->mem);
	mem_free(l->lanes);
	mem_free(l);
}
