/* S3, path style: buckets and single objects. */
#include "s3.h"

#include "core/clock.h"
#include "core/num.h"
#include "crypt.h"
#include "offline.h"
#include "service.h"
#include "stream/z.h"
#include "uri.h"

#include <ctype.h>

#define NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

void s3_names(struct exchange *x, struct sl *bucket, struct sl *key)
{
	struct sl rest = { x->path.p + (x->path.n > 0), x->path.n - (x->path.n > 0) };

	if (!uri_next(&rest, '/', bucket))
		*bucket = SL("");
	*bucket = uri_decode(&x->mem, *bucket, false);
	*key = rest.p ? uri_decode(&x->mem, rest, false) : SL("");
}

static bool valid_bucket_name(struct sl s)
{
	if (s.n < 3 || s.n > 63)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!islower((unsigned char)s.p[i]) && !isdigit((unsigned char)s.p[i]) &&
			s.p[i] != '-' && s.p[i] != '.')
			return false;
	return isalnum((unsigned char)s.p[0]) && isalnum((unsigned char)s.p[s.n - 1]);
}

static bool wrong_region(struct exchange *x, const struct s3_bucket *b)
{
	struct str more = { 0 };

	put_element(&more, "Region", b->region);
	x->detail = arena_dup(&x->mem, str_sl(&more));
	str_free(&more);
	exchange_add_header(x, "x-amz-bucket-region", b->region);
	return exchange_fail(x, 400, "AuthorizationHeaderMalformed",
		"The authorization header is malformed; the region '%.*s' is wrong; expecting "
		"'%.*s'",
		(int)x->region.n, x->region.p, (int)b->region.n, b->region.p);
}

struct s3_bucket *s3_bucket(struct exchange *x, bool make)
{
	struct sl name, key;
	struct s3_bucket *b;

	s3_names(x, &name, &key);
	b = s3_bucket_find(name);
	if (!b && !valid_bucket_name(name)) {
		(void)exchange_fail(
			x, 400, "InvalidBucketName", "The specified bucket is not valid.");
	} else if (!b && !make) {
		struct str more = { 0 };

		put_element(&more, "BucketName", name);
		x->detail = arena_dup(&x->mem, str_sl(&more));
		str_free(&more);
		(void)exchange_fail(x, 404, "NoSuchBucket", "The specified bucket does not exist");
	} else if (!b) {
		b = s3_bucket_get(name, x->account, x->region);
	} else if (!sl_eq(b->region, x->region)) {
		(void)wrong_region(x, b);
		b = NULL;
	} else if (!sl_eq(b->account, x->account)) {
		(void)exchange_fail(x, 403, "AccessDenied", "Access Denied");
		b = NULL;
	}
	return b;
}

void s3_begin(struct exchange *x, const char *root)
{
	str_addf(&x->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"" NAMESPACE "\">", root);
}

void s3_put_etag(struct str *s, const char *etag)
{
	str_addf(s, "<ETag>&quot;%s&quot;</ETag>", etag);
}

static bool check_digest(
	struct exchange *x, const char *header, const unsigned char *digest, size_t n)
{
	struct sl claimed = exchange_header(x, header);
	struct str computed = { 0 };
	bool same;

	crypt_add_base64(&computed, digest, n);
	same = sl_eq(claimed, str_sl(&computed));
	str_free(&computed);
	if (same)
		return true;
	if (strcmp(header, "content-md5") != 0)
		return exchange_fail(x, 400, "BadDigest",
			"The %s you specified did not match the calculated checksum.",
			strrchr(header, '-') + 1);
	return exchange_fail(x, 400, "BadDigest",
		"The Content-MD5 you specified did not match what we received.");
}

bool s3_check_integrity(struct exchange *x, bool required)
{
	static const struct {
		const char *header, *digest;
	} known[] = { { "content-md5", "MD5" }, { "x-amz-checksum-sha1", "SHA1" },
		{ "x-amz-checksum-sha256", "SHA256" } };
	unsigned char digest[64];
	bool found = exchange_header(x, "x-amz-checksum-crc32c").p ||
		     exchange_header(x, "x-amz-checksum-crc64nvme").p;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!exchange_header(x, known[i].header).p)
			continue;
		found = true;
		if (!check_digest(x, known[i].header, digest,
			    crypt_digest(known[i].digest, digest, str_sl(&x->body))))
			return false;
	}
	if (exchange_header(x, "x-amz-checksum-crc32").p) {
		uint32_t crc = z_crc32(0, str_z(&x->body), x->body.n);
		unsigned char big[4] = { (unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
			(unsigned char)(crc >> 8), (unsigned char)crc };

		found = true;
		if (!check_digest(x, "x-amz-checksum-crc32", big, sizeof big))
			return false;
	}
	if (required && !found)
		return exchange_fail(x, 400, "InvalidRequest",
			"Missing required header for this request: Content-MD5 OR "
			"x-amz-checksum-*");
	return true;
}

void s3_keep_meta(const struct exchange *x, struct s3_object *o)
{
	for (size_t i = 0; i < x->headers.n; i++) {
		const struct field *h = &x->headers.v[i];

		if (!sl_eq(h->name, SL("content-type")) &&
			!sl_eq(h->name, SL("content-encoding")) &&
			!(h->name.n > 11 && memcmp(h->name.p, "x-amz-meta-", 11) == 0))
			continue;
		fields_add(&o->meta, arena_dup(&o->mem, (struct sl){ h->name.p, h->name.n + 1 }),
			arena_dup(&o->mem, h->value));
	}
}

static void create_bucket(struct exchange *x)
{
	struct sl name, key, region;
	const struct xml *conf;
	struct s3_bucket *b;

	s3_names(x, &name, &key);
	b = s3_bucket_find(name);
	if (!b && !s3_bucket(x, true))
		return;
	conf = x->body.n ? xml_parse(&x->mem, str_sl(&x->body)) : NULL;
	region = xml_text(conf, "LocationConstraint");
	if (x->body.n && !conf) {
		(void)exchange_fail(x, 400, "MalformedXML",
			"The XML you provided was not well-formed or did not validate against our "
			"published schema");
		return;
	}
	if (b && !sl_eq(b->account, x->account)) {
		(void)exchange_fail(x, 409, "BucketAlreadyExists",
			"The requested bucket name is not available. The bucket namespace is "
			"shared by all "
			"users of the system. Please select a different name and try again.");
		return;
	}
	if (b && !sl_eq(x->region, SL("us-east-1"))) {
		(void)exchange_fail(x, 409, "BucketAlreadyOwnedByYou",
			"Your previous request to create the named bucket succeeded and you "
			"already own "
			"it.");
		return;
	}
	if (!b && region.n)
		s3_bucket_find(name)->region = arena_dup(&s3_bucket_find(name)->mem, region);
	exchange_add_header(x, "Location", exchange_printf(x, "/%.*s", (int)name.n, name.p));
}

static void delete_bucket(struct exchange *x)
{
	struct s3_bucket *b = s3_bucket(x, false);

	if (!b)
		return;
	if (s3_bucket_delete(b))
		x->status = 204;
	else
		(void)exchange_fail(
			x, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
}

static void head_bucket(struct exchange *x)
{
	struct s3_bucket *b = s3_bucket(x, false);

	if (b)
		exchange_add_header(x, "x-amz-bucket-region", b->region);
}

static void bucket_location(struct exchange *x)
{
	struct s3_bucket *b = s3_bucket(x, false);

	if (!b)
		return;
	s3_begin(x, "LocationConstraint");
	if (!sl_eq(b->region, SL("us-east-1")))
		put_xml(&x->out, b->region);
	str_addz(&x->out, "</LocationConstraint>");
}

static void put_object(struct exchange *x)
{
	struct sl bucket, key;
	struct s3_bucket *b;
	struct s3_object *o;

	s3_names(x, &bucket, &key);
	if (key.n > 1024) {
		(void)exchange_fail(x, 400, "KeyTooLongError", "Your key is too long");
		return;
	}
	b = s3_check_integrity(x, false) ? s3_bucket(x, true) : NULL;
	if (!b)
		return;
	o = s3_store_put(b, key, str_sl(&x->body));
	s3_keep_meta(x, o);
	exchange_add_headerf(x, "ETag", "\"%s\"", o->etag);
}

/* `bytes=a-b`, `bytes=a-` or `bytes=-n` within a size; false: not to be satisfied. */
static bool read_range(struct sl range, uint64_t size, uint64_t *from, uint64_t *n)
{
	struct sl rest = { range.p + 6, range.n - 6 }, first;
	uint64_t a = 0, b = size - 1;

	(void)uri_next(&rest, '-', &first);
	if (first.n == 0) { /* the last n bytes */
		if (!rest.p || !num_u64(rest, &b) || b == 0 || size == 0)
			return false;
		a = b < size ? size - b : 0;
		b = size - 1;
	} else if (!num_u64(first, &a) || a >= size || (rest.n && (!num_u64(rest, &b) || b < a))) {
		return false;
	}
	if (b >= size)
		b = size - 1;
	*from = a;
	*n = b - a + 1;
	return true;
}

static bool is_range(struct sl range)
{
	return range.n > 7 && memcmp(range.p, "bytes=", 6) == 0 && !memchr(range.p, ',', range.n) &&
	       memchr(range.p, '-', range.n);
}

static void put_object_headers(struct exchange *x, const struct s3_object *o)
{
	char date[CLOCK_TEXT_MAX];

	exchange_add_headerf(x, "ETag", "\"%s\"", o->etag);
	exchange_add_header(
		x, "Last-Modified", (struct sl){ date, put_http_date(date, o->modified) });
	exchange_add_header(x, "Accept-Ranges", SL("bytes"));
	for (size_t i = 0; i < o->meta.n; i++)
		exchange_add_header(x, o->meta.v[i].name.p, o->meta.v[i].value);
}

static bool etag_matches(struct sl header, const char *etag)
{
	if (header.n >= 2 && header.p[0] == '"') {
		header.p++;
		header.n -= 2;
	}
	return sl_eq(header, SL("*")) || sl_eq_str(header, etag);
}

static void get_object(struct exchange *x)
{
	struct sl bucket, key, range = exchange_header(x, "range"), match;
	struct s3_bucket *b;
	struct s3_object *o;

	offline_settle();
	s3_names(x, &bucket, &key);
	b = s3_bucket(x, false);
	o = b ? s3_store_find(b, key) : NULL;
	if (b && !o) {
		struct str more = { 0 };

		put_element(&more, "Key", key);
		x->detail = arena_dup(&x->mem, str_sl(&more));
		str_free(&more);
		(void)exchange_fail(x, 404, "NoSuchKey", "The specified key does not exist.");
	}
	if (!o)
		return;
	match = exchange_header(x, "if-match");
	if (match.p && !etag_matches(match, o->etag)) {
		(void)exchange_fail(x, 412, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold");
		return;
	}
	x->fd_at = 0;
	x->fd_len = o->size;
	if (is_range(range)) {
		if (!read_range(range, o->size, &x->fd_at, &x->fd_len)) {
			exchange_add_headerf(
				x, "Content-Range", "bytes */%llu", (unsigned long long)o->size);
			(void)exchange_fail(
				x, 416, "InvalidRange", "The requested range is not satisfiable");
			return;
		}
		x->status = 206;
		exchange_add_headerf(x, "Content-Range", "bytes %llu-%llu/%llu",
			(unsigned long long)x->fd_at,
			(unsigned long long)(x->fd_at + x->fd_len - 1),
			(unsigned long long)o->size);
	}
	put_object_headers(x, o);
	x->fd = s3_store_open(o->file);
}

static void delete_object(struct exchange *x)
{
	struct sl bucket, key;
	struct s3_bucket *b = s3_bucket(x, false);

	if (!b)
		return;
	offline_settle();
	s3_names(x, &bucket, &key);
	if (s3_store_delete(b, key))
		offline_object_deleted(bucket, key);
	x->status = 204;
}

const struct operation *s3_route(struct exchange *x)
{
	static const struct {
		const char *method;
		bool key;          /* is one named? */
		const char *param; /* that must be there, or NULL */
		struct operation op;
	} routes[] = {
		{ "PUT", true, "uploadId", { "UploadPart", s3_upload_part } },
		{ "POST", true, "uploads", { "CreateMultipartUpload", s3_create_upload } },
		{ "POST", true, "uploadId", { "CompleteMultipartUpload", s3_complete_upload } },
		{ "DELETE", true, "uploadId", { "AbortMultipartUpload", s3_abort_upload } },
		{ "GET", true, "uploadId", { "ListParts", s3_list_parts } },
		{ "PUT", true, NULL, { "PutObject", put_object } },
		{ "GET", true, NULL, { "GetObject", get_object } },
		{ "HEAD", true, NULL, { "HeadObject", get_object } },
		{ "DELETE", true, NULL, { "DeleteObject", delete_object } },
		{ "POST", false, "delete", { "DeleteObjects", s3_delete_objects } },
		{ "GET", false, "location", { "GetBucketLocation", bucket_location } },
		{ "GET", false, "list-type", { "ListObjectsV2", s3_list_objects } },
		{ "PUT", false, NULL, { "CreateBucket", create_bucket } },
		{ "DELETE", false, NULL, { "DeleteBucket", delete_bucket } },
		{ "HEAD", false, NULL, { "HeadBucket", head_bucket } },
	};
	/* what of a bucket or object is not kept here */
	static const char *const unknown[] = { "acl", "tagging", "versioning", "policy",
		"lifecycle", "cors", "encryption", "versions", "attributes", "retention",
		"uploads" };
	static const struct operation copy = { "CopyObject", s3_copy_object };
	static const struct operation list_buckets = { "ListBuckets", s3_list_buckets };
	struct sl bucket, key;

	s3_names(x, &bucket, &key);
	if (!bucket.n)
		return strcmp(x->method, "GET") == 0 ? &list_buckets : NULL;
	if (exchange_header(x, "x-amz-copy-source").p)
		return strcmp(x->method, "PUT") == 0 && key.n && !exchange_has_param(x, "uploadId")
			       ? &copy
			       : NULL;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (strcmp(x->method, routes[i].method) != 0 || routes[i].key != (key.n > 0))
			continue;
		if (routes[i].param && exchange_has_param(x, routes[i].param))
			return &routes[i].op;
		if (routes[i].param)
			continue;
		for (size_t j = 0; j < ARRAY_LEN(unknown); j++)
			if (exchange_has_param(x, unknown[j]))
				return NULL;
		return &routes[i].op;
	}
	return NULL;
}
