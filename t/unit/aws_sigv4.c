/* Signing: the published vectors (where FERRY_TEST_DATA leads to them), vectors made with botocore
 * (t/aws/make-vectors), and the short way for many requests against the long one. */
#include "aws/crypto.h"
#include "aws/sigv4.h"
#include "aws/uri.h"
#include "core/clock.h"
#include "core/mem.h"
#include "stream/json.h"

#include "tap.h"

#include <dirent.h>

#define MAX_HEADERS 32

static bool read_file(const char *dir, const char *name, struct str *s)
{
	char path[1024], piece[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	str_clear(s);
	f = fopen(path, "rb");
	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		str_add(s, (struct sl){piece, n});
	fclose(f);
	return true;
}

static struct sl text(const struct json *o, const char *key)
{
	struct sl s = SL("");

	(void)json_get_str(o, key, &s);
	return s;
}

static bool truth(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->kind == J_TRUE;
}

/* ---- published vectors --------------------------------------------------------------------- */

struct vector {
	struct sigv4_request r;
	struct sigv4_header header[MAX_HEADERS];
	struct sl body;
	char payload[CRYPTO_HEX_LEN];
};

/* Takes a request apart; a line that begins with a blank goes on with the header before it. */
static void parse_request(struct sl all, struct vector *v)
{
	const char *p = all.p, *end = all.p + all.n;
	const char *eol = memchr(p, '\n', all.n), *sp = memchr(p, ' ', (size_t)(eol - p)), *q;

	v->r.method = (struct sl){p, (size_t)(sp - p)};
	p = sp + 1;
	sp = eol - strlen(" HTTP/1.1");
	q = memchr(p, '?', (size_t)(sp - p));
	v->r.path = (struct sl){p, (size_t)((q ? q : sp) - p)};
	v->r.query = q ? (struct sl){q + 1, (size_t)(sp - q - 1)} : SL("");
	v->r.headers = v->header;
	for (p = eol + 1; p < end && *p != '\n'; p = eol + 1) {
		struct sigv4_header *h = &v->header[v->r.n_headers];
		const char *colon;

		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		if (*p == ' ') {
			h[-1].value.n = (size_t)(eol - h[-1].value.p);
			continue;
		}
		colon = memchr(p, ':', (size_t)(eol - p));
		h->name = (struct sl){p, (size_t)(colon - p)};
		h->value = (struct sl){colon + 1, (size_t)(eol - colon - 1)};
		v->r.n_headers++;
	}
	v->body = p < end ? (struct sl){p + 1, (size_t)(end - p - 1)} : SL("");
	crypto_sha256_hex(v->body, v->payload);
	v->r.payload = (struct sl){v->payload, sizeof v->payload};
}

static void add_header(struct vector *v, struct sl name, struct sl value)
{
	v->header[v->r.n_headers++] = (struct sigv4_header){name, value};
}

static void check_vector(const char *dir, const char *name)
{
	struct str ctx = {0}, req = {0}, want = {0}, got = {0};
	struct arena mem = {0};
	struct sigv4 *s = sigv4_new();
	struct vector v = {0};
	struct sigv4_keys keys;
	const struct json *o, *cred;
	const char *why = NULL;
	size_t at;
	char label[320];

	if (!read_file(dir, "context.json", &ctx) || !read_file(dir, "request.txt", &req)) {
		tap(false, "%s can be read", name);
		return;
	}
	o = json_parse(&mem, str_sl(&ctx), &why, &at);
	cred = json_get(o, "credentials");
	keys = (struct sigv4_keys){
		text(cred, "access_key_id"), text(cred, "secret_access_key"), text(cred, "token")};
	sigv4_scope(s, &keys, "20150830T123600Z", text(o, "region"), text(o, "service"));
	parse_request(str_sl(&req), &v);
	v.r.normalize = truth(o, "normalize");
	v.r.encode = true;

	add_header(&v, SL("X-Amz-Date"), SL("20150830T123600Z"));
	if (keys.token.n && !truth(o, "omit_session_token"))
		add_header(&v, SL("X-Amz-Security-Token"), keys.token);
	if (truth(o, "sign_body"))
		add_header(&v, SL("X-Amz-Content-Sha256"), v.r.payload);
	sigv4_sign(s, &v.r, &got);
	(void)read_file(dir, "header-canonical-request.txt", &want);
	snprintf(label, sizeof label, "%s: canonical", name);
	tap_same(sigv4_canonical(s), str_sl(&want), label);
	(void)read_file(dir, "header-string-to-sign.txt", &want);
	snprintf(label, sizeof label, "%s: string to sign", name);
	tap_same(sigv4_string_to_sign(s), str_sl(&want), label);
	(void)read_file(dir, "header-signature.txt", &want);
	snprintf(label, sizeof label, "%s: signature", name);
	tap_same((struct sl){got.p + got.n - want.n, want.n}, str_sl(&want), label);

	sigv4_free(s);
	arena_free(&mem);
	str_free(&ctx);
	str_free(&req);
	str_free(&want);
	str_free(&got);
}

static void test_published(void)
{
	const char *data = getenv("FERRY_TEST_DATA");
	char root[1024], dir[1400];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(root, sizeof root, "%s/aws-signing-v4", data ? data : "/dev/null");
	d = opendir(root);
	if (!d) {
		printf("ok %d - the published vectors # skip FERRY_TEST_DATA does not lead there\n",
			++tap_n);
		return;
	}
	/* cppcheck-suppress readdirCalled */
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || strstr(e->d_name, ".txt"))
			continue;
		snprintf(dir, sizeof dir, "%s/%s", root, e->d_name);
		check_vector(dir, e->d_name);
		n++;
	}
	closedir(d);
	tap(n >= 38, "all 38 published cases were there");
}

/* ---- our own vectors ----------------------------------------------------------------------- */

/* The path as we would write it: from the texts that botocore encoded. */
static void check_path(const struct json *o, const char *name)
{
	const struct json *raw = json_get(o, "raw"), *first = raw ? raw->child : NULL;
	struct str path = {0};
	char label[300];

	if (!first)
		return;
	if (truth(o, "s3")) {
		str_addc(&path, '/');
		uri_encode(&path, first->text, true);
		if (first->next->kind == J_STR) {
			str_addc(&path, '/');
			uri_encode(&path, first->next->text, true);
		}
	} else {
		str_addz(&path, "/FeatureGroup/");
		uri_encode(&path, first->text, false);
		if (first->next) {
			struct str query = {0};
			struct sl got = text(o, "query");

			uri_query(&query, SL("RecordIdentifierValueAsString"), first->next->text);
			got.n = got.n < query.n ? got.n : query.n;
			snprintf(label, sizeof label, "%s: the same query", name);
			tap_same(str_sl(&query), got, label);
			str_free(&query);
		}
	}
	snprintf(label, sizeof label, "%s: the same path", name);
	tap_same(str_sl(&path), text(o, "path"), label);
	str_free(&path);
}

static void check_own(struct sigv4 *s, const struct json *o)
{
	const struct json *list = json_get(o, "headers");
	struct sigv4_keys keys = {SL("AKIDEXAMPLE"), SL("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
		text(o, "token")};
	struct vector v = {.r = {text(o, "method"), text(o, "path"), text(o, "query"), NULL, 0,
				   {NULL, 0}, !truth(o, "s3"), !truth(o, "s3")}};
	struct sl name = text(o, "name"), canonical = text(o, "canonical");
	struct str got = {0};
	char label[300], plain[250];

	snprintf(plain, sizeof plain, "botocore's %.*s", (int)name.n, name.p);
	for (const struct json *h = list->child; h; h = h->next)
		add_header(&v, h->child->text, h->child->next->text);
	v.r.headers = v.header;
	/* What the body's hash is depends on the call; that it is right is another test. */
	v.r.payload = (struct sl){memrchr(canonical.p, '\n', canonical.n), 0};
	v.r.payload.p++;
	v.r.payload.n = (size_t)(canonical.p + canonical.n - v.r.payload.p);
	sigv4_scope(s, &keys, "20260228T235959Z", SL("ap-northeast-2"), text(o, "service"));
	sigv4_sign(s, &v.r, &got);
	snprintf(label, sizeof label, "%s: canonical", plain);
	tap_same(sigv4_canonical(s), canonical, label);
	snprintf(label, sizeof label, "%s: authorization", plain);
	tap_same(str_sl(&got), text(o, "authorization"), label);
	crypto_sha256_hex(text(o, "body"), v.payload);
	if (!sl_eq_str(v.r.payload, SIGV4_UNSIGNED) && memcmp(v.r.payload.p, "STREAMING", 9) != 0)
		tap(memcmp(v.payload, v.r.payload.p, sizeof v.payload) == 0, "%s: body", plain);
	check_path(o, plain);
	str_free(&got);
}

static void test_own(const char *dir)
{
	struct sigv4 *s = sigv4_new();
	struct arena mem = {0};
	struct str all = {0};
	const char *why = NULL;
	size_t at, n = 0;

	tap(read_file(dir, "vectors.ndjson", &all), "our vectors can be read");
	for (char *p = all.p, *eol; p && (eol = strchr(p, '\n')); p = eol + 1) {
		const struct json *o =
			json_parse(&mem, (struct sl){p, (size_t)(eol - p)}, &why, &at);

		if (!tap(o, "a line of vectors.ndjson is JSON"))
			break;
		check_own(s, o);
		n++;
	}
	tap(n >= 45, "all our vectors were there");
	sigv4_free(s);
	arena_free(&mem);
	str_free(&all);
}

/* ---- the short way ------------------------------------------------------------------------- */

static void test_template(void)
{
	struct sigv4 *s = sigv4_new();
	struct sigv4_template *t = sigv4_template_new();
	const struct sigv4_keys keys = {SL("AKIDEXAMPLE"), SL("secret"), SL("token")};
	const struct sigv4_header headers[] = {{SL("host"), SL("h.example.com:8443")},
		{SL("content-type"), SL("application/json")},
		{SL("x-amz-date"), SL("20260301T000000Z")}};
	struct sigv4_request r = {SL("PUT"), SL("/FeatureGroup/a%3Ab"), SL("b=2&a=1"), headers,
		ARRAY_LEN(headers), {NULL, 0}, true, true};
	struct str quick = {0}, slow = {0};
	char hash[CRYPTO_HEX_LEN];

	sigv4_scope(s, &keys, "20260301T000000Z", SL("eu-west-1"), SL("sagemaker"));
	sigv4_prepare(s, &r, t);
	for (int i = 0; i < 3; i++) {
		crypto_sha256_hex((struct sl){"body", (size_t)i}, hash);
		r.payload = (struct sl){hash, sizeof hash};
		str_clear(&quick);
		str_clear(&slow);
		sigv4_sign_body(s, t, r.payload, &quick);
		sigv4_sign(s, &r, &slow);
		tap_same(str_sl(&quick), str_sl(&slow), "a template signs as the long way does");
	}
	sigv4_template_free(t);
	sigv4_free(s);
	str_free(&quick);
	str_free(&slow);
}

/* The key depends on each part of the scope: no part may be forgotten when one changes. */
static void test_key_cache(void)
{
	static const struct {
		const char *secret, *date, *region, *service;
	} step[] = {
		{"one", "20260301T000000Z", "eu-west-1", "s3"},
		{"two", "20260301T000000Z", "eu-west-1", "s3"},
		{"two", "20260302T000000Z", "eu-west-1", "s3"},
		{"two", "20260302T000000Z", "eu-west-2", "s3"},
		{"two", "20260302T000000Z", "eu-west-2", "sts"},
		{"one", "20260301T000000Z", "eu-west-1", "s3"},
	};
	const struct sigv4_header host = {SL("host"), SL("h")};
	const struct sigv4_request r = {
		SL("GET"), SL("/"), SL(""), &host, 1, SL(SIGV4_EMPTY), true, true};
	struct sigv4 *kept = sigv4_new();

	for (size_t i = 0; i < ARRAY_LEN(step); i++) {
		const struct sigv4_keys k = {SL("AKID"), sl_of(step[i].secret), SL("")};
		struct sigv4 *fresh = sigv4_new();
		struct str a = {0}, b = {0};

		sigv4_scope(kept, &k, step[i].date, sl_of(step[i].region), sl_of(step[i].service));
		sigv4_scope(fresh, &k, step[i].date, sl_of(step[i].region), sl_of(step[i].service));
		sigv4_sign(kept, &r, &a);
		sigv4_sign(fresh, &r, &b);
		tap_same(str_sl(&a), str_sl(&b), "a kept signer signs as a fresh one");
		sigv4_free(fresh);
		str_free(&a);
		str_free(&b);
	}
	sigv4_free(kept);
}

static void test_small(void)
{
	char date[16], b64[16];
	struct str s = {0};
	static const struct {
		const char *plain, *coded;
	} b[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
	int64_t instant;

	tap(clock_parse(SL("2026-02-28 23:59:59.9"), &instant), "a time");
	sigv4_date(date, instant);
	tap_same((struct sl){date, 16}, SL("20260228T235959Z"), "a date is cut, not rounded");
	uri_decode(&s, SL("a%20b+c%zz%4"), true);
	tap_same(str_sl(&s), SL("a b c%zz%4"), "only whole escapes are decoded");
	for (size_t i = 0; i < ARRAY_LEN(b); i++) {
		size_t n = crypto_base64(b64, (const uint8_t *)b[i].plain, strlen(b[i].plain));

		tap_same((struct sl){b64, n}, sl_of(b[i].coded), "RFC 4648 section 10");
	}
	str_free(&s);
}

int main(void)
{
	test_published();
	test_own("t/aws");
	test_template();
	test_key_cache();
	test_small();
	return tap_done();
}
