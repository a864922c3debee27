#include "aws/fs_wait.h"

#include "core/clock.h"
#include "core/msg.h"

#define FIRST_PAUSE (CLOCK_US_PER_SEC / 5)
#define LONGEST_PAUSE (5 * CLOCK_US_PER_SEC)

/* NULL while it is not decided; "" when it is done; else why it failed. */
typedef const char *verdict_fn(const struct fs_group *g);

static const char *text(struct sl s, const char *otherwise)
{
	static char buf[1100];

	if (!s.n)
		return otherwise;
	(void)snprintf(buf, sizeof buf, "%.*s", (int)(s.n < 1024 ? s.n : 1024), s.p);
	return buf;
}

static const char *created(const struct fs_group *g)
{
	if (sl_eq(g->status, SL("Created")))
		return "";
	return sl_eq(g->status, SL("Creating")) ? NULL : text(g->failure, "creation failed");
}

static const char *updated(const struct fs_group *g)
{
	if (sl_eq(g->update_status, SL("InProgress")))
		return NULL;
	return sl_eq(g->update_status, SL("Failed")) ? text(g->update_failure, "the update failed")
						     : "";
}

static const char *deleted(const struct fs_group *g)
{
	return sl_eq(g->status, SL("DeleteFailed")) ? text(g->failure, "deletion failed") : NULL;
}

/* `until_gone`: a missing group is what is waited for. */
static void wait_for(
	struct aws *a, struct sl name, verdict_fn *verdict, bool until_gone, int64_t timeout_us)
{
	int64_t end = clock_monotonic() + timeout_us, pause = FIRST_PAUSE;

	for (;;) {
		struct fs_group g = {0};
		struct aws_error e;
		const char *why = "";

		if (fs_describe(a, name, &g, &e))
			why = verdict(&g);
		else if (e.class != AWS_NOT_FOUND || !until_gone)
			aws_die(&e, "cannot see how the feature group is doing");
		if (why && *why)
			die(EX_REFUSED, "feature group %s: %s: %s", msg_q(name),
				text(g.status, "?"), why);
		fs_group_free(&g);
		if (why)
			return;
		if (clock_monotonic() > end)
			die_hint(EX_TEMP, "it goes on by itself; --wait-timeout waits for longer",
				"feature group %s: not done within the time given", msg_q(name));
		clock_sleep(pause);
		pause = pause * 3 / 2 < LONGEST_PAUSE ? pause * 3 / 2 : LONGEST_PAUSE;
	}
}

void fs_wait_created(struct aws *a, struct sl group, int64_t timeout_us)
{
	wait_for(a, group, created, false, timeout_us);
}

void fs_wait_updated(struct aws *a, struct sl group, int64_t timeout_us)
{
	wait_for(a, group, updated, false, timeout_us);
}

void fs_wait_deleted(struct aws *a, struct sl group, int64_t timeout_us)
{
	wait_for(a, group, deleted, true, timeout_us);
}

void fs_need_group(struct aws *a, const char *name, struct fs_group *g)
{
	struct sl group = sl_of(name);
	const char *why = strncmp(name, "arn:", 4) == 0 ? NULL : fs_name_check(group);
	struct aws_error e;

	if (why)
		die(EX_USAGE_, "feature group %s: %s", msg_q(group), why);
	if (fs_describe(a, group, g, &e))
		return;
	if (e.class == AWS_NOT_FOUND)
		die_hint(EX_REFUSED,
			"'fs list' shows the groups; --region and --profile choose where",
			"there is no feature group %s in %s", msg_q(group), aws_region(a));
	aws_die(&e, "cannot describe the feature group");
}
