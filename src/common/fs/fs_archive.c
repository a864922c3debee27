#include "fs/fs_archive.h"

#include "aws/s3.h"
#include "stream/wr.h"
#include "stream/z.h"

#define PART ((size_t)4 << 20) /* bytes of text in an object, before compression */

struct fs_archive {
	struct aws *aws;
	struct wr *wr;
	struct sl bucket;
	struct str stem; /* of the keys */
	unsigned parts;
};

/* Parts of an earlier run that had more of them would pass for parts of this one. */
static bool refuse_part(void *ctx, const struct s3_object *o UNUSED)
{
	const char *const *uri = ctx;

	die_hint(EX_CANTCREATE, "choose another prefix, or remove them first",
		"parts of an earlier run are there already: %s", *uri);
}

struct fs_archive *fs_archive_new(
	const struct aws_opts *opts, const char *uri, const struct sl *names, size_t n)
{
	struct fs_archive *x = mem_zalloc(sizeof *x);
	struct aws_error e;
	struct sl prefix;

	if (!s3_parse(sl_of(uri), &x->bucket, &prefix))
		opt_usage("--s3-output: not like s3://BUCKET/PREFIX: %s", msg_q(sl_of(uri)));
	x->aws = aws_need(opts);
	str_add(&x->stem, prefix);
	str_addz(&x->stem, prefix.n && prefix.p[prefix.n - 1] != '/' ? "/part-" : "part-");
	if (!s3_list(x->aws, x->bucket, str_sl(&x->stem), refuse_part, &uri, &e)) {
		if (e.class != AWS_FORBIDDEN && e.class != AWS_NOT_FOUND)
			aws_die(&e, "cannot store the records");
		if (e.class == AWS_FORBIDDEN)
			msg_warn("whether parts of an earlier run are there is not known: %s",
				aws_error_text(&e));
	}
	x->wr = wr_to_memory(FMT_NDJSON, names, n);
	return x;
}

static void compress(struct sl text, struct str *out)
{
	struct z_deflate *z = z_deflate_new(Z_GZIP, 6);
	char buf[65536];
	size_t n;

	while ((n = z_deflate_some(z, &text, buf, sizeof buf, Z_END)) > 0)
		str_add(out, (struct sl){ buf, n });
	z_deflate_free(z);
}

static void put_part(struct fs_archive *x)
{
	AUTO_STR key = { 0 }, body = { 0 };
	struct aws_error e;

	str_addf(&key, "%s%05u.ndjson.gz", x->stem.p, ++x->parts);
	compress(wr_waiting(x->wr), &body);
	if (!s3_put(x->aws, x->bucket, str_sl(&key), str_sl(&body), SL("application/gzip"), &e))
		aws_die(&e, "cannot store the records");
	wr_forget(x->wr);
}

void fs_archive_row(struct fs_archive *x, const struct field *f, size_t n)
{
	wr_row(x->wr, f, n);
	if (wr_waiting(x->wr).n >= PART)
		put_part(x);
}

unsigned fs_archive_end(struct fs_archive *x)
{
	unsigned parts;

	if (wr_waiting(x->wr).n > 0)
		put_part(x);
	parts = x->parts;
	wr_close(x->wr);
	str_free(&x->stem);
	aws_close(x->aws);
	mem_free(x);
	return parts;
}
