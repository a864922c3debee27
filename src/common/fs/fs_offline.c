#include "fs/fs_offline.h"

#include "aws/athena.h"

struct fs_place fs_offline_place(struct fs_group *g)
{
	struct fs_place p = { SL(""), SL("") };
	AUTO_STR prefix = { 0 };
	struct sl key;

	if (!g->offline)
		die(EX_REFUSED, "feature group %s has no offline store", msg_q(g->name));
	if (!s3_parse(g->resolved_uri, &p.bucket, &key) || !key.n)
		die(EX_REFUSED, "feature group %s does not say where its offline data are",
			msg_q(g->name));
	while (key.n && key.p[key.n - 1] == '/')
		key.n--;
	/* …/offline-store/NAME-EPOCH/data: anything shorter is not one group's alone */
	if (key.n < 5 || memcmp(key.p + key.n - 5, "/data", 5) != 0)
		die(EX_REFUSED,
			"feature group %s: the location of its data is not of the known form: %s",
			msg_q(g->name), msg_q(g->resolved_uri));
	str_add(&prefix, key);
	str_addc(&prefix, '/');
	p.prefix = arena_dup(&g->arena, str_sl(&prefix));
	return p;
}

void fs_result_location(struct aws *a, const struct fs_group *g, const char *asked,
	struct sl workgroup, struct str *uri)
{
	struct sl bucket, key;
	struct aws_error e;
	bool enforced = false;

	if (asked)
		str_addz(uri, asked);
	else if (!athena_workgroup_output(a, workgroup, uri, &enforced, &e)) {
		if (aws_error_is_temporary(&e) || e.class == AWS_PROTOCOL)
			aws_die(&e, "cannot ask for the workgroup");
		return;
	}
	if (!uri->n && s3_parse(g->resolved_uri, &bucket, &key))
		str_addf(uri, "s3://%.*s/ferry-athena-results/", (int)bucket.n, bucket.p);
	if (uri->n && uri->p[uri->n - 1] != '/')
		str_addc(uri, '/');
}

void fs_size_add(struct fs_size *size, const struct s3_object *o, double usd)
{
	size->objects++;
	size->bytes += o->size;
	size->usd += usd;
	if (o->modified > size->newest)
		size->newest = o->modified;
}

static bool measure(void *ctx, const struct s3_object *o)
{
	fs_size_add(ctx, o, 0);
	return true;
}

bool fs_offline_size(struct aws *a, struct fs_place at, struct fs_size *size, struct aws_error *e)
{
	*size = (struct fs_size)FS_NO_SIZE;
	/* a bucket that is not there yet has nothing in it */
	return s3_list(a, at.bucket, at.prefix, measure, size, e) || e->class == AWS_NOT_FOUND;
}

/* Keys are kept as offsets into one text: a listing may not call S3 itself. */
struct keys {
	struct str text;
	size_t *end;
	size_t n, cap;
};

static bool keep_key(void *ctx, const struct s3_object *o)
{
	struct keys *k = ctx;

	str_add(&k->text, o->key);
	MEM_PUSH(k->end, k->n, k->cap, k->text.n);
	return true;
}

static bool take_piece(void *ctx, struct sl piece)
{
	str_add(ctx, piece);
	return true;
}

/* Within S3; through this program where the store cannot do that (some that only resemble S3). */
static bool copy_object(struct aws *a, struct fs_place from, struct sl source, struct fs_place to,
	struct sl key, struct aws_error *e)
{
	AUTO_STR body = { 0 };
	bool ok = s3_copy(a, from.bucket, source, to.bucket, key, e);

	if (!ok && e->status == 501)
		ok = s3_get(a, from.bucket, source, take_piece, &body, NULL, e) &&
		     s3_put(a, to.bucket, key, str_sl(&body), SL(""), e);
	return ok;
}

bool fs_offline_copy(
	struct aws *a, struct fs_place from, struct fs_place to, uint64_t *n, struct aws_error *e)
{
	struct keys k = { 0 };
	AUTO_STR key = { 0 };
	bool ok = s3_list(a, from.bucket, from.prefix, keep_key, &k, e);
	size_t start = 0;

	*n = 0;
	for (size_t i = 0; ok && i < k.n; i++) {
		struct sl source = { k.text.p + start, k.end[i] - start };

		start = k.end[i];
		str_set(&key, to.prefix);
		str_add(&key, (struct sl){ source.p + from.prefix.n, source.n - from.prefix.n });
		ok = copy_object(a, from, source, to, str_sl(&key), e);
		*n += ok;
	}
	str_free(&k.text);
	mem_free(k.end);
	return ok;
}
