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

static NORETURN void work(int fd, const struct target_opts *opts, enum cellsum_hash hash,
	const struct ledger_range *range, size_t n_ranges, const struct names *ships)
{
	struct cellsum_target target = { .hash = hash };
	struct pg *pg = pg_connect(opts->conninfo, "target");

	target.r = registry_open(pg, opts, "created_time");
	registry_expect(target.r, ships);
	for (size_t i = 0; i < n_ranges; i++) {
		if (!range[i].counts)
			continue;
		for (size_t s = 0; s < ships->n; s++) {
			struct cellsum sum = { .rows = 0 };

			if (ledger_cover_counts(range[i].cover[s]))
				cellsum_wide(&target, registry_ship(target.r, ships->name[s]),
					range[i].from, range[i].to, &sum);
			write_all(fd, &sum, sizeof sum);
		}
	}
	cellsum_target_close(&target);
	pg_close(pg);
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
