#include "core/kp.h"

#ifdef TESTING

#include "core/base.h"

#include <signal.h>

struct trap {
	const char *env;
	int signal;
	bool ready;
	struct sl place;
	uint64_t left; /* passes until it acts; 0: never */
};

static void take_trap(struct trap *t)
{
	const char *text = getenv(t->env);
	const char *colon = text ? strrchr(text, ':') : NULL;

	t->ready = true;
	if (!text || !*text)
		return;
	if (!colon || !num_u64(sl_of(colon + 1), &t->left))
		die(EX_USAGE_, "%s: not of the form PLACE:N: %s", t->env, msg_q(sl_of(text)));
	t->place = (struct sl){ text, (size_t)(colon - text) };
}

void kp_hit(const char *name)
{
	static struct trap traps[] = {
		{ .env = "KP_KILL", .signal = SIGKILL },
		{ .env = "KP_STOP", .signal = SIGSTOP },
	};

	for (size_t i = 0; i < ARRAY_LEN(traps); i++) {
		struct trap *t = &traps[i];

		if (!t->ready)
			take_trap(t);
		if (t->left > 0 && sl_eq_str(t->place, name) && --t->left == 0)
			(void)raise(t->signal);
	}
}

#endif
