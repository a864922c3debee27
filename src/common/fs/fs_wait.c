#include "fs/fs_wait.h"

#include "core/clock.h"

#define FIRST_PAUSE (CLOCK_US_PER_SEC / 5)
#define LONGEST_PAUSE (5 * CLOCK_US_PER_SEC)

/* Is it decided? Then *why is empty when it is done, else why it failed. */
typedef bool verdict_fn(const struct fs_group *g, struct sl *why);

static bool created(const struct fs_group *g, struct sl *why)
{
	if (!sl_eq(g->status, SL("Created")))
		*why = g->failure.n ? g->failure : g->status;
	return !sl_eq(g->status, SL("Creating"));
}

static bool updated(const struct fs_group *g, struct sl *why)
{
	if (sl_eq(g->update_status, SL("Failed")))
		*why = g->update_failure.n ? g->update_failure : g->update_status;
	return !sl_eq(g->update_status, SL("InProgress"));
}

static bool deleted(const struct fs_group *g, struct sl *why)
{
	*why = g->failure.n ? g->failure : g->status;
	return sl_eq(g->status, SL("DeleteFailed"));
}

void fs_wait(struct aws *a, struct sl name, enum fs_state wanted, int64_t timeout_us)
{
	static verdict_fn *const verdict[] = { created, updated, deleted };
	int64_t end = clock_monotonic() + timeout_us, pause = FIRST_PAUSE;

	for (;;) {
		struct fs_group g = { 0 };
		struct aws_error e;
		struct sl why = SL("");
		bool decided = true;

		if (fs_describe(a, name, &g, &e))
			decided = verdict[wanted](&g, &why);
		else if (e.class != AWS_NOT_FOUND || wanted != FS_DELETED)
			aws_die(&e, "cannot see how the feature group is doing");
		if (decided && why.n)
			die(EX_REFUSED, "feature group %s: %.*s: %.*s", msg_q(name),
				(int)g.status.n, g.status.p, (int)why.n, why.p);
		fs_group_free(&g);
		if (decided)
			return;
		if (clock_monotonic() > end)
			die_hint(EX_TEMP, "it goes on by itself; --wait-timeout waits for longer",
				"feature group %s: not done within the time given", msg_q(name));
		clock_sleep(pause);
		pause = pause * 3 / 2 < LONGEST_PAUSE ? pause * 3 / 2 : LONGEST_PAUSE;
	}
}

struct similar {
	struct sl name;
	struct str list;
};

static bool take_similar(void *ctx, const struct json *summary)
{
	struct similar *s = ctx;
	char text[FS_MAX_NAME + 1];
	struct sl name;

	if (!json_get_str(summary, "FeatureGroupName", &name) || s->list.n > 200)
		return true;
	(void)snprintf(text, sizeof text, "%.*s", (int)name.n, name.p);
	if (!opt_near(text, s->name).n)
		return true;
	str_addz(&s->list, s->list.n ? ", " : "");
	str_add(&s->list, name);
	return true;
}

/* A group that is not there, with those that one may have meant. */
static NORETURN void die_missing(struct aws *a, struct sl group)
{
	struct similar s = { .name = group };
	struct aws_error e;

	if (!fs_list(a, SL(""), take_similar, &s, &e))
		str_clear(&s.list); /* who may not list learns less */
	if (s.list.n)
		msg_note("groups of a similar name: %s", s.list.p);
	die_hint(EX_MISSING, "'fs list' shows the groups; --region and --profile choose where",
		"there is no feature group %s in %s", msg_q(group), aws_region(a));
}

void fs_need_group(struct aws *a, const char *name, struct fs_group *g)
{
	struct sl group = sl_of(name);
	const char *why = strncmp(name, "arn:", 4) == 0 ? NULL : fs_name_check(group);
	struct aws_error e;

	if (why)
		die(EX_USAGE_, "feature group %s: %s", msg_q(group), why);
	if (fs_describe(a, group, g, &e)) {
		g->called = group;
		return;
	}
	if (e.class == AWS_NOT_FOUND)
		die_missing(a, group);
	aws_die(&e, "cannot describe the feature group");
}
