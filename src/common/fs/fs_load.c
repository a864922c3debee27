#include "fs/fs_load.h"

#include "core/clock.h"
#include "core/stop.h"
#include "fs/fs_load_impl.h"

#define QUEUE_PER_LANE 100
#define MAX_QUEUED_BYTES ((size_t)16 << 20)
#define MAX_BODY ((size_t)1 << 20)
#define MAX_LOOK 64 /* records of a lane looked at for one batch */

struct fs_load *fs_load_new(struct aws *a, const struct fs_load_conf *conf)
{
	struct fs_load *l = mem_zalloc(sizeof *l);

	l->conf = *conf;
	l->mode = conf->single ? FS_MODE_SINGLE : FS_MODE_PROBE;
	l->lanes = mem_zalloc(mem_mul(conf->workers, sizeof *l->lanes));
	for (unsigned i = 0; i < conf->workers; i++)
		l->lanes[i].tail = &l->lanes[i].head;
	fs_target_init(&l->target, conf->group);
	l->pool = aws_pool_new(a, conf->workers, fs_load_done, l);
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

	fs_batch_begin(&lane->body);
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
		fs_entry_end(&lane->body, &how);
		take(l, lane, at);
		if (lane->n_sent == FS_BATCH_WRITE_MAX)
			break;
	}
	fs_batch_end(&lane->body);
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
		fs_batch_write_call(&call, str_sl(&lane->body));
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
