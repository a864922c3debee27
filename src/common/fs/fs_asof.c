#include "fs/fs_asof.h"

#include "fs/fs_known.h"
#include "stream/sort.h"

#define SORT_MEMORY ((size_t)64 << 20)

/* Of one identifier and time the state comes first: it holds at its own time. */
enum kind { STATE = '1', EVENT = '2' };

struct fs_asof {
	const struct fs_group *group;
	const struct fs_columns *cols;
	size_t shown, id, time, deleted; /* columns */
	struct names columns;            /* of the events */
	struct fs_ids ids;               /* of the events: states of others are passed over */
	struct sorter *both, *joined;
	struct str key, row, held; /* held: the state that an event may be about */
	struct str held_id;
	struct arena mem;
	uint64_t events, met, bare;
};

static void add_bytes(struct str *s, uint64_t n)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		str_addc(s, (char)(n >> shift));
}

/* As bytes that sort as the numbers do. */
static bool add_double(struct str *s, struct sl text)
{
	double d;
	uint64_t bits;

	if (!num_double(text, &d))
		return false;
	d = d == 0 ? 0 : d; /* there are two zeros */
	memcpy(&bits, &d, sizeof bits);
	add_bytes(s, bits >> 63 ? ~bits : bits | (uint64_t)1 << 63);
	return true;
}

/* The identifier as the offline store has it: of a number its value, whatever its text. */
static bool add_id(struct str *s, enum fs_type type, struct sl id)
{
	int64_t n;

	if (type == FS_FRACTIONAL)
		return add_double(s, id);
	if (type == FS_INTEGRAL && num_i64(id, &n)) {
		add_bytes(s, (uint64_t)n);
		return true;
	}
	add_bytes(s, id.n);
	str_add(s, id);
	return type == FS_STRING;
}

/* To the last of nine decimals. */
static bool add_time(struct str *s, enum fs_type type, struct sl time)
{
	struct sl bare = fs_event_time_bare(time);
	size_t end = s->n + strlen("2024-01-01T00:00:00.123456789");

	if (type != FS_STRING)
		return add_double(s, time);
	str_add(s, bare);
	str_addz(s, memchr(bare.p, '.', bare.n) ? "" : ".");
	while (s->n < end)
		str_addc(s, '0');
	return true;
}

/* Makes the key; *id is the part of it that is the identifier. False: it is no number. */
static bool make_key(
	struct fs_asof *a, struct sl id, struct sl time, enum kind kind, struct sl *of_id)
{
	const struct fs_group *g = a->group;
	bool ok;
	size_t n;

	str_clear(&a->key);
	ok = add_id(&a->key, g->features[g->id].type, id);
	n = a->key.n;
	ok = ok && add_time(&a->key, fs_time_type(g), time);
	str_addc(&a->key, (char)kind);
	*of_id = (struct sl){a->key.p, n};
	return ok;
}

/* ---- events -------------------------------------------------------------------------------- */

static void take_event(struct fs_asof *a, struct io *io, const struct rec *rec)
{
	const struct fs_group *g = a->group;
	struct sl id = rec_text(rec, 0), time = rec_text(rec, 1), of_id;
	const char *why = fs_event_time_check(fs_time_type(g), time);

	if (!id.n)
		io_reject_field(io, rec, 0, "is empty, but identifies the record");
	if (why)
		io_reject_field(io, rec, 1, why);
	if (!make_key(a, id, time, EVENT, &of_id))
		why = "is no number, as identifiers of the group are";
	if (why)
		io_reject_field(io, rec, 0, why);
	fs_ids_add(&a->ids, of_id);
	str_clear(&a->row);
	add_bytes(&a->row, a->events++);
	str_add(&a->row, (struct sl){(const char *)&rec->n, sizeof rec->n});
	for (size_t i = 0; i < rec->n; i++)
		rec_pack(&a->row, &rec->f[i]);
	sorter_add(a->both, str_sl(&a->key), str_sl(&a->row));
}

static void read_events(struct fs_asof *a, const struct io_opts *opts, const char *path)
{
	struct io *io = io_open(opts, path);
	enum rd_event ev;
	struct rec rec;

	while ((ev = io_next(io, &rec)) != RD_END) {
		const struct names *cols = rd_cols(io->rd);

		for (size_t i = a->columns.n; ev == RD_COLS && i < cols->n; i++)
			(void)names_add(&a->columns, cols->name[i], NULL);
		if (ev == RD_ROW)
			take_event(a, io, &rec);
	}
	if (a->events && a->columns.n < 2)
		die(EX_DATA, "%s: an event has an identifier and a time, its first two columns",
			path);
	io_drop(io);
}

struct fs_asof *fs_asof_new(const struct fs_group *g, const struct fs_columns *cols, size_t shown,
	const struct io_opts *opts, const char *path)
{
	struct fs_asof *a = mem_zalloc(sizeof *a);

	a->group = g;
	a->cols = cols;
	a->shown = shown;
	for (size_t i = 0; i < cols->n; i++) {
		size_t f = fs_group_feature(g, cols->v[i].source);

		a->id = f == g->id ? i : a->id;
		a->time = f == g->time ? i : a->time;
		a->deleted = sl_eq_str(cols->v[i].source, "is_deleted") ? i : a->deleted;
	}
	a->both = sorter_new(SORT_MEMORY, sl_cmp);
	a->joined = sorter_new(SORT_MEMORY, sl_cmp);
	fs_ids_init(&a->ids);
	read_events(a, opts, path);
	return a;
}

/* ---- states -------------------------------------------------------------------------------- */

bool fs_asof_wants(struct fs_asof *a, const struct field *f)
{
	struct sl of_id;

	if (!make_key(a, field_sl(&f[a->id]), field_sl(&f[a->time]), STATE, &of_id))
		die(EX_STREAM, "Athena's answer has an identifier or a time that is no number");
	return fs_ids_have(&a->ids, of_id);
}

/* One that was deleted is nothing, which hides what was before. */
void fs_asof_state(struct fs_asof *a, const struct field *f, bool bare)
{
	if (!fs_asof_wants(a, f))
		return;
	str_clear(&a->row);
	for (size_t i = 0; i < a->shown && !sl_eq(field_sl(&f[a->deleted]), SL("true")); i++) {
		if (i == 0)
			str_addc(&a->row, bare);
		rec_pack(&a->row, &f[i]);
	}
	sorter_add(a->both, str_sl(&a->key), str_sl(&a->row));
}

static void fs_asof_free(struct fs_asof *a)
{
	sorter_free(a->both);
	sorter_free(a->joined);
	names_free(&a->columns);
	fs_ids_free(&a->ids);
	str_free(&a->key);
	str_free(&a->row);
	str_free(&a->held);
	str_free(&a->held_id);
	arena_free(&a->mem);
	mem_free(a);
}

/* ---- both ---------------------------------------------------------------------------------- */

/* Hands the events on, each with the state it has, by their place in the file. */
static void join(struct fs_asof *a)
{
	struct sl key, row;

	while (sorter_next(a->both, &key, &row)) {
		size_t n = key.n - 1; /* without the kind, and then the time */
		struct sl id;

		n -= fs_time_type(a->group) == FS_STRING
			     ? strlen("2024-01-01T00:00:00.123456789")
			     : sizeof(double);
		id = (struct sl){key.p, n};
		if (key.p[key.n - 1] == STATE || !sl_eq(id, str_sl(&a->held_id))) {
			str_clear(&a->held);
			str_clear(&a->held_id);
			str_add(&a->held_id, id);
		}
		if (key.p[key.n - 1] == STATE) {
			str_add(&a->held, row);
			continue;
		}
		str_clear(&a->row);
		str_add(&a->row, (struct sl){row.p + 8, row.n - 8});
		if (a->held.n) {
			str_add(&a->row, (struct sl){a->held.p + 1, a->held.n - 1});
			a->met++;
			a->bare += *a->held.p != 0;
		}
		sorter_add(a->joined, (struct sl){row.p, 8}, str_sl(&a->row));
	}
}

/* The columns of the events, then those of the states without the identifier, which is there. */
static void choose_columns(struct fs_asof *a, struct fs_columns *out)
{
	for (size_t i = 0; i < a->columns.n; i++)
		MEM_PUSH(out->v, out->n, out->cap, (struct fs_output){.name = a->columns.name[i]});
	for (size_t i = 0; i < a->shown; i++) {
		struct fs_output column = a->cols->v[i];
		AUTO_STR name = {0};

		if (i == a->id)
			continue;
		str_addf(&name, "%.*s_%.*s", (int)a->group->name.n, a->group->name.p,
			(int)column.name.n, column.name.p);
		if (names_find(&a->columns, column.name) != NAMES_NONE)
			column.name = arena_dup(&a->mem, str_sl(&name));
		if (names_find(&a->columns, column.name) != NAMES_NONE)
			die(EX_DATA, "the events have columns %s and %s: --rename gives it another",
				msg_q(a->cols->v[i].name), msg_q(column.name));
		MEM_PUSH(out->v, out->n, out->cap, column);
	}
}

static void put_row(struct fs_asof *a, struct sl row, struct field *f, struct fs_writer *w)
{
	const char *p = row.p + sizeof(size_t), *end = row.p + row.n;
	struct field state;
	size_t n = 0, given;

	memcpy(&given, row.p, sizeof given);
	for (; n < a->columns.n; n++)
		if (n < given)
			p = rec_unpack(p, &f[n]);
		else
			f[n] = FIELD_NULL;
	for (size_t i = 0; i < a->shown; i++) {
		state = FIELD_NULL;
		if (p < end)
			p = rec_unpack(p, &state);
		if (i != a->id)
			f[n++] = state;
	}
	fs_writer_row(w, f, n);
}

uint64_t fs_asof_end(struct fs_asof *a, struct wr *wr, uint64_t *events, uint64_t *bare)
{
	struct fs_columns out = {0};
	struct fs_writer *w;
	AUTO_FREE struct field *f = NULL;
	AUTO_FREE struct sl *names = NULL;
	struct sl key, row;
	uint64_t met;

	join(a);
	choose_columns(a, &out);
	f = mem_alloc(mem_mul(out.n, sizeof *f));
	names = mem_alloc(mem_mul(out.n, sizeof *names));
	for (size_t i = 0; i < out.n; i++)
		names[i] = out.v[i].name;
	wr_cols(wr, names, out.n);
	w = fs_writer_new(&out, wr);
	while (sorter_next(a->joined, &key, &row))
		put_row(a, row, f, w);
	fs_writer_free(w);
	fs_columns_free(&out);
	*events = a->events;
	*bare = a->bare;
	met = a->met;
	fs_asof_free(a);
	return met;
}
