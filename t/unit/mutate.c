/*
 * Every prefix and every single flipped bit of a small sealed stream, through every filter: it
 * either fails, or prints what it prints for the whole stream; what it sealed before it failed is
 * what it seals for the whole stream; and it never fails behind a final seal.
 *
 * Filters are called as functions, in a process each that never has to load a program. One bit of
 * each byte is flipped, which one is told by FERRY_SEED; or every bit, with MUTATE=all. MUTATE=N
 * takes a prefix and a byte of N; of all filters one of four, others for each.
 *
 *	mutate                       TAP, for all filters of the folder FERRY_BIN
 *	mutate FILE PROGRAM [ARG…]   the same for one file and one command; prints the counts
 */
#include "stream.h"
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>

#define WORKERS 2

/* main of a filter, from libmains.a */
typedef int filter_main(int argc, char **argv);
filter_main main_map_fields, main_pivot_wide, main_quality_clean, main_reformat,
	main_stream_digest, main_unpivot_narrow, main_via;

struct job {
	filter_main *called; /* NULL: argv[0] is a program to run */
	char **argv;
	struct sl input;
	struct str good; /* what the whole stream gives */
};

struct counts {
	unsigned long prefixes, flips, failed, same, wrong;
	unsigned long by_code[128];
};

static bool every_bit;
static uint64_t one_of = 1; /* prefixes, and bytes */
static uint64_t seed = 1;

/* The child's part: standard input and output are pipes, and the command never returns. */
static _Noreturn void become(filter_main *called, char **argv, int in, int out)
{
	int null = open("/dev/null", O_WRONLY), argc = 0;

	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(null, STDERR_FILENO) < 0 || close_range(3, ~0u, 0) != 0)
		_exit(99);
	(void)signal(SIGPIPE, SIG_DFL);
	while (argv[argc])
		argc++;
	if (called)
		exit(called(argc, argv));
	(void)execvp(argv[0], argv);
	_exit(99);
}

/* Feeds `input` to the command, takes what it prints; its exit code, 127 for death by signal. */
static int run(filter_main *called, char **argv, struct sl input, struct str *out)
{
	int to[2], from[2], status;
	pid_t pid;
	ssize_t n;

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		exit(99);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		become(called, argv, to[0], from[1]);
	(void)close(to[0]);
	(void)close(from[1]);
	/* small enough for a pipe; a program that has gone already is no error here */
	if (write(to[1], input.p, input.n) < 0 && input.n > 60000)
		exit(99);
	(void)close(to[1]);
	str_clear(out);
	while ((n = read(from[0], str_room(out, 65536), 65536)) > 0)
		out->n += (size_t)n;
	*str_room(out, 0) = '\0';
	(void)close(from[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(99);
	return WIFEXITED(status) && WEXITSTATUS(status) < 127 ? WEXITSTATUS(status) : 127;
}

static bool begins(const char *p, const char *with)
{
	return strncmp(p, with, strlen(with)) == 0;
}

/* Length of the text up to the end of its last line that is a seal. */
static size_t sealed_part(const struct str *s)
{
	size_t end = 0;
	const char *p = str_z(s), *nl;

	for (; (nl = strchr(p, '\n')); p = nl + 1) {
		const char *record = p + strspn(p, ",");

		if ((begins(p, "{\"@seal\":{\"v\":1,\"seal\":") && begins(nl - 3, "\"}}")) ||
			(begins(record, "\"{\"\"v\"\":1,\"\"seal\"\":") &&
				begins(nl - 4, "\"\"}\"")))
			end = (size_t)(nl - str_z(s)) + 1;
	}
	return end;
}

static void judge(
	const struct job *job, struct counts *c, struct sl input, const char *what, size_t at)
{
	static struct str out;
	int code = run(job->called, job->argv, input, &out);
	size_t sealed = sealed_part(&out);
	const char *why = NULL;

	c->by_code[code]++;
	if (code == 0) {
		c->same++;
		if (!sl_eq(str_sl(&out), str_sl(&job->good)))
			why = "success with other output";
	} else {
		c->failed++;
		if (code >= 126 || code == EX_BUG)
			why = "a crash";
		else if (sealed > job->good.n || memcmp(out.p, job->good.p, sealed) != 0)
			why = "another seal";
		else if (sealed && sealed == sealed_part(&job->good))
			why = "a failure behind the final seal";
	}
	if (!why)
		return;
	c->wrong++;
	if (c->wrong <= 5)
		printf("# %s %zu: %s (exit %d), output %s\n", what, at, why, code,
			msg_q(str_sl(&out)));
}

/* One of the eight of each byte that is taken. */
static bool is_chosen(size_t bit)
{
	uint64_t mixed = hash_mix(seed + bit / 8);

	return mixed / 8 % one_of == 0 && (every_bit || mixed % 8 == bit % 8);
}

/* The share of one worker. Nothing at all is no prefix: it is the empty, unsealed stream. */
static void work(const struct job *job, size_t worker, struct counts *c)
{
	struct str s = { 0 };

	str_add(&s, job->input);
	for (size_t n = 1 + worker; n < s.n; n += WORKERS) {
		if (hash_mix(seed + n) % one_of)
			continue;
		c->prefixes++;
		judge(job, c, (struct sl){ s.p, n }, "prefix", n);
	}
	for (size_t bit = worker; bit < s.n * 8; bit += WORKERS) {
		if (!is_chosen(bit))
			continue;
		s.p[bit / 8] = (char)(s.p[bit / 8] ^ (1 << bit % 8));
		c->flips++;
		judge(job, c, str_sl(&s), "bit", bit);
		s.p[bit / 8] = (char)(s.p[bit / 8] ^ (1 << bit % 8));
	}
	str_free(&s);
}

static void add_counts(struct counts *sum, const struct counts *c)
{
	sum->prefixes += c->prefixes;
	sum->flips += c->flips;
	sum->failed += c->failed;
	sum->same += c->same;
	sum->wrong += c->wrong;
	for (size_t i = 0; i < ARRAY_LEN(c->by_code); i++)
		sum->by_code[i] += c->by_code[i];
}

static struct counts run_all(const struct job *job)
{
	struct counts sum = { 0 }, c;
	int fd[2];

	if (pipe(fd) != 0)
		exit(99);
	(void)fflush(stdout);
	for (size_t i = 0; i < WORKERS; i++) {
		if (fork() != 0)
			continue;
		c = (struct counts){ 0 };
		work(job, i, &c);
		(void)fflush(stdout);
		_exit(write(fd[1], &c, sizeof c) == (ssize_t)sizeof c ? 0 : 99);
	}
	(void)close(fd[1]);
	for (size_t i = 0; i < WORKERS; i++) {
		if (read(fd[0], &c, sizeof c) != (ssize_t)sizeof c)
			exit(99);
		add_counts(&sum, &c);
	}
	(void)close(fd[0]);
	while (wait(NULL) > 0)
		continue;
	return sum;
}

static void print_codes(const struct counts *c)
{
	printf("# exit codes:");
	for (size_t i = 0; i < ARRAY_LEN(c->by_code); i++)
		if (c->by_code[i])
			printf(" %zu: %lu", i, c->by_code[i]);
	putchar('\n');
}

/* Two chunks, the second with a new column: small, with everything that seals have. */
static void small_stream(struct wr *w)
{
	static const struct sl cols[] = { SL_INIT("k"), SL_INIT("n"), SL_INIT("v"), SL_INIT("w") };
	struct seal seal = { .chunk = SL("1"), .src = SL("{\"rows\":2}") };

	wr_cols(w, cols, 3);
	put_row(w, "100000001", "a", "x");
	put_row(w, "100000002", "b", "\"");
	wr_seal(w, &seal);
	wr_cols(w, cols, 4);
	put_row(w, "100000002", "c", NULL);
	seal.src = SL("");
	seal.final = true;
	wr_seal(w, &seal);
	wr_close(w);
}

static const struct {
	enum format format; /* FMT_AUTO: both */
	filter_main *called;
	const char *argv[10];
} commands[] = {
	{ FMT_AUTO, main_reformat, { "reformat" } },
	{ FMT_CSV, main_reformat, { "reformat", "-o", "ndjson" } },
	{ FMT_NDJSON, main_reformat, { "reformat", "-o", "csv" } },
	{ FMT_AUTO, main_map_fields,
		{ "map-fields", "-r", "v:x", "-S", "s=1", "-c", "k:int,s:int" } },
	{ FMT_AUTO, main_quality_clean,
		{ "quality-clean", "--enable", "normalize_strings,deduplicate", "-k", "k" } },
	{ FMT_AUTO, main_quality_clean,
		{ "quality-clean", "--enable", "deduplicate", "-k", "k", "--keep", "newest",
			"--event-time", "k" } },
	{ FMT_AUTO, main_unpivot_narrow,
		{ "unpivot-narrow", "-k", "k", "-n", "n", "-V", "v" } },
	{ FMT_AUTO, main_stream_digest, { "stream-digest", "-b", "n" } },
	{ FMT_AUTO, main_via, { "via", "--", "cat" } },
	{ FMT_AUTO, main_pivot_wide,
		{ "pivot-wide", "-k", "k", "-n", "n", "-V", "v", "-b", "" } },
	{ FMT_AUTO, main_pivot_wide,
		{ "pivot-wide", "-k", "k", "-n", "n", "-V", "v", "--on-unsorted=sort" } },
};

/* So many of a stream of n bytes were tried as should be; one of some is chosen by chance. */
static bool as_many(const struct counts *c, size_t n)
{
	if (one_of > 1)
		return c->prefixes * one_of > n / 2 && c->flips * one_of > n / 2;
	return c->prefixes == n - 1 && c->flips == n * (every_bit ? 8 : 1);
}

static void test_command(size_t i, enum format format, struct sl input)
{
	const char *bin = getenv("FERRY_BIN"), *name = commands[i].argv[0];
	struct str path = { 0 }, line = { 0 };
	struct job job = { .called = commands[i].called, .input = input };
	struct counts c;
	struct str called = { 0 };
	char *argv[10];
	int code;

	str_addf(&path, "%s/%s", bin ? bin : "bin", name);
	argv[0] = path.p;
	str_addz(&line, name);
	for (size_t a = 1; a < ARRAY_LEN(argv); a++) {
		argv[a] = (char *)(uintptr_t)commands[i].argv[a];
		if (argv[a])
			str_addf(&line, " %s", *argv[a] ? argv[a] : "''");
	}
	job.argv = argv;
	code = run(NULL, job.argv, input, &job.good);
	tap(code == 0 && job.good.n > 0 &&
			run(job.called, job.argv, input, &called) == 0 &&
			sl_eq(str_sl(&called), str_sl(&job.good)) &&
			sealed_part(&job.good) == (strcmp(name, "stream-digest") ? job.good.n : 0),
		"%s, %s: the whole stream passes", line.p, format == FMT_CSV ? "CSV" : "NDJSON");
	c = run_all(&job);
	tap(c.wrong == 0 && as_many(&c, input.n),
		"%s, %s: %lu prefixes, %lu flipped bits: %lu failed, %lu the same, %lu wrong",
		line.p, format == FMT_CSV ? "CSV" : "NDJSON", c.prefixes, c.flips, c.failed, c.same,
		c.wrong);
	print_codes(&c);
	str_free(&job.good);
	str_free(&called);
	str_free(&path);
	str_free(&line);
}

static int one_command(char **argv)
{
	struct job job = { .argv = argv + 2 };
	struct str input = { 0 };
	struct counts c;
	int fd = open(argv[1], O_RDONLY);
	ssize_t n;

	while ((n = read(fd, str_room(&input, 65536), 65536)) > 0)
		input.n += (size_t)n;
	if (n < 0) {
		fprintf(stderr, "mutate: cannot read %s\n", argv[1]);
		return 66;
	}
	job.input = str_sl(&input);
	if (run(NULL, job.argv, job.input, &job.good) != 0) {
		fprintf(stderr, "mutate: the command fails with the whole stream\n");
		return 65;
	}
	c = run_all(&job);
	printf("%lu prefixes, %lu flipped bits: %lu failed, %lu the same, %lu wrong\n", c.prefixes,
		c.flips, c.failed, c.same, c.wrong);
	print_codes(&c);
	str_free(&input);
	str_free(&job.good);
	return c.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const enum format formats[] = { FMT_CSV, FMT_NDJSON };

	const char *all = getenv("MUTATE"), *chance = getenv("FERRY_SEED");

	(void)signal(SIGPIPE, SIG_IGN);
	every_bit = all && strcmp(all, "all") == 0;
	one_of = every_bit ? 1 : all ? strtoull(all, NULL, 10) : argc > 2 ? 1 : 4;
	seed = chance ? strtoull(chance, NULL, 10) : seed;
	if (argc > 2)
		return one_command(argv);
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		const struct wr_conf conf = { .format = formats[f], .sealed = true };
		struct str s = written_by(small_stream, &conf);

		/* what one command is not given another is */
		for (size_t i = 0; i < ARRAY_LEN(commands); i++, seed++)
			if (commands[i].format == FMT_AUTO || commands[i].format == formats[f])
				test_command(i, formats[f], str_sl(&s));
		str_free(&s);
	}
	return tap_done();
}
