#include "wide/registry_internal.h"

#include "core/utf8.h"
#include "pg/relation.h"
#include "pg/rights.h"
#include "stream/namelist.h"

#include <dirent.h>

#define HASH_SEED 3 /* of the hash in names: never to be changed */
#define HASH_SUFFIX 9

void target_defaults(struct target_opts *o)
{
	if (!o->schema)
		o->schema = "tenant";
	if (!o->prefix)
		o->prefix = "tbl_data_timeseries_";
	if (!o->group_columns)
		o->group_columns = o->types == TARGET_NATIVE ? REGISTRY_NATIVE_COLUMNS
							     : REGISTRY_TEXT_COLUMNS;
}

/* ---- --groups ------------------------------------------------------------------------------- */

static void add_listed(struct registry *r, struct sl channel, size_t list)
{
	bool added;
	size_t i = names_add(&r->listed, channel, &added);

	if (!added && r->list_of[i] != list)
		die(EX_DATA, "--groups: channel %s is in %s and in %s", msg_q(channel),
			msg_q(r->lists.name[r->list_of[i]]), msg_q(r->lists.name[list]));
	mem_grow(&r->list_of, &r->list_of_cap, i + 1, sizeof *r->list_of);
	r->list_of[i] = list;
}

static void read_list(struct registry *r, const char *dir, size_t list)
{
	AUTO_NAMES channels = { .n = 0 };
	AUTO_STR path = { 0 };

	str_addf(&path, "%s/%s", dir, r->lists.name[list].p);
	namelist_read(str_z(&path), &channels, false);
	for (size_t i = 0; i < channels.n; i++)
		add_listed(r, channels.name[i], list);
}

static int is_list(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".txt") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_lists(struct registry *r, const char *dir)
{
	struct dirent **entry;
	int n = scandir(dir, &entry, is_list, by_bytes);

	if (n < 0)
		die_errno(EX_NOINPUT_, "--groups: cannot read %s", msg_q(sl_of(dir)));
	if (n == 0)
		die_hint(EX_NOINPUT_, "one file per group, such as engine.txt: a channel id a line",
			"--groups: no *.txt in %s", msg_q(sl_of(dir)));
	for (int i = 0; i < n; i++) {
		(void)names_add(&r->lists, sl_of(entry[i]->d_name), NULL);
		free(entry[i]);
	}
	free(entry);
	for (size_t i = 0; i < r->lists.n; i++)
		read_list(r, dir, i);
}

size_t registry_list_of(const struct registry *r, struct sl channel)
{
	size_t i = r->listed.n ? names_find(&r->listed, channel) : NAMES_NONE;

	return i == NAMES_NONE ? NAMES_NONE : r->list_of[i];
}

/* ---- opening -------------------------------------------------------------------------------- */

struct registry *registry_open(struct pg *pg, const struct target_opts *opts, const char *key)
{
	struct registry *r = mem_zalloc(sizeof *r);

	r->pg = pg;
	r->opts = opts;
	r->key = sl_of(key);
	r->limit = opts->group_columns;
	if (r->key.n == 0 || r->key.n > REGISTRY_NAME_MAX)
		die(EX_USAGE_, "--key: no possible name of a column: %s", msg_q(r->key));
	if (opts->groups)
		read_lists(r, opts->groups);
	rights_make_schema(pg, opts->schema);
	return r;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->ships.n; i++) {
		struct ship *s = r->ship[i];

		names_free(&s->channels);
		names_free(&s->columns);
		names_free(&s->remade);
		mem_free(s->channel);
		mem_free(s->owner);
		mem_free(s->group);
		mem_free(s);
	}
	mem_free(r->ship);
	names_free(&r->ships);
	names_free(&r->lists);
	names_free(&r->listed);
	mem_free(r->list_of);
	names_free(&r->texts);
	mem_free(r);
}

void registry_through(struct registry *r, struct pg *pg)
{
	r->pg = pg;
}

struct pg *registry_pg(const struct registry *r)
{
	return r->pg;
}

const struct target_opts *registry_opts(const struct registry *r)
{
	return r->opts;
}

struct sl registry_key(const struct registry *r)
{
	return r->key;
}

const char *registry_key_ident(const struct registry *r)
{
	return pg_ident(r->pg, r->key);
}

const char *registry_table(const struct registry *r, const struct ship *s, size_t group)
{
	return pg_table(r->pg, sl_of(r->opts->schema), s->group[group].table);
}

const char *registry_key_type(const struct ship *s)
{
	return s->zoned ? "timestamptz" : "timestamp";
}

void registry_zoned(struct registry *r, bool zoned)
{
	r->zoned = zoned;
	for (size_t i = 0; i < r->ships.n; i++)
		if (r->ship[i]->base_is == BASE_NONE && r->ship[i]->n_groups == 0)
			r->ship[i]->zoned = zoned;
}

static struct ship *add_ship(struct registry *r, struct sl id)
{
	size_t i = names_add(&r->ships, id, NULL);

	if (id.n == 0)
		die(EX_DATA, "a ship without an id");
	mem_grow(&r->ship, &r->ships_cap, i + 1, sizeof *r->ship);
	r->ship[i] = mem_zalloc(sizeof *r->ship[i]);
	r->ship[i]->id = r->ships.name[i];
	return r->ship[i];
}

void registry_expect(struct registry *r, const struct names *ships)
{
	r->expected = ships;
}

#define READ_AHEAD 100

struct ship *registry_ship(struct registry *r, struct sl id)
{
	size_t known = names_find(&r->ships, id), i, n = 0;
	struct ship *list[READ_AHEAD];

	if (known != NAMES_NONE)
		return r->ship[known];
	list[n++] = add_ship(r, id);
	i = r->expected ? names_find(r->expected, id) : NAMES_NONE;
	/* in whatever order they come */
	for (size_t k = 1; i != NAMES_NONE && k < r->expected->n && n < READ_AHEAD; k++) {
		struct sl next = r->expected->name[(i + k) % r->expected->n];

		if (names_find(&r->ships, next) == NAMES_NONE)
			list[n++] = add_ship(r, next);
	}
	registry_read_all(r, list, n);
	return list[0];
}

bool registry_comment(const struct ship *s, size_t channel, struct str *text)
{
	const struct channel *c = &s->channel[channel];

	str_set(text, s->channels.name[channel]);
	if (c->about.n > 0) {
		str_addc(text, '\n');
		str_add(text, c->about);
	}
	return c->about.n > 0 || !sl_eq(c->column, s->channels.name[channel]);
}

size_t registry_find(const struct ship *s, struct sl channel)
{
	return names_find(&s->channels, channel);
}

/* ---- names ---------------------------------------------------------------------------------- */

struct sl registry_keep(struct registry *r, struct sl s)
{
	size_t i = names_add(&r->texts, s, NULL);

	return r->texts.name[i];
}

/* `shown` as an identifier; where it is cut or salted, the hash of `exact` tells it from others. */
static struct sl fit_name(struct registry *r, struct sl shown, struct sl exact, unsigned salt)
{
	char name[REGISTRY_NAME_MAX + 1];
	size_t n;

	if (shown.n <= REGISTRY_NAME_MAX && salt == 0)
		return registry_keep(r, shown);
	n = utf8_cut(shown, REGISTRY_NAME_MAX - HASH_SUFFIX);
	memcpy(name, shown.p, n);
	(void)snprintf(name + n, HASH_SUFFIX + 1, "_%08x",
		(unsigned)(uint32_t)hash64(exact, HASH_SEED + salt));
	return registry_keep(r, (struct sl){ name, n + HASH_SUFFIX });
}

struct sl registry_base_name(struct registry *r, struct sl ship, unsigned n)
{
	AUTO_STR exact = { 0 }, shown = { 0 };

	str_addz(&exact, r->opts->prefix);
	str_addz(&shown, r->opts->prefix);
	str_add(&exact, ship);
	/* ASCII letters only: what lower() does to others depends on the database */
	for (size_t i = 0; i < ship.n; i++)
		str_addc(&shown,
			(char)(ship.p[i] >= 'A' && ship.p[i] <= 'Z' ? ship.p[i] + 32 : ship.p[i]));
	return fit_name(r, str_sl(&shown), str_sl(&exact), n);
}

struct sl registry_group_name(struct registry *r, struct sl base, uint32_t number, unsigned salt)
{
	AUTO_STR full = { 0 };

	str_add(&full, base);
	str_addf(&full, "_%u", number);
	return fit_name(r, str_sl(&full), str_sl(&full), salt);
}

/* ---- in memory ------------------------------------------------------------------------------ */

bool registry_take_column(struct ship *s, struct sl column, size_t owner)
{
	bool added;
	size_t i = names_add(&s->columns, column, &added);

	mem_grow(&s->owner, &s->owners_cap, i + 1, sizeof *s->owner);
	if (added)
		s->owner[i] = owner;
	return added;
}

void registry_reset(struct registry *r, struct ship *s)
{
	/* PostgreSQL refuses columns of these names in any table */
	static const struct sl system_columns[] = { SL_INIT("tableoid"), SL_INIT("xmin"),
		SL_INIT("cmin"), SL_INIT("xmax"), SL_INIT("cmax"), SL_INIT("ctid") };

	for (size_t i = 0; i < s->channels.n; i++)
		s->channel[i] = (struct channel){ .column = SL(""), .format = SL("") };
	s->n_groups = 0;
	s->unmade = 0;
	s->base_is = BASE_NONE;
	s->taken = s->unkeyed = s->rename = SL("");
	s->others = false;
	names_clear(&s->columns);
	(void)!registry_take_column(s, r->key, NAMES_NONE);
	for (size_t i = 0; i < ARRAY_LEN(system_columns); i++)
		(void)!registry_take_column(s, system_columns[i], NAMES_NONE);
}

size_t registry_channel(struct ship *s, struct sl id)
{
	bool added;
	size_t i = names_add(&s->channels, id, &added);

	if (added) {
		mem_grow(&s->channel, &s->channels_cap, i + 1, sizeof *s->channel);
		s->channel[i] = (struct channel){ .column = SL(""), .format = SL("") };
	}
	return i;
}

struct group *registry_group(struct ship *s, uint32_t number)
{
	mem_grow(&s->group, &s->groups_cap, number, sizeof *s->group);
	while (s->n_groups < number)
		s->group[s->n_groups++] = (struct group){ .table = SL(""), .list = NAMES_NONE };
	return &s->group[number - 1];
}

/* ---- assigning ------------------------------------------------------------------------------ */

/* In a ship without channels, group i + 1 is that of list i, whichever channel comes first. */
static void reserve_groups(const struct registry *r, struct ship *s)
{
	for (size_t i = 0; i < r->lists.n; i++)
		registry_group(s, (uint32_t)i + 1)->list = i;
}

static uint32_t choose_group(const struct registry *r, struct ship *s, size_t list)
{
	if (s->n_groups == 0)
		reserve_groups(r, s);
	for (size_t i = s->n_groups; i-- > 0;)
		if (s->group[i].list == list && s->group[i].n < r->limit)
			return (uint32_t)i + 1;
	registry_group(s, (uint32_t)s->n_groups + 1)->list = list;
	return (uint32_t)s->n_groups;
}

static struct sl choose_column(struct registry *r, struct ship *s, size_t channel)
{
	struct sl id = s->channels.name[channel];

	for (unsigned salt = 0; salt < 1000; salt++) {
		struct sl name = fit_name(r, id, id, salt);

		if (registry_take_column(s, name, channel))
			return name;
	}
	bug("no free name for a column: %s", msg_q(id));
}

static enum column_type type_for(const struct registry *r, struct sl format)
{
	if (r->opts->types == TARGET_TEXT)
		return COLUMN_TEXT;
	if (sl_eq_str(format, "Decimal"))
		return COLUMN_DOUBLE;
	if (sl_eq_str(format, "Integer"))
		return COLUMN_BIGINT;
	return sl_eq_str(format, "Boolean") ? COLUMN_BOOLEAN : COLUMN_TEXT;
}

size_t registry_assign(struct registry *r, struct ship *s, struct sl channel, struct sl format)
{
	size_t i = registry_channel(s, channel);
	struct channel *c = &s->channel[i];

	if (c->group)
		return i;
	c->group = choose_group(r, s, registry_list_of(r, channel));
	s->group[c->group - 1].n++;
	c->column = choose_column(r, s, i);
	c->format = registry_keep(r, format);
	c->type = type_for(r, format);
	s->unmade++;
	return i;
}
