#include "online.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/num.h"
#include "exchange.h"

#include <ctype.h>
#include <math.h>

struct online {
	struct names ids;
	struct online_record **v; /* by number of the identifier; NULL: none */
	size_t cap;
	uint64_t bytes;
};

int event_time_cmp(struct event_time a, struct event_time b)
{
	if (a.seconds != b.seconds)
		return a.seconds < b.seconds ? -1 : 1;
	return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}

/* yyyy-MM-ddTHH:mm:ss[.S{1,9}]Z */
bool event_time_of_iso(struct sl s, struct event_time *t)
{
	char whole[21];
	int64_t instant;
	int32_t nanos = 0, unit = 100000000;
	size_t i;

	if (s.n < 20 || s.n > 30 || s.n == 21 || s.p[s.n - 1] != 'Z' || s.p[10] != 'T')
		return false;
	for (i = 19; i < s.n - 1; i++) {
		if (i == 19) {
			if (s.p[i] != '.')
				return false;
			continue;
		}
		if (!isdigit((unsigned char)s.p[i]))
			return false;
		nanos += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	(void)snprintf(whole, sizeof whole, "%.19sZ", s.p);
	if (!clock_parse(sl_of(whole), &instant))
		return false;
	*t = (struct event_time){ (instant - CLOCK_UNIX_EPOCH) / CLOCK_US_PER_SEC, nanos };
	return true;
}

/* Plain decimals keep all nine digits; other forms go through a double. */
bool event_time_of_number(struct sl s, struct event_time *t)
{
	const char *dot = memchr(s.p, '.', s.n);
	struct sl whole = { s.p, dot ? (size_t)(dot - s.p) : s.n };
	int32_t unit = 100000000;
	double d;

	if (num_i64(whole, &t->seconds) && t->seconds >= 0) {
		t->nanos = 0;
		for (size_t i = whole.n + 1; i < s.n; i++) {
			if (!isdigit((unsigned char)s.p[i]))
				return false;
			t->nanos += (s.p[i] - '0') * unit;
			unit /= 10;
		}
		return t->seconds <= INT64_C(253402300799);
	}
	if (!num_double(s, &d) || !isfinite(d) || d < -62167219200.0 || d > 253402300799.999)
		return false;
	t->seconds = (int64_t)floor(d);
	t->nanos = (int32_t)((d - floor(d)) * 1e9);
	return true;
}

struct online *online_new(void)
{
	return mem_zalloc(sizeof(struct online));
}

void online_free(struct online *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->ids.n; i++)
		mem_free(o->v[i]);
	mem_free(o->v);
	names_free(&o->ids);
	mem_free(o);
}

static void drop(struct online *o, size_t at)
{
	if (o->v[at])
		o->bytes -= o->v[at]->bytes;
	mem_free(o->v[at]);
	o->v[at] = NULL;
}

/* What has expired is hard-deleted, as the service has it. */
static const struct online_record *at_place(struct online *o, size_t at)
{
	if (o->v[at] && o->v[at]->expires && o->v[at]->expires <= unix_now())
		drop(o, at);
	return o->v[at];
}

const struct online_record *online_get(struct online *o, struct sl id)
{
	size_t at = names_find(&o->ids, id);

	return at == NAMES_NONE ? NULL : at_place(o, at);
}

bool online_put(struct online *o, struct sl id, struct event_time t, int64_t expires,
	bool soft_deleted, struct sl values)
{
	bool added;
	size_t at = names_add(&o->ids, id, &added);
	struct online_record *r;

	if (added) {
		mem_grow(&o->v, &o->cap, at + 1, sizeof(struct online_record *));
		o->v[at] = NULL;
	}
	if (at_place(o, at) && event_time_cmp(t, o->v[at]->time) < 0)
		return false;
	drop(o, at);
	if (expires && expires <= unix_now())
		return true;
	r = mem_alloc(sizeof *r + values.n);
	*r = (struct online_record){ .time = t,
		.expires = expires,
		.soft_deleted = soft_deleted,
		.bytes = (uint32_t)values.n };
	memcpy(r->values, values.p, values.n);
	o->v[at] = r;
	o->bytes += values.n;
	return true;
}

void online_remove(struct online *o, struct sl id)
{
	size_t at = names_find(&o->ids, id);

	if (at != NAMES_NONE)
		drop(o, at);
}

bool online_next(struct online *o, size_t *at, bool deleted, struct sl *id)
{
	for (; *at < o->ids.n; ++*at) {
		const struct online_record *r = at_place(o, *at);

		if (!r || (r->soft_deleted && !deleted))
			continue;
		*id = o->ids.name[(*at)++];
		return true;
	}
	return false;
}

uint64_t online_bytes(const struct online *o)
{
	return o->bytes;
}
