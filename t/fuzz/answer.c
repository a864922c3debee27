/*
 * Answers of HTTP servers: taken apart the same whatever the pieces, with the same bytes left
 * behind; and the body of one that is whole is what a plain reading of its framing says.
 */
#include "aws/answer.h"
#include "fuzz.h"

struct got {
	struct answer a;
	struct str sunk;
	enum answer_state state;
	size_t used;
};

static bool sink(void *ctx, struct sl piece)
{
	str_add(ctx, piece);
	return true;
}

static void feed(struct got *g, struct sl in, size_t step, unsigned on)
{
	g->state = ANSWER_MORE;
	answer_reset(&g->a, on & 1);
	g->a.sink = on & 2 ? sink : NULL;
	g->a.sink_ctx = &g->sunk;
	g->a.max_body = on & 4 ? 10 : 1 << 20;
	while (g->used < in.n && g->state == ANSWER_MORE) {
		size_t n = in.n - g->used < step ? in.n - g->used : step;
		char *exact = memcpy(mem_alloc(n), in.p + g->used, n);
		struct sl piece = { exact, n };

		g->state = answer_feed(&g->a, &piece);
		CHECK(piece.n == 0 || g->state != ANSWER_MORE, "bytes are left, and more wanted");
		g->used += n - piece.n;
		mem_free(exact);
	}
}

/* The body between head and end: as long as it is announced, or chunk by chunk. */
static void plain_body(const struct answer *a, struct sl in, struct str *body)
{
	const char *p = in.p, *end = in.p + in.n, *line = in.p, *nl = NULL;
	unsigned long size;

	/* heads of 1xx come before the one that counts */
	for (int status = 0; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		if (p == line && nl - p > 11)
			status = (p[9] - '0') * 100;
		if (nl == p || (nl == p + 1 && *p == '\r')) {
			line = nl + 1;
			if (status >= 200)
				break;
		}
	}
	p = nl + 1;
	if (!a->chunked) {
		str_add(body, (struct sl){ p, (size_t)(end - p) });
		return;
	}
	while ((size = strtoul(p, NULL, 16)) > 0) {
		p = (char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		str_add(body, (struct sl){ p, size });
		p = (char *)memchr(p + size, '\n', (size_t)(end - p) - size) + 1;
	}
}

static void check_body(const struct got *g, struct sl in, unsigned on)
{
	const struct str *took = on & 2 && g->a.status < 300 ? &g->sunk : &g->a.body;
	struct str body = { 0 };
	char *z = mem_sldup((struct sl){ in.p, g->used });

	if (on & 1 || g->a.status == 204 || g->a.status == 304) {
		CHECK(took->n == 0, "a body where none may be");
	} else {
		plain_body(&g->a, (struct sl){ z, g->used }, &body);
		CHECK_SAME(str_sl(took), str_sl(&body));
	}
	CHECK(g->a.body_size == took->n, "size of the body");
	mem_free(z);
	str_free(&body);
}

const unsigned fuzz_times = 10;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t steps[] = { 65536, 1, 17 };
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	struct got g[3] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		feed(&g[i], in, steps[i], on);
		CHECK(g[i].state == g[0].state, "%s: %d, %d", g[i].a.why ? g[i].a.why : "",
			(int)g[i].state, (int)g[0].state);
		CHECK((!g[i].a.why && !g[0].a.why) || strcmp(g[i].a.why, g[0].a.why) == 0, "why");
		if (g[i].state != ANSWER_WHOLE)
			continue;
		CHECK(g[i].used == g[0].used && g[i].a.status == g[0].a.status &&
				g[i].a.keep_alive == g[0].a.keep_alive,
			"used %d, %d", (int)g[i].used, (int)g[0].used);
		CHECK_SAME(str_sl(&g[i].a.body), str_sl(&g[0].a.body));
		CHECK_SAME(str_sl(&g[i].sunk), str_sl(&g[0].sunk));
		CHECK_SAME(answer_header(&g[i].a, "etag"), answer_header(&g[0].a, "etag"));
		check_body(&g[i], in, on);
	}
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		answer_free(&g[i].a);
		str_free(&g[i].sunk);
	}
	return 0;
}
