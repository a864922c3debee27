/* S3: uploads in parts. */
#include "s3.h"

#include "core/msg.h"
#include "core/num.h"
#include "crypt.h"

#include <unistd.h>

#define MAX_PARTS 10000
#define MIN_PART (5U << 20)

struct part {
	uint64_t file, size;
	char etag[33];
	unsigned char md5[16];
};

struct upload {
	struct upload *next;
	char id[65];
	struct sl bucket, key;
	struct fields meta;
	struct part *parts; /* by number, 1…; file 0: not there */
	size_t n, cap;
	struct arena mem;
};

static struct upload *uploads;

static void upload_free(struct upload *u)
{
	for (struct upload **at = &uploads; *at; at = &(*at)->next)
		if (*at == u) {
			*at = u->next;
			break;
		}
	for (size_t i = 0; i < u->n; i++)
		if (u->parts[i].file)
			s3_store_drop_file(u->parts[i].file);
	mem_free(u->parts);
	mem_free(u->meta.v);
	arena_free(&u->mem);
	mem_free(u);
}

void s3_create_upload(struct exchange *x)
{
	struct s3_bucket *b = s3_bucket(x, true);
	struct upload *u;
	struct sl bucket, key;

	if (!b)
		return;
	s3_names(x, &bucket, &key);
	u = mem_zalloc(sizeof *u);
	crypt_random_name(u->id, sizeof u->id - 1);
	u->bucket = arena_dup(&u->mem, b->name);
	u->key = arena_dup(&u->mem, key);
	for (size_t i = 0; i < x->headers.n; i++)
		if (sl_eq(x->headers.v[i].name, SL("content-type")))
			fields_add(&u->meta, SL("content-type"),
				arena_dup(&u->mem, x->headers.v[i].value));
	u->next = uploads;
	uploads = u;
	s3_begin(x, "InitiateMultipartUploadResult");
	put_element(&x->out, "Bucket", bucket);
	put_element(&x->out, "Key", key);
	put_element(&x->out, "UploadId", sl_of(u->id));
	str_addz(&x->out, "</InitiateMultipartUploadResult>");
}

static struct upload *find_upload(struct exchange *x)
{
	struct sl id = exchange_param(x, "uploadId"), bucket, key;

	s3_names(x, &bucket, &key);
	for (struct upload *u = uploads; u; u = u->next)
		if (sl_eq_str(id, u->id) && sl_eq(u->key, key) && sl_eq(u->bucket, bucket))
			return u;
	(void)exchange_fail(x, 404, "NoSuchUpload",
		"The specified upload does not exist. The upload ID may be invalid, or the upload "
		"may "
		"have been aborted or completed.");
	return NULL;
}

static void write_all(int fd, struct sl data)
{
	while (data.n) {
		ssize_t put = write(fd, data.p, data.n);

		if (put < 0)
			die_errno(EX_IO, "cannot write an object");
		data.p += put;
		data.n -= (size_t)put;
	}
}

void s3_upload_part(struct exchange *x)
{
	struct upload *u = s3_check_integrity(x, false) ? find_upload(x) : NULL;
	uint64_t number = 0;
	struct str etag = { 0 };
	struct part *p;
	int fd;

	if (!u)
		return;
	if (!num_u64(exchange_param(x, "partNumber"), &number) || number < 1 ||
		number > MAX_PARTS) {
		(void)exchange_fail(x, 400, "InvalidArgument",
			"Part number must be an integer between 1 and 10000, inclusive");
		return;
	}
	mem_grow(&u->parts, &u->cap, number, sizeof *u->parts);
	while (u->n < number)
		u->parts[u->n++] = (struct part){ 0 };
	p = &u->parts[number - 1];
	if (p->file)
		s3_store_drop_file(p->file);
	p->file = s3_store_file(&fd);
	p->size = x->body.n;
	write_all(fd, str_sl(&x->body));
	(void)close(fd);
	(void)crypt_digest("MD5", p->md5, str_sl(&x->body));
	crypt_add_hex(&etag, p->md5, sizeof p->md5);
	(void)snprintf(p->etag, sizeof p->etag, "%s", str_z(&etag));
	exchange_add_headerf(x, "ETag", "\"%s\"", p->etag);
	str_free(&etag);
}

/* The part an element names; NULL after a refusal. */
static struct part *named_part(
	struct exchange *x, struct upload *u, const struct xml *e, uint64_t *last)
{
	struct sl etag = xml_text(e, "ETag");
	uint64_t number = 0;

	if (!num_u64(xml_text(e, "PartNumber"), &number) || number <= *last) {
		(void)exchange_fail(x, 400, "InvalidPartOrder",
			"The list of parts was not in ascending order. The parts list must be "
			"specified in "
			"order by part number.");
		return NULL;
	}
	*last = number;
	if (etag.n > 2 && etag.p[0] == '"')
		etag = (struct sl){ etag.p + 1, etag.n - 2 };
	if (number <= u->n && u->parts[number - 1].file &&
		sl_eq_str(etag, u->parts[number - 1].etag))
		return &u->parts[number - 1];
	(void)exchange_fail(x, 400, "InvalidPart",
		"One or more of the specified parts could not be found.  The part may not have "
		"been "
		"uploaded, or the specified entity tag may not match the part's entity tag.");
	return NULL;
}

static void append_part(int to, const struct part *p)
{
	char buf[65536];
	ssize_t got;
	int from = s3_store_open(p->file);

	while ((got = read(from, buf, sizeof buf)) > 0)
		write_all(to, (struct sl){ buf, (size_t)got });
	(void)close(from);
}

/* The parts a request names, all of which must be there; NULL after a refusal. */
static struct part **named_parts(
	struct exchange *x, struct upload *u, const struct xml *root, size_t *n)
{
	struct part **v = arena_alloc(&x->mem, mem_mul(MAX_PARTS, sizeof(struct part *)));
	uint64_t last = 0;

	*n = 0;
	for (const struct xml *e = root->child; e; e = e->next) {
		if (!sl_eq(e->name, SL("Part")) || *n == MAX_PARTS)
			continue;
		v[*n] = named_part(x, u, e, &last);
		if (!v[(*n)++])
			return NULL;
	}
	for (size_t i = 0; i + 1 < *n; i++)
		if (v[i]->size < MIN_PART) {
			(void)exchange_fail(x, 400, "EntityTooSmall",
				"Your proposed upload is smaller than the minimum allowed size");
			return NULL;
		}
	if (*n)
		return v;
	(void)exchange_fail(x, 400, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our "
		"published schema");
	return NULL;
}

/* Joins parts in a new file; its entity tag is the digest of their digests. */
static uint64_t join(struct part **v, size_t n, char *etag, size_t cap)
{
	unsigned char digest[64];
	struct str all = { 0 }, hex = { 0 };
	int fd;
	uint64_t file = s3_store_file(&fd);

	for (size_t i = 0; i < n; i++) {
		append_part(fd, v[i]);
		str_add(&all, (struct sl){ (char *)v[i]->md5, sizeof v[i]->md5 });
	}
	(void)close(fd);
	crypt_add_hex(&hex, digest, crypt_digest("MD5", digest, str_sl(&all)));
	(void)snprintf(etag, cap, "%s-%zu", str_z(&hex), n);
	str_free(&all);
	str_free(&hex);
	return file;
}

void s3_complete_upload(struct exchange *x)
{
	struct upload *u = find_upload(x);
	const struct xml *root = u ? xml_parse(&x->mem, str_sl(&x->body)) : NULL;
	struct part **parts;
	struct s3_object *o;
	char etag[48];
	uint64_t file;
	size_t n;

	if (!u)
		return;
	if (!root) {
		(void)exchange_fail(x, 400, "MalformedXML",
			"The XML you provided was not well-formed or did not validate "
			"against our published schema");
		return;
	}
	parts = named_parts(x, u, root, &n);
	if (!parts)
		return;
	file = join(parts, n, etag, sizeof etag);
	o = s3_store_put_file(s3_bucket_get(u->bucket, x->account, x->region), u->key, file, etag);
	for (size_t i = 0; i < u->meta.n; i++)
		fields_add(&o->meta, SL("content-type"), arena_dup(&o->mem, u->meta.v[i].value));
	s3_begin(x, "CompleteMultipartUploadResult");
	put_element(&x->out, "Bucket", u->bucket);
	put_element(&x->out, "Key", u->key);
	s3_put_etag(&x->out, etag);
	str_addz(&x->out, "</CompleteMultipartUploadResult>");
	upload_free(u);
}

void s3_abort_upload(struct exchange *x)
{
	struct upload *u = find_upload(x);

	if (!u)
		return;
	upload_free(u);
	x->status = 204;
}

void s3_list_parts(struct exchange *x)
{
	struct upload *u = find_upload(x);

	if (!u)
		return;
	s3_begin(x, "ListPartsResult");
	put_element(&x->out, "Bucket", u->bucket);
	put_element(&x->out, "Key", u->key);
	put_element(&x->out, "UploadId", sl_of(u->id));
	str_addz(&x->out, "<IsTruncated>false</IsTruncated>");
	for (size_t i = 0; i < u->n; i++) {
		if (!u->parts[i].file)
			continue;
		str_addf(&x->out, "<Part><PartNumber>%zu</PartNumber>", i + 1);
		s3_put_etag(&x->out, u->parts[i].etag);
		str_addf(&x->out, "<Size>%llu</Size></Part>", (unsigned long long)u->parts[i].size);
	}
	str_addz(&x->out, "</ListPartsResult>");
}
