#include "compare/cellsum_child.h"

#include "core/fd.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

struct cellsum_child {
	pid_t pid;
	int fd;
	size_t n_ships; /* when it was started */
};

static void write_all(int fd, const void *data, size_t n)
{
	if (!fd_write(fd, (struct sl){ data, n }))
		leave(EX_IO); /* whoever asked has gone, and says why */
}

#define LOCKED_FOR (CLOCK_US_PER_SEC / 10) /* at most, what is read: others may alter it */

/* Sums of many ships in one transaction, each of which costs settings on the way. */
struct work {
	struct cellsum_target target;
	struct pg *pg;
	size_t n, most; /* tables locked by the transaction at hand */
	int64_t began;
};

static void end_turn(struct work *w, const char *how)
{
	if (w->n > 0)
		pg_exec(w->pg, how);
	w->n = 0;
}

static void sum_ship(struct work *w, struct sl ship, const struct ledger_range *r,
	struct cellsum *sum)
{
	struct ship *s = registry_ship(w->target.r, ship);

	if (w->n > 0 && (w->n + s->n_groups > w->most ||
				clock_monotonic() > w->began + LOCKED_FOR))
		end_turn(w, "COMMIT");
	if (w->n == 0) {
		pg_exec(w->pg, "BEGIN");
		w->began = clock_monotonic();
	}
	w->n += s->n_groups + 1;
	cellsum_wide(&w->target, s, r->from, r->to, sum);
	if (sum->locked)
		end_turn(w, "ROLLBACK");
}

/* Was anything carried over there? */
static bool has_chunks(const struct ledger_range *r, size_t n_ships)
{
	return r->counts && (memchr(r->cover, LEDGER_COVER_DONE, n_ships) ||
				    memchr(r->cover, LEDGER_COVER_LIVE, n_ships) ||
				    memchr(r->cover, LEDGER_COVER_DOUBT, n_ships));
}

#define AT_ONCE 100

/* Where no rows are expected: have the ships from `s` to *end none? They are asked together. */
static bool are_empty(struct work *w, const struct names *ships, const struct ledger_range *r,
	size_t s, size_t *end)
{
	struct ship *list[AT_ONCE];
	size_t n = 0, tables = 0;
	bool locked = false;

	for (*end = s; *end < ships->n && n < AT_ONCE; ++*end) {
		struct ship *ship = registry_ship(w->target.r, ships->name[*end]);

		if ((tables += ship->n_groups + 1) > w->most && *end > s)
			break;
		if (ledger_cover_counts(r->cover[*end]))
			list[n++] = ship;
	}
	end_turn(w, "COMMIT");
	return !cellsum_wide_any(&w->target, list, n, r->from, r->to, &locked) && !locked;
}

static NORETURN void work(int fd, const struct target_opts *opts, enum cellsum_hash hash,
	const struct ledger_range *range, size_t n_ranges, const struct names *ships)
{
	struct work w = { .target = { .hash = hash, .patient = true },
		.pg = pg_connect(opts->conninfo, "target") };
	struct cellsum *sum = mem_alloc(mem_mul(ships->n + 1, sizeof *sum));

	w.target.r = registry_open(w.pg, opts, "created_time");
	w.most = registry_tables_at_once(w.pg);
	pg_set(w.pg, "lock_timeout", "2s"); /* then it is passed over */
	registry_expect(w.target.r, ships);
	for (size_t i = 0; i < n_ranges; i++) {
		if (!range[i].counts)
			continue;
		w.target.sparse = !has_chunks(&range[i], ships->n);
		memset(sum, 0, mem_mul(ships->n, sizeof *sum));
		for (size_t s = 0, end = ships->n; s < ships->n; s = end) {
			if (w.target.sparse && are_empty(&w, ships, &range[i], s, &end))
				continue;
			for (; s < end; s++)
				if (ledger_cover_counts(range[i].cover[s]))
					sum_ship(&w, ships->name[s], &range[i], &sum[s]);
		}
		/* no locks while we wait for the reader: it may wait for them, to add a column */
		end_turn(&w, "COMMIT");
		write_all(fd, sum, mem_mul(ships->n, sizeof *sum));
	}
	mem_free(sum);
	registry_close(w.target.r);
	pg_close(w.pg);
	leave(EX_DONE);
}

struct cellsum_child *cellsum_child_start(const struct target_opts *target, enum cellsum_hash hash,
	const struct ledger_range *range, size_t n_ranges, const struct names *ships)
{
	struct cellsum_child *c;
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		die_errno(EX_TEMP, "pipe");
	pid = fork();
	if (pid < 0)
		die_errno(EX_TEMP, "fork");
	if (pid == 0) {
		msg_forked();
		(void)close(ends[0]);
		work(ends[1], target, hash, range, n_ranges, ships);
	}
	(void)close(ends[1]);
	c = mem_alloc(sizeof *c);
	*c = (struct cellsum_child){ .pid = pid, .fd = ends[0], .n_ships = ships->n };
	return c;
}

void cellsum_child_read(struct cellsum_child *c, struct cellsum *sum)
{
	char *p = (char *)sum;
	size_t left = mem_mul(c->n_ships, sizeof *sum);

	while (left > 0) {
		ssize_t k = read(c->fd, p, left);
		int status = 0;

		if (k > 0) {
			p += k;
			left -= (size_t)k;
		} else if (k == 0 || errno != EINTR) {
			(void)waitpid(c->pid, &status, 0);
			leave(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status)
								       : EX_TEMP);
		}
	}
}

void cellsum_child_end(struct cellsum_child *c)
{
	(void)close(c->fd);
	(void)waitpid(c->pid, NULL, 0);
	mem_free(c);
}
