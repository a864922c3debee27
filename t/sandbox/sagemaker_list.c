/* ListFeatureGroups: filters, order, pages. */
#include "core/clock.h"
#include "core/num.h"
#include "sagemaker.h"

struct query {
	struct sl contains, status, offline_status, token;
	double after, before; /* Unix seconds */
	uint64_t max;
	enum by { BY_NAME, BY_STATUS, BY_OFFLINE, BY_TIME } by;
	bool descending;
};

static bool number(const struct json *in, const char *key, double *out)
{
	const struct json *j = json_get(in, key);

	return j && j->kind == J_NUM && num_double(j->text, out);
}

static bool read_order(struct exchange *x, const struct json *in, struct query *q)
{
	static const char *const names[] = { "Name", "FeatureGroupStatus", "OfflineStoreStatus",
		"CreationTime" };
	struct sl by = SL("CreationTime"), order = SL("Ascending");

	(void)json_get_str(in, "SortBy", &by);
	(void)json_get_str(in, "SortOrder", &order);
	q->descending = sl_eq(order, SL("Descending"));
	if (!q->descending && !sl_eq(order, SL("Ascending")))
		return exchange_invalid(x,
			"Value '%.*s' at 'sortOrder' failed to satisfy constraint: "
			"Member must satisfy enum value set: [Ascending, Descending]",
			(int)order.n, order.p);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!sl_eq_str(by, names[i]))
			continue;
		q->by = (enum by)i;
		return true;
	}
	return exchange_invalid(x,
		"Value '%.*s' at 'sortBy' failed to satisfy constraint: Member must "
		"satisfy enum value set: [Name, FeatureGroupStatus, OfflineStoreStatus, "
		"CreationTime]",
		(int)by.n, by.p);
}

static bool read_query(struct exchange *x, const struct json *in, struct query *q)
{
	*q = (struct query){ .max = 100, .before = 1e18 };
	(void)json_get_str(in, "NameContains", &q->contains);
	(void)json_get_str(in, "FeatureGroupStatusEquals", &q->status);
	(void)json_get_str(in, "OfflineStoreStatusEquals", &q->offline_status);
	(void)json_get_str(in, "NextToken", &q->token);
	(void)number(in, "CreationTimeAfter", &q->after);
	(void)number(in, "CreationTimeBefore", &q->before);
	if (json_get(in, "MaxResults") &&
		(!json_get_u64(in, "MaxResults", &q->max) || q->max < 1 || q->max > 100))
		return exchange_invalid(x,
			"Value '%llu' at 'maxResults' failed to satisfy constraint: "
			"Member must have value %s",
			(unsigned long long)q->max,
			q->max > 100 ? "less than or equal to 100" : "greater than or equal to 1");
	return read_order(x, in, q);
}

static bool contains(struct sl s, struct sl part)
{
	return part.n == 0 || memmem(s.p, s.n, part.p, part.n) != NULL;
}

static bool matches(const struct exchange *x, const struct group *g, const struct query *q)
{
	double created = (double)g->created / 1e6;

	return sl_eq(g->account, x->account) && sl_eq(g->region, x->region) &&
	       contains(g->name, q->contains) &&
	       (!q->status.p || sl_eq_str(q->status, group_status(g))) &&
	       (!q->offline_status.p ||
		       (g->has_offline && sl_eq(q->offline_status,
						  g->blocked.n ? SL("Blocked") : SL("Active")))) &&
	       created >= q->after && created <= q->before;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct query *order = ctx;
	const struct group *g = *(struct group *const *)a, *h = *(struct group *const *)b;
	int c = 0;

	if (order->by == BY_STATUS)
		c = strcmp(group_status(g), group_status(h));
	else if (order->by == BY_OFFLINE)
		c = (g->has_offline > h->has_offline) - (g->has_offline < h->has_offline);
	else if (order->by == BY_TIME)
		c = (g->created > h->created) - (g->created < h->created);
	if (c == 0)
		c = sl_cmp(g->name, h->name);
	return order->descending ? -c : c;
}

static void put_summary(struct str *s, const struct group *g)
{
	str_addc(s, '{');
	put_member(s, "FeatureGroupName", g->name);
	put_member(s, "FeatureGroupArn", g->arn);
	put_seconds(s, "CreationTime", g->created);
	put_member(s, "FeatureGroupStatus", sl_of(group_status(g)));
	if (g->has_offline) {
		put_key(s, "OfflineStoreStatus");
		str_addz(s, g->blocked.n ? "{\"Status\":\"Blocked\"}" : "{\"Status\":\"Active\"}");
	}
	str_addc(s, '}');
}

/* A token names the last group of the page before; groups may come and go between two pages. */
static bool page_begin(
	struct exchange *x, const struct query *q, struct group **v, size_t n, size_t *begin)
{
	*begin = 0;
	if (!q->token.n)
		return true;
	for (size_t i = 0; i < n; i++) {
		struct sl want = exchange_printf(
			x, "fg-%zu-%.*s", v[i]->name.n, (int)v[i]->name.n, v[i]->name.p);

		if (sl_eq(want, q->token)) {
			*begin = i + 1;
			return true;
		}
	}
	return exchange_fail(x, 400, "ValidationException", "Invalid pagination token.");
}

void sagemaker_list_groups(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group **all, **v;
	size_t n_all, n = 0, begin;
	struct query q;

	if (!in || !read_query(x, in, &q))
		return;
	all = group_all(&n_all);
	v = arena_alloc(&x->mem, mem_mul(n_all + 1, sizeof(struct group *)));
	for (size_t i = 0; i < n_all; i++)
		if (all[i] && matches(x, all[i], &q))
			v[n++] = all[i];
	if (n)
		qsort_r(v, n, sizeof *v, compare, &q);
	if (!page_begin(x, &q, v, n, &begin))
		return;
	put_key(&x->out, "FeatureGroupSummaries");
	str_addc(&x->out, '[');
	for (size_t i = begin; i < n && i - begin < q.max; i++) {
		if (i > begin)
			str_addc(&x->out, ',');
		put_summary(&x->out, v[i]);
	}
	str_addc(&x->out, ']');
	if (n - begin > q.max) {
		struct sl last = v[begin + q.max - 1]->name;

		put_member(&x->out, "NextToken",
			exchange_printf(x, "fg-%zu-%.*s", last.n, (int)last.n, last.p));
	}
	str_addc(&x->out, '}');
}
