/*
 * render.h - a reader seen as text, for tests of rd.h: every event becomes a line, and so does the
 * end of the program. Runs in a process of its own, because readers end the program when they must.
 */
#ifndef FERRY_RENDER_H
#define FERRY_RENDER_H

#include "core/str.h"
#include "stream/in.h"
#include "stream/rd.h"
#include "drip.h"
#include "tap.h"

#include <sys/wait.h>
#include <unistd.h>

static void render_field(struct str *s, const struct field *f)
{
	static const char *const mark[] = { "-", "NULL", "", "#", "!", "~" };

	str_addz(s, mark[f->kind]);
	if (f->kind == F_STR)
		str_addz(s, msg_q(field_sl(f)));
	else if (f->kind > F_STR)
		str_add(s, field_sl(f));
}

static void render_event(struct str *s, struct rd *rd, enum rd_event ev, const struct rec *rec)
{
	const struct fault *f = rd_fault(rd);

	switch (ev) {
	case RD_COLS:
		str_addz(s, "cols");
		for (size_t i = 0; i < rd_cols(rd)->n; i++)
			str_addf(s, " %s", msg_q(rd_cols(rd)->name[i]));
		break;
	case RD_ROW:
		str_addf(s, "row %llu:%llu", (unsigned long long)rec->record,
			(unsigned long long)rec->line);
		for (size_t i = 0; i < rec->n; i++) {
			str_addc(s, ' ');
			render_field(s, &rec->f[i]);
		}
		break;
	case RD_BEGIN:
		str_addf(s, "begin %.*s", (int)rd_chunk(rd).n, rd_chunk(rd).p);
		break;
	case RD_SEAL:
		str_addf(s, "seal %s rows %llu%s", msg_q(rd_seal(rd)->chunk),
			(unsigned long long)rd_seal(rd)->rows, rd_seal(rd)->final ? " final" : "");
		break;
	case RD_BAD:
		str_addf(s, "bad %llu:%llu:%llu %s", (unsigned long long)f->record,
			(unsigned long long)f->line, (unsigned long long)f->column, f->why);
		break;
	case RD_END:
		str_addz(s, rd_is_sealed(rd) ? "end sealed" : "end");
		break;
	}
	str_addc(s, '\n');
}

static NORETURN void render_child(struct sl input, size_t step, const struct rd_conf *conf, int to)
{
	struct str s = { 0 };
	struct drip d = { .left = input, .step = step };
	int fd[2];
	struct rd *rd;
	struct rec rec;
	enum rd_event ev;

	if (pipe(fd) != 0 || dup2(to, STDERR_FILENO) < 0)
		_exit(99);
	d.fd = fd[1];
	rd = rd_from_fd(fd[0], "x", conf);
	in_on_wait(rd_in(rd), drip_next, &d);
	do {
		ev = rd_next(rd, &rec);
		str_clear(&s);
		render_event(&s, rd, ev, &rec);
		if (write(to, s.p, s.n) != (ssize_t)s.n)
			_exit(99);
	} while (ev != RD_END);
	rd_close(rd);
	str_free(&s);
	exit(0);
}

/* Appends what reading `input` in pieces of `step` bytes shows, messages of its death included. */
static inline void render(struct str *dst, struct sl input, size_t step, const struct rd_conf *conf)
{
	int fd[2], status;
	char text[4096];
	ssize_t n;
	pid_t pid;

	if (pipe(fd) != 0)
		exit(99);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		render_child(input, step, conf, fd[1]);
	(void)close(fd[1]);
	while ((n = read(fd[0], text, sizeof text)) > 0)
		str_add(dst, (struct sl){ text, (size_t)n });
	(void)close(fd[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		str_addz(dst, "crash\n");
	else if (WEXITSTATUS(status))
		str_addf(dst, "exit %d\n", WEXITSTATUS(status));
}

/* The same text whole, in pieces of 17 bytes and byte by byte; `want` may leave out hints. */
static inline void check_render(
	const char *what, struct sl input, const struct rd_conf *conf, const char *want)
{
	static const size_t steps[] = { 60000, 17, 1 };
	struct str got = { 0 };
	const char *hint, *line;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		str_clear(&got);
		render(&got, input, steps[i], conf);
		hint = strstr(str_z(&got), "ferry: hint: ");
		if (hint) {
			line = strchr(hint, '\n') + 1;
			memmove(got.p + (hint - got.p), line, strlen(line) + 1);
			got.n = strlen(got.p);
		}
		if (!tap(strcmp(str_z(&got), want) == 0, "%s, %zu bytes at a time", what, steps[i]))
			printf("--- got\n%s--- want\n%s---\n", str_z(&got), want);
	}
	str_free(&got);
}

struct render_case {
	const char *what;
	struct sl input;
	const char *want;
};

static inline void check_cases(const struct render_case *c, size_t n, const struct rd_conf *conf)
{
	for (size_t i = 0; i < n; i++)
		check_render(c[i].what, c[i].input, conf, c[i].want);
}

#endif
