/*
 * fuzz.h - the world of a fuzz target: a program that would end is caught, and what it held is
 * taken back, so that a process can run a million inputs.
 *
 * A target is one file NAME.c with LLVMFuzzerTestOneInput(), which calls what may end the program
 * by fuzz_code(). Each has an oracle, something that must be true of the answer, and says so with
 * CHECK(). libFuzzer drives it (`make fuzz`), and so does driver.c, which needs no more than gcc
 * and is a unit test. Seeds are in seeds/NAME, one a line, as printf '%b' writes them.
 */
#ifndef FERRY_FUZZ_H
#define FERRY_FUZZ_H

#include "core/mem.h"
#include "core/msg.h"
#include "core/str.h"
#include "stream/recode.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A target that is done in microseconds says how many times as many inputs driver.c gives it. */
extern const unsigned fuzz_times __attribute__((weak));

/* What must be true; `...` is a printf format that says what was seen. */
#define CHECK(good, ...)                                                                           \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			printf("%s:%d: not so: %s: ", __FILE__, __LINE__, #good);                  \
			printf(__VA_ARGS__);                                                       \
			putchar('\n');                                                             \
			(void)fflush(stdout);                                                      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_SAME(got, want)                                                                      \
	CHECK(sl_eq(got, want), "\n--- got\n%.*s\n--- want\n%.*s", (int)(got).n, (got).p,          \
		(int)(want).n, (want).p)

/* ---- memory and files of a program that ended ---------------------------------------------- */

/* The sanitizers tell of each piece of memory; without them it is lost, and processes are short. */
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
	void (*)(const volatile void *)) __attribute__((weak));

static struct {
	jmp_buf back;
	int code;
	char message[1000];
	bool inside;
	uintptr_t live[1 << 16]; /* taken inside, and not given back */
	size_t n_live;
	int first_fd;
} fuzz;

static inline void fuzz_took(const volatile void *p, size_t n)
{
	(void)n;
	if (fuzz.inside && p && fuzz.n_live < ARRAY_LEN(fuzz.live))
		fuzz.live[fuzz.n_live++] = (uintptr_t)p;
}

static inline void fuzz_gave_back(const volatile void *p)
{
	for (size_t i = fuzz.inside ? fuzz.n_live : 0; i-- > 0;)
		if (fuzz.live[i] == (uintptr_t)p) {
			fuzz.live[i] = fuzz.live[--fuzz.n_live];
			fuzz.live[fuzz.n_live] = 0; /* the finder of leaks looks here, too */
			return;
		}
}

/* What the C library loads for an encoding, it keeps: so it must not come from inside. */
static inline void fuzz_load_encodings(void)
{
	static const char *const names[] = { "LATIN1", "UTF-16LE", "UTF-16BE", "UTF-32LE",
		"UTF-32BE" };
	static struct recode *kept[ARRAY_LEN(names)];

	for (size_t i = 0; i < ARRAY_LEN(names) && !kept[i]; i++)
		kept[i] = recode_new(names[i], "UTF-8");
}

static inline void fuzz_begin(void)
{
	int fd = dup(STDIN_FILENO);

	fuzz_load_encodings();
	fuzz.first_fd = fd;
	(void)close(fd);
	if (__sanitizer_install_malloc_and_free_hooks)
		(void)__sanitizer_install_malloc_and_free_hooks(fuzz_took, fuzz_gave_back);
}

/* Registered first, so that it is the last thing a program does. */
static inline void fuzz_ended(void *ctx, int code, const char *message)
{
	(void)ctx;
	fuzz.code = code;
	(void)snprintf(fuzz.message, sizeof fuzz.message, "%s", message);
	longjmp(fuzz.back, 1);
}

static inline void fuzz_clean_up(void)
{
	fuzz.inside = false;
	while (fuzz.code && fuzz.n_live > 0)
		free((void *)fuzz.live[--fuzz.n_live]);
	memset(fuzz.live, 0, fuzz.n_live * sizeof fuzz.live[0]);
	if (fuzz.code)
		(void)close_range((unsigned)fuzz.first_fd, ~0u, 0);
}

/*
 * Calls fn(ctx); 0, or the code that the program would have ended with: fuzz.message then says why.
 * A bug is never right. Files of fn must be opened in it.
 */
static inline int fuzz_code(void (*fn)(void *ctx), void *ctx)
{
	if (!fuzz.first_fd)
		fuzz_begin();
	fuzz.code = 0;
	fuzz.message[0] = '\0';
	fuzz.n_live = 0;
	fuzz.inside = true;
	msg_on_exit(fuzz_ended, NULL);
	if (!setjmp(fuzz.back)) {
		fn(ctx);
		msg_off_exit(fuzz_ended, NULL);
	}
	fuzz_clean_up();
	CHECK(fuzz.code != EX_BUG, "%s", fuzz.message);
	return fuzz.code;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static inline struct sl fuzz_sl(const uint8_t *data, size_t n)
{
	return (struct sl){ n ? (const char *)data : "", n };
}

/* Six switches from the first byte, which is dropped: "@" has none of them, "A" the first. */
static inline unsigned fuzz_switches(struct sl *s)
{
	unsigned c = s->n ? (unsigned char)*s->p : 0;

	s->p += s->n > 0;
	s->n -= s->n > 0;
	return c & 63;
}

/* A file in memory, read from its beginning. */
static inline int fuzz_file(struct sl s)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n && lseek(fd, 0, SEEK_SET) == 0,
		"no file in memory");
	return fd;
}

/* The same by its name, of which there are 4. */
static inline const char *fuzz_path(int fd)
{
	static char path[4][40];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof path[0], "/proc/self/fd/%d", fd);
	return p;
}

#endif
