#include "sigv4.h"

#include "core/clock.h"
#include "core/num.h"
#include "crypt.h"
#include "sigv4_refuse.h"
#include "uri.h"

#include <ctype.h>

#define SKEW_US (5 * 60 * CLOCK_US_PER_SEC)
#define SKEW_S3_US (15 * 60 * CLOCK_US_PER_SEC)

static const struct sl algorithm = SL_INIT("AWS4-HMAC-SHA256");

static struct sl trimmed(struct sl s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static void take_credential(struct sigv4 *s, struct sl value)
{
	struct sl part[5] = { 0 };
	size_t n = 0;

	while (n < 5 && uri_next(&value, '/', &part[n]))
		n++;
	if (n != 5 || value.p || !sl_eq(part[4], SL("aws4_request")))
		return;
	s->key = part[0];
	s->date = part[1];
	s->region = part[2];
	s->service = part[3];
}

bool sigv4_parse(const struct exchange *x, struct sigv4 *s)
{
	struct sl rest = exchange_header(x, "authorization"), part;

	*s = (struct sigv4){ 0 };
	if (rest.n <= algorithm.n || memcmp(rest.p, algorithm.p, algorithm.n) != 0)
		return false;
	rest.p += algorithm.n;
	rest.n -= algorithm.n;
	while (uri_next(&rest, ',', &part)) {
		struct sl value = trimmed(part), name;

		(void)uri_next(&value, '=', &name);
		if (!value.p)
			continue;
		if (sl_eq(name, SL("Credential")))
			take_credential(s, value);
		else if (sl_eq(name, SL("SignedHeaders")))
			s->signed_headers = value;
		else if (sl_eq(name, SL("Signature")))
			s->signature = value;
	}
	return true;
}

void sigv4_free(struct sigv4 *s)
{
	str_free(&s->canonical);
	str_free(&s->to_sign);
}

/* Path of all services but S3: dot segments and repeated slashes removed, then encoded once more.
 */
static void add_normal_path(struct str *out, struct sl path)
{
	struct str flat = { 0 };
	struct sl rest = path, part;
	bool slash = path.n > 0 && path.p[path.n - 1] == '/';

	while (uri_next(&rest, '/', &part)) {
		if (part.n == 0 || sl_eq(part, SL(".")))
			continue;
		if (sl_eq(part, SL(".."))) {
			while (flat.n && flat.p[--flat.n] != '/')
				;
			continue;
		}
		str_addc(&flat, '/');
		str_add(&flat, part);
	}
	if (flat.n == 0 || slash)
		str_addc(&flat, '/');
	uri_encode(out, str_sl(&flat), true);
	str_free(&flat);
}

/* Path of S3: encoded once, whatever the client left bare; a slash that was encoded stays so. */
static void add_s3_path(struct exchange *x, struct str *out)
{
	struct sl rest = x->path, part;

	for (bool first = true; uri_next(&rest, '/', &part); first = false) {
		if (!first)
			str_addc(out, '/');
		uri_encode(out, uri_decode(&x->mem, part, false), false);
	}
}

static int by_name_then_value(const void *a, const void *b)
{
	const struct field *f = a, *g = b;
	int c = sl_cmp(f->name, g->name);

	return c ? c : sl_cmp(f->value, g->value);
}

static struct sl encoded(struct arena *mem, struct sl s)
{
	struct str out = { 0 };
	struct sl kept;

	uri_encode(&out, s, false);
	kept = arena_dup(mem, str_sl(&out));
	str_free(&out);
	return kept;
}

static void add_query(struct exchange *x, struct str *out)
{
	struct fields f = { 0 };

	for (size_t i = 0; i < x->params.n; i++)
		fields_add(&f, encoded(&x->mem, x->params.v[i].name),
			encoded(&x->mem, x->params.v[i].value));
	if (f.n)
		qsort(f.v, f.n, sizeof *f.v, by_name_then_value);
	for (size_t i = 0; i < f.n; i++) {
		if (i)
			str_addc(out, '&');
		str_add(out, f.v[i].name);
		str_addc(out, '=');
		str_add(out, f.v[i].value);
	}
	mem_free(f.v);
}

/* Values trimmed, runs of blanks inside as one, repeated headers joined by commas. */
static void add_header_values(const struct exchange *x, struct str *out, struct sl name)
{
	bool first = true;

	for (size_t i = 0; i < x->headers.n; i++) {
		struct sl v = trimmed(x->headers.v[i].value);

		if (!sl_eq(x->headers.v[i].name, name))
			continue;
		if (!first)
			str_addc(out, ',');
		first = false;
		for (size_t j = 0; j < v.n; j++)
			if (v.p[j] != ' ' || j == 0 || v.p[j - 1] != ' ')
				str_addc(out, v.p[j]);
	}
}

/* Is a header among the signed ones? */
static bool is_signed(const struct sigv4 *s, struct sl name)
{
	struct sl rest = s->signed_headers, each;

	while (uri_next(&rest, ';', &each))
		if (sl_eq(each, name))
			return true;
	return false;
}

static void make_canonical(struct exchange *x, struct sigv4 *s, struct sl payload_hash)
{
	struct str *c = &s->canonical;
	struct sl rest = s->signed_headers, name;

	str_addz(c, x->method);
	str_addc(c, '\n');
	if (x->protocol == PROTO_S3)
		add_s3_path(x, c);
	else
		add_normal_path(c, x->path);
	str_addc(c, '\n');
	add_query(x, c);
	str_addc(c, '\n');
	while (uri_next(&rest, ';', &name)) {
		str_add(c, name);
		str_addc(c, ':');
		add_header_values(x, c, name);
		str_addc(c, '\n');
	}
	str_addc(c, '\n');
	str_add(c, s->signed_headers);
	str_addc(c, '\n');
	str_add(c, payload_hash);
}

static void hex_of_sha256(struct str *out, struct sl data)
{
	unsigned char digest[SHA256_BYTES];

	crypt_sha256(digest, data);
	crypt_add_hex(out, digest, sizeof digest);
}

static void make_signature(const struct exchange *x, struct sigv4 *s, struct str *signature)
{
	unsigned char k[SHA256_BYTES], next[SHA256_BYTES];
	struct sl chain[] = { s->date, s->region, s->service, SL("aws4_request") };
	struct str key = { 0 };

	str_add(&s->to_sign, algorithm);
	str_addc(&s->to_sign, '\n');
	str_add(&s->to_sign, exchange_header(x, "x-amz-date"));
	str_addf(&s->to_sign, "\n%.*s/%.*s/%.*s/aws4_request\n", (int)s->date.n, s->date.p,
		(int)s->region.n, s->region.p, (int)s->service.n, s->service.p);
	hex_of_sha256(&s->to_sign, str_sl(&s->canonical));
	str_addf(&key, "AWS4%s", s->who->secret);
	crypt_hmac(k, str_sl(&key), chain[0]);
	for (size_t i = 1; i < ARRAY_LEN(chain); i++) {
		crypt_hmac(next, (struct sl){ (char *)k, sizeof k }, chain[i]);
		memcpy(k, next, sizeof k);
	}
	crypt_hmac(next, (struct sl){ (char *)k, sizeof k }, str_sl(&s->to_sign));
	crypt_add_hex(signature, next, sizeof next);
	str_free(&key);
}

/* YYYYMMDDTHHMMSSZ as Unix microseconds. */
static bool parse_amz_date(struct sl s, int64_t *t)
{
	char iso[24];

	if (s.n != 16 || s.p[8] != 'T' || s.p[15] != 'Z')
		return false;
	(void)snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s.p, s.p + 4, s.p + 6,
		s.p + 9, s.p + 11, s.p + 13);
	if (!clock_parse(sl_of(iso), t))
		return false;
	*t -= CLOCK_UNIX_EPOCH;
	return true;
}

static bool check_who(struct exchange *x, struct sigv4 *s, int64_t now)
{
	struct sl token = exchange_header(x, "x-amz-security-token");

	s->who = creds_find(s->key);
	if (!s->who)
		return refuse_key(x, s);
	if (!sl_eq_str(token, s->who->token))
		return refuse_token(x);
	if (s->who->expires && s->who->expires <= now)
		return refuse_expired(x);
	return true;
}

static bool check_time(struct exchange *x, const struct sigv4 *s, int64_t now)
{
	struct sl date = exchange_header(x, "x-amz-date");
	int64_t t, skew = x->protocol == PROTO_S3 ? SKEW_S3_US : SKEW_US;

	if (!parse_amz_date(date, &t))
		return refuse_date(x, date);
	if (memcmp(date.p, s->date.p, s->date.n < 8 ? s->date.n : 8) != 0 || s->date.n != 8)
		return refuse_scope_date(x, s, date);
	if (t < now - skew || t > now + skew)
		return refuse_skew(x, t, now, skew);
	return true;
}

/* host and every x-amz-* header that is there must be signed; the list is sorted, without repeats.
 */
static bool check_signed_headers(struct exchange *x, const struct sigv4 *s)
{
	struct sl rest = s->signed_headers, each, before = SL("");

	for (; uri_next(&rest, ';', &each); before = each)
		if (sl_cmp(before, each) >= 0)
			return refuse_incomplete(x, s);
	if (!is_signed(s, SL("host")))
		return refuse_unsigned(x, SL("host"));
	for (size_t i = 0; i < x->headers.n; i++) {
		struct sl name = x->headers.v[i].name;

		if (name.n > 6 && memcmp(name.p, "x-amz-", 6) == 0 && !is_signed(s, name))
			return refuse_unsigned(x, name);
	}
	return true;
}

static bool check_payload(struct exchange *x, struct sl *hash)
{
	struct sl claimed = exchange_header(x, "x-amz-content-sha256");
	struct str computed = { 0 };

	hex_of_sha256(&computed, str_sl(&x->body));
	*hash = arena_dup(&x->mem, str_sl(&computed));
	str_free(&computed);
	if (x->protocol != PROTO_S3)
		return true;
	if (!claimed.p)
		return refuse_no_payload_hash(x);
	if (claimed.n > 10 && memcmp(claimed.p, "STREAMING-", 10) == 0)
		return exchange_fail(x, 501, "NotImplemented",
			"A header you provided implies functionality that is not implemented");
	if (sl_eq(claimed, SL("UNSIGNED-PAYLOAD"))) {
		*hash = claimed;
		return true;
	}
	return sl_eq(claimed, *hash) ? true : refuse_payload_hash(x, claimed, *hash);
}

bool sigv4_check(struct exchange *x, struct sigv4 *s, const char *service, int64_t now)
{
	struct str signature = { 0 };
	struct sl hash;
	bool good;

	if (!s->key.n || !s->signed_headers.n || !s->signature.n)
		return refuse_incomplete(x, s);
	if (!check_signed_headers(x, s) || !check_who(x, s, now))
		return false;
	if (!sl_eq_str(s->service, service))
		return refuse_service(x, service);
	if (!check_time(x, s, now) || !check_payload(x, &hash))
		return false;
	make_canonical(x, s, hash);
	make_signature(x, s, &signature);
	good = crypt_same(str_sl(&signature), s->signature);
	str_free(&signature);
	if (!good)
		return refuse_signature(x, s);
	x->region = s->region;
	x->account = sl_of(s->who->account);
	x->arn = sl_of(s->who->arn);
	x->user_id = sl_of(s->who->user_id);
	return true;
}
