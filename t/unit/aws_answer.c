/* Answers of HTTP servers: whole, in pieces, cut at every byte, and lying. */
#include "aws/answer.h"
#include "aws/shape.h"

#include "tap.h"

struct collected {
	struct str got;
	size_t stop_at; /* refuses when it has this many; SIZE_MAX: never */
};

static bool collect(void *ctx, struct sl piece)
{
	struct collected *c = ctx;

	str_add(&c->got, piece);
	return c->got.n < c->stop_at;
}

/* Feeds it `step` bytes at a time. */
static enum answer_state feed(struct answer *a, struct sl text, size_t step, size_t *left)
{
	enum answer_state s = ANSWER_MORE;

	*left = text.n;
	while (s == ANSWER_MORE && *left) {
		struct sl in = {text.p + text.n - *left, step < *left ? step : *left};
		size_t before = in.n;

		s = answer_feed(a, &in);
		*left -= before - in.n;
	}
	return s;
}

static const struct {
	const char *what, *text, *body;
	int status;
	bool head, keep;
} whole[] = {
	{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag:  \"x\" \r\n\r\nhello", "hello",
		200, false, true},
	{"no body", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false, true},
	{"an empty body", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", 200, false, true},
	{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", "", 200, true, true},
	{"chunks",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n"
		"0123456789\r\n0\r\nTrailer: x\r\n\r\n",
		"abc0123456789", 200, false, true},
	{"100 Continue before it",
		"HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		"x", 200, false, true},
	{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok", 200, false, true},
	{"Connection: close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx",
		"x", 200, false, false},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200, false, false},
	{"an error", "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}", "{}", 400, false,
		true},
	{"no reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "x", 200, false, true},
	{"the same length twice",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "x", 200,
		false, true},
};

static void check_whole(size_t i, size_t step, bool sink)
{
	struct answer a = {0};
	struct collected c = {.stop_at = SIZE_MAX};
	size_t left;
	enum answer_state s;

	answer_reset(&a, whole[i].head);
	a.max_body = 1000;
	if (sink) {
		a.sink = collect;
		a.sink_ctx = &c;
	}
	s = feed(&a, sl_of(whole[i].text), step, &left);
	tap(s == ANSWER_WHOLE && left == 0 && a.status == whole[i].status &&
			a.keep_alive == whole[i].keep && a.body_size == strlen(whole[i].body),
		"%s, %zu at a time", whole[i].what, step);
	tap_same(str_sl(sink && a.status < 300 ? &c.got : &a.body), sl_of(whole[i].body),
		"its body");
	answer_free(&a);
	str_free(&c.got);
}

/* No beginning of an answer is an answer. */
static void check_cuts(size_t i)
{
	size_t n = strlen(whole[i].text), wrong = 0, left;

	for (size_t cut = 0; cut < n; cut++) {
		struct answer a = {0};

		answer_reset(&a, whole[i].head);
		a.max_body = 1000;
		wrong += feed(&a, (struct sl){whole[i].text, cut}, n, &left) != ANSWER_MORE;
		answer_free(&a);
	}
	tap(wrong == 0, "%s: none of %zu beginnings passes for it", whole[i].what, n);
}

static const struct {
	const char *what, *text;
	enum answer_state want;
} lies[] = {
	{"not HTTP", "SSH-2.0-OpenSSH\r\n", ANSWER_BAD},
	{"HTTP/2", "HTTP/2 200 OK\r\n\r\n", ANSWER_BAD},
	{"a status of letters", "HTTP/1.1 2OO OK\r\n", ANSWER_BAD},
	{"no length", "HTTP/1.1 200 OK\r\n\r\n", ANSWER_BAD},
	{"an error without length", "HTTP/1.0 500 Oops\r\n\r\n", ANSWER_BAD},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		ANSWER_BAD},
	{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ANSWER_BAD},
	{"a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", ANSWER_BAD},
	{"length and chunks",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		ANSWER_BAD},
	{"gzip as transfer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		ANSWER_BAD},
	{"a chunk without size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		ANSWER_BAD},
	{"a chunk of letters", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		ANSWER_BAD},
	{"a chunk that is longer than it says",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", ANSWER_BAD},
	{"a chunk too large to count",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		ANSWER_BAD},
	{"a header without colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", ANSWER_BAD},
	{"a folded header", "HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n", ANSWER_BAD},
	{"another protocol", "HTTP/1.1 101 Switching\r\n\r\n", ANSWER_BAD},
	{"more than it may hold", "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", ANSWER_MORE},
};

static void test_lies(void)
{
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		struct answer a = {0};
		size_t left;
		enum answer_state s;

		answer_reset(&a, false);
		a.max_body = 1000;
		s = feed(&a, sl_of(lies[i].text), 1, &left);
		tap(s == lies[i].want && (s != ANSWER_BAD || a.why), "%s", lies[i].what);
		answer_free(&a);
	}
}

static void test_limits(void)
{
	struct answer a = {0};
	struct collected c = {.stop_at = 3};
	struct str big = {0};
	size_t left;

	answer_reset(&a, false);
	a.max_body = 3;
	tap(feed(&a, SL("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"), 1, &left) ==
			ANSWER_TOO_BIG,
		"a body over the limit is refused");
	answer_reset(&a, false);
	a.sink = collect;
	a.sink_ctx = &c;
	tap(feed(&a, SL("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"), 1, &left) ==
				ANSWER_REFUSED &&
			c.got.n == 3,
		"a sink can refuse");
	answer_reset(&a, false);
	a.max_body = 10;
	a.sink = collect;
	a.sink_ctx = &c;
	tap(feed(&a, SL("HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\n123"), 9, &left) ==
				ANSWER_WHOLE &&
			c.got.n == 3 && a.body.n == 3,
		"a sink does not get the body of an error");
	answer_reset(&a, false);
	str_addz(&big, "HTTP/1.1 200 OK\r\nX: ");
	for (size_t i = 0; i < ANSWER_MAX_HEAD; i++)
		str_addc(&big, 'x');
	tap(feed(&a, str_sl(&big), 4096, &left) == ANSWER_BAD, "an endless head is refused");
	answer_reset(&a, false);
	a.max_body = 10;
	tap(feed(&a, SL("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1"), 99, &left) ==
				ANSWER_WHOLE &&
			left == 8,
		"what follows an answer is not of it");
	answer_free(&a);
	str_free(&big);
	str_free(&c.got);
}

static void test_headers(void)
{
	struct answer a = {0};
	size_t left;

	answer_reset(&a, false);
	(void)feed(&a,
		SL("HTTP/1.1 200 OK\r\nX-Amz: 1\r\nX-Amz-Id-2:\t two \t\r\nEmpty:\r\n"
		   "content-length: 0\r\n\r\n"),
		7, &left);
	tap_same(
		answer_header(&a, "x-amz-id-2"), SL("two"), "a header, whatever its case, trimmed");
	tap_same(answer_header(&a, "x-amz"), SL("1"), "not one whose name begins alike");
	tap_same(answer_header(&a, "empty"), SL(""), "an empty one");
	tap_same(answer_header(&a, "none"), SL(""), "none");
	answer_free(&a);
}

/* Bodies of answers of 200, and whether each is one to the operation. */
static void test_shapes(void)
{
	static const struct {
		const char *operation, *body;
		bool fits;
	} rows[] = {
		{"PutRecord", "", true},
		{"PutRecord", " {} ", true},
		{"PutRecord", "<html/>", false},
		{"PutRecord", "{\"Status\":\"OK\"}", false},
		{"PutRecord", "null", false},
		{"PutRecord", "{", false},
		{"PutRecord", "{}{}", false},
		{"BatchWriteRecord", "{\"Errors\": [], \"UnprocessedEntries\" :[]}", true},
		{"BatchWriteRecord", "{\"Errors\":[],\"UnprocessedEntries\":[],\"New\":{}}", true},
		{"BatchWriteRecord", "", false},
		{"BatchWriteRecord", "{}", false},
		{"BatchWriteRecord", "{\"Errors\":[],\"UnprocessedEntries\":null}", false},
		{"BatchWriteRecord", "{\"x\":{\"Errors\":[],\"UnprocessedEntries\":[]}}", false},
		{"BatchWriteRecord", "{\"x\":\"\\\",\\\"Errors\\\":[\"}", false},
		{"BatchWriteRecord", "{\"Records\":[],\"Errors\":[]}", false},
		{"GetRecord", "{}", true},
		{"GetRecord", "", false},
		{"GetRecord", "{\"Record\":null}", true},
		{"GetRecord", "{\"Record\":[{\"a\":[\"}\"]}]}", true},
		{"GetRecord", "{\"Records\":[]}", false},
		{"GetRecord", "{\"Record\":[}", false},
		{"CopyObject", "<?xml version=\"1.0\"?><CopyObjectResult/>", true},
		{"CopyObject", "", false},
		{"CopyObject", "<Error><CopyObjectResult/></Error>", false},
		{"CopyObject", "<CopyObjectResults/>", false},
		{"CopyObject", "<CopyObjectResult x=\"y\"><ETag/></CopyObjectResult>\n", true},
		{"CopyObject", "<!DOCTYPE CopyObjectResult><CopyObjectResult/>", false},
		{"CopyObject", "\n<?xml version=\"1.0\"?>\n<CopyObjectResult/>", true},
		{"ListObjectsV2", "<ListBucketResult><Contents></Contents>", false},
		{"ListObjectsV2", "<ListBucketResult><Contents></Contents></ListBucket", false},
		{"GetObject", "anything", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = shape_misfit(rows[i].operation, sl_of(rows[i].body));

		tap(!why == rows[i].fits, "%s: %s: %s", rows[i].operation, rows[i].body,
			why ? why : "fits");
	}
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		for (size_t step = 1; step < 200; step = step * 3 + 1)
			check_whole(i, step, i % 2);
		check_cuts(i);
	}
	test_lies();
	test_limits();
	test_headers();
	test_shapes();
	return tap_done();
}
