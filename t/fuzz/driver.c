/*
 * Drives a fuzz target without libFuzzer: its seeds, and inputs made of them by chance, which
 * FERRY_SEED tells. Processes of a few hundred inputs each, so that a crash is seen and told.
 *
 *	fuzz_NAME            TAP; RUNS inputs (5000), cheap ones ten times that
 *	fuzz_NAME FILE…      these inputs
 */
#include "../unit/tap.h"
#include "fuzz.h"

#include <sys/wait.h>

#define MAX_INPUT 4096
#define BATCH 500

static struct str seeds[200];
static size_t n_seeds;

static unsigned below(size_t n)
{
	return (unsigned)(tap_random() % n);
}

static void read_file(const char *path, struct str *s)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die_errno(EX_NOINPUT_, "%s", path);
	while ((n = read(fd, str_room(s, 65536), 65536)) > 0)
		s->n += (size_t)n;
	(void)close(fd);
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* A line of the seeds: \n \r \t \\ \xHH. */
static void unescape(struct str *dst, struct sl s)
{
	static const char from[] = "nrt\\", to[] = "\n\r\t\\";

	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] == '\\' && i + 1 < s.n ? strchr(from, s.p[i + 1]) : NULL;

		if (at) {
			str_addc(dst, to[at - from]);
			i++;
		} else if (s.n - i > 3 && memcmp(s.p + i, "\\x", 2) == 0) {
			str_addc(dst, (char)(hex(s.p[i + 2]) << 4 | hex(s.p[i + 3])));
			i += 3;
		} else {
			str_addc(dst, s.p[i]);
		}
	}
}

static void read_seeds(const char *name)
{
	struct str all = { 0 }, path = { 0 };

	str_addf(&path, "t/fuzz/seeds/%s", name);
	read_file(str_z(&path), &all);
	for (char *p = all.p, *nl; (nl = strchr(p, '\n')); p = nl + 1)
		if (n_seeds < ARRAY_LEN(seeds))
			unescape(&seeds[n_seeds++], (struct sl){ p, (size_t)(nl - p) });
	str_free(&all);
	str_free(&path);
}

static struct sl some_seed(void)
{
	return str_sl(&seeds[below(n_seeds)]);
}

static struct sl some_piece(struct sl s)
{
	size_t from = below(s.n + 1), n = below(s.n - from + 1);

	return (struct sl){ s.p + from, n };
}

/* Puts `piece` in place of `cut` bytes. */
static void replace(struct str *s, size_t at, size_t cut, struct sl piece)
{
	struct str out = { 0 };

	str_add(&out, (struct sl){ s->p, at });
	str_add(&out, piece);
	str_add(&out, (struct sl){ s->p + at + cut, s->n - at - cut });
	str_free(s);
	*s = out;
}

static void mutate(struct str *s)
{
	static const char bytes[] = ",\"\n\r\0\xff\x80 09-+.:eEnN{}[]\\'@=%#;\x1f";
	size_t at = below(s->n + 1), rest = s->n - at;
	size_t few = rest ? below(rest < 8 ? rest : 8) + 1 : 0;

	switch (below(7)) {
	case 0:
		if (rest)
			s->p[at] = (char)(s->p[at] ^ (1 << below(8)));
		break;
	case 1:
		replace(s, at, rest > 0, (struct sl){ bytes + below(sizeof bytes), 1 });
		break;
	case 2:
		replace(s, at, 0, (struct sl){ bytes + below(sizeof bytes), 1 });
		break;
	case 3:
		replace(s, at, few, SL(""));
		break;
	case 4: {
		struct str copy = { 0 };

		str_add(&copy, some_piece(str_sl(s)));
		replace(s, at, 0, str_sl(&copy));
		str_free(&copy);
		break;
	}
	case 5:
		replace(s, at, few, some_piece(some_seed()));
		break;
	case 6:
		replace(s, at, below(2) ? rest : 0, SL(""));
		break;
	}
}

static void make_input(struct str *s, size_t number)
{
	str_clear(s);
	str_add(s, number < n_seeds ? str_sl(&seeds[number]) : some_seed());
	for (unsigned i = number < n_seeds ? 0 : below(6) + 1; i > 0; i--)
		mutate(s);
	if (s->n > MAX_INPUT)
		s->n = MAX_INPUT;
}

/* In memory of just that size, so that a byte read behind it is seen. */
static void run_one(struct sl s)
{
	uint8_t *exact = mem_alloc(s.n);

	memcpy(exact, s.p, s.n);
	(void)LLVMFuzzerTestOneInput(exact, s.n);
	mem_free(exact);
}

static void print_escaped(struct sl s)
{
	printf("# input: ");
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= ' ' && s.p[i] < 127 && s.p[i] != '\\')
			putchar(s.p[i]);
		else
			printf("\\x%02x", (unsigned)(unsigned char)s.p[i]);
	putchar('\n');
}

/* Inputs of one process; what it works on is kept where its parent sees it. */
static bool run_batch(size_t from, size_t to)
{
	size_t *at = mmap(NULL, 4096 + MAX_INPUT, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *shown = (char *)(at + 1);
	int status;
	pid_t pid = fork();

	for (size_t i = from; i < to && pid == 0; i++) {
		struct str s = { 0 };

		make_input(&s, i);
		*at = s.n;
		memcpy(shown, str_z(&s), s.n);
		run_one(str_sl(&s));
		str_free(&s);
	}
	if (pid == 0)
		exit(0);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		print_escaped((struct sl){ shown, *at });
	(void)munmap(at, 4096 + MAX_INPUT);
	return status == 0;
}

int main(int argc, char **argv)
{
	const char *runs = getenv("RUNS"), *name = strrchr(argv[0], '/');
	size_t n = (runs ? strtoull(runs, NULL, 10) : 5000) * (&fuzz_times ? fuzz_times : 1);
	size_t done = 0;
	struct str s = { 0 };

	for (int i = 1; i < argc; i++) {
		str_clear(&s);
		read_file(argv[i], &s);
		run_one(str_sl(&s));
		printf("%s: no finding\n", argv[i]);
	}
	str_free(&s);
	if (argc > 1)
		return 0;
	name = (name ? name + 1 : argv[0]) + strlen("fuzz_");
	read_seeds(name);
	/* what programs that end have to say; findings go to standard output */
	if (!freopen("/dev/null", "w", stderr))
		return 99;
	while (done < n) {
		size_t to = done + BATCH < n ? done + BATCH : n;

		(void)fflush(stdout);
		if (!run_batch(done, to))
			break;
		for (size_t i = 0; i < 20; i++)
			(void)tap_random(); /* the next process goes on elsewhere */
		done = to;
	}
	tap(done == n, "%s: %zu inputs made of %zu seeds", name, n, n_seeds);
	for (size_t i = 0; i < n_seeds; i++)
		str_free(&seeds[i]);
	return tap_done();
}
