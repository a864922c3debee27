/* fs_load_done.c - what an answer means for the records of its request. */
#include "core/clock.h"
#include "fs/fs_load_impl.h"

#define NEW_GROUP_GRACE (20 * CLOCK_US_PER_SEC) /* a group just made is not everywhere at once */
#define RETRY_BASE (CLOCK_US_PER_SEC / 10)
#define RETRY_CAP (5 * CLOCK_US_PER_SEC)

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

static void set_fatal(struct fs_load *l, const struct aws_error *e)
{
	if (!l->has_fatal)
		l->fatal = *e;
	l->has_fatal = true;
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
		set_fatal(l, e);
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
	answer = fs_answer("BatchWriteRecord", reply->body, &l->mem, &e);
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

/* Does the error say that the endpoint does not have the call, or that it is not for this user? */
static bool batch_is_missing(const struct fs_load *l, const struct aws_error *e)
{
	if (l->mode != FS_MODE_PROBE && e->class != AWS_FORBIDDEN)
		return false;
	return fs_call_is_missing(e);
}

static void batch_failed(struct fs_load *l, struct fs_lane *lane, const struct aws_error *e)
{
	bool missing = batch_is_missing(l, e);

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
	if (fs_answer(operation, reply->body, &l->mem, &e))
		settle(l, lane->sent[0], FS_ACKNOWLEDGED, NULL);
	else
		retry(l, lane, lane->sent[0], &e);
}

void fs_load_done(
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
