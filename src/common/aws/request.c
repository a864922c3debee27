/* From a call to the bytes of a request. */
#include "aws/client_internal.h"
#include "aws/crypto.h"
#include "core/clock.h"

#define MAX_SIGNED (AWS_MAX_HEADERS + 8) /* with the six and the two that this file adds */

void request_forget(struct aws *a)
{
	a->quick.second = INT64_MIN;
}

/* ---- where to ------------------------------------------------------------------------------ */

static struct bucket_region *find_region(const struct aws *a, struct sl bucket)
{
	for (size_t i = 0; i < a->n_regions; i++)
		if (sl_eq_str(bucket, a->regions[i].bucket))
			return &a->regions[i];
	return NULL;
}

void request_set_region(struct aws *a, struct sl bucket, struct sl region)
{
	struct bucket_region *known = find_region(a, bucket);

	if (known) {
		mem_free(known->region);
		known->region = mem_sldup(region);
		return;
	}
	MEM_PUSH(a->regions, a->n_regions, a->cap_regions,
		(struct bucket_region){mem_sldup(bucket), mem_sldup(region)});
}

const char *request_region(struct aws *a, const struct aws_call *c, struct aws_error *e)
{
	const struct bucket_region *b = c->bucket.n ? find_region(a, c->bucket) : NULL;

	return b ? b->region : aws_config_region(a->config, e);
}

/* May the bucket be a label of a host name? A dot would be one of two labels, which the wildcard of
 * the certificate does not cover. */
static bool is_label(struct sl bucket)
{
	if (bucket.n < 3 || bucket.n > 63)
		return false;
	for (size_t i = 0; i < bucket.n; i++) {
		char c = bucket.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    (c == '-' && i > 0 && i + 1 < bucket.n)))
			return false;
	}
	return true;
}

/* Writes f->host, and the path as it goes on the wire to `path`. */
static void place(
	struct flight *f, const struct aws_endpoint *to, const char *region, struct str *path)
{
	const struct aws_call *c = &f->call;
	bool in_host = c->bucket.n && !to->custom && is_label(c->bucket);

	str_clear(&f->host);
	if (in_host) {
		str_add(&f->host, c->bucket);
		str_addc(&f->host, '.');
	}
	if (c->bucket.n && !to->custom)
		aws_config_host(f->a->config, AWS_S3, region, &f->host);
	else
		str_addz(&f->host, to->host);
	str_addz(path, to->path);
	if (c->bucket.n && !in_host) {
		str_addc(path, '/');
		str_add(path, c->bucket);
		if (sl_eq_str(c->path, "/"))
			return;
	}
	str_add(path, c->path);
}

/* ---- the head ------------------------------------------------------------------------------ */

struct draft {
	struct sigv4_header signed_[MAX_SIGNED];
	size_t n;
	struct str *head;
};

static void put_header(struct draft *d, struct sl name, struct sl value)
{
	str_add(d->head, name);
	str_add(d->head, SL(": "));
	str_add(d->head, value);
	str_add(d->head, SL("\r\n"));
	d->signed_[d->n++] = (struct sigv4_header){name, value};
}

static void put_length(const struct aws_call *c, struct str *head)
{
	if (c->body.n || strcmp(c->method, "PUT") == 0 || strcmp(c->method, "POST") == 0) {
		str_add(head, SL("\r\nContent-Length: "));
		str_addu(head, c->body.n);
	}
	str_add(head, SL("\r\n\r\n"));
}

/* All that is signed but the body; `hash` empty: the service does not want it in a header. The
 * slices in d stay valid: they point into the call, the keys and `date`. */
static void draft_head(struct draft *d, const struct flight *f, struct sl path, struct sl date,
	const struct aws_keys *k, struct sl hash)
{
	const struct aws_call *c = &f->call;

	str_clear(d->head);
	str_addz(d->head, c->method);
	str_addc(d->head, ' ');
	str_add(d->head, path);
	if (c->query.n) {
		str_addc(d->head, '?');
		str_add(d->head, c->query);
	}
	str_add(d->head, SL(" HTTP/1.1\r\nUser-Agent: ferry/" FERRY_VERSION "\r\n"));
	put_header(d, SL("Host"), str_sl(&f->host));
	if (c->content_type.n)
		put_header(d, SL("Content-Type"), c->content_type);
	if (c->target)
		put_header(d, SL("X-Amz-Target"), sl_of(c->target));
	put_header(d, SL("X-Amz-Date"), date);
	if (k->token)
		put_header(d, SL("X-Amz-Security-Token"), sl_of(k->token));
	if (hash.n)
		put_header(d, SL("X-Amz-Content-Sha256"), hash);
	for (size_t i = 0; i < c->n_headers; i++)
		put_header(d, c->headers[i].name, c->headers[i].value);
}

/* A body that was cut goes on where it stopped, if the object is still the same. */
static void put_resume(struct draft *d, const struct flight *f, struct str *range)
{
	if (!f->call.resume || f->delivered == 0)
		return;
	str_addf(range, "bytes=%llu-", (unsigned long long)f->delivered);
	put_header(d, SL("Range"), str_sl(range));
	if (f->etag.n)
		put_header(d, SL("If-Match"), str_sl(&f->etag));
}

/* Where the call goes, and the signer ready for that; NULL: f->error. */
static const struct aws_keys *scope(
	struct flight *f, struct aws_endpoint *to, const char **region, const char date[16])
{
	struct aws *a = f->a;
	const struct aws_keys *k = NULL;

	if (!aws_config_endpoint(a->config, f->call.service, to, &f->error))
		return NULL;
	*region = request_region(a, &f->call, &f->error);
	if (*region)
		k = creds_get(a->creds, &f->error);
	if (k) {
		const struct sigv4_keys keys = {
			sl_of(k->id), sl_of(k->secret), sl_of(k->token ? k->token : "")};

		sigv4_scope(a->signer, &keys, date, sl_of(*region), sl_of(to->signing));
	}
	return k;
}

static struct sigv4_request to_sign(
	const struct draft *d, const struct aws_call *c, struct sl path, struct sl hash)
{
	bool s3 = c->service == AWS_S3;

	return (struct sigv4_request){
		sl_of(c->method), path, c->query, d->signed_, d->n, hash, !s3, !s3};
}

static bool build_whole(struct flight *f, int64_t now)
{
	struct aws *a = f->a;
	const struct aws_call *c = &f->call;
	struct draft d = {.head = &f->head};
	AUTO_STR path = {0}, range = {0};
	struct sigv4_request r;
	struct aws_endpoint to;
	const struct aws_keys *k;
	const char *region;
	char date[16], hash[CRYPTO_HEX_LEN];
	struct sl sum = {hash, sizeof hash};

	sigv4_date(date, now);
	k = scope(f, &to, &region, date);
	if (!k)
		return false;
	request_forget(a); /* the signer's scope is another now */
	f->http.scheme = to.scheme;
	place(f, &to, region, &path);
	f->http.host = str_z(&f->host);
	crypto_sha256_hex(c->body, hash);
	draft_head(&d, f, str_sl(&path), (struct sl){date, sizeof date}, k,
		c->service == AWS_S3 ? sum : SL(""));
	put_resume(&d, f, &range);
	r = to_sign(&d, c, str_sl(&path), sum);
	str_add(&f->head, SL("Authorization: "));
	sigv4_sign(a->signer, &r, &f->head);
	put_length(c, &f->head);
	return true;
}

/* ---- many of one kind ---------------------------------------------------------------------- */

static bool is_prepared(const struct quick *q, const struct aws_call *c, int64_t second)
{
	return q->second == second && q->service == c->service &&
	       sl_eq_str(str_sl(&q->method), c->method) &&
	       sl_eq_str(str_sl(&q->target), c->target ? c->target : "") &&
	       sl_eq(str_sl(&q->path), c->path) && sl_eq(str_sl(&q->query), c->query) &&
	       sl_eq(str_sl(&q->content_type), c->content_type);
}

static bool prepare(struct flight *f, int64_t now, int64_t second)
{
	struct aws *a = f->a;
	struct quick *q = &a->quick;
	const struct aws_call *c = &f->call;
	struct draft d = {.head = &q->prefix};
	struct sigv4_request r;
	struct aws_endpoint to;
	AUTO_STR path = {0};
	const struct aws_keys *k;
	const char *region;
	char date[16];

	request_forget(a);
	sigv4_date(date, now);
	k = scope(f, &to, &region, date);
	if (!k)
		return false;
	place(f, &to, region, &path);
	draft_head(&d, f, str_sl(&path), (struct sl){date, sizeof date}, k, SL(""));
	r = to_sign(&d, c, str_sl(&path), SL(""));
	sigv4_prepare(a->signer, &r, q->sign);
	str_add(&q->prefix, SL("Authorization: "));
	q->service = c->service;
	q->scheme = to.scheme;
	str_set(&q->method, sl_of(c->method));
	str_set(&q->target, sl_of(c->target ? c->target : ""));
	str_set(&q->path, c->path);
	str_set(&q->query, c->query);
	str_set(&q->content_type, c->content_type);
	str_set(&q->host, str_sl(&f->host));
	q->second = second;
	return true;
}

static bool build_quick(struct flight *f, int64_t now)
{
	struct quick *q = &f->a->quick;
	int64_t second = clock_floor(now, CLOCK_US_PER_SEC);
	char hash[CRYPTO_HEX_LEN];

	if (!is_prepared(q, &f->call, second) && !prepare(f, now, second))
		return false;
	str_set(&f->host, str_sl(&q->host));
	f->http.scheme = q->scheme;
	f->http.host = str_z(&f->host);
	crypto_sha256_hex(f->call.body, hash);
	str_set(&f->head, str_sl(&q->prefix));
	sigv4_sign_body(f->a->signer, q->sign, (struct sl){hash, sizeof hash}, &f->head);
	put_length(&f->call, &f->head);
	return true;
}

bool request_build(struct flight *f)
{
	int64_t now = f->signed_at = clock_now() + f->a->clock_offset;

	return f->call.service != AWS_S3 && f->call.n_headers == 0 ? build_quick(f, now)
								   : build_whole(f, now);
}
