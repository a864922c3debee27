/* One record on its way into the stores: is it what the group wants, and where does it go? */
#include "core/clock.h"
#include "core/num.h"
#include "offline.h"
#include "runtime.h"

#include <stdarg.h>

#define MAX_RECORD (350 * 1024)
#define MAX_ID 2048

bool runtime_refuse(struct exchange *x, struct put *p, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->status = 400;
	p->code = "ValidationError";
	p->why = exchange_printf(x, "Validation Error: %s", text);
	return false;
}

struct group *runtime_group(struct exchange *x, struct sl name, bool as_validation)
{
	struct group *g = group_find(x, name);

	if (g && !g->gone && unix_now() >= g->ready && !g->failure.n)
		return g;
	(void)exchange_fail(x, as_validation ? 400 : 404,
		as_validation ? "ValidationError" : "ResourceNotFound",
		"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name %.*s",
		(int)name.n, name.p);
	return NULL;
}

bool runtime_event_time(struct exchange *x, const struct group *g, struct sl text, struct put *p)
{
	const struct feature *f = &g->features[g->event_time];

	if (f->type == FEATURE_STRING && !event_time_of_iso(text, &p->time))
		return runtime_refuse(x, p,
			"EventTime '%.*s' must be in the ISO-8601 format "
			"yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ",
			text.n > 100 ? 100 : (int)text.n, text.p);
	if (f->type != FEATURE_STRING && !event_time_of_number(text, &p->time))
		return runtime_refuse(x, p, "EventTime '%.*s' must be Unix time in seconds",
			text.n > 100 ? 100 : (int)text.n, text.p);
	return true;
}

bool runtime_targets(
	struct exchange *x, const struct group *g, const struct sl *names, size_t n, struct put *p)
{
	p->online = n == 0 && g->has_online;
	p->offline = n == 0 && g->has_offline;
	for (size_t i = 0; i < n; i++) {
		bool online = sl_eq(names[i], SL("OnlineStore"));

		if (!online && !sl_eq(names[i], SL("OfflineStore")))
			return runtime_refuse(x, p,
				"Value '%.*s' at 'targetStores' failed to satisfy "
				"constraint: Member must satisfy enum value set: "
				"[OnlineStore, OfflineStore]",
				(int)names[i].n, names[i].p);
		if (online ? !g->has_online : !g->has_offline)
			return runtime_refuse(x, p,
				"TargetStores contains %.*s, which is not enabled for "
				"FeatureGroup %.*s",
				(int)names[i].n, names[i].p, (int)g->name.n, g->name.p);
		p->online |= online;
		p->offline |= !online;
	}
	return true;
}

static bool check_scalar(
	struct exchange *x, const struct feature *f, struct sl value, struct put *p)
{
	int64_t i;
	double d;

	if (f->type == FEATURE_INTEGRAL && !num_i64(value, &i))
		return runtime_refuse(x, p,
			"FeatureValue '%.*s' of Feature '%.*s' is not of type Integral",
			value.n > 100 ? 100 : (int)value.n, value.p, (int)f->name.n, f->name.p);
	if (f->type == FEATURE_FRACTIONAL && !num_double(value, &d))
		return runtime_refuse(x, p,
			"FeatureValue '%.*s' of Feature '%.*s' is not of type Fractional",
			value.n > 100 ? 100 : (int)value.n, value.p, (int)f->name.n, f->name.p);
	return true;
}

/* Takes one FeatureValue; collections are kept as the JSON text of their list. */
static bool take_value(struct exchange *x, const struct json *v, struct put *p, size_t *bytes)
{
	const struct json *list = json_get(v, "ValueAsStringList");
	struct sl name = SL(""), value;
	const struct feature *f;
	size_t at;

	(void)json_get_str(v, "FeatureName", &name);
	at = names_find(&p->g->feature_names, name);
	if (at == NAMES_NONE)
		return runtime_refuse(x, p, "Feature '%.*s' does not exist in FeatureGroup %.*s",
			(int)(name.n > 100 ? 100 : name.n), name.p, (int)p->g->name.n,
			p->g->name.p);
	f = &p->g->features[at];
	if (p->values[at].p)
		return runtime_refuse(
			x, p, "Feature '%.*s' is given more than once", (int)name.n, name.p);
	if (list ? f->collection.n == 0 : f->collection.n > 0)
		return runtime_refuse(x, p, "Feature '%.*s' takes %s", (int)name.n, name.p,
			list ? "ValueAsString" : "ValueAsStringList");
	if (list) {
		for (const struct json *e = list->child; e; e = e->next)
			if (e->kind != J_STR || !check_scalar(x, f, e->text, p))
				return e->kind == J_STR
					       ? false
					       : runtime_refuse(
							 x, p, "ValueAsStringList takes strings");
		value = list->raw;
	} else if (!json_get_str(v, "ValueAsString", &value)) {
		return runtime_refuse(x, p, "Feature '%.*s' has no value", (int)name.n, name.p);
	} else if (!check_scalar(x, f, value, p)) {
		return false;
	}
	*bytes += name.n + value.n;
	p->values[at] = value;
	return true;
}

static void make_json(struct exchange *x, struct put *p)
{
	struct str s = { 0 };

	str_addc(&s, '[');
	for (size_t i = 0; i < p->g->n_features; i++) {
		const struct feature *f = &p->g->features[i];

		if (!p->values[i].p)
			continue;
		str_addz(&s, s.n > 1 ? ",{" : "{");
		put_member(&s, "FeatureName", f->name);
		if (f->collection.n) {
			put_key(&s, "ValueAsStringList");
			str_add(&s, p->values[i]);
		} else {
			put_member(&s, "ValueAsString", p->values[i]);
		}
		str_addc(&s, '}');
	}
	str_addc(&s, ']');
	p->json = arena_dup(&x->mem, str_sl(&s));
	str_free(&s);
}

static bool take_ttl(struct exchange *x, const struct json *ttl, struct put *p)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "Seconds", 1 }, { "Minutes", 60 }, { "Hours", 3600 }, { "Days", 86400 },
		{ "Weeks", 604800 } };
	struct sl unit = p->g->ttl.unit;
	int64_t value = p->g->ttl.value;

	if (ttl && (!json_get_str(ttl, "Unit", &unit) || !json_get_i64(ttl, "Value", &value) ||
			   value < 1))
		return runtime_refuse(x, p, "TtlDuration needs a Unit and a Value of at least 1");
	if (!unit.n)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!sl_eq_str(unit, units[i].unit))
			continue;
		p->expires = (p->time.seconds + value * units[i].seconds) * CLOCK_US_PER_SEC +
			     p->time.nanos / 1000;
		return true;
	}
	return runtime_refuse(x, p,
		"TtlDuration.Unit '%.*s' is not one of [Seconds, Minutes, Hours, Days, "
		"Weeks]",
		(int)(unit.n > 100 ? 100 : unit.n), unit.p);
}

static bool take_targets(struct exchange *x, const struct json *targets, struct put *p)
{
	struct sl names[2];
	size_t n = 0;

	for (const struct json *t = targets ? targets->child : NULL; t; t = t->next) {
		if (n == 2 || t->kind != J_STR)
			return runtime_refuse(x, p,
				"Value at 'targetStores' failed to satisfy "
				"constraint: Member must have length less than or equal to 2");
		names[n++] = t->text;
	}
	return runtime_targets(x, p->g, names, n, p);
}

bool runtime_check_put(struct exchange *x, struct group *g, const struct json *in,
	const struct json *default_ttl, struct put *p)
{
	const struct json *record = json_get(in, "Record"), *ttl = json_get(in, "TtlDuration");
	size_t bytes = 0;

	*p = (struct put){ .g = g };
	p->values = arena_alloc(&x->mem, mem_mul(g->n_features, sizeof *p->values));
	memset(p->values, 0, g->n_features * sizeof *p->values);
	if (!record || record->kind != J_ARR || !record->n)
		return runtime_refuse(x, p,
			"Value null at 'record' failed to satisfy constraint: Member "
			"must not be null");
	for (const struct json *v = record->child; v; v = v->next)
		if (!take_value(x, v, p, &bytes))
			return false;
	p->id = p->values[g->id];
	if (!p->id.n)
		return runtime_refuse(x, p, "Record identifier feature '%.*s' must have a value",
			(int)g->features[g->id].name.n, g->features[g->id].name.p);
	if (!p->values[g->event_time].n)
		return runtime_refuse(x, p, "Event time feature '%.*s' must have a value",
			(int)g->features[g->event_time].name.n, g->features[g->event_time].name.p);
	if (p->id.n > MAX_ID)
		return runtime_refuse(x, p, "Record identifier value must not be larger than 2 KB");
	if (bytes > MAX_RECORD)
		return runtime_refuse(x, p, "Record size must not be larger than 350 KB");
	if (!runtime_event_time(x, g, p->values[g->event_time], p) ||
		!take_targets(x, json_get(in, "TargetStores"), p) ||
		!take_ttl(x, ttl ? ttl : default_ttl, p))
		return false;
	make_json(x, p);
	return true;
}

void runtime_store(const struct put *p)
{
	if (p->online)
		(void)online_put(p->g->online, p->id, p->time, p->expires, false, p->json);
	/* the stored rows have no values for collections: they never reach the offline store */
	for (size_t i = 0; p->offline && i < p->g->n_features; i++)
		if (p->g->features[i].collection.n)
			p->values[i] = (struct sl){ NULL, 0 };
	if (p->offline && !p->g->blocked.n)
		offline_append(p->g->offline, p->values, p->time, false);
}
