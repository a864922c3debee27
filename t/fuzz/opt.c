/*
 * The command line: a plain second parser of the same options takes and refuses the same words, and
 * gives every option the same value.
 */
#include "core/clock.h"
#include "core/num.h"
#include "core/opt.h"
#include "fuzz.h"

#define MAX_WORDS 60

struct conf {
	bool flag, loud;
	const char *str, *bare;
	struct opt_list list;
	uint64_t count, size;
	int64_t wait;
	struct opt_time time;
	int mode;
};

#define AT(m) .offset = offsetof(struct conf, m)

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Group" },
	{ .name = "flag", .letter = 'f', .kind = OPT_FLAG, AT(flag), .help = "x" },
	{ .name = "loud", .letter = 'l', .kind = OPT_FLAG, AT(loud), .help = "x",
	  .not_with = "flag mode=bb" },
	{ .name = "str", .letter = 's', .kind = OPT_STR, AT(str), .arg = "S", .help = "x",
	  .needs = "flag|count" },
	{ .name = "bare", .kind = OPT_STR, AT(bare), .arg = "S", .bare = "yes", .help = "x" },
	{ .name = "list", .letter = 'a', .kind = OPT_LIST, AT(list), .arg = "S", .help = "x" },
	{ .name = "count", .letter = 'c', .kind = OPT_UINT, AT(count), .arg = "N", .help = "x",
	  .min = 2, .max = 50 },
	{ .name = "size", .letter = 'z', .kind = OPT_SIZE, AT(size), .arg = "N", .help = "x" },
	{ .name = "wait", .letter = 'w', .kind = OPT_DURATION, AT(wait), .arg = "T", .help = "x",
	  .unit = 1000 },
	{ .name = "time", .kind = OPT_TIME, AT(time), .arg = "T", .help = "x" },
	{ .name = "mode", .letter = 'm', .kind = OPT_ENUM, AT(mode), .choices = "a|bb|ccc",
	  .help = "x" },
	OPT_END,
};

static const struct opt_program program = { .name = "x", .summary = "y", .synopsis = "z",
	.examples = "  x\n", .opts = options };

struct line {
	char *word[MAX_WORDS];
	int n;
	struct conf conf;
	char **operands;
};

static void parse_ours(void *ctx)
{
	struct line *l = ctx;

	l->operands = l->word;
	opt_parse(&program, &l->conf, &l->n, &l->operands);
}

/* ---- the second parser ----------------------------------------------------------------------- */

enum { FLAG, LOUD, STR, BARE, LIST, COUNT, SIZE, WAIT, TIME, MODE, NONE };
static const char *const names[] = { "flag", "loud", "str", "bare", "list", "count", "size", "wait",
	"time", "mode" };
static const char letters[] = "fls\1aczw\1m";

struct plain {
	struct conf c;
	bool seen[NONE];
	const char *list[MAX_WORDS], *operand[MAX_WORDS];
	size_t n_list, n_operands;
};

static bool set(struct plain *p, int which, const char *v)
{
	static const char *const modes[] = { "a", "bb", "ccc" };

	p->seen[which] = true;
	switch (which) {
	case STR:
		p->c.str = v;
		return true;
	case BARE:
		p->c.bare = v;
		return true;
	case LIST:
		p->list[p->n_list++] = v;
		return true;
	case COUNT:
		return num_u64(sl_of(v), &p->c.count) && p->c.count >= 2 && p->c.count <= 50;
	case SIZE:
		return num_size(sl_of(v), &p->c.size);
	case WAIT:
		return clock_duration(sl_of(v), 1000, &p->c.wait);
	case TIME:
		p->c.time.given = true;
		return clock_parse_when(sl_of(v), &p->c.time.instant);
	}
	for (p->c.mode = 0; p->c.mode < 3; p->c.mode++)
		if (strcmp(v, modes[p->c.mode]) == 0)
			return true;
	return false;
}

static void set_flag(struct plain *p, int which, bool on)
{
	p->seen[which] = true;
	*(which == FLAG ? &p->c.flag : &p->c.loud) = on;
}

/* `next` is taken when *used becomes 2. */
static bool plain_long(struct plain *p, const char *word, const char *next, int *used)
{
	bool on = strncmp(word, "no-", 3) != 0;
	const char *name = on ? word : word + 3, *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	int which = 0;

	if ((n == 5 && !strncmp(name, "quiet", n)) || (n == 7 && !strncmp(name, "verbose", n)) ||
		(n == 8 && !strncmp(name, "log-time", n)))
		return on && !eq;
	while (which < NONE && (strlen(names[which]) != n || strncmp(names[which], name, n) != 0))
		which++;
	if (which == NONE || (!on && which > LOUD && which != BARE))
		return false;
	if (which <= LOUD) {
		set_flag(p, which, on);
		return !eq;
	}
	if (which == BARE && !eq)
		return set(p, which, on ? "yes" : "0");
	*used = eq ? 1 : 2;
	next = eq ? eq + 1 : next;
	return next && set(p, which, next);
}

static bool plain_short(struct plain *p, const char *word, const char *next, int *used)
{
	for (; *word; word++) {
		const char *at = strchr(letters, *word);

		if (*word == 'q' || *word == 'v')
			continue;
		if (!at || *at == '\1')
			return false;
		if (at - letters <= LOUD) {
			set_flag(p, (int)(at - letters), true);
			continue;
		}
		*used = word[1] ? 1 : 2;
		next = word[1] ? word + 1 : next;
		return next && set(p, (int)(at - letters), next);
	}
	return true;
}

static bool plain_parse(struct plain *p, char **word, int n)
{
	bool all = false;
	int used;

	for (int i = 1; i < n; i += used) {
		const char *next = i + 1 < n ? word[i + 1] : NULL;

		used = 1;
		if (all || word[i][0] != '-' || !word[i][1])
			p->operand[p->n_operands++] = word[i];
		else if (strcmp(word[i], "--") == 0)
			all = true;
		else if (word[i][1] == '-' ? !plain_long(p, word[i] + 2, next, &used)
					   : !plain_short(p, word[i] + 1, next, &used))
			return false;
	}
	if (p->c.loud && ((p->seen[FLAG] && p->c.flag) || (p->c.mode == 1)))
		return false;
	return !p->seen[STR] || p->c.flag || p->seen[COUNT];
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void compare(const struct line *l, const struct plain *p)
{
	const struct conf *a = &l->conf, *b = &p->c;

	CHECK(a->flag == b->flag && a->loud == b->loud, "flags");
	CHECK(same_text(a->str, b->str) && same_text(a->bare, b->bare), "texts");
	CHECK(a->count == b->count && a->size == b->size && a->mode == b->mode, "numbers");
	CHECK(a->wait == b->wait && a->time.given == b->time.given, "times");
	CHECK(a->list.n == p->n_list && (size_t)l->n == p->n_operands, "lists");
	for (size_t i = 0; i < p->n_list; i++)
		CHECK(sl_eq_str(a->list.v[i], p->list[i]), "%s", p->list[i]);
	for (size_t i = 0; i < p->n_operands; i++)
		CHECK(same_text(l->operands[i], p->operand[i]), "%s", p->operand[i]);
}

/* What leaves the program, well, or is looked for before all other words: not for here. */
static bool leaves(const char *word)
{
	return strncmp(word, "--help", 6) == 0 || strncmp(word, "--version", 9) == 0 ||
	       strncmp(word, "--complete", 10) == 0 || strncmp(word, "--front-door", 12) == 0 ||
	       strncmp(word, "--config", 8) == 0 ||
	       (word[0] == '-' && word[1] != '-' && strchr(word, 'h'));
}

const unsigned fuzz_times = 10;

/* Words are separated by line ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct line once = { .word = { (char *)(uintptr_t)"x",
					    (char *)(uintptr_t)"--list", (char *)(uintptr_t)"v" },
		.n = 3 };
	struct line l = { .word = { (char *)(uintptr_t)"x" }, .n = 1 };
	struct plain p = { 0 };
	char *text = mem_sldup(fuzz_sl(data, n)), *words[MAX_WORDS];
	bool good, left = false;

	if (!once.operands)
		parse_ours(&once); /* outside: it keeps memory for values and lists */
	for (char *at = text; at && l.n < MAX_WORDS;) {
		l.word[l.n++] = at;
		left |= leaves(at);
		at = strchr(at, '\n');
		if (at)
			*at++ = '\0';
	}
	memcpy(words, l.word, sizeof words); /* ours moves them */
	good = plain_parse(&p, words, l.n);
	if (!left) {
		int code = fuzz_code(parse_ours, &l);

		CHECK(code == (good ? 0 : EX_USAGE_), "%d: %s", code, fuzz.message);
		if (good)
			compare(&l, &p);
	}
	mem_free(text);
	return 0;
}
