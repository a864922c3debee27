#include "aws/sigv4.h"

#include "aws/crypto.h"
#include "aws/uri.h"
#include "core/clock.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DATE_LEN 16
#define MAX_HEADERS 64

struct sigv4 {
	char date[DATE_LEN];
	struct str region, service, id;
	uint8_t secret_sum[CRYPTO_SHA256_LEN]; /* to notice another secret without keeping it */
	bool any;
	struct str scope; /* 20150830/us-east-1/service/aws4_request */
	struct crypto_hmac key;
	struct str canonical, to_sign, signed_names;
};

struct sigv4_template {
	struct str canonical;     /* up to the payload's hash */
	struct str authorization; /* up to the signature */
};

struct sigv4 *sigv4_new(void)
{
	return mem_zalloc(sizeof(struct sigv4));
}

void sigv4_free(struct sigv4 *s)
{
	if (!s)
		return;
	str_free(&s->region);
	str_free(&s->service);
	str_free(&s->id);
	str_free(&s->scope);
	str_free(&s->canonical);
	str_free(&s->to_sign);
	str_free(&s->signed_names);
	crypto_wipe(s, sizeof *s);
	mem_free(s);
}

void sigv4_date(char dst[DATE_LEN], int64_t instant)
{
	char text[CLOCK_TEXT_MAX];

	(void)clock_put_basic(text, clock_floor(instant, CLOCK_US_PER_SEC));
	memcpy(dst, text, DATE_LEN);
}

static void derive_key(struct sigv4 *s, struct sl secret)
{
	AUTO_STR first = {0};
	uint8_t sum[CRYPTO_SHA256_LEN];
	const struct sl step[] = {
		{s->date, 8}, str_sl(&s->region), str_sl(&s->service), SL("aws4_request")};

	(void)str_room(&first, secret.n + 4); /* at once: no copy of the secret stays behind */
	str_addz(&first, "AWS4");
	str_add(&first, secret);
	crypto_hmac_key(&s->key, str_sl(&first));
	for (size_t i = 0; i < ARRAY_LEN(step); i++) {
		crypto_hmac_of(&s->key, step[i], sum);
		crypto_hmac_key(&s->key, (struct sl){(const char *)sum, sizeof sum});
	}
	crypto_wipe(first.p, first.n);
	crypto_wipe(sum, sizeof sum);
}

static bool replace(struct str *s, struct sl t)
{
	if (sl_eq(str_sl(s), t))
		return false;
	str_set(s, t);
	return true;
}

void sigv4_scope(struct sigv4 *s, const struct sigv4_keys *k, const char date[DATE_LEN],
	struct sl region, struct sl service)
{
	uint8_t sum[CRYPTO_SHA256_LEN];
	bool other = !s->any || memcmp(s->date, date, 8) != 0;

	crypto_sha256(k->secret, sum);
	other |= memcmp(sum, s->secret_sum, sizeof sum) != 0;
	other |= replace(&s->region, region);
	other |= replace(&s->service, service);
	(void)replace(&s->id, k->id);
	memcpy(s->date, date, DATE_LEN);
	if (!other)
		return;
	memcpy(s->secret_sum, sum, sizeof sum);
	derive_key(s, k->secret);
	str_set(&s->scope, (struct sl){date, 8});
	str_addf(&s->scope, "/%s/%s/aws4_request", str_z(&s->region), str_z(&s->service));
	s->any = true;
}

/* ---- canonical path ------------------------------------------------------------------------ */

/* RFC 3986 section 5.2.4, with empty segments dropped too; the last slash stays. */
static void normalize(struct str *dst, struct sl path)
{
	bool slash = true;
	struct sl part;

	while (sl_cut(&path, '/', &part)) {
		slash = path.p > part.p + part.n || sl_eq_str(part, ".") || sl_eq_str(part, "..");
		if (sl_eq_str(part, "..")) {
			while (dst->n && dst->p[dst->n - 1] != '/')
				dst->n--;
			dst->n -= dst->n > 0;
		} else if (part.n && !sl_eq_str(part, ".")) {
			str_addc(dst, '/');
			str_add(dst, part);
		}
	}
	if (slash || dst->n == 0)
		str_addc(dst, '/');
}

static void put_path(struct str *dst, const struct sigv4_request *r)
{
	AUTO_STR plain = {0};

	if (r->normalize)
		normalize(&plain, r->path);
	else
		str_add(&plain, r->path.n ? r->path : SL("/"));
	if (r->encode)
		uri_encode(dst, str_sl(&plain), true);
	else
		str_add(dst, str_sl(&plain));
}

/* ---- canonical query ----------------------------------------------------------------------- */

struct pair {
	struct sl name, value;
};

static int pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int c = sl_cmp(x->name, y->name);

	return c ? c : sl_cmp(x->value, y->value);
}

/* Whatever way a byte was written on the wire, it is signed in the one canonical way. */
static struct sl recode(struct arena *mem, struct sl s)
{
	AUTO_STR plain = {0}, coded = {0};

	uri_decode(&plain, s, false);
	uri_encode(&coded, str_sl(&plain), false);
	return arena_dup(mem, str_sl(&coded));
}

/* Orders "a=b&c" by encoded names, then values, and appends it. */
static void put_query(struct str *dst, struct sl query)
{
	AUTO_ARENA mem = {0};
	AUTO_FREE struct pair *pairs = NULL;
	struct sl value, name;
	size_t n = 0, cap = 0;

	while (sl_cut(&query, '&', &value))
		if (sl_cut(&value, '=', &name)) {
			struct pair one = {recode(&mem, name), recode(&mem, value)};

			MEM_PUSH(pairs, n, cap, one);
		}
	if (n)
		qsort(pairs, n, sizeof *pairs, pair_cmp);
	for (size_t k = 0; k < n; k++) {
		if (k)
			str_addc(dst, '&');
		str_add(dst, pairs[k].name);
		str_addc(dst, '=');
		str_add(dst, pairs[k].value);
	}
}

/* ---- canonical headers --------------------------------------------------------------------- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int name_cmp(struct sl a, struct sl b)
{
	int c = strncasecmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static void put_lower(struct str *dst, struct sl name)
{
	for (size_t i = 0; i < name.n; i++)
		str_addc(dst, lower(name.p[i]));
}

/* Without blanks at the ends, and runs of them inside as one. */
static void put_trimmed(struct str *dst, struct sl value)
{
	bool gap = false, any = false;

	for (size_t i = 0; i < value.n; i++) {
		if (sl_blank(value.p[i])) {
			gap = any;
			continue;
		}
		if (gap)
			str_addc(dst, ' ');
		str_addc(dst, value.p[i]);
		gap = false;
		any = true;
	}
}

/* Sorted by name, stable, so that repeated ones stay in the order of sending; order[] is filled. */
static size_t sort_headers(const struct sigv4_request *r, size_t order[MAX_HEADERS])
{
	size_t n = r->n_headers < MAX_HEADERS ? r->n_headers : MAX_HEADERS;

	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		while (at > 0 && name_cmp(r->headers[order[at - 1]].name, r->headers[i].name) > 0) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
	}
	return n;
}

static void put_headers(struct str *dst, struct str *names, const struct sigv4_request *r)
{
	size_t order[MAX_HEADERS], n = sort_headers(r, order);

	str_clear(names);
	for (size_t i = 0; i < n; i++) {
		const struct sigv4_header *h = &r->headers[order[i]];
		bool again = i && name_cmp(h->name, r->headers[order[i - 1]].name) == 0;

		if (again) {
			dst->n--; /* the line end of the value before */
			str_addc(dst, ',');
		} else {
			if (i)
				str_addc(names, ';');
			put_lower(names, h->name);
			put_lower(dst, h->name);
			str_addc(dst, ':');
		}
		put_trimmed(dst, h->value);
		str_addc(dst, '\n');
	}
	str_addc(dst, '\n');
	str_add(dst, str_sl(names));
	str_addc(dst, '\n');
}

/* ---- signing ------------------------------------------------------------------------------- */

static void put_start(struct str *dst, const struct sigv4_request *r)
{
	str_set(dst, r->method);
	str_addc(dst, '\n');
	put_path(dst, r);
	str_addc(dst, '\n');
	put_query(dst, r->query);
	str_addc(dst, '\n');
}

/* Appends the signature of the canonical request in hex. */
static void put_signature(struct sigv4 *s, struct sl canonical, struct str *dst)
{
	uint8_t sum[CRYPTO_SHA256_LEN];
	struct str *t = &s->to_sign;

	str_set(t, SL(ALGORITHM "\n"));
	str_add(t, (struct sl){s->date, DATE_LEN});
	str_addc(t, '\n');
	str_add(t, str_sl(&s->scope));
	str_addc(t, '\n');
	crypto_sha256_hex(canonical, str_room(t, CRYPTO_HEX_LEN));
	t->n += CRYPTO_HEX_LEN;
	crypto_hmac_of(&s->key, str_sl(t), sum);
	crypto_hex(str_room(dst, CRYPTO_HEX_LEN), sum, sizeof sum);
	dst->n += CRYPTO_HEX_LEN;
	dst->p[dst->n] = '\0';
}

static void put_authorization(const struct sigv4 *s, struct str *dst)
{
	str_add(dst, SL(ALGORITHM " Credential="));
	str_add(dst, str_sl(&s->id));
	str_addc(dst, '/');
	str_add(dst, str_sl(&s->scope));
	str_add(dst, SL(", SignedHeaders="));
	str_add(dst, str_sl(&s->signed_names));
	str_add(dst, SL(", Signature="));
}

void sigv4_sign(struct sigv4 *s, const struct sigv4_request *r, struct str *authorization)
{
	put_start(&s->canonical, r);
	put_headers(&s->canonical, &s->signed_names, r);
	str_add(&s->canonical, r->payload);
	put_authorization(s, authorization);
	put_signature(s, str_sl(&s->canonical), authorization);
}

struct sl sigv4_canonical(const struct sigv4 *s)
{
	return str_sl(&s->canonical);
}

struct sl sigv4_string_to_sign(const struct sigv4 *s)
{
	return str_sl(&s->to_sign);
}

/* ---- many requests of one kind ------------------------------------------------------------- */

struct sigv4_template *sigv4_template_new(void)
{
	return mem_zalloc(sizeof(struct sigv4_template));
}

void sigv4_template_free(struct sigv4_template *t)
{
	if (!t)
		return;
	str_free(&t->canonical);
	str_free(&t->authorization);
	mem_free(t);
}

void sigv4_prepare(struct sigv4 *s, const struct sigv4_request *r, struct sigv4_template *t)
{
	put_start(&t->canonical, r);
	put_headers(&t->canonical, &s->signed_names, r);
	str_clear(&t->authorization);
	put_authorization(s, &t->authorization);
}

void sigv4_sign_body(
	struct sigv4 *s, struct sigv4_template *t, struct sl payload, struct str *authorization)
{
	size_t n = t->canonical.n;

	str_add(&t->canonical, payload);
	str_add(authorization, str_sl(&t->authorization));
	put_signature(s, str_sl(&t->canonical), authorization);
	t->canonical.n = n;
}
