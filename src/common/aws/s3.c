#include "aws/s3.h"

#include "aws/crypto.h"
#include "aws/uri.h"
#include "aws/xml.h"
#include "core/clock.h"
#include "core/hash.h"
#include "stream/z.h"

#define DELETE_MAX 1000 /* keys in one DeleteObjects */

bool s3_parse(struct sl uri, struct sl *bucket, struct sl *key)
{
	const char *slash;

	if (uri.n < 6 || strncasecmp(uri.p, "s3://", 5) != 0)
		return false;
	sl_skip(&uri, 5);
	slash = memchr(uri.p, '/', uri.n);
	*bucket = (struct sl){uri.p, slash ? (size_t)(slash - uri.p) : uri.n};
	*key = slash ? (struct sl){slash + 1, (size_t)(uri.p + uri.n - slash - 1)} : SL("");
	return bucket->n > 0;
}

static struct aws_call s3_call(
	const char *operation, const char *method, struct sl bucket, struct sl path)
{
	return (struct aws_call){.service = AWS_S3,
		.operation = operation,
		.method = method,
		.bucket = bucket,
		.path = path,
		.repeatable = true};
}

/* Sends *c for the object of that key. */
static bool do_object(struct aws *a, struct aws_call *c, struct sl key, struct aws_reply *r,
	struct aws_error *e)
{
	AUTO_STR path = {0};

	str_addc(&path, '/');
	uri_encode(&path, key, true);
	c->path = str_sl(&path);
	return aws_do(a, c, r, e);
}

static void add_header(struct aws_call *c, struct sl name, struct sl value)
{
	c->headers[c->n_headers++] = (struct aws_header){name, value};
}

/* ---- reading ------------------------------------------------------------------------------- */

void s3_get_call(struct aws_call *c, struct str *path, struct sl bucket, struct sl key,
	aws_sink_fn *sink, void *sink_ctx)
{
	str_clear(path);
	str_addc(path, '/');
	uri_encode(path, key, true);
	*c = s3_call("GetObject", "GET", bucket, str_sl(path));
	c->sink = sink;
	c->sink_ctx = sink_ctx;
	c->resume = true;
}

bool s3_get(struct aws *a, struct sl bucket, struct sl key, aws_sink_fn *sink, void *ctx,
	uint64_t *size, struct aws_error *e)
{
	AUTO_STR path = {0};
	struct aws_reply r;
	struct aws_call c;
	bool good;

	s3_get_call(&c, &path, bucket, key, sink, ctx);
	good = aws_do(a, &c, &r, e);
	if (good && size)
		*size = r.body_size;
	return good;
}

/* Last-Modified of a header and of a listing differ in form. */
static int64_t modified(struct sl iso)
{
	int64_t t;

	return clock_parse(iso, &t) ? t : INT64_MIN;
}

bool s3_head(
	struct aws *a, struct sl bucket, struct sl key, struct s3_object *o, struct aws_error *e)
{
	struct aws_call c = s3_call("HeadObject", "HEAD", bucket, SL(""));
	struct aws_reply r;

	if (!do_object(a, &c, key, &r, e))
		return false;
	*o = (struct s3_object){SL(""), r.content_length == UINT64_MAX ? 0 : r.content_length,
		r.etag, INT64_MIN, SL("")};
	return true;
}

/* ---- writing ------------------------------------------------------------------------------- */

bool s3_put(struct aws *a, struct sl bucket, struct sl key, struct sl body, struct sl content_type,
	struct aws_error *e)
{
	struct aws_call c = s3_call("PutObject", "PUT", bucket, SL(""));
	struct aws_reply r;

	c.body = body;
	c.content_type = content_type;
	return do_object(a, &c, key, &r, e);
}

bool s3_copy(struct aws *a, struct sl from_bucket, struct sl from_key, struct sl bucket,
	struct sl key, struct aws_error *e)
{
	struct aws_call c = s3_call("CopyObject", "PUT", bucket, SL(""));
	AUTO_STR from = {0};
	struct aws_reply r;

	str_add(&from, from_bucket);
	str_addc(&from, '/');
	uri_encode(&from, from_key, true);
	add_header(&c, SL("x-amz-copy-source"), str_sl(&from));
	return do_object(a, &c, key, &r, e);
}

/* ---- listing ------------------------------------------------------------------------------- */

struct page {
	struct str query, token, key;
	struct arena mem; /* of doc */
	const struct xml *doc;
	bool more;
};

static bool get_page(
	struct aws *a, struct sl bucket, struct sl prefix, struct page *p, struct aws_error *e)
{
	struct aws_call c = s3_call("ListObjectsV2", "GET", bucket, SL("/"));
	struct aws_reply r;

	str_clear(&p->query);
	uri_query(&p->query, SL("list-type"), SL("2"));
	uri_query(&p->query, SL("encoding-type"), SL("url"));
	if (prefix.n)
		uri_query(&p->query, SL("prefix"), prefix);
	if (p->token.n)
		uri_query(&p->query, SL("continuation-token"), str_sl(&p->token));
	c.query = str_sl(&p->query);
	if (!aws_do(a, &c, &r, e))
		return false;
	arena_reset(&p->mem);
	p->doc = xml_parse(r.body, &p->mem);
	return true;
}

/* False when it is not a page of this listing; *go_on is false when `each` ended that. Whoever
 * lists an object may delete it, so one of another prefix is never handed on. */
static bool walk_page(struct page *p, struct sl prefix, s3_object_fn *each, void *ctx, bool *go_on,
	struct aws_error *e)
{
	const struct xml *doc = p->doc, *one = xml_find(doc, "Contents");
	struct sl token = xml_text(doc, "NextContinuationToken");
	struct sl more = xml_text(doc, "IsTruncated");

	for (; one && *go_on; one = xml_next(one)) {
		struct s3_object o = {.size = 0};

		str_clear(&p->key);
		uri_decode(&p->key, xml_text(one, "Key"), true);
		o.key = str_sl(&p->key);
		if (o.key.n < prefix.n || memcmp(o.key.p, prefix.p, prefix.n) != 0)
			return aws_error_bad(
				e, "ListObjectsV2", "it names an object that is elsewhere");
		if (!num_u64(xml_text(one, "Size"), &o.size))
			o.size = 0;
		o.etag = xml_text(one, "ETag");
		o.modified = modified(xml_text(one, "LastModified"));
		o.class = xml_text(one, "StorageClass");
		*go_on = each(ctx, &o);
	}
	p->more = sl_eq_str(more, "true");
	if (!p->more && !sl_eq_str(more, "false"))
		return aws_error_bad(e, "ListObjectsV2", "it does not say whether it is the last");
	if (*go_on && p->more && token.n == 0)
		return aws_error_bad(e, "ListObjectsV2", "cut, but without a token to go on");
	if (*go_on && p->more && sl_eq(token, str_sl(&p->token)))
		return aws_error_bad(e, "ListObjectsV2", "behind a page is the same page");
	str_set(&p->token, token);
	return true;
}

bool s3_list(struct aws *a, struct sl bucket, struct sl prefix, s3_object_fn *each, void *ctx,
	struct aws_error *e)
{
	struct page p = {.more = true};
	bool good = true, go_on = true;

	while (good && go_on && p.more)
		good = get_page(a, bucket, prefix, &p, e) &&
		       walk_page(&p, prefix, each, ctx, &go_on, e);
	str_free(&p.query);
	str_free(&p.token);
	str_free(&p.key);
	arena_free(&p.mem);
	return good;
}

/* ---- deleting ------------------------------------------------------------------------------ */

bool s3_delete(struct aws *a, struct sl bucket, struct sl key, struct aws_error *e)
{
	struct aws_call c = s3_call("DeleteObject", "DELETE", bucket, SL(""));
	struct aws_reply r;

	return do_object(a, &c, key, &r, e);
}

static void put_xml(struct str *s, struct sl text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20 || c == '&' || c == '<' || c == '>' || c == '"' || c == 0x7f)
			str_addf(s, "&#%u;", c);
		else
			str_addc(s, (char)c);
	}
}

static void delete_body(struct str *body, const struct sl *keys, size_t n)
{
	str_clear(body);
	str_addz(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (size_t i = 0; i < n; i++) {
		str_add(body, SL("<Object><Key>"));
		put_xml(body, keys[i]);
		str_add(body, SL("</Key></Object>"));
	}
	str_addz(body, "<Quiet>true</Quiet></Delete>");
}

struct doomed {
	struct arena mem;
	struct sl *keys;
	size_t n, cap;
	struct aws *a;
	struct sl bucket;
	size_t prefix;
	const struct names *only;
	uint64_t deleted;
	struct aws_error *e;
	bool good;
};

/* Missing keys count as deleted; what the answer names was not. */
static size_t read_failures(struct sl body, struct aws_error *e)
{
	AUTO_ARENA mem = {0};
	const struct xml *one = xml_find(xml_parse(body, &mem), "Error");
	size_t n = 0;

	for (; one; one = xml_next(one)) {
		struct sl code = xml_text(one, "Code"), why = xml_text(one, "Message");

		if (n++)
			continue;
		*e = (struct aws_error){.operation = "DeleteObjects"};
		aws_error_set(e, aws_classify(200, code), "", "%s: %.*s",
			msg_q(xml_text(one, "Key")), (int)why.n, why.p);
		snprintf(e->code, sizeof e->code, "%.*s", (int)code.n, code.p);
	}
	return n;
}

/* One DeleteObjects; S3 demands a checksum of its body. */
static void delete_collected(struct doomed *d)
{
	struct aws_call c = s3_call("DeleteObjects", "POST", d->bucket, SL("/"));
	AUTO_STR body = {0};
	struct aws_reply r;
	char sum[8];
	uint32_t crc;
	uint8_t b[4];

	if (d->n == 0)
		return;
	delete_body(&body, d->keys, d->n);
	crc = z_crc32(0, body.p, body.n);
	for (int k = 0; k < 4; k++)
		b[k] = (uint8_t)(crc >> (24 - 8 * k));
	add_header(&c, SL("x-amz-sdk-checksum-algorithm"), SL("CRC32"));
	add_header(
		&c, SL("x-amz-checksum-crc32"), (struct sl){sum, crypto_base64(sum, b, sizeof b)});
	c.query = SL("delete=");
	c.content_type = SL("application/xml");
	c.body = str_sl(&body);
	d->good = aws_do(d->a, &c, &r, d->e);
	if (d->good) {
		size_t failed = read_failures(r.body, d->e);

		d->deleted += d->n - failed;
		d->good = failed == 0;
	}
	d->n = 0;
	arena_reset(&d->mem);
}

static bool collect(void *ctx, const struct s3_object *o)
{
	struct doomed *d = ctx;
	struct sl name = {o->key.p + d->prefix, o->key.n - d->prefix};

	if (d->only && names_find(d->only, name) == NAMES_NONE)
		return true;
	MEM_PUSH(d->keys, d->n, d->cap, arena_dup(&d->mem, o->key));
	if (d->n == DELETE_MAX)
		delete_collected(d);
	return d->good;
}

bool s3_delete_prefix(struct aws *a, struct sl bucket, struct sl prefix, const struct names *only,
	uint64_t *n, struct aws_error *e)
{
	struct doomed d = {.a = a,
		.bucket = bucket,
		.prefix = prefix.n,
		.only = only,
		.e = e,
		.good = true};
	bool listed;

	if (prefix.n == 0)
		bug("a whole bucket was to be deleted");
	listed = s3_list(a, bucket, prefix, collect, &d, e);
	if (listed && d.good)
		delete_collected(&d);
	*n = d.deleted;
	mem_free(d.keys);
	arena_free(&d.mem);
	return listed && d.good;
}
