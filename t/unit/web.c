/* web.c - pages in pieces of any size on their way from the reader; texts of others in HTML. */
#include "core/html.h"
#include "web/reader.h"

#include "tap.h"

#include <sys/socket.h>
#include <unistd.h>

static void add_frame(struct str *s, uint64_t job, uint32_t part, struct sl text)
{
	uint32_t word[2] = { part, (uint32_t)text.n };

	str_add(s, (struct sl){ (const char *)&job, sizeof job });
	str_add(s, (struct sl){ (const char *)word, sizeof word });
	str_add(s, text);
}

static void note(void *ctx, uint64_t job, unsigned part, struct sl text)
{
	str_addf(ctx, "%llu:%u:%.*s;", (unsigned long long)job, part, (int)text.n, text.p);
}

/* All frames, the first cut behind `cut` bytes; what came of it. */
static bool passes(struct sl frames, size_t cut, const char *want)
{
	struct reader r = { .fd = -1 };
	AUTO_STR got = { 0 };
	int ends[2];
	bool good;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		die_errno(EX_TEMP, "socketpair");
	r.fd = ends[0];
	(void)!write(ends[1], frames.p, cut);
	good = reader_take(&r, note, &got);
	(void)!write(ends[1], frames.p + cut, frames.n - cut);
	good &= reader_take(&r, note, &got) && strcmp(str_z(&got), want) == 0;
	if (!good)
		printf("# cut at %zu: %s\n", cut, str_z(&got));
	str_free(&r.in);
	str_free(&r.why);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return good;
}

static void test_frames(void)
{
	AUTO_STR frames = { 0 };
	bool good = true;

	add_frame(&frames, 7, 0, SL("one"));
	add_frame(&frames, 7, 1, SL(""));
	add_frame(&frames, 8, 2, SL("a longer one, that is cut as well"));
	add_frame(&frames, 8, PAGE_END, SL(""));
	for (size_t cut = 0; cut <= frames.n; cut++)
		good &= passes(str_sl(&frames), cut,
			"7:0:one;7:1:;8:2:a longer one, that is cut as well;8:16:;");
	tap(good, "frames cut anywhere");
}

/* The answer to one of two leaves the other to be waited for; that is no answer to both. */
static void test_patience(void)
{
	struct reader r = { .fd = -1 };
	AUTO_STR frames = { 0 }, got = { 0 };
	int ends[2];
	bool good = true;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		die_errno(EX_TEMP, "socketpair");
	r.fd = ends[0];
	good &= reader_ask(&r, 7) && reader_ask(&r, 8);
	add_frame(&frames, 7, PAGE_END, SL(""));
	for (int left = 1; left >= 0; left--) {
		(void)!write(ends[1], frames.p, frames.n);
		good &= reader_take(&r, note, &got) && (r.asked != 0) == (left > 0);
	}
	tap(good, "one of two that are asked for");
	str_free(&r.in);
	str_free(&r.why);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_html(void)
{
	AUTO_STR out = { 0 };

	html_add(&out, SL("a<b>&\"'\n\t\r\x1b\xff\xe2\x80\xae\xc2\x85 \xed\x95\x9c"));
	tap_same(str_sl(&out),
		SL("a&lt;b&gt;&amp;&quot;&#39;\\n\\t\\x0d\\x1b\\xff\\xe2\\x80\\xae\\xc2\\x85 "
		   "\xed\x95\x9c"),
		"what is markup, acts or hides");
}

int main(void)
{
	test_frames();
	test_patience();
	test_html();
	return tap_done();
}
