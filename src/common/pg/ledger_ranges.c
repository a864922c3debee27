#include "pg/ledger_ranges.h"

#include "pg/ledger_internal.h"

struct chunk {
	size_t ship;
	int64_t from, to;
	bool done;
};

static bool is_wanted(const struct sl *only, size_t n_only, struct sl ship)
{
	for (size_t i = 0; i < n_only; i++)
		if (sl_eq(only[i], ship))
			return true;
	return n_only == 0;
}

static struct chunk *read_chunks(struct pg *target, uint64_t job, const struct sl *only,
	size_t n_only, struct names *ships, size_t *n_out)
{
	struct ledger_text number;
	const char *params[] = { ledger_u64(&number, job) };
	struct pg_result *r;
	struct chunk *chunk;
	size_t n = 0;

	r = pg_query(target,
		"SELECT ship, chunk_from, chunk_to, state = 'done' FROM ferry.chunk WHERE job_id = "
		"$1"
		" ORDER BY ship, chunk_from",
		1, params);
	chunk = mem_alloc(mem_mul(pg_rows(r) + 1, sizeof *chunk));
	for (size_t i = 0; i < pg_rows(r); i++)
		if (is_wanted(only, n_only, pg_value(r, i, 0)))
			chunk[n++] = (struct chunk){ names_add(ships, pg_value(r, i, 0), NULL),
				ledger_get_time(r, i, 1), ledger_get_time(r, i, 2),
				sl_eq_str(pg_value(r, i, 3), "t") };
	pg_clear(r);
	*n_out = n;
	return chunk;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* All ends of chunks in order, each once, behind the beginning of what was to be carried over. */
static int64_t *borders(int64_t since, const struct chunk *chunk, size_t n, size_t *n_out)
{
	int64_t *t = mem_alloc(mem_mul(2 * n + 1, sizeof *t));
	size_t kept = 1;

	t[0] = since;
	for (size_t i = 0; i < n; i++) {
		t[2 * i + 1] = chunk[i].from;
		t[2 * i + 2] = chunk[i].to;
	}
	qsort(t, 2 * n + 1, sizeof *t, by_time);
	for (size_t i = 1; i < 2 * n + 1; i++)
		if (t[i] != t[kept - 1])
			t[kept++] = t[i];
	*n_out = kept;
	return t;
}

static size_t range_at(const struct ledger_range *range, size_t n, int64_t from)
{
	size_t low = 0, high = n;

	while (low + 1 < high) {
		size_t mid = low + (high - low) / 2;

		if (range[mid].from <= from)
			low = mid;
		else
			high = mid;
	}
	return low;
}

size_t ledger_ranges(struct pg *target, const struct ledger_job *job, const struct sl *only,
	size_t n_only, struct names *ships, struct arena *a, struct ledger_range **out)
{
	size_t n, n_borders, n_ranges;
	struct chunk *chunk = read_chunks(target, job->id, only, n_only, ships, &n);
	int64_t *border = borders(job->since, chunk, n, &n_borders);
	struct ledger_range *range = arena_alloc(a, mem_mul(n_borders, sizeof *range));

	n_ranges = n_borders - 1;
	for (size_t i = 0; i < n_ranges; i++) {
		range[i] = (struct ledger_range){ border[i], border[i + 1],
			arena_alloc(a, ships->n + 1) };
		memset(range[i].cover, LEDGER_COVER_NONE, ships->n + 1);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = range_at(range, n_ranges, chunk[i].from);
			k < n_ranges && range[k].from < chunk[i].to; k++)
			range[k].cover[chunk[i].ship] =
				chunk[i].done ? LEDGER_COVER_DONE : LEDGER_COVER_OPEN;
	mem_free(chunk);
	mem_free(border);
	*out = range;
	return n_ranges;
}

bool ledger_range_counts(const struct ledger_range *range, size_t i, size_t n_ships)
{
	return i == 0 || memchr(range[i].cover, LEDGER_COVER_DONE, n_ships);
}

size_t ledger_ranges_join(struct ledger_range *range, size_t n, size_t n_ships)
{
	size_t kept = 0;

	for (size_t i = 1; i < n; i++) {
		if (memcmp(range[i].cover, range[kept].cover, n_ships) == 0)
			range[kept].to = range[i].to;
		else
			range[++kept] = range[i];
	}
	return n ? kept + 1 : 0;
}
