#include "wide/channel_list.h"

#include "stream/rd.h"
#include "wide/channel_list.sql.h"

static size_t column_of(const struct names *cols, const char *name, const char *other)
{
	size_t i = names_find(cols, sl_of(name));

	return i != NAMES_NONE || !other ? i : names_find(cols, sl_of(other));
}

static void add_member(struct str *s, const char *key, struct sl text)
{
	if (text.p)
		str_add_member(s, key, text);
}

/* "Exhaust gas temperature [°C]", as far as the list says it. */
static void add_about(struct channel_list *list, struct sl name, struct sl unit)
{
	AUTO_STR about = { 0 };

	if (name.p)
		str_add(&about, name);
	if (unit.p && unit.n > 0)
		str_addf(&about, "%s[%.*s]", about.n > 0 ? " " : "", (int)unit.n, unit.p);
	if (about.n > 0 && pg_can_store(list->target, str_sl(&about)))
		add_member(&list->seen, "about", str_sl(&about));
}

static void add_channel(struct channel_list *list, const struct names *cols, const struct rec *rec)
{
	struct sl ship = rec_text(rec, column_of(cols, "ship_id", "ship"));
	struct sl channel = rec_text(rec, column_of(cols, "data_channel_id", "channel"));
	struct sl format = rec_text(rec, column_of(cols, "value_format", "format"));
	struct channels_of *l;
	bool added;
	size_t i, at;

	if (!ship.p || !channel.p || ship.n == 0 || channel.n == 0)
		die(EX_DATA, "channel list:%llu: no ship_id or no data_channel_id",
			(unsigned long long)rec->line);
	if (!pg_can_store(list->target, ship) || !pg_can_store(list->target, channel)) {
		if (list->left_out++ == 0)
			msg_warn("channels are left out such as %s of ship %s: " PG_NOT_STORED,
				msg_q(channel), msg_q(ship));
		return;
	}
	i = names_add(&list->ships, ship, &added);
	mem_grow(&list->of, &list->cap, i + 1, sizeof *list->of);
	l = &list->of[i];
	if (added)
		*l = (struct channels_of){ .n = 0 };
	mem_grow(&l->channel, &l->cap, l->n + 1, sizeof *l->channel);
	str_addz(&list->seen, list->seen.n ? ",{\"ship\":" : "[{\"ship\":");
	str_add_json(&list->seen, ship);
	add_member(&list->seen, "channel", channel);
	at = list->seen.n;
	add_member(&list->seen, "first", rec_text(rec, column_of(cols, "first_seen", "first")));
	add_member(&list->seen, "last", rec_text(rec, column_of(cols, "last_seen", "last")));
	add_member(&list->seen, "samples", rec_text(rec, column_of(cols, "samples", "count")));
	add_about(list, rec_text(rec, column_of(cols, "name", NULL)),
		rec_text(rec, column_of(cols, "unit", NULL)));
	l->channel[l->n++] = (struct widen_channel){ arena_dup(&list->texts, channel),
		format.p ? arena_dup(&list->texts, format) : SL(""),
		arena_dup(&list->texts, (struct sl){ list->seen.p + at, list->seen.n - at }) };
	str_addc(&list->seen, '}');
}

struct channel_list *channel_list_read(const char *path, struct pg *target)
{
	struct channel_list *list = mem_zalloc(sizeof *list);
	struct rd *rd = rd_open(path, &(struct rd_conf){ .format = FMT_AUTO });
	struct rec rec;
	enum rd_event event;

	list->target = target;
	while ((event = rd_next(rd, &rec)) != RD_END) {
		if (event == RD_BAD)
			die(EX_DATA, "channel list:%llu: %s",
				(unsigned long long)rd_fault(rd)->line, rd_fault(rd)->why);
		if (event == RD_ROW)
			add_channel(list, rd_cols(rd), &rec);
	}
	rd_close(rd);
	return list;
}

void channel_list_store(struct channel_list *list, struct pg *target, const char *schema)
{
	if (list->seen.n == 0)
		return;
	str_addc(&list->seen, ']');
	pg_run(target, seen_sql, schema, str_z(&list->seen));
}

void channel_list_free(struct channel_list *list)
{
	for (size_t i = 0; i < list->ships.n; i++)
		mem_free(list->of[i].channel);
	mem_free(list->of);
	names_free(&list->ships);
	arena_free(&list->texts);
	str_free(&list->seen);
	mem_free(list);
}
