#include "fs/fs_failed.h"

#include "core/stats.h"

static void put_more(struct str *s, uint64_t n, const char *what)
{
	if (n)
		str_addf(s, tr(", %llu %s"), (unsigned long long)n, tr(what));
}

void fs_tally_put(const struct fs_tally *t, struct str *s)
{
	str_addf(s, tr("%llu records: %llu acknowledged, %llu rejected, %llu unknown"),
		(unsigned long long)t->records, (unsigned long long)t->acknowledged,
		(unsigned long long)t->rejected, (unsigned long long)t->unknown);
	put_more(s, t->skipped, N_("acknowledged by an earlier run"));
	put_more(s, t->there, N_("there already"));
	put_more(s, fs_tally_rest(t), N_("not sent"));
}

bool fs_tally_write(const struct fs_tally *t, const char *path, struct sl group, uint64_t resent,
	uint64_t requests, double seconds)
{
	AUTO_STR s = { 0 };

	str_addz(&s, "{\"program\":\"fs-put\",\"version\":\"" FERRY_VERSION "\",\"group\":");
	str_add_json(&s, group);
	str_addf(&s,
		",\"records\":%llu,\"acknowledged\":%llu,\"rejected\":%llu,\"unknown\":%llu,"
		"\"skipped\":%llu,\"there\":%llu,\"resent\":%llu,\"expired\":%llu,"
		"\"future\":%llu,\"older\":%llu,\"requests\":%llu,\"write_units\":%llu,"
		"\"seconds\":%.3f",
		(unsigned long long)t->records, (unsigned long long)t->acknowledged,
		(unsigned long long)t->rejected, (unsigned long long)t->unknown,
		(unsigned long long)t->skipped, (unsigned long long)t->there,
		(unsigned long long)resent,
		(unsigned long long)t->expired, (unsigned long long)t->future,
		(unsigned long long)t->older, (unsigned long long)requests,
		(unsigned long long)t->write_units, seconds);
	if (t->error) {
		str_addf(&s, ",\"exit\":%d,\"reason\":\"%s\",\"error\":", t->exit,
			msg_reason(t->exit));
		str_add_json(&s, sl_of(t->error));
	}
	str_addz(&s, "}\n");
	return stats_write(path, str_sl(&s));
}

/* ---- records that were not stored ----------------------------------------------------------- */

static void put_failed(struct out *out, struct str *s, struct sl group, uint64_t record,
	const char *outcome, const char *code, struct sl message)
{
	if (s->n > 1)
		str_addc(s, ',');
	str_addz(s, "\"" FS_FAILED_COLUMN "\":{\"group\":");
	str_add_json(s, group);
	str_addf(s, ",\"record\":%llu,\"outcome\":\"%s\",\"code\":", (unsigned long long)record,
		outcome);
	str_add_json(s, sl_of(code));
	str_add_member(s, "message", message);
	str_addz(s, "}}\n");
	out_put(out, str_sl(s));
	str_free(s);
}

static void add_member(struct str *s, struct sl name)
{
	if (s->n > 1)
		str_addc(s, ',');
	str_add_json(s, name);
	str_addc(s, ':');
}

void fs_failed_record(struct out *out, struct sl group, const struct names *cols,
	const struct rec *rec, size_t column, const char *why)
{
	struct str line = {0};
	AUTO_STR message = {0};

	str_addc(&line, '{');
	for (size_t i = 0; i < rec->n && i < cols->n; i++) {
		const struct field *f = &rec->f[i];

		if (f->kind == F_ABSENT || sl_eq(cols->name[i], SL(FS_FAILED_COLUMN)))
			continue;
		add_member(&line, cols->name[i]);
		if (f->kind == F_NULL)
			str_addz(&line, "null");
		else if (f->kind == F_STR)
			str_add_json(&line, field_sl(f));
		else
			str_add(&line, field_sl(f));
	}
	if (column < cols->n)
		str_addf(&message, "%.*s ", (int)cols->name[column].n, cols->name[column].p);
	str_addz(&message, why);
	put_failed(out, &line, group, rec->record, "rejected", "before sending", str_sl(&message));
}

/* The members of the record, out of what was to be sent. */
static void add_values(struct str *line, const struct fs_item *item)
{
	AUTO_STR list = {0};
	AUTO_ARENA mem = {0};
	const struct json *values, *text;
	struct sl name;

	str_addf(&list, "[%s]", str_z(&item->values));
	values = json_read(&mem, str_sl(&list));
	for (const struct json *v = values ? values->child : NULL; v; v = v->next) {
		if (!json_get_str(v, "FeatureName", &name))
			continue;
		add_member(line, name);
		text = json_get(v, "ValueAsString");
		if (text)
			str_add_json(line, text->text);
		else
			str_add(line, json_get(v, "ValueAsStringList")->raw);
	}
}

void fs_failed_item(struct out *out, const struct fs_group *group, const struct fs_item *item,
	enum fs_outcome outcome, const struct aws_error *e)
{
	struct str line = {0};

	str_addc(&line, '{');
	if (item->deletion) {
		add_member(&line, group->features[group->id].name);
		str_add_json(&line, str_sl(&item->id));
		add_member(&line, group->features[group->time].name);
		str_add_json(&line, str_sl(&item->time));
		str_addz(&line, ",\"is_deleted\":true");
	} else {
		add_values(&line, item);
	}
	put_failed(out, &line, group->name, item->record,
		outcome == FS_REJECTED ? "rejected" : "unknown", e->code, sl_of(e->message));
}
