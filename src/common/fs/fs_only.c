#include "fs/fs_only.h"

#include "core/opt.h"
#include "core/path.h"
#include "core/utf8.h"
#include "fs/fs_record.h"

/* Numbers by their value: 007 is 7. */
static struct hash128 hash_of(const struct fs_only *o, struct sl value)
{
	int64_t n;

	if (o->number && num_i64(value, &n))
		value = (struct sl){(const char *)&n, sizeof n};
	return sip_hash(&o->key, value);
}

static void choose(struct fs_only *o, const struct fs_group *g, struct sl name)
{
	size_t at = fs_group_feature(g, name);

	if (at == SIZE_MAX)
		opt_usage("--only: %s has no feature %s", msg_q(g->name), msg_q(name));
	if (g->features[at].type == FS_FRACTIONAL || g->features[at].collection != FS_SCALAR)
		die(EX_DATA, "--only: the values of %s are not told by their text", msg_q(name));
	o->feature = g->features[at].name;
	o->number = g->features[at].type == FS_INTEGRAL;
}

void fs_only_check(struct fs_only *o, const char *spec, const char *shard)
{
	const char *path = spec ? strchr(spec, '=') : NULL;
	char slash = 0, more;

	if (spec && (!path || path == spec))
		opt_usage("--only: not FEATURE=FILE: %s", msg_q(sl_of(spec)));
	if (spec) {
		path_claim(PATH_READ, "--only", path + 1);
		path_check(PATH_READ, "--only", path + 1);
	}
	if (shard && (strspn(shard, "0123456789/") != strlen(shard) ||
		sscanf(shard, "%4u%c%4u%c", &o->shard, &slash, &o->shards, &more) != 3 ||
		slash != '/' || o->shard == 0 || o->shard > o->shards))
		opt_usage("--shard: not I/N, like 3/8: %s", msg_q(sl_of(shard)));
}

void fs_only_read(struct fs_only *o, const struct fs_group *g, const char *spec)
{
	const char *path = spec ? strchr(spec, '=') : NULL;
	char *line = NULL;
	size_t cap = 0, at = 0;
	ssize_t n;
	FILE *f;

	if (o->shards) {
		o->id = &g->features[g->id];
		o->feature = o->id->name;
	}
	if (!spec)
		return;
	choose(o, g, (struct sl){spec, (size_t)(path++ - spec)});
	o->key = sip_random_key();
	f = fopen(path, "re");
	if (!f)
		die_errno(EX_NOINPUT_, "cannot read %s", msg_q(sl_of(path)));
	while ((n = getline(&line, &cap, f)) > 0) {
		struct sl value = sl_trim((struct sl){line, (size_t)n}, "\r\n");

		if (at++ == 0)
			value = utf8_unmarked(value);
		if (utf8_valid_to(value.p, value.n) < value.n || memchr(value.p, 0, value.n))
			die_hint(EX_DATA, "'iconv -f CP949 -t UTF-8' makes it, or -f UTF-16",
				"%s:%zu: not UTF-8", path, at);
		if (value.n && keyset_add(&o->values, hash_of(o, value)))
			o->sum += hash64(value, 9);
	}
	if (ferror(f))
		die_errno(EX_IO, "cannot read %s", msg_q(sl_of(path)));
	if (o->values.n == 0)
		die(EX_DATA, "there is nothing in %s", msg_q(sl_of(path)));
	(void)fclose(f);
	free(line);
}

bool fs_only_has(const struct fs_only *o, struct sl value)
{
	if (o->shards)
		return hash_mix(fs_value_hash(o->id, value)) % o->shards == o->shard - 1;
	return !o->feature.n || keyset_has(&o->values, hash_of(o, value));
}

void fs_only_free(struct fs_only *o)
{
	keyset_clear(&o->values);
}
