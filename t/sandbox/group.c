#include "group.h"

#include "core/clock.h"
#include "online.h"

#include <strings.h>

static struct {
	struct names keys;
	struct group **v; /* by number of the key; NULL: gone */
	size_t cap;
	int64_t create_us, update_us, delete_us;
	char *failure;
} groups = { .create_us = 300000, .update_us = 300000, .delete_us = 300000 };

static void bring_forward(int64_t *when, int64_t latest)
{
	if (*when > latest)
		*when = latest;
}

void group_set_delays(int64_t create, int64_t update, int64_t delete_us)
{
	int64_t now = unix_now();

	groups.create_us = create;
	groups.update_us = update;
	groups.delete_us = delete_us;
	for (size_t i = 0; i < groups.keys.n && i < groups.cap; i++) {
		struct group *g = groups.v[i];

		if (!g)
			continue;
		bring_forward(&g->ready, now + create);
		bring_forward(&g->update_done, now + update);
		bring_forward(&g->gone, now + delete_us);
	}
}

void group_set_create_failure(const char *why)
{
	mem_free(groups.failure);
	groups.failure = why && *why ? mem_strdup(why) : NULL;
}

int64_t group_update_delay(void)
{
	return groups.update_us;
}

int64_t group_delete_delay(void)
{
	return groups.delete_us;
}

struct sl group_keep(struct group *g, struct sl s)
{
	return s.p ? arena_dup(&g->mem, s) : s;
}

static void group_free(struct group *g)
{
	online_free(g->online);
	names_free(&g->feature_names);
	mem_free(g->features);
	mem_free(g->tags.v);
	arena_free(&g->mem);
	mem_free(g);
}

/* The place of a name; a group whose deletion has come to its end leaves it now. */
static size_t place_of(struct sl account, struct sl region, struct sl name, bool add)
{
	struct str key = { 0 };
	size_t at;

	str_addf(&key, "%.*s/%.*s/%.*s", (int)account.n, account.p, (int)region.n, region.p,
		(int)name.n, name.p);
	at = add ? names_add(&groups.keys, str_sl(&key), NULL)
		 : names_find(&groups.keys, str_sl(&key));
	str_free(&key);
	if (at == NAMES_NONE)
		return at;
	while (groups.cap <= at) {
		size_t old = groups.cap;

		mem_grow(&groups.v, &groups.cap, at + 1, sizeof(struct group *));
		memset(groups.v + old, 0, (groups.cap - old) * sizeof *groups.v);
	}
	if (groups.v[at] && groups.v[at]->gone && groups.v[at]->gone <= unix_now()) {
		group_free(groups.v[at]);
		groups.v[at] = NULL;
	}
	return at;
}

struct group *group_new(struct sl account, struct sl region, struct sl name)
{
	size_t at = place_of(account, region, name, true);
	struct group *g;

	if (groups.v[at])
		return NULL;
	g = mem_zalloc(sizeof *g);
	g->account = group_keep(g, account);
	g->region = group_keep(g, region);
	g->name = group_keep(g, name);
	g->created = g->changed = unix_now();
	g->ready = g->created + groups.create_us;
	if (groups.failure)
		g->failure = group_keep(g, sl_of(groups.failure));
	groups.v[at] = g;
	return g;
}

void group_discard(struct group *g)
{
	groups.v[place_of(g->account, g->region, g->name, false)] = NULL;
	group_free(g);
}

/* arn:aws:sagemaker:REGION:ACCOUNT:feature-group/NAME; names in ARNs are in lower case. */
static bool parse_arn(struct sl arn, struct sl *region, struct sl *account, struct sl *name)
{
	const char *slash = memchr(arn.p, '/', arn.n), *colon[6];
	size_t n = 0;

	if (!slash || arn.n < 4 || memcmp(arn.p, "arn:", 4) != 0)
		return false;
	for (const char *c = arn.p; c < slash; c++)
		if (*c == ':' && n < 6)
			colon[n++] = c;
	if (n != 5)
		return false;
	*region = (struct sl){ colon[2] + 1, (size_t)(colon[3] - colon[2] - 1) };
	*account = (struct sl){ colon[3] + 1, (size_t)(colon[4] - colon[3] - 1) };
	*name = (struct sl){ slash + 1, arn.n - (size_t)(slash + 1 - arn.p) };
	return true;
}

static bool same_but_case(struct sl a, struct sl b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

struct group *group_find(const struct exchange *x, struct sl name_or_arn)
{
	struct sl region, account, name;
	size_t at;

	if (name_or_arn.n == 0)
		return NULL;
	if (!parse_arn(name_or_arn, &region, &account, &name)) {
		at = place_of(x->account, x->region, name_or_arn, false);
		return at == NAMES_NONE ? NULL : groups.v[at];
	}
	for (size_t i = 0; i < groups.keys.n && i < groups.cap; i++) {
		struct group *g = groups.v[i];

		if (g && sl_eq(g->region, region) && sl_eq(g->account, account) &&
			same_but_case(g->name, name))
			return g->gone && g->gone <= unix_now() ? NULL : g;
	}
	return NULL;
}

struct group **group_all(size_t *n)
{
	size_t count = groups.keys.n < groups.cap ? groups.keys.n : groups.cap;

	for (size_t i = 0; i < count; i++)
		if (groups.v[i])
			(void)place_of(groups.v[i]->account, groups.v[i]->region, groups.v[i]->name,
				false);
	*n = count;
	return groups.v;
}

void group_add_feature(struct group *g, struct feature f)
{
	f.name = group_keep(g, f.name);
	f.collection = group_keep(g, f.collection);
	f.created = f.changed = unix_now();
	(void)names_add(&g->feature_names, f.name, NULL);
	mem_grow(&g->features, &g->features_cap, g->n_features + 1, sizeof *g->features);
	g->features[g->n_features++] = f;
}

const char *group_status(const struct group *g)
{
	if (g->gone)
		return "Deleting";
	if (unix_now() < g->ready)
		return "Creating";
	return g->failure.n ? "CreateFailed" : "Created";
}

const char *group_update_status(const struct group *g)
{
	return unix_now() < g->update_done ? "InProgress" : "Successful";
}
