/*
 * Signature Version 4 against a second, simple implementation, written from the text of AWS's
 * documentation: canonical request, string to sign, signature; of whole requests and of the same
 * one by its template.
 */
#include "aws/crypto.h"
#include "aws/sigv4.h"
#include "fuzz.h"

#define DATE "20240229T235959Z"
#define SCOPE "20240229/us-east-1/execute-api/aws4_request"

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void encode(struct str *s, const char *text, size_t n, const char *also)
{
	for (size_t i = 0; i < n; i++)
		if (is_unreserved(text[i]) || (text[i] && strchr(also, text[i])))
			str_addc(s, text[i]);
		else
			str_addf(s, "%%%02X", (unsigned)(unsigned char)text[i]);
}

static int hex(char c)
{
	const char *digits = "0123456789ABCDEF0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

static void decode(struct str *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '%' && n - i > 2 && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
			str_addc(s, (char)(hex(p[i + 1]) << 4 | hex(p[i + 2])));
			i += 2;
		} else {
			str_addc(s, p[i]);
		}
}

/* Segments by segments; a path that is none is "/". */
static void plain_path(struct str *out, const char *path, bool normalize, bool again)
{
	struct str s = { 0 };
	const char *segment[5000];
	size_t n = 0;
	bool slash = true;

	for (const char *p = path; normalize && *p; p += *p == '/') {
		size_t len = strcspn(p, "/");

		slash = p[len] == '/';
		if (len == 2 && memcmp(p, "..", 2) == 0) {
			n -= n > 0;
			slash = true;
		} else if (len == 1 && *p == '.') {
			slash = true;
		} else if (len > 0) {
			segment[n++] = p;
		}
		p += len;
	}
	for (size_t i = 0; i < n; i++) {
		str_addc(&s, '/');
		str_add(&s, (struct sl){ segment[i], strcspn(segment[i], "/") });
	}
	if (normalize && (slash || n == 0))
		str_addc(&s, '/');
	if (!normalize)
		str_addz(&s, *path ? path : "/");
	if (again)
		encode(out, str_z(&s), s.n, "/");
	else
		str_add(out, str_sl(&s));
	str_free(&s);
}

/* "name\0value", whose order is that of names, then values: NUL is less than any byte of either. */
static int by_text(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return sl_cmp(str_sl(x), str_sl(y));
}

static void plain_query(struct str *out, const char *query)
{
	struct str pair[2100] = { 0 }, plain = { 0 };
	size_t n = 0;

	for (const char *p = query; *p; p += *p == '&') {
		size_t len = strcspn(p, "&"), name = 0;

		while (name < len && p[name] != '=')
			name++;
		for (int value = 0; len && value < 2; value++) {
			const char *from = value ? p + name + (name < len) : p;

			str_clear(&plain);
			decode(&plain, from, value ? (size_t)(p + len - from) : name);
			encode(&pair[n], str_z(&plain), plain.n, "");
			if (!value)
				str_addc(&pair[n], '\0');
		}
		n += len > 0;
		p += len;
	}
	qsort(pair, n, sizeof pair[0], by_text);
	for (size_t i = 0; i < n; i++) {
		pair[i].p[strlen(pair[i].p)] = '=';
		str_addz(out, i ? "&" : "");
		str_add(out, str_sl(&pair[i]));
		str_free(&pair[i]);
	}
	str_free(&plain);
}

/* Two headers of one name are one with a comma; blanks are folded. */
static void plain_headers(struct str *out, const char *first, const char *second)
{
	const char *values[] = { first, second };

	str_addz(out, "host:h\nx-amz-meta:");
	for (size_t i = 0; i < 2; i++) {
		bool any = false;

		str_addz(out, i ? "," : "");
		for (const char *p = values[i]; *p; p += strcspn(p, " \t\r\n")) {
			p += strspn(p, " \t\r\n");
			if (*p)
				str_addz(out, any ? " " : "");
			any |= *p != '\0';
			str_add(out, (struct sl){ p, strcspn(p, " \t\r\n") });
		}
	}
	str_addz(out, "\n\nhost;x-amz-meta\n");
}

static void plain_signature(const char *secret, struct sl canonical, struct str *out)
{
	static const char *const steps[] = { "20240229", "us-east-1", "execute-api",
		"aws4_request" };
	struct crypto_hmac key;
	struct str s = { 0 };
	char digits[CRYPTO_HEX_LEN];
	uint8_t sum[CRYPTO_SHA256_LEN];

	str_addf(&s, "AWS4%s", secret);
	crypto_hmac_key(&key, str_sl(&s));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		crypto_hmac_of(&key, sl_of(steps[i]), sum);
		crypto_hmac_key(&key, (struct sl){ (char *)sum, sizeof sum });
	}
	str_clear(&s);
	crypto_sha256_hex(canonical, digits);
	str_addf(&s, "AWS4-HMAC-SHA256\n" DATE "\n" SCOPE "\n%.64s", digits);
	crypto_hmac_of(&key, str_sl(&s), sum);
	crypto_hex(digits, sum, sizeof sum);
	str_addz(out, "AWS4-HMAC-SHA256 Credential=AKID/" SCOPE
		      ", SignedHeaders=host;x-amz-meta, Signature=");
	str_add(out, (struct sl){ digits, sizeof digits });
	str_free(&s);
}

const unsigned fuzz_times = 10;

/* path \0 query \0 first header \0 second \0 secret */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	char *text = mem_alloc(in.n + 6), *part[5];
	struct str want = { 0 }, signature = { 0 }, got = { 0 }, body = { 0 };
	struct sigv4 *s = sigv4_new();
	struct sigv4_template *t = sigv4_template_new();
	struct sigv4_keys keys = { SL("AKID"), SL(""), SL("") };

	memcpy(text, in.p, in.n);
	memset(text + in.n, 0, 6);
	part[0] = text;
	for (size_t i = 1; i < ARRAY_LEN(part); i++)
		part[i] = part[i - 1] + strlen(part[i - 1]) + 1;
	struct sigv4_header h[] = { { SL("X-Amz-Meta"), sl_of(part[2]) }, { SL("Host"), SL("h") },
		{ SL("x-amz-META"), sl_of(part[3]) } };
	struct sigv4_request r = { .method = SL("GET"), .path = sl_of(part[0]),
		.query = sl_of(part[1]), .headers = h, .n_headers = 3, .payload = SL(SIGV4_EMPTY),
		.normalize = on & 1, .encode = on & 2 };

	keys.secret = sl_of(part[4]);
	sigv4_scope(s, &keys, DATE, SL("us-east-1"), SL("execute-api"));
	sigv4_sign(s, &r, &got);
	str_addz(&want, "GET\n");
	plain_path(&want, part[0], r.normalize, r.encode);
	str_addc(&want, '\n');
	plain_query(&want, part[1]);
	str_addc(&want, '\n');
	plain_headers(&want, part[2], part[3]);
	str_addz(&want, SIGV4_EMPTY);
	CHECK_SAME(sigv4_canonical(s), str_sl(&want));
	plain_signature(part[4], str_sl(&want), &signature);
	CHECK_SAME(str_sl(&got), str_sl(&signature));
	sigv4_prepare(s, &r, t);
	sigv4_sign_body(s, t, r.payload, &body);
	CHECK_SAME(str_sl(&body), str_sl(&signature));
	sigv4_template_free(t);
	sigv4_free(s);
	mem_free(text);
	str_free(&want);
	str_free(&signature);
	str_free(&got);
	str_free(&body);
	return 0;
}
