/* CopyObject. Objects of more than 5 GiB would need UploadPartCopy, which is not here. */
#include "s3.h"

#include "core/clock.h"
#include "core/msg.h"
#include "offline.h"
#include "uri.h"

#include <unistd.h>

/* `x-amz-copy-source: /bucket/key`, encoded, the first slash optional; NULL after a refusal. */
static struct s3_object *find_source(struct exchange *x, struct sl source)
{
	struct sl bucket, key, rest = source;
	struct s3_bucket *b;
	struct s3_object *o;

	if (rest.n && rest.p[0] == '/')
		rest = (struct sl){ rest.p + 1, rest.n - 1 };
	if (memchr(rest.p, '?', rest.n)) {
		(void)exchange_fail(x, 501, "NotImplemented",
			"A header you provided implies functionality that is not implemented");
		return NULL;
	}
	if (!uri_next(&rest, '/', &bucket) || !rest.p || !rest.n) {
		(void)exchange_fail(x, 400, "InvalidArgument",
			"Copy Source must mention the source bucket and key: "
			"sourcebucket/sourcekey");
		return NULL;
	}
	bucket = uri_decode(&x->mem, bucket, false);
	key = uri_decode(&x->mem, rest, false);
	b = s3_bucket_find(bucket);
	if (!b)
		(void)exchange_fail(
			x, 404, "NoSuchBucket", "The specified bucket does not exist");
	else if (!sl_eq(b->account, x->account))
		(void)exchange_fail(x, 403, "AccessDenied", "Access Denied");
	if (!b || x->error)
		return NULL;
	o = s3_store_find(b, key);
	if (!o)
		(void)exchange_fail(x, 404, "NoSuchKey", "The specified key does not exist.");
	return o;
}

static void read_object(const struct s3_object *o, struct str *data)
{
	char buf[65536];
	int fd = s3_store_open(o->file);
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		str_add(data, (struct sl){ buf, (size_t)n });
	if (n < 0)
		die_errno(EX_IO, "cannot read an object");
	(void)close(fd);
}

static void keep_metadata(struct exchange *x, struct s3_object *o, const struct fields *old)
{
	if (sl_eq(exchange_header(x, "x-amz-metadata-directive"), SL("REPLACE"))) {
		s3_keep_meta(x, o);
		return;
	}
	for (size_t i = 0; i < old->n; i++)
		fields_add(&o->meta,
			arena_dup(&o->mem, (struct sl){ old->v[i].name.p, old->v[i].name.n + 1 }),
			arena_dup(&o->mem, old->v[i].value));
}

void s3_copy_object(struct exchange *x)
{
	struct sl bucket, key;
	struct s3_object *source, *o;
	struct fields old = { 0 };
	struct str data = { 0 };
	char date[CLOCK_TEXT_MAX];
	struct s3_bucket *b;

	offline_settle();
	s3_names(x, &bucket, &key);
	source = find_source(x, exchange_header(x, "x-amz-copy-source"));
	b = source ? s3_bucket(x, true) : NULL;
	if (!b)
		return;
	if (s3_store_find(b, key) == source &&
		!sl_eq(exchange_header(x, "x-amz-metadata-directive"), SL("REPLACE"))) {
		(void)exchange_fail(x, 400, "InvalidRequest",
			"This copy request is illegal because it is trying to copy an object to "
			"itself without changing the object's metadata, storage class, website "
			"redirect location or encryption attributes.");
		return;
	}
	read_object(source, &data);
	for (size_t i = 0; i < source->meta.n; i++) /* the source may go with the copy */
		fields_add(&old,
			arena_dup(&x->mem, (struct sl){ source->meta.v[i].name.p,
						   source->meta.v[i].name.n + 1 }),
			arena_dup(&x->mem, source->meta.v[i].value));
	o = s3_store_put(b, key, str_sl(&data));
	keep_metadata(x, o, &old);
	s3_begin(x, "CopyObjectResult");
	put_element(&x->out, "LastModified", (struct sl){ date, put_iso(date, o->modified) });
	s3_put_etag(&x->out, o->etag);
	str_addz(&x->out, "</CopyObjectResult>");
	mem_free(old.v);
	str_free(&data);
}
