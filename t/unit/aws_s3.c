/* Objects: regions, copies, deletions, and bodies that go on where they were cut. */
#include "aws/s3.h"

#include "calls.h"
#include "tap.h"

/* ---- single requests ----------------------------------------------------------------------- */

static enum server_then other_region(
	struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)n;
	if (strstr(request, "/ap-northeast-2/s3/aws4_request"))
		server_answer(fd, 200, "", "here");
	else if (s->param[0])
		server_answer(fd, 301, "x-amz-bucket-region: ap-northeast-2\r\n", "");
	else
		server_answer(fd, 400, "",
			"<Error><Code>AuthorizationHeaderMalformed</Code>"
			"<Region>ap-northeast-2</Region></Error>");
	return SERVER_KEEP;
}

static void test_regions(void)
{
	for (int i = 0; i < 2; i++) {
		struct server s = server_start(other_region);
		struct aws *a = open_client(&s, 1);
		struct aws_error e = {0};
		struct str got = {0};

		s.shared->param[0] = i;
		tap(s3_get(a, SL("bucket"), SL("k"), add_piece, &got, NULL, &e) &&
				s.shared->requests == 2,
			"a bucket is followed to its region");
		tap(s3_get(a, SL("bucket"), SL("k"), add_piece, &got, NULL, &e) &&
				s.shared->requests == 3,
			"and looked for there from then on");
		str_free(&got);
		aws_close(a);
		server_stop(&s);
	}
}

/* S3 answers some calls with 200 and then an error. */
static enum server_then good_and_bad(
	struct server_shared *s, int fd, unsigned n, const char *request)
{
	const char *source = strcasestr(request, "x-amz-copy-source: from/a%20b/c\r\n");

	(void)s;
	server_answer(fd, 200, "",
		n || !source
			? "<Error><Code>InternalError</Code><Message>half way</Message></Error>"
			: "<CopyObjectResult><ETag>&quot;x&quot;</ETag></CopyObjectResult>");
	return SERVER_KEEP;
}

static void test_copy(void)
{
	struct server s = server_start(good_and_bad);
	struct aws *a = open_client(&s, 1);
	struct aws_error e = {0};

	tap(s3_copy(a, SL("from"), SL("a b/c"), SL("to"), SL("d"), &e), "an object is copied");
	tap(!s3_copy(a, SL("from"), SL("a b/c"), SL("to"), SL("d"), &e) && e.class == AWS_UNKNOWN,
		"an error within a good answer is one");
	aws_close(a);
	server_stop(&s);
}

/* param 0: how many keys of the second request cannot be deleted */
static enum server_then deleting(struct server_shared *s, int fd, unsigned n, const char *request)
{
	static const char list[] =
		"<ListBucketResult><IsTruncated of='a>b'>false</IsTruncated>"
		"<Contents><Key><![CDATA[p/]]>&#x31;</Key><Size>1</Size></Contents>"
		"<Contents><!-- <Key>p/2</Key> --><Key>p/a%26%3Cb</Key>"
		"<Size>2</Size></Contents></ListBucketResult>";

	(void)n;
	if (strncmp(request, "GET ", 4) == 0)
		server_answer(fd, 200, "", list);
	else if (!strstr(request, "<Key>p/1</Key></Object><Object><Key>p/a&#38;&#60;b</Key>"))
		server_answer(fd, 400, "", "<Error><Code>MalformedXML</Code></Error>");
	else
		server_answer(fd, 200, "",
			s->param[0] ? "<DeleteResult><Error><Key>p/1</Key><Code>AccessDenied</"
				      "Code><Message>no</Message>"
				      "</Error></DeleteResult>"
				    : "<DeleteResult></DeleteResult>");
	return SERVER_KEEP;
}

static void test_delete(void)
{
	struct server s = server_start(deleting);
	struct aws *a = open_client(&s, 1);
	struct aws_error e = {0};
	uint64_t n = 0;

	tap(s3_delete_prefix(a, SL("b"), SL("p/"), NULL, &n, &e) && n == 2, "a prefix is deleted");
	s.shared->param[0] = 1;
	tap(!s3_delete_prefix(a, SL("b"), SL("p/"), NULL, &n, &e) && n == 1 &&
			e.class == AWS_FORBIDDEN,
		"a key that stays is an error");
	tap_same(sl_of(e.message), SL("\"p/1\": no"), "which names it");
	aws_close(a);
	server_stop(&s);
}

/* ---- bodies that go on --------------------------------------------------------------------- */

#define BODY "abcdefghijklmnopqrstuvwxyz0123456789"

/* param: 0 cut every answer after so many bytes of the body, 1 mischief: 1 ignores Range, 2 another
 * object from the second request on, 3 another range than was asked for */
static enum server_then ranges(struct server_shared *s, int fd, unsigned n, const char *request)
{
	const char *range = strcasestr(request, "\r\nrange: bytes=");
	const char *match = strcasestr(request, "\r\nif-match: \"");
	size_t from = range ? strtoul(range + 15, NULL, 10) : 0, all = strlen(BODY);
	size_t most = (size_t)s->param[0];

	if (s->param[1] == 1)
		range = NULL, from = 0;
	if (s->param[1] == 2 && n > 0 && match && strncmp(match + 13, "new", 3) != 0) {
		server_answer(fd, 412, "", "<Error><Code>PreconditionFailed</Code></Error>");
		return SERVER_KEEP;
	}
	if (s->param[1] == 3 && from)
		from++;
	server_say(fd, "HTTP/1.1 %s\r\nETag: \"old\"\r\nContent-Length: %zu\r\n",
		range ? "206 P" : "200 OK", all - from);
	if (range)
		server_say(fd, "Content-Range: bytes %zu-%zu/%zu\r\n", from, all - 1, all);
	server_say(fd, "\r\n%.*s", (int)(all - from < most ? all - from : most), &BODY[from]);
	return all - from <= most ? SERVER_KEEP : SERVER_CLOSE;
}

static void test_resume(void)
{
	size_t all = strlen(BODY);
	int wrong = 0;

	for (size_t most = 1; most <= all; most++) {
		struct server s = server_start(ranges);
		struct aws *a = open_client(&s, 3);
		struct aws_error e = {0};
		struct str got = {0};
		uint64_t size = 0;

		s.shared->param[0] = (int)most;
		if (!s3_get(a, SL("b"), SL("k"), add_piece, &got, &size, &e) || size != all ||
			!sl_eq_str(str_sl(&got), BODY)) {
			printf("# %zu: %s: %s\n", most, aws_error_text(&e), str_z(&got));
			wrong++;
		}
		str_free(&got);
		aws_close(a);
		server_stop(&s);
	}
	tap(wrong == 0, "an object cut after each of its bytes comes whole, every byte once");
	for (int mischief = 1; mischief <= 3; mischief++) {
		struct server s = server_start(ranges);
		struct aws *a = open_client(&s, 3);
		struct aws_error e = {0};
		struct str got = {0};
		bool good;

		s.shared->param[0] = 10;
		s.shared->param[1] = mischief;
		good = s3_get(a, SL("b"), SL("k"), add_piece, &got, NULL, &e);
		tap(!good && got.n == 10 && !aws_error_is_temporary(&e),
			"never another object's rest: %s", aws_error_text(&e));
		str_free(&got);
		aws_close(a);
		server_stop(&s);
	}
}

int main(void)
{
	calls_begin();
	test_regions();
	test_copy();
	test_delete();
	test_resume();
	return tap_done();
}
