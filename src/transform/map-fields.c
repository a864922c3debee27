/*
 * map-fields - change which fields records have: select, drop, rename, set, cast.
 *
 * Works in the memory of one record. Values that are not set or cast pass unchanged. --select,
 * --drop and --rename speak of the input's names, --default, --set and --cast of the output's, and
 * are done in this order, --flatten before and --hash after them.
 *
 * contract: map-fields --rename value:v --set x=1 --cast x:int
 */
#include "aws/crypto.h"
#include "core/clock.h"
#include "core/utf8.h"
#include "stream/cast.h"
#include "stream/filter.h"
#include "stream/flatten.h"
#include "stream/in.h"
#include "stream/namelist.h"

#define MAX_MAP ((size_t)16 << 20)

/* A column of the output of what is to be hashed: under p.name lies p.name.first, p may hold it. */
struct kin {
	size_t at;
	bool holds;
};

/* What is done to one field of the output. */
struct change {
	struct sl name;
	struct field value; /* --set, --default */
	bool only_null;     /* --default */
	enum cast cast;     /* --cast, else CAST_NONE */
	bool hash;	    /* --hash */
	const char *option;
	size_t at; /* column of the output, NAMES_NONE: not there yet */
	struct kin *kin; /* --hash with --flatten */
	size_t n_kin, kin_cap;
	bool met;		 /* --hash: a record had it */
	uint64_t lacking, first; /* --hash: records without it since, and the first of them */
};

struct state {
	struct io_opts io;
	struct opt_list select, drop, rename, map, set, set_now, fallback, cast, hash;
	const char *hash_key;
	bool flatten;

	struct names selected, dropped, old_names, new_names; /* old ones become new ones */
	size_t n_renamed; /* by --rename, the others by --map, which may serve several inputs */
	struct change *changes;
	size_t n_changes, changes_cap;
	struct str now;
	struct arena arena;     /* texts of the options */
	struct arena row_arena; /* of the record */

	struct flatten flat;
	struct crypto_hmac hmac;
	const struct names *in; /* columns of the input, flat ones if need be */
	size_t n_in;		/* so many of them have their places */
	struct names out; /* columns of the output */
	size_t *to;       /* column of the input -> column of the output, NAMES_NONE: none */
	size_t to_cap;
	struct field *row;
	size_t row_cap;
};

static const struct opt options[] = {
	{ .name = "select", .letter = 's', STATE(select), .arg = "NAME,...",
	  .help = "keep these only, in this order" },
	{ .name = "drop", .letter = 'd', STATE(drop), .arg = "NAME,...",
	  .help = "leave these out" },
	{ .name = "rename", .letter = 'r', STATE(rename), .arg = "OLD:NEW,...",
	  .help = "give these another name" },
	{ .name = "map", .letter = 'm', STATE(map), .arg = "FILE", .file = OPT_READS,
	  .help = "rename as this file says: {\"old\":\"new\"}, or a line OLD:NEW each" },
	{ .name = "default", .letter = 'f', STATE(fallback), .arg = "NAME=TEXT",
	  .help = "the value where it is NULL or missing" },
	{ .name = "set", .letter = 'S', STATE(set), .arg = "NAME=TEXT",
	  .help = "the value everywhere" },
	{ .name = "set-now", .letter = 'n', STATE(set_now), .arg = "NAME,...",
	  .help = "the time of the start as value, like 2024-01-01T00:00:00.000Z" },
	{ .name = "cast", .letter = 'c', STATE(cast), .arg = "NAME:TYPE,...",
	  .help = "check and write as " CAST_CHOICES },
	{ .name = "hash", STATE(hash), .arg = "NAME,...",
	  .help = "write SHA-256 of these instead, with the key of --hash-key" },
	{ .name = "hash-key", .needs = "hash", STATE(hash_key), .arg = "FILE", .file = OPT_READS,
	  .help = "holds the key (default: FERRY_HASH_KEY is the key)" },
	{ .name = "flatten", STATE(flatten),
	  .help = "first make fields of the members of nested JSON objects, named a.b" },
	FILTER_OPTS,
};

/* ---- the options ---------------------------------------------------------------------------- */

static void add_rename(struct state *st, struct sl old, struct sl new, const char *where)
{
	bool added;

	if (old.n == 0 || new.n == 0)
		opt_usage("%s: a column needs a name", where);
	(void)names_add(&st->old_names, old, &added);
	if (!added)
		opt_usage("%s: column %s is renamed twice", where, msg_q(old));
	(void)names_add(&st->new_names, new, &added);
	if (!added)
		opt_usage("%s: two columns become %s", where, msg_q(new));
}

/* OLD:NEW of a line; names with colons can be given by a JSON file only. */
static void add_pair(struct state *st, struct sl pair, const char *where)
{
	const char *colon = memchr(pair.p, ':', pair.n), *end = pair.p + pair.n;

	if (!colon || memchr(colon + 1, ':', (size_t)(end - colon - 1)))
		opt_usage("%s: not OLD:NEW: %s", where, msg_q(pair));
	add_rename(st, (struct sl){pair.p, (size_t)(colon - pair.p)},
		(struct sl){colon + 1, (size_t)(end - colon - 1)}, where);
}

static void add_pairs(struct state *st, const char *list)
{
	AUTO_STR text = {0}, other = {0};

	for (const char *p = list;; p++) {
		const char *pair = p;
		struct sl old = namelist_next(&p, ":,", &text, "rename"), new = SL("");
		bool two = *p == ':';

		p += two;
		if (two)
			new = namelist_next(&p, ":,", &other, "rename");
		if (!two || *p == ':')
			opt_usage("--rename: not OLD:NEW: %s",
				msg_q((struct sl){pair, strcspn(pair, ",")}));
		add_rename(st, old, new, "--rename");
		if (!*p)
			return;
	}
}

/* The name in front of the `end` of an element, which *p is at then; false: there is none. */
static bool take_name(
	struct state *st, const char **p, char end, const char *option, struct sl *name)
{
	const char ends[] = {end, '\0'}, *list = *p;
	AUTO_STR text = {0};

	if (*list == '"')
		*name = arena_dup(&st->arena, namelist_next(p, ends, &text, option));
	else if (end == ':')
		*p = memrchr(list, end, strcspn(list, ","));
	else
		*p = strchr(list, end);
	if (*list != '"' && *p)
		*name = (struct sl){list, (size_t)(*p - list)};
	return *p && **p == end;
}

static void read_json_map(struct state *st, struct sl text, const char *path)
{
	const char *why;
	size_t at;
	const struct json *o = json_parse(&st->arena, text, &why, &at);

	if (!o)
		die(EX_CONFIGURATION, "%s: byte %zu: %s", path, at + 1, why);
	for (const struct json *m = o->child; m; m = m->next) {
		if (m->kind != J_STR)
			die(EX_CONFIGURATION, "%s: the new name of %s is not a text", path,
				msg_q(m->key));
		add_rename(st, m->key, m->text, path);
	}
}

static void read_map(struct state *st, const char *path)
{
	struct in *in = in_open(path, MAX_MAP);
	struct sl all = in_whole(in), line;

	while (all.n && memchr(" \t\r\n", *all.p, 4))
		sl_skip(&all, 1);
	if (all.n && *all.p == '{') {
		read_json_map(st, all, path);
		all.n = 0;
	}
	while (sl_cut(&all, '\n', &line)) {
		line.n -= line.n && line.p[line.n - 1] == '\r';
		if (line.n)
			add_pair(st, line, path);
	}
	in_close(in);
}

static struct change *add_change(struct state *st, struct sl name, const char *option)
{
	struct change *c;

	if (name.n == 0)
		opt_usage("--%s: a column needs a name", option);
	mem_grow(&st->changes, &st->changes_cap, st->n_changes + 1, sizeof *st->changes);
	c = &st->changes[st->n_changes++];
	*c = (struct change){.name = name, .option = option, .at = NAMES_NONE};
	return c;
}

static void add_values(
	struct state *st, const struct opt_list *list, const char *option, bool only_null)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->v[i].p, *eq = text;
		struct change *c;
		struct sl name;

		if (!take_name(st, &eq, '=', option, &name))
			opt_usage("--%s: not NAME=TEXT: %s", option, msg_q(sl_of(text)));
		c = add_change(st, name, option);
		c->value = field_name(sl_of(eq + 1));
		c->only_null = only_null;
	}
}

static void add_now(struct state *st)
{
	int64_t ms = clock_floor(clock_now(), 1000);
	char text[CLOCK_TEXT_MAX];
	AUTO_NAMES names = {0};

	(void)clock_put(text, clock_floor(ms, CLOCK_US_PER_SEC), false);
	text[10] = 'T';
	str_addf(&st->now, "%.19s.%03dZ", text,
		(int)(ms - clock_floor(ms, CLOCK_US_PER_SEC)) / 1000);
	filter_names(&names, &st->set_now, "set-now");
	for (size_t i = 0; i < names.n; i++)
		add_change(st, arena_dup(&st->arena, names.name[i]), "set-now")->value =
			field_name(str_sl(&st->now));
}

static void add_casts(struct state *st, const char *list)
{
	for (const char *p = list;; p++) {
		struct sl each = {p, strcspn(p, ",")}, name;
		struct change *c;

		if (!take_name(st, &p, ':', "cast", &name))
			opt_usage("--cast: not NAME:TYPE: %s", msg_q(each));
		c = add_change(st, name, "cast");
		p++;
		each.n = (size_t)(p - each.p) + strcspn(p, ",");
		if (!cast_parse((struct sl){p, (size_t)(each.p + each.n - p)}, &c->cast))
			opt_usage("--cast: %s: the types are " CAST_CHOICES, msg_q(each));
		p = each.p + each.n;
		if (!*p)
			return;
	}
}

#define MIN_KEY 16 /* bytes: fewer can be tried out */

/* Never from the command line, which everybody can read. */
static void read_hash_key(struct state *st)
{
	const char *key = getenv("FERRY_HASH_KEY");
	struct in *in = st->hash_key ? in_open(st->hash_key, MAX_MAP) : NULL;
	struct sl s = in || !key ? SL("") : sl_of(key);

	if (!in && s.n == 0)
		opt_usage("--hash needs a key: --hash-key FILE, or FERRY_HASH_KEY");
	if (in) {
		s = in_whole(in);
		s.n -= s.n && s.p[s.n - 1] == '\n';
		s.n -= s.n && s.p[s.n - 1] == '\r';
	}
	if (s.n < MIN_KEY)
		die_hint(EX_CONFIGURATION, "head -c 32 /dev/urandom | base64 makes one",
			"the key of --hash has %zu bytes; at least %d are needed", s.n, MIN_KEY);
	crypto_hmac_key(&st->hmac, s);
	if (in)
		in_close(in);
}

static void add_hashes(struct state *st)
{
	AUTO_NAMES names = {0};

	if (!st->hash.n)
		return;
	st->io.hide_values = true;
	read_hash_key(st);
	filter_names(&names, &st->hash, "hash");
	for (size_t i = 0; i < names.n; i++)
		add_change(st, arena_dup(&st->arena, names.name[i]), "hash")->hash = true;
}

/* Does it give a value, so that the column need not be there? */
static bool makes(const struct change *c)
{
	return !c->cast && !c->hash;
}

/* Options one of which would undo the other without a word; one may be #3, which is resolved. */
static void refuse_contradictions(const struct state *st)
{
	const struct change *c = st->changes, *d;

	for (size_t i = 0; i < st->dropped.n; i++) {
		struct sl name = st->dropped.name[i];

		if (names_find(&st->selected, name) != NAMES_NONE)
			opt_usage("column %s is both selected and dropped", msg_q(name));
		if (names_find(&st->old_names, name) < st->n_renamed)
			opt_usage("column %s is both renamed and dropped", msg_q(name));
	}
	for (size_t i = 0; i < st->n_renamed && st->in && st->selected.n; i++)
		if (names_find(&st->selected, st->old_names.name[i]) == NAMES_NONE)
			opt_usage("column %s is renamed, but not selected",
				msg_q(st->old_names.name[i]));
	for (; c < st->changes + st->n_changes; c++)
		for (d = st->changes; d < c; d++) {
			if (!sl_eq(c->name, d->name))
				continue;
			if (c->option == d->option)
				opt_usage("--%s: column %s is named twice", c->option,
					msg_q(c->name));
			if (makes(c) && makes(d))
				opt_usage("--%s and --%s both give column %s a value", d->option,
					c->option, msg_q(c->name));
		}
}

static void check(struct state *st)
{
	filter_names(&st->selected, &st->select, "select");
	filter_names(&st->dropped, &st->drop, "drop");
	for (size_t i = 0; i < st->rename.n; i++)
		add_pairs(st, st->rename.v[i].p);
	st->n_renamed = st->old_names.n;
	for (size_t i = 0; i < st->map.n; i++)
		read_map(st, st->map.v[i].p);
	add_values(st, &st->fallback, "default", true);
	add_values(st, &st->set, "set", false);
	add_now(st);
	for (size_t i = 0; i < st->cast.n; i++)
		add_casts(st, st->cast.v[i].p);
	add_hashes(st);
	refuse_contradictions(st);
}

/* ---- columns -------------------------------------------------------------------------------- */

static struct sl renamed(const struct state *st, struct sl name)
{
	size_t i = names_find(&st->old_names, name);

	return i == NAMES_NONE ? name : st->new_names.name[i];
}

/* Is it a column whose value is given, so that the input need not have it? */
static bool is_made(const struct state *st, struct sl name)
{
	for (size_t i = 0; i < st->n_changes; i++)
		if (makes(&st->changes[i]) && sl_eq(st->changes[i].name, name))
			return true;
	return false;
}

/* Where CSV lacks a column that an option names, the option is mistaken. */
static void need_columns(const struct state *st, struct filter_run *run)
{
	uint64_t n;

	for (size_t i = 0; i < st->selected.n; i++)
		if (!is_made(st, st->selected.name[i]) ||
			namelist_is_number(st->selected.name[i], &n))
			(void)filter_header_column(run, st->selected.name[i], "select");
	for (size_t i = 0; i < st->dropped.n; i++)
		(void)filter_header_column(run, st->dropped.name[i], "drop");
	for (size_t i = 0; i < st->old_names.n; i++)
		(void)filter_header_column(run, st->old_names.name[i], "rename");
}

/* The column of the output a column of the input goes to. */
static size_t place_of(struct state *st, struct sl name)
{
	if (names_find(&st->dropped, name) != NAMES_NONE ||
		(st->selected.n && names_find(&st->selected, name) == NAMES_NONE))
		return NAMES_NONE;
	return names_add(&st->out, renamed(st, name), NULL);
}

static bool lies_under(struct sl name, struct sl of)
{
	return name.n > of.n && name.p[of.n] == '.' && memcmp(name.p, of.p, of.n) == 0;
}

/* With --flatten a name may be that of an object, or be looked for in what is none. */
static void find_kin(struct state *st, struct change *c)
{
	size_t i = names_find(&st->new_names, c->name);
	struct sl name = i == NAMES_NONE ? c->name : st->old_names.name[i];

	c->n_kin = 0;
	for (i = 0; i < st->n_in; i++) {
		bool holds = lies_under(name, st->in->name[i]);

		if (st->to[i] == NAMES_NONE || (!holds && !lies_under(st->in->name[i], name)))
			continue;
		mem_grow(&c->kin, &c->kin_cap, c->n_kin + 1, sizeof *c->kin);
		c->kin[c->n_kin++] = (struct kin){.at = st->to[i], .holds = holds};
	}
}

static void place_changes(struct state *st, bool csv)
{
	uint64_t n;

	for (size_t i = 0; i < st->n_changes; i++) {
		struct change *c = &st->changes[i];

		c->name = csv ? namelist_resolve(&st->out, c->name) : c->name;
		if (makes(c) && !(csv && namelist_is_number(c->name, &n)))
			c->at = names_add(&st->out, c->name, NULL);
		else
			c->at = names_find(&st->out, c->name);
		if (c->hash && st->flatten)
			find_kin(st, c);
		if (c->at == NAMES_NONE && csv && c->n_kin == 0)
			die(EX_DATA, "--%s: the output has no column %s", c->option,
				msg_q(c->name));
	}
}

static void refuse_twins(const struct state *st, size_t n_in)
{
	for (size_t i = 0; i < n_in; i++)
		for (size_t k = 0; k < i; k++)
			if (st->to[i] != NAMES_NONE && st->to[i] == st->to[k])
				die_hint(EX_DATA, "--drop leaves one of them out",
					"two columns of the output are named %s",
					msg_q(st->out.name[st->to[i]]));
}

static void take_columns(struct state *st, struct filter_run *run, const struct names *cols)
{
	bool csv = format_traits(rd_format(filter_io(run)->rd))->header;

	st->in = cols;
	st->n_in = cols->n;
	if (csv) {
		namelist_resolve_all(&st->selected, cols);
		namelist_resolve_all(&st->dropped, cols);
		namelist_resolve_all(&st->old_names, cols);
	}
	need_columns(st, run);
	for (size_t i = 0; i < st->selected.n; i++)
		(void)names_add(&st->out, renamed(st, st->selected.name[i]), NULL);
	mem_grow(&st->to, &st->to_cap, cols->n, sizeof *st->to);
	for (size_t i = 0; i < cols->n; i++)
		st->to[i] = place_of(st, cols->name[i]);
	if (csv && st->old_names.n)
		refuse_twins(st, cols->n);
	place_changes(st, csv);
	refuse_contradictions(st);
	mem_grow(&st->row, &st->row_cap, st->out.n, sizeof *st->row);
	filter_cols(run, st->out.name, st->out.n);
	if (!st->selected.n && !st->dropped.n && !st->old_names.n && !st->n_changes)
		filter_keeps_values(run);
}

/* Flat columns are known as records come. */
static void start(struct state *st, struct filter_run *run, const struct names *cols)
{
	if (!st->flatten)
		take_columns(st, run, cols);
}

/* ---- records -------------------------------------------------------------------------------- */

static void refuse(const struct state *st, struct filter_run *run, const struct rec *rec, size_t at,
	const char *why)
{
	io_reject_value(filter_io(run), rec, st->out.name[at], field_sl(&st->row[at]), why);
}

static void refuse_unhashed(
	struct filter_run *run, const struct rec *rec, struct sl name, const char *why)
{
	io_reject_value(filter_io(run), rec, name, SL(""), why);
}

/* Puts the fields of the input in their places; false when two want the same. */
static bool place(struct state *st, struct filter_run *run, const struct rec *rec)
{
	fields_clear(st->row, st->out.n);
	for (size_t i = 0; i < rec->n; i++) {
		size_t to = st->to[i];

		if (to == NAMES_NONE || rec->f[i].kind == F_ABSENT)
			continue;
		if (st->row[to].kind != F_ABSENT) {
			refuse(st, run, rec, to,
				"renamed to a name that the record has already");
			return false;
		}
		st->row[to] = rec->f[i];
	}
	return true;
}

static void hash_field(struct state *st, struct field *f)
{
	uint8_t sum[CRYPTO_SHA256_LEN];
	char *hex;

	if (field_is_null(f))
		return;
	hex = arena_alloc(&st->row_arena, CRYPTO_HEX_LEN);
	crypto_hmac_of(&st->hmac, field_sl(f), sum);
	crypto_hex(hex, sum, sizeof sum);
	*f = field_name((struct sl){hex, CRYPTO_HEX_LEN});
}

/*
 * What was to be hidden may be there under another name, and what is written cannot be taken back:
 * so no record of NDJSON goes out before one had the column. False: the record is a bad one.
 */
static bool hash(struct state *st, struct filter_run *run, const struct rec *rec, struct change *c)
{
	bool met = c->at != NAMES_NONE && st->row[c->at].kind != F_ABSENT, held = false;

	if (met)
		hash_field(st, &st->row[c->at]);
	for (size_t i = 0; i < c->n_kin; i++) {
		struct field *f = &st->row[c->kin[i].at];

		/* of objects only those without members are left, in which nothing can be */
		held |= c->kin[i].holds && !field_is_null(f) &&
			!(f->kind == F_JSON && *f->p == '{');
		if (c->kin[i].holds || f->kind == F_ABSENT)
			continue;
		hash_field(st, f);
		met = true;
	}
	c->met |= met;
	if (!met && held)
		refuse_unhashed(run, rec, c->name,
			"--hash is for it, and it may be within a text or array");
	else if (!c->met)
		refuse_unhashed(run, rec, c->name, "--hash is for it, and no record had it so far");
	else if (!met && c->lacking++ == 0)
		c->first = rec->record;
	return c->met && (met || !held);
}

/* False: the record is a bad one. */
static bool flatten(struct state *st, struct filter_run *run, const struct rec *rec,
	struct rec *flat)
{
	size_t at;
	const char *why =
		flatten_record(&st->flat, rd_cols(filter_io(run)->rd), rec, flat, &at);

	if (why)
		filter_reject(run, rec, at, why);
	else if (st->flat.names.n > st->n_in || !st->in) /* also those of records refused */
		take_columns(st, run, &st->flat.names);
	return !why;
}

static void row(struct state *st, struct filter_run *run, const struct rec *rec)
{
	struct rec flat;

	if (UNLIKELY(st->row_arena.head))
		arena_reset(&st->row_arena);
	if (st->flatten) {
		if (!flatten(st, run, rec, &flat))
			return;
		rec = &flat;
	}
	if (!place(st, run, rec))
		return;
	for (size_t i = 0; i < st->n_changes; i++) {
		struct change *c = &st->changes[i];
		const char *why;

		if (c->hash) {
			if (!hash(st, run, rec, c))
				return;
			continue;
		}
		if (c->at == NAMES_NONE)
			continue;
		if (!c->cast) {
			if (!c->only_null || field_is_null(&st->row[c->at]))
				st->row[c->at] = c->value;
			continue;
		}
		why = cast_field(c->cast, &st->row[c->at], &st->row_arena);
		if (why) {
			refuse(st, run, rec, c->at, why);
			return;
		}
	}
	filter_emit(run, st->row, st->out.n);
}

/* A mistyped name would do nothing without a word. */
static void warn_of(const struct names *seen, struct sl name, const char *option)
{
	if (names_find(seen, name) == NAMES_NONE)
		msg_warn("--%s: no record has %s", option, msg_q(name));
}

/* Is this column of the output made of one of the input? */
static bool comes(const struct state *st, size_t at)
{
	for (size_t i = 0; i < st->n_in; i++)
		if (st->to[i] == at)
			return true;
	return false;
}

static void tell_change(const struct state *st, const struct change *c)
{
	if (c->cast)
		warn_of(&st->out, c->name, "cast");
	if (c->lacking > 0)
		msg_warn("--hash: %llu records have no %s, the first is record %llu; what they "
			 "have instead is not hashed",
			(unsigned long long)c->lacking, msg_q(c->name),
			(unsigned long long)c->first);
	if (!c->only_null || comes(st, c->at))
		return;
	if (st->io.strict)
		msg_warn("--default: no record has %s: all get the value", msg_q(c->name));
	else
		msg_note("--default: no record has %s: all get the value", msg_q(c->name));
}

static void end(struct state *st, struct filter_run *run UNUSED)
{
	const struct names *cols = st->in;

	if (!cols || !cols->n)
		return; /* there was nothing at all */
	for (size_t i = 0; i < st->selected.n; i++)
		if (!is_made(st, st->selected.name[i]))
			warn_of(cols, st->selected.name[i], "select");
	for (size_t i = 0; i < st->dropped.n; i++)
		warn_of(cols, st->dropped.name[i], "drop");
	for (size_t i = 0; i < st->old_names.n; i++)
		warn_of(cols, st->old_names.name[i], "rename");
	for (size_t i = 0; i < st->n_changes; i++)
		tell_change(st, &st->changes[i]);
}

static void release(struct state *st)
{
	struct names *names[] = {
		&st->selected, &st->dropped, &st->old_names, &st->new_names, &st->out};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names_free(names[i]);
	for (size_t i = 0; i < st->n_changes; i++)
		mem_free(st->changes[i].kin);
	mem_free(st->changes);
	str_free(&st->now);
	flatten_free(&st->flat);
	arena_free(&st->arena);
	arena_free(&st->row_arena);
	mem_free(st->to);
	mem_free(st->row);
}

static const struct filter map_fields = {
	.program = { .name = "map-fields",
		     .summary = "select, drop, rename, set, cast and hash the fields of records",
		     .synopsis = "[options] [FILE...]",
		     .examples = "  map-fields --select id,name --rename name:customer people.csv\n"
				 "  map-fields --set-now event_time --cast age:int people.csv\n",
		     .opts = options },
	FILTER_STATE,
	.names = true,
	.check = check,
	.start = start,
	.row = row,
	.end = end,
	.release = release,
};

int main(int argc, char **argv)
{
	return filter_main(&map_fields, argc, argv);
}
